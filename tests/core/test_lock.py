import dlt
import filelock
import pytest

from airflow_dlt_provider.core.errors import LockTimeoutError
from airflow_dlt_provider.core.loading.lock import (
    Waiting,
    WriterLock,
    load_lock,
    single_writer_path,
)

ME = Waiting("the_dag, my_run, try 1", timeout_seconds=0.2)

HOLD = """
import sys
from pathlib import Path
from airflow_dlt_provider.core.loading.lock import Waiting, WriterLock
with WriterLock(Path(sys.argv[1]), Waiting("the_dag, other_run, try 2", 60))():
    print("held", flush=True)
    sys.stdin.readline()
"""

COUNT = """
import sys
from pathlib import Path
from airflow_dlt_provider.core.loading.lock import Waiting, WriterLock
path, times = Path(sys.argv[1]), int(sys.argv[2])
lock = WriterLock(path, Waiting("a counter", 60))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(times):
    with lock():
        path.write_text(str(int(path.read_text()) + 1))
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "shop.duckdb"


def is_free(path):
    lock = filelock.FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return False
    lock.release()
    return True


def test_a_second_process_waits_until_the_first_lets_go(path, start_python):
    holder = start_python("-c", HOLD, str(path))
    assert holder.stdout.readline() == "held\n"
    held = not is_free(path)
    holder.communicate("let go\n", timeout=60)

    assert held
    assert is_free(path)


def test_the_lock_of_a_dead_process_is_free(path, start_python):
    holder = start_python("-c", HOLD, str(path))
    assert holder.stdout.readline() == "held\n"

    holder.kill()
    holder.wait()

    assert is_free(path)


def test_a_wait_has_an_end_and_says_who_holds_the_lock(path, start_python):
    holder = start_python("-c", HOLD, str(path))
    assert holder.stdout.readline() == "held\n"

    with pytest.raises(LockTimeoutError) as caught, WriterLock(path, ME)():
        pass

    assert caught.value.holder == "the_dag, other_run, try 2"
    assert "shop.duckdb, held by the_dag, other_run, try 2" in str(caught.value)


def test_who_holds_a_lock_may_take_it_again(path):
    lock = WriterLock(path, ME)

    with lock():
        with lock():
            pass
        assert not is_free(path)

    assert is_free(path)


def test_what_is_done_under_the_lock_is_never_done_twice_at_once(path, start_python):
    path.parent.mkdir()
    path.write_text("0")
    counters = [start_python("-c", COUNT, str(path), "200") for _ in range(3)]
    for counter in counters:
        assert counter.stdout.readline() == "ready\n"
    for counter in counters:
        counter.stdin.write("go\n")
        counter.stdin.flush()
    outputs = [counter.communicate(timeout=120) for counter in counters]

    assert [counter.returncode for counter in counters] == [0, 0, 0], outputs
    assert path.read_text() == "600"


def test_the_lock_is_let_go_after_a_failure(path):
    with pytest.raises(ZeroDivisionError), WriterLock(path, ME)():
        raise ZeroDivisionError

    assert is_free(path)


def test_without_a_path_nothing_is_locked(tmp_path):
    with WriterLock(None, ME)():
        pass

    assert list(tmp_path.rglob("*.lock")) == []


@pytest.fixture
def client_of(tmp_path):
    """dlt's client of a destination."""

    def client_of(destination):
        pipeline = dlt.pipeline(
            "locked",
            pipelines_dir=str(tmp_path / "work"),
            destination=destination,
            dataset_name="raw",
        )
        try:
            return pipeline.destination_client()
        finally:
            pipeline.deactivate()

    return client_of


@pytest.fixture
def path_of(client_of):
    """The path that is locked for a destination."""
    return lambda destination: single_writer_path(client_of(destination))


def test_a_file_that_takes_one_writer_is_locked(path_of, tmp_path):
    duckdb_file, sqlite_file = tmp_path / "a.duckdb", tmp_path / "a.db"

    assert path_of(dlt.destinations.duckdb(str(duckdb_file))) == duckdb_file
    assert path_of(dlt.destinations.sqlalchemy(f"sqlite:///{sqlite_file}")) == sqlite_file


def test_servers_and_folders_are_not_locked(path_of, tmp_path):
    assert path_of(dlt.destinations.postgres("postgresql://me:pw@127.0.0.1:1/db")) is None
    assert path_of(dlt.destinations.filesystem(str(tmp_path / "files"))) is None


@pytest.fixture(params=["duckdb", "filesystem", "postgres"])
def lockable(request, tmp_path):
    """A destination at which loads of one pipeline meet."""
    if request.param == "duckdb":
        return dlt.destinations.duckdb(str(tmp_path / "shop.duckdb"))
    if request.param == "filesystem":
        return dlt.destinations.filesystem(str(tmp_path / "files"))
    return dlt.destinations.postgres(request.getfixturevalue("postgres_url"))


def test_two_loads_of_one_pipeline_do_not_run_at_once(client_of, lockable):
    other = Waiting("the_dag, other_run, try 2", timeout_seconds=60)

    with (
        load_lock(client_of(lockable), "shop__orders", other),
        pytest.raises(LockTimeoutError) as caught,
        load_lock(client_of(lockable), "shop__orders", ME),
    ):
        pass

    assert caught.value.holder == "the_dag, other_run, try 2"
    assert "'shop__orders'" in str(caught.value)


def test_loads_of_two_pipelines_run_at_once(client_of, lockable):
    with (
        load_lock(client_of(lockable), "shop__orders", ME),
        load_lock(client_of(lockable), "shop__customers", ME),
    ):
        pass


def test_a_load_that_ended_leaves_the_way_free(client_of, lockable):
    for _ in range(2):
        with load_lock(client_of(lockable), "shop__orders", ME):
            pass


def test_only_a_lock_that_nobody_loses_unawares_is_certain(client_of, lockable):
    with load_lock(client_of(lockable), "shop__orders", ME) as is_certain:
        # PostgreSQL lets go of the lock of a connection that is gone
        assert is_certain is (lockable.destination_name != "postgres")
    with load_lock(client_of(dlt.destinations.dummy()), "shop__orders", ME) as is_certain:
        assert not is_certain
