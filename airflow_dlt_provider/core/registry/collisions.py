"""Sources of one project that would take each other's place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.mistakes import Mistake


def without_collisions(
    sources: Sequence[DeclaredSource],
) -> tuple[list[DeclaredSource], list[Mistake]]:
    """Return the sources that are in nobody's way, and what is wrong with the others.

    Of two sources that collide, the one whose entry asks for it is wrong, and the second where
    both do: a name that a source has by default is its own.
    """
    kept = list(sources)
    mistakes = []
    for source in reversed(sources):
        others = [other for other in kept if other is not source]
        if (found := next(_collisions(source, others), None)) is not None:
            kept.remove(source)
            mistakes.append(found)
    return kept, mistakes


def _collisions(source: DeclaredSource, others: Sequence[DeclaredSource]) -> Iterator[Mistake]:
    native, airflow = source.entry.dlt_native, source.entry.airflow
    for other in others:
        if native.pipeline_name and source.pipeline_name == other.pipeline_name:
            yield source.checked.mistake(
                ("dlt_native", "pipeline_name"),
                f"is {source.pipeline_name!r}, the pipeline of source {other.name}, too; with one "
                "name they would lose each other's cursors",
            )
        if airflow.full_refresh_dag and other.name == names.full_refresh_dag_id(source.name):
            yield source.checked.mistake(
                ("airflow", "full_refresh_dag"),
                f"asks for a Dag {other.name}, which is the name of another source; rename that",
            )
