"""What the state of a resource tells at a glance: its last loads in short, and its tables."""

import pytest

from airflow_dlt_provider.core.errors import StateStoreError
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from airflow_dlt_provider.core.state.records import KEPT_RECENT, StateRequest

pytestmark = pytest.mark.usefixtures("events_module")


def state_of(load):
    return load.store.read_resources("shop", ["events"])["events"]


def test_the_last_loads_are_remembered_in_short(load, load_ids):
    load_ids(1, 2)
    load_ids(1, 2, 3)

    recent = state_of(load).recent
    assert [(item.run_id, item.rows) for item in recent] == [("run_1", 4), ("run_1", 2)]
    assert all(item.seconds > 0 for item in recent)
    newest = load.store.last_load("shop", "events")
    assert recent[-1].recorded_at == newest.recorded_at


def test_only_so_many_are_remembered(load, load_ids):
    for last in range(1, KEPT_RECENT + 3):
        load_ids(last)

    recent = state_of(load).recent
    assert len(recent) == KEPT_RECENT
    assert recent[-1].recorded_at == load.store.last_load("shop", "events").recorded_at


def test_the_tables_are_those_of_dlts_schema_the_root_first(load, load_ids):
    load_ids(1)

    tables = state_of(load).tables
    assert [(name, table["parent"]) for name, table in tables.items()] == [
        ("events", None),
        ("events__parts", "events"),
    ]
    columns = tables["events"]["columns"]
    assert columns["id"] == {"type": "bigint", "nullable": True, "key": False}
    assert columns["_dlt_id"]["nullable"] is False


def test_a_key_is_told(load, write_module):
    write_module(
        "keyed.py",
        "import dlt\n"
        "def keyed():\n"
        "    return dlt.resource([{'id': 1, 'note': None}], name='rows', primary_key='id')\n",
    )

    load("keyed:keyed", "rows")

    columns = load.store.read_resources("shop", ["rows"])["rows"].tables["rows"]["columns"]
    assert columns["id"] == {"type": "bigint", "nullable": False, "key": True}
    assert "note" not in columns, "a column without a type is not in the destination"


class ForgetfulStore(MemoryStateStore):
    """Cannot be reached when a load ends."""

    is_down = False

    def record_loads(self, records):
        if self.is_down:
            raise StateStoreError("forgetful", "it is down")
        super().record_loads(records)


def test_a_load_whose_end_the_store_was_not_told_is_remembered_by_the_next(load, load_ids):
    load.store = ForgetfulStore()
    load.store.is_down = True
    load_ids(1)
    assert state_of(load).recent == ()

    load.store.is_down = False
    load_ids(1, 2)

    state = state_of(load)
    assert [item.rows for item in state.recent] == [2, 2]
    assert list(state.tables) == ["events", "events__parts"]


def test_a_load_says_which_request_it_carried_out(load, load_ids):
    load_ids(1)
    load.store.ask(StateRequest("shop", "events", "reset", asked_by="me"))
    load_ids(1)

    assert [item.kind for item in load.store.list_loads("shop", "events")] == ["reset", "load"]
