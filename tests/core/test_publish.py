"""The pipeline of the base name gets what the tasks have, and a script carries on from there."""

import json
from dataclasses import replace

import dlt
import pytest
from typer.testing import CliRunner

from airflow_dlt_provider.cli import app
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.migration.adopt import adopt_pipelines
from airflow_dlt_provider.core.migration.place import opened
from airflow_dlt_provider.core.migration.publish import publish_pipeline
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.records import StateRequest
from airflow_dlt_provider.core.state.sql import SqlStateStore
from tests.core.growing_shop import RESOURCES, SOURCES, duckdb_shop, postgres_shop
from tests.core.sources.growing import growing

TABLES = {*RESOURCES, "orders__lines", "invoices__positions", "products__sizes"}


@pytest.fixture
def shop(load, plan):
    return duckdb_shop(load, plan)


def publish(shop, known=False):
    return publish_pipeline(shop.place(), shop.load.store, shop.known() if known else ())


def attached(shop):
    pipeline = dlt.attach(
        "shop",
        pipelines_dir=str(shop.load.folder / "attached"),
        destination=shop.destination(),
        dataset_name=shop.dataset,
    )
    pipeline.sync_destination()
    return pipeline


def base_state(shop):
    with opened(shop.place()) as dataset:
        return dataset.rows.newest_state("shop")


@pytest.mark.parametrize("decompose", ["resource", "component", "none"])
def test_a_plain_run_of_the_whole_source_loads_only_new_rows(shop, decompose):
    shop.load_all(5, decompose)

    publish(shop)

    shop.assert_loaded_once(5)
    shop.run_plain(8, "shop")
    shop.assert_loaded_once(8)


def test_on_postgresql_a_plain_run_loads_only_new_rows(load, plan, postgres_url):
    shop = postgres_shop(load, plan, postgres_url)
    shop.load_all(5, "component")

    publish(shop)

    shop.run_plain(8, "shop")
    shop.assert_loaded_once(8)


def test_in_files_the_base_pipeline_has_every_cursor(load, plan, tmp_path):
    bucket = dlt.destinations.filesystem(bucket_url=(tmp_path / "bucket").as_uri())
    shop = replace(duckdb_shop(load, plan), destination=lambda: bucket)
    shop.load_all(5)

    publish(shop)

    pipeline = shop.plain_pipeline("shop")
    pipeline.run(growing(8))
    counts = pipeline.last_trace.last_normalize_info.row_counts
    assert {name: counts[name] for name in ("orders", "invoices", "events")} == {
        "orders": 3,
        "invoices": 3,
        "events": 3,
    }


def test_attaching_to_the_base_name_shows_all_tables(shop):
    shop.load_all(3)

    publish(shop)

    pipeline = attached(shop)
    assert pipeline.default_schema_name == "growing"
    assert pipeline.schema_names == ["growing"]
    assert set(pipeline.default_schema.data_table_names()) == TABLES


def test_tables_keep_their_hints(shop):
    shop.load_all(3)

    publish(shop)

    union = attached(shop).default_schema
    for name in RESOURCES:
        schema = dlt.attach(
            f"shop__{name}",
            pipelines_dir=str(shop.load.folder / "attached"),
            destination=shop.destination(),
            dataset_name=shop.dataset,
        ).default_schema
        for table in schema.data_table_names():
            assert union.tables[table] == schema.tables[table]
    assert union.tables["products__sizes"]["columns"]["_dlt_root_id"]["root_key"]


def test_publishing_again_without_news_loads_nothing(shop):
    shop.load_all(3)
    first = publish(shop)
    before = shop.query("SELECT count(*) FROM raw._dlt_version")

    second = publish(shop)

    assert len(first.load_ids) == 1
    assert second.load_ids == ()
    assert second.resources == first.resources
    assert shop.query("SELECT count(*) FROM raw._dlt_version") == before


def test_publishing_again_after_loads_brings_the_cursors_forward(shop):
    shop.load_all(3)
    publish(shop)
    shop.load_all(5)

    publication = publish(shop)

    cursors = {item.name: item.cursors for item in publication.resources}
    assert cursors["orders"] == {"number": 5}
    shop.run_plain(6, "shop")
    shop.assert_loaded_once(6)


def test_a_table_that_is_new_is_published_without_a_new_cursor(shop):
    shop.load_resource("customers", 3)
    publish(shop)
    shop.load_resource("last_orders", 3)

    publish(shop)

    assert set(attached(shop).default_schema.data_table_names()) == {"customers", "last_orders"}


def test_a_resource_that_a_person_reset_is_reset_in_the_base_pipeline(shop):
    shop.load_all(3)
    publish(shop)
    shop.load.store.ask(StateRequest("shop", "products", "reset", "me"))
    shop.load_resource("products", 0)

    publish(shop)

    resources = base_state(shop)["sources"]["growing"]["resources"]
    assert resources["products"]["incremental"]["version"].get("last_value") is None
    assert resources["orders"]["incremental"]["number"]["last_value"] == 3


def test_source_level_state_is_published(shop):
    shop.load_resource("events", 3)
    shop.load_resource("events", 5)

    publish(shop)

    assert base_state(shop)["sources"]["growing"]["calls"] == [3, 5]


def test_different_cursors_of_one_resource_are_not_published(shop):
    shop.load_all(3)
    shop.load_resource("invoices", 5)

    with pytest.raises(StateError, match=r"'orders'.*number 5.*number 3.*component"):
        publish(shop, known=True)
    assert base_state(shop) is None


def test_the_tasks_go_on_from_what_a_plain_run_added(shop):
    shop.load_all(3)
    publish(shop)
    shop.run_plain(5, "shop")

    adopt_pipelines(shop.place(), ["shop"], shop.load.store, shop.known())

    shop.load_all(7)
    shop.assert_loaded_once(7)
    publish(shop)
    shop.run_plain(8, "shop")
    shop.assert_loaded_once(8)


def test_a_cursor_that_a_plain_run_moved_forward_is_not_put_back(shop):
    shop.load_resource("products", 3)
    publish(shop)
    shop.run_plain(5, "shop", ("products",))

    with pytest.raises(StateError, match=r"version 5.*version 3.*state adopt shop --from shop"):
        publish(shop)


def test_what_was_taken_over_and_not_loaded_since_is_left_out(shop):
    shop.run_plain(3)
    adopt_pipelines(shop.place(), ["legacy"], shop.load.store, shop.known())
    shop.load_resource("orders", 4)

    publication = publish(shop)

    assert [item.name for item in publication.resources] == ["orders"]
    assert "legacy" in publication.left_out["invoices"]


def test_of_several_sources_each_gets_a_schema(shop, write_module):
    write_module(
        "two.py",
        "import dlt\n"
        "def build():\n"
        "    def source(name, table):\n"
        "        rows = dlt.resource([{'id': 1}], name='rows', table_name=table)\n"
        "        rows.apply_hints(incremental=dlt.sources.incremental('id'))\n"
        "        return dlt.source(lambda: rows, name=name)()\n"
        "    return [source('north', 'north_rows'), source('south', 'south_rows')]\n",
    )
    for name in ("north__rows", "south__rows"):
        shop.load("two:build", name, destination=shop.destination(), dataset_name=shop.dataset)

    publication = publish(shop)

    assert [item.source_name for item in publication.resources] == ["north", "south"]
    pipeline = attached(shop)
    assert pipeline.schema_names == ["north", "south"]
    sources = base_state(shop)["sources"]
    for name in ("north", "south"):
        assert pipeline.schemas[name].data_table_names() == [f"{name}_rows"]
        assert sources[name]["resources"]["rows"]["incremental"]["id"]["last_value"] == 1


def test_a_source_whose_name_was_shortened_has_to_be_built(shop, write_module):
    name = "a_very_long_name_of_a_source_that_leaves_no_place_for_that_of_a_task"[:60]
    write_module(
        "long.py",
        f"import dlt\n@dlt.source(name={name!r})\ndef build():\n"
        "    return dlt.resource([{'id': 1}], name='rows')\n",
    )
    shop.load("long:build", "rows", destination=shop.destination(), dataset_name=shop.dataset)

    with pytest.raises(StateError, match="--source module:function"):
        publish(shop)


def test_nothing_can_be_published_before_the_first_load(shop):
    shop.run_plain(1)
    shop.load.store = MemoryStateStore()

    with pytest.raises(StateError, match="Run its Dag first"):
        publish(shop)


def test_the_command_publishes_the_default_database(shop, tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    shop.load.store = SqlStateStore(url)
    for name in ("orders", "customers"):
        shop.load("growing:growing", name, kwargs={"upto": 3}, base_dir=SOURCES)
    options = ["--store", url, "--data-dir", str(shop.load.data_dir), "--json"]

    first = CliRunner().invoke(app, ["state", "publish", "shop", *options])
    second = CliRunner().invoke(app, ["state", "publish", "shop", *options])

    assert first.exit_code == 0, first.output
    document = json.loads(first.stdout)
    assert len(document.pop("load_ids")) == 1
    assert document == {
        "pipeline_name": "shop",
        "dataset_name": "shop",
        "store": str(shop.load.store.name),
        "left_out": {},
        "resources": [
            {
                "resource_name": name,
                "source_name": "growing",
                "task_pipeline": f"shop__{name}",
                "cursors": cursors,
            }
            for name, cursors in (("customers", {}), ("orders", {"number": 3}))
        ],
    }
    assert json.loads(second.stdout)["load_ids"] == []


def test_the_command_says_in_one_line_what_is_wrong(shop, tmp_path):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    shop.load.store = SqlStateStore(url)
    shop.load("growing:growing", "orders", kwargs={"upto": 3}, base_dir=SOURCES)

    done = CliRunner().invoke(
        app, ["state", "publish", "shop", "--store", url, "--data-dir", str(tmp_path / "no")]
    )

    assert done.exit_code == 1
    assert done.stderr.startswith("Error: there is no database ")
    assert done.stderr.count("\n") == 1
