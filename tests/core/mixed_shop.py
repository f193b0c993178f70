"""A shop with a resource of every write disposition, that is loaded like tasks do."""

from __future__ import annotations

import dataclasses

import duckdb

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.spec import RunIdentity

SHOP = """
import dlt

@dlt.source
def shop(ids, version=1):
    def rows():
        for id in ids:
            yield {"id": id, "version": version, "parts": [{"of": id, "bits": [{"bit": id}]}]}

    @dlt.resource(write_disposition="append")
    def appended(new=dlt.sources.incremental("id", primary_key="id")):
        yield list(rows())

    @dlt.resource(write_disposition="merge", primary_key="id")
    def merged(new=dlt.sources.incremental("id")):
        yield list(rows())

    @dlt.resource(write_disposition="replace")
    def replaced():
        yield list(rows())

    @dlt.resource(write_disposition={"disposition": "merge", "strategy": "scd2"})
    def historized():
        yield list(rows())

    @dlt.resource(table_name=lambda row: f"kind_{row['id'] % 2}")
    def dispatched(new=dlt.sources.incremental("id")):
        yield list(rows())

    @dlt.resource(write_disposition="append", selected=False)
    def keys(new=dlt.sources.incremental("id")):
        yield list(rows())

    @dlt.transformer(data_from=keys, write_disposition="append")
    def looked_up(items):
        yield [{"id": item["id"], "version": version} for item in items]

    @dlt.transformer(data_from=keys, write_disposition="append")
    def counted(items):
        yield [{"id": item["id"], "version": version} for item in items]

    return appended, merged, replaced, historized, dispatched, keys, looked_up, counted
"""

ROOTS = ("appended", "merged", "replaced", "historized")


class Shop:
    """Loads tasks of the shop, each run in a fresh folder, as on a fresh worker."""

    def __init__(self, load):
        self._load = load
        self.runs = 0

    def run(self, *resources, ids, version=1, run_id=None, try_number=1, max_tries=0, **fields):
        self.runs += 1
        run = RunIdentity("shop_dag", run_id or f"run_{self.runs}", try_number, max_tries)
        task_key = fields.pop("task_key", None)
        request = self._load.request(
            "my_shop:shop", *resources, kwargs={"ids": ids, "version": version}, task_key=task_key
        )
        return load_task(dataclasses.replace(request, run=run, **fields), self.store)

    @property
    def store(self):
        return self._load.store

    def rows(self, table):
        """Return (id, version) of the rows that are valid now, with their nested rows checked."""
        with self.connected() as connection:
            columns = [
                row[0] for row in connection.execute(f"DESCRIBE shop.shop.{table}").fetchall()
            ]
            valid = "_dlt_valid_to IS NULL" if "_dlt_valid_to" in columns else "true"
            query = f"SELECT id, version, _dlt_id FROM shop.shop.{table} WHERE {valid} ORDER BY id"
            rows = connection.execute(query).fetchall()
            if f"{table}__parts" in self.tables():
                nested = connection.execute(
                    f"SELECT p.of, b.bit FROM shop.shop.{table} r"
                    f" LEFT JOIN shop.shop.{table}__parts p ON p._dlt_parent_id = r._dlt_id"
                    f" LEFT JOIN shop.shop.{table}__parts__bits b ON b._dlt_parent_id = p._dlt_id"
                    f" WHERE {valid} ORDER BY r.id"
                ).fetchall()
                assert nested == [(row[0], row[0]) for row in rows], "one part and bit for each"
                if valid == "true":
                    for name in ("parts", "parts__bits"):
                        (count,) = connection.execute(
                            f"SELECT count(*) FROM shop.shop.{table}__{name}"
                        ).fetchone()
                        assert count == len(rows), "no nested row without a parent"
        return [row[:2] for row in rows]

    def tables(self):
        with self.connected() as connection:
            query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'"
            return {row[0] for row in connection.execute(query).fetchall()}

    def everything(self, *roots):
        """Return all rows of tables, with what dlt made up for each row."""
        with self.connected() as connection:
            return {
                name: sorted(connection.execute(f"SELECT * FROM shop.shop.{name}").fetchall())
                for name in sorted(self.tables())
                if name.partition("__")[0] in roots
            }

    def connected(self):
        return duckdb.connect(str(self.file), read_only=True)

    @property
    def file(self):
        return self._load.data_dir / "shop.duckdb"

    def cursors(self):
        states = self.store.read_resources("shop", self.store.list_resources("shop"))
        return {name: state.states for name, state in states.items()}
