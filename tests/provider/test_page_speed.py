"""However many resources there are, a page of them costs a handful of queries."""

import contextlib
import weakref

import pytest
from airflow import settings
from sqlalchemy import event

from airflow_dlt_provider.plugin.page.stores import Standing
from tests.provider.page import make_known

WIDE_SOURCE = """
import dlt

def wide():
    return [dlt.resource([{"id": 1}], name=f"table_{number:02}") for number in range(60)]
"""


@contextlib.contextmanager
def counted_queries():
    queries = []

    def count(_connection, _cursor, statement, *_):
        queries.append(statement)

    event.listen(settings.engine, "before_cursor_execute", count)
    yield queries
    event.remove(settings.engine, "before_cursor_execute", count)


@pytest.fixture
def wide(dag_folder, metadata_database):
    dag_folder.write("wide_source.py", WIDE_SOURCE)
    make_known(dag_folder.dag('dag = DltDag("page_wide", "wide_source:wide")'))


@pytest.mark.parametrize(
    ("params", "most"), [({}, 8), ({"status": "never loaded"}, 11)], ids=["all", "by status"]
)
def test_a_page_of_fifty_costs_as_many_queries_as_a_page_of_one(page, wide, params, most):
    counts = {}
    for size in (1, 1, 50):
        with counted_queries() as queries:
            shown = page.get("api/resources", dag_id="page_wide", size=size, **params)
        assert (len(shown["items"]), shown["total"]) == (size, 60)
        counts[size] = len(queries)

    assert counts[50] == counts[1]
    assert counts[50] <= most


@pytest.mark.parametrize("path", ["api/plan", "api/actions"])
def test_an_action_reads_nothing_of_other_tasks(page, wide, path):
    target = {"dag_id": "page_wide", "task_id": "table_00", "resource": "table_00"}
    page.post("api/plan", target | {"action": "reset"})

    with counted_queries() as queries:
        answer = page.post(path, target | {"action": "reset"})

    assert answer.status_code == 200
    assert len(queries) <= 12


def test_a_serialized_dag_is_read_once(page, wide):
    page.items("page_wide")

    with counted_queries() as queries:
        page.items("page_wide")

    assert not any("serialized_dag.data" in query for query in queries)


def test_a_filter_by_status_holds_no_state_longer_than_it_looks_at_it(page, wide, monkeypatch):
    seen, most_held = [], 0
    look = Standing.of

    def counted(known):
        nonlocal most_held
        seen.append(weakref.ref(known))
        most_held = max(most_held, sum(reference() is not None for reference in seen))
        return look(known)

    monkeypatch.setattr(Standing, "of", counted)
    page.get("api/resources", dag_id="page_wide", status="loaded")

    assert len(seen) == 60
    assert most_held <= 2
