"""What else befalls a load than a kill: signals, lost stores, lost connections, rivals, clocks.

One case of each is run; `CHAOS=full`, which `make chaos` sets, runs all.
"""

from __future__ import annotations

import datetime
import os
import signal
import time

import psycopg2
import pytest
from dlt.common.destination.client import RunnableLoadJob
from dlt.common.storages import load_package
from dlt.destinations import job_client_impl
from filelock import FileLock

from tests.chaos import kill
from tests.chaos.cases import RESOURCE
from tests.chaos.places import content, faults
from tests.chaos.source import GROWN, orders_and_returns
from tests.chaos.tries import Child, in_child

IS_FULL = os.environ.get("CHAOS") == "full"


def some(names: str, first, *others, ids=None) -> pytest.MarkDecorator:
    """Parametrize with the first value, and with the others where all cases are run."""
    values = [first, *others] if IS_FULL else [first]
    return pytest.mark.parametrize(names, values, ids=ids)


FILE_OR_SERVER = some("destination", "duckdb", "postgres", "filesystem")
FOLDER = some("is_folder_lost", True, False, ids=lambda is_lost: "lost" if is_lost else "kept")


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    # so that the main thread, which handles it, comes first
    time.sleep(0.2)


def raise_on_sigterm() -> None:
    def stop(*_):
        raise RuntimeError("Task received SIGTERM signal")

    signal.signal(signal.SIGTERM, stop)


def locks_are_free(task) -> bool:
    for path in task.folder.rglob("*.lock"):
        with FileLock(path).acquire(timeout=0):
            pass
    return True


def wait_until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@some("point", "parent only", "in extract", "children only")
@some(
    "handler",
    None,
    raise_on_sigterm,
    ids=lambda handler: "raising" if handler else "default",
)
def test_a_retry_after_sigterm_finds_no_lock_and_is_exact(make_task, clean, point, handler):
    task = make_task()
    task.load_in_child("run_1", 1)

    def load():
        if handler:
            handler()
        kill.arm(point, terminate)
        task.load("run_2", GROWN)

    Child(task.folder, load).wait()

    assert locks_are_free(task)
    task.load_in_child("run_2", GROWN, try_number=2).check(clean()[1])
    task.load_in_child("run_3", GROWN).check(clean()[2])


@FOLDER
@some("point", "children only", "state only", "parent only", "all rows")
@some("is_first", True, False, ids=lambda is_first: "first" if is_first else "later")
def test_no_row_of_an_unfinished_load_survives_a_lost_store(
    make_task, clean, point, is_first, is_folder_lost
):
    task = make_task()
    if not is_first:
        task.load_in_child("run_1", 1)
    task.load_killed("run_2", GROWN, point)
    task.lose_store()
    if is_folder_lost:
        task.lose_folder("run_2")

    task.load_in_child("run_2", GROWN, try_number=2).check(clean(is_first=is_first)[-2])
    task.load_in_child("run_3", GROWN).check(clean(is_first=is_first)[-1])


@some("point", "state file", "parent only", "all rows")
def test_no_file_of_an_unfinished_load_survives_a_lost_store(make_task, clean, point):
    task = make_task("filesystem")
    task.load_in_child("run_1", 1)
    task.load_killed("run_2", GROWN, point)
    task.lose_store()
    task.lose_folder("run_2")

    task.load_in_child("run_2", GROWN, try_number=2).check(clean("filesystem")[1])
    task.load_in_child("run_3", GROWN).check(clean("filesystem")[2])


@FOLDER
@some(
    "first, second",
    ("parent only", "ledger half told"),
    ("parent only", "ledger not told"),
    ("children only", "parent only"),
    ("all rows", "in extract"),
    ("dlt done", "ledger half told"),
)
def test_a_retry_that_is_killed_as_well_leaves_nothing_behind(
    make_task, clean, first, second, is_folder_lost
):
    task = make_task()
    task.load_in_child("run_1", 1)
    task.load_killed("run_2", GROWN, first)
    if is_folder_lost:
        task.lose_folder("run_2")
    outcome = task.start("run_2", GROWN, 2, point=second).wait()
    assert outcome.is_killed or not outcome.error, outcome.text

    task.load_in_child("run_2", GROWN, try_number=3).check(clean()[1])
    task.load_in_child("run_3", GROWN).check(clean()[2])


def end_session(url: str, pid: int) -> None:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        connection.close()


def test_a_load_whose_connections_are_cut_fails_and_its_retry_is_exact(
    make_task, clean, postgres_url
):
    task = make_task("postgres")
    task.load_in_child("run_1", 1)

    def load():
        prepare = RunnableLoadJob.run_managed

        def cut_off(job, client, *args):
            execution = client.prepare_load_job_execution

            def prepared(started):
                execution(started)
                if started.job_file_info().table_name in kill.CHILDREN:
                    pid = client.sql_client.native_connection.info.backend_pid
                    end_session(postgres_url, pid)

            client.prepare_load_job_execution = prepared
            prepare(job, client, *args)

        RunnableLoadJob.run_managed = cut_off
        task.load("run_2", GROWN)

    outcome = Child(task.folder, load).wait()
    assert outcome.error == "TransientLoadError", outcome.text

    task.load_in_child("run_2", GROWN, try_number=2).check(clean("postgres")[1])
    task.load_in_child("run_3", GROWN).check(clean("postgres")[2])


def test_a_load_that_loses_its_lock_on_the_way_doubles_no_row(make_task, clean, postgres_url):
    task = make_task("postgres")
    task.load_in_child("run_1", 1)

    def end_lock():
        connection = psycopg2.connect(postgres_url)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'chaos_dag, run_2%'"
            )
            assert cursor.rowcount == 1
        connection.close()

    task.start("run_2", GROWN, point="parent only", action=end_lock).wait()

    task.load_in_child("run_2", GROWN, try_number=2).check(clean("postgres")[1])
    task.load_in_child("run_3", GROWN).check(clean("postgres")[2])


@FILE_OR_SERVER
@some("point", "in extract", "parent only")
def test_two_runs_that_load_at_once_take_turns(make_task, clean, destination, point):
    task = make_task(destination)
    task.load_in_child("run_1", 1)
    first = started_to(task, point, lambda: time.sleep(0.7))
    second = task.start("run_3", GROWN)

    first.wait().checked()
    second.wait().checked()

    task.load_in_child("run_4", GROWN).check(clean(destination)[2])


@some("point", "in extract", "parent only", "all rows")
def test_two_tries_of_one_run_that_load_at_once_double_no_row(make_task, clean, point):
    task = make_task()
    task.load_in_child("run_1", 1)
    first = started_to(task, point, lambda: time.sleep(0.7))
    second = task.start("run_2", GROWN, 2)

    first.wait()
    second.wait()

    task.load_in_child("run_2", GROWN, try_number=3).check(clean()[1])
    task.load_in_child("run_3", GROWN).check(clean()[2])


@FILE_OR_SERVER
def test_a_zombie_is_waited_for_and_named_and_after_its_end_the_retry_is_exact(
    make_task, clean, destination
):
    task = make_task(destination)
    task.load_in_child("run_1", 1)
    zombie = started_to(task, "parent only", lambda: os.kill(os.getpid(), signal.SIGSTOP))

    task.lock_timeout_seconds = 1
    waited = task.start("run_2", GROWN, 2).wait()
    assert waited.error == "TransientLoadError"
    assert "LockTimeoutError" in waited.text
    assert "held by chaos_dag, run_2, try 1" in waited.text

    zombie.send(signal.SIGKILL)
    assert zombie.wait().is_killed
    task.load_in_child("run_2", GROWN, try_number=3).check(clean(destination)[1])
    task.load_in_child("run_3", GROWN).check(clean(destination)[2])


def started_to(task, point, action) -> Child:
    """Start run 2, and go on when it got to *point*, where *action* happens to it."""
    mark = task.folder / "reached"

    def told():
        mark.touch()
        action()

    child = task.start("run_2", GROWN, point=point, action=told)
    wait_until(mark.exists)
    return child


@pytest.mark.parametrize("is_folder_lost", [False, True], ids=["kept", "lost"])
@some("point", "second parent only", "dlt done")
@some("destination", "duckdb", "filesystem")
def test_a_task_of_two_sources_that_is_killed_between_them_is_exact_after_its_retry(
    make_task, point, is_folder_lost, destination
):
    def two_sources():
        task = make_task(destination)
        task.source, task.kwargs = orders_and_returns, {}
        task.resources = (f"chaos__{RESOURCE}", "second__returns")
        task.source_names = ("chaos", "second")
        return task

    undisturbed, task = two_sources(), two_sources()
    clean = [undisturbed.load_in_child(f"run_{i}", batch) for i, batch in ((1, 1), (2, 2), (3, 2))]
    task.load_in_child("run_1", 1)
    task.load_killed("run_2", GROWN, point)
    if is_folder_lost:
        task.lose_folder("run_2")

    task.load_in_child("run_2", GROWN, try_number=2).check(clean[1])
    task.load_in_child("run_3", GROWN).check(clean[2])


def set_clock_back() -> None:
    """Let dlt believe in this process that it is an hour earlier."""
    now, hour = load_package.increasing_precise_time, datetime.timedelta(hours=1)

    class Earlier(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.now(tz) - hour

    load_package.increasing_precise_time = lambda: now() - hour.total_seconds()
    job_client_impl.datetime = Earlier


@some("late", ("run_2",), ("run_2", "run_3"), ("run_3",), ids=" ".join)
def test_loads_by_a_worker_whose_clock_is_behind_double_no_row(make_task, late):
    batches = {"run_1": 1, "run_2": 2, "run_3": 3, "run_4": 3}
    undisturbed, task = make_task(), make_task()
    clean = {run: undisturbed.load_in_child(run, batch) for run, batch in batches.items()}

    def load(run):
        if run in late:
            set_clock_back()
        task.load(run, batches[run])

    for run in batches:
        in_child(task.folder, lambda run=run: load(run)).checked()
        tables = in_child(task.folder, task.place.read).checked()
        assert content(tables) == clean[run].content, run
        assert faults(tables) == []


@FOLDER
def test_a_worker_whose_clock_is_behind_is_killed_and_its_retry_is_exact(
    make_task, clean, is_folder_lost
):
    task = make_task()
    task.load_in_child("run_1", 1)

    def load():
        set_clock_back()
        kill.arm("parent only")
        task.load("run_2", GROWN)

    assert in_child(task.folder, load).is_killed
    if is_folder_lost:
        task.lose_folder("run_2")

    task.load_in_child("run_2", GROWN, try_number=2).check(clean()[1])
    task.load_in_child("run_3", GROWN).check(clean()[2])
