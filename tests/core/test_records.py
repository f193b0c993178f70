"""The documents that state stores keep."""

import json

import pytest

from airflow_dlt_provider.core.state.records import ResourceState, SourceState
from tests.state_store_suite import TYPED_VALUES, load, request, state

RECORDS = [
    load(),
    state(),
    state(unfinished=None, members=(), load_ids=()),
    request(),
    SourceState("shop", "shop", TYPED_VALUES, {"shop__orders": "1"}, [{"path": ["at"]}]),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_document_is_what_json_gives_back(record):
    document = record.to_dict()

    assert json.loads(json.dumps(document)) == document
    assert type(record).from_dict(document) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_document_of_a_newer_version_can_be_read(record):
    assert type(record).from_dict({**record.to_dict(), "from_the_future": 1}) == record


def test_a_document_of_an_older_version_can_be_read():
    document = state().to_dict()
    older = {name: document[name] for name in document if name not in ("recent", "tables")}

    assert ResourceState.from_dict(older) == state(recent=(), tables={})


def test_a_settled_record_keeps_nothing_of_what_was_still_to_come():
    begun = load(status="unfinished", changes={"id": "x"}, tables_after={"orders": {}})

    settled = begun.settled("finished")

    assert settled == load(states_after={})
    assert settled.rows == sum(settled.rows_by_table.values())
