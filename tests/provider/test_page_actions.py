"""What a user asks on the page: planned, in the audit log, and carried out by the next load."""

import pytest

from airflow_dlt_provider.core.errors import StateStoreError
from airflow_dlt_provider.state_stores.asset_server import MetadataAccessor
from airflow_dlt_provider.state_stores.choose import open_server_state_store
from tests.provider.page import (
    EVENTS,
    REFRESH_PARAMS,
    ask,
    audit_log,
    dag_text,
    make_known,
    runs_of,
)


@pytest.fixture
def load(dag_folder, run_dag):
    """Load a Dag with as many clicks as are asked for."""
    dag_folder.write("events_source.py", EVENTS)

    def load(dag_id, until):
        return run_dag(dag_folder.dag(dag_text(dag_id, until)))

    return load


def waiting(dag_id, resource="clicks"):
    store = open_server_state_store("asset", dag_id)
    states = store.read_resources(dag_id, [resource])
    return store.pending_requests(dag_id, states, [resource]).get(resource)


def test_a_plan_says_what_would_happen_and_changes_nothing(page, load):
    load("page_plan", 3)

    answer = page.post("api/plan", ask("page_plan", "set", value="1"))

    effects = answer.json()["effects"]
    assert effects[0] == "goes on from cursor id = 1 (int; now 2)"
    assert effects[2].endswith(
        "are added beside those that are there, so that they are there twice"
    )
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
