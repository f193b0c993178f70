"""One suite for every state store: a new store is one more class with three fixtures.

`store` is an empty one, `other_store` keeps those of the pipeline "other" in the same place, and
`open_store(**options)` opens one more on what `store` keeps.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, time, timezone
from decimal import Decimal

import pytest

from airflow_dlt_provider.core.state.records import (
    LoadRecord,
    RecentLoad,
    ResourceState,
    SourceState,
    StateRequest,
)

WRITERS = 8
ROUNDS = 5

ODD_NAMES = [
    "with.dots.state",
    "orders.load.3",
    "source",
    "a/b//c",
    "with space",
    "ünïcödé 漢字 🦆",
    "quo\"te's; DROP TABLE dlt_resource_state",
    "100%_like",
    "x" * 200,
]

TYPED_VALUES = {
    "seen_at": datetime(2013, 1, 1, 12, 30, 15, 123456, tzinfo=timezone.utc),
    "local": datetime(2013, 1, 1, 12, 30),
    "day": date(2013, 1, 1),
    "at": time(12, 30),
    "price": Decimal("12.3400"),
    "token": b"\x00\xff",
    "text": "2013-01-01",
    "list": [1, 2.5, None, True, "ünïcödé"],
    "nested": {"days": [date(2013, 1, 2)]},
}


def load(number=0, resource_name="orders", pipeline_name="shop", **changes):
    """A finished load; one number is one record."""
    record = LoadRecord(
        pipeline_name=pipeline_name,
        resource_name=resource_name,
        dag_id="shop_dag",
        run_id=f"run_{number}",
        try_number=1,
        load_ids=(f"{number}.5", f"{number}.6"),
        rows_by_table={"orders": number, "orders__lines": 2},
        cursor_before={},
        cursor_after={"updated_at": "2013-01-01T00:00:00Z", "ids": [1, 2]},
        seconds_by_step={"load": 0.5},
        # not in the order of recording: clocks of two workers differ
        recorded_at=1000.0 - number,
        record_id=f"{pipeline_name}_{resource_name[:20]}_{number}",
        max_tries=3,
        task_pipeline="shop__orders",
        destination="duckdb",
        dataset_name="shop_data",
        table_name="orders",
        schema_names=("shop__orders",),
        states_before={"orders": TYPED_VALUES},
        states_after={"orders": TYPED_VALUES},
        state_version=3,
        schema_changes={"orders": ["price"]},
        request_id="asked",
        working_dir="/scratch/task",
    )
    return replace(record, **changes)


def state(resource_name="orders", pipeline_name="shop", **changes):
    record = ResourceState(
        pipeline_name=pipeline_name,
        resource_name=resource_name,
        task_pipeline="shop__orders",
        state_version=3,
        load_ids=("1.5",),
        states={resource_name: TYPED_VALUES},
        members=("orders", "customers"),
        unfinished=load(7, resource_name, pipeline_name, status="unfinished"),
        applied_request_id="asked",
        source_changes={"shop": [[["path", "to"], TYPED_VALUES]]},
        changes_id="changes",
        recent=(RecentLoad(999.5, 3, 0.25, "run_6"),),
        tables={"orders": {"parent": None, "columns": {"id": {"type": "bigint"}}}},
        updated_at=1000.5,
    )
    return replace(record, **changes)


def request(resource_name="orders", pipeline_name="shop", **changes):
    record = StateRequest(
        pipeline_name=pipeline_name,
        resource_name=resource_name,
        kind="set",
        asked_by="someone",
        cursor_path="updated_at",
        value=TYPED_VALUES["seen_at"],
        record_id="a record",
        run_id="a run",
        request_id="request",
        asked_at=1000.5,
    )
    return replace(record, **changes)


def at_once(work, writers=WRITERS):
    """Let all writers do `work(number)` at one moment; the exception of any of them is raised."""
    start = threading.Barrier(writers)

    def run(number):
        start.wait()
        work(number)

    with ThreadPoolExecutor(writers) as threads:
        list(threads.map(run, range(writers)))


def run_ids(records):
    return [record.run_id for record in records]


class StateStoreSuite:
    """What every state store does."""

    def test_a_load_comes_back_as_it_was(self, store):
        store.record_loads([load(3)])

        assert store.list_loads("shop", "orders") == [load(3)]
        assert store.last_load("shop", "orders") == load(3)

    def test_a_load_without_rows_cursor_or_packages_comes_back_as_it_was(self, store):
        empty = load(load_ids=(), rows_by_table={}, cursor_after={}, states_before={})

        store.record_loads([empty])

        assert store.last_load("shop", "orders") == empty

    def test_the_state_of_a_resource_comes_back_with_the_types_of_its_values(self, store):
        store.write_resources([state()])

        (read,) = store.read_resources("shop", ["orders"]).values()
        assert read == state()
        assert list(map(type, read.states["orders"].values())) == list(
            map(type, TYPED_VALUES.values())
        )

    def test_the_state_of_a_source_comes_back_with_the_types_of_its_values(self, store):
        kept = SourceState(
            "shop", "shop", TYPED_VALUES, {"orders": "changes"}, [{"values": TYPED_VALUES}], 1000.5
        )

        store.write_source(kept)

        assert store.read_source("shop", "shop") == kept

    @pytest.mark.parametrize("value", [*TYPED_VALUES.values(), None, 0, ""], ids=repr)
    def test_a_request_comes_back_with_the_type_of_its_value(self, store, value):
        store.ask(request(value=value))

        (read,) = store.read_requests("shop", ["orders"]).values()
        assert read == request(value=value)
        assert type(read.value) is type(value)

    def test_an_empty_store_knows_nothing(self, store):
        assert store.read_resources("shop", ["orders"]) == {}
        assert store.read_source("shop", "shop") is None
        assert store.read_requests("shop", ["orders"]) == {}
        assert store.list_loads("shop", "orders") == []
        assert store.last_load("shop", "orders") is None
        assert store.list_resources("shop") == []

    def test_nothing_is_asked_and_nothing_is_written_for_no_resources(self, store):
        store.write_resources([])
        store.record_loads([])

        assert store.read_resources("shop", []) == {}
        assert store.read_requests("shop", []) == {}

    def test_what_was_recorded_last_comes_first(self, store):
        for number in range(3):
            store.record_loads([load(number)])
        store.record_loads([load(3), load(4)])

        assert run_ids(store.list_loads("shop", "orders")) == [
            "run_4",
            "run_3",
            "run_2",
            "run_1",
            "run_0",
        ]
        assert store.last_load("shop", "orders") == load(4)

    def test_a_list_of_loads_has_an_end(self, store):
        store.record_loads([load(number) for number in range(25)])

        assert run_ids(store.list_loads("shop", "orders", limit=2)) == ["run_24", "run_23"]
        assert len(store.list_loads("shop", "orders")) == 20

    def test_a_record_with_the_id_of_another_takes_its_place(self, store):
        store.record_loads([load(0), load(1, status="unfinished"), load(2)])

        store.record_loads([load(1, status="removed", rows_by_table={})])

        assert store.list_loads("shop", "orders") == [
            load(2),
            load(1, status="removed", rows_by_table={}),
            load(0),
        ]

    def test_only_the_last_loads_are_kept(self, open_store):
        store = open_store(kept_loads=3)

        for number in range(5):
            store.record_loads([load(number), load(number, "customers")])

        assert run_ids(store.list_loads("shop", "orders")) == ["run_4", "run_3", "run_2"]
        assert run_ids(store.list_loads("shop", "customers")) == ["run_4", "run_3", "run_2"]

    def test_of_more_loads_at_once_than_are_kept_the_last_remain(self, open_store):
        store = open_store(kept_loads=3)

        store.record_loads([load(number) for number in range(5)])

        assert run_ids(store.list_loads("shop", "orders")) == ["run_4", "run_3", "run_2"]

    def test_replacing_a_record_again_and_again_pushes_none_out(self, open_store):
        store = open_store(kept_loads=3)
        store.record_loads([load(number) for number in range(3)])

        for rows in range(10):
            store.record_loads([load(1, rows_by_table={"orders": rows})])

        assert run_ids(store.list_loads("shop", "orders")) == ["run_2", "run_1", "run_0"]

    def test_the_loads_of_a_task_are_kept_from_its_begin_to_its_end(self, open_store):
        store = open_store(kept_loads=3)

        for number in range(5):
            begun = load(number, status="unfinished")
            store.read_resources("shop", ["orders"])
            store.write_resources([state(unfinished=begun)])
            store.record_loads([load(number)])
            store.write_resources([state(unfinished=None, state_version=number)])

        assert store.list_loads("shop", "orders") == [load(4), load(3), load(2)]
        assert store.read_resources("shop", ["orders"]) == {
            "orders": state(unfinished=None, state_version=4)
        }

    def test_the_list_is_right_at_every_moment_of_a_load(self, open_store):
        store = open_store(kept_loads=3)
        for number in range(6):
            store.write_resources([state(unfinished=load(number, status="unfinished"))])
            begun = run_ids(store.list_loads("shop", "orders"))
            store.record_loads([load(number)])
            recorded = run_ids(store.list_loads("shop", "orders"))
            store.write_resources([state(unfinished=None)])

            last = [f"run_{past}" for past in range(number, -1, -1)]
            assert begun == last[1:4]
            assert recorded == last[:3]
            assert run_ids(store.list_loads("shop", "orders")) == last[:3]

    def test_loads_that_never_end_push_out_none_that_did(self, open_store):
        store = open_store(kept_loads=3)
        store.record_loads([load(number) for number in range(3)])

        for number in range(10, 20):
            store.write_resources([state(unfinished=load(number, status="unfinished"))])

        assert run_ids(store.list_loads("shop", "orders")) == ["run_2", "run_1", "run_0"]

    def test_a_state_takes_the_place_of_the_former(self, store):
        store.write_resources([state(), state("customers")])

        store.write_resources([state(state_version=4, unfinished=None)])

        assert store.read_resources("shop", ["orders", "customers", "unknown"]) == {
            "orders": state(state_version=4, unfinished=None),
            "customers": state("customers"),
        }

    def test_the_state_of_a_source_takes_the_place_of_the_former(self, store):
        store.write_source(SourceState("shop", "shop", {"a": 1}))
        store.write_source(SourceState("shop", "shop", {"b": 2}))

        assert store.read_source("shop", "shop").values == {"b": 2}

    def test_a_request_takes_the_place_of_an_earlier_one_of_its_resource(self, store):
        store.ask(request(request_id="first"))
        store.ask(request("customers"))
        store.ask(request(request_id="second", kind="reset", value=None))

        assert store.read_requests("shop", ["orders", "customers"]) == {
            "orders": request(request_id="second", kind="reset", value=None),
            "customers": request("customers"),
        }

    def test_a_request_is_pending_until_a_state_says_that_it_was_carried_out(self, store):
        store.ask(request())
        before = {"orders": state(applied_request_id=None)}
        after = {"orders": state(applied_request_id="request")}

        assert store.pending_requests("shop", {}, ["orders"]) == {"orders": request()}
        assert store.pending_requests("shop", before, ["orders"]) == {"orders": request()}
        assert store.pending_requests("shop", after, ["orders"]) == {}

    def test_resources_are_kept_apart(self, store):
        for resource_name in ("orders", "customers", "order"):
            store.record_loads([load(1, resource_name)])
            store.write_resources([state(resource_name)])
            store.ask(request(resource_name))

        assert store.list_loads("shop", "orders") == [load(1)]
        assert store.read_resources("shop", ["orders"]) == {"orders": state()}
        assert store.read_requests("shop", ["orders"]) == {"orders": request()}

    def test_pipelines_are_kept_apart(self, store, other_store):
        for one, pipeline_name in ((store, "shop"), (other_store, "other")):
            one.record_loads([load(1, pipeline_name=pipeline_name)])
            one.write_resources([state(pipeline_name=pipeline_name)])
            one.write_source(SourceState(pipeline_name, "shop", {"of": pipeline_name}))
            one.ask(request(pipeline_name=pipeline_name))

        for one, pipeline_name in ((store, "shop"), (other_store, "other")):
            assert one.list_loads(pipeline_name, "orders") == [load(1, pipeline_name=pipeline_name)]
            assert one.read_resources(pipeline_name, ["orders"]) == {
                "orders": state(pipeline_name=pipeline_name)
            }
            assert one.read_source(pipeline_name, "shop").values == {"of": pipeline_name}
            assert one.read_requests(pipeline_name, ["orders"]) == {
                "orders": request(pipeline_name=pipeline_name)
            }
            assert one.list_resources(pipeline_name) == ["orders"]

    def test_resources_with_a_state_or_a_request_are_listed(self, store):
        store.write_resources([state("orders"), state("customers")])
        store.ask(request("customers"))
        store.ask(request("Archive"))
        store.record_loads([load(1, "prices")])

        assert store.list_resources("shop") == ["Archive", "customers", "orders"]

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names_of_resources_are_kept(self, store, name):
        store.write_resources([state(name), state("orders")])
        store.record_loads([load(1, name), load(2)])
        store.ask(request(name))

        assert store.read_resources("shop", [name]) == {name: state(name)}
        assert store.list_loads("shop", name) == [load(1, name)]
        assert store.read_requests("shop", [name]) == {name: request(name)}
        assert store.list_resources("shop") == sorted([name, "orders"])

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names_of_sources_are_kept(self, store, name):
        store.write_resources([state("source")])
        store.write_source(SourceState("shop", name, {"a": 1}))

        assert store.read_source("shop", name).values == {"a": 1}
        assert store.read_resources("shop", ["source"]) == {"source": state("source")}

    def test_threads_may_each_write_their_own_resources_at_once(self, store):
        def write(number):
            name = f"resource_{number}"
            for i in range(ROUNDS):
                store.write_resources([state(name, state_version=i)])
                store.record_loads([load(i, name)])

        at_once(write)

        names = [f"resource_{number}" for number in range(WRITERS)]
        assert store.list_resources("shop") == names
        versions = [item.state_version for item in store.read_resources("shop", names).values()]
        assert versions == [ROUNDS - 1] * WRITERS
        assert {len(store.list_loads("shop", name)) for name in names} == {ROUNDS}


class DurableStateStoreSuite(StateStoreSuite):
    """What a store does, besides, whose records outlive their process."""

    def test_another_instance_finds_what_the_first_wrote_before_that_is_closed(
        self, store, open_store
    ):
        store.write_resources([state()])
        store.record_loads([load(1)])
        store.write_source(SourceState("shop", "shop", {"a": 1}))
        store.ask(request())

        second = open_store()

        assert second.read_resources("shop", ["orders"]) == {"orders": state()}
        assert second.list_loads("shop", "orders") == [load(1)]
        assert second.read_source("shop", "shop").values == {"a": 1}
        assert second.read_requests("shop", ["orders"]) == {"orders": request()}
        assert second.list_resources("shop") == ["orders"]

    def test_a_load_that_another_process_began_is_recorded_under_its_id(self, open_store):
        begun = load(1, status="unfinished")
        first = open_store()
        first.record_loads([load(0)])
        first.write_resources([state(unfinished=begun)])
        # the process dies after it has recorded the load, before it writes the state
        first.record_loads([load(1)])

        second = open_store()
        assert second.list_loads("shop", "orders") == [load(1), load(0)]
        second.record_loads([load(1, status="removed")])
        second.write_resources([state(unfinished=load(2, status="unfinished"))])
        second.record_loads([load(2)])

        assert open_store().list_loads("shop", "orders") == [
            load(2),
            load(1, status="removed"),
            load(0),
        ]

    def test_a_load_recorded_by_a_process_that_died_then_is_not_written_over(self, open_store):
        first = open_store(kept_loads=3)
        first.record_loads([load(0)])
        first.write_resources([state(unfinished=load(1, status="unfinished"))])
        first.record_loads([load(1)])

        second = open_store(kept_loads=3)
        second.write_resources([state(unfinished=load(2, status="unfinished"))])
        second.record_loads([load(2)])

        assert run_ids(second.list_loads("shop", "orders")) == ["run_2", "run_1", "run_0"]

    def test_tries_in_processes_of_their_own_go_on_with_one_history(self, open_store):
        for number in range(6):
            store = open_store(kept_loads=4)
            store.read_resources("shop", ["orders"])
            store.record_loads([load(number)])
            store.close()

        assert run_ids(open_store().list_loads("shop", "orders")) == [
            "run_5",
            "run_4",
            "run_3",
            "run_2",
        ]

    def test_fewer_loads_are_kept_once_fewer_are_wanted(self, open_store):
        open_store().record_loads([load(number) for number in range(8)])

        open_store(kept_loads=3).record_loads([load(8)])

        kept = open_store().list_loads("shop", "orders")
        assert run_ids(kept) == ["run_8", "run_7", "run_6"]
