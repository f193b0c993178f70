"""A project with a `sources.yml`, and the command line in its folder."""

import json
from dataclasses import dataclass
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from airflow_dlt_provider.cli import app
from tests.core.conftest import read_rows

SHOP = """
import os
import dlt

@dlt.source
def shop(ids: list = (1, 2), broken: object = False, token: str = "none"):
    @dlt.resource(primary_key="id")
    def orders(id=dlt.sources.incremental("id")):
        print(f"fetching orders with {token}")
        for number in ids:
            yield {"id": number, "lines": [{"sku": "a"}, {"sku": "b"}]}

    @dlt.resource(write_disposition="replace")
    def customers():
        yield {"id": 7}
        if broken == "killed":
            os.kill(os.getpid(), 9)
        if broken:
            raise ConnectionError(f"500 Server Error for url: https://api.test/?key={token}")

    @dlt.resource
    def notes():
        yield []

    @dlt.transformer(data_from=customers)
    def addresses(customer):
        yield {"customer": customer["id"], "where": {"city": "Oslo"}}

    return orders, customers, notes, addresses
"""

ENTRY = """
  - name: {name}
    type: dlt_native
    enabled: {enabled}
    dlt_native:
      source_module: {module}
      source_function: {function}
      function_kwargs: {kwargs}
"""


@dataclass
class DeclaredProject:
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "sources.yml"

    def declare(self, name="shop", module="my_shop", function="shop", enabled="true", **more):
        """Add a source; `extra` is YAML below the entry."""
        extra = more.pop("extra", "")
        kwargs = json.dumps(more)
        entry = ENTRY.format(**locals()) + extra
        text = self.file.read_text() if self.file.exists() else 'version: "1.0"\nsources:\n'
        self.file.write_text(text + entry)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def forget(self) -> None:
        self.file.unlink()

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    def sync(self, *arguments: str, code: int = 0) -> Result:
        done = self.run("sync", *arguments)
        assert done.exit_code == code, done.output
        return done

    def document(self, *arguments: str, code: int = 0) -> dict:
        return json.loads(self.sync("--json", *arguments, code=code).stdout)

    def tables(self, dataset: str = "raw_shop") -> dict:
        return read_rows(self.folder / "data" / "warehouse.duckdb", dataset)


def statuses(document: dict) -> dict[str, str]:
    """Return task key -> status, of all sources."""
    return {task["key"]: task["status"] for item in document["sources"] for task in item["tasks"]}
