"""What the page tells of Dags and resources."""

import json

import pytest
from airflow.models.asset_state_store import AssetStateStoreModel
from airflow.utils.session import create_session
from sqlalchemy import update

from tests.provider.page import detail, make_known

ODD_SOURCE = """
import dlt

def odd():
    return [
        dlt.resource([{"id": 1}], name="<script>alert(1)</script>", table_name="odd"),
        dlt.resource([{"id": 1}], name='quo"te & more', table_name="quote"),
    ]
"""


@pytest.fixture
def shop(dag_folder, run_dag):
    """A Dag that has been loaded once."""
    dag = dag_folder.dag('dag = DltDag("page_loaded", "shop_source:shop")')
    run = run_dag(dag)
    assert run.state == "success"
    return run


def test_a_loaded_resource_shows_its_loads_its_tables_and_its_cursor(page, shop):
    orders = detail(page, "page_loaded", "orders")

    assert (orders["table"], orders["write_disposition"]) == ("orders", "append")
    assert (orders["status"], orders["request"], orders["problem"]) == ("loaded", None, None)
    assert orders["cursor"] == [{"resource": "orders", "path": "id", "value": 2, "type": "int"}]
    assert orders["last_load"]["rows"] == 5
    assert orders["last_load"]["run_id"] == shop.run_id
    assert orders["recent"][-1] == orders["last_load"]
    (load,) = orders["loads"][:1]
    assert load["rows_by_table"] == {"orders": 2, "orders__lines": 3}
    assert (load["status"], load["kind"], load["try_number"]) == ("finished", "load", 1)
    assert load["cursor_after"] == {"id": 2}
    assert load["seconds"] == pytest.approx(sum(load["seconds_by_step"].values()), abs=0.01)
    assert [(table["name"], table["parent"]) for table in orders["tables"]] == [
        ("orders", None),
        ("orders__lines", "orders"),
    ]
    column = orders["tables"][0]["columns"][0]
    assert column == {"name": "id", "type": "bigint", "nullable": True, "key": False}
    assert {change["table"] for change in orders["schema_changes"]} == {"orders", "orders__lines"}
    assert orders["refresh_modes"] == ["replace", "drop_data", "drop_resources"]


def test_links_lead_to_airflows_own_pages(page, shop):
    links = detail(page, "page_loaded", "orders")["links"]

    assert links["task"] == "/dags/page_loaded/tasks/orders"
    assert links["dag"] == "/dags/page_loaded"
    asset = page.ask("GET", f"../api/v2{links['asset']}", "anna").json()
    assert asset["name"] == "page_loaded/page_loaded/orders"


def test_the_list_agrees_with_the_detail(page, shop):
    items = page.items("page_loaded")

    assert list(items) == ["customers", "orders", "prices"]
    shown = detail(page, "page_loaded", "orders")
    assert items["orders"] == {name: shown[name] for name in items["orders"]}
    assert items["prices"]["table"] == "price_list"


def test_a_resource_that_was_never_loaded_says_so(page, dag_folder, metadata_database):
    make_known(dag_folder.dag('dag = DltDag("page_new", "shop_source:shop")'))

    items = page.items("page_new")

    assert {item["status"] for item in items.values()} == {"never loaded"}
    orders = detail(page, "page_new", "orders")
    assert (orders["loads"], orders["tables"], orders["last_load"]) == ([], [], None)


def test_a_resource_whose_task_failed_says_so(page, dag_folder, run_dag):
    dag_folder.write(
        "broken_source.py",
        "import dlt\n"
        "def broken():\n"
        "    def rows():\n"
        "        raise ValueError('no')\n"
        "        yield\n"
        "    good = dlt.resource([{'id': 1}], name='good')\n"
        "    return [dlt.resource(rows, name='bad'), good]\n",
    )
    run_dag(dag_folder.dag('dag = DltDag("page_broken", "broken_source:broken")'))

    items = page.items("page_broken")

    assert {name: item["status"] for name, item in items.items()} == {
        "bad": "failed",
        "good": "loaded",
    }
    assert list(page.items("page_broken", status="failed")) == ["bad"]
    assert page.get("api/resources", dag_id="page_broken", status="running")["total"] == 0


def test_a_load_that_nobody_saw_the_end_of_is_cut_off(page, shop):
    change_state("page_loaded", "customers", lambda state: state | {"unfinished": begun(state)})

    assert page.items("page_loaded")["customers"]["status"] == "cut off"
    load = detail(page, "page_loaded", "customers")["loads"][0]
    assert (load["status"], load["record_id"]) == ("unfinished", "cut off")


def test_a_value_that_is_damaged_hides_no_other(page, shop):
    change_state("page_loaded", "customers", lambda state: {"resource_name": "customers"})

    items = page.items("page_loaded")

    assert items["orders"]["status"] == "loaded"
    assert items["customers"]["status"] == "unknown"
    assert "is damaged" in items["customers"]["problem"]
    assert detail(page, "page_loaded", "customers")["loads"] == []


def test_resources_are_found_by_any_name_in_any_case(page, dag_folder, metadata_database):
    make_known(dag_folder.dag('dag = DltDag("page_searched", "shop_source:shop")'))

    assert list(page.items("page_searched", search="OrD")) == ["orders"]
    assert list(page.items("page_searched", search="price_L")) == ["prices"]
    assert len(page.items("page_searched", search="_SEARCHED")) == 3
    assert page.items("page_searched", search="%") == {}
    assert set(page.get("api/resources", search="page_searched")) == {
        "items",
        "total",
        "page",
        "size",
    }


def test_a_long_list_comes_in_pages(page, dag_folder, metadata_database):
    make_known(dag_folder.dag('dag = DltDag("page_paged", "shop_source:shop")'))

    pages = [page.get("api/resources", dag_id="page_paged", page=n, size=2) for n in (1, 2, 3)]

    assert [[item["resource"] for item in one["items"]] for one in pages] == [
        ["customers", "orders"],
        ["prices"],
        [],
    ]
    assert {one["total"] for one in pages} == {3}
    assert [(one["page"], one["size"]) for one in pages] == [(1, 2), (2, 2), (3, 2)]


@pytest.mark.parametrize(
    ("params", "status", "told"),
    [
        ({"size": 201}, 422, "size: "),
        ({"page": 0}, 422, "page: "),
        ({"status": "fine"}, 400, "there is no status 'fine'; there are: loaded"),
    ],
)
def test_what_cannot_be_listed_is_told(page, params, status, told):
    answer = page.ask("GET", "api/resources", "vera", params=params)

    assert answer.status_code == status
    assert answer.json()["detail"].startswith(told)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (("nope", "orders", "orders"), "there is no Dag 'nope' with dlt tasks"),
        (("page_known", "ordrs", "orders"), "did you mean 'orders'?"),
        (("page_known", "orders", "ordrs"), "has no resource 'ordrs'; there are: orders"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(page, dag_folder, metadata_database, target, told):
    make_known(dag_folder.dag('dag = DltDag("page_known", "shop_source:shop")'))
    params = dict(zip(("dag_id", "task_id", "resource"), target, strict=True))

    answer = page.ask("GET", "api/resource", "vera", params=params)

    assert answer.status_code == 404
    assert told in answer.json()["detail"]


def test_odd_names_are_data_and_nothing_else(page, dag_folder, metadata_database):
    dag_folder.write("odd_source.py", ODD_SOURCE)
    make_known(dag_folder.dag('dag = DltDag("page_odd", "odd_source:odd")'))

    items = page.items("page_odd")

    assert list(items) == ["<script>alert(1)</script>", 'quo"te & more']
    for name, item in items.items():
        assert detail(page, "page_odd", item["task_id"], name)["resource"] == name
    answer = page.ask("GET", "api/resources", "vera", params={"dag_id": "page_odd"})
    assert answer.headers["content-type"] == "application/json"


def test_groups_of_one_dag_are_told_apart(page, dag_folder, metadata_database):
    make_known(
        dag_folder.dag("""
with DAG("page_groups") as dag:
    for name in ("one", "two"):
        DltTaskGroup(name, "shop_source:shop", resources=["orders"])
""")
    )

    listed = page.get("api/resources", dag_id="page_groups")["items"]

    assert [(item["task_id"], item["pipeline_name"]) for item in listed] == [
        ("one.orders", "page_groups__one"),
        ("two.orders", "page_groups__two"),
    ]


def test_a_dag_without_dlt_tasks_has_nothing_to_show(page, dag_folder, metadata_database):
    text = 'with DAG("page_other") as dag:\n    task(task_id="one")(lambda: 1)()'
    make_known(dag_folder.dag(text))

    assert page.get("api/resources", dag_id="page_other")["total"] == 0
    assert "page_other" not in [dag["dag_id"] for dag in page.get("api/dags")["dags"]]


def test_a_state_store_whose_url_is_hidden_is_not_read_here(page, dag_folder, run_dag, tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    text = f'dag = DltDag("page_hidden", "shop_source:shop", state_store="{url}")'
    run_dag(dag_folder.dag(text))

    orders = detail(page, "page_hidden", "orders")

    assert orders["status"] == "unknown"
    assert "named by a URL, which may hold a password" in orders["problem"]
    assert url not in json.dumps(orders)


def test_a_store_in_a_database_is_read_too(page, dag_folder, run_dag, tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("AIRFLOW__DLT__STATE_STORE", url)
    dag = dag_folder.dag('dag = DltDag("page_sql", "shop_source:shop")')
    make_known(dag)
    before = page.items("page_sql")["orders"]
    assert before["status"] == "unknown"
    assert "is not on the machine of Airflow's API server" in before["problem"]
    assert not (tmp_path / "ledger.db").exists(), "looking makes no file"

    run_dag(dag)

    assert page.items("page_sql")["orders"]["status"] == "loaded"
    assert detail(page, "page_sql", "orders")["loads"][0]["rows"] == 5
    assert list(page.items("page_sql", status="loaded")) == ["customers", "orders", "prices"]


def test_a_dag_that_changes_shows_what_it_is_now(page, dag_folder, metadata_database, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    make_known(dag_folder.dag('dag = DltDag("page_changed", "shop_source:shop")'))
    assert len(page.items("page_changed")) == 3

    text = 'dag = DltDag("page_changed", "shop_source:shop", resources=["orders"])'
    make_known(dag_folder.dag(text))

    assert list(page.items("page_changed")) == ["orders"]


def change_state(dag_id, resource, change):
    """Change the value of a resource's state in Airflow's asset state store."""
    with create_session() as session:
        row = next(
            row
            for row in session.query(AssetStateStoreModel).filter_by(key=f"{resource}.state")
            if (json.loads(row.value)["state"] or {}).get("pipeline_name") == dag_id
        )
        value = json.loads(row.value)
        value["state"] = change(value["state"])
        session.execute(
            update(AssetStateStoreModel)
            .where(
                AssetStateStoreModel.asset_id == row.asset_id,
                AssetStateStoreModel.key == row.key,
            )
            .values(value=json.dumps(value))
        )


def begun(state):
    return {
        "pipeline_name": state["pipeline_name"],
        "resource_name": state["resource_name"],
        "dag_id": state["pipeline_name"],
        "run_id": "a_run",
        "try_number": 2,
        "load_ids": ["9.9"],
        "rows_by_table": {},
        "cursor_before": {},
        "cursor_after": {},
        "seconds_by_step": {},
        "recorded_at": 2e9,
        "record_id": "cut off",
        "status": "unfinished",
    }
