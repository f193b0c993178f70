import pytest

from airflow_dlt_provider.core.errors import ValueReferenceError
from airflow_dlt_provider.core.registry.values import resolve_values

ENVIRONMENT = {"TOKEN": "s3cret", "HOST": "db", "EMPTY": ""}


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("${TOKEN}", "s3cret"),
        ("https://${HOST}/${TOKEN}", "https://db/s3cret"),
        ("${MISSING:-fallback}", "fallback"),
        ("${MISSING:-}", ""),
        ("${TOKEN:-fallback}", "s3cret"),
        ("${EMPTY:-fallback}", ""),
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
    assert (caught.value.variable, caught.value.key) == ("API_KEY", "api.keys[1]")
    assert isinstance(caught.value, LookupError)


def test_planning_keeps_a_reference_that_has_no_value():
    resolved = resolve_values({"a": "${API_KEY}/${HOST}"}, ENVIRONMENT, keep_missing=True)

    assert resolved.values == {"a": "${API_KEY}/db"}


def test_what_was_written_is_not_changed():
    written = {"a": ["${HOST}"]}

    resolve_values(written, ENVIRONMENT)

    assert written == {"a": ["${HOST}"]}
