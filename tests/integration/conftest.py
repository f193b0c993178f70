"""The built wheel in an environment of its own, with nothing of the checkout on its path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def uv() -> str:
    found = shutil.which(
        "uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if found is None:
        pytest.fail("uv is not installed; run the tests with make test-integration")
    return found


@pytest.fixture(scope="session")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", folder, CHECKOUT], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def make_environment(
    uv: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Sequence[str]], Path]:
    """Makes an environment with what is named, and returns its Python."""

    def make(requirements: Sequence[str]) -> Path:
        folder = tmp_path_factory.mktemp("env") / "venv"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
        subprocess.run(
            [
                *(uv, "pip", "install", "--quiet", "--compile-bytecode"),
                *("--constraint", CHECKOUT / "constraints.txt", *requirements),
            ],
            check=True,
            cwd=CHECKOUT,
            env={**os.environ, "VIRTUAL_ENV": str(folder)},
        )
        return folder / "bin" / "python"

    return make


@pytest.fixture(scope="session")
def airflow_python(wheel: Path, make_environment: Callable[[Sequence[str]], Path]) -> Path:
    """Python of an environment with Airflow, the wheel and its demo extra."""
    return make_environment([f"{wheel}[demo]"])


@pytest.fixture(scope="session")
def core_python(wheel: Path, make_environment: Callable[[Sequence[str]], Path]) -> Path:
    """Python of an environment with the wheel and without Airflow."""
    python = make_environment(["--group", "core"])
    uv_install = [shutil.which("uv") or str(Path(sys.executable).with_name("uv")), "pip", "install"]
    subprocess.run([*uv_install, "--quiet", "--no-deps", "--python", python, wheel], check=True)
    return python
