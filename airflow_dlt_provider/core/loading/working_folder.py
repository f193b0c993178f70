"""The folder in which one task instance works, and what of it outlives a try."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_dlt_provider.core.loading.extraction import read_extraction
from airflow_dlt_provider.core.loading.failure import is_terminal
from airflow_dlt_provider.core.spec import LoadRequest
from airflow_dlt_provider.core.state.records import new_id

CLAIMED = "claimed_by_"


def claim_folder(request: LoadRequest) -> Path | None:
    """Make the folder of a task instance, where it is not there, and return a token in it.

    As long as the token is there, no other try has been at work in the folder: one that gets the
    load's lock first takes the folder as it finds it, and empties it.
    """
    folder = request.working_dir
    # rows lie here for a while, for nobody else to read
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return None
    token = folder / f"{CLAIMED}{new_id()}"
    token.touch(mode=0o600)
    return token


def give_up_folder(token: Path) -> None:
    """Remove a folder that was claimed, unless another try has been at work in it."""
    if token.exists():
        shutil.rmtree(token.parent, ignore_errors=True)


@contextmanager
def working_folder(request: LoadRequest, *, is_new: bool) -> Iterator[Path]:
    """Give the task instance its folder; only a retry finds what the try before extracted.

    The folder goes when the load ends, or fails in a way that its packages would fail again. A
    process that is killed leaves it, and its retry goes on with it.

    Args:
        request: What to load.
        is_new: Whether `claim_folder` made it.
    """
    folder = request.working_dir
    extraction = None if is_new else read_extraction(folder)
    if not is_new and (extraction is None or not extraction.is_of_series(request.run)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    try:
        yield folder
    except BaseException as error:
        is_last_try = request.run.try_number > request.run.max_tries
        is_useless = isinstance(error, Exception) and is_terminal(error)
        if is_last_try or is_useless or read_extraction(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def emptied(folder: Path) -> None:
    """Empty *folder*."""
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
