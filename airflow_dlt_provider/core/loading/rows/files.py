"""Files of the `filesystem` destination, by the load that wrote them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.typing import TSchemaTables, TTableSchema
from dlt.common.versioned_state import decompress_state
from dlt.destinations.impl.filesystem.filesystem import FILENAME_SEPARATOR, FilesystemClient

from airflow_dlt_provider.core.errors import StateError
from airflow_dlt_provider.core.loading.rows.contract import (
    IsAlone,
    RowRange,
    StoredPipeline,
    StoredRows,
    StoredState,
    by_pipeline,
    is_matched,
    later_than,
    root_tables,
    seconds_of,
    table_chain,
)

LOAD_ID = re.compile(r"(?<!\d)\d{10}\.\d+")
"""dlt's load ids are seconds since 1970, with a fraction."""

COMPARED_STATES = 5
"""How many of a pipeline's last states are read: each is a request to the bucket."""

TABLE_FORMATS = ("delta", "iceberg")

log = logging.getLogger(__name__)


class FileRows(StoredRows):
    """Files in the dataset's folder of a bucket or a local disk.

    dlt writes the state of a load before it notes that the load is finished, and restores a state
    without asking whether its load is: what an unfinished load left is taken out before that.

    Args:
        client: dlt's client of the dataset.
    """

    def __init__(self, client: FilesystemClient) -> None:
        self._client = client
        self._schema = client.schema

    def finished_loads(self, load_ids: Iterable[str]) -> frozenset[str]:
        """Return those of *load_ids* that dlt has finished."""
        return self._all_finished() & frozenset(load_ids)

    def unfinished_loads(self, schema_names: Iterable[str], alone_in: IsAlone) -> frozenset[str]:
        """Return the load ids of files, in tables of these schemas, that no load finished."""
        finished = self._all_finished()
        unfinished: set[str] = set()
        for schema_name in schema_names:
            tables = self._stored_tables(schema_name)
            names = [name for name, root in root_tables(tables).items() if alone_in(root)]
            found = {
                load_id
                for name in self._tables_with_files(tables)
                if any(name in table_chain(tables, root) for root in names)
                for path in self._files(name)
                if (load_id := _load_id(path))
            }
            ends = [
                _parts(path)[-1]
                for path in self._dlt_files(self._schema.loads_table_name)
                if _parts(path)[0] == schema_name
            ]
            unfinished |= later_than(max(ends, key=float, default=None), found - finished)
        return frozenset(unfinished)

    def remove_unfinished(
        self, schema_names: Iterable[str], load_ids: Collection[str], alone_in: IsAlone
    ) -> None:
        """Take out all that unfinished loads left, what dlt noted of them included."""
        for tables in map(self._stored_tables, schema_names):
            for name in self._tables_with_files(tables):
                self._remove(name, load_ids)
        for table_name in (self._schema.state_table_name, self._schema.loads_table_name):
            for path in self._dlt_files(table_name):
                if not set(_parts(path)).isdisjoint(load_ids):
                    self._client.fs_client.rm(path)

    def remove_appended(
        self,
        schema_names: Iterable[str],
        resource_name: str,
        load_ids: Collection[str],
        *,
        appends: bool | None,
    ) -> None:
        """Take out the files that finished loads appended for one resource."""
        for tables in map(self._stored_tables, schema_names):
            for name, root in root_tables(tables).items():
                # dlt appends what it cannot merge in files
                is_replaced = root.get("write_disposition") == "replace" and not appends
                if root.get("resource") != resource_name or is_replaced:
                    continue
                if root.get("table_format") in TABLE_FORMATS:
                    raise StateError(
                        f"rows of table {name!r} cannot be taken back, as it is a "
                        f"{root['table_format']} table; set the cursor instead"
                    )
                for table_name in table_chain(tables, name):
                    self._remove(table_name, load_ids)

    def check_range(self, root: TTableSchema, rows: RowRange) -> None:
        """Refuse: rows of one file cannot be told apart.

        Raises:
            StateError: Always.
        """
        raise StateError(
            f"rows of table {root['name']!r} lie in files, out of which those of a window cannot "
            "be taken; use a full refresh, or a destination that merges rows by a key"
        )

    def remove_superseded(
        self,
        schema_names: Iterable[str],
        table_name: str,
        superseded: RowRange,
        by_load_ids: Collection[str],
    ) -> None:
        """Do nothing: no load with such a range gets here."""

    def remove_nested_orphans(self, root_name: str) -> None:
        """Say that nothing is done: a file does not tell the parents of its rows."""
        log.warning(
            "Table %s was loaded by another task before; if that left nested tables with rows that "
            "are no more, remove their files",
            root_name,
        )

    def has_rows(self, table_name: str) -> bool:
        """Tell whether a table has a file."""
        return bool(self._paths(table_name))

    def newest_state(
        self, pipeline_name: str, load_ids: Collection[str] = ()
    ) -> Mapping[str, Any] | None:
        """Return the state of a pipeline with the highest version among its last finished ones.

        A load that changed no state has no file of its own here.
        """
        finished = self._all_finished()
        paths = {
            _parts(path)[1]: path
            for path in self._dlt_files(self._schema.state_table_name)
            if _parts(path)[0] == pipeline_name and _parts(path)[1] in finished
        }
        last = sorted(paths, key=float)[-COMPARED_STATES:]
        states = [
            decompress_state(self._document(path)["state"])
            for load_id, path in paths.items()
            if load_id in last or load_id in load_ids
        ]
        return max(states, key=lambda state: int(state["_state_version"]), default=None)

    def stored_pipelines(self, patterns: Collection[str]) -> list[StoredPipeline]:
        """Return all pipelines with a finished load whose names match, with all their states."""
        ends = {
            _parts(path)[-1]: seconds_of(self._document(path)["inserted_at"])
            for path in self._dlt_files(self._schema.loads_table_name)
        }
        states = []
        for path in self._dlt_files(self._schema.state_table_name):
            name, load_id = _parts(path)[:2]
            if load_id in ends and is_matched(name, patterns):
                state = decompress_state(self._document(path)["state"])
                states.append((name, StoredState(load_id, ends[load_id], state)))
        return by_pipeline(states, self._stored_tables)

    def _document(self, path: str) -> dict[str, Any]:
        return dict(json.loads(self._client.fs_client.read_text(path)))

    def _all_finished(self) -> frozenset[str]:
        return frozenset(
            _parts(path)[-1] for path in self._dlt_files(self._schema.loads_table_name)
        )

    def _stored_tables(self, schema_name: str) -> TSchemaTables:
        """Return the tables of all stored versions of a schema, later ones winning."""
        versions = [
            json.loads(self._client.fs_client.read_text(path))
            for path in self._dlt_files(self._schema.version_table_name)
            if _parts(path)[0] == schema_name
        ]
        tables: TSchemaTables = {}
        for version in sorted(versions, key=lambda item: int(item["version"])):
            tables.update(json.loads(version["schema"])["tables"])
        return tables

    def _tables_with_files(self, tables: TSchemaTables) -> Iterator[str]:
        for name, root in root_tables(tables).items():
            if root.get("table_format") in TABLE_FORMATS:
                log.warning(
                    "Table %s is a %s table, of which rows of a load that was cut off are not "
                    "removed; look for rows whose _dlt_load_id is not in _dlt_loads",
                    name,
                    root["table_format"],
                )
                continue
            yield from table_chain(tables, name)

    def _remove(self, table_name: str, load_ids: Collection[str]) -> None:
        for path in self._files(table_name):
            if _load_id(path) in load_ids:
                self._client.fs_client.rm(path)

    def _files(self, table_name: str) -> list[str]:
        if "{load_id}" not in self._client.config.layout:
            raise StateError(
                f"files of table {table_name!r} do not tell which load wrote them, so that an "
                "unfinished load cannot be taken out; write {load_id} into the layout of the "
                f"filesystem destination, which is {self._client.config.layout!r}"
            )
        return self._paths(table_name)

    def _paths(self, table_name: str) -> list[str]:
        try:
            return self._client.list_table_files(table_name)
        except DestinationUndefinedEntity:
            return []

    def _dlt_files(self, table_name: str) -> list[str]:
        return [path for path in self._paths(table_name) if path.endswith(".jsonl")]


def _load_id(path: str) -> str | None:
    match = LOAD_ID.search(path)
    return match.group() if match else None


def _parts(path: str) -> list[str]:
    """Return the parts of the name of one of dlt's own files, such as schema and load id."""
    name = PurePosixPath(path).name.removesuffix(".jsonl")
    return name.rsplit(FILENAME_SEPARATOR, maxsplit=2)
