import pytest
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination.exceptions import (
    DestinationTerminalException,
    DestinationTransientException,
)

from airflow_dlt_provider.core.errors import (
    LoadError,
    PlanError,
    TerminalLoadError,
    TransientLoadError,
)
from airflow_dlt_provider.core.loading.failure import is_terminal, raise_load_error

BROKEN = """
import dlt

@dlt.resource
def broken():
    yield {{"id": 1}}
    raise {error}
"""


@pytest.mark.parametrize(
    "error", ["ConnectionError('gone')", "TimeoutError('gone')", "RuntimeError('gone')"]
)
def test_a_resource_that_fails_may_be_tried_again(load, write_module, error):
    write_module("my_api.py", BROKEN.format(error=error))

    with pytest.raises(TransientLoadError, match="gone") as caught:
        load("my_api:broken")

    assert caught.value.step == "extract"
    assert caught.value.pipeline_name == "shop__all"


def test_a_source_that_fails_may_be_tried_again(load, write_module):
    write_module("my_api.py", "def broken():\n    raise ConnectionError('gone')")

    with pytest.raises(TransientLoadError, match="ConnectionError: gone") as caught:
        load("my_api:broken")

    assert caught.value.step is None
    assert "in step" not in str(caught.value)


def test_the_error_of_dlt_is_kept_as_the_cause(load, write_module):
    write_module("my_api.py", BROKEN.format(error="ConnectionError('gone')"))

    with pytest.raises(LoadError) as caught:
        load("my_api:broken")

    causes = []
    error = caught.value
    while error is not None:
        causes.append(type(error))
        error = error.__cause__
    assert ConnectionError in causes


MISSING = """
import dlt

@dlt.source
def my_source({name}: str = dlt.{kind}.value):
    return dlt.resource([1], name="rows")
"""


@pytest.mark.parametrize("kind", ["secrets", "config"])
def test_a_missing_setting_is_one_line_that_says_where_to_put_it(load, write_module, kind):
    write_module("my_api.py", MISSING.format(name="api_key", kind=kind))

    with pytest.raises(TerminalLoadError) as caught:
        load("my_api:my_source")

    message = str(caught.value)
    assert "\n" not in message
    assert "set SOURCES__MY_API__MY_SOURCE__API_KEY in the environment" in message
    assert "api_key in section [sources.my_api.my_source] of .dlt/secrets.toml" in message
    assert "dlt_secrets_toml Variable" in message


def test_the_variable_that_the_message_names_is_the_cure(load, write_module, monkeypatch):
    write_module("my_api.py", MISSING.format(name="api_key", kind="secrets"))
    with pytest.raises(TerminalLoadError) as caught:
        load("my_api:my_source")
    variable = str(caught.value).partition("; set ")[2].partition(" in the environment")[0]

    monkeypatch.setenv(variable, "there it is")

    assert load("my_api:my_source").rows == 1


def test_missing_credentials_of_a_destination_are_one_line(load, write_module):
    write_module("my_api.py", "import dlt\ndef rows():\n    return dlt.resource([1], name='rows')")

    with pytest.raises(TerminalLoadError) as caught:
        load("my_api:rows", destination="postgres")

    message = str(caught.value)
    assert "\n" not in message
    for field in ("DATABASE", "PASSWORD", "USERNAME", "HOST"):
        assert f"DESTINATION__POSTGRES__CREDENTIALS__{field}" in message
    assert "in section [destination.postgres.credentials]" in message


CHANGING = """
import dlt

def rows(columns):
    return dlt.resource([dict.fromkeys(columns, 1)], name="rows")
"""


def test_a_broken_schema_contract_is_not_tried_again(load, write_module):
    write_module("my_api.py", CHANGING)
    load("my_api:rows", "rows", kwargs={"columns": ["a"]})

    with pytest.raises(TerminalLoadError, match=r"frozen|freeze") as caught:
        load(
            "my_api:rows",
            "rows",
            kwargs={"columns": ["a", "b"]},
            schema_contract={"columns": "freeze"},
        )

    assert caught.value.step in ("extract", "normalize")


def test_without_a_contract_a_new_column_is_taken(load, write_module):
    write_module("my_api.py", CHANGING)
    load("my_api:rows", "rows", kwargs={"columns": ["a"]})

    load("my_api:rows", "rows", kwargs={"columns": ["a", "b"]})

    assert load.tables()["rows"] == [[("a", 1), ("b", 1)], [("a", 1), ("b", None)]]


def test_a_cursor_of_another_type_than_the_rows_is_not_tried_again(load, write_module):
    write_module(
        "my_api.py",
        "import dlt\n\n@dlt.resource\n"
        "def rows(new=dlt.sources.incremental('at', initial_value=5)):\n"
        "    yield [{'at': 'Monday'}]\n",
    )

    with pytest.raises(TerminalLoadError, match="IncrementalCursorInvalidCoercion"):
        load("my_api:rows")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def other(): ...", "Function 'rows' not found"),
        ("import not_installed_anywhere", "not_installed_anywhere"),
        ("def rows(:", "SyntaxError"),
        ("def rows(needed): ...", "source_kwargs do not fit"),
        ("def rows(): ...", "holds nothing to load"),
        ("import dlt\n\n@dlt.resource\ndef rows(): pass", "InvalidResourceDataTypeIsNone"),
    ],
)
def test_a_mistake_of_the_user_is_not_tried_again(load, write_module, text, words):
    write_module("my_api.py", text)

    with pytest.raises(TerminalLoadError, match=words):
        load("my_api:rows")


def test_a_resource_that_vanished_is_named_with_those_that_exist(load, write_module):
    write_module("my_api.py", CHANGING)

    with pytest.raises(TerminalLoadError, match=r"'gone'.*there are: rows"):
        load("my_api:rows", "gone", kwargs={"columns": ["a"]})


def test_an_unknown_destination_is_not_tried_again(load, write_module):
    write_module("my_api.py", CHANGING)

    with pytest.raises(TerminalLoadError, match="duckbd"):
        load("my_api:rows", kwargs={"columns": ["a"]}, destination="duckbd")


@pytest.mark.parametrize(
    ("error", "terminal"),
    [
        (PlanError("x"), True),
        (ImportError("x"), True),
        (ConfigurationException("x"), True),
        (DestinationTerminalException("x"), True),
        (DestinationTransientException("x"), False),
        (ConnectionRefusedError("x"), False),
        (ValueError("x"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_trying_again_would_cure(error, terminal):
    wrapped = RuntimeError("around it")
    wrapped.__cause__ = error

    assert is_terminal(error) is terminal
    assert is_terminal(wrapped) is terminal
    with pytest.raises(TerminalLoadError if terminal else TransientLoadError):
        raise_load_error(wrapped, "p")


def test_a_lost_connection_behind_a_terminal_error_is_not_what_decides():
    error = DestinationTerminalException("no such table")
    error.__context__ = ConnectionError("while cleaning up")

    assert is_terminal(error)


def test_a_connection_lost_while_a_terminal_error_was_handled_may_come_back():
    error = ConnectionError("gone")
    error.__context__ = DestinationTerminalException("what was being handled")

    assert not is_terminal(error)


def test_a_wrapped_step_keeps_its_name_and_the_message_of_its_cause(load, write_module):
    write_module("my_api.py", BROKEN.format(error="KeyError('id')"))

    with pytest.raises(LoadError) as caught:
        load("my_api:broken")

    assert str(caught.value).startswith("pipeline 'shop__all' failed in step 'extract': ")
    assert "resource `broken`" in str(caught.value)
    assert "'id'" in str(caught.value)


def test_a_missing_setting_of_a_resource_is_one_line_too(base_dir, load):
    (base_dir / "my_api.py").write_text(
        "import dlt\n\n@dlt.resource\ndef rows(token: str = dlt.secrets.value):\n    yield token\n"
    )

    with pytest.raises(TerminalLoadError) as caught:
        load("my_api:rows")

    assert len(str(caught.value).splitlines()) == 1
    assert "SOURCES__MY_API__ROWS__TOKEN" in str(caught.value)
    # showing it must not make dlt look for the setting again
    assert caught.value.__cause__ is None
