"""What is known of a declared source, as a plain document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_dlt_provider.core.control.documents import time_text
from airflow_dlt_provider.core.registry.declared import DeclaredSource
from airflow_dlt_provider.core.registry.project import Project
from airflow_dlt_provider.core.state.records import LoadRecord


def source_document(project: Project, name: str, loads: Sequence[LoadRecord]) -> dict[str, Any]:
    """Return all that a project and its state store say of a source.

    Args:
        project: The project.
        name: The registered name; of a source with a mistake, nothing but that is known.
        loads: The last load of each of its resources.
    """
    mistakes = [str(mistake) for mistake in project.mistakes_of(name)]
    source = next((item for item in project.sources if item.name == name), None)
    if source is None:
        return {"name": name, "mistakes": mistakes}
    last = max(loads, key=lambda load: load.recorded_at, default=None)
    return {
        "name": name,
        "type": source.entry.type,
        "enabled": source.is_enabled,
        "function": source.reference,
        "schedule": schedule_text(source),
        "dataset_name": source.dataset_name,
        "pipeline_name": source.pipeline_name,
        "description": source.entry.description,
        "tags": source.entry.tags,
        "last_load": time_text(last.recorded_at) if last else None,
        "status": last.status if last else None,
        "rows": sum(load.rows for load in loads) if last else None,
        "mistakes": mistakes,
    }


def schedule_text(source: DeclaredSource) -> str | None:
    """Return when a source runs: its own schedule, else those of `schedules.yml`."""
    if source.entry.airflow.schedule:
        return source.entry.airflow.schedule
    return "; ".join(schedule.cron for schedule in source.schedules) or None
