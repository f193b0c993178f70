"""What a user asks on the page: planned, in the audit log, and carried out by the next load."""

import pytest
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_dlt_provider.core.errors import StateStoreError
from airflow_dlt_provider.state_stores.asset_server import MetadataAccessor
from airflow_dlt_provider.state_stores.choose import open_server_state_store
from tests.provider.page import audit_log, make_known

EVENTS = """
import dlt

def events(until=3):
    @dlt.resource(write_disposition="append")
    def clicks(new=dlt.sources.incremental("id")):
        yield [{"id": id} for id in range(until)]

    slowly = {"disposition": "merge", "strategy": "scd2"}
    return [clicks, dlt.resource([{"id": 1}], name="kept", write_disposition=slowly)]
"""

REFRESH_PARAMS = (
    'params={"full_refresh": False, "refresh_mode": "replace", "allow_empty_replace": False, '
    '"resources": Param(["clicks", "kept"], type="array", '
    'items={"type": "string", "enum": ["clicks", "kept"]})}'
)


@pytest.fixture
def load(dag_folder, run_dag):
    """Load a Dag with as many clicks as are asked for."""
    dag_folder.write("events_source.py", EVENTS)

    def load(dag_id, until):
        return run_dag(dag_folder.dag(dag_text(dag_id, until)))

    return load


@pytest.fixture
def known(dag_folder, metadata_database):
    """Make a Dag known that was never loaded."""
    dag_folder.write("events_source.py", EVENTS)

    def known(dag_id, *, paused=False, more=""):
        make_known(dag_folder.dag(dag_text(dag_id, 3, more)), paused=paused)

    return known


def dag_text(dag_id, until, more=""):
    more = f", {more}" if more else ""
    kwargs = f'source_kwargs={{"until": {until}}}'
    return f'dag = DltDag("{dag_id}", "events_source:events", {kwargs}{more})'


def ask(dag_id, action, resource="clicks", **fields):
    target = {"dag_id": dag_id, "task_id": resource, "resource": resource}
    return target | {"action": action} | fields


def waiting(dag_id, resource="clicks"):
    store = open_server_state_store("asset", dag_id)
    states = store.read_resources(dag_id, [resource])
    return store.pending_requests(dag_id, states, [resource]).get(resource)


def runs_of(dag_id):
    with create_session() as session:
        return list(session.scalars(select(DagRun).where(DagRun.dag_id == dag_id)))


def test_a_plan_says_what_would_happen_and_changes_nothing(page, load):
    load("page_plan", 3)

    answer = page.post("api/plan", ask("page_plan", "set", value="1"))

    effects = answer.json()["effects"]
    assert effects[0] == "goes on from cursor id = 1 (int; now 2)"
    assert answer.json()["replaces"] is None
    assert waiting("page_plan") is None
    assert audit_log("page_plan") == []
    assert page.items("page_plan")["clicks"]["status"] == "loaded"


def test_a_request_waits_with_the_name_of_who_asked(page, load):
    load("page_ask", 3)

    answer = page.post("api/actions", ask("page_ask", "set", value="1", path="id"), user="olga")

    assert answer.json() == {
        "message": "Recorded. The next load of clicks applies it.",
        "link": None,
    }
    request = waiting("page_ask")
    assert (request.kind, request.value, request.cursor_path) == ("set", 1, "id")
    assert request.asked_by == "olga"
    shown = page.items("page_ask")["clicks"]
    assert shown["status"] == "waiting"
    assert shown["request"]["kind"] == "set"
    assert shown["request"]["text"].startswith("set id to 1, asked by olga, ")
    assert list(page.items("page_ask", status="waiting")) == ["clicks"]


def test_the_audit_log_says_who_asked_what_and_what_follows(page, load):
    load("page_audit", 3)

    page.post("api/actions", ask("page_audit", "set", value="1"), user="olga")

    (row,) = audit_log("page_audit")
    assert (row["event"], row["owner"], row["task_id"]) == ("dlt_set", "olga", "clicks")
    assert row["resource"] == "clicks"
    assert row["asked"] == {"action": "set", "value": "1"}
    assert row["effects"][0] == "goes on from cursor id = 1 (int; now 2)"


def test_the_next_load_does_what_was_asked(page, load, table_rows):
    load("page_done", 3)
    page.post("api/actions", ask("page_done", "reset"))

    load("page_done", 3)

    rows = table_rows("page_done", "select count(*) from page_done.page_done.clicks")
    assert rows == [(6,)]
    shown = page.get("api/resource", dag_id="page_done", task_id="clicks", resource="clicks")
    assert [item["kind"] for item in shown["loads"]] == ["reset", "load"]
    assert (shown["status"], shown["request"]) == ("loaded", None)


def test_a_request_that_replaces_another_says_so(page, load):
    load("page_again", 3)
    page.post("api/actions", ask("page_again", "reset"), user="olga")

    plan = page.post("api/plan", ask("page_again", "set", value="0")).json()

    assert plan["replaces"].startswith("reset, asked by olga, ")


def test_a_load_is_rewound_and_a_run_replayed(page, load):
    runs = [load("page_back", until) for until in (2, 4)]
    loads = page.get("api/resource", dag_id="page_back", task_id="clicks", resource="clicks")
    record_id = loads["loads"][0]["record_id"]

    rewind = page.post("api/plan", ask("page_back", "rewind", record_id=record_id)).json()
    assert rewind["effects"][0].startswith(f"goes back before load {record_id[:8]}")
    assert "2 rows are removed" in rewind["effects"][1]

    page.post("api/actions", ask("page_back", "replay", run_id=runs[0].run_id))
    request = waiting("page_back")
    assert (request.kind, request.run_id) == ("replay", runs[0].run_id)
    assert request.record_id == loads["loads"][1]["record_id"]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"action": "rewind", "record_id": "nope"}, "has no load 'nope'; there are: "),
        ({"action": "replay", "run_id": "nope"}, "has no load of run 'nope' to replay, of clicks"),
        ({"action": "set", "value": "x"}, "'x' is no int, which the cursor is"),
        ({"action": "set", "value": "1", "path": "at"}, "has no cursor 'at'; there are: id"),
    ],
    ids=lambda value: value.get("action") if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_told_and_not_done(page, load, fields, told):
    load("page_unfit", 3)

    for path in ("api/plan", "api/actions"):
        answer = page.post(path, ask("page_unfit", **fields))
        assert answer.status_code == 400
        assert told in answer.json()["detail"]
        assert "--" not in answer.json()["detail"], "no option of a command is meant"
    assert waiting("page_unfit") is None
    assert audit_log("page_unfit") == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"action": "drop"}, "tag 'drop'"),
        ({"action": None}, "action"),
        ({"action": "set"}, "value: Field required"),
        ({"action": "reset", "force": True}, "force: Extra inputs are not permitted"),
        ({"action": "set", "value": 5}, "value: Input should be a valid string"),
        ({"action": "set", "value": "5", "value_type": "pickle"}, "value_type: "),
        ({"action": "refresh", "refresh_mode": "purge"}, "refresh_mode: "),
        ({"action": "refresh", "allow_empty_replace": "yes"}, "allow_empty_replace: "),
        ({"action": "reset", "resource": ""}, "resource: "),
    ],
)
def test_wrong_input_is_told_where_it_is_wrong(page, known, change, told):
    known("page_wrong")

    answer = page.post("api/actions", ask("page_wrong", "reset") | change)

    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert audit_log("page_wrong") == []


def test_a_resource_that_is_not_there_is_not_asked_of(page, known):
    known("page_nobody")

    answer = page.post("api/actions", ask("page_nobody", "reset") | {"resource": "clix"})

    assert answer.status_code == 404
    assert "there are: clicks" in answer.json()["detail"]


def test_a_cursor_of_a_resource_that_was_never_loaded_needs_its_type(page, known):
    known("page_typed")

    answer = page.post("api/plan", ask("page_typed", "set", value="5"))
    assert answer.status_code == 400
    assert "name the type of its value, one of: datetime, date, int" in answer.json()["detail"]

    typed = ask("page_typed", "set", value="5", value_type="int", path="id")
    assert page.post("api/actions", typed).status_code == 200
    assert waiting("page_typed").value == 5


def test_a_whole_source_that_was_never_loaded_takes_no_requests(
    page, dag_folder, metadata_database
):
    dag_folder.write("away_source.py", "def away():\n    raise ConnectionError('offline')\n")
    make_known(dag_folder.dag('dag = DltDag("page_away", "away_source:away")'))

    answer = page.post("api/actions", ask("page_away", "reset", "away"))

    assert answer.status_code == 400
    assert "nobody knows before its first load" in answer.json()["detail"]


@pytest.mark.parametrize("action", ["reset", "refresh"])
def test_nothing_is_done_that_the_audit_log_does_not_have(page, known, monkeypatch, action):
    known("page_unlogged", more=REFRESH_PARAMS)
    monkeypatch.setattr("airflow_dlt_provider.plugin.page.actions.Log", lambda **_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        page.post("api/actions", ask("page_unlogged", action))

    assert waiting("page_unlogged") is None
    assert runs_of("page_unlogged") == []


def test_what_failed_is_in_the_audit_log_as_failed(page, known, monkeypatch):
    known("page_failed")

    def fail(self, key, value):
        raise StateStoreError("asset", "the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(MetadataAccessor, "set", fail)
        answer = page.post("api/actions", ask("page_failed", "reset"))

    assert answer.status_code == 503
    assert "the database is away" in answer.json()["detail"]
    assert [row["event"] for row in audit_log("page_failed")] == [
        "dlt_reset",
        "dlt_reset_failed",
    ]


def test_a_hidden_store_takes_no_requests(page, known, tmp_path):
    known("page_secret", more=f'state_store="sqlite:///{tmp_path}/state.db"')

    answer = page.post("api/actions", ask("page_secret", "reset"))

    assert answer.status_code == 400
    assert "name it by an Airflow connection" in answer.json()["detail"]


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
