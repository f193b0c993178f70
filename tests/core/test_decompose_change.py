"""The tasks of a source are grouped differently between runs: cursors go along."""

from dataclasses import replace

import pytest

from airflow_dlt_provider.core.errors import TerminalLoadError
from airflow_dlt_provider.core.state.records import LoadRecord
from tests.core.growing_shop import duckdb_shop, postgres_shop


@pytest.fixture
def shop(load, plan):
    return duckdb_shop(load, plan)


def test_no_row_is_loaded_again_or_skipped_when_the_grouping_changes(shop):
    for upto, decompose in ((3, "resource"), (5, "component"), (7, "none"), (9, "resource")):
        shop.load_all(upto, decompose)
        shop.assert_loaded_once(upto)
    shop.load_all(9, "component")
    shop.assert_loaded_once(9)


def test_on_postgresql_no_row_is_loaded_again_or_skipped(load, plan, postgres_url):
    shop = postgres_shop(load, plan, postgres_url)
    for upto, decompose in ((3, "resource"), (5, "none"), (7, "component"), (9, "resource")):
        shop.load_all(upto, decompose)
    shop.assert_loaded_once(9)


def test_no_row_is_loaded_again_or_skipped_when_the_packing_changes(shop):
    for upto, max_tasks in ((3, None), (5, 2), (7, 3), (8, 1), (9, 2), (10, None)):
        shop.load_all(upto, max_tasks=max_tasks)
        shop.assert_loaded_once(upto)


def test_on_postgresql_no_row_is_loaded_again_or_skipped_when_the_packing_changes(
    load, plan, postgres_url
):
    shop = postgres_shop(load, plan, postgres_url)
    for upto, max_tasks in ((3, 2), (5, None), (7, 3), (9, 2)):
        shop.load_all(upto, max_tasks=max_tasks)
    shop.assert_loaded_once(9)


def test_from_one_task_to_one_for_each_resource_and_back(shop):
    for upto, decompose in ((3, "none"), (5, "resource"), (7, "none"), (8, "none")):
        shop.load_all(upto, decompose)
        shop.assert_loaded_once(upto)


def test_without_new_rows_a_change_loads_nothing(shop):
    for decompose in ("resource", "none", "component", "resource"):
        shop.load_all(4, decompose)
    shop.assert_loaded_once(4)


def test_a_load_that_was_cut_off_before_the_change_leaves_nothing(shop, monkeypatch):
    shop.load_all(3, "component")
    cut_off(shop, monkeypatch, 5, "component")

    shop.load_all(6, "resource")

    shop.assert_loaded_once(6)


def test_a_load_that_finished_unseen_before_the_change_counts(shop, monkeypatch):
    shop.load_all(3, "resource")
    # the load ends, and the ledger is never told
    with monkeypatch.context() as patch:
        patch.setattr(
            "airflow_dlt_provider.core.loading.ledger.Ledger.finish", lambda *args, **kwargs: None
        )
        shop.load_all(5, "resource")

    shop.load_all(7, "none")

    shop.assert_loaded_once(7)


def cut_off(shop, monkeypatch, upto, decompose):
    """Load the tree, and lose the worker before dlt notes that the load is finished."""

    def lost(*args, **kwargs):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("dlt.load.load.Load.complete_package", lost)
        with pytest.raises(SystemExit):
            shop.load_all(upto, decompose)
    states = shop.load.store.read_resources("shop", ["orders", "invoices", "last_orders"])
    assert all(isinstance(state.unfinished, LoadRecord) for state in states.values())


@pytest.mark.parametrize("decompose", ["component", "none"])
@pytest.mark.parametrize("ahead", ["orders", "invoices"])
def test_different_cursors_of_one_feeding_resource_stop_the_change(shop, ahead, decompose):
    shop.load_all(3, "resource")
    shop.load_resource(ahead, 5)

    with pytest.raises(TerminalLoadError, match=r"'orders' feeds several.*decompose=.resource."):
        shop.load_all(6, decompose)

    shop.assert_loaded_once(3, ("last_orders",))
    # as the message says
    shop.load_all(6, "resource")
    shop.assert_loaded_once(6)
    shop.load_all(7, decompose)
    shop.assert_loaded_once(7)


def test_after_a_reset_the_change_starts_that_resource_from_the_beginning(shop):
    shop.load_all(3, "resource")
    (state,) = shop.load.store.read_resources("shop", ["customers"]).values()
    shop.load.store.write_resources([replace(state, states={})])

    shop.load_all(5, "none")

    shop.assert_loaded_once(5)
