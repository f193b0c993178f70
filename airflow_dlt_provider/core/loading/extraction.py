"""What a try extracted and has not loaded yet, kept beside its packages.

A later try on the same machine goes on with the packages instead of extracting again. Before the
first row is loaded, the normalized packages are kept a second time (as hard links): a try that was
killed between the commit of a file's rows and the note of it cannot tell whether the rows are
there, so its rows are removed and its packages loaded from the start.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dlt.common.storages.load_package import PackageStorage
from dlt.pipeline.pipeline import Pipeline

from airflow_dlt_provider.core.loading.outcome import LoadedResource
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.spec import RunIdentity
from airflow_dlt_provider.core.state.records import (
    LoadKind,
    StateRequest,
    new_id,
    typed_text,
    typed_value,
)

FILE_NAME = "extraction.json"
KEPT_FOLDER = "normalized_packages"


@dataclass(frozen=True)
class Extraction:
    """One extraction of one task."""

    run_id: str
    max_tries: int
    base_version: int | None
    """Version of the pipeline's state in the destination before; `None` without one."""
    loaded: tuple[LoadedResource, ...]
    load_ids: tuple[str, ...]
    states_before: dict[str, dict[str, Any]]
    """Resource -> dlt's state of it and of those that feed it."""
    states_after: dict[str, dict[str, Any]]
    state_version: int
    """Version of the pipeline's state that the destination holds after the load."""
    extraction_id: str = field(default_factory=new_id)
    source_changes: dict[str, list[Any]] = field(default_factory=dict)
    """Source -> changes of the source-level state."""
    source_seeds: dict[str, Any] = field(default_factory=dict)
    """Source -> the state before these changes, where the store has lost it."""
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Resource -> the request that this extraction carries out, as a document."""
    own_requests: list[str] = field(default_factory=list)
    """Those of these resources whose request was asked of themselves."""
    voided_requests: dict[str, str] = field(default_factory=dict)
    """Resource -> id of what a person asked, and comes to nothing by a full refresh."""
    window: list[str] | None = None
    """Both ends of the window that was extracted, as ISO 8601; `None` for an ordinary load."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Resource -> why it has no part in the window."""
    ranges: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Resource -> the older rows that this load takes the place of, as `RowRange`'s fields."""
    guarded: list[str] = field(default_factory=list)
    """Resources that are written anew, and whose rows must not just be taken away."""
    taken_over: list[str] = field(default_factory=list)
    """Resources that replace what another task's pipeline has loaded."""
    left_out: list[str] = field(default_factory=list)
    """Resources of the task that failed while they were extracted."""
    rows_by_table: dict[str, int] | None = None
    """Rows by table; `None` until they are normalized."""

    def request_of(self, resource_name: str) -> StateRequest | None:
        """Return the request that is carried out for a resource, or `None`."""
        document = self.requests.get(resource_name)
        return StateRequest.from_dict(document) if document else None

    def kind_of(self, resource_name: str) -> LoadKind:
        """Return what the load of a resource is for."""
        request = self.request_of(resource_name)
        if request is None:
            return "backfill" if self.window else "load"
        return request.kind

    def with_purpose(self, result: LoadResult) -> LoadResult:
        """Return *result* with what the load is for."""
        loads = (
            replace(load, kind=self.kind_of(load.resource_name), window=self.window)
            for load in result.resources
        )
        return replace(result, skipped=self.skipped, resources=tuple(loads))

    def is_of_series(self, run: RunIdentity) -> bool:
        """Tell whether *run* is a retry of the try that extracted this."""
        return (self.run_id, self.max_tries) == (run.run_id, run.max_tries)

    def write(self, folder: Path) -> None:
        """Keep this in *folder*, all or nothing."""
        path = folder / FILE_NAME
        written = path.with_suffix(".new")
        written.write_text(typed_text(asdict(self)))
        written.replace(path)


def read_extraction(folder: Path) -> Extraction | None:
    """Return what an earlier try kept in *folder*; `None` without, or if it cannot be read."""
    try:
        document = typed_value((folder / FILE_NAME).read_text())
        loaded = tuple(
            LoadedResource(**{**item, "fed_by": tuple(item["fed_by"])})
            for item in document["loaded"]
        )
        return Extraction(**{**document, "loaded": loaded, "load_ids": tuple(document["load_ids"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_complete(extraction: Extraction, pipeline: Pipeline, *, is_kept: bool) -> bool:
    """Tell whether the packages of *extraction* are all there, in one state of the two.

    Args:
        extraction: What was extracted.
        pipeline: In the folder of that try.
        is_kept: Whether normalized packages are kept a second time.
    """
    extracted = set(pipeline.list_extracted_load_packages())
    normalized = set(pipeline.list_normalized_load_packages())
    if extraction.rows_by_table is None:
        return extracted == set(extraction.load_ids) and not normalized
    normalized_there = kept_packages(pipeline) if is_kept else normalized
    return not extracted and normalized_there == set(extraction.load_ids)


def keep_packages(pipeline: Pipeline) -> None:
    """Keep the normalized packages of *pipeline* a second time."""
    for load_id in pipeline.list_normalized_load_packages():
        _copy_package(_package_path(pipeline, load_id), _kept_path(pipeline, load_id))


def kept_packages(pipeline: Pipeline) -> set[str]:
    """Return the load ids of the packages that were kept."""
    folder = Path(pipeline.working_dir) / KEPT_FOLDER
    names = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    return {name for name in names if not name.startswith(".")}


def put_back_packages(pipeline: Pipeline) -> None:
    """Make the packages of *pipeline* as they were before anything of them was loaded."""
    for load_id in kept_packages(pipeline):
        path = _package_path(pipeline, load_id)
        # of several packages, the first may be where dlt puts those that it finished
        for former in (path, _loaded_path(pipeline, load_id)):
            shutil.rmtree(former, ignore_errors=True)
        _copy_package(_kept_path(pipeline, load_id), path)


def _package_path(pipeline: Pipeline, load_id: str) -> Path:
    return Path(pipeline.working_dir) / "load" / "normalized" / load_id


def _loaded_path(pipeline: Pipeline, load_id: str) -> Path:
    return Path(pipeline.working_dir) / "load" / "loaded" / load_id


def _kept_path(pipeline: Pipeline, load_id: str) -> Path:
    return Path(pipeline.working_dir) / KEPT_FOLDER / load_id


def _copy_package(source: Path, target: Path) -> None:
    # under another name until it is whole; files of rows are never changed, so a link does
    unfinished = target.with_name(f".{target.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(source, unfinished, copy_function=_copy_file)
    unfinished.replace(target)


def _copy_file(source: str, target: str) -> None:
    if Path(source).parent.name == PackageStorage.NEW_JOBS_FOLDER:
        with suppress(OSError):
            # not every file system has links
            os.link(source, target)
            return
    shutil.copy2(source, target)
