"""`airflow-dlt sync`: loads declared sources, without a scheduler."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from airflow_dlt_provider.cli import sync_options as options
from airflow_dlt_provider.cli.examples import examples
from airflow_dlt_provider.cli.projects import (
    ProjectOption,
    named_sources,
    open_project,
    tell_problems,
)
from airflow_dlt_provider.cli.redaction import Redaction
from airflow_dlt_provider.cli.terminal import print_json

SYNC_EXAMPLES = examples(
    ("sync", "all enabled sources"),
    ("sync shop --select 'orders,order_*'", "some resources of one"),
    ("sync shop --full-refresh", "from the beginning"),
    ("sync shop --backfill 7d", "the last seven days once more"),
    ("sync shop --since 2026-01-01 --until 2026-02-01", "one month"),
    ("sync shop --limit 100 --dry-run", "what would be loaded"),
    ("sync --json --workers 4", "for a script"),
)


def sync(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="Default: all enabled.")
    ] = None,
    source: options.SourceNameOption = None,
    select: options.SelectOption = None,
    full_refresh: options.FullRefreshOption = False,
    refresh_mode: options.RefreshModeOption = None,
    allow_empty_replace: options.AllowEmptyOption = False,
    start_date: options.StartDateOption = None,
    end_date: options.EndDateOption = None,
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    backfill: options.BackfillOption = None,
    limit: options.LimitOption = None,
    dry_run: options.DryRunOption = False,
    workers: options.WorkersOption = None,
    project: ProjectOption = None,
    data_dir: options.DataDirOption = None,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
    quiet: options.QuietOption = False,
    debug: options.DebugOption = False,
) -> None:
    """Load sources of sources.yml now: no scheduler, no Airflow.

    Each resource goes on from its own cursor. One that fails stops none of the others, but those
    that come after it. Exit code 0: all was loaded; 1: something failed; 2: wrong usage; 130:
    interrupted.

    JSON: `run_id`, `status`, `rows`, `seconds`, `warnings`, and for each of `sources`: `name`,
    `pipeline_name`, `dataset_name`, `status`, `error`, and for each of `tasks`: `key`, `status`,
    `reason`, `seconds`, `error` (`type`, `message`), `load_ids`, `resources`.
    """
    dates = {"--start-date": start_date, "--end-date": end_date, "--since": since, "--until": until}
    asked = options.asked_purpose(
        select or (),
        options.parse_window(dates, backfill),
        limit,
        options.AskedRefresh(full_refresh, refresh_mode, allow_empty_replace),
    )
    opened = open_project(project)
    named = [*(names or ()), *(source or ())]
    sources = named_sources(opened, named)
    # these bring dlt, which other commands can do without
    from airflow_dlt_provider.cli.preparing import places_of
    from airflow_dlt_provider.cli.sync_run import SyncSettings, load_sources, show_sources

    redaction = Redaction()
    with redaction.standard_streams(), tempfile.TemporaryDirectory(prefix="dlt_sync_") as folder:
        places = places_of(opened.project_dir, data_dir, Path(folder))
        settings = SyncSettings(asked, places, redaction, store, workers, quiet, debug)
        with _document_apart(as_json):
            tell_problems(opened)
            done = (show_sources if dry_run else load_sources)(sources, settings)
        if not as_json:
            done.print()
        done.print_problems()
        sys.stdout.flush()
    if as_json:
        # value by value: hidden in the text of a document, a number would end it
        print_json(redaction.redact_all(done.document()))
    # a source with a mistake was not loaded; schedules are none of a sync's business
    is_whole = bool(named) or not any(item.file.name == opened.file.name for item in opened.errors)
    raise typer.Exit(done.exit_code or (0 if is_whole else 1))


@contextlib.contextmanager
def _document_apart(as_json: bool) -> Iterator[None]:
    """Keep standard output for a document, whatever is printed meanwhile."""
    if as_json:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    else:
        yield
