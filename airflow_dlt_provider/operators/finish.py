"""The operator that ends a run."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_dlt_provider.core import names

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dlt_provider.core.loading.result import LoadResult

OUTCOMES_OK = ("success", "skipped")


class DltFinishOperator(BaseOperator):
    """Ends a run: merges the state that its tasks share, and tells what all of them loaded.

    It prints one table, and fails if a load failed. What the tasks changed in source-level state
    is merged path by path into the state store, from where the tasks of the next run start.

    Args:
        resource_task_ids: Ids of the tasks that load, in the order of the table.
        pipeline_name: Base name of the pipeline; default: the Dag id.
        pipeline_asset: The asset of the pipeline, which holds what its resources share.
        state_store: As in `DltResourceOperator`.
    """

    ui_color = "#f2f2f2"

    def __init__(
        self,
        *,
        resource_task_ids: Sequence[str],
        pipeline_name: str | None = None,
        pipeline_asset: Asset | None = None,
        state_store: str | None = None,
        **kwargs: Any,
    ) -> None:
        inlets = [
            *(kwargs.pop("inlets", None) or []),
            *([pipeline_asset] if pipeline_asset else []),
        ]
        # it must also run, and then fail, when a load failed
        super().__init__(inlets=inlets, **{"trigger_rule": "all_done", "retries": 0, **kwargs})
        self.resource_task_ids = list(resource_task_ids)
        self.pipeline_name = pipeline_name
        self.pipeline_asset = pipeline_asset
        self.state_store = state_store

    def execute(self, context: Context) -> dict[str, int]:
        """Print the table and return resource name -> rows.

        Raises:
            AirflowFailException: A load failed or did not run.
        """
        from airflow_dlt_provider.core.loading.report import render_run
        from airflow_dlt_provider.core.loading.result import LoadResult

        task_instance = context["ti"]
        states = task_instance.get_task_states(
            dag_id=self.dag_id, task_ids=self.resource_task_ids, run_ids=[task_instance.run_id]
        ).get(task_instance.run_id, {})
        statuses = {task_id: states.get(task_id) for task_id in self.resource_task_ids}
        results = {
            task_id: LoadResult.from_dict(document)
            for task_id in self.resource_task_ids
            # one task at a time: a list of ids gives no clue which of them returned nothing
            if (document := task_instance.xcom_pull(task_ids=task_id, map_indexes=-1))
        }
        for line in render_run(results, statuses).splitlines():
            self.log.info("%s", line)
        self._merge_source_state(context, list(results.values()))
        failed = [task_id for task_id, status in statuses.items() if status not in OUTCOMES_OK]
        if failed:
            raise AirflowFailException(
                f"{len(failed)} of {len(statuses)} loads did not succeed: {', '.join(failed)}; "
                "their logs say why, and clearing them runs them again"
            )
        return {
            load.resource_name: load.rows for item in results.values() for load in item.resources
        }

    def _merge_source_state(self, context: Context, results: Sequence[LoadResult]) -> None:
        changes = {result.pipeline_name: result.changes for result in results if result.changes}
        if not changes:
            return
        from airflow_dlt_provider.core.state.source_merge import merge_source_changes
        from airflow_dlt_provider.state_stores.choose import open_state_store

        pipeline_name = self.pipeline_name or names.default_pipeline_name(self.dag_id)
        store = open_state_store(self.state_store, context, {}, self.pipeline_asset)
        with contextlib.closing(store):
            for line in merge_source_changes(store, pipeline_name, changes):
                self.log.warning("%s", line)
