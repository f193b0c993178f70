"""How fast the page "dlt" is with 1,000 resources, next to Airflow's own pages of the same Dag.

Starts a real Airflow with one Dag of 1,000 resources, writes a ledger of twelve loads for each, and
prints medians of the page's API and of the time until Chromium shows its table, with their ratio to
what Airflow itself takes in the same minute. Run by `make bench-page`; it stops where bytecode is
not compiled, as every process would then compile what it imports.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page

from bench.compiled import require_compiled
from scripts.standalone import Standalone, free_port
from tests.integration.airflow_process import SETTINGS, Api
from tests.integration.browser import Visitor, log_in, running_chromium
from tests.integration.dlt_page import DltPage, frame

RESOURCES = 1_000
LOADS = 12
CALLS = 21
NAVIGATIONS = 7
ENOUGH_SECONDS = 15
IDLE_SECONDS = 0.2
DAG_ID = "wide"

SOURCE = f"""
from datetime import datetime, timezone

import dlt

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def rows(new=dlt.sources.incremental("updated_at", initial_value=START)):
    yield {{"id": 1, "updated_at": START}}


@dlt.source
def wide():
    return [
        dlt.resource(rows, name=f"table_{{number:04}}", primary_key="id", write_disposition="merge")
        for number in range({RESOURCES})
    ]
"""
DAG = f'from airflow_dlt_provider import DltDag\n\ndag = DltDag("{DAG_ID}", "wide_source:wide")\n'


class Keys(dict[str, Any]):
    """The keys of an asset, before they are written to Airflow's database."""

    set = dict.__setitem__
    delete = dict.__delitem__


def fill_ledger() -> None:
    """Write the ledger; runs in a process with the environment of the Airflow."""
    from airflow.models.asset import AssetModel
    from airflow.models.asset_state_store import AssetStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        ids = dict(session.execute(select(AssetModel.name, AssetModel.id)).tuples().all())
        for number in range(RESOURCES):
            name = f"table_{number:04}"
            asset_id = ids[f"{DAG_ID}/{DAG_ID}/{name}"]
            session.add_all(
                AssetStateStoreModel(asset_id=asset_id, key=key, value=json.dumps(value))
                for key, value in ledger_of(name).items()
            )


def ledger_of(name: str) -> Keys:
    """Return the keys that twelve loads of a resource leave."""
    from airflow_dlt_provider.core.state.records import RecentLoad, ResourceState
    from airflow_dlt_provider.state_stores.asset import AssetStateStore

    records = [record_of(name, number) for number in range(LOADS)]
    cursor = {"last_value": records[-1].cursor_after["updated_at"], "initial_value": None}
    column = {"type": "text", "nullable": True, "key": False}
    keys = Keys()
    store = AssetStateStore({name: keys})
    store.record_loads(records)
    store.write_resources(
        [
            ResourceState(
                DAG_ID,
                name,
                task_pipeline=f"{DAG_ID}__{name}",
                state_version=LOADS,
                load_ids=records[-1].load_ids,
                states={name: {"incremental": {"updated_at": cursor}}},
                recent=tuple(map(RecentLoad.of, records)),
                tables={name: {"parent": None, "columns": {f"c{n}": column for n in range(20)}}},
            )
        ]
    )
    return keys


def record_of(name: str, number: int) -> Any:
    """Return the record of a load."""
    from airflow_dlt_provider.core.state.records import LoadRecord

    return LoadRecord(
        DAG_ID,
        name,
        DAG_ID,
        run_id=f"manual__{number}",
        try_number=1,
        load_ids=(f"{1_790_000_000 + number}.1",),
        rows_by_table={name: 100 + 7 * number},
        cursor_before={"updated_at": f"2026-01-{number + 1:02}T00:00:00+00:00"},
        cursor_after={"updated_at": f"2026-01-{number + 2:02}T00:00:00+00:00"},
        seconds_by_step={"extract": 0.4, "normalize": 0.1, "load": 0.3},
        recorded_at=1_790_000_000.0 + 3600 * number,
        table_name=name,
    )


def median_ms(work: Callable[[], object], times: int) -> float:
    """Return the median of some calls, in milliseconds.

    The first one does not count, but it is enough of what takes very long.
    """
    seconds = [_seconds(work)]
    if seconds[0] < ENOUGH_SECONDS:
        seconds.clear()
        while len(seconds) < times and sum(seconds) < ENOUGH_SECONDS:
            seconds.append(_seconds(work))
    return 1000 * statistics.median(seconds)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_api(url: str, token: str) -> dict[str, float]:
    """Return what is asked -> milliseconds."""
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120)

    def ask(path: str) -> Callable[[], object]:
        return lambda: client.get(path).raise_for_status().content

    detail = f"dag_id={DAG_ID}&task_id=table_0500&resource=table_0500"
    paths = {
        "Airflow: 50 of its Dags (/api/v2/dags)": "/api/v2/dags?limit=50",
        "Airflow: tasks of the Dag": f"/api/v2/dags/{DAG_ID}/tasks",
        "page: 50 of 1,000 resources": "/dlt/api/resources?size=50",
        "page: a search among 1,000": "/dlt/api/resources?search=table_07&size=50",
        "page: those of one status": "/dlt/api/resources?status=loaded&size=50",
        "page: the detail of one": f"/dlt/api/resource?{detail}",
    }
    return {what: median_ms(ask(path), CALLS) for what, path in paths.items()}


def measure_browser(page: Page, url: str) -> dict[str, float]:
    """Return what is opened -> milliseconds from the navigation until it is shown."""

    def open_dag() -> None:
        page.goto(f"{url}/dags/{DAG_ID}", wait_until="commit")
        page.get_by_role("link", name="table_0000").first.wait_for()

    def open_tab() -> None:
        page.goto(f"{url}/dags/{DAG_ID}/plugin/dlt-resources", wait_until="commit")
        DltPage(frame(page)).link("table_0000").wait_for()

    def open_dags() -> None:
        page.goto(f"{url}/dags", wait_until="commit")
        page.get_by_role("link", name=DAG_ID, exact=True).first.wait_for()

    def open_from_navigation() -> None:
        page.goto(f"{url}/plugin/dlt", wait_until="commit")
        DltPage(frame(page)).link("table_0000").wait_for()

    def open_by_itself() -> None:
        page.goto(f"{url}/dlt/", wait_until="commit")
        DltPage(page).link("table_0000").wait_for()

    pages = {
        "Airflow: its page of all Dags": open_dags,
        "page: in the navigation": open_from_navigation,
        "page: without Airflow around it": open_by_itself,
        "page: the tab of the Dag": open_tab,
        "Airflow: its page of the Dag": open_dag,
    }
    times = {}
    for what, work in pages.items():
        times[what] = median_ms(work, NAVIGATIONS)
        page.goto("about:blank")
        wait_until_idle(url)
    return times


def wait_until_idle(url: str) -> None:
    """Wait until the server has answered what a page asked for that has been left."""
    while _seconds(lambda: httpx.get(f"{url}/api/v2/version", timeout=120)) > IDLE_SECONDS:
        time.sleep(IDLE_SECONDS)


def show(title: str, times: dict[str, float]) -> None:
    """Print milliseconds, and their ratio to the first of them."""
    baseline = next(iter(times.values()))
    print(f"\n{title:<44}{'ms':>8}{'ratio':>8}")
    for what, milliseconds in times.items():
        print(f"{what:<44}{milliseconds:>8.0f}{milliseconds / baseline:>8.2f}")


def main() -> None:
    """Measure."""
    require_compiled()
    with tempfile.TemporaryDirectory() as folder:
        home, dags = Path(folder, "home"), Path(folder, "dags")
        home.mkdir()
        dags.mkdir()
        (dags / "wide_source.py").write_text(SOURCE)
        (dags / "wide.py").write_text(DAG)
        # 1,000 tasks take a while to be planned
        settings = SETTINGS | {"AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "300"}
        with (
            Standalone(home, dags, free_port(), settings) as airflow,
            running_chromium() as chromium,
        ):
            login = airflow.login()
            Api(airflow.url, *login).wait_for_dag(DAG_ID)
            filling = [sys.executable, "-c", "from bench.page import fill_ledger; fill_ledger()"]
            subprocess.run(filling, env=airflow.environment, check=True)
            credentials = {"username": login[0], "password": login[1]}
            token = httpx.post(f"{airflow.url}/auth/token", json=credentials).json()["access_token"]
            show(f"API, medians of up to {CALLS}", measure_api(airflow.url, token))
            visitor = Visitor(chromium, airflow.url)
            # Airflow's own page of such a Dag takes longer than tests wait
            visitor.context.set_default_timeout(600_000)
            log_in(visitor, *login)
            shown = measure_browser(visitor.page, airflow.url)
            show(f"Chromium, medians of up to {NAVIGATIONS}", shown)


if __name__ == "__main__":
    main()
