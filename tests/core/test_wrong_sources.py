"""Every way to write a `sources.yml` wrongly, as a file each in `wrong_sources/`.

A line `#: ...` on top of a file is a message that it must give, word for word. `{project}` stands
for the folder of the project, `{dlt}` for that of dlt. A source named `good` stands beside the
mistake wherever the file can be read at all, and must not be touched by it.
"""

import shutil
from pathlib import Path

import dlt
import pytest

from airflow_dlt_provider.core.planning.declared_mistakes import mistake_of
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.registry.mistakes import Mistake
from airflow_dlt_provider.core.registry.project import read_project

CASES = Path(__file__).parent / "wrong_sources"
EXPECTED = "#: "


def cases(folder):
    return [pytest.param(path, id=path.stem) for path in sorted((CASES / folder).glob("*.yml"))]


def expected_of(case: Path) -> list[str]:
    lines = case.read_bytes().decode("utf-8", errors="replace").splitlines()
    return [line.removeprefix(EXPECTED) for line in lines if line.startswith(EXPECTED)]


def told(mistakes) -> list[str]:
    return [f"{'warning: ' if item.level == 'warning' else ''}{item}" for item in mistakes]


def good_ones(project) -> set[str]:
    return {source.name for source in project.sources}


@pytest.fixture
def read(tmp_path):
    """Read files as those of a project: name -> file."""

    def read(**files):
        for name, case in files.items():
            shutil.copy(case, tmp_path / f"{name}.yml")
        return read_project(tmp_path)

    return read


@pytest.mark.parametrize("case", cases("sources"))
def test_a_mistake_in_sources_is_told_and_touches_no_other_source(read, case):
    project = read(sources=case)

    assert told(project.mistakes) == expected_of(case)
    assert ("good" in good_ones(project)) == (b"name: good" in case.read_bytes())


@pytest.mark.parametrize("case", cases("schedules"))
def test_a_mistake_in_schedules_is_told_and_takes_no_source_away(read, case):
    project = read(sources=CASES / "schedules.base.yml", schedules=case)

    of_schedules = [item for item in project.mistakes if item.file.name == "schedules.yml"]
    assert told(of_schedules) == expected_of(case)
    assert good_ones(project) == {"shop", "store", "scheduled"}


@pytest.mark.parametrize("case", cases("planned"))
def test_a_mistake_that_planning_finds_is_told_and_touches_no_other_source(read, case, tmp_path):
    shutil.copytree(CASES / "planned" / "custom_sources", tmp_path / "custom_sources")
    project = read(sources=case)

    shop, good = project.enabled

    with pytest.raises(Exception) as caught:  # noqa: PT011 - of whatever kind
        plan_load(shop.plan_spec(), tmp_path / "shop.json")

    (text,) = told([mistake_of(shop, caught.value)])
    for path, name in ((tmp_path, "{project}"), (Path(dlt.__file__).parent, "{dlt}")):
        text = text.replace(str(path), name)
    assert [text] == expected_of(case)
    assert plan_load(good.plan_spec(), tmp_path / "good.json").origin == "source"


def test_every_message_is_one_line(read):
    shown = Mistake(Path("sources.yml"), 1, "a\nb", "c\r\nd\u2028\x1b[31m", "e\nf")

    assert str(shown) == r"sources.yml:1: a\nb (source e\nf) c\r\nd\u2028\x1b[31m"


def test_mistakes_come_in_the_order_of_the_file(read, tmp_path):
    (tmp_path / "sources.yml").write_text(
        "sources:\n- name: b\n  tags: 5\n  type: csv\n- name: a\n  enabled: 5\nlast: 1\n"
    )
    (tmp_path / "schedules.yml").write_text("first: 1\n")

    project = read_project(tmp_path)

    assert [(item.file.name, item.line) for item in project.mistakes] == [
        ("sources.yml", 4),
        ("sources.yml", 5),
        ("sources.yml", 5),
        ("sources.yml", 6),
        ("sources.yml", 7),
        ("schedules.yml", 1),
    ]


@pytest.mark.parametrize("text", ["2026-01-31", "'2026-01-31'", "2026-01-31T00:00:00Z"])
def test_a_date_may_stand_in_quotes_or_not(tmp_path, text):
    (tmp_path / "sources.yml").write_text(
        "sources:\n- name: shop\n  type: dlt_native\n  airflow:\n"
        f"    start_date: {text}\n  dlt_native: {{source_module: shop, source_function: shop}}\n"
    )

    (source,) = read_project(tmp_path).sources

    assert str(source.entry.airflow.start_date).startswith("2026-01-31")
