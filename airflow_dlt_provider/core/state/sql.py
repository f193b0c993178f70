"""A state store in any database that SQLAlchemy can reach."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.engine import URL, Connection
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from airflow_dlt_provider.core.errors import StateStoreError
from airflow_dlt_provider.core.state.records import (
    LoadRecord,
    ResourceState,
    SourceState,
    StateRequest,
)
from airflow_dlt_provider.core.state.sql_rows import forget_old_loads, upsert
from airflow_dlt_provider.core.state.sql_schema import (
    describe_sql_problem,
    ensure_tables,
    loads,
    open_engine,
    parse_url,
    requests,
    resource_states,
    source_states,
)
from airflow_dlt_provider.core.state.store import KEPT_LOADS, StateStore

Item = TypeVar("Item")
Values = Mapping[str, Any]
WRITE_ATTEMPTS = 3


class SqlStateStore(StateStore):
    """Keeps records in tables of a database, which it creates: `dlt_resource_load` and others.

    Reading the states of any number of resources is one query, and so is reading requests.
    Writing is one transaction of two statements, recording loads one of three. A connection is
    open only while a method runs.

    Args:
        url: A SQLAlchemy URL, for example `sqlite:////data/dlt_state.db`.
        kept_loads: How many loads of each resource are kept.

    Raises:
        StateStoreError: The database cannot be reached, or lets nobody make tables.
    """

    def __init__(self, url: str, kept_loads: int = KEPT_LOADS) -> None:
        self._kept_loads = kept_loads
        parsed = _parse_url(url)
        # a password may also stand in the query
        self._name = parsed.set(query={}).render_as_string(hide_password=True)
        try:
            with self._problems_told():
                self._engine = open_engine(parsed)
                ensure_tables(self._engine)
        except ImportError as error:
            problem = f"{error}; install the driver of this database, or name another in the URL"
            raise StateStoreError(self._name, problem) from error

    @property
    def name(self) -> str:
        """The URL without a password."""
        return self._name

    def read_resources(
        self, pipeline_name: str, resource_names: Iterable[str]
    ) -> dict[str, ResourceState]:
        """Return resource name -> its state, for those that have one."""
        table = resource_states
        return self._read_all(
            select(table.c.resource_name, table.c.record).where(
                table.c.pipeline_name == pipeline_name,
                table.c.resource_name.in_(list(resource_names)),
            ),
            ResourceState.from_dict,
        )

    def write_resources(self, states: Sequence[ResourceState]) -> None:
        """Keep the state of resources in place of the former."""
        rows = [
            {
                "pipeline_name": state.pipeline_name,
                "resource_name": state.resource_name,
                "updated_at": state.updated_at,
                "record": json.dumps(state.to_dict()),
            }
            for state in states
        ]
        self._write(lambda connection: upsert(connection, resource_states, "resource_name", rows))

    def record_loads(self, records: Sequence[LoadRecord]) -> None:
        """Keep records; one with the `record_id` of a kept record replaces it."""
        rows = [
            {
                "pipeline_name": record.pipeline_name,
                "resource_name": record.resource_name,
                "recorded_at": record.recorded_at,
                "record_id": record.record_id,
                "record": json.dumps(record.to_dict()),
            }
            for record in records
        ]

        def write(connection: Connection) -> None:
            upsert(connection, loads, "record_id", rows)
            forget_old_loads(connection, rows, self._kept_loads)

        self._write(write)

    def list_loads(
        self, pipeline_name: str, resource_name: str, limit: int = 20
    ) -> list[LoadRecord]:
        """Return the last *limit* loads of one resource, the newest first."""
        newest_first = (
            select(loads.c.record_id, loads.c.record)
            .where(loads.c.pipeline_name == pipeline_name, loads.c.resource_name == resource_name)
            .order_by(loads.c.id.desc())
            .limit(limit)
        )
        with self._problems_told(), self._engine.connect() as connection:
            rows = connection.execute(newest_first).all()
        return [
            # documents of version 0.1 do not say their id
            replace(self._decode(resource_name, record, LoadRecord.from_dict), record_id=record_id)
            for record_id, record in rows
        ]

    def read_source(self, pipeline_name: str, source_name: str) -> SourceState | None:
        """Return the merged source-level state, or `None`."""
        table = source_states
        one = select(table.c.source_name, table.c.record).where(
            table.c.pipeline_name == pipeline_name, table.c.source_name == source_name
        )
        return self._read_all(one, SourceState.from_dict).get(source_name)

    def write_source(self, state: SourceState) -> None:
        """Keep the merged source-level state in place of the former."""
        row = {
            "pipeline_name": state.pipeline_name,
            "source_name": state.source_name,
            "updated_at": state.updated_at,
            "record": json.dumps(state.to_dict()),
        }
        self._write(lambda connection: upsert(connection, source_states, "source_name", [row]))

    def ask(self, request: StateRequest) -> None:
        """Keep *request*, in place of an earlier one of the same resource; the table keeps all."""
        row = {
            "pipeline_name": request.pipeline_name,
            "resource_name": request.resource_name,
            "asked_at": request.asked_at,
            "record": json.dumps(request.to_dict()),
        }
        self._write(lambda connection: connection.execute(requests.insert(), [row]))

    def read_requests(
        self, pipeline_name: str, resource_names: Iterable[str]
    ) -> dict[str, StateRequest]:
        """Return resource name -> the last request for it, carried out or not."""
        last = (
            select(func.max(requests.c.id))
            .where(
                requests.c.pipeline_name == pipeline_name,
                requests.c.resource_name.in_(list(resource_names)),
            )
            .group_by(requests.c.resource_name)
        )
        return self._read_all(
            select(requests.c.resource_name, requests.c.record).where(requests.c.id.in_(last)),
            StateRequest.from_dict,
        )

    def list_resources(self, pipeline_name: str) -> list[str]:
        """Return the names of all resources with a state or a request, sorted."""
        names = [
            select(table.c.resource_name).where(table.c.pipeline_name == pipeline_name)
            for table in (resource_states, requests)
        ]
        with self._problems_told(), self._engine.connect() as connection:
            # a database sorts by the rules of some language
            return sorted(connection.execute(names[0].union(names[1])).scalars())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _read_all(self, query: Any, build: Callable[[Values], Item]) -> dict[str, Item]:
        """Return the items of a query whose rows are a name and a document."""
        with self._problems_told(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return {name: self._decode(name, record, build) for name, record in rows}

    def _decode(self, name: str, document: str, build: Callable[[Values], Item]) -> Item:
        try:
            return build(json.loads(document))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            what = build.__qualname__.partition(".")[0]
            problem = (
                f"the {what} of {name!r} in it is damaged ({type(error).__name__}: {error}); "
                "delete that row, which costs history but no data"
            )
            raise StateStoreError(self._name, problem) from error

    def _write(self, work: Callable[[Connection], object]) -> None:
        """Do *work* in one transaction, and again when another wrote the same row first."""
        with self._problems_told():
            for attempt in Retrying(
                retry=retry_if_exception_type(IntegrityError),
                stop=stop_after_attempt(WRITE_ATTEMPTS),
                reraise=True,
            ):
                with attempt, self._engine.begin() as connection:
                    work(connection)

    @contextmanager
    def _problems_told(self) -> Iterator[None]:
        try:
            yield
        except StateStoreError:
            raise
        except (SQLAlchemyError, OSError) as error:
            raise StateStoreError(self._name, describe_sql_problem(error)) from error


def _parse_url(text: str) -> URL:
    try:
        url = parse_url(text)
    except (ArgumentError, ValueError):
        # the error's own text may quote a password
        shown = f"{text.partition('://')[0]}://..." if "://" in text else repr(text)
        problem = "this is no SQLAlchemy URL; such as sqlite:////data/dlt_state.db are"
        raise StateStoreError(shown, problem) from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        problem = "what is in memory is gone after the task; name a file: sqlite:////data/state.db"
        raise StateStoreError(text, problem)
    return url
