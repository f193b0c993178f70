"""Parsing a Dag file as Airflow's Dag processor does, next to Dags written by hand."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.forked import in_fork
from bench.measure import Options, Samples, say
from bench.report import Section, Table, Target

SIZES = (10, 100, 1_000)
OURS = "ours, with a manifest"
BARE = "by hand: plain operators"
ASSETS = "by hand: the same assets and texts"
EQUIPPED = "by hand: the same assets, texts and params"
AT_MOST = 1.2
WARM = "as it comes"
COLD = "nothing preloaded"

HOW = """
A file with one Dag is parsed and serialized by the code of Airflow's Dag processor, in a process
forked from one that has imported that code; as it comes, the provider's preload has run there, too;
where nothing is preloaded, neither dlt nor the provider is imported before. "Plain operators" have
a task id and one argument; the others have an outlet, two inlets, a text of the same length and two
templated fields each; with params, their Dag has those of the trigger form that ours has. The
manifest was written by an earlier parse, which is not counted.
"""

SOURCE = """
import dlt


@dlt.source
def wide():
    def rows(new=dlt.sources.incremental("id")):
        yield {{"id": 1}}

    return [
        dlt.resource(rows, name=f"table_{{number:04}}", primary_key="id", write_disposition="merge")
        for number in range({size})
    ]
"""

BY_US = """
from airflow_dlt_provider import DltDag

dag = DltDag("{dag_id}", "wide_{size}:wide", schedule=None)
"""

BY_HAND = """
from airflow.sdk import DAG, BaseOperator


class Load(BaseOperator):
    def __init__(self, *, table, **kwargs):
        super().__init__(**kwargs)
        self.table = table

    def execute(self, context):
        return self.table


with DAG("{dag_id}", schedule=None, max_active_runs=1, catchup=False) as dag:
    for number in range({size}):
        Load(task_id=f"table_{{number:04}}", table=f"table_{{number:04}}")
"""

BY_HAND_EQUIPPED = """
from airflow.sdk import DAG, Asset, BaseOperator, Param

TABLES = [f"table_{{number:04}}" for number in range({size})]
DATE = dict(type=["null", "string"], format="date-time", section="Load")
PARAMS = {{
    "resources": Param(
        None,
        type=["null", "array"],
        items={{"type": "string", "enum": TABLES}},
        examples=TABLES,
        title="Resources",
        section="Load",
    ),
    "full_refresh": Param(False, type="boolean", title="Full refresh", section="Load"),
    "refresh_mode": Param("replace", enum=["replace", "drop_data", "drop_resources"]),
    "allow_empty_replace": Param(False, type="boolean", section="Load"),
    "backfill_from": Param(None, title="Backfill from", **DATE),
    "backfill_to": Param(None, title="Backfill to", **DATE),
    "replay_run_id": Param(None, type=["null", "string"], title="Replay a run", section="Load"),
}}
WHOLE = Asset(name="{dag_id}/{dag_id}", uri="x-dlt://{dag_id}/{dag_id}")


class Load(BaseOperator):
    template_fields = ("arguments", "dataset")
    ui_color = "#e2f0ff"

    def __init__(self, *, table, arguments, dataset, **kwargs):
        asset = Asset(name=f"{dag_id}/{dag_id}/{{table}}", uri=f"x-dlt://{dag_id}/{dag_id}/{{table}}")
        super().__init__(inlets=[asset, WHOLE], outlets=[asset], **kwargs)
        self.table = table
        self.arguments = arguments
        self.dataset = dataset

    def execute(self, context):
        return self.table


with DAG("{dag_id}", schedule=None, max_active_runs=1, catchup=False{params}) as dag:
    loads = [
        Load(
            task_id=table,
            table=table,
            arguments={{}},
            dataset=None,
            doc_md=f"Loads the resource `{{table}}` of the source `wide` into `{{table}}`.",
        )
        for table in TABLES
    ]
    finish = Load(task_id="finish", table="finish", arguments={{}}, dataset=None)
    loads >> finish
"""

FILES = {OURS: BY_US, BARE: BY_HAND, ASSETS: BY_HAND_EQUIPPED, EQUIPPED: BY_HAND_EQUIPPED}


def run(options: Options) -> Section:
    """Run the case."""
    _set_up_airflow(options.folder)
    import airflow.dag_processing.processor  # noqa: F401 - what the Dag processor forks with

    if "dlt" in sys.modules:
        raise SystemExit("dlt is imported already; parsing could not be seen to be free of it")
    paths = {size: _write_files(options.folder / "dags", size) for size in SIZES}
    cold = [_measure(f"{size:,} resources, {COLD}", paths[size], options) for size in SIZES]
    from airflow_dlt_provider.plugin.preload import preload

    preload()
    warm = [_measure(f"{size:,} resources, {WARM}", paths[size], options) for size in SIZES]
    targets = [
        Target(f"{table.title}: ours through {other}", table.ratio(OURS, other), at_most=AT_MOST)
        for table in warm
        for other in (BARE, ASSETS, EQUIPPED)
    ]
    return Section("parsing", "Parsing a Dag file", HOW, (*warm, *cold), tuple(targets))


def _set_up_airflow(folder: Path) -> None:
    """Make an Airflow of this case's own, before anything of Airflow is imported."""
    if any(name.partition(".")[0] == "airflow" for name in sys.modules):
        raise SystemExit("Airflow is imported already; run this case by `--only parsing`")
    os.environ.update(
        AIRFLOW_HOME=str(folder / "home"),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__DAGS_FOLDER=str(folder / "dags"),
        AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{folder / 'airflow.db'}",
    )
    (folder / "dags").mkdir()


def _write_files(dags: Path, size: int) -> dict[str, Path]:
    """Return variant -> its file."""
    (dags / f"wide_{size}.py").write_text(SOURCE.format(size=size))
    paths = {}
    for number, (variant, text) in enumerate(FILES.items()):
        dag_id = f"v{number}_{size}"
        paths[variant] = dags / f"{dag_id}.py"
        params = ", params=PARAMS" if variant == EQUIPPED else ""
        paths[variant].write_text(text.format(dag_id=dag_id, size=size, params=params))
        # writes the manifest, and what Python compiles
        in_fork(parse, paths[variant], dags)
    return paths


def _measure(title: str, paths: dict[str, Path], options: Options) -> Table:
    samples = Samples()
    for _ in range(options.repeat):
        for variant, path in paths.items():
            found = in_fork(parse, path, path.parent)
            say(f"{title}, {variant}: {found['ms']:.0f} ms")
            samples.add(variant, found["ms"])
            samples.notes[variant] = (
                f"{found['modules']} modules of dlt imported, {found['looked_up']} Variables and "
                f"Connections asked for, {found['bytes']:,} bytes serialized"
            )
    return Table(title, "ms", samples.rows(), BARE)


def parse(path: Path, bundle: Path) -> dict[str, Any]:
    """Parse a file in this process, and tell what it took."""
    import json

    import structlog
    from airflow.dag_processing.processor import DagFileParseRequest, _parse_file
    from airflow.sdk import Connection, Variable

    before = _modules_of_dlt()
    request = DagFileParseRequest(file=str(path), bundle_path=bundle, bundle_name="dags-folder")
    with (
        patch.object(Variable, "get", autospec=True, return_value=None) as variable,
        patch.object(Connection, "get", autospec=True, return_value=None) as connection,
        patch("airflow.models.Variable.get", autospec=True, return_value=None) as old_variable,
    ):
        start = time.perf_counter()
        result = _parse_file(request, structlog.get_logger())
        taken = time.perf_counter() - start
        looked_up = sum(mock.call_count for mock in (variable, connection, old_variable))
    if result is None or result.import_errors or not result.serialized_dags:
        raise SystemExit(f"{path.name} cannot be parsed: {result and result.import_errors}")
    return {
        "ms": 1000 * taken,
        "modules": _modules_of_dlt() - before,
        "looked_up": looked_up,
        "bytes": len(json.dumps(result.serialized_dags[0].data, default=str)),
    }


def _modules_of_dlt() -> int:
    return sum(name.partition(".")[0] == "dlt" for name in sys.modules)
