"""All sources of the seed in one project, and what they load from the APIs."""

from __future__ import annotations

from collections.abc import Callable

from tests.core.seed_001.project import ENTRY, SOURCES_FILE, Rows, SeedBlock, as_tables
from tests.public_apis import PublicApis, order, transaction

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
    """Return source -> tables, as they are after *loads* of what the APIs have now."""
    example, dummyjson = apis.example, apis.dummyjson
    upserts = [{"order_id": row["id"], "total": row["total"]} for row in example["orders"]]
    data = as_tables("data", example["data"])
    return {
        "my_api": as_tables("items", example["items"]),
        "ecommerce": {
            **as_tables("products", dummyjson["products"][:100]),
            **as_tables("carts", dummyjson["carts"]),
            **as_tables("users", dummyjson["users"][:30]),
        },
        "my_paginated_source": as_tables("items", example["items"]),
        "authenticated": data,
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
        "errors": data,
        "retries": data,
        "prints": as_tables("data", example["data"] * loads),
    }


def change_rows(apis: PublicApis) -> None:
    """Let there be something new, and something gone, for a second load."""
    apis.example["orders"] += [order(8, day=7), order(9, day=9)]
    apis.example["transactions"] += [transaction(251)]
    del apis.dummyjson["carts"][3:]


def tables_after_change(
    apis: PublicApis, first: dict[str, dict[str, Rows]]
) -> dict[str, dict[str, Rows]]:
    """Return source -> tables after a second load, where *first* were those after the first."""
    tables = whole_project_tables(apis, loads=2)
    # all orders are appended each time, and the first time there were fewer
    tables["shop"]["orders"] = sorted(
        first["orders"]["orders"] + tables["orders"]["orders"], key=str
    )
    return tables
