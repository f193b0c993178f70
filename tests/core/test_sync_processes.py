"""The processes of a sync: order, number, and how they end."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.core.conftest import read_rows

COMMAND = "import sys; from airflow_dlt_provider.cli import app; app(prog_name='airflow-dlt')"

TIMED = """
import os, time
from pathlib import Path
import dlt

def note(text):
    with Path(os.environ["NOTES"]).open("a") as file:
        file.write(f"{time.time()} {text}\\n")

@dlt.source
def timed(seconds: float = 0.0):
    def make(name):
        @dlt.resource(name=name)
        def rows():
            note(f"begin {name}")
            for number in range(10):
                time.sleep(seconds / 10)
                yield {"id": number}
            note(f"end {name}")
        return rows
    return [make(name) for name in ("a", "b", "c")]
"""


@pytest.fixture
def timed(declared, tmp_path, monkeypatch):
    declared.write("custom_sources/timed.py", TIMED)
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))

    def declare(extra="", **kwargs):
        declared.declare(name="timed", module="timed", function="timed", extra=extra, **kwargs)
        return declared

    return declare


@pytest.fixture
def notes(tmp_path):
    """What the resources have noted, in the order of time."""
    path = tmp_path / "notes"
    return lambda: [
        line.partition(" ")[2]
        for line in sorted(path.read_text().splitlines() if path.exists() else [])
    ]


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def test_one_worker_loads_one_after_the_other_in_the_order_asked(timed, notes):
    project = timed(extra="    airflow: {after: {a: [c], b: [a]}}\n")

    project.sync("--workers", "1")

    assert notes() == [f"{word} {name}" for name in "cab" for word in ("begin", "end")]


def test_several_workers_load_at_the_same_time(timed, notes):
    timed(seconds=2.0).sync("--workers", "3")

    assert [note.split()[0] for note in notes()] == ["begin"] * 3 + ["end"] * 3


def test_what_is_left_out_is_not_waited_for(timed, notes):
    project = timed(extra="    airflow: {after: {a: [c]}}\n")

    project.sync("--select", "a")

    assert notes() == ["begin a", "end a"]


@pytest.fixture
def started(python_environment, declared):
    """Start a sync in a process, and a process group, of its own."""
    processes = []

    def start(*arguments, **options):
        environment = {**python_environment, **os.environ, "TERM": "xterm"}
        environment["PYTHONPATH"] = python_environment["PYTHONPATH"]
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "sync", *arguments],
            cwd=declared.folder,
            env=environment,
            start_new_session=True,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sync_ends_its_children_and_loads_nothing(
    timed, notes, started, number, tmp_path
):
    project = timed(seconds=60.0)
    process = started("--json", "--workers", "2")
    wait_for(lambda: len(notes()) == 2)

    os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=30)

    assert process.returncode == 130, errors
    document = json.loads(output)
    assert document["status"] == "interrupted"
    assert {task["status"] for task in document["sources"][0]["tasks"]} == {"interrupted"}, output
    assert read_rows(project.folder / "data" / "warehouse.duckdb", "raw_timed") == {}
    assert "Traceback" not in errors
    wait_for(lambda: not processes_with(f"NOTES={tmp_path}"))


def processes_with(variable):
    """Return the processes that have a variable in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            if any(f"{name}={value}".startswith(variable) for name, value in environment.items()):
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def test_the_next_sync_goes_on_after_one_that_was_interrupted(timed, notes, started):
    project = timed(seconds=5.0)
    process = started("--workers", "3")
    wait_for(lambda: len(notes()) >= 3)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    project.forget()
    timed()

    project.sync()

    tables = read_rows(project.folder / "data" / "warehouse.duckdb", "raw_timed")
    assert {name: len(rows) for name, rows in tables.items()} == {"a": 10, "b": 10, "c": 10}


def test_a_terminal_shows_a_table_that_moves_and_then_the_summary(timed, started):
    timed(seconds=1.0)
    parent, child = pty.openpty()
    process = started("--select", "a", stdout=child, stderr=child)
    os.close(child)
    shown = read_terminal(parent)

    assert process.wait(timeout=60) == 0
    assert "extracting" in shown
    assert "10 rows in all" in shown
    assert "a: started" not in shown


def read_terminal(number):
    text = b""
    while True:
        try:
            data = os.read(number, 65536)
        except OSError:
            return text.decode()
        if not data:
            return text.decode()
        text += data
