"""The operator that loads: unpacks the context, calls the core, maps errors."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import LoadRequest, OnFailure, Registration
from airflow_dlt_provider.operators.assets import (
    event_extra,
    loads_by_asset,
    outlets_with_event,
)
from airflow_dlt_provider.operators.error_mapping import mapped_errors
from airflow_dlt_provider.operators.links import ResourceLink, TableAssetLink
from airflow_dlt_provider.run_params import read_purpose
from airflow_dlt_provider.templates import evaluate, is_template

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context
    from jinja2 import Environment

    from airflow_dlt_provider.core.loading.result import LoadResult

FACTS = "dlt_facts"
"""Attribute of a task in the serialized Dag: what Airflow does not say of every task."""


class DltResourceOperator(BaseOperator):
    """Loads resources of a dlt source in a dlt pipeline of their own.

    The pipeline restores its cursor from the destination, so that any worker can run the task.
    The task returns a `LoadResult` as a dictionary, and updates the asset of each root table with
    rows, load id and cursor. Errors that trying again cannot cure fail the task at once.

    Args:
        source: `"module:function"`, relative to *base_dir*, or a function; it returns a dlt
            source, a resource, or a list of them.
        resource_names: What to load; all that the source selects when empty.
        source_kwargs: Arguments of the function. Strings are templates; one that is a single
            expression keeps the type of its value. `${VAR}` and `${VAR:-default}` are replaced
            on the worker. Templated.
        destination: A dlt destination name or factory, or an address such as `postgresql://...`,
            in which `${VAR}` is replaced on the worker.
        destination_conn_id: An Airflow connection, in place of *destination*.
        dataset_name: Default: *pipeline_name*. Templated.
        pipeline_name: Base name of the pipeline; default: the Dag id. The task's own pipeline is
            `<pipeline_name>__<task_key>`.
        task_key: Ends the names of the task's pipeline and schema; default: the task id.
        base_dir: Folder of the file that names the source; default: the Dag file's.
        staging: dlt's staging destination.
        loader_file_format: dlt's format of load files.
        schema_contract: dlt's schema contract for this load.
        configure: `"module:function"`, or a function: takes the source, returns it, changed.
        options: What is said of the source and its resources besides, which has the last word;
            `parse_source_options` makes it of plain values.
        registration: The entry of the source in a `sources.yml`.
        source_conn_id: An Airflow connection, whose credentials the function is given.
        resource_assets: Resource name -> the asset of its root table.
        pipeline_asset: The asset of the pipeline, which holds what its resources share.
        state_store: `"asset"`, a SQLAlchemy URL or the id of an Airflow connection; default: what
            `[dlt] state_store` says.
        emit_when_empty: Whether a load that wrote no rows updates the table's asset too.
        allow_empty_replace: Whether a load without rows may empty a table that each load
            replaces. With `False` it fails instead, unless the run's param of that name is set.
        on_failure: When a resource of the task fails while it is extracted: `"continue"` loads the
            others, fails, and a retry loads what is missing; `"stop"` loads none of them.
        known_resources: What the source had when it was planned; others are warned of.
        source_names: Names of the sources, where they are known.
        shared_tables: Root tables that other tasks write too.
        planned_resources: What was planned of each resource, as plain values: `name`,
            `table_name`, `write_disposition`.
        earlier_task_ids: Ids of the tasks that load what comes before; the trigger rule lets this
            one run where a run leaves them out.
        param_prefix: Stands before the names of the Dag's params that this task reads, such as
            `full_refresh`; a group has one of its own.
    """

    template_fields: Sequence[str] = ("source_kwargs", "dataset_name")
    template_fields_renderers: ClassVar[dict[str, str]] = {"source_kwargs": "json"}
    ui_color = "#e2f0ff"
    operator_extra_links = (ResourceLink(), TableAssetLink())
    _result: LoadResult | None = None

    source: str | Callable[..., Any]
    resource_names: tuple[str, ...]
    source_kwargs: dict[str, Any]
    destination: Any
    dataset_name: str | None
    pipeline_name: str | None
    task_key: str | None
    base_dir: str | Path | None
    staging: Any
    loader_file_format: str | None
    schema_contract: Any
    configure: str | Callable[..., Any] | None
    options: SourceOptions
    registration: Registration | None
    source_conn_id: str | None
    destination_conn_id: str | None
    state_store: str | None
    emit_when_empty: bool
    allow_empty_replace: bool
    on_failure: OnFailure
    known_resources: tuple[str, ...]
    source_names: tuple[str, ...]
    shared_tables: tuple[str, ...]
    planned_resources: list[dict[str, Any]]
    earlier_task_ids: list[str]
    param_prefix: str

    def __init__(
        self,
        *,
        source: str | Callable[..., Any],
        resource_names: Sequence[str] = (),
        source_kwargs: Mapping[str, Any] | None = None,
        destination: Any = None,
        dataset_name: str | None = None,
        pipeline_name: str | None = None,
        task_key: str | None = None,
        base_dir: str | Path | None = None,
        staging: Any = None,
        loader_file_format: str | None = None,
        schema_contract: Any = None,
        configure: str | Callable[..., Any] | None = None,
        options: SourceOptions | None = None,
        registration: Registration | None = None,
        source_conn_id: str | None = None,
        destination_conn_id: str | None = None,
        resource_assets: Mapping[str, Asset] | None = None,
        pipeline_asset: Asset | None = None,
        state_store: str | None = None,
        emit_when_empty: bool = True,
        allow_empty_replace: bool = True,
        on_failure: OnFailure = "continue",
        known_resources: Sequence[str] = (),
        source_names: Sequence[str] = (),
        shared_tables: Sequence[str] = (),
        planned_resources: Sequence[Mapping[str, Any]] = (),
        earlier_task_ids: Sequence[str] = (),
        param_prefix: str = "",
        **kwargs: Any,
    ) -> None:
        self.resource_assets = dict(resource_assets or {})
        self.pipeline_asset = pipeline_asset
        assets = list({asset.name: asset for asset in self.resource_assets.values()}.values())
        outlets = [*(kwargs.pop("outlets", None) or []), *assets]
        # Airflow drops the state of an asset that only a broken Dag has as an outlet, and keeps
        # that of an inlet (3.3.2)
        states = [*assets, *([pipeline_asset] if pipeline_asset else [])]
        inlets = [*(kwargs.pop("inlets", None) or []), *states]
        super().__init__(inlets=inlets, outlets=outlets, **kwargs)
        # one by one, each would go through Airflow's `__setattr__`: a tenth of parsing (3.3.2)
        vars(self).update(
            source=source,
            resource_names=tuple(resource_names),
            source_kwargs=dict(source_kwargs or {}),
            destination=destination,
            dataset_name=dataset_name,
            pipeline_name=pipeline_name,
            task_key=task_key,
            base_dir=base_dir,
            staging=staging,
            loader_file_format=loader_file_format,
            schema_contract=schema_contract,
            configure=configure,
            options=options or SourceOptions(),
            registration=registration,
            source_conn_id=source_conn_id,
            destination_conn_id=destination_conn_id,
            state_store=state_store,
            emit_when_empty=emit_when_empty,
            allow_empty_replace=allow_empty_replace,
            on_failure=on_failure,
            known_resources=tuple(known_resources),
            source_names=tuple(source_names),
            shared_tables=tuple(shared_tables),
            planned_resources=[dict(item) for item in planned_resources],
            earlier_task_ids=list(earlier_task_ids),
            param_prefix=param_prefix,
        )

    @property
    def dlt_facts(self) -> str:
        """What Airflow's API server knows of this task, which does not run the Dag's file: JSON.

        A state store that is named by a URL may hold a password, and is left out.
        """
        # Airflow reads nothing but plain values back into an attribute that it does not know
        facts = {
            "pipeline_name": self.pipeline_name or names.default_pipeline_name(self.dag_id),
            "dataset_name": self.pipeline_asset.name.partition("/")[2]
            if self.pipeline_asset
            else None,
            "state_store": None if "://" in (self.state_store or "") else self.state_store,
            "has_hidden_state_store": "://" in (self.state_store or ""),
            "param_prefix": self.param_prefix,
            "task_key": self.task_key or names.task_key(self.task_id),
            "resources": self.planned_resources,
        }
        return json.dumps(facts)

    @classmethod
    @cache
    def get_serialized_fields(cls) -> frozenset[str]:
        """Return the attributes that the serialized Dag holds."""
        return frozenset(BaseOperator.get_serialized_fields() | {FACTS})

    def execute(self, context: Context) -> dict[str, Any]:
        """Load, update the assets and return the `LoadResult`.

        Raises:
            AirflowSkipException: The run is restricted to other resources, or to a window in which
                none of this task's has a part.
            AirflowFailException: The load failed, and trying again will not help.
            DltProviderError: The load failed, and trying again may help.
        """
        # what only a run needs is imported in one, for parsing has to be quick
        from airflow_dlt_provider.operators.request import build_request

        with mapped_errors():
            purpose = read_purpose(context, self.param_prefix)
            if purpose.leaves_out(self.resource_names):
                raise AirflowSkipException(f"the run loads {', '.join(purpose.selected)} alone")
            if not purpose.may_leave_out:
                self._skip_after_a_skip(context)
            result = self._load(build_request(self, context, purpose), context)
        if not result.resources and result.skipped:
            reasons = (f"{name}: {reason}" for name, reason in result.skipped.items())
            raise AirflowSkipException(f"no part in the window; {'; '.join(reasons)}")
        self._result = result
        self._update_assets(context, result)
        return result.to_dict()

    def get_openlineage_facets_on_complete(self, _task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return what the load read and wrote; the OpenLineage provider asks for it."""
        from airflow_dlt_provider.operators.lineage import lineage_of

        only_source = self.source_names[0] if len(self.source_names) == 1 else None
        source_name = only_source or names.function_name(self.source)
        return lineage_of(source_name, self.resource_names, self._result)

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render templates as `templates.evaluate` does, and leave all other text as it is."""
        if self.registration is not None:
            # the same file is loaded where there is no run of Airflow's
            return content
        if not isinstance(content, str):
            return super().render_template(content, context, jinja_env, seen_oids)
        if not is_template(content):
            return content
        from airflow_dlt_provider.core.registry.values import protect_references

        environment = jinja_env or self.get_template_env()
        return protect_references(content, lambda text: evaluate(text, environment, context))

    def _skip_after_a_skip(self, context: Context) -> None:
        """Skip where an earlier task was skipped, which a branch before all of them has done."""
        if not self.earlier_task_ids:
            return
        run_id = context["ti"].run_id
        found = context["ti"].get_task_states(
            dag_id=context["dag"].dag_id, task_ids=self.earlier_task_ids, run_ids=[run_id]
        )
        skipped = [task for task, state in found.get(run_id, {}).items() if state == "skipped"]
        if skipped:
            raise AirflowSkipException(f"{', '.join(skipped)} was skipped")

    def _load(self, request: LoadRequest, context: Context) -> LoadResult:
        # these bring dlt, which is not needed to parse a Dag
        from airflow_dlt_provider.core.loading.load import load_task
        from airflow_dlt_provider.core.loading.report import render_load
        from airflow_dlt_provider.state_stores.choose import open_state_store

        store = open_state_store(
            self.state_store, context, self.resource_assets, self.pipeline_asset
        )
        with contextlib.closing(store):
            result = load_task(request, store)
        for line in render_load(result).splitlines():
            self.log.info("%s", line)
        return result

    def _update_assets(self, context: Context, result: LoadResult) -> None:
        self.outlets = outlets_with_event(
            self.outlets, self.resource_assets, result, emit_when_empty=self.emit_when_empty
        )
        for asset, loads in loads_by_asset(self.resource_assets, result):
            context["outlet_events"][asset].extra = event_extra(loads, result)
