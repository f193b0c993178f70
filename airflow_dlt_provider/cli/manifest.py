"""`airflow-dlt manifest`: plans that are committed beside Dag files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from airflow_dlt_provider.cli.dag_files import (
    AskedPlans,
    default_dags_folder,
    read_asked_plans,
    require_airflow,
)
from airflow_dlt_provider.cli.examples import examples
from airflow_dlt_provider.cli.stores import open_store
from airflow_dlt_provider.cli.terminal import OneLineErrors
from airflow_dlt_provider.core.errors import (
    DltProviderError,
    ManifestError,
    SourceFailedError,
    StateError,
    StateStoreError,
)
from airflow_dlt_provider.core.planning.batches import packed
from airflow_dlt_provider.core.planning.fingerprint import fingerprint_of, is_cacheable
from airflow_dlt_provider.core.planning.manifest import (
    BUILD_COMMAND,
    COMMITTED_DIR,
    Manifest,
    manifest_text,
    read_manifest,
    read_seconds,
    write_manifest,
)
from airflow_dlt_provider.core.planning.plan import LoadPlan

if TYPE_CHECKING:
    from airflow_dlt_provider.asked_plans import AskedPlan

BUILD_EXAMPLES = examples(
    ("manifest build", "for all Dag files of the dags folder"),
    ("manifest build dags/shop.py", "for one Dag file"),
    (
        "manifest build --state-store sqlite:////data/dlt_state.db",
        "with the durations of its loads",
    ),
)
CHECK_EXAMPLES = examples(
    ("manifest check", "whether `build` would change anything; for CI"),
    ("manifest check dags", "for the Dag files of a folder"),
)

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Dag files, or folders of them. Default: the dags folder of Airflow's configuration.",
    ),
]

manifest_app = typer.Typer(
    cls=OneLineErrors,
    no_args_is_help=True,
    help="Commit the tasks of Dags beside their files, and check what is committed.",
)


@manifest_app.command(epilog=BUILD_EXAMPLES)
def build(
    paths: PathsArgument = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--state-store",
            metavar="URL",
            help="Where the durations of loads are read. Default: what each Dag names, or the "
            "configuration, where that can be reached.",
        ),
    ] = None,
) -> None:
    """Plan the sources of Dag files, and write a manifest of each beside its Dag file.

    It holds no time and no path of this machine: built again, it stays as it is until the source,
    the Dag or the duration of its loads has changed.
    """
    asked = _asked_plans(paths)
    has_failed = _tell_errors(asked)
    for plan in asked.plans:
        try:
            manifest = _planned(plan, _seconds(plan, store))
        except (DltProviderError, ImportError, SyntaxError, NameError, AttributeError) as error:
            if isinstance(error, StateError | StateStoreError):
                raise
            typer.echo(f"Error: Dag {plan.dag_id}: {_one_line(error)}", err=True)
            has_failed = True
            continue
        if manifest is not None:
            _write(plan.committed, manifest, len(_packed(plan, manifest).tasks))
    for path in _left_over(asked, paths):
        path.unlink()
        typer.echo(f"removed {_shown(path)}: no Dag has this plan")
    if has_failed:
        raise typer.Exit(1)


@manifest_app.command(epilog=CHECK_EXAMPLES)
def check(paths: PathsArgument = None) -> None:
    """Tell which manifests `build` would write, change or remove, and exit with 1 if there are any.

    Nothing is written. Durations of loads are not looked at.
    """
    asked = _asked_plans(paths)
    problems = _tell_errors(asked)
    for plan in asked.plans:
        if problem := _problem(plan):
            typer.echo(f"{_shown(plan.committed)}: {problem}")
            problems = True
    for path in _left_over(asked, paths):
        typer.echo(f"{_shown(path)}: left over, no Dag has this plan")
        problems = True
    if problems:
        typer.echo(f"Run `{BUILD_COMMAND}`, and commit what it writes.", err=True)
        raise typer.Exit(1)
    typer.echo(f"up to date: {_counted(len(asked.plans), 'manifest')}")


def _asked_plans(paths: Sequence[Path] | None) -> AskedPlans:
    require_airflow()
    missing = [path for path in paths or () if not path.exists()]
    if missing:
        raise typer.BadParameter(f"there is no {missing[0]}", param_hint="PATH")
    return read_asked_plans([path.resolve() for path in paths or [default_dags_folder()]])


def _tell_errors(asked: AskedPlans) -> bool:
    for file, error in asked.errors.items():
        typer.echo(f"Error: {file} cannot be imported: {error.strip().splitlines()[-1]}", err=True)
    return bool(asked.errors)


def _planned(asked: AskedPlan, seconds: dict[str, float]) -> Manifest | None:
    """Plan from the source itself; `None` where a plan cannot be kept.

    Raises:
        DltProviderError: The source cannot be planned.
    """
    if not is_cacheable(asked.spec):
        typer.echo(
            f"Warning: Dag {asked.dag_id}: its source is a lambda or a nested function, whose plan "
            'is made at every parse; name it as "module:function"',
            err=True,
        )
        return None
    # these bring dlt and Airflow
    from airflow_dlt_provider.core.planning.from_source import plan_from_source
    from airflow_dlt_provider.core.planning.planner import connected
    from airflow_dlt_provider.wiring import mask, read_connection

    plan, files = plan_from_source(connected(asked.spec, read_connection), mask=mask)
    known = {name: value for name, value in seconds.items() if name in plan.resource_names}
    return Manifest(fingerprint_of(asked.spec, files), plan, None, known)


def _problem(asked: AskedPlan) -> str | None:
    """Say why the manifest of a plan is not what `build` would write; `None` if it is."""
    try:
        manifest = read_manifest(asked.committed)
        planned = _planned(asked, {})
    except ManifestError as error:
        return f"cannot be read ({error.problem})"
    except SourceFailedError as error:
        # what the source says cannot be seen here, and its files can
        typer.echo(f"Warning: Dag {asked.dag_id}: {_one_line(error)}", err=True)
        planned = manifest
    except (DltProviderError, ImportError, SyntaxError, NameError, AttributeError) as error:
        return f"Dag {asked.dag_id} cannot be planned: {_one_line(error)}"
    if manifest is None:
        return "is missing" if is_cacheable(asked.spec) else None
    if reason := manifest.fingerprint.misfit(asked.spec):
        return f"is out of date: {reason}"
    without_seconds = replace(manifest, seconds_by_resource={})
    if planned and manifest_text(replace(planned, seconds_by_resource={})) != manifest_text(
        without_seconds
    ):
        return "is out of date: the source has other resources, or says other things of them"
    return None


def _seconds(asked: AskedPlan, store: str | None) -> dict[str, float]:
    """Return resource -> duration: what the ledger remembers, else what is committed.

    Raises:
        StateError, StateStoreError: A person named the store, and it is none, or is not reached.
    """
    former = read_seconds(asked.committed)
    # this brings SQLAlchemy
    from airflow_dlt_provider.core.control.durations import remembered_seconds

    try:
        opened = open_store(store or asked.state_store, asked.pipeline_name, asked.dataset_name)
        try:
            loaded = opened.list_resources(asked.pipeline_name)
            return former | remembered_seconds(opened, asked.pipeline_name, loaded, former)
        finally:
            opened.close()
    except (StateError, StateStoreError) as error:
        if store:
            raise
        reason = _one_line(error).partition("; ")[0].partition(". ")[0]
        typer.echo(
            f"Note: Dag {asked.dag_id}: durations of loads stay as they are: {reason}", err=True
        )
        return former


def _packed(asked: AskedPlan, manifest: Manifest) -> LoadPlan:
    """Return the tasks that a Dag gets of a plan."""
    spec, seconds = asked.spec, manifest.seconds_by_resource
    return packed(manifest.plan, spec.max_tasks, spec.task_options, seconds)


def _write(path: Path, manifest: Manifest, task_count: int) -> None:
    tasks = _counted(task_count, "task")
    if path.is_file() and path.read_text(encoding="utf-8") == manifest_text(manifest):
        typer.echo(f"unchanged {_shown(path)}: {tasks}")
        return
    try:
        write_manifest(path, manifest)
    except OSError as error:
        typer.echo(f"Error: {_shown(path)} cannot be written: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"wrote {_shown(path)}: {tasks}")


def _left_over(asked: AskedPlans, paths: Sequence[Path] | None) -> list[Path]:
    """Return manifests below the given folders that belong to no plan.

    Where a Dag file cannot be imported, nobody knows which are its own.
    """
    if asked.errors:
        return []
    folders = [path.resolve() for path in paths or [default_dags_folder()] if path.is_dir()]
    wanted = {plan.committed for plan in asked.plans}
    found = {path for folder in folders for path in folder.rglob(f"{COMMITTED_DIR}/*.json")}
    return sorted(path for path in found - wanted if _is_manifest(path))


def _is_manifest(path: Path) -> bool:
    try:
        return read_manifest(path) is not None
    except ManifestError:
        return False


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
