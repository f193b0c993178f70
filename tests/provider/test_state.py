"""The state store seen from Dags: which one is used, what it holds, what a run may ask for."""

import contextlib

import pytest

from airflow_dlt_provider.core.state.sql import SqlStateStore
from airflow_dlt_provider.state_stores.choose import open_server_state_store

EVENTS = """
import dlt

@dlt.source
def events(until=3):
    before = dlt.current.source_state().get("counts", {})

    # with a key, a row at the cursor is the same row however it looks
    @dlt.resource(write_disposition="append", primary_key="id")
    def clicks(new=dlt.sources.incremental("id")):
        dlt.current.source_state().setdefault("counts", {})["clicks"] = until
        yield [{"id": id, "before": str(sorted(before.items()))} for id in range(until)]

    @dlt.resource(write_disposition="append")
    def views(new=dlt.sources.incremental("id")):
        dlt.current.source_state().setdefault("counts", {})["views"] = until
        yield [{"id": id} for id in range(until)]

    return clicks, views
"""


@pytest.fixture(autouse=True)
def events_source(dag_folder):
    dag_folder.write("events_source.py", EVENTS)


@pytest.fixture
def sql_store(tmp_path):
    """The URL of a state store, and what it holds."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with contextlib.closing(SqlStateStore(url)) as store:
        yield url, store


def ids(table_rows, pipeline_name, table="clicks"):
    sql = f"select id from {pipeline_name}.{pipeline_name}.{table} order by id"
    return [row[0] for row in table_rows(pipeline_name, sql)]


def test_the_ledger_is_in_airflows_asset_state_store(dag_folder, run_dag):
    run = run_dag(dag_folder.dag('dag = DltDag("state_asset", "events_source:events")'))

    assert run.state == "success"
    store = open_server_state_store("asset", "state_asset")
    (record,) = store.list_loads("state_asset", "clicks")
    assert (record.run_id, record.status, record.rows_by_table) == (
        run.run_id,
        "finished",
        {"clicks": 3},
    )
    assert store.list_resources("state_asset") == ["clicks", "views"]
    assert store.read_source("state_asset", "events").values == {
        "counts": {"clicks": 3, "views": 3}
    }


def test_a_dag_may_have_a_store_of_its_own(dag_folder, run_dag, sql_store):
    url, store = sql_store
    run = run_dag(
        dag_folder.dag(f'dag = DltDag("state_own", "events_source:events", state_store="{url}")')
    )

    assert store.list_resources("state_own") == ["clicks", "views"]
    assert store.last_load("state_own", "views").run_id == run.run_id


def test_a_whole_source_keeps_its_ledger_too(dag_folder, run_dag, table_rows):
    dag_folder.write(
        "closed_source.py",
        "import os\nfrom events_source import events\n"
        "def closed(until):\n"
        "    if not os.environ.get('OPEN'):\n        raise ConnectionError('planning is offline')\n"
        "    return events(until)\n",
    )
    text = 'dag = DltDag("state_whole", "closed_source:closed", source_kwargs={"until": %d})'
    for until in (2, 4):
        dag = dag_folder.dag(text % until)
        assert list(dag.resource_tasks) == ["closed"]
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("OPEN", "1")
            assert run_dag(dag).state == "success"

    assert ids(table_rows, "state_whole") == [0, 1, 2, 3]
    store = open_server_state_store("asset", "state_whole")
    assert len(store.list_loads("state_whole", "views")) == 2


def test_a_store_that_is_down_fails_the_task_by_name(dag_folder, run_dag, capture_task_errors):
    dag = dag_folder.dag("""
dag = DltDag("state_down", "events_source:events", resources=["clicks"],
    state_store="postgresql://me:secret@127.0.0.1:1/ledger",
    task_options={"*": {"retries": 1, "retry_delay": 0}})
""")

    run_dag(dag)

    errors = capture_task_errors["clicks"]
    assert len(errors) == 2, "it may be up again at the next try"
    assert "127.0.0.1:1/ledger" in errors[0]
    assert "secret" not in errors[0]


def test_what_resources_share_is_seen_by_all_in_the_next_run(dag_folder, run_dag, table_rows):
    for until in (2, 4):
        text = 'dag = DltDag("state_shared", "events_source:events", source_kwargs={"until": %d})'
        run_dag(dag_folder.dag(text % until))

    seen = table_rows(
        "state_shared", "select distinct before from state_shared.state_shared.clicks order by 1"
    )
    assert seen == [("[('clicks', 2), ('views', 2)]",), ("[]",)]


def test_a_run_is_replayed_by_a_param(dag_folder, run_dag, table_rows):
    text = 'dag = DltDag("state_replay", "events_source:events", source_kwargs={"until": %d})'
    runs = [run_dag(dag_folder.dag(text % until)) for until in (2, 4)]

    dag = dag_folder.dag(text % 6)
    replay = run_dag(dag, run_conf={"replay_run_id": runs[1].run_id})

    assert replay.state == "success"
    assert ids(table_rows, "state_replay") == [0, 1, 2, 3, 4, 5]
    store = open_server_state_store("asset", "state_replay")
    records = store.list_loads("state_replay", "clicks")
    assert [record.status for record in records] == ["finished", "removed", "finished"]
    assert records[0].cursor_before == {"id": 1}


def test_a_run_that_nobody_knows_cannot_be_replayed(dag_folder, run_dag, capture_task_errors):
    text = 'dag = DltDag("state_unknown", "events_source:events", resources=["clicks"])'
    run_dag(dag_folder.dag(text))

    run_dag(dag_folder.dag(text), run_conf={"replay_run_id": "yesterday"})

    (error,) = capture_task_errors["clicks"]
    assert "no load of run 'yesterday' to replay" in error


def test_every_group_has_its_own_param_for_a_replay(dag_folder):
    dag = dag_folder.dag("""
with DAG("state_groups", params={"two__replay_run_id": "mine"}) as dag:
    for name in ("one", "two"):
        DltTaskGroup(name, "events_source:events")
""")

    params = dag.params.dump()
    assert params["one__replay_run_id"] is None
    assert params["two__replay_run_id"] == "mine"
    assert dag.get_task("one.clicks").param_prefix == "one__"


def test_the_asset_of_a_table_is_where_its_state_is(dag_folder):
    dag = dag_folder.dag('dag = DltDag("state_assets", "events_source:events")')
    task = dag.get_task("clicks")

    assert [asset.name for asset in task.outlets] == ["state_assets/state_assets/clicks"]
    assert [asset.name for asset in task.inlets] == [
        "state_assets/state_assets/clicks",
        "state_assets/state_assets",
    ]
    assert [asset.name for asset in dag.get_task("finish").inlets] == ["state_assets/state_assets"]


def test_no_secret_gets_into_the_state(dag_folder, run_dag, returned, monkeypatch, tmp_path):
    monkeypatch.setenv("SHOP_TOKEN", "s3cr3t-token")
    dag_folder.write(".dlt/secrets.toml", '[sources.api]\napi_key = "t0ml-s3cr3t"\n')
    dag_folder.write(
        "secret_source.py",
        "import dlt\n"
        "@dlt.source(section='api')\n"
        "def api(token, api_key=dlt.secrets.value):\n"
        "    @dlt.resource(write_disposition='append')\n"
        "    def rows(new=dlt.sources.incremental('id')):\n"
        "        assert (token, api_key) == ('s3cr3t-token', 't0ml-s3cr3t')\n"
        "        yield [{'id': 1}]\n"
        "    return rows\n",
    )
    dag = dag_folder.dag("""
dag = DltDag("state_secrets", "secret_source:api", source_kwargs={"token": "${SHOP_TOKEN}"})
""")

    run = run_dag(dag)

    assert run.state == "success"
    store = open_server_state_store("asset", "state_secrets")
    kept = repr(
        [
            store.read_resources("state_secrets", ["rows"]),
            store.list_loads("state_secrets", "rows"),
            returned(run),
        ]
    )
    assert "finished" in kept
    assert "s3cr3t" not in kept
