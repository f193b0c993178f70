"""A project folder as the seed describes it, and a person at its command line."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.core.seed_001.blocks import BLOCKS, Treatment
from tests.seed_document import Block, read_blocks

SOURCES_FILE = ".dango/sources.yml"
ENTRY = """\
  - name: {name}
    type: dlt_native
    enabled: true
    dlt_native:
      source_module: {module}
      source_function: {function}
      function_kwargs: {{}}
"""
DANGO = """\
#!/bin/sh
exec {python} -c 'from airflow_dlt_provider.cli import app; app()' "$@"
"""
LIMIT_SECONDS = 120

Rows = list[list[tuple[str, Any]]]


@dataclass(frozen=True)
class SeedBlock:
    """A block of the seed, and what becomes of it."""

    block: Block
    treatment: Treatment

    @property
    def text(self) -> str:
        """The text as it goes into a file."""
        if self.treatment.kind == "entry of sources.yml":
            return "sources:\n" + textwrap.indent(self.block.text, "  ")
        return self.treatment.completed(self.block.text)


def seed_blocks(text: str) -> list[SeedBlock]:
    """Return the blocks of the seed, each with its treatment, as far as there are both."""
    return [SeedBlock(*pair) for pair in zip(read_blocks(text), BLOCKS, strict=False)]


@dataclass
class Project:
    """A folder with `custom_sources/`, `.dango/sources.yml` and what else a block names."""

    folder: Path
    environment: dict[str, str]
    """Of the processes that are started in the folder."""
    read_tables: Callable[[Path, str], dict[str, Rows]]
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def write(self, file: str, text: str) -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def place(self, *blocks: SeedBlock) -> None:
        """Write blocks to the files that the seed names."""
        for block in blocks:
            assert block.block.file, f"the seed names no file for block {block.block.number}"
            self.write(block.block.file, block.text)

    def register(self, **functions: str) -> None:
        """Write `sources.yml` with sources named as given, each `module:function`."""
        entries = [
            ENTRY.format(name=name, module=module, function=function)
            for name, reference in functions.items()
            for module, _, function in [reference.partition(":")]
        ]
        self.write(SOURCES_FILE, "version: '1.0'\nsources:\n" + "".join(entries))

    def bash(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script in the folder, on a worker that has only the files that are there."""
        commands = self.folder.with_name("commands")
        if not commands.exists():
            commands.mkdir()
            (commands / "dango").write_text(DANGO.format(python=sys.executable))
            (commands / "dango").chmod(0o755)
        path = f"{commands}:{Path(sys.executable).parent}:{self.environment['PATH']}"
        fresh = {"PATH": path, "DLT_DATA_DIR": str(self._new_worker())}
        return subprocess.run(
            ["bash", "-eu", "-c", script],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environment | fresh | variables,
            timeout=LIMIT_SECONDS,
            check=False,
        )

    def dango(self, arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Type `dango ...`."""
        return self.bash(f"dango {arguments}", **variables)

    def sync(self, source: str, **variables: str) -> str:
        """Type `dango sync --source ...`, which must work; return what it shows."""
        return shown(self.dango(f"sync --source {source}", **variables))

    def tables(self, dataset: str) -> dict[str, Rows]:
        """Return table -> rows of a dataset; empty as long as nothing was loaded."""
        tables: dict[str, Rows] = {}
        for file in self.folder.parent.rglob("*.duckdb"):
            tables |= sorted_tables(self.read_tables(file, dataset))
        return tables

    def _new_worker(self) -> Path:
        return self.folder.with_name(f"worker_{next(self.numbers)}")


def shown(done: subprocess.CompletedProcess[str], exit_code: int = 0) -> str:
    """Return all that a command showed, after a look at how it ended."""
    output = done.stdout + done.stderr
    assert done.returncode == exit_code, output
    return output


def sorted_tables(tables: Mapping[str, Rows]) -> dict[str, Rows]:
    """Return tables that were read, to be compared with those of `as_tables`."""
    return {name: _sorted(map(dict, rows)) for name, rows in tables.items()}


def as_tables(table: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Rows]:
    """Return the tables that dlt makes of JSON: nested lists become tables of their own."""
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        tables[table].append(_flat(row, table, tables))
    return {name: _sorted(found) for name, found in tables.items()}


def _flat(row: Mapping[str, Any], table: str, tables: dict[str, list[dict[str, Any]]]) -> Any:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        name = _snake_case(key)
        if isinstance(value, Mapping):
            nested = _flat(value, f"{table}__{name}", tables)
            flat |= {f"{name}__{inner}": item for inner, item in nested.items()}
        elif isinstance(value, list):
            for index, item in enumerate(value):
                below = item if isinstance(item, Mapping) else {"value": item}
                below = _flat(below, f"{table}__{name}", tables)
                tables[f"{table}__{name}"].append(below | {"_dlt_list_idx": index})
        else:
            flat[name] = _moment(value)
    return flat


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _moment(value: Any) -> Any:
    """Return the moment that a text is, as dlt finds it out."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


def _sorted(rows: Iterable[Mapping[str, Any]]) -> Rows:
    return sorted((sorted((k, _in_utc(v)) for k, v in row.items()) for row in rows), key=str)


def _in_utc(value: Any) -> Any:
    return value.astimezone(timezone.utc) if isinstance(value, datetime) else value
