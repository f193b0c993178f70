"""`airflow-dlt preview`: items are looked at, and nothing is loaded."""

import json

import pytest

TYPED = """
import dlt
from datetime import datetime, timezone
from decimal import Decimal

@dlt.resource
def typed():
    yield {"at": datetime(2026, 1, 2, tzinfo=timezone.utc), "price": Decimal("1.50"), "ok": True}
    yield "text alone"

@dlt.resource
def tables():
    import pyarrow
    yield pyarrow.table({"n": [1, 2, 3]})

@dlt.resource
def endless():
    number = 0
    while True:
        number += 1
        yield [{"n": number}]
"""


@pytest.fixture
def typed(declared):
    declared.write("custom_sources/typed.py", TYPED)
    for name in ("typed", "tables", "endless"):
        declared.declare(name=name, module="typed", function=name)
    return declared


def items(done):
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_preview_prints_a_table_and_loads_nothing(declared):
    declared.declare()

    done = declared.run("preview", "shop", "orders")

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0].split() == ["id", "lines"]
    assert '[{"sku":"a"},{"sku":"b"}]' in done.stdout
    assert "fetching orders" in done.stderr
    assert "fetching orders" not in done.stdout
    assert not list(declared.folder.rglob("*.duckdb"))
    assert not list(declared.folder.rglob("*.db"))


def test_preview_moves_no_cursor(declared):
    declared.declare()
    declared.sync("--select", "orders")

    assert len(items(declared.run("preview", "shop", "orders", "--json"))) == 2
    assert declared.document("--select", "orders")["rows"] == 0


def test_preview_feeds_a_transformer_from_its_parent(declared):
    declared.declare()

    done = declared.run("preview", "shop", "addresses", "--json")

    assert items(done) == [{"customer": 7, "where": {"city": "Oslo"}}]


def test_preview_ends_an_endless_resource(typed):
    done = typed.run("preview", "endless", "endless", "-n", "3", "--json")

    assert items(done) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_preview_takes_tables_apart(typed):
    assert len(items(typed.run("preview", "tables", "tables", "-n", "2", "--json"))) == 2


def test_preview_shows_values_as_a_person_would_write_them(typed):
    done = typed.run("preview", "typed", "typed")

    assert "2026-01-02T00:00:00+00:00" in done.stdout
    assert "1.50" in done.stdout
    assert "text alone" in done.stdout


def test_an_item_that_fails_is_told_in_one_line(declared):
    declared.declare(broken=True)

    done = declared.run("preview", "shop", "customers")

    assert done.exit_code == 1
    assert "500 Server Error" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["shpo", "orders"], "'shop'"),
        (["shop", "ordres"], "'orders'"),
        (["shop", "orde*"], "'orders'"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_those_that_are(declared, arguments, word):
    declared.declare()

    done = declared.run("preview", *arguments)

    assert done.exit_code == 2
    assert f"did you mean {word}" in " ".join(done.stderr.replace("│", " ").split())
