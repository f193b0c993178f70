"""A full refresh that a user asks for on the page: a run of the Dag for one resource."""

from tests.provider.page import EVENTS, REFRESH_PARAMS, ask, audit_log, make_known, runs_of


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
    assert "all rows of its tables are removed first" in plan["effects"][1]
    assert plan["effects"][-1].endswith("is paused: the run waits until it is unpaused")
    assert runs_of("page_paused") == []


def test_what_a_replace_does_with_nothing_is_told(page, known):
    known("page_empty", more=REFRESH_PARAMS)

    def told(**fields):
        return page.post("api/plan", ask("page_empty", "refresh", **fields)).json()["effects"][-1]

    assert told() == "if the source returns nothing, the load stops and the tables stay as they are"
    assert told(allow_empty_replace=True) == (
        "if the source returns nothing, the tables are emptied"
    )


def test_former_versions_of_rows_are_not_replaced(page, known):
    known("page_scd2", more=REFRESH_PARAMS)

    refused = page.post("api/plan", ask("page_scd2", "refresh", "kept", refresh_mode="replace"))
    default = page.post("api/plan", ask("page_scd2", "refresh", "kept"))

    assert refused.status_code == 400
    assert "there are: drop_data, drop_resources" in refused.json()["detail"]
    assert "all rows of its tables are removed first" in default.json()["effects"][1]


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
