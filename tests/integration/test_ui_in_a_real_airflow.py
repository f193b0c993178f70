"""Airflow's trigger form and the page "dlt" in a browser: what they ask for and what they show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from scripts.airflow_api import ApiError
from tests.integration.airflow_process import AirflowProcess, wait_for
from tests.integration.browser import USERS, Logins, Visitor, log_in
from tests.integration.dlt_page import DltPage, frame
from tests.integration.flights_in_ui import (
    CHOSEN,
    DAG_ID,
    MARKUP,
    TABLES,
    UNTIL,
    Flights,
    LoadIds,
    fill_trigger_form,
    press_trigger,
    write_flights_and_zoo,
)

pytestmark = [pytest.mark.integration, pytest.mark.ui]

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowProcess]:
    settings = {**USERS, "AIRFLOW__CORE__TEST_CONNECTION": "Enabled"}
    process = AirflowProcess(tmp_path_factory.mktemp("ui"), settings)
    write_flights_and_zoo(process.dags)
    with process:
        yield process


@pytest.fixture(scope="module")
def flights(airflow: AirflowProcess) -> Flights:
    return Flights(airflow, airflow.connect())


@pytest.fixture(scope="module")
def loaded(flights: Flights) -> LoadIds:
    """The tables after an ordinary run; the other Dag has run too."""
    zoo = flights.api.trigger("zoo", {})
    flights.run(UNTIL)
    flights.wait(zoo, "zoo")
    return flights.load_ids()


@pytest.fixture(scope="module")
def refreshed(flights: Flights, loaded: LoadIds, logins: Logins, screenshots: Path) -> str:
    """The run of a full refresh of two tables, which a person started at the form."""
    visitor = logins.visit(None)
    log_in(visitor, *flights.airflow.login())
    # before a login, Airflow's own page asks for what it may not have
    visitor.problems.clear()
    page = visitor.goto(f"/dags/{DAG_ID}")
    fill_trigger_form(page)
    page.screenshot(path=screenshots / "trigger_form.png")
    press_trigger(page)
    run_id = str(wait_for("the run", flights.refresh)["dag_run_id"])
    visitor.goto(f"/dags/{DAG_ID}/runs/{run_id}")
    # a task may succeed before the run does
    flights.wait(run_id)
    expect(page.get_by_text("Success", exact=True).first).to_be_visible()
    problems = visitor.problems
    visitor.close()
    assert problems == []
    return run_id


def test_the_form_asks_for_exactly_what_was_chosen(flights: Flights, refreshed: str) -> None:
    run = flights.refresh()

    assert run
    assert run["dag_run_id"] == refreshed
    asked = {"resources": CHOSEN, "full_refresh": True, "until": UNTIL}
    assert asked.items() <= run["conf"].items()


def test_exactly_the_chosen_tables_are_reloaded(
    flights: Flights, loaded: LoadIds, refreshed: str
) -> None:
    after = flights.load_ids()

    for table in CHOSEN:
        assert after[table].keys().isdisjoint(loaded[table]), "every row is of a new load"
        assert sum(after[table].values()) == sum(loaded[table].values()) > 0
    for table in set(TABLES) - set(CHOSEN):
        assert after[table] == loaded[table]


def test_the_other_tasks_are_skipped(flights: Flights, refreshed: str) -> None:
    states = flights.api.task_states(DAG_ID, refreshed)

    expected = {table: "success" if table in CHOSEN else "skipped" for table in TABLES}
    assert states == {**expected, "finish": "success"}


@pytest.fixture(scope="module")
def next_run(flights: Flights, refreshed: str) -> tuple[str, LoadIds, LoadIds]:
    """An ordinary run after the refresh, with the tables before and after it."""
    before = flights.load_ids()
    return flights.run("2013-01-08"), before, flights.load_ids()


def test_the_next_plain_run_loads_all_tables_and_only_what_is_new(
    flights: Flights, next_run: tuple[str, LoadIds, LoadIds]
) -> None:
    run_id, before, after = next_run

    assert set(flights.api.task_states(DAG_ID, run_id).values()) == {"success"}
    for table in ("flights", "weather"):
        # what was there is of the same loads; two days came in one more
        assert after[table].items() > before[table].items()
        assert len(after[table]) == len(before[table]) + 1


def test_an_unknown_resource_is_refused_with_the_known_ones(flights: Flights) -> None:
    with pytest.raises(ApiError) as refused:
        flights.api.trigger(DAG_ID, {"resources": ["fligths"], "full_refresh": True})

    text = str(refused.value)
    assert ": 400 " in text
    assert "fligths" in text
    for table in TABLES:
        assert table in text


def test_the_link_of_a_task_leads_to_the_detail_of_its_resource(
    visit: Visit, refreshed: str
) -> None:
    page = visit().goto(f"/dags/{DAG_ID}/runs/{refreshed}/tasks/flights/details")

    page.get_by_role("link", name="dlt resource").click()
    detail = DltPage(frame(page))

    expect(detail.heading).to_have_text("flights")
    expect(detail.actions).to_be_visible()
    expect(detail.root.get_by_role("table", name="Loads")).to_contain_text(refreshed)


def test_the_link_of_a_task_leads_to_the_asset_of_its_table(visit: Visit, refreshed: str) -> None:
    page = visit().goto(f"/dags/{DAG_ID}/runs/{refreshed}/tasks/flights/details")

    page.get_by_role("link", name="Table's asset").click()
    page.get_by_role("link", name="nycflights/nycflights/flights").click()

    page.wait_for_url("**/assets/*")
    expect(page.get_by_role("heading", name="nycflights/nycflights/flights")).to_be_visible()


def test_the_navigation_leads_to_the_resources_of_all_dags(visit: Visit, loaded: LoadIds) -> None:
    page = DltPage.from_navigation(visit())

    for resource in (*TABLES, MARKUP):
        expect(page.link(resource)).to_be_visible()
    for text in ("Loaded", "append", "time_hour"):
        expect(page.row("flights")).to_contain_text(text)


def test_the_tab_of_a_dag_shows_its_resources_alone(visit: Visit, loaded: LoadIds) -> None:
    page = DltPage.from_tab(visit(), DAG_ID)

    expect(page.link("flights")).to_be_visible()
    expect(page.link(MARKUP)).to_have_count(0)


def test_a_search_and_a_filter_narrow_the_list(visit: Visit, loaded: LoadIds) -> None:
    page = DltPage.by_itself(visit())

    page.search.fill("WEATH")
    expect(page.resources.get_by_role("link")).to_have_text(["weather"])

    page.root.get_by_label("Status").select_option("Never loaded")
    expect(page.root.get_by_text("Nothing found")).to_be_visible()


def test_the_keyboard_alone_is_enough(visit: Visit, loaded: LoadIds) -> None:
    person = visit()
    page = DltPage.by_itself(person)
    keyboard = person.page.keyboard

    person.tab_to(page.search)
    keyboard.type("weather")
    expect(page.resources.get_by_role("link")).to_have_text(["weather"])
    person.tab_to(page.link("weather"))
    keyboard.press("Enter")
    expect(page.heading).to_be_focused()

    reset = page.actions.get_by_role("button", name="Reset…")
    person.tab_to(reset)
    keyboard.press("Enter")
    expect(page.effects).to_contain_text("starts from the beginning")
    person.tab_to(page.dialog.get_by_role("button", name="Reset", exact=True))
    keyboard.press("Escape")
    expect(page.dialog).to_have_count(0)
    expect(reset).to_be_focused()


def test_a_narrow_screen_needs_no_scrolling_sideways(visit: Visit, loaded: LoadIds) -> None:
    person = visit(viewport={"width": 360, "height": 740})
    page = DltPage.by_itself(person)

    def is_wider() -> bool:
        root = "document.documentElement"
        return bool(person.page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))

    page.resources.wait_for()
    assert not is_wider()
    page.open_resource(MARKUP)
    for tab in ("Tables", "Schema changes", "Loads"):
        page.root.get_by_role("tab", name=tab).click()
        assert not is_wider()
    page.actions.get_by_role("button", name="Full refresh…").click()
    expect(page.effects).to_contain_text("from the beginning")
    assert not is_wider()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_as_dark_as_airflow_around_it(
    visit: Visit, loaded: LoadIds, theme: str
) -> None:
    person = visit(color_scheme="dark" if theme == "light" else "light")
    person.context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    page = DltPage.from_navigation(person)
    page.resources.wait_for()

    around = person.page.locator("iframe[title=dlt]").evaluate(BACKGROUND)
    inside = page.resources.evaluate(BACKGROUND)

    assert inside == around
    assert (sum(inside) < 3 * 128) is (theme == "dark")


BACKGROUND = """node => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d");
  const behind = [];
  for (let each = node; each; each = each.parentElement) behind.unshift(each);
  for (const each of behind) {
    context.fillStyle = getComputedStyle(each).backgroundColor;
    context.fillRect(0, 0, 1, 1);
  }
  return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
}"""
"""Colours may be written in any colour space; painted, they are red, green and blue."""


def test_markup_in_a_name_is_shown_as_text(visit: Visit, loaded: LoadIds) -> None:
    person = visit()
    page = DltPage.from_navigation(person)

    page.open_resource(MARKUP)
    for tab in ("Tables", "Schema changes", "Loads"):
        page.root.get_by_role("tab", name=tab).click()
    page.actions.get_by_role("button", name="Reset…").click()

    expect(page.dialog).to_have_accessible_name(f"Reset {MARKUP}")
    expect(page.effects).to_contain_text("starts from the beginning")
    # neither in the page nor in Airflow around it; a dialog would fail the test as well
    for root in (person.page, page.root):
        expect(root.locator("img[src=x]")).to_have_count(0)
        expect(root.locator("script", has_text="alert(")).to_have_count(0)


def test_markup_in_a_request_comes_back_as_json(visit: Visit, loaded: LoadIds) -> None:
    admin = visit()
    DltPage.by_itself(admin).resources.wait_for()
    cookies = admin.context.request

    for path in (
        f"api/resources?search={MARKUP}",
        f"api/resource?dag_id={MARKUP}&task_id=a&resource=b",
    ):
        answer = cookies.get(f"{admin.url}/dlt/{path}")
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_connection_of_our_type_is_made_and_tested_in_its_form(
    logins: Logins, postgres_url: str
) -> None:
    server = urlsplit(postgres_url)
    visitor = logins.visit()
    page = visitor.goto("/connections")
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.get_by_role("combobox").click()
    page.keyboard.type("dlt")
    page.keyboard.press("Enter")
    expect(form.get_by_text("Database", exact=True)).to_be_visible()
    standard = {
        "connection_id": "warehouse",
        "host": server.hostname,
        "port": str(server.port),
        "login": server.username,
        "password": server.password,
        "schema": server.path.strip("/"),
    }
    for name, value in standard.items():
        form.locator(f"[name={name}]").fill(value or "")
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    form.locator("[name=element_destination]").fill("postgres")
    form.get_by_role("button", name="Save").click()

    row = page.get_by_role("row").filter(has_text="warehouse")
    with page.expect_response("**/connections/test") as answered:
        row.get_by_role("button", name="Test Connection").click()
    answer = answered.value.json()
    visitor.close()

    assert answer == {"status": True, "message": "connected to postgres and ran SELECT 1"}
    assert visitor.problems == []
