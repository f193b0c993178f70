"""What the page's buttons do in a real Airflow, and who may press them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Error, expect

from tests.integration.airflow_process import AirflowProcess, Api
from tests.integration.browser import USERS, Logins, Visitor, serving_empty_page
from tests.integration.dlt_page import Asked, DltPage
from tests.integration.shop_in_ui import RESOURCES, Row, Shop, Tables, write_shop

pytestmark = [pytest.mark.integration, pytest.mark.ui]

Visit = Callable[..., Visitor]

MARCH = "2026-03-01T00:00:00+00:00"
EARLIER = [f"2025-{month:02}-01" for month in range(8, 13)]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowProcess]:
    process = AirflowProcess(tmp_path_factory.mktemp("page"), USERS)
    write_shop(process.dags)
    with process:
        yield process


@pytest.fixture(scope="module")
def api(airflow: AirflowProcess) -> Api:
    return airflow.connect()


@pytest.fixture(scope="module")
def shop(airflow: AirflowProcess, api: Api) -> Shop:
    return Shop(airflow, api)


@pytest.fixture(scope="module")
def runs(shop: Shop) -> list[str]:
    """Three ordinary runs, of January, February and March."""
    # a longer trend for a screenshot that is kept
    for until in EARLIER if "SCREENSHOTS" in os.environ else ():
        shop.run(until)
    return [shop.run(f"2026-{month:02}-01") for month in (2, 3, 4)]


@pytest.fixture(scope="module")
def before(shop: Shop, runs: list[str]) -> Tables:
    return shop.tables()


@pytest.fixture(scope="module")
def asked(logins: Logins, before: Tables, runs: list[str]) -> dict[str, Asked]:
    """What the dialogs said when each resource was asked for something else by its buttons."""
    visitor = logins.visit()
    page = DltPage.from_tab(visitor, "shop")
    asked = {}
    for resource in ("customers", "orders"):
        page.open_resource(resource)
        inputs = {"Value": MARCH}
        asked[resource] = page.ask("Set cursor…", "Set cursor", inputs)
        page.back()
    page.open_resource("payments")
    asked["payments"] = page.ask("Reset…", "Reset")

    page = DltPage.from_navigation(visitor)
    page.open_resource("returns")
    asked["returns"] = page.ask_load("Rewind to before this load", "Rewind", runs[1])
    page.back()
    page.open_resource("invoices")
    asked["invoices"] = page.ask_load("Replay this run", "Replay", runs[2])
    page.back()
    page.open_resource("deliveries")
    asked["deliveries"] = page.ask("Full refresh…", "Start full refresh")
    problems = visitor.problems
    visitor.close()
    assert problems == []
    return asked


@pytest.fixture(scope="module")
def refresh_run(shop: Shop, asked: dict[str, Asked]) -> str:
    """The run that the page started, ended."""
    refreshes = [run for run in shop.api.runs("shop") if run["conf"].get("full_refresh")]
    assert len(refreshes) == 1
    run_id = str(refreshes[0]["dag_run_id"])
    shop.wait(run_id)
    return run_id


@pytest.fixture(scope="module")
def after(shop: Shop, refresh_run: str) -> Tables:
    """The tables after the refresh, and an ordinary run without anything new."""
    shop.run(until="2026-04-01")
    return shop.tables()


def test_the_page_has_a_resource_in_each_row_and_its_loads_in_the_detail(
    visit: Visit, runs: list[str], screenshots: Path
) -> None:
    person = visit()
    page = DltPage.from_navigation(person)
    for resource in RESOURCES:
        expect(page.link(resource)).to_be_visible()
    expect(page.row("customers")).to_contain_text("2026-03-31T")
    person.page.screenshot(path=screenshots / "page.png")

    page.open_resource("orders")
    for run_id in runs:
        expect(page.root.get_by_role("table", name="Loads")).to_contain_text(run_id)
    person.page.mouse.move(0, 0)
    person.page.screenshot(path=screenshots / "resource.png")


def test_the_dialog_says_what_a_cursor_that_is_set_back_does(asked: dict[str, Asked]) -> None:
    effects = asked["customers"].effects

    assert f"goes on from cursor at = {MARCH}" in effects
    assert "now 2026-03-31T" in effects
    assert "take the place of those with the same key, and none is there twice" in effects
    assert "customers" in asked["customers"].message


def ids(rows: list[Row]) -> list[int]:
    return [row.id for row in rows]


def loaded_since(old: list[Row], new: list[Row]) -> list[int]:
    """Return the ids of the rows that came in a load of which there was none before."""
    known = {row.load_id for row in old}
    return [row.id for row in new if row.load_id not in known]


def from_march(rows: list[Row]) -> list[int]:
    return [row.id for row in rows if row.day >= MARCH[:10]]


def test_a_merged_table_has_the_month_loaded_again_without_duplicates(
    before: Tables, after: Tables
) -> None:
    old, new = before["customers"], after["customers"]

    assert ids(new) == ids(old)
    assert loaded_since(old, new) == from_march(old)


def test_of_an_appended_table_the_dialog_says_what_append_does(asked: dict[str, Asked]) -> None:
    assert "added beside those that are there, so that they are there twice" in (
        asked["orders"].effects
    )


def test_an_appended_table_has_the_month_a_second_time(
    shop: Shop, before: Tables, after: Tables
) -> None:
    old, new = before["orders"], after["orders"]

    assert ids(new) == sorted(ids(old) + from_march(old))
    assert loaded_since(old, new) == from_march(old)
    assert shop.query("select count(*) from orders__lines") == [(2 * len(new),)]


def test_a_rewind_takes_that_load_and_later_ones_back_and_loads_them_again(
    asked: dict[str, Asked], runs: list[str], before: Tables, after: Tables
) -> None:
    old, new = before["returns"], after["returns"]
    taken_back = [row.id for row in old if row.day >= "2026-02-01"]
    effects = asked["returns"].effects

    assert f"of run {runs[1]}" in effects
    assert "to cursor at = 2026-01-31T" in effects
    assert f"{len(taken_back)} rows are removed, nested tables included, of 2 loads" in effects
    assert ids(new) == ids(old)
    assert loaded_since(old, new) == taken_back


def test_a_replay_loads_again_what_the_run_loaded(
    asked: dict[str, Asked], runs: list[str], before: Tables, after: Tables
) -> None:
    old, new = before["invoices"], after["invoices"]

    assert f"of run {runs[2]}" in asked["invoices"].effects
    assert ids(new) == ids(old)
    assert loaded_since(old, new) == from_march(old)


def test_a_reset_loads_from_the_beginning_beside_the_rows_that_are_there(
    asked: dict[str, Asked], before: Tables, after: Tables
) -> None:
    old, new = before["payments"], after["payments"]

    assert "starts from the beginning" in asked["payments"].effects
    assert "loaded again beside them: they are there twice" in asked["payments"].effects
    assert ids(new) == sorted(2 * ids(old))


def test_a_full_refresh_is_a_run_that_loads_this_resource_alone(
    shop: Shop, asked: dict[str, Asked], refresh_run: str, before: Tables, after: Tables
) -> None:
    old, new = before["deliveries"], after["deliveries"]
    states = shop.api.task_states("shop", refresh_run)

    assert "loads deliveries from the beginning" in asked["deliveries"].effects
    assert refresh_run in asked["deliveries"].message
    assert {task for task, state in states.items() if state == "success"} == {
        "deliveries",
        "finish",
    }
    # its run ends with January, the Dag's default; the ordinary run after it goes on from there
    assert ids(new) == ids(old)
    assert {row.load_id for row in new}.isdisjoint({row.load_id for row in old})


@pytest.mark.parametrize(
    ("resource", "action", "detail"),
    [
        ("customers", "set", {"path": "at", "value": MARCH}),
        ("returns", "rewind", {"record_id": ...}),
        ("invoices", "replay", {"run_id": ...}),
        ("payments", "reset", {}),
        ("deliveries", "refresh", {"refresh_mode": "replace"}),
    ],
)
def test_the_audit_log_says_who_asked_for_what(
    shop: Shop, asked: dict[str, Asked], resource: str, action: str, detail: dict[str, Any]
) -> None:
    events = shop.api.events("shop", f"dlt_{action}")
    told = {event["task_id"]: (event["owner"], json.loads(event["extra"])) for event in events}

    owner, extra = told[resource]

    assert owner == "admin"
    assert extra["resource"] == resource
    assert extra["asked"]["action"] == action
    for name, value in detail.items():
        assert extra["asked"][name] == value or (value is ... and extra["asked"][name])
    assert extra["effects"]


TARGET = {"dag_id": "shop", "task_id": "payments", "resource": "payments"}
RESET = {**TARGET, "action": "reset"}
DETAIL = "/dlt/api/resource?dag_id=shop&task_id=payments&resource=payments"


@pytest.mark.parametrize("path", ["/dlt/", "/dlt/api/dags", "/dlt/api/resources", DETAIL])
def test_nobody_sees_anything_without_a_login(airflow: AirflowProcess, path: str) -> None:
    assert httpx.get(f"{airflow.url}{path}").status_code == 401


@pytest.mark.parametrize("path", ["plan", "actions"])
def test_nobody_does_anything_without_a_login(airflow: AirflowProcess, path: str) -> None:
    answer = httpx.post(
        f"{airflow.url}/dlt/api/{path}", json=RESET, headers={"Sec-Fetch-Site": "same-origin"}
    )

    assert answer.status_code == 401


def test_a_viewer_sees_everything_and_has_no_button(visit: Visit, runs: list[str]) -> None:
    page = DltPage.from_navigation(visit("vera"))
    page.open_resource("payments")

    expect(page.root.get_by_text("one needs the right to edit the Dag shop")).to_be_visible()
    expect(page.root.get_by_role("table", name="Loads")).to_be_visible()
    expect(page.actions).to_have_count(0)
    for button in ("Rewind", "Replay"):
        expect(page.root.get_by_role("button", name=button)).to_have_count(0)


def test_a_viewer_who_asks_all_the_same_is_refused(visit: Visit, runs: list[str]) -> None:
    vera = visit("vera")
    DltPage.by_itself(vera).resources.wait_for()

    for action in (RESET, {**TARGET, "action": "refresh"}):
        status, text = vera.fetch("/dlt/api/actions", action)
        assert status == 403, text

    assert json.loads(vera.fetch(DETAIL)[1])["request"] is None
    # the browser's console tells of each refusal
    assert len(vera.problems) == 2
    vera.problems.clear()


@pytest.fixture(params=["127.0.0.1", "localhost"])
def foreign_page(request: pytest.FixtureRequest) -> Iterator[str]:
    """A page of another site, and of another port, whose requests have the cookies of Airflow."""
    with serving_empty_page(request.param) as url:
        yield url


POST_BLINDLY = """([url, body]) =>
  fetch(url, { method: "POST", body, mode: "no-cors", credentials: "include" })"""
POST_JSON = """([url, body]) =>
  fetch(url, { method: "POST", body, credentials: "include",
    headers: { "Content-Type": "application/json" } })"""


def test_another_site_changes_nothing(
    airflow: AirflowProcess, visit: Visit, runs: list[str], foreign_page: str
) -> None:
    admin = visit()
    url, body = f"{airflow.url}/dlt/api/actions", json.dumps(RESET)
    admin.page.goto(foreign_page)

    with admin.page.expect_response(url) as posted:
        admin.page.evaluate(POST_BLINDLY, [url, body])
    assert posted.value.status == 403
    with pytest.raises(Error, match="Failed to fetch"):
        admin.page.evaluate(POST_JSON, [url, body])
    # where a browser would ask nobody before it sends JSON to another site
    forged = admin.context.request.post(
        url, data=RESET, headers={"Origin": foreign_page, "Sec-Fetch-Site": "cross-site"}
    )
    assert forged.status == 403
    detail = admin.context.request.get(f"{airflow.url}{DETAIL}")
    assert detail.json()["request"] is None
    # the browser's console tells of what it did not let through
    admin.problems.clear()
