"""The wheel in an environment without Airflow: the core and the command line work."""

from __future__ import annotations

import subprocess
from pathlib import Path

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
