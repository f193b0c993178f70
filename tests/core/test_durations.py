"""How long the loads of a resource take, as the ledger remembers."""

import pytest

from airflow_dlt_provider.core.control.durations import remembered_seconds
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from tests.state_store_suite import load


@pytest.fixture
def store():
    return MemoryStateStore()


def alone(name, number, seconds, **changes):
    return load(
        number,
        name,
        task_pipeline=f"shop__{name}",
        seconds_by_step={"extract": seconds - 0.25, "load": 0.25},
        **changes,
    )


def together(number, **shares):
    return [
        load(number, name, task_pipeline="shop__batch", seconds_by_step={"load": share})
        for name, share in shares.items()
    ]


def test_the_median_of_finished_loads_counts_with_two_digits(store):
    store.record_loads([alone("orders", n, seconds) for n, seconds in enumerate([1, 12.34, 99])])
    store.record_loads([alone("orders", 7, 500, status="unfinished")])

    assert remembered_seconds(store, "shop", ["orders", "new"], {}) == {"orders": 12.0}


def test_a_backfill_counts_only_where_there_is_nothing_else(store):
    store.record_loads([alone("orders", 1, 2), alone("orders", 2, 400, kind="backfill")])
    store.record_loads([alone("customers", 2, 30, kind="backfill")])

    found = remembered_seconds(store, "shop", ["orders", "customers"], {})

    assert found == {"orders": 2.0, "customers": 30.0}


def test_a_resource_that_was_only_loaded_with_others_counts_by_its_share(store):
    store.record_loads(together(1, orders=9, customers=1))

    found = remembered_seconds(store, "shop", ["orders", "customers"], {})

    assert found == {"orders": 9.0, "customers": 1.0}


def test_what_is_known_of_a_resource_stays_while_it_is_loaded_with_others_alone(store):
    store.record_loads(together(1, orders=9, customers=1))

    found = remembered_seconds(store, "shop", ["orders", "customers"], {"customers": 7.0})

    assert found == {"orders": 9.0, "customers": 7.0}


def test_a_little_more_or_less_changes_nothing(store):
    first = MemoryStateStore()
    first.record_loads([alone("orders", 1, 123.0)])
    store.record_loads([alone("orders", 1, 121.0)])

    assert remembered_seconds(first, "shop", ["orders"], {}) == remembered_seconds(
        store, "shop", ["orders"], {}
    )
