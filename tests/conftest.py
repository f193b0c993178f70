"""Services and settings that every suite shares."""

from __future__ import annotations

import os
import sys

import pytest

from tests.seed_report import pytest_terminal_summary  # noqa: F401 - a hook
from tests.services import ServiceUnavailable, running_postgres

# tests change a module twice within a second, and compiled files are compared by whole seconds
sys.dont_write_bytecode = True

# nothing that a test loads is reported to anyone
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"


@pytest.fixture(scope="session")
def postgres_url():
    """The URL of a PostgreSQL server that lives as long as the session."""
    try:
        with running_postgres() as url:
            yield url
    except ServiceUnavailable as error:
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(f"REQUIRE_SERVICES=1, but {error}")
        pytest.skip(str(error))
