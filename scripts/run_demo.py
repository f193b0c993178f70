"""Start a real Airflow, run the example Dag in it, show what was loaded, and keep serving.

Everything it writes lies in one folder; everything it starts, it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from airflow_api import AirflowApi, ApiError
from standalone import Standalone, StartError

from airflow_dlt_provider.core.loading.report import render_run
from airflow_dlt_provider.core.loading.result import LoadResult

DAG_ID = "nycflights"
NEEDED_DISK_BYTES = 500_000_000
app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)

CHECKOUT = Path(__file__).resolve().parent.parent


@app.command()
def main(
    home: Annotated[Path, typer.Option(help="AIRFLOW_HOME.")] = CHECKOUT / ".airflow",
    dags: Annotated[Path, typer.Option(help="Folder of the Dag files.")] = CHECKOUT / "dags",
    port: Annotated[int, typer.Option(help="Port of the UI.")] = 8080,
    until: Annotated[str, typer.Option(help="Load what happened before this day.")] = "",
    once: Annotated[bool, typer.Option(help="Stop when the run has ended.")] = False,
) -> None:
    """Run the example Dag in an Airflow of its own."""
    for stop in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, interrupt)
    check_date(until)
    home = home.resolve()
    standalone = Standalone(home, dags.resolve(), port)
    try:
        check_machine(home, port, standalone)
        with standalone:
            api = AirflowApi(standalone.url, *standalone.login())
            succeeded = run_dag(api, until or None)
            show_tables(home / "data" / f"{DAG_ID}.duckdb")
            username, password = standalone.login()
            print(f"\nAirflow: {standalone.url}  (user {username}, password {password})")
            print(f"Data:    {home / 'data' / f'{DAG_ID}.duckdb'}, dataset {DAG_ID}")
            if not once:
                print("Ctrl-C stops it.")
                standalone.wait()
                sys.exit("Error: Airflow has ended by itself; its log says why")
    except (StartError, ApiError) as error:
        sys.exit(f"Error: {error}")
    except KeyboardInterrupt:
        # a shell's word for a program that was interrupted; serving until then is what was asked
        sys.exit(130 if once else 0)
    if not succeeded:
        sys.exit(1)


def interrupt(*_: object) -> None:
    """Unwind, so that everything that was started is ended."""
    raise KeyboardInterrupt


def check_date(until: str) -> None:
    """Stop with one clear line if *until* is no date."""
    try:
        if until:
            date.fromisoformat(until)
    except ValueError:
        sys.exit(f"Error: UNTIL={until} is no date; write it like 2013-07-01")


def check_machine(home: Path, port: int, standalone: Standalone) -> None:
    """Stop with one clear line before anything is started that cannot work."""
    if pid := standalone.running_pid():
        raise StartError(
            f"an Airflow of {home} is still running (process {pid}); "
            f"use it at its address, or end it: kill -INT {pid}"
        )
    with socket.socket() as probe:
        # as the API server does, so that a port in TIME_WAIT is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104 - the address that Airflow binds
        except OSError as error:
            raise StartError(
                f"port {port} is in use; choose another: make run PORT={port + 1}"
            ) from error
    home.mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(home).free) < NEEDED_DISK_BYTES:
        raise StartError(
            f"{home} has {free / 1e6:,.0f} MB left on its disk, and {NEEDED_DISK_BYTES / 1e6:,.0f} "
            "MB are needed; make room, or put it elsewhere: make run RUN_HOME=/other/folder"
        )


def run_dag(api: AirflowApi, until: str | None) -> bool:
    """Run the Dag, print its tasks as they change and its loads at the end."""
    api.wait_for_dag(DAG_ID)
    run_id = api.trigger(DAG_ID, {"until": until} if until else {})
    print(f"Running {DAG_ID}{f' until {until}' if until else ''}")
    for task_id, state, seconds in api.task_changes(DAG_ID, run_id):
        took = f" after {seconds:.1f} s" if seconds is not None else ""
        print(f"  {task_id:<10} {state}{took}", flush=True)
    statuses = {
        task_id: state
        for task_id, state in api.task_states(DAG_ID, run_id).items()
        if task_id != "finish"
    }
    results = {
        task_id: LoadResult.from_dict(value)
        for task_id in statuses
        if (value := api.return_value(DAG_ID, run_id, task_id))
    }
    print(f"\n{render_run(results, statuses)}")
    return api.run_state(DAG_ID, run_id) == "success"


def show_tables(path: Path) -> None:
    """Print how many rows each table holds now."""
    import duckdb

    if not path.is_file():
        return
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables "
            "where table_schema = ? and not starts_with(table_name, '_dlt') order by 1",
            [DAG_ID],
        ).fetchall()
        # the file, the dataset and so the catalog have one name: give all three parts
        counts = {
            name: connection.table(f"{DAG_ID}.{DAG_ID}.{name}").count("*").fetchall()[0][0]
            for (name,) in tables
        }
    print("\nIn the database: " + ", ".join(f"{name} {rows:,}" for name, rows in counts.items()))


if __name__ == "__main__":
    # output of a long run is wanted as it comes, also in a pipe
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    app()
