"""The incremental resources of the seed: a second sync, on another worker, asks for what is new."""

from __future__ import annotations

from tests.core.seed_001.project import as_tables
from tests.public_apis import order, transaction


def test_orders_are_asked_for_since_the_last_one(project, seed, apis):
    project.write("custom_sources/shop.py", seed(25).text)
    project.register(shop="shop:get_orders")
    project.sync("shop")
    # one of the very moment that the first sync ended with, and a later one
    new = [order(8, day=7), order(9, day=8)]
    apis.example["orders"] += new

    project.sync("shop")

    since = [query["updated_since"] for query in apis.queries("api.example.com/orders")]
    assert since == ["2024-01-01", "2024-01-07T08:00:00Z"]
    assert project.tables("raw_shop") == as_tables("orders", apis.example["orders"])


def test_transactions_are_asked_for_after_the_last_id(project, seed, apis):
    project.write("custom_sources/shop.py", seed(26).text)
    project.register(shop="shop:get_transactions")
    project.sync("shop")
    apis.example["transactions"] += [transaction(251), transaction(252)]
    first = len(apis.calls)

    project.sync("shop")

    address = "api.example.com/transactions"
    after = [query["after_id"] for query in apis.queries(address)]
    assert after[:first] == ["0", "100", "200", "250"]
    assert after[first:] == ["250", "252"]
    assert project.tables("raw_shop") == as_tables("transactions", apis.example["transactions"])


def test_a_sync_without_anything_new_adds_no_row(project, seed, apis):
    project.write("custom_sources/shop.py", seed(25).text)
    project.register(shop="shop:get_orders")
    project.sync("shop")

    project.sync("shop")

    assert project.tables("raw_shop") == as_tables("orders", apis.example["orders"])
