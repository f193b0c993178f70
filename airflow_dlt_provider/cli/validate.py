"""`airflow-dlt validate`: what is wrong about a project, before anything is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, get_args

import typer

from airflow_dlt_provider.cli.examples import examples
from airflow_dlt_provider.cli.places import DataDirOption
from airflow_dlt_provider.cli.projects import ProjectOption, open_project
from airflow_dlt_provider.cli.state import JsonOption
from airflow_dlt_provider.cli.surroundings import surroundings
from airflow_dlt_provider.cli.terminal import print_json
from airflow_dlt_provider.core.control.validation import KINDS, Kind, validate_project
from airflow_dlt_provider.core.control.validation.check import (
    CATEGORIES,
    Check,
    Status,
    is_valid,
)

VALIDATE_EXAMPLES = examples(
    ("validate", "the whole project"),
    ("validate my_api --check sources", "one source: its module, function, arguments and secrets"),
    ("validate --check config --strict --json", "the files alone, for a script"),
)

COLOURS = {"pass": typer.colors.GREEN, "warn": typer.colors.YELLOW, "fail": typer.colors.RED}


def validate(
    source: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="Default: all enabled.")
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(help=f"One of: {', '.join(KINDS)}; may be repeated. Default: all."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings, too.")] = False,
    project: ProjectOption = None,
    data_dir: DataDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check sources.yml, every source in it, and where they load to; nothing is loaded.

    Exit code 1: something failed. Values of variables and secrets are never shown.

    JSON: `valid`, `file`, and for each of `checks`: `category`, `subject`, `status`, `message`,
    `advice`.
    """
    opened = open_project(project)
    kinds, around = _kinds(check or KINDS), surroundings()
    folder = data_dir.resolve() if data_dir else around.data_dir(opened.project_dir)
    found = list(
        validate_project(
            opened,
            folder,
            names=source or (),
            kinds=kinds,
            # Airflow answers from its database
            look_ups=around.look_ups() if "database" in kinds else None,
        )
    )
    valid = is_valid(found, strict=strict)
    if as_json:
        checks = [item.as_document() for item in found]
        print_json({"valid": valid, "file": str(opened.file), "checks": checks})
    else:
        typer.echo(str(opened.file))
        _print(found)
        _print_summary(found, valid=valid)
    if not valid:
        raise typer.Exit(1)


def _kinds(asked: Sequence[str]) -> list[Kind]:
    for kind in asked:
        if kind not in KINDS:
            raise typer.BadParameter(f"one of: {', '.join(KINDS)}", param_hint="--check")
    return [kind for kind in KINDS if kind in asked]


def _print(found: Sequence[Check]) -> None:
    for category in CATEGORIES:
        of_category = [item for item in found if item.category == category]
        if not of_category:
            continue
        typer.echo(f"\n{typer.style(category, bold=True)}")
        width = max(len(item.subject) for item in of_category)
        for item in of_category:
            status = typer.style(item.status, fg=COLOURS[item.status])
            typer.echo(f"  {status}  {item.subject.ljust(width)}  {item.message}")
            if item.advice:
                typer.echo(f"\n{item.advice}\n")


def _print_summary(found: Sequence[Check], *, valid: bool) -> None:
    counted = Counter(item.status for item in found)
    counts = ", ".join(f"{counted[status]} {status}" for status in get_args(Status))
    verdict = typer.style("valid", fg=COLOURS["pass"]) if valid else "not valid"
    typer.echo(f"\n{counts}: {verdict}")
