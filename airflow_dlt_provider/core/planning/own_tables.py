"""dlt's `sql_database` in a task: it reflects the tables of the task, and no others.

Left alone, it asks the database for the columns and keys of every table, in every task: 50 tables
then cost 50 times 50 look-ups.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from airflow_dlt_provider.core.planning.selection import matches
from airflow_dlt_provider.core.planning.source_import import import_function
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import SourceSpec

MODULE = "dlt.sources.sql_database"
FUNCTION = "sql_database"


def with_own_tables(spec: SourceSpec, resources: Sequence[str]) -> SourceSpec | None:
    """Return *spec* for a part of its tables, or `None` where it has to be called as it is.

    Args:
        spec: A source; left alone are those other than dlt's own `sql_database`, those of which
            the user names the tables, and those that `configure` changes, as it may ask for any.
        resources: What the task loads, named as the tables; empty: all.
    """
    if not resources or spec.configure is not None or not _is_sql_database(spec):
        return None
    if spec.source_kwargs.get("table_names") is not None:
        return None
    return replace(
        spec,
        source_kwargs={**spec.source_kwargs, "table_names": list(resources)},
        options=_options_of(spec.options, resources),
    )


def _is_sql_database(spec: SourceSpec) -> bool:
    if isinstance(spec.source, str) and spec.source.rpartition(":")[2] != FUNCTION:
        # most sources are told by their name, and need not be imported for it
        return False
    function = import_function(spec.source, spec.modules_dir)
    # it is there if the function is dlt's; a project's own `sql_database.py` is another one
    return function is getattr(sys.modules.get(MODULE), FUNCTION, None)


def _options_of(options: SourceOptions, resources: Sequence[str]) -> SourceOptions:
    """Leave out what is said of other tables; whether they exist was seen while planning."""
    own = {
        pattern: said
        for pattern, said in options.resource_options.items()
        if matches(pattern, resources)
    }
    return options.model_copy(update={"resource_options": own})
