"""Shows what a person asks of resources, and puts it into the state store if they agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer

from airflow_dlt_provider.cli.terminal import confirmed, print_json
from airflow_dlt_provider.core.control.documents import request_document
from airflow_dlt_provider.core.control.planner import PlannedRequest
from airflow_dlt_provider.core.control.resources import KnownResources, describe_request
from airflow_dlt_provider.core.state.records import StateRequest


def ask_all(
    known: KnownResources,
    planned: Sequence[PlannedRequest],
    *,
    yes: bool,
    as_json: bool,
    without_load: Sequence[str] | None = None,
) -> None:
    """Show what requests will do, and keep them in the state store if the person agrees.

    Args:
        known: The resources of the pipeline.
        planned: The requests, of different resources.
        yes: Whether the person has agreed in advance.
        as_json: Whether to print a document instead of sentences.
        without_load: Resources that were left out; `None` where none can be.
    """
    lines = [f"Pipeline {known.pipeline_name}, state store {known.store.name}"]
    for item in planned:
        lines += _announced(item, known.pending.get(item.request.resource_name))
    if without_load:
        lines.append(f"Left out, as the run has no load of them: {', '.join(without_load)}")
    confirmed(yes, "\n".join(lines), as_json=as_json)
    for item in planned:
        known.store.ask(item.request)
    names = [item.request.resource_name for item in planned]
    if not as_json:
        typer.echo(
            f"Recorded, asked by {planned[0].request.asked_by}. The next load of "
            f"{', '.join(names)} applies it."
        )
        return
    document: dict[str, Any] = {
        "pipeline_name": known.pipeline_name,
        "store": known.store.name,
        "requests": [_asked(item, known.pending) for item in planned],
    }
    print_json(document if without_load is None else document | {"without_load": without_load})


def _announced(item: PlannedRequest, earlier: StateRequest | None) -> Iterable[str]:
    yield f"{item.request.resource_name}: the next load"
    for effect in item.effects:
        yield f"  - {effect}"
    if earlier:
        yield f"  - in place of what no load has applied: {describe_request(earlier)}"


def _asked(item: PlannedRequest, pending: Mapping[str, StateRequest]) -> dict[str, Any]:
    earlier = pending.get(item.request.resource_name)
    return request_document(item.request) | {
        "effects": list(item.effects),
        "replaces": request_document(earlier) if earlier else None,
    }
