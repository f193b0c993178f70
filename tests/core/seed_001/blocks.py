"""What becomes of each block of seed 001: the document must have these blocks and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SEED = "001_dango_custom_sources.md"

Kind = Literal[
    "file",  # run as it stands
    "part of a file",  # run below imports, and what else the seed leaves out
    "sources.yml",  # parsed as it stands
    "entry of sources.yml",  # parsed below `sources:`
    "settings",  # written to the file that the seed names
    "shell",  # run by bash, where `dango` is `airflow-dlt`
    "output",  # expected in the output of commands
]

DLT = "import dlt\n"
REQUESTS = "import dlt\nimport requests\n"
DLT_REQUESTS = "import dlt\nfrom dlt.sources.helpers import requests\n"


@dataclass(frozen=True)
class Treatment:
    """How one block is run."""

    number: int
    heading: str
    kind: Kind
    given: str = ""
    """Code that the test puts in front of a part of a file."""
    not_run: str | None = None
    """Why it is not run, if it is not."""

    def completed(self, text: str) -> str:
        """Return the block's text as it goes into its file."""
        return f"{self.given}\n{text}" if self.given else text


NO_INSTALLATION = (
    "installs a package, which is a person's to do; dlt has no extra of this name, and needs none"
)

# what the seed's `fetch_...` functions would get from somewhere
FETCH_PRODUCTS = """
def fetch_all_products():
    return requests.get("https://api.example.com/products").json()
"""
FETCH_EVENTS = """
def fetch_new_events():
    return requests.get("https://api.example.com/events").json()
"""
FETCH_ORDERS = """
def fetch_all_orders():
    orders = requests.get("https://api.example.com/orders").json()
    return [{"order_id": order["id"], "total": order["total"]} for order in orders]
"""
FETCH_PAGE = """
def fetch_page(page):
    params = {"page": page, "per_page": 100}
    return requests.get("https://api.example.com/items", params=params).json()["items"]
"""

BLOCKS = (
    Treatment(1, "Quick Guide", "shell", not_run=NO_INSTALLATION),
    Treatment(2, "Quick Guide", "sources.yml"),
    Treatment(3, "Quick Guide", "settings"),
    Treatment(4, "Quick Guide", "settings"),
    Treatment(5, "Quick Guide", "shell"),
    Treatment(6, "Real Example: HubSpot", "shell", not_run=NO_INSTALLATION),
    Treatment(7, "Real Example: HubSpot", "sources.yml"),
    Treatment(8, "Real Example: HubSpot", "settings"),
    Treatment(9, "Real Example: HubSpot", "shell"),
    Treatment(10, "Standard dlt Workflow", "shell"),
    Treatment(11, "Dango Workflow", "shell"),
    Treatment(12, "Step 1: Create Python File", "file"),
    Treatment(13, "Step 2: Register in sources.yml", "sources.yml"),
    Treatment(14, "Step 3: Sync", "shell"),
    Treatment(15, "custom_sources/ecommerce_api.py", "file"),
    Treatment(16, ".dango/sources.yml", "sources.yml"),
    Treatment(17, "custom_sources/paginated_api.py", "file"),
    Treatment(18, ".dango/sources.yml", "entry of sources.yml"),
    Treatment(19, "custom_sources/authenticated_api.py", "file"),
    Treatment(20, "Usage", "shell"),
    Treatment(21, "Usage", "settings"),
    Treatment(22, "replace (Full Refresh)", "part of a file", REQUESTS + FETCH_PRODUCTS),
    Treatment(23, "append (Incremental Append)", "part of a file", REQUESTS + FETCH_EVENTS),
    Treatment(24, "merge (Upsert)", "part of a file", REQUESTS + FETCH_ORDERS),
    Treatment(25, "Date-Based Incremental", "file"),
    # the imports of the block before it
    Treatment(26, "Cursor-Based Incremental", "part of a file", DLT_REQUESTS),
    Treatment(27, "Pagination with yield", "part of a file", REQUESTS),
    Treatment(28, "Multiple Resources from One API", "part of a file", REQUESTS),
    Treatment(29, "Dependent Resources", "part of a file", REQUESTS),
    Treatment(30, "Basic Error Handling", "part of a file", REQUESTS),
    Treatment(31, "Retry Logic", "part of a file", REQUESTS),
    Treatment(32, "Unreferenced Sources Warning", "output"),
    # the source that it leaves out is that of block 12
    Treatment(33, "Test Independently First", "part of a file"),
    Treatment(34, "Test Independently First", "shell"),
    Treatment(35, "Debugging", "part of a file", REQUESTS),
    Treatment(36, "Debugging", "shell"),
    Treatment(37, "1. Always Use raise_for_status()", "part of a file"),
    Treatment(38, "2. Use Environment Variables for Secrets", "part of a file", "import os\n"),
    Treatment(39, "3. Add Docstrings", "part of a file", DLT),
    Treatment(40, "5. Handle Pagination", "part of a file", REQUESTS + FETCH_PAGE),
)
