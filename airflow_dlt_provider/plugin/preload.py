"""A listener that imports dlt where Airflow is about to fork.

The scheduler (with the LocalExecutor) and the Dag processor fork a process for every task and
every file. `import dlt` costs each of them about a second, and the first pipeline imports some
260 modules more; imported here once, both are free there.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

FORKING_COMMANDS = (["scheduler"], ["dag-processor"])

THROW_AWAY_SOURCES = """
version: '1.0'
sources:
  - name: warm
    type: dlt_native
    dlt_native: {source_module: warm, source_function: warm}
"""


@hookimpl
def on_starting(component: object) -> None:
    """Import and warm dlt when *component* is the job of a process that forks."""
    from airflow_dlt_provider import settings

    # a job does not know its type yet when it is announced
    is_job = type(component).__name__ == "Job" and sys.argv[1:2] in FORKING_COMMANDS
    if is_job and settings.is_preload_enabled():
        preload()


def preload() -> None:
    """Import dlt and run a throw-away pipeline. Nothing is kept open, so that forking is safe."""
    try:
        with tempfile.TemporaryDirectory(prefix="airflow_dlt_preload_") as folder:
            _warm_parsing(Path(folder))
            _run_throw_away_pipeline(Path(folder))
    except Exception:
        # tasks then import dlt themselves, which is slower; Airflow must start all the same
        log.warning("dlt could not be imported before forking", exc_info=True)


def _warm_parsing(folder: Path) -> None:
    """Do what every Dag file with a source would do again in a process of its own."""
    from airflow_dlt_provider.core.planning.fingerprint import dlt_version
    from airflow_dlt_provider.core.registry.project import read_project

    for name in ("dag_factory", "declared_dags", "operators.request"):
        import_module(f"airflow_dlt_provider.{name}")
    dlt_version()
    sources = folder / "sources.yml"
    sources.write_text(THROW_AWAY_SOURCES)
    read_project(sources)


def _run_throw_away_pipeline(folder: Path) -> None:
    import dlt
    from dlt.common.runtime.telemetry import stop_telemetry

    from airflow_dlt_provider.core.loading.load import load_task
    from airflow_dlt_provider.core.loading.report import render_load
    from airflow_dlt_provider.core.spec import (
        DestinationSpec,
        LoadRequest,
        RunIdentity,
        SourceSpec,
    )
    from airflow_dlt_provider.core.state.sql import SqlStateStore

    # nothing of the user's is touched: no database, and no report of usage
    request = LoadRequest(
        source=SourceSpec(_throw_away_source, folder),
        resources=(),
        pipeline_name="preload",
        task_key="warm",
        run=RunIdentity("preload", "preload"),
        destination=DestinationSpec(dlt.destinations.duckdb(str(folder / "preload.duckdb"))),
        data_dir=folder,
        working_dir=folder / "work" / "task",
        secrets_toml="runtime.dlthub_telemetry = false",
    )
    with contextlib.closing(SqlStateStore(f"sqlite:///{folder / 'state.db'}")) as store:
        render_load(load_task(request, store))
    # a user who asked for telemetry has a thread by now, and threads do not survive a fork
    stop_telemetry()


def _throw_away_source() -> object:
    import dlt

    rows = [{"id": 1, "items": [{"id": 1}]}]
    return dlt.resource(rows, name="warm", primary_key="id", write_disposition="merge")
