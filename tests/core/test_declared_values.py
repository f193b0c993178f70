"""Where the arguments and secrets of a source of `sources.yml` come from."""

import itertools
import os
from dataclasses import replace

import pytest

from airflow_dlt_provider.core.errors import TerminalLoadError, ValueReferenceError
from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.planning.from_source import environment_of
from airflow_dlt_provider.core.registry.environment import (
    Environment,
    exported,
    read_env_file,
    secrets_in,
)
from airflow_dlt_provider.core.registry.project import read_project
from airflow_dlt_provider.core.registry.values import resolve_source
from airflow_dlt_provider.core.spec import DestinationSpec, LoadRequest, RunIdentity
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from tests.core.projects import entry

MODULE = """
import os
import dlt

@dlt.source
def api(api_key: str = dlt.secrets.value, size: int = 5):
    return dlt.resource([{"api_key": api_key}], name="found", write_disposition="replace")

@dlt.source
def inner():
    @dlt.resource(write_disposition="replace")
    def found(api_key: str = dlt.secrets.value):
        yield {"api_key": api_key}
    return found

@dlt.source
def sized(size: int = dlt.config.value):
    return dlt.resource([{"api_key": str(size)}], name="found", write_disposition="replace")

@dlt.source
def of_environment():
    return dlt.resource(
        [{"api_key": os.environ.get("API_KEY", "nothing")}],
        name="found",
        write_disposition="replace",
    )
"""


def declared(function="api", kwargs="{}", airflow="{}"):
    return entry("crm", "my_api", function, native=f"function_kwargs: {kwargs}", airflow=airflow)


@pytest.fixture
def resolved(project):
    """Resolve the arguments of the only source, as a worker does."""

    def resolved(**environment):
        (source,) = read_project(project.path).sources
        spec = source.source_spec()
        found = replace(environment_of(spec), **environment)
        return resolve_source(spec, found).values

    return resolved


@pytest.fixture
def found(project, tmp_path, resolved, read_tables):
    """Load the only source, and return the key that its function found."""
    numbers = itertools.count()
    project.write("custom_sources/my_api.py", MODULE)

    def found(secrets_toml=None):
        (source,) = read_project(project.path).sources
        request = LoadRequest(
            source=replace(source.source_spec(), source_kwargs=resolved()),
            resources=("found",),
            pipeline_name=source.pipeline_name,
            task_key="found",
            run=RunIdentity("crm", "run"),
            destination=DestinationSpec(None, source.dataset_name),
            data_dir=project.data_dir,
            working_dir=tmp_path / "work" / str(next(numbers)),
            secrets_toml=secrets_toml,
        )
        load_task(request, MemoryStateStore())
        (row,) = read_tables(project.data_dir / "warehouse.duckdb", "raw_crm")["found"]
        return dict(row)["api_key"]

    return found


PLACES = [
    "argument",
    "environment",
    "sources.crm",
    "sources.my_api.api",
    "sources.my_api",
    "sources.api",
    "sources",
]


@pytest.mark.parametrize("first", range(len(PLACES)), ids=PLACES)
def test_a_parameter_is_looked_up_in_this_order(project, found, monkeypatch, first):
    known = PLACES[first:]
    project.declare(declared(kwargs="{api_key: argument}" if "argument" in known else "{}"))
    if "environment" in known:
        monkeypatch.setenv("SOURCES__API_KEY", "environment")
    sections = [f"[{place}]\napi_key = '{place}'\n" for place in known if "sources" in place]
    project.write(".dlt/secrets.toml", "".join(sections))

    assert found() == known[0]


def test_the_registered_name_is_looked_up_in_the_environment_before_the_modules(
    project, found, monkeypatch
):
    project.declare(declared())
    monkeypatch.setenv("SOURCES__MY_API__API__API_KEY", "module")
    monkeypatch.setenv("SOURCES__CRM__API_KEY", "registered")

    assert found() == "registered"


@pytest.mark.parametrize("name", ["sources.crm", "sources.my_api"])
def test_the_projects_file_comes_before_the_variable_of_airflow(project, found, name):
    project.declare(declared())
    project.write(".dlt/secrets.toml", f"[{name}]\napi_key = 'file'")

    assert found("[sources.crm]\napi_key = 'variable'") == "file"


def test_the_variable_of_airflow_has_sections_of_the_registered_name_too(project, found):
    project.declare(declared())

    assert found("[sources.crm]\napi_key = 'variable'") == "variable"


def test_a_parameter_of_an_inner_resource_finds_the_registered_section(project, found):
    project.declare(declared("inner"))
    project.write(".dlt/secrets.toml", "[sources.crm]\napi_key = 'registered'")

    assert found() == "registered"


def test_a_plain_setting_may_stand_in_the_other_file(project, found):
    project.declare(declared("sized"))
    project.write(".dlt/config.toml", "[sources.crm]\nsize = 7")

    assert found() == "7"


def test_the_section_of_another_source_is_not_used(project, found):
    project.declare(declared())
    project.write(".dlt/secrets.toml", "[sources.shop]\napi_key = 'of another'")

    with pytest.raises(TerminalLoadError, match="missing configuration: api_key"):
        found()


class TestReferences:
    """`${VAR}` in `function_kwargs`."""

    ORDER = ("environment", ".env", "section", "argument", "variable", "default")

    @pytest.mark.parametrize("first", range(len(ORDER)), ids=ORDER)
    def test_a_variable_is_looked_up_in_this_order(self, project, resolved, monkeypatch, first):
        known = self.ORDER[first:]
        default = ":-default" if "default" in known else ""
        project.declare(declared(kwargs=f"{{api_key: '${{KEY{default}}}'}}"))
        if "environment" in known:
            monkeypatch.setenv("KEY", "environment")
        if ".env" in known:
            project.write(".env", "KEY=.env")
        in_section = {"section": "KEY = 'section'", "argument": "api_key = 'argument'"}
        lines = [line for place, line in in_section.items() if place in known]
        project.write(".dlt/secrets.toml", "\n".join(("[sources.crm]", *lines)))
        ask = {"KEY": "variable"}.get if "variable" in known else None

        assert resolved(ask=ask) == {"api_key": known[0]}

    def test_one_without_a_value_is_named_with_source_and_key(self, project, resolved):
        project.declare(declared(kwargs="{headers: {auth: 'Bearer ${KEY}'}}"))

        with pytest.raises(ValueReferenceError) as caught:
            resolved()

        assert str(caught.value).startswith(
            "Environment variable KEY (source crm, dlt_native.function_kwargs.headers.auth) is "
            "not set"
        )

    def test_the_section_is_asked_for_the_argument_only_where_it_is_the_whole_value(
        self, project, resolved
    ):
        project.declare(declared(kwargs="{api_key: 'Bearer ${KEY}'}"))
        project.write(".dlt/secrets.toml", "[sources.crm]\napi_key = 'argument'")

        with pytest.raises(ValueReferenceError):
            resolved()

    def test_a_value_is_not_looked_into_again(self, project, resolved, monkeypatch):
        project.declare(declared(kwargs="{api_key: '${KEY}'}"))
        monkeypatch.setenv("KEY", "${HOME}")

        assert resolved() == {"api_key": "${HOME}"}

    def test_the_other_spelling_is_that_of_a_whole_value_at_any_depth(
        self, project, resolved, monkeypatch
    ):
        project.declare(declared(kwargs="{a: 'env:KEY', b: [{c: 'env:KEY'}], d: 'x env:KEY'}"))
        monkeypatch.setenv("KEY", "value")

        assert resolved() == {"a": "value", "b": [{"c": "value"}], "d": "x env:KEY"}

    @pytest.mark.parametrize(
        ("asked_for", "arguments"),
        [("true", {"api_key": "value"}), ("false", {"api_key_env": "KEY"})],
    )
    def test_an_argument_that_ends_in_env_names_a_variable_only_where_asked_for(
        self, project, resolved, monkeypatch, asked_for, arguments
    ):
        project.declare(
            declared(kwargs="{api_key_env: KEY}", airflow=f"{{env_kwargs: {asked_for}}}")
        )
        monkeypatch.setenv("KEY", "value")

        assert resolved() == arguments

    def test_a_number_in_a_section_is_taken_and_a_table_is_not(self, project, resolved):
        project.declare(declared(kwargs="{size: '${SIZE}', table: '${TABLE:-none}'}"))
        project.write(".dlt/secrets.toml", "[sources.crm]\nSIZE = 7\n[sources.crm.TABLE]\na = 1")

        assert resolved() == {"size": "7", "table": "none"}


class TestEnvFile:
    """The project's `.env`."""

    @pytest.fixture
    def read(self, project):
        def read(text):
            project.write(".env", text)
            project.declare(declared())
            (source,) = read_project(project.path).sources
            return read_env_file(source.registration)

        return read

    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("KEY=value", "value"),
            ("export KEY=value", "value"),
            ("KEY = value ", "value"),
            ('KEY="two words"', "two words"),
            ("KEY='a # b'", "a # b"),
            ("KEY=value # a comment", "value"),
            ("KEY=a#b", "a#b"),
            ('KEY="a\\nb"', "a\nb"),
            ("KEY=", ""),
            ("# KEY=no\nKEY=yes", "yes"),
            ("KEY=first\nKEY=second", "second"),
        ],
    )
    def test_a_line_has_the_meaning_that_everybody_knows(self, read, line, value):
        assert read(line) == {"KEY": value}

    def test_a_name_without_a_value_is_none(self, read):
        assert read("KEY\nOTHER=x") == {"OTHER": "x"}

    def test_user_code_finds_it_in_its_environment_during_a_load_and_nobody_afterwards(
        self, project, found
    ):
        project.declare(declared("of_environment"))
        project.write(".env", "API_KEY=from-the-file")
        before = dict(os.environ)

        assert found() == "from-the-file"
        assert dict(os.environ) == before

    def test_the_real_environment_wins_and_stays(self, project, found, monkeypatch):
        project.declare(declared("of_environment"))
        project.write(".env", "API_KEY=from-the-file")
        monkeypatch.setenv("API_KEY", "real")

        assert found() == "real"
        assert os.environ["API_KEY"] == "real"

    def test_dlt_finds_its_own_settings_there(self, project, found):
        project.declare(declared())
        project.write(".env", "SOURCES__CRM__API_KEY=from-the-file")

        assert found() == "from-the-file"

    def test_it_is_gone_after_a_failure(self):
        with pytest.raises(ZeroDivisionError), exported({"A_KEY_OF_OURS": "x"}):
            raise ZeroDivisionError

        assert "A_KEY_OF_OURS" not in os.environ

    def test_all_values_but_short_numbers_and_plain_words_are_to_be_masked(self):
        variables = {"a": "secret", "b": "8080", "c": "-1.5", "d": "TRUE", "e": "", "f": "none"}

        assert secrets_in(variables) == ("secret",)
        assert secrets_in({"pin": "837492", "ratio": "-12345.6", "port": "54321"}) == (
            "837492",
            "-12345.6",
        )


def test_the_environment_of_the_process_is_the_default():
    assert Environment().value_of("PATH") == os.environ["PATH"]
