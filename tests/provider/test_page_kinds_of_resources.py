"""What the page tells of resources of each kind."""

from tests.provider.page import detail, make_known

KINDS_SOURCE = """
import dlt

def kinds():
    return [
        dlt.resource([{"id": 1}], name="added", write_disposition="append"),
        dlt.resource([{"id": 1}], name="merged", write_disposition="merge", primary_key="id"),
        dlt.resource(
            [{"id": 1}], name="kept", write_disposition={"disposition": "merge", "strategy": "scd2"}
        ),
    ]
"""

BIG_SOURCE = """
import dlt

def big():
    @dlt.resource(write_disposition="append")
    def rows(new=dlt.sources.incremental("id")):
        yield [{"id": 9007199254740995}]

    return rows
"""

DAYS_SOURCE = """
import datetime
import dlt

def days():
    @dlt.resource(write_disposition="append")
    def visits(new=dlt.sources.incremental("seen_at")):
        for day in range(1, 5):
            yield {"seen_at": datetime.datetime(2024, 1, day, tzinfo=datetime.timezone.utc)}

    return visits
"""

CLOSED_SOURCE = """
import os
from shop_source import shop

def closed():
    if not os.environ.get("OPEN"):
        raise ConnectionError("planning is offline")
    return shop()
"""


def test_each_kind_of_resource_has_its_ways_to_be_refreshed(page, dag_folder, metadata_database):
    dag_folder.write("kinds_source.py", KINDS_SOURCE)
    make_known(dag_folder.dag('dag = DltDag("page_kinds", "kinds_source:kinds")'))

    items = page.items("page_kinds")

    assert {name: item["write_disposition"] for name, item in items.items()} == {
        "added": "append",
        "kept": "scd2",
        "merged": "merge",
    }
    assert detail(page, "page_kinds", "kept")["refresh_modes"] == ["drop_data", "drop_resources"]


def test_a_task_for_a_whole_source_shows_what_it_loaded(page, dag_folder, run_dag, monkeypatch):
    dag_folder.write("closed_source.py", CLOSED_SOURCE)
    dag = dag_folder.dag('dag = DltDag("page_whole", "closed_source:closed")')
    make_known(dag)
    (before,) = page.items("page_whole").values()
    assert (before["resource"], before["table"]) == ("closed", None)
    assert (before["is_whole_source"], before["status"]) == (True, "never loaded")

    monkeypatch.setenv("OPEN", "1")
    assert run_dag(dag).state == "success"

    items = page.items("page_whole")
    assert list(items) == ["customers", "orders", "prices"]
    assert {(item["task_id"], item["is_whole_source"]) for item in items.values()} == {
        ("closed", False)
    }
    assert [item["table"] for item in items.values()] == ["customers", "orders", "price_list"]
    assert items["orders"]["cursor"][0]["value"] == 2
    assert detail(page, "page_whole", "closed", "orders")["loads"][0]["rows"] == 5
    dags = {dag["dag_id"]: dag["resources"] for dag in page.get("api/dags")["dags"]}
    assert dags["page_whole"] == 3


def test_a_number_that_a_browser_would_round_is_text_and_comes_back_whole(
    page, dag_folder, run_dag
):
    dag_folder.write("big_source.py", BIG_SOURCE)
    run_dag(dag_folder.dag('dag = DltDag("page_big", "big_source:big")'))

    shown = detail(page, "page_big", "rows")
    asked = {"dag_id": "page_big", "task_id": "rows", "resource": "rows", "action": "set"}
    plan = page.post("api/plan", asked | {"value": "9007199254740993"}).json()

    assert shown["cursor"][0]["value"] == "9007199254740995"
    assert shown["cursor"][0]["type"] == "int"
    assert shown["loads"][0]["cursor_after"] == {"id": "9007199254740995"}
    assert plan["effects"][0] == (
        "goes on from cursor id = 9007199254740993 (int; now 9007199254740995)"
    )


def test_a_load_of_a_window_says_so_and_which(page, dag_folder, run_dag):
    dag_folder.write("days_source.py", DAYS_SOURCE)
    dag = dag_folder.dag('dag = DltDag("page_window", "days_source:days")')
    run_dag(dag)
    window = {"backfill_from": "2024-01-02T00:00:00Z", "backfill_to": "2024-01-03T00:00:00Z"}
    run_dag(dag, run_conf=window)

    backfill, load = detail(page, "page_window", "visits")["loads"]

    assert (backfill["kind"], load["kind"]) == ("backfill", "load")
    assert backfill["window"] == ["2024-01-02T00:00:00+00:00", "2024-01-03T00:00:00+00:00"]
    assert load["window"] is None
