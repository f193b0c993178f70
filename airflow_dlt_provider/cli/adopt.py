"""`airflow-dlt state adopt`: the cursors of other dlt pipelines, taken over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from airflow_dlt_provider.cli.state import DagArgument, JsonOption, StoreOption, YesOption
from airflow_dlt_provider.cli.state import open_pipeline as open_state
from airflow_dlt_provider.cli.terminal import confirmed, print_json
from airflow_dlt_provider.core.control.documents import cursor_documents, plain
from airflow_dlt_provider.core.state.store import StateStore

if TYPE_CHECKING:
    # other commands answer without dlt
    from airflow_dlt_provider.core.migration.adopt import AdoptedResource, Adoption


def adopt(
    dag: DagArgument,
    from_: Annotated[
        list[str],
        typer.Option(
            "--from", metavar="PIPELINE", help="Name or glob pattern of a dlt pipeline. Repeatable."
        ),
    ],
    destination: DestinationOption = None,
    dataset_name: DatasetNameOption = None,
    base_dir: BaseDirOption = Path(),
    data_dir: DataDirOption = None,
    source: SourceOption = None,
    kwarg: KwargOption = None,
    store: StoreOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let the next load of each resource go on from where other dlt pipelines stopped.

    For a plain pipeline, and for dlt's PipelineTasksGroup: in its mode `parallel` the name is
    that of the pipeline, in `parallel-isolated` a pattern such as `<source>_*`. Let no run be
    active meanwhile. Only the state store is changed.

    JSON: `pipeline_name`, `store`, `from` (names of the pipelines), `missing` (resources that were
    not found, or not with their cursor), `source_state` (by source), and for each of `resources`:
    `resource_name`, `from_pipeline`, `load_id` and `cursors`.
    """
    from airflow_dlt_provider.core.migration.adopt import find_adoption, write_adoption

    opened, pipeline_name = open_state(dag, store, dataset_name)
    place = place_of(pipeline_name, destination, dataset_name, base_dir, data_dir)
    adoption = find_adoption(place, from_, resources_of(source, kwarg or [], base_dir))
    confirmed(yes, "\n".join(_announced(adoption, opened)), as_json=as_json)
    write_adoption(adoption, opened)
    if as_json:
        print_json(_document(adoption, opened))
    else:
        typer.echo(f"Taken over: {len(adoption.resources)}. The next run goes on from there.")


def _announced(adoption: Adoption, store: StateStore) -> Iterator[str]:
    yield f"Pipeline {adoption.pipeline_name}, state store {store.name}"
    former = store.read_resources(
        adoption.pipeline_name, [item.name for item in adoption.resources]
    )
    for item in adoption.resources:
        own = former.get(item.name)
        replaced = f", in place of what {own.task_pipeline} had" if own else ""
        yield (
            f"{item.name}: from {item.pipeline_name}, load {item.load_id}, "
            f"{_cursor_text(item)}{replaced}"
        )
    for source_name, values in adoption.source_values.items():
        yield f"source-level state of {source_name}: {', '.join(values)}"
    if adoption.missing:
        yield (
            f"Not found, or not with a cursor: {', '.join(adoption.missing)}; they start from the "
            "beginning, and those that append refuse to while their table holds rows"
        )


def _cursor_text(item: AdoptedResource) -> str:
    cursors = [
        f"{cursor['path']} {cursor['value']}"
        if cursor["resource"] == item.short_name
        else f"{cursor['resource']}.{cursor['path']} {cursor['value']}"
        for cursor in cursor_documents(item.states_of_its_own)
    ]
    return f"cursor {', '.join(cursors)}" if cursors else "no cursor"


def _document(adoption: Adoption, store: StateStore) -> dict[str, Any]:
    return {
        "pipeline_name": adoption.pipeline_name,
        "store": store.name,
        "from": list(adoption.from_pipelines),
        "missing": list(adoption.missing),
        "source_state": plain(adoption.source_values),
        "resources": [
            {
                "resource_name": item.name,
                "from_pipeline": item.pipeline_name,
                "load_id": item.load_id,
                "cursors": cursor_documents(item.states_of_its_own),
            }
            for item in adoption.resources
        ],
    }
