"""A slow API with fifty resources: eight tasks at once, and a plain script in two ways."""

from __future__ import annotations

from pathlib import Path

from bench.many_tables import credentials
from bench.measure import Options, Samples, say
from bench.real_airflow import BenchAirflow, DagFile, create_database
from bench.report import Section, Table, Target
from bench.slow_source import PAGE_SECONDS, slow_api, write_module
from bench.small import run_script

RESOURCES = 50
PAGES = 40
SLOTS = 8

OURS = "ours: one task each"
IN_SERIES = "plain script, one resource after another"
PARALLEL = "plain script, resources parallelized"

HOW = """
{resources} resources of {pages} pages each, of an HTTP server on this machine that answers each
page after {page_ms:.0f} ms: {series:.0f} s one after another. Into PostgreSQL. Ours in an Airflow
with {slots} slots (LocalExecutor), seconds of its run as Airflow notes them; the scripts' seconds
are those of their processes. "One after another" is dlt's `next_item_mode = "fifo"` with one
worker; "parallelized" is `resource.parallelize()` on each and dlt's defaults otherwise.
"""

SCRIPT = """
import os

os.environ.update({settings})

import dlt
from slow_source import slow

pipeline = dlt.pipeline("{name}", destination="postgres", dataset_name="{name}")
pipeline.run(slow("{url}", {resources}, {pages}, {parallelized}))
"""

DAG = """
from airflow_dlt_provider import DltDag

dag = DltDag(
    "{name}",
    "slow_source:slow",
    source_kwargs={{
        "url": "{url}", "resources": {resources}, "pages": {pages}, "parallelized": False
    }},
    destination="postgres",
    dataset_name="{name}",
    schedule=None,
)
"""


def run(options: Options) -> Section:
    """Run the case."""
    where = credentials(create_database(options.postgres, "warehouse"), options.folder / "none")
    metadata = create_database(options.postgres, "provider")
    airflow = BenchAirflow(options.folder / "provider", metadata, SLOTS, where)
    scripts = options.folder / "scripts"
    for folder in (airflow.dags, scripts):
        write_module(folder)
    resources, pages = options.tables or RESOURCES, options.pages or PAGES
    samples = Samples()
    with slow_api() as url:
        fields = {"url": url, "resources": resources, "pages": pages}
        for number in range(options.repeat):
            say(f"round {number + 1} of {options.repeat}")
            for variant, parallelized in ((PARALLEL, True), (IN_SERIES, False)):
                if not options.wants(variant) or (number and options.is_quick and not parallelized):
                    continue
                path = _write_script(scripts, number, fields, parallelized=parallelized)
                samples.add(variant, run_script(path, where))
            if options.wants(OURS):
                _run_ours(samples, airflow, f"ours_{number}", fields)
    table = Table("postgres", "s", samples.rows(), IN_SERIES)
    how = HOW.format(
        resources=resources,
        pages=pages,
        page_ms=1000 * PAGE_SECONDS,
        series=resources * pages * PAGE_SECONDS,
        slots=SLOTS,
    )
    target = Target(f"{IN_SERIES}, through ours", table.ratio(IN_SERIES, OURS), at_least=6)
    return Section("slow_api", "A slow API", how, (table,), (target,))


def _write_script(
    folder: Path, number: int, fields: dict[str, object], *, parallelized: bool
) -> Path:
    name = f"{'parallel' if parallelized else 'series'}_{number}"
    # EXTRACT__WORKERS is the number of threads, which only parallelized resources use
    in_series = {"EXTRACT__NEXT_ITEM_MODE": "fifo", "EXTRACT__WORKERS": "1"}
    settings = {} if parallelized else in_series
    path = folder / f"{name}.py"
    path.write_text(
        SCRIPT.format(name=name, settings=settings, parallelized=parallelized, **fields)
    )
    return path


def _run_ours(
    samples: Samples, airflow: BenchAirflow, name: str, fields: dict[str, object]
) -> None:
    result = airflow.measure({name: DagFile(DAG.format(name=name, **fields))})[name]
    if isinstance(result, str):
        samples.fail(OURS, result)
    else:
        samples.add(OURS, result[0])
