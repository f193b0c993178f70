"""What a sync would load, for `sync --dry-run`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from airflow_dlt_provider.cli.source_tree import destination_text, print_source_tree
from airflow_dlt_provider.core.sync.plan import PlannedSync
from airflow_dlt_provider.core.sync.purpose import SyncPlaces, SyncPurpose


@dataclass(frozen=True)
class DryRun:
    """The tasks of a sync that is not run."""

    planned: tuple[PlannedSync, ...]
    failures: dict[str, str]
    """Name of a source -> why it cannot be loaded."""
    purpose: SyncPurpose
    places: SyncPlaces

    @property
    def exit_code(self) -> int:
        """Tell a shell whether all could be planned."""
        return 1 if self.failures else 0

    def print(self) -> None:
        """Print a tree for each source, and what was asked besides."""
        for item in self.planned:
            print_source_tree(item, self.places.data_dir)
        for name, value in self._options():
            typer.echo(f"{name}: {value}")
        typer.echo("Nothing was loaded.")

    def print_problems(self) -> None:
        """Print on standard error why sources cannot be loaded."""
        for name, problem in self.failures.items():
            typer.echo(f"Error: {name}: {problem}", err=True)

    def document(self) -> dict[str, Any]:
        """Return the same as plain JSON values."""
        return {
            "dry_run": True,
            "options": dict(self._options()),
            "sources": [self._source_document(item) for item in self.planned],
            "errors": self.failures,
        }

    def _options(self) -> Iterator[tuple[str, Any]]:
        purpose = self.purpose
        if purpose.select:
            yield "select", ", ".join(purpose.select)
        if purpose.refresh:
            yield "full refresh", purpose.refresh.mode
        if purpose.window:
            yield "window", " to ".join(purpose.window.described())
        if purpose.limit:
            yield "limit", purpose.limit
        if purpose.allow_empty_replace:
            yield "allow empty replace", True

    def _source_document(self, item: PlannedSync) -> dict[str, Any]:
        return {
            "name": item.source.name,
            "pipeline_name": item.source.pipeline_name,
            "dataset_name": item.source.dataset_name,
            "destination": destination_text(item.source, self.places.data_dir),
            "tasks": [
                {
                    "key": task.key,
                    "after": list(task.after),
                    "resources": [
                        {
                            "resource_name": resource.name,
                            "table_name": resource.table_name,
                            "write_disposition": resource.write_disposition,
                        }
                        for resource in task.resources
                        if not item.selected or resource.name in item.selected
                    ],
                }
                for task in item.tasks
            ],
        }
