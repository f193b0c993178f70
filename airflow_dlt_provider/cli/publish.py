"""`airflow-dlt state publish`: what the tasks have, given to the pipeline of the base name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from airflow_dlt_provider.cli.places import (
    BaseDirOption,
    DataDirOption,
    DatasetNameOption,
    DestinationOption,
    KwargOption,
    SourceOption,
    place_of,
    resources_of,
)
from airflow_dlt_provider.cli.state import DagArgument, JsonOption, StoreOption
from airflow_dlt_provider.cli.state import open_pipeline as open_state
from airflow_dlt_provider.cli.terminal import print_json
from airflow_dlt_provider.core.control.documents import plain

if TYPE_CHECKING:
    # other commands answer without dlt
    from airflow_dlt_provider.core.migration.publish import Publication


def publish(
    dag: DagArgument,
    destination: DestinationOption = None,
    dataset_name: DatasetNameOption = None,
    base_dir: BaseDirOption = Path(),
    data_dir: DataDirOption = None,
    source: SourceOption = None,
    kwarg: KwargOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give schemas and cursors of all tasks to one dlt pipeline of the Dag's pipeline name.

    `dlt.attach` and dlt's dataset tools then show all tables under that name, and a plain
    `pipeline.run` of the whole source loads only new rows. No row is touched. Let no run be active
    meanwhile. After such a plain run, `adopt --from` the pipeline before the Dag runs again.

    JSON: `pipeline_name`, `dataset_name`, `store`, `load_ids` (empty where nothing had changed),
    `left_out` (resource -> why), and for each of `resources`: `resource_name`, `source_name`,
    `task_pipeline` and `cursors` (path -> last value).
    """
    from airflow_dlt_provider.core.migration.publish import publish_pipeline

    opened, pipeline_name = open_state(dag, store, dataset_name)
    place = place_of(pipeline_name, destination, dataset_name, base_dir, data_dir)
    publication = publish_pipeline(place, opened, resources_of(source, kwarg or [], base_dir))
    if as_json:
        print_json(_document(publication) | {"store": opened.name})
    else:
        _tell(publication)


def _tell(publication: Publication) -> None:
    what = "is up to date" if not publication.load_ids else "was brought up to date"
    typer.echo(
        f"Pipeline {publication.pipeline_name} in dataset {publication.dataset_name} {what}:"
    )
    for item in publication.resources:
        cursors = ", ".join(f"{path} {value}" for path, value in item.cursors.items())
        typer.echo(f"{item.name}: from {item.task_pipeline}, {cursors or 'no cursor'}")
    for name, reason in publication.left_out.items():
        typer.echo(f"Left out {name}: {reason}", err=True)


def _document(publication: Publication) -> dict[str, Any]:
    return {
        "pipeline_name": publication.pipeline_name,
        "dataset_name": publication.dataset_name,
        "load_ids": list(publication.load_ids),
        "left_out": publication.left_out,
        "resources": [
            {
                "resource_name": item.name,
                "source_name": item.source_name,
                "task_pipeline": item.task_pipeline,
                "cursors": plain(item.cursors),
            }
            for item in publication.resources
        ],
    }
