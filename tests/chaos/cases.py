"""What runs a case of the matrix.

A case loads, is killed, is retried as Airflow retries, and runs once more. After the retry and
after the last run its tables are those of clean loads, made without a kill in a place of their
own.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.spec import LoadRequest, Refresh, RunIdentity, SourceSpec
from airflow_dlt_provider.core.state.sql import SqlStateStore
from tests.chaos import kill
from tests.chaos.matrix import KINDS, Case, Kind
from tests.chaos.places import (
    PIPELINE,
    DuckDbPlace,
    FilesPlace,
    Place,
    PostgresPlace,
    Rows,
    content,
    difference,
    faults,
)
from tests.chaos.source import GROWN, orders
from tests.chaos.tries import Child, import_what_it_imports, in_child

MAX_TRIES = 3
RESOURCE = "orders"
REFRESHED_RUN = "run_2"


@dataclass
class Task:
    """One task of a Dag, run after run: its store and where it loads to."""

    folder: Path
    place: Place
    source: Any = orders
    kwargs: dict[str, Any] = field(default_factory=dict)
    resources: tuple[str, ...] = (RESOURCE,)
    source_names: tuple[str, ...] = ("chaos",)
    lock_timeout_seconds: float = 60.0
    dag_id: str = "chaos_dag"
    refresh: Refresh | None = None
    """What the run `run_2` does to the table."""

    @property
    def store_path(self) -> Path:
        return self.folder / "state.db"

    def working_dir(self, run_id: str) -> Path:
        return self.folder / "work" / run_id

    def lose_folder(self, run_id: str) -> None:
        """Let the retry come to another machine."""
        shutil.rmtree(self.working_dir(run_id))

    def lose_store(self) -> None:
        """Empty the state store."""
        for path in self.folder.glob("state.db*"):
            path.unlink()

    def request(self, run_id: str, batch: int, try_number: int = 1) -> LoadRequest:
        return LoadRequest(
            source=SourceSpec(self.source, self.folder, {**self.kwargs, "batch": batch}),
            resources=self.resources,
            pipeline_name=PIPELINE,
            task_key=RESOURCE,
            run=RunIdentity(self.dag_id, run_id, try_number, MAX_TRIES),
            destination=self.place.destination(),
            data_dir=self.folder,
            working_dir=self.working_dir(run_id),
            source_names=self.source_names,
            lock_timeout_seconds=self.lock_timeout_seconds,
            refresh=self.refresh if run_id == REFRESHED_RUN else None,
        )

    def load(self, run_id: str, batch: int, try_number: int = 1) -> LoadResult:
        """Load in this process."""
        store = SqlStateStore(f"sqlite:///{self.store_path}")
        try:
            return load_task(self.request(run_id, batch, try_number), store)
        finally:
            store.close()

    def start(
        self,
        run_id: str,
        batch: int,
        try_number: int = 1,
        *,
        point: str | None = None,
        action: Callable[[], None] = kill.die,
    ) -> Child:
        """Load in a child, to which *action* happens at *point*."""

        def load() -> LoadResult:
            if point:
                kill.arm(point, action)
            return self.load(run_id, batch, try_number)

        return Child(self.folder, load)

    def load_killed(self, run_id: str, batch: int, point: str, try_number: int = 1) -> None:
        """Load in a child that is killed at *point*."""
        outcome = self.start(run_id, batch, try_number, point=point).wait()
        assert outcome.is_killed, f"the kill point was not reached: {outcome}"

    def load_in_child(self, run_id: str, batch: int, try_number: int = 1) -> Loaded:
        """Load in a child, and look at what is there afterwards."""

        def load() -> Loaded:
            result = self.load(run_id, batch, try_number)
            return Loaded(result, self.place.read(), self._ledger_faults())

        loaded: Loaded = in_child(self.folder, load).checked()
        return loaded

    def _ledger_faults(self) -> list[str]:
        store = SqlStateStore(f"sqlite:///{self.store_path}")
        found = [
            f"{name}: an unfinished load is left"
            for name, state in store.read_resources(PIPELINE, self.resources).items()
            if state.unfinished
        ]
        for name in self.resources:
            statuses = [load.status for load in store.list_loads(PIPELINE, name)]
            if statuses[:1] != ["finished"] or "unfinished" in statuses:
                found.append(f"{name}: the loads are, the newest first, {statuses}")
        store.close()
        return found


@dataclass(frozen=True)
class Loaded:
    """What a load did, and what was there after it."""

    result: LoadResult
    tables: dict[str, Rows]
    ledger_faults: list[str]

    @property
    def content(self) -> dict[str, Counter[str]]:
        return content(self.tables)

    def check(self, clean: Loaded, *, is_told: bool = True) -> None:
        """Compare with a clean load.

        Args:
            clean: The clean load.
            is_told: Whether the task shall also say that it loaded as much.

        Raises:
            AssertionError: Something is not as after a clean load.
        """
        found = [
            *difference(self.content, clean.content),
            *faults(self.tables),
            *self.ledger_faults,
        ]
        told, wanted = rows_told(self.result), rows_told(clean.result)
        if is_told and told != wanted:
            found.append(f"the task says that it loaded {told}, not {wanted}")
        assert not found, "\n".join(found)


def rows_told(result: LoadResult) -> dict[str, dict[str, int]]:
    """Return resource -> table -> rows that a task says it loaded."""
    return {load.resource_name: load.rows_by_table for load in result.resources}


def runs_of(*, is_first: bool) -> list[tuple[str, int]]:
    """Return run id and batch of the runs of a case; the last brings nothing new."""
    former = [] if is_first else [("run_1", 1)]
    return [*former, ("run_2", GROWN), ("run_3", GROWN)]


@cache
def clean_loads(
    destination: str,
    kind: Kind,
    postgres_url: str,
    refresh: Refresh | None = None,
    *,
    is_first: bool,
) -> tuple[Loaded, ...]:
    """Return what the runs of a case come to where nothing is killed."""
    with fresh_task(destination, kind, postgres_url) as task:
        task.refresh = refresh
        loads = tuple(task.load_in_child(*run) for run in runs_of(is_first=is_first))
    for load in loads:
        assert load.content, "a clean load left no rows"
        load.check(load)
    return loads


@contextmanager
def fresh_task(destination: str, kind: Kind, postgres_url: str = "") -> Iterator[Task]:
    """Give a task that has never run; what it leaves is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    kwargs = {
        "disposition": kind.disposition,
        "shape": kind.shape,
        "has_cursor": kind.has_cursor,
    }
    task = Task(folder, place_of(destination, folder, postgres_url), kwargs=kwargs)
    try:
        yield task
    finally:
        in_child(folder, task.place.drop)
        shutil.rmtree(folder, ignore_errors=True)


def place_of(destination: str, folder: Path, postgres_url: str = "") -> Place:
    """Return a fresh place of a kind of destination."""
    if destination == "duckdb":
        return DuckDbPlace(folder)
    if destination == "filesystem":
        return FilesPlace(folder)
    # dlt would shorten a name with two underscores in a row
    return PostgresPlace(postgres_url, f"chaos_{uuid.uuid4().hex}")


def run_case(case: Case, postgres_url: str = "") -> None:
    """Run one case.

    Raises:
        AssertionError: The tables or the ledger are not as after clean loads.
    """
    refresh = Refresh(case.refresh_mode) if case.refresh_mode else None
    clean = clean_loads(case.destination, case.kind, postgres_url, refresh, is_first=case.is_first)
    *former, (run_id, batch), last = runs_of(is_first=case.is_first)
    with fresh_task(case.destination, case.kind, postgres_url) as task:
        task.refresh = refresh
        for run in former:
            in_child(task.folder, partial(task.load, *run)).checked()
        task.load_killed(run_id, batch, case.point)
        if case.is_folder_lost:
            task.lose_folder(run_id)
        if case.is_retried:
            task.load_in_child(run_id, batch, try_number=2).check(clean[-2])
            task.load_in_child(*last).check(clean[-1])
        else:
            task.load_in_child(*last).check(clean[-1], is_told=False)
        assert not any((task.folder / "work").iterdir()), "a working folder is left"


@dataclass(frozen=True)
class Report:
    """How a case went."""

    name: str
    seconds: float
    problem: str = ""


def report_case(case: Case, postgres_url: str = "") -> Report:
    """Run one case and say how it went."""
    started = time.monotonic()
    report = Report(case.name, 0)
    try:
        run_case(case, postgres_url)
    except Exception as error:
        report = replace(report, problem=f"{type(error).__name__}: {error}")
    return replace(report, seconds=time.monotonic() - started)


def warm_up(destinations: Iterable[str], postgres_url: str = "") -> None:
    """Import what loads into *destinations* need, so that children need not."""
    for destination in destinations:
        _warm_up_for(destination, postgres_url)


@cache
def _warm_up_for(destination: str, postgres_url: str) -> None:
    with fresh_task(destination, KINDS[1], postgres_url) as task:

        def load_and_read() -> None:
            task.load("warm", 1)
            task.place.read()

        import_what_it_imports(task.folder, load_and_read)
