"""A project in a folder of the test's own, and the command line in it."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from airflow_dlt_provider.cli import app

SHOP = """
import dlt

@dlt.source
def shop(size: int = 5):
    return [dlt.resource([{"id": 1}], name=name) for name in ("orders", "customers")]
"""


def entry(name: str = "shop", module: str = "shop", function: str = "shop", **more: str) -> str:
    """Return the text of one source; `native=` and further keys are YAML text."""
    native = f", {more.pop('native')}" if "native" in more else ""
    lines = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return (
        f"  - name: {name}\n    type: dlt_native\n"
        f"    dlt_native: {{source_module: {module}, source_function: {function}{native}}}\n{lines}"
    )


@dataclass
class ProjectFolder:
    """The folder of a project."""

    path: Path

    @property
    def data_dir(self) -> Path:
        return self.path / "data"

    @property
    def sources(self) -> Path:
        return self.path / ".dango" / "sources.yml"

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def declare(self, *entries: str) -> Path:
        return self.write(".dango/sources.yml", f"version: '1.0'\nsources:\n{''.join(entries)}")

    def run(self, *arguments: str, answer: str | None = None) -> Result:
        """Run a command in the project."""
        return CliRunner().invoke(app, [*arguments, "--project", str(self.path)], input=answer)
