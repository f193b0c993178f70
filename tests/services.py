"""Throw-away servers, started from the machine's own binaries."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

START_TIMEOUT_SECONDS = 60


class ServiceUnavailable(Exception):  # noqa: N818 - an answer, not a fault
    """Raised when the machine lacks what a server needs."""


def skip_without(error: ServiceUnavailable) -> NoReturn:
    """Skip the test; or fail it, where services must be there."""
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"REQUIRE_SERVICES=1, but {error}")
    pytest.skip(str(error))


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a fresh PostgreSQL server and give its URL.

    Raises:
        ServiceUnavailable: There are no PostgreSQL binaries, or no user who may run them.
    """
    binaries = _postgres_binaries()
    as_user = _as_unprivileged_user()
    # a short path: the name of a socket is 107 bytes long at most
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        password = secrets.token_hex(8)
        password_file = folder / "password"
        password_file.write_text(password)
        if as_user:
            for path in (folder, password_file):
                shutil.chown(path, "postgres")
        data = folder / "data"
        port = _free_port()
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
        accounts = ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password_file}"]
        initdb = [*as_user, str(binaries / "initdb"), "-D", str(data)]
        _run([*initdb, *accounts, "-E", "UTF8", "--no-sync"], folder)
        # the server keeps its output open, so it goes to a file rather than to a pipe
        log = ["-l", str(folder / "log")]
        _run([*control, *log, "-t", str(START_TIMEOUT_SECONDS), "-o", options, "start"], folder)
        try:
            yield f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def with_driver(url: str) -> str:
    """Name the driver that is installed, where SQLAlchemy would take a newer one."""
    return url.replace("postgresql://", "postgresql+psycopg2://")


def _postgres_binaries() -> Path:
    on_path = shutil.which("initdb")
    if on_path and shutil.which("pg_ctl", path=str(Path(on_path).parent)):
        return Path(on_path).parent
    # Debian keeps them out of PATH, in a folder per version
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    if not versions:
        raise ServiceUnavailable("PostgreSQL is not installed: no initdb on this machine")
    return versions[-1].parent


def _as_unprivileged_user() -> list[str]:
    """Return what goes before a command, because PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise ServiceUnavailable("PostgreSQL does not run as root, and no user postgres") from None
    if shutil.which("runuser") is None:
        raise ServiceUnavailable("PostgreSQL does not run as root, and there is no runuser")
    return ["runuser", "-u", "postgres", "--"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(command: list[str], folder: Path) -> None:
    output = folder / "output"
    with output.open("wb") as file:
        done = subprocess.run(command, stdout=file, stderr=file, cwd=folder, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{output.read_text()}")
