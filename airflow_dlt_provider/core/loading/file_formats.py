"""Which files a load writes between its source and its destination.

dlt decides this before it knows how much there is. DuckDB takes a large table in Parquet some ten
times faster than in INSERT statements, which it parses at 0.2 to 0.3 ms a row; but `pyarrow`, which
writes Parquet, takes half a second to import, and a small table is in place by then. So it is
decided here for each table by what was extracted of it. Figures: docs/performance.md.

What a user says comes first: `loader_file_format`, a resource's own `file_format`, a destination
with a preference of its own, dlt's settings for writing files.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dlt.common.destination.typing import PreparedTableSchema
from dlt.common.pipeline import NormalizeInfo
from dlt.common.schema.exceptions import SchemaException
from dlt.common.storages import ParsedLoadJobFileName
from dlt.common.storages.load_package import PackageStorage
from dlt.normalize.exceptions import NormalizeJobFailed
from dlt.pipeline.exceptions import PipelineStepFailed
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.loading.destination import DuckDbFile
from airflow_dlt_provider.core.run_context import set_default

LARGE_BYTES = 1_000_000
"""What is extracted of a table, uncompressed, from which on Parquet is faster for DuckDB.

Measured in processes forked after the preload, `pyarrow` not imported (dlt 1.31, DuckDB 2.0): the
same processor time at 0.4 MB (2,000 rows of 8 columns), 0.75 of it at 1 MB.
"""

GZIP_RATIO = 10
"""How much smaller gzip makes extracted rows, about; only for telling small from large."""

ROWS_FORMAT = "typed-jsonl"
"""The extracted files of rows; Arrow tables are extracted as Parquet, and stay that."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ParquetFor:
    """Has some tables written as Parquet; dlt asks it table by table, in its worker processes."""

    tables: frozenset[str]
    """Names of root tables; their nested tables go with them."""

    def __call__(
        self, preferred: str, supported: Sequence[str], *, table_schema: PreparedTableSchema
    ) -> tuple[str, Sequence[str]]:
        """Return the preferred format of one table, and those that may be used."""
        return ("parquet" if table_schema["name"] in self.tables else preferred), supported


def normalize_packages(pipeline: Pipeline) -> NormalizeInfo | None:
    """Normalize what was extracted, into the files that the destination takes fastest.

    Some values fit the destination and not a Parquet file, such as a decimal number with more
    digits than its column: a load that has one is written once more, the way dlt would have.

    Args:
        pipeline: With extracted packages, and a destination that `resolve_destination` made.

    Returns:
        dlt's own account; `None` if nothing was extracted.

    Raises:
        PipelineStepFailed: The rows cannot be normalized.
    """
    tables = _large_tables(pipeline)
    if tables and _is_read_here(pipeline):
        set_default(("normalize", "data_writer"), "disable_compression", value=True)
    if not tables or not _takes_parquet_faster(pipeline.destination):
        return pipeline.normalize()
    try:
        with _format_selector(pipeline, ParquetFor(tables)):
            return pipeline.normalize()
    except PipelineStepFailed as error:
        failure = error.exception
        if not isinstance(failure, NormalizeJobFailed) or isinstance(
            failure.__cause__, SchemaException
        ):
            # what a contract refuses, no format can hold
            raise
        log.warning(
            "%s: not all rows can be written as Parquet, so they are written as INSERT statements, "
            "which takes longer; resource_options with file_format: insert_values does so at "
            "once. %s",
            ", ".join(sorted(tables)),
            failure,
        )
    return pipeline.normalize()


def _is_read_here(pipeline: Pipeline) -> bool:
    """Tell whether this process reads the files itself, and sends their rows in statements.

    Compressing them then gains nothing but space on the worker's disk.
    """
    capabilities = pipeline.destination.capabilities()
    return not pipeline.staging and (capabilities.preferred_loader_file_format == "insert_values")


def _takes_parquet_faster(destination: object) -> bool:
    own = {"preferred_loader_file_format", "loader_file_format_selector"}
    return (
        isinstance(destination, DuckDbFile)
        and own.isdisjoint(destination.caps_params)
        and find_spec("pyarrow") is not None
    )


def _large_tables(pipeline: Pipeline) -> frozenset[str]:
    sizes: Counter[str] = Counter()
    extracted = Path(pipeline.working_dir) / "normalize" / "extracted"
    for load_id in pipeline.list_extracted_load_packages():
        for path in (extracted / load_id / PackageStorage.NEW_JOBS_FOLDER).iterdir():
            file = ParsedLoadJobFileName.parse(path.name)
            if file.file_format == ROWS_FORMAT:
                ratio = GZIP_RATIO if file.is_compressed else 1
                sizes[file.table_name] += path.stat().st_size * ratio
    return frozenset(name for name, size in sizes.items() if size >= LARGE_BYTES)


@contextmanager
def _format_selector(pipeline: Pipeline, selector: Any) -> Iterator[None]:
    # this load's own factory: `resolve_destination` makes a new one each time
    parameters = pipeline.destination.caps_params
    parameters["loader_file_format_selector"] = selector
    try:
        yield
    finally:
        del parameters["loader_file_format_selector"]
