"""One load in this process: by a task of ours, and by a plain dlt pipeline beside it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STEPS = ("restore", "extract", "normalize", "load")
ELSE = "everything else"
TOTAL = "total"


@dataclass(frozen=True)
class Place:
    """What is loaded, and where everything of it lies."""

    folder: Path
    """Holds the module of the source, working folders and the state store."""
    destination: str
    dataset: str
    source: str
    """`"module:function"`."""
    source_kwargs: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)
    resource: str | None = None
    """The resource of a task of its own; `None`: all of the source in one task."""

    def prepare(self) -> None:
        """Set the environment, silence Airflow's Variables, and let the module be found."""
        os.environ.update(self.environment)
        # a plain script has no Airflow beside it, which dlt would ask for each setting
        os.environ["PROVIDERS__ENABLE_AIRFLOW_SECRETS"] = "false"
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        sys.path.insert(0, str(self.folder))


def load_ours(place: Place) -> dict[str, float]:
    """Load as a task does; return step -> seconds."""
    place.prepare()
    from airflow_dlt_provider.core.loading.load import load_task
    from airflow_dlt_provider.core.spec import (
        DestinationSpec,
        LoadRequest,
        RunIdentity,
        SourceSpec,
    )
    from airflow_dlt_provider.core.state.sql import SqlStateStore

    start = time.perf_counter()
    key = place.resource or "all"
    request = LoadRequest(
        source=SourceSpec(place.source, place.folder, place.source_kwargs),
        resources=(place.resource,) if place.resource else (),
        pipeline_name=place.dataset,
        task_key=key,
        run=RunIdentity(place.dataset, f"run_{time.time_ns()}"),
        destination=DestinationSpec(place.destination, place.dataset),
        data_dir=place.folder,
        working_dir=place.folder / "work" / place.dataset / key,
    )
    with closing(SqlStateStore(f"sqlite:///{place.folder / 'state.db'}")) as store:
        result = load_task(request, store)
    total = time.perf_counter() - start
    return _with_rest(dict(result.seconds_by_step), total)


def load_plain(place: Place) -> dict[str, float]:
    """Load by `dlt.pipeline(...).run(...)`; return step -> seconds."""
    place.prepare()
    import dlt
    from dlt.pipeline.pipeline import Pipeline

    start = time.perf_counter()
    restoring: list[float] = []
    Pipeline._sync_destination = _timed(Pipeline._sync_destination, restoring)
    pipeline = dlt.pipeline(
        place.dataset,
        pipelines_dir=str(place.folder / "plain" / f"{time.time_ns()}"),
        destination=place.destination,
        dataset_name=place.dataset,
    )
    source = import_source(place.source)(**place.source_kwargs)
    pipeline.run(source.with_resources(place.resource) if place.resource else source)
    total = time.perf_counter() - start
    trace = pipeline.last_trace
    steps = {
        item.step: (item.finished_at - item.started_at).total_seconds()
        for item in trace.steps
        if item.finished_at and item.step in STEPS
    }
    return _with_rest({"restore": sum(restoring), **steps}, total)


def import_source(reference: str) -> Callable[..., Any]:
    """Return the function that `"module:function"` names."""
    module, _, function = reference.partition(":")
    found: Callable[..., Any] = getattr(__import__(module), function)
    return found


def _timed(method: Callable[..., Any], seconds: list[float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return method(*arguments, **kwargs)
        finally:
            seconds.append(time.perf_counter() - start)

    return timed


def _with_rest(steps: dict[str, float], total: float) -> dict[str, float]:
    return {**steps, ELSE: total - sum(steps.values()), TOTAL: total}
