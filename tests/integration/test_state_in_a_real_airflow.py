"""Rows and cursors in a real Airflow: killed, cleared, timed out, rivalled, robbed of its store."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.airflow_process import AirflowProcess, Api, is_alive, wait_for
from tests.integration.shops import (
    SECRETS,
    SHOPS,
    TWINS,
    Shop,
    remove_working_folders,
    write_dags,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowProcess]:
    process = AirflowProcess(tmp_path_factory.mktemp("state"), {"TOKEN": SECRETS["environment"]})
    write_dags(process.dags)
    with process:
        yield process


@pytest.fixture(scope="module")
def api(airflow: AirflowProcess) -> Api:
    """The API, once all Dags are there."""
    api = airflow.connect()
    for dag_id in (*SHOPS, *TWINS, "vault"):
        api.wait_for_dag(dag_id)
    return api


@pytest.fixture(scope="module")
def make_shop(airflow: AirflowProcess, api: Api) -> Callable[..., Shop]:
    return lambda dag_id, name="": Shop(airflow, api, dag_id, name)


KILLED = {
    "killed_in_extract": "extract",
    "killed_in_load": "load",
    "killed_in_extract_without_cursor": "extract",
    "killed_in_load_without_cursor": "load",
}
TIMED_OUT = {"timed_out_in_extract": "extract", "timed_out_in_load": "commit"}
CLEARED_TOO_EARLY = {"cleared_in_extract": "extract", "cleared_in_load": "commit"}
FAILED_BY_HAND = {"failed_by_hand_in_extract": "extract", "failed_by_hand_in_load": "commit"}


def at_their_gates(
    make_shop: Callable[..., Shop], gates: dict[str, str]
) -> Iterator[tuple[Shop, str, psutil.Process]]:
    """Start a run of each Dag at once, and yield each that has got to its gate."""
    shops = [make_shop(name) for name in gates]
    for shop in shops:
        shop.close(gates[shop.name])
    runs = [shop.start(5) for shop in shops]
    for shop, run_id in zip(shops, runs, strict=True):
        yield shop, run_id, shop.wait_at(gates[shop.name], run_id)


@pytest.fixture(scope="module")
def killed(make_shop: Callable[..., Shop]) -> dict[str, tuple[Shop, str]]:
    """Shops whose task was killed once, and the run."""
    runs = {}
    for shop, run_id, process in at_their_gates(make_shop, KILLED):
        process.kill()
        shop.open(KILLED[shop.name])
        runs[shop.name] = shop, run_id
    for shop, run_id in runs.values():
        shop.wait_for_success(run_id)
    return runs


@pytest.mark.parametrize("name", KILLED)
def test_a_retry_after_kill_9_leaves_the_table_of_one_clean_load(
    killed: dict[str, tuple[Shop, str]], name: str
) -> None:
    shop, run_id = killed[name]

    assert shop.tries(run_id) == 2
    shop.check(5)


def test_a_retry_after_kill_9_in_load_goes_on_with_what_was_extracted(
    killed: dict[str, tuple[Shop, str]],
) -> None:
    shop, run_id = killed["killed_in_load"]

    log = shop.log(run_id, 2)

    assert "was cut off; the rows that it left are removed" in log
    assert "nothing is extracted again" in log


@pytest.fixture(scope="module")
def timed_out(make_shop: Callable[..., Shop]) -> dict[str, tuple[Shop, str]]:
    """Shops whose task ran into its `execution_timeout` once, and the run."""
    runs = {}
    for shop, run_id, process in at_their_gates(make_shop, TIMED_OUT):
        # what the timer of execution_timeout sends; the test need not guess how long a load takes
        process.send_signal(signal.SIGALRM)
        shop.open(TIMED_OUT[shop.name])
        runs[shop.name] = shop, run_id
    for shop, run_id in runs.values():
        shop.wait_for_success(run_id)
    return runs


@pytest.mark.parametrize("name", TIMED_OUT)
def test_a_retry_after_execution_timeout_leaves_the_table_of_one_clean_load(
    timed_out: dict[str, tuple[Shop, str]], name: str
) -> None:
    shop, run_id = timed_out[name]

    assert shop.tries(run_id) == 2
    assert "AirflowTaskTimeout" in shop.log(run_id, 1)
    shop.check(5)
    assert shop.held_locks() == []


@pytest.fixture(scope="module")
def failed_by_hand(make_shop: Callable[..., Shop]) -> dict[str, tuple[Shop, str]]:
    """Shops whose running task a person marked failed, and the run."""
    runs = {}
    for shop, run_id, process in at_their_gates(make_shop, FAILED_BY_HAND):
        shop.api.mark_failed(shop.dag_id, run_id, shop.task_id)
        runs[shop.name] = shop, run_id, process
    for shop, run_id, process in runs.values():
        wait_for("the end of the task", lambda process=process: not is_alive(process))
        shop.open(FAILED_BY_HAND[shop.name])
        shop.wait_for_state(run_id, "failed")
    return {name: (shop, run_id) for name, (shop, run_id, _) in runs.items()}


@pytest.mark.parametrize("name", FAILED_BY_HAND)
def test_a_task_that_was_marked_failed_leaves_no_lock_and_loads_exactly_when_cleared(
    failed_by_hand: dict[str, tuple[Shop, str]], name: str
) -> None:
    shop, run_id = failed_by_hand[name]
    assert shop.held_locks() == []

    shop.clear(run_id)

    shop.check(5)


@pytest.mark.parametrize("name", CLEARED_TOO_EARLY)
def test_a_task_that_is_cleared_before_its_process_has_ended_loads_exactly(
    make_shop: Callable[..., Shop], name: str
) -> None:
    shop, gate = make_shop(name), CLEARED_TOO_EARLY[name]
    shop.close(gate)
    run_id = shop.start(5)
    process = shop.wait_at(gate, run_id)

    shop.api.mark_failed(shop.dag_id, run_id, shop.task_id)
    shop.api.clear(shop.dag_id, run_id, shop.task_id)
    wait_for(
        "the next try to wait for the former, unless Airflow has ended that by then",
        lambda: "Waiting for the load" in shop.log(run_id) or not is_alive(process),
    )
    shop.open(gate)

    shop.wait_for_success(run_id)
    shop.check(5)


def test_clearing_loads_what_is_new_and_a_replay_loads_again_once(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop("cleared")
    first_run = shop.run(3)
    shop.run(4)
    before = shop.load_ids()

    shop.grow(5)
    shop.clear(first_run)

    shop.check(5)
    assert shop.load_ids()[:4] == before

    replay = shop.run(6, replay_run_id=first_run)

    shop.check(6)
    replayed = shop.load_ids()
    assert len({load_id for _, load_id in replayed}) == 1
    assert "replay, asked by" in shop.log(replay)

    shop.grow(7)
    shop.clear(replay)

    shop.check(7)
    assert shop.load_ids()[:6] == replayed


def test_of_two_runs_at_once_one_waits_and_names_the_other(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop("two_runs")
    shop.close("extract")
    first = shop.start(5)
    shop.wait_at("extract", first)

    second = shop.start(6)
    waiting = wait_for(
        "the second run to wait", lambda: line_of("Waiting for the load", shop.log(second))
    )
    shop.open("extract")

    assert first in waiting
    shop.wait_for_success(first)
    shop.wait_for_success(second)
    shop.check(6)


def test_of_two_dags_with_one_pipeline_name_one_waits_and_names_the_other(
    make_shop: Callable[..., Shop],
) -> None:
    one, two = (make_shop(name, "twins") for name in TWINS)
    one.close("extract")
    first = one.start(5)
    one.wait_at("extract", first)

    second = two.start(6)
    waiting = wait_for(
        "the second Dag to wait", lambda: line_of("Waiting for the load", two.log(second))
    )
    one.open("extract")

    assert "twin_one" in waiting
    one.wait_for_success(first)
    two.wait_for_success(second)
    two.check(6)


def test_the_ledger_is_on_the_asset_and_emptying_it_costs_no_row(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop("emptied_store")
    shop.run(3)
    assert set(shop.api.asset_state(shop.asset)) == {"orders.state", "orders.load.0"}

    shop.api.empty_asset_state(shop.asset)
    assert shop.api.asset_state(shop.asset) == {}
    first = shop.load_ids()
    second = shop.run(5)

    shop.check(5)
    assert shop.load_ids()[:3] == first
    assert "the destination is ahead of the state store: the store learns from it" in shop.log(
        second
    )
    assert set(shop.api.asset_state(shop.asset)) == {"orders.state", "orders.load.0"}


def test_no_orphan_survives_an_unfinished_load_whose_ledger_and_folder_are_gone(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop("emptied_store_unfinished")
    shop.close("load")
    killed = shop.start(5)
    shop.wait_at("load", killed).kill()
    shop.open("load")
    shop.wait_for_state(killed, "failed")
    assert shop.numbers() == [1, 2, 3, 4, 5]

    shop.api.empty_asset_state(shop.asset)
    remove_working_folders(shop)
    second = shop.run(4)

    shop.check(4)
    assert "whose tables hold rows of loads that never ended" in shop.log(second)


def test_a_dropped_dataset_is_loaded_anew_with_a_warning(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop("dropped")
    shop.run(3)

    shop.database.unlink()
    second = shop.run(5)

    shop.check(5)
    assert "as if it was dropped or restored: the destination counts" in shop.log(second)


def test_an_api_server_that_ends_and_comes_back_in_a_load_costs_no_row(
    airflow: AirflowProcess, make_shop: Callable[..., Shop]
) -> None:
    shop = make_shop("without_api_server")
    shop.close("commit")
    run_id = shop.start(5)
    shop.wait_at("commit", run_id)

    airflow.kill_api_server()
    shop.open("commit")
    airflow.start_api_server()

    shop.wait_for_success(run_id)
    shop.check(5)
    shop.run(6)
    shop.check(6)
    kept = shop.api.asset_state(shop.asset)
    loads = [value for key, value in kept.items() if key.startswith("orders.load.")]
    assert [load["status"] for load in loads] == ["finished", "finished"]


def test_no_secret_gets_into_state_xcom_rendered_fields_or_logs(
    airflow: AirflowProcess, api: Api
) -> None:
    api.set_variable("dlt_secrets_toml", f'of_variable = "{SECRETS["variable"]}"')
    run_id = api.trigger("vault", {})
    wait_for("the run", lambda: api.run_state("vault", run_id) in ("success", "failed"))
    # each of the first tries failed with a secret in its message
    tries = range(1, len(SECRETS) + 2)
    log = "\n".join(api.task_log("vault", run_id, "entries", number) for number in tries)
    assert api.run_state("vault", run_id) == "success", log

    kept = {
        "state": api.asset_state("vault/vault/entries"),
        "XCom": api.xcoms("vault", run_id, "entries"),
        "rendered fields": api.task("vault", run_id, "entries")["rendered_fields"],
        "log": log,
    }

    assert all(f"{word} ***" in log for word in ("printed", "logged", "refused"))
    for place, content in (*kept.items(), *files_of(airflow.home)):
        assert content, place
        assert "se-cret" not in str(content), place


def line_of(text: str, log: str) -> str | None:
    """Return the line of *log* with *text* in it."""
    return next((line for line in log.splitlines() if text in line), None)


def files_of(home: Path) -> Iterator[tuple[str, str]]:
    """Yield name and content of all logs, and of the metadata database.

    What Airflow's processes print is not among them: Airflow 3.3 masks no secret in a task's lines
    there, not even a password of a connection.
    """
    for path in (*home.glob("logs/**/*.log"), *home.glob("airflow.db*")):
        if path.stat().st_size:
            yield str(path), path.read_bytes().decode(errors="replace")
