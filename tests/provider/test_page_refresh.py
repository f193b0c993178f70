"""A full refresh that a user asks for on the page: a run of the Dag for one resource."""

import pytest

from tests.provider.page import (
    EVENTS,
    REFRESH_PARAMS,
    ask,
    audit_log,
    dag_text,
    make_known,
    runs_of,
)

SET = {"action": "set", "path": "id", "value": "1"}

FED = """
import dlt

@dlt.source
def fed(until=3):
    @dlt.resource(write_disposition="append")
    def users(new=dlt.sources.incremental("id")):
        yield [{"id": id} for id in range(until)]

    @dlt.transformer(data_from=users, write_disposition="append")
    def posts(items, new=dlt.sources.incremental("id")):
        yield [{"id": item["id"]} for item in items]

    @dlt.resource
    def alone():
        yield [{"id": 1}]

    return users, posts, alone
"""


def test_a_refresh_starts_a_run_of_the_dag_as_the_user(page, known):
    known("page_refresh", more=REFRESH_PARAMS)
    action = ask("page_refresh", "refresh", allow_empty_replace=True)

    answer = page.post("api/actions", action, user="olga")

    (run,) = runs_of("page_refresh")
    assert answer.json()["link"] == f"/dags/page_refresh/runs/{run.run_id}".replace(
        ":", "%3A"
    ).replace("+", "%2B")
    assert run.conf == {
        "full_refresh": True,
        "resources": ["clicks"],
        "refresh_mode": "replace",
        "allow_empty_replace": True,
    }
    assert (run.run_type, run.state, run.triggering_user_name) == ("manual", "queued", "olga")
    (row,) = audit_log("page_refresh")
    assert (row["event"], row["owner"], row["run_id"]) == ("dlt_refresh", "olga", run.run_id)
    assert row["asked"] == {"action": "refresh", "allow_empty_replace": True}


def test_the_plan_of_a_refresh_starts_nothing_and_tells_of_a_paused_dag(page, known):
    known("page_paused", paused=True, more=REFRESH_PARAMS)

    plan = page.post("api/plan", ask("page_paused", "refresh", refresh_mode="drop_data")).json()

    assert "loads clicks from the beginning, and no other resource" in plan["effects"][0]
    assert plan["effects"][1].startswith("all rows of table clicks and those nested in it are rem")
    assert plan["effects"][-1].endswith("is paused: the run waits until it is unpaused")
    assert runs_of("page_paused") == []


def test_what_a_replace_does_with_nothing_is_told(page, known):
    known("page_empty", more=REFRESH_PARAMS)

    def told(**fields):
        return page.post("api/plan", ask("page_empty", "refresh", **fields)).json()["effects"][2]

    stops = "if the source returns nothing, the load stops and the tables stay as they are"
    assert told() == told(refresh_mode="drop_data") == stops
    assert told(allow_empty_replace=True) == (
        "if the source returns nothing, the tables are emptied"
    )


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("replace", "takes the place of all rows of table clicks"),
        ("drop_data", "all rows of table clicks and those nested in it are removed"),
        ("drop_resources", "table clicks and those nested in it are dropped"),
    ],
)
def test_the_plan_says_what_becomes_of_the_tables(page, known, mode, told):
    known("page_modes", more=REFRESH_PARAMS)

    plan = page.post("api/plan", ask("page_modes", "refresh", refresh_mode=mode)).json()

    assert told in plan["effects"][1]


def test_the_run_that_the_page_starts_loads_the_resource_anew(
    page, dag_folder, run_dag, table_rows
):
    dag_folder.write("events_source.py", EVENTS)

    def load(until, **kwargs):
        assert run_dag(dag_folder.dag(dag_text("page_anew", until)), **kwargs).state == "success"

    def ids():
        return table_rows("page_anew", "select id from page_anew.page_anew.clicks order by id")

    load(2)
    load(3)
    page.post("api/actions", ask("page_anew", "refresh", refresh_mode="drop_data"))
    started = next(run for run in runs_of("page_anew") if run.conf)
    load(2, run_conf=started.conf)

    assert ids() == [(0,), (1,)]
    params = {"dag_id": "page_anew", "task_id": "clicks", "resource": "clicks"}
    loads = page.get("api/resource", **params)["loads"]
    assert [item["kind"] for item in loads] == ["refresh", "load", "load"]
    assert {(item["can_rewind"], item["can_replay"]) for item in loads} == {(False, False)}
    load(4)
    assert ids() == [(0,), (1,), (2,), (3,)]
    loads = page.get("api/resource", **params)["loads"]
    assert [item["can_rewind"] for item in loads] == [True, False, False, False]


def test_what_shares_a_cursor_is_refreshed_too_and_named(page, dag_folder, run_dag):
    dag_folder.write("fed_source.py", FED)
    run_dag(dag_folder.dag('dag = DltDag("page_fed", "fed_source:fed", decompose="none")'))
    (task_id,) = {item["task_id"] for item in page.items("page_fed").values()}
    action = ask("page_fed", "refresh", "posts") | {"task_id": task_id}

    plan = page.post("api/plan", action).json()

    assert "loads posts from the beginning, and in the same way users" in plan["effects"][0]
    assert "alone" not in plan["effects"][0]
    assert page.items("page_fed")["posts"]["cursor"] == [
        {"resource": name, "path": "id", "value": 2, "type": "int"} for name in ("posts", "users")
    ]
    of_posts = page.post("api/plan", action | SET | {"cursor_resource": "posts"})
    of_users = page.post("api/plan", action | SET | {"cursor_resource": "users"})
    assert of_posts.json()["effects"][0] == "goes on from cursor id = 1 (int; now 2)"
    assert of_posts.json()["effects"][-1].endswith("passes them too is loaded: id of users = 2")
    assert of_users.status_code == 400
    assert "of users, which feeds resource 'posts', cannot be set" in of_users.json()["detail"]


def test_a_table_of_several_tasks_is_not_refreshed_by_one(page, dag_folder, metadata_database):
    dag_folder.write(
        "both_source.py",
        "import dlt\n"
        "def both():\n"
        "    names = ('one', 'two')\n"
        "    return [dlt.resource([{'id': 1}], name=name, table_name='all') for name in names]\n",
    )
    make_known(dag_folder.dag('dag = DltDag("page_both", "both_source:both")'))

    answer = page.post("api/plan", ask("page_both", "refresh", "one"))

    assert answer.status_code == 400
    assert "task 'two' writes table 'all' too" in answer.json()["detail"]


def test_the_plan_names_params_that_a_refresh_leaves_at_their_defaults(page, known):
    known("page_until", more=REFRESH_PARAMS.replace("params={", 'params={"until": 3, '))

    effects = page.post("api/plan", ask("page_until", "refresh")).json()["effects"]

    assert "other params of the Dag have their defaults: until" in effects


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ({"action": "reset"}, "what waits comes to nothing: reset, asked by olga"),
        (
            SET | {"value_type": "int"},
            "what waits is done by the load after it: set id to 1, asked by olga",
        ),
    ],
)
def test_a_request_that_waits_is_named_by_the_plan_of_a_refresh(page, known, action, outcome):
    known("page_waits", more=REFRESH_PARAMS)
    asked = page.post("api/actions", ask("page_waits", "reset") | action, user="olga")
    assert asked.status_code == 200, asked.text

    effects = page.post("api/plan", ask("page_waits", "refresh")).json()["effects"]

    assert any(outcome in item for item in effects)


def test_former_versions_of_rows_are_not_replaced(page, known):
    known("page_scd2", more=REFRESH_PARAMS)

    refused = page.post("api/plan", ask("page_scd2", "refresh", "kept", refresh_mode="replace"))
    default = page.post("api/plan", ask("page_scd2", "refresh", "kept"))

    assert refused.status_code == 400
    assert "there are: drop_data, drop_resources" in refused.json()["detail"]
    assert default.json()["effects"][1].startswith("all rows of table kept")


def test_a_dag_without_the_param_is_not_refreshed_by_mistake(page, dag_folder, metadata_database):
    dag_folder.write("events_source.py", EVENTS)
    make_known(
        dag_folder.dag("""
from airflow.sdk import Asset
with DAG("page_bare") as dag:
    DltResourceOperator(
        task_id="clicks",
        source="events_source:events",
        resource_names=["clicks"],
        pipeline_asset=Asset(name="page_bare/page_bare", uri="x-dlt://page_bare/page_bare"),
        planned_resources=[
            {"name": "clicks", "table_name": "clicks", "write_disposition": "append"}
        ],
    )
""")
    )

    answer = page.post("api/actions", ask("page_bare", "refresh"))

    assert answer.status_code == 400
    assert "has no param 'full_refresh'" in answer.json()["detail"]
    assert runs_of("page_bare") == []


def test_a_refresh_that_the_dag_refuses_starts_nothing(page, known):
    only_kept = REFRESH_PARAMS.replace('"enum": ["clicks", "kept"]', '"enum": ["kept"]')
    known("page_refused", more=only_kept.replace('["clicks", "kept"]', '["kept"]'))

    answer = page.post("api/actions", ask("page_refused", "refresh"))

    assert answer.status_code == 400
    assert "takes no such run" in answer.json()["detail"]
    assert runs_of("page_refused") == []
    assert audit_log("page_refused") == []


def test_who_may_edit_and_not_trigger_starts_no_refresh(page, known, monkeypatch):
    from airflow.api_fastapi.app import get_auth_manager

    known("page_untriggered", more=REFRESH_PARAMS)
    manager = type(get_auth_manager())
    monkeypatch.setattr(manager, "is_authorized_dag", lambda self, *, method, **_: method != "POST")

    answer = page.post("api/actions", ask("page_untriggered", "refresh"))

    assert answer.status_code == 403
    assert "the right to start a run" in answer.json()["detail"]
    assert runs_of("page_untriggered") == []
    assert page.post("api/plan", ask("page_untriggered", "reset")).status_code == 200


def test_the_params_of_a_group_have_its_name(page, dag_folder, metadata_database):
    dag_folder.write("events_source.py", EVENTS)
    make_known(
        dag_folder.dag("""
with DAG("page_group", params={"load__full_refresh": False}) as dag:
    DltTaskGroup("load", "events_source:events")
""")
    )
    action = ask("page_group", "refresh") | {"task_id": "load.clicks"}

    assert page.post("api/actions", action).status_code == 200

    (run,) = runs_of("page_group")
    assert run.conf["load__full_refresh"] is True
    assert run.conf["load__resources"] == ["clicks"]
