"""The only place where a dlt name becomes the name of something else.

dlt allows more in a resource name than Airflow allows in a task id, and less in a schema name
than Airflow allows in a Dag id; both have limits of length. A name that has to be changed gets a
short hash of the original, so that two names never become one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

MAX_DLT_NAME_LENGTH = 64
"""Longest schema name that dlt accepts (`dlt.common.schema.exceptions.InvalidSchemaName`)."""

MAX_TASK_ID_LENGTH = 200
"""Airflow takes 250 characters; the rest is left to the group's prefix."""

MAX_FILE_NAME_LENGTH = 200
"""File systems take 255 characters; the rest is left to suffixes."""

SEPARATOR = "__"

MODULE_NAMESPACE = "_dlt_sources_"
"""Begins the names of the private packages of user modules."""


def task_key(resource_name: str) -> str:
    """Name the task that loads *resource_name*.

    It is the task id inside its Dag or group, and it ends the names of the task's own dlt
    pipeline and schema.
    """
    # a dot would read as a group in Airflow, and is not allowed in a dlt schema name
    return _shorten(_replace(resource_name, r"[^A-Za-z0-9_\-]"), MAX_TASK_ID_LENGTH)


def batch_key(resource_names: Sequence[str]) -> str:
    """Name the task that loads all of *resource_names*, in this order.

    A short hash of all names ends it: another batch is another task, and another pipeline.
    """
    digest = _hash("\n".join(resource_names))
    rest = f"_and_{len(resource_names) - 1}_more_{digest}"
    return f"{_shorten(task_key(resource_names[0]), 40)}{rest}"


def is_batch_key(task_key: str) -> bool:
    """Tell whether `batch_key` may have made *task_key*."""
    return re.search(r"_and_\d+_more_[0-9a-f]{8}$", task_key) is not None


def finish_task_key(taken: frozenset[str]) -> str:
    """Name the task that ends the run, avoiding a resource of the same name."""
    name = "finish"
    while name in taken:
        name += "_"
    return name


def default_pipeline_name(dag_id: str, group_id: str | None = None) -> str:
    """Name the pipeline of a Dag, or of a group in a Dag, when the user names none."""
    name = f"{dag_id}{SEPARATOR}{group_id}" if group_id else dag_id
    return _shorten(_replace(name, r"[^A-Za-z0-9_\-]"), MAX_FILE_NAME_LENGTH)


def task_pipeline_name(pipeline_name: str, task_key: str) -> str:
    """Name the dlt pipeline of one task.

    Two tasks on one name lose each other's cursor, because dlt keeps the whole state of a
    pipeline in one row and restores the newest. It is a valid schema name, since dlt makes a
    schema of it as long as it knows no other.
    """
    return _schema_name(pipeline_name, task_key)


def schema_name(source_name: str, task_key: str, registered_name: str | None = None) -> str:
    """Name the dlt schema of one source in one task.

    With a shared name, dlt restores whichever task stored its tables last, and a refresh then
    misses or drops the tables of another task. Declared sources may be calls of one function that
    load into one dataset, so their registered names tell them apart.
    """
    is_told = registered_name in (None, source_name)
    return _schema_name(*(() if is_told else (str(registered_name),)), source_name, task_key)


def asset_name(pipeline_name: str, dataset_name: str, table_name: str) -> str:
    """Name the Airflow asset of one root table."""
    return f"{pipeline_name}/{dataset_name}/{table_name}"


def asset_uri(pipeline_name: str, dataset_name: str, table_name: str) -> str:
    """Address the Airflow asset of one root table.

    The scheme starts with `x-` because any other makes every task process look for a provider
    that handles it, which costs 0.3 s (measured on Airflow 3.3.2).
    """
    return f"x-dlt://{asset_name(pipeline_name, dataset_name, table_name)}"


def pipeline_asset_name(pipeline_name: str, dataset_name: str) -> str:
    """Name the Airflow asset that stands for a pipeline in its dataset, and holds its state."""
    return f"{pipeline_name}/{dataset_name}"


def pipeline_asset_uri(pipeline_name: str, dataset_name: str) -> str:
    """Address the Airflow asset that stands for a pipeline in its dataset."""
    return f"x-dlt://{pipeline_asset_name(pipeline_name, dataset_name)}"


def function_name(function: str | Callable[..., Any]) -> str:
    """Name what a source's function returns, where it has no better name.

    Args:
        function: `"module:function"`, or the function; one without a name is `source`.
    """
    if isinstance(function, str):
        return function.rpartition(":")[2]
    name = getattr(function, "name", None) or getattr(function, "__name__", None)
    is_name = isinstance(name, str) and name.isidentifier()
    return _shorten(str(name), MAX_DLT_NAME_LENGTH) if is_name else "source"


def full_refresh_dag_id(dag_id: str) -> str:
    """Name the Dag that refreshes what another loads."""
    return f"{dag_id}{SEPARATOR}full_refresh"


def mistakes_dag_id(file_name: str) -> str:
    """Name the Dag that tells of mistakes in a file which are those of no one source."""
    return f"mistakes_in_{_replace(file_name.replace('.', '_'), r'[^A-Za-z0-9_]')}"


def param_prefix(group_id: str | None) -> str:
    """Return what stands before the names of a Dag's params that belong to one of its groups."""
    return f"{group_id}{SEPARATOR}" if group_id else ""


def manifest_file_name(dag_id: str, group_id: str | None) -> str:
    """Name the cached manifest of a Dag, or of a group in a Dag."""
    name = f"{dag_id}.{group_id}" if group_id else dag_id
    return f"{_shorten(_replace(name, r'[^A-Za-z0-9_.-]'), MAX_FILE_NAME_LENGTH)}.json"


def database_file_name(pipeline_name: str, *, is_declared: bool) -> str:
    """Name the DuckDB file of a pipeline whose destination nobody names.

    Declared sources share one, in datasets of their own: their names are those of Dags, and so no
    two of one Airflow are the same.
    """
    return "warehouse.duckdb" if is_declared else f"{pipeline_name}.duckdb"


def working_folder_name(task_key: str, *instance: object) -> str:
    """Name the folder in which one task instance works.

    Args:
        task_key: For a reader.
        instance: All that tells this task instance from every other on the machine.
    """
    return f"{_shorten(task_key, 40)}_{_hash(repr(instance), length=24)}"


def module_namespace(base_dir: str) -> str:
    """Name the private package under which user modules of *base_dir* are imported."""
    return f"{MODULE_NAMESPACE}{_hash(base_dir)}"


def _schema_name(*parts: str) -> str:
    name = _replace(SEPARATOR.join(parts), r"\W")
    return _shorten(name if not name[0].isdigit() else f"_{name}", MAX_DLT_NAME_LENGTH)


def _replace(name: str, not_allowed: str) -> str:
    replaced = re.sub(not_allowed, "_", name)
    return replaced if replaced == name else f"{replaced}_{_hash(name)}"


def _shorten(name: str, max_length: int) -> str:
    if len(name) <= max_length:
        return name
    digest = _hash(name)
    return f"{name[: max_length - len(digest) - 1]}_{digest}"


def _hash(text: str, length: int = 8) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]
