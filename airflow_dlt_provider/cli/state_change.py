"""`airflow-dlt state set`, `reset`, `rewind` and `replay`: requests, that the next load applies."""

from __future__ import annotations

from typing import Annotated

import typer

from airflow_dlt_provider.cli.asking import ask_all
from airflow_dlt_provider.cli.state import (
    ByOption,
    DagArgument,
    DatasetOption,
    JsonOption,
    StoreOption,
    YesOption,
    open_pipeline,
)
from airflow_dlt_provider.cli.terminal import current_person
from airflow_dlt_provider.core.control.documents import VALUE_TYPES
from airflow_dlt_provider.core.control.planner import RequestPlanner
from airflow_dlt_provider.core.control.resources import KnownResources
from airflow_dlt_provider.core.control.words import Words

WORDS = Words(
    name_cursor="name one of them with --path",
    name_type="name the type of its value with --type",
    type_says="--type says",
    ledger="`state history`",
)

ResourceArgument = Annotated[str, typer.Argument(metavar="RESOURCE")]
ResourcesArgument = Annotated[list[str] | None, typer.Argument(metavar="[RESOURCE]...")]


def set_cursor(
    dag: DagArgument,
    resource: ResourceArgument,
    value: Annotated[str, typer.Argument(help="Of the cursor's type; after -- if it is negative.")],
    path: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Which cursor, where there are several.")
    ] = None,
    value_type: Annotated[
        str | None,
        typer.Option(
            "--type", help=f"Where no cursor is known yet, one of: {', '.join(VALUE_TYPES)}."
        ),
    ] = None,
    store: StoreOption = None,
    dataset: DatasetOption = None,
    by: ByOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let the next load of a resource go on from another value of its cursor.

    JSON: `pipeline_name`, `store`, and for each of `requests`: `request_id`, `resource_name`,
    `kind`, `cursor_path`, `value`, `value_type`, `record_id`, `run_id`, `asked_by`, `asked_at`,
    `effects` (text) and `replaces` (an earlier request that no load has applied, or `null`).
    """
    if value_type not in (None, *VALUE_TYPES):
        raise typer.BadParameter(f"one of: {', '.join(VALUE_TYPES)}", param_hint="--type")
    planner = _planner(dag, store, dataset, by)
    planner.known.require_loaded(resource)
    planned = planner.plan_set(resource, value, path, value_type)
    ask_all(planner.known, [planned], yes=yes, as_json=as_json)


def reset(
    dag: DagArgument,
    resources: ResourcesArgument = None,
    every: Annotated[bool, typer.Option("--all", help="All resources that are known.")] = False,
    store: StoreOption = None,
    dataset: DatasetOption = None,
    by: ByOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let the next load of resources start from the beginning. Rows stay where they are.

    A resource that was never loaded may be named too: its first load then goes beside rows that
    its table already holds. JSON: as of `set`.
    """
    if bool(resources) == every:
        raise typer.BadParameter("name resources, or --all of them", param_hint="RESOURCE")
    planner = _planner(dag, store, dataset, by)
    if every:
        planner.known.require_any(dag)
    for name in set(resources or ()) & set(planner.known.names):
        planner.known.require_loaded(name)
    names = planner.known.loaded_names if every else dict.fromkeys(resources or ())
    ask_all(planner.known, [planner.plan_reset(name) for name in names], yes=yes, as_json=as_json)


def rewind(
    dag: DagArgument,
    resource: ResourceArgument,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="RECORD_ID", help="Go back before this load; see `state history`."
        ),
    ],
    store: StoreOption = None,
    dataset: DatasetOption = None,
    by: ByOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let the next load of a resource go on from before an earlier load.

    Rows that this load and later ones appended are removed by it. JSON: as of `set`.
    """
    planner = _planner(dag, store, dataset, by)
    planner.known.require_loaded(resource)
    ask_all(planner.known, [planner.plan_rewind(resource, to)], yes=yes, as_json=as_json)


def replay(
    dag: DagArgument,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Airflow's id of the run.")],
    resources: ResourcesArgument = None,
    store: StoreOption = None,
    dataset: DatasetOption = None,
    by: ByOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let the next load of resources go on from where a run began, as if it had not been.

    Without RESOURCE, all that the run loaded. Rows that this run and later ones appended are
    removed. JSON: as of `set`, and `without_load`: those of which the run has no load.
    """
    planner = _planner(dag, store, dataset, by)
    planner.known.require_any(dag)
    for name in resources or ():
        planner.known.require_loaded(name)
    planned = {
        name: planner.plan_replay(name, run)
        for name in dict.fromkeys(resources or planner.known.loaded_names)
    }
    found = [item for item in planned.values() if item]
    without_load = [name for name, item in planned.items() if item is None]
    if not found:
        planner.refuse_run(run, without_load)
    ask_all(planner.known, found, yes=yes, as_json=as_json, without_load=without_load)


def _planner(
    dag: str, store: str | None, dataset: str | None, asked_by: str | None
) -> RequestPlanner:
    known = KnownResources(*open_pipeline(dag, store, dataset))
    return RequestPlanner(known, asked_by or current_person(), WORDS)
