"""`airflow-dlt preview`: the first items of a resource."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from airflow_dlt_provider.cli.examples import examples
from airflow_dlt_provider.cli.projects import ProjectOption, named_source, open_project
from airflow_dlt_provider.cli.redaction import Redaction
from airflow_dlt_provider.cli.sync_options import DataDirOption, DebugOption
from airflow_dlt_provider.cli.terminal import print_table
from airflow_dlt_provider.core.errors import ResourceNotFoundError
from airflow_dlt_provider.core.registry.declared import DeclaredSource

PREVIEW_EXAMPLES = examples(
    ("preview shop orders", "the first five orders"),
    ("preview shop orders -n 20 --json", "one JSON object per line"),
)


def preview(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Its name in sources.yml.")],
    resource: Annotated[str, typer.Argument(metavar="RESOURCE")],
    count: Annotated[int, typer.Option("-n", min=1, help="How many items.")] = 5,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each item as JSON, one per line.")
    ] = False,
    project: ProjectOption = None,
    data_dir: DataDirOption = None,
    debug: DebugOption = False,
) -> None:
    """Print the first items of a resource, and load nothing.

    Its own function runs, as in a first load; a transformer is fed by its parent. No cursor is
    read or moved. What user code prints goes to standard error.
    """
    opened = open_project(project)
    declared = named_source(opened, source)
    redaction = Redaction()
    with redaction.standard_streams():
        with contextlib.redirect_stdout(sys.stderr):
            items = _items(declared, resource, count, data_dir, redaction, is_debugged=debug)
        if not as_json:
            _print_items(items, redaction)
    if as_json:
        _print_lines(items, redaction)


def _items(
    source: DeclaredSource,
    resource: str,
    count: int,
    data_dir: Path | None,
    redaction: Redaction,
    *,
    is_debugged: bool,
) -> list[Any]:
    # these bring dlt, which other commands can do without
    from airflow_dlt_provider.cli.preparing import places_of
    from airflow_dlt_provider.core.problem import describe_import_problem
    from airflow_dlt_provider.core.registry.worker_values import read_worker_values
    from airflow_dlt_provider.core.sync.preview import preview_items

    with tempfile.TemporaryDirectory() as folder:
        places = places_of(source.registration.project_dir, data_dir, Path(folder))
        try:
            values = read_worker_values(source.source_spec(), redaction.mask, places.look_ups)
            values.mask_known(source.destination_spec())
            return preview_items(
                values.resolved_source(),
                resource,
                count,
                pipeline_name=source.pipeline_name,
                data_dir=places.data_dir,
                secrets_toml=places.look_ups.secrets_toml,
            )
        except ResourceNotFoundError as error:
            raise typer.BadParameter(str(error)) from None
        except (Exception, SystemExit) as error:
            text = traceback.format_exc() if is_debugged else describe_import_problem(error)
            typer.echo(f"Error: {source.name}.{resource}: {text}", err=True)
            raise typer.Exit(1) from None


def _print_lines(items: Sequence[Any], redaction: Redaction) -> None:
    from airflow_dlt_provider.core.sync.preview import item_text

    for item in items:
        # value by value: hidden in the text of an item, a number would end it
        typer.echo(item_text(redaction.redact_all(json.loads(item_text(item)))))


def _print_items(items: Sequence[Any], redaction: Redaction) -> None:
    if not items:
        typer.echo("No items.")
        return
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in items]
    columns = list(dict.fromkeys(str(name) for row in rows for name in row))
    texts = [[redaction.redact(_cell(row.get(name))) for name in columns] for row in rows]
    print_table(columns, texts)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    from airflow_dlt_provider.core.sync.preview import item_text

    text = item_text(value)
    # a date is written as text in JSON
    return text.strip('"') if text.startswith('"') else text
