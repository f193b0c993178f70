"""Who reaches the page, and what every answer of it carries."""

import sys

import pytest
from airflow.configuration import conf

from airflow_dlt_provider.plugin.page.routes import router
from airflow_dlt_provider.plugin.plugin import DltPlugin
from tests.provider.page import SAME_ORIGIN, audit_log, make_known

ROUTES = sorted((method, route.path) for route in router.routes for method in route.methods)
HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
RESET = {"dag_id": "page_shop", "task_id": "orders", "resource": "orders", "action": "reset"}


@pytest.fixture
def shop(dag_folder, metadata_database):
    dag = dag_folder.dag('dag = DltDag("page_shop", "shop_source:shop")')
    make_known(dag)
    return dag


@pytest.fixture
def static_folder(page, tmp_path):
    former, page.app.state.static_folder = page.app.state.static_folder, tmp_path
    for name in ("page.html", "page.js", "page.css", "icon.svg", "secret.py"):
        (tmp_path / name).write_text("a file")
    yield tmp_path
    page.app.state.static_folder = former


def path_of(route):
    return route.lstrip("/").replace("{name}", "page.js")


def test_the_app_has_no_route_beside_those_of_the_router(page):
    paths = {(method, route.path) for route in page.app.routes for method in route.methods}

    assert paths == set(ROUTES)
    assert {("POST", "/api/plan"), ("POST", "/api/actions"), ("GET", "/")} <= paths


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_nobody_reaches_anything_without_being_logged_in(page, shop, static_folder, method, route):
    body = {"json": RESET} if method == "POST" else {}

    answer = page.ask(method, path_of(route), None, **body)

    assert answer.status_code == 401
    assert "detail" in answer.json()
    assert answer.headers.items() >= HEADERS.items()


@pytest.mark.parametrize("name", ["", "static/page.js", "static/page.css", "static/icon.svg"])
def test_files_of_the_page_are_for_every_user(page, static_folder, name):
    answer = page.ask("GET", name, "vera")

    assert (answer.status_code, answer.text) == (200, "a file")
    assert answer.headers.items() >= HEADERS.items()


@pytest.mark.parametrize("name", ["secret.py", "..%2Fsecret.js", "%2e%2e/routes.py", "none.js"])
def test_no_other_file_is_served(page, static_folder, name):
    assert page.ask("GET", f"static/{name}", "anna").status_code == 404


def test_the_cookie_of_the_ui_is_enough(page, shop):
    page.client.cookies.set("_token", page.token("vera"))

    answer = page.client.get("/dlt/api/resources", params={"dag_id": "page_shop"})

    page.client.cookies.clear()
    assert answer.json()["total"] == 3


@pytest.mark.parametrize("path", ["api/plan", "api/actions"])
def test_who_may_only_read_changes_nothing(page, shop, path):
    assert page.get("api/resource", **{n: RESET[n] for n in ("dag_id", "task_id", "resource")})

    answer = page.post(path, RESET, user="vera")

    assert answer.status_code == 403
    assert "the right to edit" in answer.json()["detail"]
    assert page.items("page_shop")["orders"]["request"] is None
    assert audit_log("page_shop") == []


@pytest.mark.parametrize("user", ["ulla", "olga", "anna"])
def test_who_may_edit_the_dag_may_ask(page, shop, user):
    assert page.post("api/plan", RESET, user=user).status_code == 200
    assert page.get("api/resource", user=user, **_target())["can_edit"] is True


def test_who_may_not_edit_is_told(page, shop):
    assert page.get("api/resource", user="vera", **_target())["can_edit"] is False
    dags = {dag["dag_id"]: dag for dag in page.get("api/dags", user="vera")["dags"]}
    assert dags["page_shop"] == {
        "dag_id": "page_shop",
        "is_paused": False,
        "can_edit": False,
        "resources": 3,
    }


CROSS_SITE = {
    "another site": {"Sec-Fetch-Site": "cross-site"},
    "another site that forges an origin": {
        "Sec-Fetch-Site": "same-site",
        "Origin": "http://testserver",
    },
    "typed": {"Sec-Fetch-Site": "none"},
    "no sign at all": {},
    "another origin": {"Origin": "https://evil.example"},
    "no origin": {"Origin": "null"},
    "a form": SAME_ORIGIN | {"Content-Type": "text/plain"},
    "another form": SAME_ORIGIN | {"Content-Type": "application/x-www-form-urlencoded"},
}


@pytest.mark.parametrize("headers", CROSS_SITE.values(), ids=CROSS_SITE)
@pytest.mark.parametrize("path", ["api/plan", "api/actions"])
def test_a_request_of_another_site_is_refused_and_changes_nothing(page, shop, path, headers):
    answer = page.ask("POST", path, "anna", headers=headers, json=RESET)

    assert answer.status_code == 403
    assert page.items("page_shop")["orders"]["request"] is None
    assert audit_log("page_shop") == []


def test_an_older_browser_says_by_the_origin_that_it_is_here(page, shop):
    headers = {"Origin": "http://testserver"}

    assert page.ask("POST", "api/plan", "ulla", headers=headers, json=RESET).status_code == 200


def test_a_dag_that_one_may_not_read_is_as_if_it_were_not_there(page, shop, monkeypatch):
    from airflow.api_fastapi.app import get_auth_manager

    manager = type(get_auth_manager())
    monkeypatch.setattr(manager, "is_authorized_dag", lambda self, **_: False)

    assert page.get("api/dags", user="anna") == {"dags": []}
    assert page.get("api/resources", user="anna")["total"] == 0
    assert page.ask("GET", "api/resource", "anna", params=_target()).status_code == 404
    assert page.post("api/plan", RESET, user="anna").status_code == 404


def test_the_ui_shows_the_page_in_the_navigation_and_on_each_dag(page):
    from airflow.plugins_manager import get_fastapi_plugins

    plugins = page.ask("GET", "../api/v2/plugins", "anna").json()["plugins"]
    plugin = next(item for item in plugins if item["name"] == "dlt")

    views = {view["destination"]: view for view in plugin["external_views"]}
    assert views["nav"]["href"] == "/dlt/"
    assert views["dag"]["href"] == "/dlt/?dag_id={DAG_ID}"
    assert len({view["url_route"] for view in views.values()}) == 2
    assert plugin["listeners"] == ["airflow_dlt_provider.plugin.preload"]
    assert any(app["name"] == "dlt" for app in get_fastapi_plugins()[0])


def test_the_address_follows_a_base_path(monkeypatch):
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://air.example/team/one/")

    assert conf.get("api", "base_url") == "https://air.example/team/one/"
    hrefs = [view["href"] for view in DltPlugin().external_views]
    assert hrefs == ["/team/one/dlt/", "/team/one/dlt/?dag_id={DAG_ID}"]


def test_a_process_that_loads_the_plugin_imports_neither_fastapi_nor_dlt(run_python):
    code = """
import sys
import airflow.plugins_manager
before = set(sys.modules)
from airflow_dlt_provider.plugin.plugin import DltPlugin
plugin = DltPlugin()
heavy = {"fastapi", "dlt", "sqlalchemy", "pydantic", "airflow_dlt_provider.plugin.page"}
print(plugin.name, len(plugin.listeners), sorted(heavy & (set(sys.modules) - before)))
"""

    assert run_python(code).splitlines() == ["dlt 1 []"]


def test_a_task_that_loads_all_plugins_does_not_build_the_page(run_python):
    code = """
import sys
from airflow.sdk.listener import get_listener_manager
listeners = [getattr(item, "__name__", "") for item in get_listener_manager().pm.get_plugins()]
print("airflow_dlt_provider.plugin.preload" in listeners)
print(sorted({"fastapi", "dlt", "airflow_dlt_provider.plugin.page"} & set(sys.modules)))
"""

    assert run_python(code).splitlines() == ["True", "[]"]


@pytest.mark.parametrize(("preload", "is_there"), [("True", "True"), ("False", "False")])
def test_the_first_page_does_not_wait_for_dlt(run_python, monkeypatch, preload, is_there):
    monkeypatch.setenv("AIRFLOW__DLT__PRELOAD", preload)
    code = """
import sys
from airflow_dlt_provider.plugin.plugin import DltPlugin
apps = DltPlugin().fastapi_apps
print(len(apps), "dlt.common.json" in sys.modules)
"""

    assert run_python(code).splitlines()[-1] == f"1 {is_there}"


def test_an_airflow_that_the_page_does_not_fit_starts_all_the_same(monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow_dlt_provider.plugin.page.app", None)
    plugin = DltPlugin()

    assert (plugin.fastapi_apps, plugin.external_views) == ([], [])


def _target():
    return {name: RESET[name] for name in ("dag_id", "task_id", "resource")}
