"""All that is known of one resource."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_dlt_provider.core.control.documents import load_document, time_text
from airflow_dlt_provider.core.errors import StateError, StateStoreError
from airflow_dlt_provider.core.state.records import LoadRecord
from airflow_dlt_provider.core.state.requests import loads_since_refresh
from airflow_dlt_provider.core.state.store import ALL_KEPT
from airflow_dlt_provider.plugin.page.dags import read_task_states
from airflow_dlt_provider.plugin.page.models import (
    Column,
    Links,
    Load,
    ResourceDetail,
    SchemaChange,
    Table,
)
from airflow_dlt_provider.plugin.page.resources import (
    Found,
    describe,
    refresh_modes,
)
from airflow_dlt_provider.plugin.page.stores import Item, Known, opened_store, read_known
from airflow_dlt_provider.settings import base_path
from airflow_dlt_provider.state_stores.asset_snapshot import AssetSnapshot

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def describe_detail(session: Session, found: Found, *, can_edit: bool) -> ResourceDetail:
    """Return a resource as the page's detail shows it."""
    item = found.item
    known = read_known(session, [item])[item]
    records: list[LoadRecord] = []
    if known.problem is None:
        try:
            records = _read_loads(session, item, known)
        except (StateError, StateStoreError) as error:
            known = Known(known.state, known.request, str(error))
    key = (item.task.dag_id, item.task.task_id)
    task_state = read_task_states(session, [key]).get(key)
    resource = describe(item, known, task_state)
    return ResourceDetail(
        **dict(resource),
        can_edit=can_edit,
        loads=_loads(records),
        tables=_tables(known),
        schema_changes=_schema_changes(records),
        refresh_modes=refresh_modes(item),
        links=_links(session, item),
    )


def ui_path(*parts: str) -> str:
    """Return a path in Airflow's UI, with what `[api] base_url` puts in front."""
    return "/".join([base_path(), *(quote(part, safe="") for part in parts)])


def _read_loads(session: Session, item: Item, known: Known) -> list[LoadRecord]:
    with opened_store(session, item, [item]) as store:
        records = store.list_loads(item.task.pipeline_name, item.resource, ALL_KEPT)
    unfinished = known.state.unfinished if known.state else None
    # the ledger has a load once its end has been seen
    return [unfinished, *records] if unfinished else records


def _loads(records: list[LoadRecord]) -> list[Load]:
    targets = {record.record_id for record in loads_since_refresh(records)}
    # the newest come first: what stays is the first load that a run made
    first_of_run = {record.run_id: record.record_id for record in records}

    def describe_load(record: LoadRecord) -> Load:
        is_finished = record.status == "finished"
        return Load(
            **load_document(record),
            can_rewind=is_finished and record.record_id in targets,
            can_replay=is_finished and first_of_run[record.run_id] in targets,
        )

    return [describe_load(record) for record in records]


def _tables(known: Known) -> list[Table]:
    tables = known.state.tables if known.state else {}
    return [
        Table(
            name=name,
            parent=table["parent"],
            columns=[Column(name=column, **kind) for column, kind in table["columns"].items()],
        )
        for name, table in tables.items()
    ]


def _schema_changes(records: list[LoadRecord]) -> list[SchemaChange]:
    return [
        SchemaChange(
            recorded_at=time_text(record.recorded_at),
            run_id=record.run_id,
            table=table,
            columns=columns,
        )
        for record in records
        for table, columns in record.schema_changes.items()
    ]


def _links(session: Session, item: Item) -> Links:
    asset_id = AssetSnapshot(session, [item.home]).asset_id(item.home)
    dag_id = item.task.dag_id
    return Links(
        task=ui_path("dags", dag_id, "tasks", item.task.task_id),
        asset=None if asset_id is None else ui_path("assets", str(asset_id)),
        asset_name=item.home,
        dag=ui_path("dags", dag_id),
    )
