"""`airflow-dlt state`: what is known of the resources of a Dag, and what a person asks of them.

Its commands live in modules of their own; what they share is here.
"""

from __future__ import annotations

from typing import Annotated

import typer

from airflow_dlt_provider.cli.projects import project_here
from airflow_dlt_provider.cli.stores import open_store
from airflow_dlt_provider.cli.terminal import OneLineErrors, confirmed
from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.state.store import StateStore

__all__ = [
    "ByOption",
    "DagArgument",
    "DatasetOption",
    "JsonOption",
    "StoreOption",
    "YesOption",
    "confirmed",
    "open_pipeline",
    "open_store",
    "resolved_pipeline",
    "state_app",
]

state_app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    help="Look at the state of a Dag's resources, and ask for changes of it.",
)

DagArgument = Annotated[
    str,
    typer.Argument(
        metavar="DAG",
        help="Dag id, <Dag id>.<group id> of a task group, name in sources.yml, or pipeline name.",
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Where the state is kept, a SQLAlchemy URL. Default: [dlt] state_store of Airflow's "
        "configuration, else the file dlt_state.db in AIRFLOW_HOME. With `airflow dlt` also "
        '"asset" or the id of a connection.',
    ),
]
DatasetOption = Annotated[
    str | None,
    typer.Option(
        "--dataset", help="For Airflow's asset store: which dataset, where a pipeline has several."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
ByOption = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="Who asks, for the record. Default: user@host."),
]


def resolved_pipeline(dag: str) -> str:
    """Return the base pipeline name that a Dag or task group has when its author names none.

    Args:
        dag: `dag_id` or `dag_id.group_id`; a default pipeline name is returned as it is.
    """
    dag_id, _, group_id = dag.partition(".")
    return names.default_pipeline_name(dag_id, group_id or None)


def open_pipeline(
    dag: str, store_option: str | None, dataset_name: str | None = None
) -> tuple[StateStore, str]:
    """Open the store, and return it with the name of the pipeline in it that *dag* means.

    An author may have named a pipeline freely, and a Dag id may contain a dot: what is in the
    store decides, and nothing in it leaves `resolved_pipeline`.

    Args:
        dag: As a person typed it.
        store_option: As for `open_store`.
        dataset_name: As for `open_store`.

    Raises:
        StateError: There is no such store, or it knows no such pipeline.
        StateStoreError: The store cannot be reached.
    """
    found: tuple[StateStore, str] | None = None
    problem: StateError | None = None
    default = resolved_pipeline(dag)
    candidates = (default, dag, names.default_pipeline_name(dag), *_declared_pipeline(dag))
    for pipeline_name in dict.fromkeys(candidates):
        try:
            store = open_store(store_option, pipeline_name, dataset_name)
        except StateError as error:
            problem = problem or error
            continue
        if store.list_resources(pipeline_name):
            return store, pipeline_name
        found = found or (store, pipeline_name)
    if found is None:
        raise problem or StateError(f"there is no pipeline {default!r}")
    return found


def _declared_pipeline(name: str) -> tuple[str, ...]:
    """Return the pipeline of a source of the project around the current folder."""
    project = project_here()
    sources = project.sources if project else ()
    return tuple(source.pipeline_name for source in sources if source.name == name.lower())
