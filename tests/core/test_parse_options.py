"""Mistakes in options that are written as plain values: one readable message for each."""

from datetime import date

import pytest

from airflow_dlt_provider.core.errors import PlanError
from airflow_dlt_provider.core.registry.options import parse_source_options


def of_orders(**said):
    return {"resource_options": {"orders": said}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            of_orders(schema_contract={"table": "freeze"}),
            (
                "resource_options.orders.schema_contract.table is unknown (did you mean "
                "'tables'?); allowed: tables, columns, data_type"
            ),
        ),
        (
            of_orders(write_disposition="apend"),
            (
                "resource_options.orders.write_disposition is 'apend'; expected: append, merge, "
                "replace, skip or a mapping of keys to values (did you mean 'append'?)"
            ),
        ),
        (
            of_orders(write_disposition={"disposition": "merge", "strategy": "sdc2"}),
            (
                "resource_options.orders.write_disposition.strategy is 'sdc2'; allowed: "
                "delete-insert, upsert, insert-only, scd2 (did you mean 'scd2'?)"
            ),
        ),
        (
            of_orders(write_disposition={"disposition": "replace", "strategy": "scd2"}),
            (
                "resource_options.orders.write_disposition strategy 'scd2' is one of disposition "
                "'merge', not of 'replace'"
            ),
        ),
        (
            of_orders(write_disposition={"disposition": "merge", "deduplicated": True}),
            (
                "resource_options.orders.write_disposition deduplicated is one of strategy "
                "'delete-insert' alone"
            ),
        ),
        (
            of_orders(write_disposition={"strategy": "scd2"}),
            "resource_options.orders.write_disposition.disposition is required",
        ),
        (
            of_orders(columns={"id": {"data_type": "int"}}),
            (
                "resource_options.orders.columns.id.data_type is 'int'; allowed: text, double, "
                "bool, timestamp, bigint, binary, json, decimal, wei, date, time (did you mean "
                "'bigint'?)"
            ),
        ),
        (
            of_orders(columns={"id": "text"}),
            "resource_options.orders.columns.id is 'text'; expected: a mapping of keys to values",
        ),
        (of_orders(limit="5"), "resource_options.orders.limit is '5'; expected: a whole number"),
        (of_orders(limit=0), "resource_options.orders.limit is 0; expected: more than 0"),
        (
            of_orders(primary_key=["id", 5]),
            "resource_options.orders.primary_key[1] is 5; expected: text; put it in quotes",
        ),
        (
            of_orders(primary_key=5),
            "resource_options.orders.primary_key is 5; expected: text or a list",
        ),
        (
            of_orders(incremental="id"),
            "resource_options.orders.incremental is 'id'; expected: a mapping of keys to values",
        ),
        (
            of_orders(incremental={"lag": 1}),
            "resource_options.orders.incremental.cursor_path is required",
        ),
        (
            {"resource_options": {"limit": {"limit": -1}}},
            "resource_options.limit.limit is -1; expected: more than 0",
        ),
        (
            {"resource_options": ["orders"]},
            "resource_options is a list; expected: a mapping of keys to values",
        ),
        ({"root_key": "maybe"}, "root_key is 'maybe'; expected: true or false, without quotes"),
        (
            {"resource_option": {}},
            (
                "resource_option is unknown (did you mean 'resource_options'?); allowed: "
                "write_disposition, max_table_nesting, root_key, resource_options, lookback_days"
            ),
        ),
    ],
)
def test_a_mistake_has_its_path_and_what_is_allowed(options, message):
    with pytest.raises(PlanError) as raised:
        parse_source_options(options)

    assert str(raised.value) == message


def test_all_mistakes_are_told_at_once():
    with pytest.raises(PlanError) as raised:
        parse_source_options({"root_key": "maybe", **of_orders(primry_key="id")})

    message = str(raised.value)
    assert "root_key is 'maybe'" in message
    assert "resource_options.orders.primry_key is unknown (did you mean 'primary_key'?)" in message


def test_dates_and_text_stay_what_they_are():
    dated, text = (
        parse_source_options(of_orders(incremental={"cursor_path": "at", "initial_value": value}))
        for value in (date(2026, 1, 1), "2026-01-01")
    )

    assert dated.resource_options["orders"].incremental.initial_value == date(2026, 1, 1)
    assert text.resource_options["orders"].incremental.initial_value == "2026-01-01"


def test_options_are_parsed_without_dlt(run_python):
    code = """
import sys
from airflow_dlt_provider.core.registry.options import parse_source_options
parse_source_options({"resource_options": {"orders": {"limit": 1}}})
print("dlt" in sys.modules)
"""
    assert run_python(code).strip() == "False"
