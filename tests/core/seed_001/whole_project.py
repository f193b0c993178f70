"""All sources of the seed in one project, and what they load from the APIs."""

from __future__ import annotations

from collections.abc import Callable

from tests.core.seed_001.project import ENTRY, SOURCES_FILE, Rows, SeedBlock, as_tables
from tests.public_apis import PublicApis

FILES = (12, 15, 17, 19)
"""Blocks that name their file."""

ENTRIES = (13, 16, 18)

PARTS = {
    22: ("products", "get_products"),
    23: ("events", "get_events"),
    24: ("upserts", "get_orders"),
    25: ("orders", "get_orders"),
    26: ("transactions", "get_transactions"),
    27: ("pages", "get_items"),
    28: ("shop", "multi_resource_api"),
    29: ("bank", "dependent_resources"),
    30: ("errors", "get_data"),
    31: ("retries", "get_data"),
    35: ("prints", "get_data"),
}
"""Blocks that name neither file nor entry: the source's name, which is its file's, and function."""

HEADER = ("version:", "sources:")


def write_whole_project(
    write: Callable[[str, str], object], seed: Callable[[int], SeedBlock]
) -> None:
    """Write the files of a project with all the sources."""
    for number in FILES:
        block = seed(number)
        write(str(block.block.file), block.text)
    entries = [_entries(seed(number).text) for number in ENTRIES]
    module = "authenticated_api"
    entries.append(ENTRY.format(name="authenticated", module=module, function=module))
    for number, (name, function) in PARTS.items():
        # the name of no table, so that a mix-up is seen
        write(f"custom_sources/{name}_of_block_{number}.py", seed(number).text)
        module = f"{name}_of_block_{number}"
        entries.append(ENTRY.format(name=name, module=module, function=function))
    write(SOURCES_FILE, "version: '1.0'\nsources:\n" + "".join(entries))


def _entries(text: str) -> str:
    """Return the entries of a `sources.yml`, without what stands above them."""
    return "".join(
        f"{line}\n" for line in text.splitlines() if line and not line.startswith(HEADER)
    )


def whole_project_tables(apis: PublicApis, loads: int = 1) -> dict[str, dict[str, Rows]]:
    """Return dataset -> tables, as they are after *loads* of what the APIs have now."""
    example, dummyjson = apis.example, apis.dummyjson
    upserts = [{"order_id": row["id"], "total": row["total"]} for row in example["orders"]]
    tables = {
        "my_api": as_tables("items", example["items"]),
        "ecommerce": {
            **as_tables("products", dummyjson["products"][:100]),
            **as_tables("carts", dummyjson["carts"]),
            **as_tables("users", dummyjson["users"][:30]),
        },
        "my_paginated_source": as_tables("items", example["items"]),
        "products": as_tables("products", example["products"]),
        "events": as_tables("events", example["events"] * loads),
        "upserts": as_tables("orders", upserts),
        "orders": as_tables("orders", example["orders"]),
        "transactions": as_tables("transactions", example["transactions"]),
        "pages": as_tables("items", example["items"]),
        # without a disposition, dlt appends
        "shop": {
            name: as_tables(name, example[name] * loads)[name]
            for name in ("customers", "orders", "products")
        },
        "bank": as_tables("account_details", apis.account_details()),
        "prints": as_tables("data", example["data"] * loads),
    }
    same = ("authenticated", "errors", "retries")
    tables |= {name: as_tables("data", example["data"]) for name in same}
    return {f"raw_{name}": found for name, found in tables.items()}
