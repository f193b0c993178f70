"""The listener that imports dlt before Airflow forks."""

import json
import os
import subprocess
import sys
from unittest.mock import patch

import pytest
from celery.signals import worker_init

from airflow_dlt_provider.plugin import celery, preload

# a scheduler forks after this: nothing may be left over that a fork would break
PRELOAD_AND_LOOK = """
import json, os, sys, tempfile, threading
from pathlib import Path
temporary = Path(sys.argv[1])
tempfile.tempdir = str(temporary)
import airflow_dlt_provider.plugin.preload as listener

def open_files():
    links = [Path("/proc/self/fd") / fd for fd in os.listdir("/proc/self/fd")]
    return sorted(os.readlink(link) for link in links if link.exists())

files, threads = open_files(), len(os.listdir("/proc/self/task"))
listener.preload()
left_over = {
    "files": sorted(set(open_files()) - set(files)),
    "threads": len(os.listdir("/proc/self/task")) - threads,
    "python_threads": [thread.name for thread in threading.enumerate()][1:],
    "temporary": os.listdir(temporary),
    "imported": sorted({"dlt", "dlt.destinations.impl.duckdb.duck", "duckdb"} & set(sys.modules)),
    "own": sorted(
        {"airflow_dlt_provider." + name for name in ("dag_factory", "declared_dags", "wiring")}
        & set(sys.modules)
    ),
}
import dlt
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
context = Container()[PluggableRunContext]
left_over["context"] = type(context.context).__name__
left_over["providers"] = [provider.name for provider in context.providers.providers]
print(json.dumps(left_over))
"""


def look_after_preload(folder, environment):
    (folder / "temporary").mkdir()
    completed = subprocess.run(
        [sys.executable, "-c", PRELOAD_AND_LOOK, str(folder / "temporary")],
        env={**environment, "AIRFLOW_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    assert "could not be imported" not in completed.stdout + completed.stderr
    return json.loads(completed.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def left_over(tmp_path_factory):
    """What `preload()` leaves in a fresh process."""
    return look_after_preload(tmp_path_factory.mktemp("preload"), os.environ)


def test_preload_imports_dlt_and_the_default_destination(left_over):
    assert left_over["imported"] == ["dlt", "dlt.destinations.impl.duckdb.duck", "duckdb"]


def test_preload_imports_what_dag_files_import_of_this_package(left_over):
    assert left_over["own"] == [
        "airflow_dlt_provider.dag_factory",
        "airflow_dlt_provider.declared_dags",
        "airflow_dlt_provider.wiring",
    ]


def test_preload_leaves_no_file_open_and_no_thread(left_over):
    assert left_over["files"] == []
    assert left_over["python_threads"] == []
    assert left_over["threads"] == 0


def test_preload_leaves_no_folder_behind(left_over):
    assert left_over["temporary"] == []


def test_preload_leaves_dlts_own_run_context_and_secrets_as_they_are(left_over):
    assert left_over["context"] == "RunContext"
    assert "Airflow Secrets TOML Provider" in left_over["providers"]


@pytest.mark.parametrize("telemetry", [None, "true"], ids=["not said", "asked for"])
def test_preload_leaves_no_thread_of_telemetry_and_no_file_of_the_users(tmp_path, telemetry):
    environment = {k: v for k, v in os.environ.items() if k != "RUNTIME__DLTHUB_TELEMETRY"}
    if telemetry:
        environment["RUNTIME__DLTHUB_TELEMETRY"] = telemetry
    file = tmp_path / "of_the_user.duckdb"

    left_over = look_after_preload(
        tmp_path,
        {
            **environment,
            "DESTINATION__DUCKDB__CREDENTIALS": str(file),
            # whatever is reported stays on this machine
            "RUNTIME__DLTHUB_TELEMETRY_ENDPOINT": "http://127.0.0.1:9/",
        },
    )

    assert left_over["imported"] == ["dlt", "dlt.destinations.impl.duckdb.duck", "duckdb"]
    assert (left_over["python_threads"], left_over["threads"]) == ([], 0)
    assert not file.exists()
    assert left_over["temporary"] == []


class Job:
    """Named as Airflow's job is: the listener tells it by its name."""


class TaskRunnerMarker:
    """Named as what Airflow's task runner announces itself by."""


@pytest.fixture
def run_preload():
    with patch.object(preload, "preload", autospec=True) as run_preload:
        yield run_preload


@pytest.mark.parametrize("command", ["scheduler", "dag-processor"])
def test_a_component_that_forks_preloads(monkeypatch, run_preload, command):
    monkeypatch.setattr(sys, "argv", ["airflow", command])

    preload.on_starting(Job())

    assert run_preload.call_count == 1


@pytest.mark.parametrize(
    ("command", "component"),
    [
        ("triggerer", Job()),
        ("api-server", Job()),
        ("scheduler", TaskRunnerMarker()),
        ("dag-processor", TaskRunnerMarker()),
    ],
)
def test_other_components_do_not_preload(monkeypatch, run_preload, command, component):
    monkeypatch.setattr(sys, "argv", ["airflow", command])

    preload.on_starting(component)

    assert run_preload.call_count == 0


@pytest.mark.parametrize(
    ("command", "listens"),
    [("celery worker", True), ("celery flower", False), ("scheduler", False), ("", False)],
)
def test_a_celery_worker_preloads_when_celery_is_about_to_start(monkeypatch, command, listens):
    monkeypatch.setattr(sys, "argv", ["airflow", *command.split()])

    with patch.object(worker_init, "connect", autospec=True) as connect:
        celery.listen()

    assert connect.called == listens


@pytest.mark.parametrize("value", ["True", "False"])
def test_preload_of_a_celery_worker_can_be_switched_off(monkeypatch, run_preload, value):
    monkeypatch.setenv("AIRFLOW__DLT__PRELOAD", value)

    celery.preload_worker(sender=None)

    assert run_preload.called == (value == "True")


@pytest.mark.parametrize("value", ["False", "false", "0", "no"])
def test_preload_can_be_switched_off(monkeypatch, run_preload, value):
    monkeypatch.setattr(sys, "argv", ["airflow", "scheduler"])
    monkeypatch.setenv("AIRFLOW__DLT__PRELOAD", value)

    preload.on_starting(Job())

    assert run_preload.call_count == 0


def test_the_name_of_airflows_job_is_the_one_that_the_listener_looks_for():
    from airflow.jobs.job import Job as AirflowJob

    assert AirflowJob.__name__ == "Job"


def test_a_failure_while_preloading_is_only_logged():
    with (
        patch.object(
            preload, "_run_throw_away_pipeline", autospec=True, side_effect=RuntimeError("broken")
        ),
        patch.object(preload.log, "warning", autospec=True) as warning,
    ):
        preload.preload()

    assert warning.call_count == 1
    assert "dlt could not be imported before forking" in warning.call_args.args[0]


def test_a_failure_while_preloading_leaves_no_connection_to_the_state_store():
    with (
        patch("airflow_dlt_provider.core.loading.load.load_task", autospec=True) as load_task,
        patch("airflow_dlt_provider.core.state.sql.SqlStateStore.close", autospec=True) as close,
    ):
        load_task.side_effect = RuntimeError("broken")
        preload.preload()

    assert close.call_count == 1
