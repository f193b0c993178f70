"""`airflow-dlt source add` and `remove`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from airflow_dlt_provider.cli.examples import examples
from airflow_dlt_provider.cli.kwargs import parse_kwargs
from airflow_dlt_provider.cli.projects import ProjectOption, find_project_dir, open_project
from airflow_dlt_provider.cli.state import YesOption
from airflow_dlt_provider.cli.terminal import confirmed
from airflow_dlt_provider.core.errors import ProjectFileError
from airflow_dlt_provider.core.registry.entries import without_entry
from airflow_dlt_provider.core.registry.field_types import source_name
from airflow_dlt_provider.core.registry.project import Project
from airflow_dlt_provider.core.registry.yaml_tree import YamlTreeError

ADD_EXAMPLES = examples(
    ("source add my_api", "a file to begin with, and its entry"),
    ("source add crm --kwarg 'api_key=${CRM_KEY}'", "with an argument that is a secret"),
    ("source add shop --no-file --module sql_database --kwarg schema=public", "dlt's own source"),
)
REMOVE_EXAMPLES = examples(("source remove my_api --yes", "without being asked"))

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Lower case letters, digits, underscores.")
]


def add(
    name: NameArgument,
    module: Annotated[
        str | None, typer.Option(help="File in custom_sources/ without .py. Default: NAME.")
    ] = None,
    function: Annotated[
        str | None, typer.Option(help="Returns the source. Default: as the module's last part.")
    ] = None,
    kwarg: Annotated[
        list[str] | None,
        typer.Option(help="name=value, an argument of the function; a value may be JSON."),
    ] = None,
    description: Annotated[str | None, typer.Option(help="Shown with the Dag.")] = None,
    no_file: Annotated[
        bool, typer.Option("--no-file", help="Make no Python file: the module is there already.")
    ] = False,
    disabled: Annotated[bool, typer.Option("--disabled", help="Make no Dag of it yet.")] = False,
    project: ProjectOption = None,
) -> None:
    """Write a Python file to begin with, and put the source into sources.yml.

    Nothing that is there is overwritten: a source or a file of that name is an error. Without a
    sources.yml, one is made in the folder .dango. A secret is given as ${VARIABLE}.
    """
    # this brings the models, which other commands need not
    from airflow_dlt_provider.core.registry.scaffold import NewSource, plan_addition

    try:
        own_name = source_name(name)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    module = module or own_name
    new = NewSource(
        own_name,
        module,
        function or module.rpartition(".")[2],
        with_file=not no_file,
        enabled=not disabled,
        description=description,
        kwargs=parse_kwargs(kwarg or []),
    )
    addition = plan_addition(project or find_project_dir() or Path(), new)
    if not addition.is_complete:
        typer.echo(addition.block, nl=False)
        raise ProjectFileError(
            addition.sources_file,
            "is written in a way in which a program might spoil it, so nothing was changed; paste "
            "the lines above into the list of sources",
        )
    addition.write()
    for path in addition.files:
        typer.echo(f"Wrote {path}")
    typer.echo(f"Next: airflow-dlt validate {own_name}")


def remove(name: NameArgument, project: ProjectOption = None, yes: YesOption = False) -> None:
    """Take a source out of sources.yml; its Python file, its tables and its state stay."""
    opened = open_project(project)
    own_name = opened.known_name(name)
    try:
        changed = without_entry(opened.file.read_bytes().decode("utf-8"), own_name)
    except (YamlTreeError, OSError, UnicodeError) as error:
        raise ProjectFileError(opened.file, str(error)) from None
    if changed is None:
        raise ProjectFileError(
            opened.file,
            f"has {own_name!r} twice, or in lines that other sources need, so nothing was changed; "
            "take its lines out by hand",
        )
    confirmed(yes, "\n".join(_consequences(opened, own_name)))
    opened.file.write_bytes(changed.encode())
    typer.echo(f"Took {own_name} out of {opened.file}")


def _consequences(project: Project, name: str) -> list[str]:
    told = [f"{name} is taken out of {project.file}; it has no Dag then."]
    source = next((item for item in project.sources if item.name == name), None)
    if source is None:
        return told
    file = source.registration.modules_dir / f"{source.entry.dlt_native.source_module}.py"
    if file.is_file():
        told.append(f"{file} stays.")
    told.append(f"What it loaded into {source.dataset_name} stays, and so does its state.")
    if source.schedules:
        names = ", ".join(schedule.name for schedule in source.schedules)
        told.append(f"schedules.yml names it in {names}: take it out there, too.")
    return told
