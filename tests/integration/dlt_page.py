"""The page "dlt" as a person uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.integration.browser import Visitor


@dataclass(frozen=True)
class Asked:
    """What a dialog said before and after its button was pressed."""

    effects: str
    message: str


class DltPage:
    """The page, in Airflow's frame or by itself."""

    def __init__(self, root: Page | FrameLocator) -> None:
        self.root = root
        self.resources = root.get_by_role("table", name="Resources")
        self.search = root.get_by_role("searchbox")
        self.heading = root.get_by_role("heading", level=1)
        self.actions = root.get_by_role("group", name="Actions")
        self.dialog = root.get_by_role("dialog")
        self.effects = self.dialog.get_by_role("status", name="What it would do")

    @classmethod
    def by_itself(cls, visitor: Visitor, query: str = "") -> DltPage:
        """Open it without Airflow around it."""
        return cls(visitor.goto(f"/dlt/{query}"))

    @classmethod
    def from_navigation(cls, visitor: Visitor) -> DltPage:
        """Open it by Airflow's navigation."""
        page = visitor.goto("/")
        page.get_by_role("link", name="dlt", exact=True).click()
        return cls(frame(page))

    @classmethod
    def from_tab(cls, visitor: Visitor, dag_id: str) -> DltPage:
        """Open it by the tab of a Dag."""
        page = visitor.goto(f"/dags/{dag_id}")
        # the navigation has a link of that name too, and stands before it
        page.get_by_role("link", name="dlt", exact=True).nth(1).click()
        return cls(frame(page))

    def link(self, resource: str) -> Locator:
        """Return the link to the detail of a resource."""
        return self.resources.get_by_role("link", name=resource, exact=True)

    def row(self, resource: str) -> Locator:
        """Return the row of a resource in the list."""
        return self.link(resource).locator("xpath=ancestor::tr")

    def open_resource(self, resource: str) -> None:
        """Follow its link."""
        self.link(resource).click()
        expect(self.heading).to_have_text(resource)

    def back(self) -> None:
        """Go back to the list."""
        self.root.get_by_role("navigation", name="Back").get_by_role("link").click()
        self.resources.wait_for()

    def ask(self, button: str, confirm: str, inputs: Mapping[str, str] | None = None) -> Asked:
        """Press a button above the loads, fill its dialog, and confirm what it says."""
        return self._fill(self.actions.get_by_role("button", name=button), confirm, inputs)

    def ask_load(self, button: str, confirm: str, run_id: str) -> Asked:
        """Press a button of a run's load, and confirm what its dialog says."""
        row = self.root.get_by_role("table", name="Loads").get_by_role("row")
        load = row.filter(has_text=run_id).first
        return self._fill(load.get_by_role("button", name=button), confirm)

    def _fill(
        self, button: Locator, confirm: str, inputs: Mapping[str, str] | None = None
    ) -> Asked:
        button.click()
        for label, value in (inputs or {}).items():
            self.dialog.get_by_label(label).fill(value)
        # it stays disabled until the dialog says what the inputs would do
        confirm_button = self.dialog.get_by_role("button", name=confirm, exact=True)
        expect(confirm_button).to_be_enabled()
        effects = self.effects.inner_text()
        confirm_button.click()
        close = self.dialog.get_by_role("button", name="Close")
        close.wait_for()
        asked = Asked(effects, self.dialog.get_by_role("status").inner_text())
        close.click()
        expect(self.dialog).to_have_count(0)
        return asked


def frame(page: Page) -> FrameLocator:
    """Return what Airflow's frame shows."""
    return page.frame_locator("iframe[title=dlt]")
