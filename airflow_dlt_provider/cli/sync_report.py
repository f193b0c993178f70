"""How a sync ended: a table for a person, a document for a script."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import typer

from airflow_dlt_provider.core.loading.report import render_run
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.sync.messages import Outcome
from airflow_dlt_provider.core.sync.run import GOOD
from airflow_dlt_provider.core.sync.sync import (
    PreparedSource,
    SyncResult,
    failed_tasks,
    task_id,
)

INTERRUPTED = 130


@dataclass(frozen=True)
class SyncReport:
    """A sync that has ended."""

    run_id: str
    sources: tuple[PreparedSource, ...]
    failures: Mapping[str, str]
    """Name of a source -> why nothing of it was loaded."""
    result: SyncResult
    seconds: float
    is_quiet: bool = False
    is_debugged: bool = False

    @property
    def exit_code(self) -> int:
        """Tell a shell how it went."""
        if self.result.is_interrupted:
            return INTERRUPTED
        return 0 if self.result.is_good and not self.failures else 1

    @property
    def status(self) -> str:
        """Say how it went, in one word."""
        return {0: "success", INTERRUPTED: "interrupted"}.get(self.exit_code, "failed")

    def print(self) -> None:
        """Print one table of all that was loaded."""
        outcomes = self.result.outcomes
        if self.is_quiet or not outcomes:
            return
        statuses = {self._shown(key): outcome.status for key, outcome in outcomes.items()}
        typer.echo(f"\n{render_run(self._named_results(), statuses)}, {self._totals()}")
        for note in self._notes():
            typer.echo(f"Note: {note}")

    def print_problems(self) -> None:
        """Print what went wrong on standard error: a block for each task."""
        for warning in self.result.warnings:
            typer.echo(f"Warning: {warning}", err=True)
        for key, failure in failed_tasks(self.result.outcomes).items():
            text = failure.traceback if self.is_debugged and failure.traceback else failure.message
            shown = "" if failure.error_type in text else f"{failure.error_type}: "
            typer.echo(f"\nError: {key} failed\n{_indented(shown + text)}", err=True)
        for name, problem in self.failures.items():
            typer.echo(f"\nError: {name} was not loaded\n{_indented(problem)}", err=True)

    def document(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "rows": sum(item.rows for item in self.result.results.values()),
            "seconds": round(self.seconds, 3),
            "warnings": list(self.result.warnings),
            "sources": [
                *(self._source_document(source) for source in self.sources),
                *(
                    {"name": name, "status": "failed", "error": problem, "tasks": []}
                    for name, problem in self.failures.items()
                ),
            ],
        }

    def _named_results(self) -> dict[str, LoadResult]:
        """Return the results, with the name of the source where there are several."""
        return {
            self._shown(key): replace(
                result,
                resources=tuple(
                    replace(
                        load,
                        resource_name=self._shown(f"{key.partition('.')[0]}.{load.resource_name}"),
                    )
                    for load in result.resources
                ),
            )
            for key, result in self.result.results.items()
        }

    def _shown(self, key: str) -> str:
        return key if len(self.sources) > 1 else key.partition(".")[2]

    def _totals(self) -> str:
        statuses = [outcome.status for outcome in self.result.outcomes.values()]
        counted = (f"{statuses.count(item)} {item}" for item in dict.fromkeys(statuses))
        return f"tasks: {', '.join(counted)}; {self.seconds:.1f} seconds"

    def _notes(self) -> Iterator[str]:
        for result in self._named_results().values():
            for load in result.resources:
                if load.rows == 0:
                    yield f"{load.resource_name} loaded no rows"
        for key, outcome in self.result.outcomes.items():
            if outcome.reason:
                yield f"{key} was {outcome.status}: {outcome.reason}"

    def _source_document(self, source: PreparedSource) -> dict[str, Any]:
        declared = source.planned.source
        outcomes = {
            task.key: self.result.outcomes[task_id(declared.name, task.key)]
            for task in source.planned.tasks
        }
        is_good = all(outcome.status in GOOD for outcome in outcomes.values())
        return {
            "name": declared.name,
            "pipeline_name": declared.pipeline_name,
            "dataset_name": declared.dataset_name,
            "status": "success" if is_good else "failed",
            "error": None,
            "tasks": [_task_document(key, outcome) for key, outcome in outcomes.items()],
        }


def _task_document(key: str, outcome: Outcome) -> dict[str, Any]:
    failure, result = outcome.failure, outcome.result
    return {
        "key": key,
        "status": outcome.status,
        "reason": outcome.reason or None,
        "seconds": round(outcome.seconds, 3),
        "error": {"type": failure.error_type, "message": failure.message} if failure else None,
        "destination": result.destination if result else None,
        "load_ids": list(result.load_ids) if result else [],
        "resources": [
            asdict(load) | {"rows": load.root_rows, "nested": load.rows - load.root_rows}
            for load in (result.resources if result else ())
        ],
    }


def _indented(text: str) -> str:
    return textwrap.indent(text.strip(), "  ")
