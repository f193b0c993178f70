"""What a Dag file, or a file of sources, asks of the load of one source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import PlanError, listed
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import (
    DECOMPOSE_MODES,
    ON_FAILURE_MODES,
    Decompose,
    OnFailure,
    PlanSpec,
    Registration,
    SourceSpec,
)
from airflow_dlt_provider.templates import render_with_defaults


@dataclass(frozen=True)
class LoadOptions:
    """The arguments that `DltDag` and `DltTaskGroup` share, with their meaning there."""

    source: str | Callable[..., Any]
    base_dir: Path
    pipeline_name: str
    source_kwargs: Mapping[str, Any]
    destination: Any
    dataset_name: str | None
    staging: Any
    loader_file_format: str | None
    schema_contract: Any
    resources: Sequence[str] | None
    exclude: Sequence[str]
    decompose: Decompose
    task_options: Mapping[str, Mapping[str, Any]]
    after: Mapping[str, Sequence[str]]
    configure: str | Callable[..., Any] | None
    state_store: str | None
    emit_when_empty: bool
    planned_as: str
    """The id of the Dag whose plan it is: a full refresh Dag has that of its base."""
    is_full_refresh: bool = False
    """Whether a run is a full refresh unless it says otherwise."""
    source_conn_id: str | None = None
    destination_conn_id: str | None = None
    options: SourceOptions = field(default_factory=SourceOptions)
    """What is said of the source and its resources: `resource_options`, and more of a file."""
    registration: Registration | None = None
    """The entry of the source in a `sources.yml`."""
    allow_empty_replace: bool = True
    max_tasks: int | None = None
    on_failure: OnFailure = "continue"

    def plan_spec(self, dag: DAG) -> PlanSpec:
        """Return what is to be planned, with the defaults of the Dag's params in templates."""
        if self.decompose not in DECOMPOSE_MODES:
            raise PlanError(f"decompose={self.decompose!r} is unknown; {listed(DECOMPOSE_MODES)}")
        if self.on_failure not in ON_FAILURE_MODES:
            problem = f"on_failure={self.on_failure!r} is unknown; {listed(ON_FAILURE_MODES)}"
            raise PlanError(problem)
        if not isinstance(self.source_kwargs, Mapping):
            raise PlanError(f"source_kwargs={self.source_kwargs!r} is no mapping of argument names")
        kwargs = dict(self.source_kwargs)
        if self.registration is None:
            kwargs = render_with_defaults(kwargs, dag)
        return PlanSpec(
            source=SourceSpec(
                self.source,
                self.base_dir,
                kwargs,
                self.configure,
                self.options,
                self.registration,
                self.source_conn_id,
            ),
            resources=None if self.resources is None else _names("resources", self.resources),
            exclude=_names("exclude", self.exclude),
            decompose=self.decompose,
            max_tasks=self.max_tasks,
            task_options=self.task_options,
            after={name: _names("after", earlier) for name, earlier in self.after.items()},
        )

    def asset_dataset(self, dag: DAG) -> str:
        """Return the dataset by which assets are named, with the defaults of the Dag's params."""
        written = self.dataset_name
        name = written if self.registration else render_with_defaults(written, dag)
        return str(name or self.pipeline_name)

    def pipeline_asset(self, dag: DAG) -> Asset:
        """Return the asset that stands for the pipeline, and holds what its resources share."""
        dataset = self.asset_dataset(dag)
        return Asset(
            name=names.pipeline_asset_name(self.pipeline_name, dataset),
            uri=names.pipeline_asset_uri(self.pipeline_name, dataset),
        )


def _names(argument: str, given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise PlanError(f"{argument}={given!r} is text; write a list: {argument}=[{given!r}]")
    return tuple(given)
