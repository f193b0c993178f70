import pytest

from airflow_dlt_provider.core.errors import ValueReferenceError
from airflow_dlt_provider.core.registry.environment import Environment
from airflow_dlt_provider.core.registry.values import protect_references, resolve_values

ENVIRONMENT = Environment(process={"TOKEN": "s3cret", "HOST": "db", "EMPTY": ""})


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("${TOKEN}", "s3cret"),
        ("https://${HOST}/${TOKEN}", "https://db/s3cret"),
        ("${MISSING:-fallback}", "fallback"),
        ("${MISSING:-}", ""),
        ("${TOKEN:-fallback}", "s3cret"),
        ("${EMPTY:-fallback}", "fallback"),
        ("${EMPTY}", ""),
        ("$$5", "$5"),
        ("$${TOKEN}", "${TOKEN}"),
        ("$TOKEN", "$TOKEN"),
        ("5 $", "5 $"),
        (5, 5),
        (None, None),
    ],
)
def test_a_reference_becomes_its_value(written, resolved):
    assert resolve_values({"key": written}, ENVIRONMENT).values == {"key": resolved}


def test_references_are_found_at_any_depth_and_containers_keep_their_type():
    written = {"a": {"b": ["${HOST}", ("${TOKEN}",)]}, "${HOST}": 1}

    resolved = resolve_values(written, ENVIRONMENT)

    assert resolved.values == {"a": {"b": ["db", ("s3cret",)]}, "${HOST}": 1}


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("postgresql://${USER}:${PASSWORD}@db/${NAME}", "postgresql://a%40b:p%40%2F%23%25@db/x/y"),
        ("https://db/${NAME}?to=${PASSWORD}", "https://db/x/y?to=p@/#%"),
        ("${PASSWORD}", "p@/#%"),
        ("Bearer ${PASSWORD}", "Bearer p@/#%"),
        ("duckdb:///${NAME}.duckdb", "duckdb:///x/y.duckdb"),
    ],
)
def test_user_and_password_of_an_address_are_quoted(written, resolved):
    environment = Environment(process={"USER": "a@b", "PASSWORD": "p@/#%", "NAME": "x/y"})

    assert resolve_values({"key": written}, environment).values == {"key": resolved}


def test_a_quoted_password_is_a_secret_in_both_forms():
    environment = Environment(process={"PASSWORD": "p@ss"})

    resolved = resolve_values({"to": "postgresql://me:${PASSWORD}@db/x"}, environment)

    assert resolved.secrets == ("p@ss", "p%40ss")


def test_values_of_the_environment_are_secrets_and_defaults_are_not():
    resolved = resolve_values(
        {"a": "${TOKEN}", "b": ["${TOKEN}"], "c": "${MISSING:-x}", "d": "plain"}, ENVIRONMENT
    )

    assert resolved.secrets == ("s3cret",)


def test_a_missing_variable_is_named_with_the_key_that_wants_it():
    with pytest.raises(ValueReferenceError) as caught:
        resolve_values({"api": {"keys": ["ok", "${API_KEY}"]}}, ENVIRONMENT)

    assert "API_KEY" in str(caught.value)
    assert "source_kwargs.api.keys[1]" in str(caught.value)
    assert "${API_KEY:-default}" in str(caught.value)
    assert (caught.value.variable, caught.value.key) == (
        "API_KEY",
        "source_kwargs.api.keys[1]",
    )
    assert isinstance(caught.value, LookupError)


def test_planning_keeps_a_reference_that_has_no_value():
    resolved = resolve_values({"a": "${API_KEY}/${HOST}"}, ENVIRONMENT, keep_missing=True)

    assert resolved.values == {"a": "${API_KEY}/db"}


def test_what_was_written_is_not_changed():
    written = {"a": ["${HOST}"]}

    resolve_values(written, ENVIRONMENT)

    assert written == {"a": ["${HOST}"]}


def rendered(text, **values):
    """Render as a template does: `<name>` becomes a value that the author did not write."""

    def render(text):
        for name, value in values.items():
            text = text.replace(f"<{name}>", value)
        return text

    protected = protect_references(text, render)
    return resolve_values({"key": protected}, ENVIRONMENT).values["key"]


@pytest.mark.parametrize("value", ["${TOKEN}", "${MISSING}", "pa$$word", "$", "$${TOKEN}", "${"])
def test_a_value_that_a_template_yields_stays_text_whatever_is_in_it(value):
    assert rendered("<value>", value=value) == value
    assert rendered("${HOST}/<value>/$$5", value=value) == f"db/{value}/$5"


def test_what_the_author_wrote_is_resolved_beside_a_template():
    assert rendered("${HOST}-<a>-${MISSING:-x}-$$", a="b") == "db-b-x-$"
    assert rendered("$${TOKEN} <a>", a="b") == "${TOKEN} b"


def test_a_value_cannot_complete_a_reference_of_the_author():
    assert rendered("$<a>", a="{TOKEN}") == "${TOKEN}"
    assert rendered("${<a>}", a="TOKEN") == "${TOKEN}"


def test_a_value_cannot_pose_as_the_mark_that_stands_for_a_reference():
    assert rendered("${TOKEN}<a>", a="\x000\x00") == "s3cret\x000\x00"
    assert rendered("${TOKEN}<a>", a="\x007\x00") == "s3cret\x007\x00"


@pytest.mark.parametrize("value", [5, None, True, 1.5, [1, 2]])
def test_a_value_that_is_no_text_is_handed_on_as_it_is(value):
    assert protect_references("<a>", lambda _: value) == value


@pytest.mark.parametrize(
    "value", [["${TOKEN}", "pa$$word"], {"deep": ["${TOKEN}"]}], ids=["list", "mapping"]
)
def test_text_inside_a_value_that_a_template_yields_is_no_reference(value):
    protected = protect_references("<a>", lambda _: value)

    assert resolve_values({"key": protected}, ENVIRONMENT).values == {"key": value}
