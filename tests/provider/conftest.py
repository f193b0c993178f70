"""Real Airflow without a server: everything of it lies in one temporary folder.

Airflow reads its settings when it is first imported, so they are made before that.
"""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

    from tests.provider.page import Page

REPOSITORY = Path(__file__).resolve().parents[2]


def airflow_environment(home: Path) -> dict[str, str]:
    (home / "dags").mkdir(parents=True, exist_ok=True)
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__DLT__DATA_DIR": str(home / "data"),
        "AIRFLOW__DLT__WORKING_DIR": str(home / "work"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }


HOME = Path(tempfile.mkdtemp(prefix="airflow_home_"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
os.environ.update(airflow_environment(HOME))

pytest.importorskip("airflow.sdk")

SHOP_SOURCE = """
import dlt

@dlt.source
def shop():
    @dlt.resource(write_disposition="append")
    def orders(new=dlt.sources.incremental("id")):
        yield [{"id": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}, {"id": 2, "lines": [{"sku": "c"}]}]

    @dlt.resource(write_disposition="replace")
    def customers():
        yield [{"id": 1}, {"id": 2}, {"id": 3}]

    @dlt.resource(write_disposition="replace", table_name="Price List")
    def prices():
        yield [{"id": 1}]

    @dlt.resource(selected=False)
    def archive():
        yield [{"id": 0}]

    return orders, customers, prices, archive

@dlt.source
def tree():
    @dlt.resource
    def users():
        yield [{"id": 1}, {"id": 2}]

    @dlt.transformer(data_from=users)
    def posts(items):
        yield [{"user_id": item["id"]} for item in items]

    @dlt.transformer(data_from=users)
    def likes(items):
        yield [{"user_id": item["id"]} for item in items]

    @dlt.resource
    def alone():
        yield [{"id": 1}]

    return users, posts, likes, alone

@dlt.source(name="other")
def other():
    return dlt.resource([{"id": 9}], name="orders")

def both():
    return [shop(), other()]
"""


class DagFolder:
    """A folder of Dag files, with `shop_source.py` in it, that Airflow's own loader parses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.import_errors: dict[str, str] = {}
        self.write("shop_source.py", SHOP_SOURCE)

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def write_dag(self, text: str, name: str = "the_dag_file.py") -> Path:
        imports = "from airflow.sdk import DAG, Param, TaskGroup, task\n"
        return self.write(f"{name}", f"{imports}from airflow_dlt_provider import *\n{text}\n")

    def load(self) -> "dict[str, DAG]":
        from airflow.dag_processing.dagbag import BundleDagBag

        bag = BundleDagBag(
            dag_folder=str(self.path), bundle_path=self.path, bundle_name="dags-folder"
        )
        self.import_errors = bag.import_errors
        return bag.dags

    def dag(self, text: str, name: str = "the_dag_file.py") -> "DAG":
        """Parse a file of one Dag and return the Dag."""
        self.write_dag(text, name)
        dags = self.load()
        assert self.import_errors == {}
        return next(iter(dags.values()))

    def error(self, text: str) -> str:
        """Parse a file that cannot be parsed and return Airflow's import error."""
        self.write_dag(text)
        assert self.load() == {}
        (error,) = self.import_errors.values()
        return error


@pytest.fixture
def dag_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DagFolder:
    # the loader puts every folder on the path, for good
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "dags").mkdir()
    return DagFolder(tmp_path / "dags")


@pytest.fixture
def forget_user_modules() -> Callable[[], None]:
    """Forget imported sources, so that the next parse sees changed files, as a new process does."""

    def forget() -> None:
        for name in [name for name in sys.modules if name.startswith("_dlt_sources_")]:
            del sys.modules[name]

    return forget


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this test's own DuckDB files."""
    monkeypatch.setenv("AIRFLOW__DLT__DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def table_rows(data_dir: Path) -> Callable[..., list[tuple[Any, ...]]]:
    """Return the rows of a query on the default DuckDB file of a pipeline."""
    import duckdb

    def query(pipeline_name: str, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(data_dir / f"{pipeline_name}.duckdb"), read_only=True) as database:
            return database.sql(sql).fetchall()

    return query


@pytest.fixture(scope="session")
def metadata_database() -> None:
    from airflow.utils import db

    db.initdb()


@pytest.fixture
def run_dag(metadata_database: None, data_dir: Path) -> "Callable[..., DagRun]":
    """Run a Dag in this process with `dag.test()`; its data lies in `data_dir`."""

    def run(dag: "DAG", **kwargs: Any) -> "DagRun":
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.models.dagbundle import DagBundleModel
        from airflow.utils.session import create_session

        with create_session() as session:
            session.merge(DagBundleModel(name="testing"))
        bag = DagBag(dag_folder="/dev/null")
        bag.bag_dag(dag)
        sync_bag_to_db(bag, bundle_name="testing", bundle_version=None)
        return dag.test(**kwargs)

    return run


@pytest.fixture(scope="session")
def page(metadata_database: None) -> "Iterator[Page]":
    """The page in Airflow's API server, with a user of each role."""
    from tests.provider.page import USERS, Page

    with pytest.MonkeyPatch.context() as patched:
        users = ",".join(f"{name}:{role}" for name, role in USERS.items())
        patched.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", users)
        yield Page()


@pytest.fixture
def known(dag_folder: DagFolder, metadata_database: None) -> Callable[..., None]:
    """Make a Dag known that was never loaded: `known(dag_id, paused=False, more=arguments)`."""
    from tests.provider.page import EVENTS, dag_text, make_known

    dag_folder.write("events_source.py", EVENTS)

    def known(dag_id: str, *, paused: bool = False, more: str = "") -> None:
        make_known(dag_folder.dag(dag_text(dag_id, 3, more)), paused=paused)

    return known


@pytest.fixture
def states() -> "Callable[[DagRun], dict[str, str]]":
    """Task id -> the state in which a run left the task."""

    def read(run: "DagRun") -> dict[str, Any]:
        return {ti.task_id: ti.state for ti in run.get_task_instances()}

    return read


@pytest.fixture
def returned() -> "Callable[[DagRun], dict[str, Any]]":
    """Task id -> what the task of a run returned."""

    def read(run: "DagRun") -> dict[str, Any]:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            rows = session.query(XComModel).filter_by(
                dag_id=run.dag_id, run_id=run.run_id, key="return_value"
            )
            return {row.task_id: XComModel.deserialize_value(row) for row in rows}

    return read


@pytest.fixture
def capture_task_errors(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Task id -> messages of the errors with which its tries ended."""
    from airflow_dlt_provider import DltFinishOperator, DltResourceOperator

    errors: dict[str, list[str]] = {}

    def recording(execute: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(execute)
        def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return execute(self, *args, **kwargs)
            except Exception as error:
                errors.setdefault(self.task_id, []).append(str(error))
                raise

        return recorded

    for operator in (DltResourceOperator, DltFinishOperator):
        monkeypatch.setattr(operator, "execute", recording(operator.execute))
    return errors


@pytest.fixture
def run_python(tmp_path: Path) -> Callable[..., str]:
    """Run code in a fresh interpreter with an `AIRFLOW_HOME` of its own; return what it prints."""

    def run(code: str, *arguments: str, cwd: Path = REPOSITORY, **environment: str) -> str:
        completed = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=cwd,
            env={**os.environ, **airflow_environment(tmp_path / "home"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    return run
