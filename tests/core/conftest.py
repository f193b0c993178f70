"""Real dlt into real DuckDB, in a folder that is gone afterwards. Nothing here knows Airflow."""

from __future__ import annotations

import itertools
import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from airflow_dlt_provider.core.loading.load import load_task
from airflow_dlt_provider.core.loading.result import LoadResult
from airflow_dlt_provider.core.planning.planner import PlannedLoad, plan_load
from airflow_dlt_provider.core.source_options import SourceOptions
from airflow_dlt_provider.core.spec import (
    DestinationSpec,
    LoadRequest,
    PlanSpec,
    RunIdentity,
    SourceSpec,
)
from airflow_dlt_provider.core.state.memory import MemoryStateStore
from tests.core.events import EVENTS, table_ids
from tests.core.projects import SHOP, ProjectFolder

ROW_IDS = {"_dlt_id", "_dlt_load_id", "_dlt_parent_id", "_dlt_root_id"}


@pytest.fixture(autouse=True)
def nothing_from_this_machine(tmp_path, monkeypatch):
    """Hide the settings of whoever runs the tests, and forget the modules of a test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt_data"))
    # a plain `dlt.pipeline` imports Airflow where it finds it
    monkeypatch.setenv("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if name.startswith("_dlt_sources_") or file.startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def sources_dir():
    return Path(__file__).parent / "sources"


@pytest.fixture
def base_dir(tmp_path):
    """The folder of an imaginary Dag file."""
    folder = tmp_path / "dags"
    folder.mkdir()
    return folder


@pytest.fixture
def write_module(base_dir):
    """Write a Python file beside the Dag file; `a/b.py` writes into a package."""

    def write(name: str, text: str) -> Path:
        path = base_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def plan(tmp_path, base_dir):
    """Plan a source that lies in `base_dir`."""

    def plan(source: Any, *, kwargs=None, configure=None, ttl_seconds=None, **spec) -> PlannedLoad:
        folder = spec.pop("base_dir", base_dir)
        options = spec.pop("options", SourceOptions())
        source_spec = SourceSpec(source, folder, kwargs or {}, configure, options)
        return plan_load(
            PlanSpec(source_spec, **spec), tmp_path / "manifests" / "shop.json", ttl_seconds
        )

    return plan


@dataclass
class Loader:
    """Loads like a task does: with a working folder of its own, and nothing kept in it."""

    base_dir: Path
    folder: Path
    store: MemoryStateStore = field(default_factory=MemoryStateStore)
    numbers: itertools.count = field(default_factory=itertools.count)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def request(
        self,
        source: Any,
        *resources: str,
        kwargs: dict[str, Any] | None = None,
        configure: Any = None,
        base_dir: Path | None = None,
        pipeline_name: str = "shop",
        task_key: str | None = None,
        secrets_toml: str | None = None,
        known_resources: tuple[str, ...] = (),
        options: SourceOptions | None = None,
        **destination: Any,
    ) -> LoadRequest:
        return LoadRequest(
            source=SourceSpec(
                source,
                base_dir or self.base_dir,
                kwargs or {},
                configure,
                options or SourceOptions(),
            ),
            resources=resources,
            pipeline_name=pipeline_name,
            task_key=task_key or (resources[0] if resources else "all"),
            run=RunIdentity("shop_dag", "run_1", try_number=2),
            destination=DestinationSpec(**destination),
            data_dir=self.data_dir,
            working_dir=self.folder / "work" / str(next(self.numbers)),
            known_resources=known_resources,
            secrets_toml=secrets_toml,
        )

    def __call__(self, source: Any, *resources: str, **request: Any) -> LoadResult:
        return load_task(self.request(source, *resources, **request), self.store)

    def tables(self, dataset: str = "shop", file: str = "shop.duckdb") -> dict[str, list[Any]]:
        return read_rows(self.data_dir / file, dataset)


@pytest.fixture
def load(base_dir, tmp_path):
    return Loader(base_dir, tmp_path)


@pytest.fixture
def read_tables():
    """Read table -> sorted rows, without what dlt makes up anew for every row."""
    return read_rows


def read_rows(path: Path, dataset: str) -> dict[str, list[Any]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", [dataset]
        ).fetchall()
        tables = {}
        for (name,) in names:
            if name.startswith("_dlt"):
                continue
            cursor = connection.execute(
                f'SELECT * FROM "{path.name.partition(".")[0]}"."{dataset}"."{name}"'
            )
            columns = [column[0] for column in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            tables[name] = sorted(
                ([(k, row[k]) for k in sorted(set(row) - ROW_IDS)] for row in rows), key=repr
            )
        return tables


@pytest.fixture
def python_environment(tmp_path):
    """The environment of a child process that imports what this process imports."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PROVIDERS__")}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.fixture
def run_python(python_environment, tmp_path):
    """Run code in a process of its own and return what it prints."""

    def run(code: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            env=python_environment,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def start_python(python_environment, tmp_path):
    """Start Python processes, and end them with the test."""
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=python_environment,
            cwd=tmp_path,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def events_module(write_module):
    """The source `my_shop:shop`."""
    write_module("my_shop.py", EVENTS)


@pytest.fixture
def load_ids(load, events_module):
    """Load events with these ids; return the ids that are in the table then."""

    def load_ids(*ids, **request):
        load("my_shop:shop", "events", kwargs={"ids": list(ids)}, **request)
        return table_ids(load)

    return load_ids


@pytest.fixture
def messages(caplog):
    """All that was logged, as one text."""
    caplog.set_level(logging.INFO, logger="airflow_dlt_provider")
    return lambda: "\n".join(caplog.messages)


@pytest.fixture
def project(tmp_path):
    """The folder of a project, with `custom_sources/shop.py` in it."""
    folder = ProjectFolder(tmp_path / "project")
    folder.write("custom_sources/shop.py", SHOP)
    return folder


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """A project on a machine that knows nothing of Airflow; the shop is not declared yet."""
    from tests.core.declared_project import SHOP as SYNCED_SHOP
    from tests.core.declared_project import DeclaredProject

    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("AIRFLOW_HOME", "AIRFLOW__DLT__DATA_DIR", "AIRFLOW__DLT__STATE_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    made = DeclaredProject(folder)
    made.write("custom_sources/my_shop.py", SYNCED_SHOP)
    return made


@pytest.fixture
def validate(project):
    """Run `validate` with the data folder of the project."""

    def validate(*arguments):
        return project.run("validate", "--data-dir", str(project.data_dir), *arguments)

    return validate


@pytest.fixture
def checks(validate):
    """Return what `validate --json` found: those of one status, category and message."""

    def checks(*arguments, status="warn"):
        done = validate("--json", *arguments)
        assert done.exit_code in (0, 1), done.output
        found = json.loads(done.stdout)["checks"]
        return [
            (item["category"], item["subject"], item["message"])
            for item in found
            if item["status"] == status
        ]

    return checks
