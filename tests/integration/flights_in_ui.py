"""The example Dag and an odd one in a browser: what they have loaded, and Airflow's form."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
from playwright.sync_api import Page, expect

from tests.integration.airflow_process import AirflowProcess, Api, wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "dags"
DAG_ID = "nycflights"
UNTIL = "2013-01-06"
CHOSEN = ["flights", "planes"]
TABLES = ["airlines", "airports", *CHOSEN, "weather"]

LoadIds = dict[str, dict[str, int]]
"""Table -> load id -> rows."""

MARKUP = "<img src=x onerror=alert(1)><script>alert(2)</script>"
"""Would open a dialog of the browser, were it taken for HTML."""

ZOO_SOURCE = f"""
import dlt

MARKUP = {MARKUP!r}


@dlt.source
def zoo():
    rows = [{{"id": 1, MARKUP: "a", "keepers": [{{MARKUP: 1}}]}}]
    return dlt.resource(rows, name=MARKUP)
"""

ZOO_DAG = f"""
from airflow_dlt_provider import DltDag

# {MARKUP}
dag = DltDag(
    "zoo",
    "zoo_source:zoo",
    dag_display_name={MARKUP!r},
    doc_md={MARKUP!r},
    tags=[{MARKUP!r}],
)
"""


class Flights:
    """The example's Dag and its tables."""

    def __init__(self, airflow: AirflowProcess, api: Api) -> None:
        self.airflow = airflow
        self.api = api
        for dag_id in (DAG_ID, "zoo"):
            api.wait_for_dag(dag_id)

    def run(self, until: str) -> str:
        """Let an ordinary run succeed."""
        run_id = self.api.trigger(DAG_ID, {"until": until})
        self.wait(run_id)
        return run_id

    def wait(self, run_id: str, dag_id: str = DAG_ID) -> None:
        """Wait for the success of a run."""

        def end() -> str | None:
            state = self.api.run_state(dag_id, run_id)
            return state if state in ("success", "failed") else None

        assert wait_for(f"the end of {run_id}", end) == "success"

    def refresh(self) -> dict[str, object] | None:
        """Return the run that has been asked for a full refresh."""
        runs = self.api.runs(DAG_ID)
        return next((run for run in runs if run["conf"].get("full_refresh")), None)

    def load_ids(self) -> LoadIds:
        """Return which loads have left how many rows in each table."""
        counted = "select _dlt_load_id, count(*) from {} group by 1"
        path = self.airflow.data / f"{DAG_ID}.duckdb"
        with duckdb.connect(str(path), read_only=True) as database:
            database.execute(f"use {DAG_ID}.{DAG_ID}")
            return {
                table: dict(database.execute(counted.format(table)).fetchall()) for table in TABLES
            }


def fill_trigger_form(page: Page) -> None:
    """Ask for a full refresh of the chosen tables, on the page of the Dag."""
    page.get_by_role("button", name="Trigger Dag").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=element_until]").fill(UNTIL)
    form.get_by_role("button", name="Load", exact=True).click()
    load = form.get_by_role("region", name="Load")
    for name in CHOSEN:
        load.locator("#element_resources").get_by_role("combobox").fill(name)
        page.get_by_role("option", name=name, exact=True).click()
    # the box itself lies hidden below its switch
    load.locator("[id='switch:element_full_refresh']").click()
    expect(load.get_by_role("checkbox", name="Full refresh")).to_be_checked()


def press_trigger(page: Page) -> None:
    """Send the form."""
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Trigger", exact=True).click()
    form.wait_for(state="hidden")


def write_flights_and_zoo(folder: Path) -> None:
    """Write the Dags into a Dags folder."""
    for name in ("nycflights.py", "nycflights_source.py"):
        shutil.copy(EXAMPLES / name, folder)
    (folder / "zoo_source.py").write_text(ZOO_SOURCE)
    (folder / "zoo.py").write_text(ZOO_DAG)
