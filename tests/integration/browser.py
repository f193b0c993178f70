"""Chromium for the tests of the UI, and people who are logged in there."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Locator,
    Page,
    StorageState,
    expect,
    sync_playwright,
)

from tests.integration.airflow_process import AirflowProcess
from tests.services import ServiceUnavailable

TIMEOUT_MS = 60_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZE = {"width": 1280, "height": 800}
USERS = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,vera:viewer"}
"""For the environment of an Airflow: who may log in."""

FETCH = """
async ([path, body]) => {
  const headers = { "Content-Type": "application/json" };
  const options = body === null ? {} : { method: "POST", headers, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  return [answer.status, await answer.text()];
}
"""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run Chromium without a window.

    Raises:
        ServiceUnavailable: It is not installed.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise ServiceUnavailable("Chromium is not installed: no chromium on this machine")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """A person at a browser of their own, who takes note of what goes wrong there.

    Args:
        browser: Where the page is opened.
        url: Of Airflow.
        options: Of the browser's context, such as `viewport`.
    """

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.problems: list[str] = []
        """Errors of the console, and dialogs of the browser."""
        self.context = browser.new_context(
            **{"viewport": SIZE, "timezone_id": "UTC", "locale": "en-GB", **options}
        )
        self.context.set_default_timeout(TIMEOUT_MS)
        self.page = self.context.new_page()
        self.page.on("console", self._note_error)
        self.page.on("pageerror", self._note_exception)
        self.page.on("dialog", self._note_dialog)

    def goto(self, path: str) -> Page:
        """Open a page of Airflow."""
        self.page.goto(f"{self.url}{path}")
        return self.page

    def fetch(self, path: str, body: Any = None) -> tuple[int, str]:
        """Ask as a script of the open page would: a GET, or a POST of *body*."""
        status, text = self.page.evaluate(FETCH, [path, body])
        return status, text

    def tab_to(self, target: Locator) -> None:
        """Press Tab until *target* has the focus."""
        target.wait_for()
        for _ in range(100):
            if target.evaluate("node => node === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")

    def close(self) -> None:
        """Close the browser of this person."""
        self.context.close()

    def _note_error(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"{message.text} ({message.location['url']})")

    def _note_exception(self, error: Error) -> None:
        self.problems.append(str(error))

    def _note_dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"a dialog of the browser says {dialog.message!r}")
        dialog.dismiss()


class Logins:
    """Who has logged in to an Airflow: each fills its login form once."""

    def __init__(self, airflow: AirflowProcess, browser: Browser) -> None:
        self._airflow = airflow
        self._browser = browser
        self._states: dict[str, StorageState] = {}

    def visit(self, username: str | None = "admin", **options: Any) -> Visitor:
        """Return a new browser of a user, or of nobody in particular."""
        if username:
            options["storage_state"] = self._state(username)
        return Visitor(self._browser, self._airflow.url, **options)

    def _state(self, username: str) -> StorageState:
        if username not in self._states:
            visitor = Visitor(self._browser, self._airflow.url)
            log_in(visitor, *self._airflow.login(username))
            self._states[username] = visitor.context.storage_state()
            visitor.close()
        return self._states[username]


def log_in(visitor: Visitor, username: str, password: str) -> None:
    """Fill Airflow's login form."""
    page = visitor.goto("/")
    page.get_by_role("textbox", name="Username").fill(username)
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Dags", exact=True).wait_for()


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


@contextmanager
def serving_empty_page(host: str) -> Iterator[str]:
    """Serve a page that has nothing to do with Airflow, and give its URL."""
    with ThreadingHTTPServer((host, 0), _EmptyPage) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://{host}:{server.server_port}"
        finally:
            server.shutdown()
