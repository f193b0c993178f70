"""What parsing a Dag file costs, next to a hand-written Dag with as many operators.

Does what Airflow's Dag processor does: a process that has loaded Airflow, and this package by its
listener, forks for each file; the child imports the file and serializes its Dags. Prints medians
of the CPU time of the child, and their ratio to the hand-written Dag, whose operators have the
same outlets, measured in turns.
`python -m bench.parsing --profile 1000` prints where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import importlib
import json
import logging
import os
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SIZES = (10, 100, 1_000)
ROUNDS = {10: 25, 100: 15, 1_000: 9}

SOURCE = """
import dlt


@dlt.source
def wide(number={number}):
    for n in range(number):
        yield dlt.resource(
            [{{"id": 1}}],
            name=f"table_{{n:04}}",
            primary_key="id",
            write_disposition="merge",
            columns={{"id": {{"data_type": "bigint"}}, "changed_at": {{"data_type": "timestamp"}}}},
        )
"""
OURS = """
from airflow_dlt_provider import DltDag

dag = DltDag("ours_{number}", "wide_{number}:wide")
"""
GROUP = """
from airflow.sdk import DAG
from airflow_dlt_provider import DltTaskGroup

with DAG("group_{number}"):
    DltTaskGroup("load", "wide_{number}:wide")
"""
DECLARED = """
from airflow_dlt_provider import load_dags  # makes a DAG

globals().update(load_dags("declared_{number}"))
"""
SOURCES = """
version: '1.0'
sources:
  - name: declared_{number}
    type: dlt_native
    enabled: true
    dlt_native:
      source_module: wide_{number}
      source_function: wide
      function_kwargs: {{}}
"""
PLAIN = """
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, Asset


def load(table):
    print(table)


with DAG("plain_{number}", max_active_runs=1, catchup=False):
    finish = EmptyOperator(task_id="finish", trigger_rule="all_done")
    for n in range({number}):
        name = f"table_{{n:04}}"
        path = f"plain_{number}/plain_{number}/{{name}}"
        task = PythonOperator(
            task_id=name,
            python_callable=load,
            op_kwargs={{"table": name}},
            outlets=[Asset(name=path, uri=f"x-dlt://{{path}}")],
        )
        task >> finish
"""


def write_files(folder: Path, number: int) -> dict[str, Path]:
    """Write a Dag file of each kind with *number* resources; return kind -> path."""
    (folder / f"wide_{number}.py").write_text(SOURCE.format(number=number))
    project = folder / f"declared_{number}"
    (project / "custom_sources").mkdir(parents=True)
    (project / "custom_sources" / f"wide_{number}.py").write_text(SOURCE.format(number=number))
    (project / "sources.yml").write_text(SOURCES.format(number=number))
    texts = {"plain": PLAIN, "DltDag": OURS, "DltTaskGroup": GROUP, "load_dags": DECLARED}
    paths = {kind: folder / f"{kind}_{number}.py" for kind in texts}
    for kind, text in texts.items():
        paths[kind].write_text(text.format(number=number))
    return paths


def parse(path: Path) -> list[object]:
    """Do what Airflow's Dag processor does with a file (`airflow.dag_processing.processor`)."""
    from airflow.dag_processing.dagbag import BundleDagBag
    from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG

    bag = BundleDagBag(
        dag_folder=str(path),
        bundle_path=path.parent,
        bundle_name="dags-folder",
        load_op_links=False,
    )
    if bag.import_errors or not bag.dags:
        raise SystemExit(f"{path.name}: {bag.import_errors}")
    return [
        LazyDeserializedDAG(data=DagSerialization.to_dict(dag), last_loaded=None)
        for dag in bag.dags.values()
    ]


def seconds_in_child(action: Callable[[], object]) -> float:
    """Return the CPU seconds of *action* in a fork of this process."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        started = time.process_time()
        action()
        os.write(write, json.dumps(time.process_time() - started).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status or not text:
        raise SystemExit(f"a child failed with status {status}")
    return float(json.loads(text))


def main() -> None:
    """Measure, and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--profile", type=int, metavar="RESOURCES")
    arguments.add_argument("--kind", default="DltDag")
    arguments.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    arguments.add_argument("--no-preload", action="store_true")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench_parsing_") as folder:
        prepare(Path(folder), preload=not given.no_preload)
        if given.profile:
            profile(Path(folder), given.profile, given.kind)
            return
        for number in given.sizes:
            measure(Path(folder), number)


def prepare(folder: Path, *, preload: bool) -> None:
    """Load what a Dag processor has loaded when it forks."""
    os.environ |= {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    logging.disable(logging.INFO)
    # the manager imports what Dag files import of Airflow (`[dag_processor]
    # parsing_pre_import_modules`)
    for name in (
        "dag_processing.manager",
        "dag_processing.processor",
        "providers.standard.operators.empty",
        "providers.standard.operators.python",
    ):
        importlib.import_module(f"airflow.{name}")
    if preload:
        from airflow_dlt_provider.plugin.preload import preload as run_preload

        run_preload()
    gc.collect()
    # as `airflow.dag_processing.manager` does before it forks
    gc.freeze()


def measure(folder: Path, number: int) -> None:
    """Print medians and ratios for one number of resources."""
    paths = write_files(folder, number)
    for path in paths.values():
        # writes the manifest
        seconds_in_child(lambda path=path: parse(path))
    seconds: dict[str, list[float]] = {kind: [] for kind in paths}
    for _ in range(ROUNDS.get(number, 5)):
        for kind, path in paths.items():
            seconds[kind].append(seconds_in_child(lambda path=path: parse(path)))
    medians = {kind: statistics.median(values) for kind, values in seconds.items()}
    for kind, median in medians.items():
        ratio = median / medians["plain"]
        print(f"{number:>6} {kind:<14} {median * 1000:>8.1f} ms {ratio:>6.2f}")


def profile(folder: Path, number: int, kind: str) -> None:
    """Print where the time of one parse goes."""
    path = write_files(folder, number)[kind]
    seconds_in_child(lambda: parse(path))

    def profiled() -> None:
        profiler = cProfile.Profile()
        profiler.runcall(parse, path)
        for order in ("cumulative", "tottime"):
            pstats.Stats(profiler, stream=sys.stdout).sort_stats(order).print_stats(60)
        sys.stdout.flush()

    seconds_in_child(profiled)


if __name__ == "__main__":
    main()
