"""Whatever is in the files of a project, reading them gives sources and mistakes, and no traceback.

The documents are partly shaped like a `sources.yml` and partly anything; the texts partly YAML.
"""

import tempfile
from datetime import date, datetime
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_dlt_provider.core.registry.entries import entry_text, new_entry
from airflow_dlt_provider.core.registry.project import read_project
from airflow_dlt_provider.core.registry.schedules_file import ScheduleEntry
from airflow_dlt_provider.core.registry.sources_file import (
    AirflowOptions,
    DltNative,
    SourceEntry,
)
from airflow_dlt_provider.core.registry.unreferenced import unreferenced_warning
from airflow_dlt_provider.core.source_options import IncrementalOptions, ResourceOptions

quick = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

GOOD = new_entry("good", "my_api", "my_api")

texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", "1.0", "dlt_native", "@daily", "daily", "0 6 * * *", "99 * * * *", "a.b:c", "5m",
         "UTC", "append", "evolve", "${X", "${X}", "env:X", "conn_id:", "shop", "\n", "\ud800",
         "2026-01-01", "0 0 31 2 *", "* * * * * *", "9" * 40]
    ),
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    texts,
    st.dates(date(1, 1, 1), date(9999, 12, 31)),
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(texts | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def shaped(model, **known):
    """Mappings with keys of *model*, most of them with values that are none."""
    fields = {name: known.get(name, anything) for name in model.model_fields}
    return st.fixed_dictionaries({}, optional={**fields, "unknwon": anything}) | anything


resource_options = shaped(ResourceOptions, incremental=shaped(IncrementalOptions))
airflow = shaped(
    AirflowOptions, resource_options=st.dictionaries(texts, resource_options, max_size=2)
)
names = st.one_of(st.just("shop"), st.just("Shop"), texts, scalars)
entries = shaped(
    SourceEntry, name=names, type=st.just("dlt_native") | texts, dlt_native=shaped(DltNative),
    airflow=airflow,
)  # fmt: skip
documents = (
    st.fixed_dictionaries(
        {"sources": st.lists(entries, max_size=3) | anything},
        optional={"version": st.just("1.0") | scalars, "more": anything},
    )
    | anything
)
schedules = (
    st.fixed_dictionaries(
        {
            "schedules": st.lists(
                shaped(ScheduleEntry, name=names, cron=texts, sources=st.lists(names, max_size=2)),
                max_size=3,
            )
            | anything
        }
    )
    | anything
)
tags = st.sampled_from(
    ["!!bool", "!!int", "!!float", "!!timestamp", "!!binary", "!!set", "!!omap", "!!pairs",
     "!!str", "!!seq", "!!map", "!!null", "!!python/name:os.system", "!own"]
)  # fmt: skip
yaml_pieces = st.lists(
    st.one_of(
        st.sampled_from(
            ["sources:", "- ", "  ", "name: shop", "type: dlt_native", "\n", ": ", "? ", "[", "]",
             "{", "}", "&a ", "*a", "<<: *a", "|\n", ">-\n", "'", '"', "# x", "---\n", "...\n",
             "\t", "%YAML 9.9\n", ", ", "2026-99-99", "0x", "1:60", "!!"]
        ),
        texts,
        tags,
    ),
    max_size=25,
).map("".join)  # fmt: skip


def read(sources: bytes, schedules: bytes = b""):
    """Read a project of these files, and look at all that it says."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "sources.yml").write_bytes(sources)
        (path / "schedules.yml").write_bytes(schedules)
        project = read_project(path)
        unreferenced_warning(project)
    for mistake in project.mistakes:
        assert str(mistake).isprintable()
        assert len(str(mistake).splitlines()) == 1
        assert mistake.line > 0
    for source in project.sources:
        # what every command and every Dag asks for
        assert source.source_kwargs is not None
        source.plan_spec()
        assert source.destination is None or source.destination_conn_id is None
    return project


def dumped(document):
    return yaml.dump(document, allow_unicode=True).encode("utf-8", errors="surrogatepass")


@quick
@given(documents, schedules)
def test_any_document_gives_sources_and_mistakes_of_one_line(document, schedule):
    read(dumped(document), dumped(schedule))


@quick
@given(yaml_pieces, yaml_pieces)
def test_any_text_gives_sources_and_mistakes_of_one_line(text, schedule):
    read(
        text.encode("utf-8", errors="surrogatepass"),
        f"schedules:\n{schedule}".encode("utf-8", errors="surrogatepass"),
    )


@quick
@given(st.binary(max_size=60))
def test_any_bytes_give_mistakes_of_one_line(content):
    read(content, content)


@quick
@given(
    st.lists(entries, max_size=3),
    st.integers(0, 3),
    st.lists(schedules, max_size=1),
)
def test_a_source_without_a_mistake_stands_whatever_is_beside_it(others, position, schedule):
    others = [item for item in others if not _is_in_the_way(item)]
    others.insert(position, GOOD)

    document = dumped({"version": "1.0", "sources": others})
    project = read(document, dumped(schedule[0]) if schedule else b"")

    if not any(not mistake.key for mistake in project.errors if mistake.file.stem == "sources"):
        assert "good" in {source.name for source in project.sources}


@quick
@given(
    st.text(max_size=20).filter(str.strip),
    st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), anything, max_size=3),
)
def test_an_entry_as_text_is_the_entry(description, kwargs):
    entry = new_entry("shop", "shop", "shop", description=description, kwargs=_json(kwargs))

    text = f"sources:\n{entry_text(entry)}"

    assert yaml.safe_load(text) == {"sources": [entry]}


def _is_in_the_way(entry):
    """Tell whether an entry takes the name or the pipeline of the good source."""
    if not isinstance(entry, dict):
        return False
    native = entry.get("dlt_native")
    pipeline = native.get("pipeline_name") if isinstance(native, dict) else None
    return "good" in (str(entry.get("name")).lower(), pipeline)


def _json(value):
    """Leave what JSON has, which is all that a command line can give."""
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    is_number = isinstance(value, int | float) and value == value and abs(value) != float("inf")
    return value if value is None or is_number else str(value)
