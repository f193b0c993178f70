import dlt
import filelock
import pytest

from airflow_dlt_provider.core.loading.lock import single_writer_path, writer_lock

HOLD = """
import sys
from pathlib import Path
from airflow_dlt_provider.core.loading.lock import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""

COUNT = """
import sys
from pathlib import Path
from airflow_dlt_provider.core.loading.lock import writer_lock
path, times = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(times):
    with writer_lock(path):
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
    with pytest.raises(ZeroDivisionError), writer_lock(path):
        raise ZeroDivisionError

    assert is_free(path)


def test_without_a_path_nothing_is_locked(tmp_path):
    with writer_lock(None):
        pass

    assert list(tmp_path.rglob("*.lock")) == []


@pytest.fixture
def path_of(tmp_path):
    """The path that is locked for a destination."""

    def path_of(destination):
        pipeline = dlt.pipeline(
            "locked",
            pipelines_dir=str(tmp_path / "work"),
            destination=destination,
            dataset_name="raw",
        )
        try:
            return single_writer_path(pipeline.destination_client())
        finally:
            pipeline.deactivate()

    return path_of


def test_a_file_that_takes_one_writer_is_locked(path_of, tmp_path):
    duckdb_file, sqlite_file = tmp_path / "a.duckdb", tmp_path / "a.db"

    assert path_of(dlt.destinations.duckdb(str(duckdb_file))) == duckdb_file
    assert path_of(dlt.destinations.sqlalchemy(f"sqlite:///{sqlite_file}")) == sqlite_file


def test_servers_and_folders_are_not_locked(path_of, tmp_path):
    assert path_of(dlt.destinations.postgres("postgresql://me:pw@127.0.0.1:1/db")) is None
    assert path_of(dlt.destinations.filesystem(str(tmp_path / "files"))) is None
