"""Cursors of other pipelines are taken over: no row is loaded again, and none is skipped."""

import json
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import dlt
import pytest
from typer.testing import CliRunner

from airflow_dlt_provider.cli import app
from airflow_dlt_provider.core.errors import StateError, TerminalLoadError
from airflow_dlt_provider.core.loading.rows.contract import StoredPipeline, StoredState
from airflow_dlt_provider.core.migration.adopt import adopt_pipelines, find_adoption
from airflow_dlt_provider.core.migration.history import source_histories
from airflow_dlt_provider.core.migration.place import opened
from airflow_dlt_provider.core.spec import DestinationSpec
from airflow_dlt_provider.core.state.records import StateRequest
from airflow_dlt_provider.core.state.sql import SqlStateStore
from tests.core.growing_shop import RESOURCES, SOURCES, TREE, duckdb_shop, postgres_shop
from tests.core.sources.growing import growing

COMPONENTS = (TREE, ("products",), ("customers",), ("events",))

ISOLATED = {
    TREE: "growing_orders_invoices_last_orders",
    ("products",): "growing_products",
    ("customers",): "growing_customers",
    ("events",): "growing_events",
}
"""Names that dlt's helper (1.31) makes of a source's components."""


@pytest.fixture
def shop(load, plan):
    return duckdb_shop(load, plan)


def adopt(shop, *patterns, known=True):
    return adopt_pipelines(shop.place(), patterns, shop.load.store, shop.known() if known else ())


def stored(shop, *names):
    with opened(shop.place()) as dataset:
        return dataset.rows.stored_pipelines(names)


@contextmanager
def started(shop, upto, name, resources):
    """Run a task up to the end of extract; it loads when it is left."""
    pipeline = shop.plain_pipeline(name)
    pipeline.sync_destination()
    pipeline.extract(growing(upto).with_resources(*resources))
    yield
    pipeline.activate()
    pipeline.normalize()
    pipeline.load()
    pipeline.deactivate()


def run_helper_in_parallel(shop, upto, name="legacy"):
    """Run as `PipelineTasksGroup` in mode `parallel` does: the first alone, the others at once."""
    first, *others = COMPONENTS
    shop.run_plain(upto, name, first)
    tasks = [started(shop, upto, name, resources) for resources in others]
    for task in tasks:
        task.__enter__()
    for task in tasks:
        task.__exit__(None, None, None)


@pytest.mark.parametrize("known", [True, False])
def test_after_a_plain_pipeline_tasks_load_exactly_the_new_rows(shop, known):
    shop.run_plain(5)

    adopt(shop, "legacy", known=known)

    shop.load_all(5)
    shop.assert_loaded_once(5)
    shop.load_all(8)
    shop.assert_loaded_once(8)


def test_on_postgresql_tasks_load_exactly_the_new_rows(load, plan, postgres_url):
    shop = postgres_shop(load, plan, postgres_url)
    shop.run_plain(5)

    adopt(shop, "legacy")

    shop.load_all(8)
    shop.assert_loaded_once(8)


def test_in_files_the_cursor_is_taken_over(load, plan, tmp_path):
    bucket = dlt.destinations.filesystem(bucket_url=(tmp_path / "bucket").as_uri())
    shop = replace(duckdb_shop(load, plan), destination=lambda: bucket)
    shop.run_plain(5)

    adoption = adopt(shop, "legacy")
    result = shop.load_resource("orders", 8)

    assert {item.name for item in adoption.resources} == set(RESOURCES)
    assert result.resources[0].rows_by_table["orders"] == 3


def test_a_component_goes_on_where_the_pipeline_stopped(shop):
    shop.run_plain(5)

    adopt(shop, "legacy")

    shop.load_all(8, "component")
    shop.load_all(9, "component")
    shop.assert_loaded_once(9)


def test_without_adopting_a_first_load_does_not_append_to_foreign_rows(shop):
    shop.run_plain(5)

    for name in ("orders", "invoices", "events"):
        with pytest.raises(TerminalLoadError, match="airflow-dlt state adopt shop --from"):
            shop.load_resource(name, 8)

    shop.assert_loaded_once(5)


def test_after_the_helper_in_parallel_mode_tasks_load_exactly_the_new_rows(shop):
    run_helper_in_parallel(shop, 5)

    adopt(shop, "legacy")

    shop.load_all(5)
    shop.assert_loaded_once(5)
    shop.load_all(8)
    shop.assert_loaded_once(8)


def test_the_helpers_stale_copies_of_a_cursor_do_not_count(shop):
    shop.run_plain(3)
    with (
        started(shop, 5, "legacy", ("events",)),
        started(shop, 5, "legacy", ("products",)),
        # starts later, and so stores old cursors of the other two last
        started(shop, 5, "legacy", TREE),
    ):
        pass
    shop.run_plain(5, "legacy", ("customers",))

    adoption = adopt(shop, "legacy")

    by_name = {item.name: item.states for item in adoption.resources}
    assert by_name["events"] == {"events": {"seen": 5}}
    assert by_name["products"]["products"]["incremental"]["version"]["last_value"] == 5
    shop.load_all(7)
    shop.assert_loaded_once(7)


def test_a_reset_of_the_plain_pipeline_is_no_lost_copy(shop):
    shop.run_plain(5)
    pipeline = shop.plain_pipeline()
    pipeline.sync_destination()
    pipeline.refresh = "drop_resources"
    pipeline.run(growing(0).with_resources("events"), refresh="drop_resources")
    with pipeline.managed_state(extract_state=True) as state:
        state["sources"]["growing"]["resources"].pop("events")
    pipeline.normalize()
    pipeline.load()
    pipeline.deactivate()

    adoption = adopt(shop, "legacy")

    assert next(item.states for item in adoption.resources if item.name == "events") == {}
    shop.load_resource("events", 6)
    assert shop.rows("events") == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("known", [True, False])
def test_after_the_helper_in_isolated_mode_tasks_load_exactly_the_new_rows(shop, known):
    for upto in (3, 5):
        for resources, name in ISOLATED.items():
            shop.run_plain(upto, name, resources)

    adopt(shop, "growing_*", known=known)

    shop.load_all(5)
    shop.assert_loaded_once(5)
    shop.load_all(8)
    shop.assert_loaded_once(8)


def test_the_names_of_isolated_pipelines_are_those_of_the_helper():
    pytest.importorskip("airflow", reason="dlt's helper needs Airflow")
    from dlt.common.normalizers.naming.snake_case import NamingConvention
    from dlt.helpers.airflow_helper import PipelineTasksGroup

    with patch.object(PipelineTasksGroup, "__init__", return_value=None):
        group = PipelineTasksGroup("group")
    group._used_names = {}
    names = {
        tuple(item.selected_resources): NamingConvention().normalize_identifier(
            group._task_name(dlt.pipeline("legacy"), item)
        )
        for item in growing(1).decompose("scc")
    }
    assert names == ISOLATED


def test_of_an_isolated_component_that_was_renamed_the_newer_pipeline_counts(shop):
    shop.run_plain(3, "growing_events", ("events",))
    shop.query("DROP TABLE raw.events")
    shop.run_plain(5, "growing_events_products", ("events", "products"))

    adopt(shop, "growing_*")

    shop.load_resource("events", 6)
    assert shop.rows("events") == [1, 2, 3, 4, 5, 6]


def test_source_level_state_is_taken_over(shop):
    shop.run_plain(3)
    shop.run_plain(5)

    adopt(shop, "legacy")

    assert shop.load.store.read_source("shop", "growing").values == {"calls": [3, 5]}
    shop.load_resource("events", 6)
    (pipeline,) = source_histories(stored(shop, "shop__events"))
    assert pipeline.values == {"calls": [3, 5, 6]}


def test_what_was_not_found_is_named(shop):
    shop.run_plain(5, resources=("events", "customers"))

    adoption = adopt(shop, "legacy")

    assert [item.name for item in adoption.resources] == ["customers", "events"]
    assert adoption.missing == ("orders", "invoices", "last_orders", "products")


def test_a_resource_without_its_cursor_is_not_taken_over(shop):
    shop.run_plain(5)
    pipeline = next(iter(stored(shop, "legacy")))
    states = [item.state["sources"]["growing"]["resources"] for item in pipeline.states]
    for item in states:
        item.pop("orders")
        item.pop("products")

    for known in (shop.known(), ()):
        with patch(
            "airflow_dlt_provider.core.loading.rows.sql.SqlRows.stored_pipelines",
            autospec=True,
            return_value=[pipeline],
        ):
            adoption = find_adoption(shop.place(), ["legacy"], known)
        assert {"orders", "products"} <= set(adoption.missing)


def test_a_pipeline_that_is_not_there_is_named_with_those_that_are(shop):
    shop.run_plain(2)

    with pytest.raises(StateError, match=r"'legcy'.*there are: legacy .did you mean 'legacy'"):
        adopt(shop, "legcy")


def test_no_database_is_made_by_looking_for_pipelines(shop, tmp_path):
    missing = tmp_path / "nowhere.duckdb"
    place = replace(
        shop.place(), destination=DestinationSpec(dlt.destinations.duckdb(str(missing)))
    )

    with pytest.raises(StateError, match=r"nowhere\.duckdb"):
        find_adoption(place, ["legacy"])
    assert not missing.exists()


def test_nothing_is_taken_over_while_the_end_of_a_load_is_unknown(shop):
    shop.run_plain(2)
    adopt(shop, "legacy")
    store = shop.load.store
    shop.load_resource("orders", 3)
    record = store.last_load("shop", "orders")
    (state,) = store.read_resources("shop", ["orders"]).values()
    store.write_resources([replace(state, unfinished=record)])

    with pytest.raises(StateError, match="orders"):
        adopt(shop, "legacy")


def test_a_request_that_was_carried_out_is_not_carried_out_again(shop):
    shop.run_plain(3)
    adopt(shop, "legacy")
    shop.load.store.ask(StateRequest("shop", "events", "set", "me", "seen", 3))
    store = shop.load.store
    (state,) = store.read_resources("shop", ["events"]).values()
    (request,) = store.read_requests("shop", ["events"]).values()
    store.write_resources([replace(state, applied_request_id=request.request_id)])

    adopt(shop, "legacy")

    assert (
        store.pending_requests("shop", store.read_resources("shop", ["events"]), ["events"]) == {}
    )


def test_a_pattern_does_not_mean_the_tasks_own_pipelines(shop):
    shop.run_plain(3, "shop_legacy")
    adopt(shop, "shop_legacy")
    shop.load_resource("events", 4)

    assert find_adoption(shop.place(), ["shop_*"]).from_pipelines == ("shop_legacy",)
    assert find_adoption(shop.place(), ["shop__events"]).from_pipelines == ("shop__events",)


def test_the_tasks_of_another_base_name_can_be_taken_over(shop):
    shop.load_all(5)

    place = replace(shop.place(), pipeline_name="store")
    adopt_pipelines(place, ["shop__*"], shop.load.store, shop.known())

    states = shop.load.store.read_resources("store", RESOURCES)
    assert {name: state.task_pipeline for name, state in states.items()} == {
        name: f"shop__{name}" for name in RESOURCES
    }
    own = shop.load.store.read_resources("shop", RESOURCES)
    assert states["invoices"].states == own["invoices"].states


def test_the_state_with_the_highest_version_counts_where_a_clock_was_behind():
    def state(load_id, version, seen):
        sources = {"shop": {"resources": {"events": {"seen": seen}}}}
        document = {"_state_version": version, "schema_names": ["shop"], "sources": sources}
        return StoredState(load_id, float(load_id) + 1, document)

    rows = (state("1700000000.0", 1, 3), state("1700000500.0", 2, 5), state("1700000100.0", 3, 7))
    (history,) = source_histories([StoredPipeline("legacy", rows, {"shop": {}})])

    assert history.changes["events"].state == {"seen": 7}


@pytest.fixture
def adopt_command(shop, tmp_path, monkeypatch):
    """The command on the shop's dataset, and a store that another process has made."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    shop.load.store = SqlStateStore(url)
    shop.load.store.list_resources("shop")
    monkeypatch.setenv(
        "DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{shop.load.data_dir / 'lake.duckdb'}"
    )
    source = ["--source", "growing:growing", "--base-dir", str(SOURCES), "--kwarg", "upto=1"]

    def run(*arguments, with_source=True, **invocation):
        line = ["state", "adopt", "shop", "--store", url, "--dataset-name", "raw", *arguments]
        return CliRunner().invoke(app, [*line, *(source if with_source else [])], **invocation)

    return run


def test_the_command_shows_what_it_takes_over_and_asks(shop, adopt_command):
    shop.run_plain(3, resources=("orders", "invoices", "customers"))

    done = adopt_command("--from", "legacy", input="n\n")

    assert done.exit_code == 1
    assert "invoices: from legacy, load" in done.output
    assert "cursor orders.number 3" in done.output
    assert "Not found, or not with a cursor: last_orders, products, events" in done.output
    assert shop.load.store.list_resources("shop") == []


@pytest.mark.parametrize("with_source", [True, False])
def test_after_the_command_a_task_loads_only_new_rows(shop, adopt_command, with_source):
    shop.run_plain(3)

    done = adopt_command("--from", "legacy", "--yes", "--json", with_source=with_source)

    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["from"] == ["legacy"]
    assert document["source_state"] == {"growing": {"calls": [3]}}
    assert {item["resource_name"] for item in document["resources"]} == set(RESOURCES)
    cursors = {item["resource_name"]: item["cursors"] for item in document["resources"]}
    assert cursors["orders"] == [
        {"resource": "orders", "path": "number", "value": 3, "type": "int"}
    ]
    shop.load_resource("invoices", 5)
    assert shop.rows("invoices") == [1, 2, 3, 4, 5]


def test_the_command_says_in_one_line_what_is_wrong(shop, adopt_command):
    shop.run_plain(1)

    done = adopt_command("--from", "other", "--yes")

    assert done.exit_code == 1
    assert done.stderr.startswith("Error: the dataset holds no finished load of pipeline 'other'")
    assert done.stderr.count("\n") == 1
