"""The wheel in an environment without Airflow: the core and the command line work."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.integration

DAGS = Path(__file__).resolve().parents[2] / "dags"


def test_every_module_of_the_core_imports(core_python: Path) -> None:
    code = """
import importlib, pkgutil
import airflow_dlt_provider.core as core
names = [m.name for m in pkgutil.walk_packages(core.__path__, core.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

    run = subprocess.run(
        [core_python, "-c", code], capture_output=True, text=True, check=False, cwd="/"
    )

    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > 15


def test_the_command_line_shows_a_plan(core_python: Path, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "import dlt\n\n@dlt.source\ndef shop():\n    yield dlt.resource([1], name='orders')\n"
    )

    run = subprocess.run(
        [core_python.with_name("airflow-dlt"), "plan", "shop:shop"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert run.returncode == 0, run.stderr
    assert "orders" in run.stdout


FLIGHTS = """
sources:
  - name: nycflights
    type: dlt_native
    dlt_native:
      source_module: nycflights_source
      source_function: nycflights
"""


def test_the_flights_of_a_year_are_loaded_without_airflow(
    core_python: Path, tmp_path: Path
) -> None:
    (tmp_path / "custom_sources").mkdir()
    shutil.copy(DAGS / "nycflights_source.py", tmp_path / "custom_sources")
    (tmp_path / "sources.yml").write_text(FLIGHTS)
    # not a word besides the file, and no sign of Airflow
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")}

    def sync() -> str:
        run = subprocess.run(
            [core_python.with_name("airflow-dlt"), "sync", "nycflights", "--json"],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def counts() -> list[int]:
        with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb"), read_only=True) as rows:
            return [
                rows.execute(f"select count(*) from raw_nycflights.{table}").fetchall()[0][0]
                for table in ("airlines", "airports", "planes", "flights", "weather")
            ]

    sync()
    first = counts()
    sync()

    assert first == [16, 1_458, 3_322, 336_776, 26_115]
    assert counts() == first
