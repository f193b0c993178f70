"""Parts of files of the seed, below the imports that they need."""

from __future__ import annotations

from tests.core.seed_001.project import as_tables, shown
from tests.public_apis import HANG_UP, order

ITEMS = """
items = dlt.resource(get_items, name="items")
"""
RESPONSE = """
import dlt
import requests

@dlt.resource(name="customers")
def get_customers(url="https://api.example.com/customers"):
{block}
    return response.json()
"""
KEYS = """
import dlt

@dlt.resource(name="keys")
def get_keys():
    yield {"key": api_key}
"""


def test_replace_keeps_what_the_last_sync_found(project, seed, apis):
    project.write("custom_sources/shop.py", seed(22).text)
    project.register(shop="shop:get_products")
    project.sync("shop")
    apis.example["products"] = [{"id": 9, "title": "the only one"}]

    project.sync("shop")

    assert project.tables("raw_shop") == as_tables("products", apis.example["products"])


def test_append_adds_to_what_is_there(project, seed, apis):
    project.write("custom_sources/shop.py", seed(23).text)
    project.register(shop="shop:get_events")
    first = apis.example["events"]
    project.sync("shop")
    apis.example["events"] = [{"id": 4, "kind": "scroll"}]

    project.sync("shop")

    assert project.tables("raw_shop") == as_tables("events", first + apis.example["events"])


def test_merge_updates_rows_and_inserts_new_ones(project, seed, apis):
    project.write("custom_sources/shop.py", seed(24).text)
    project.register(shop="shop:get_orders")
    project.sync("shop")
    # the first is gone, the second has changed, the third is new
    kept = {row["id"]: row["total"] for row in apis.example["orders"]}
    apis.example["orders"] = [order(2, day=9) | {"total": 1}, order(8, day=9)]

    project.sync("shop")

    totals = kept | {2: 1, 8: 80}
    rows = [{"order_id": number, "total": total} for number, total in totals.items()]
    assert project.tables("raw_shop") == as_tables("orders", rows)


def test_pages_are_asked_for_until_one_is_empty(project, seed, apis):
    project.write("custom_sources/shop.py", seed(27).text)
    project.register(shop="shop:get_items")

    project.sync("shop")

    assert project.tables("raw_shop") == as_tables("items", apis.example["items"])
    pages = [{"page": page, "per_page": "100"} for page in ("1", "2", "3")]
    assert apis.queries("api.example.com/items") == pages


def test_a_function_that_yields_pages_becomes_a_resource(project, seed, apis):
    project.write("custom_sources/shop.py", seed(40).text + ITEMS)
    project.register(shop="shop:items")

    project.sync("shop")

    assert project.tables("raw_shop") == as_tables("items", apis.example["items"])


def test_resources_of_one_api_are_loaded_each_by_a_task(project, seed, apis):
    project.write("custom_sources/shop.py", seed(28).text)
    project.register(shop="shop:multi_resource_api")

    project.sync("shop")

    assert project.tables("raw_shop") == {
        name: as_tables(name, apis.example[name])[name]
        for name in ("customers", "orders", "products")
    }
    assert set(apis.counts().values()) == {1}


def test_a_resource_that_fails_does_not_stop_the_others(project, seed, apis):
    apis.failures["api.example.com/orders"] = [HANG_UP]
    project.write("custom_sources/shop.py", seed(28).text)
    project.register(shop="shop:multi_resource_api")

    output = shown(project.dango("sync --source shop"), exit_code=1)

    assert set(project.tables("raw_shop")) == {"customers", "products"}
    assert "Remote end closed connection without response" in output


def test_a_dependent_resource_loads_the_details_alone(project, seed, apis):
    project.write("custom_sources/bank.py", seed(29).text)
    project.register(bank="bank:dependent_resources")

    project.sync("bank")

    details = apis.account_details()
    assert project.tables("raw_bank") == as_tables("account_details", details)
    paths = {"/accounts"} | {f"/accounts/{row['id']}" for row in details}
    assert apis.counts() == {f"api.example.com{path}": 1 for path in paths}


def test_raise_for_status_lets_rows_through_and_stops_at_an_error(project, seed, apis):
    indented = "".join(f"    {line}\n" for line in seed(37).text.splitlines())
    project.write("custom_sources/shop.py", RESPONSE.format(block=indented))
    project.register(shop="shop:get_customers")
    project.sync("shop")
    apis.failures["api.example.com/customers"] = [404]

    output = shown(project.dango("sync --source shop"), exit_code=1)

    assert project.tables("raw_shop") == as_tables("customers", apis.example["customers"])
    assert "404 Client Error" in output


def test_statements_of_a_module_run_when_it_is_imported(project, seed):
    project.write("custom_sources/keys.py", seed(38).text + KEYS)
    project.register(keys="keys:get_keys")

    project.sync("keys")

    # the block sets it from the environment, and then anew
    assert project.tables("raw_keys") == as_tables("keys", [{"key": "sk_live_abc123..."}])


def test_a_resource_without_a_return_statement_is_told_so(project, seed):
    project.write("custom_sources/shop.py", seed(39).text)
    project.register(shop="shop:get_orders")

    output = shown(project.dango("sync --source shop"), exit_code=1)

    assert "Did you forget the return statement" in output
    assert project.tables("raw_shop") == {}
