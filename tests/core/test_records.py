"""The documents that state stores keep."""

import json

import pytest

from airflow_dlt_provider.core.state.records import SourceState
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
