"""The APIs that the seeds call, with rows that a test may change between two loads."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.https_server import Answer, Call, running_https_server

EXAMPLE = "api.example.com"
DUMMYJSON = "dummyjson.com"
DUMMYJSON_PAGE_ROWS = 30
HANG_UP = 0
"""In place of a status: end the connection without an answer."""

Rows = list[dict[str, Any]]


def _example_rows() -> dict[str, Rows]:
    return {
        "items": [{"id": i, "name": f"item {i}", "price": i + 0.5} for i in range(1, 121)],
        "data": [{"id": i, "reading": i * i} for i in range(1, 6)],
        "orders": [order(i, day=i) for i in range(1, 8)],
        "transactions": [transaction(i) for i in range(1, 251)],
        "events": [{"id": i, "kind": "click"} for i in range(1, 4)],
        "customers": [{"id": i, "name": f"customer {i}"} for i in range(1, 5)],
        "products": [{"id": i, "title": f"product {i}"} for i in range(1, 4)],
        "accounts": [{"id": i, "owner": f"owner {i}"} for i in range(1, 4)],
    }


def order(number: int, day: int) -> dict[str, Any]:
    """An order that was changed last on a day of January 2024."""
    return {"id": number, "total": number * 10, "updated_at": f"2024-01-{day:02}T08:00:00Z"}


def transaction(number: int) -> dict[str, Any]:
    return {"id": number, "amount": number * 3}


def _dummyjson_rows() -> dict[str, Rows]:
    return {
        "products": [
            {
                "id": i,
                "title": f"product {i}",
                "discountPercentage": i / 4,
                "tags": ["beauty", f"tag {i}"],
                "dimensions": {"width": i, "height": i + 1},
            }
            # more than a page of the seed's 100
            for i in range(1, 131)
        ],
        "carts": [
            {"id": i, "userId": i, "products": [{"id": n, "quantity": 2} for n in range(1, i + 1)]}
            for i in range(1, 6)
        ],
        "users": [
            {"id": i, "firstName": f"name {i}", "address": {"city": f"city {i}"}}
            # more than the seed's 30
            for i in range(1, 41)
        ],
    }


@dataclass
class PublicApis:
    """`api.example.com` and `dummyjson.com`: what they have, and what they were asked."""

    environment: dict[str, str] = field(default_factory=dict)
    """In which a process reaches them."""
    example: dict[str, Rows] = field(default_factory=_example_rows)
    dummyjson: dict[str, Rows] = field(default_factory=_dummyjson_rows)
    bearer: str | None = None
    """What `/data` wants to be authorized by, if by anything."""
    failures: dict[str, list[int]] = field(default_factory=dict)
    """Address -> statuses of its next answers, in which there are no rows; or `HANG_UP`."""
    calls: list[Call] = field(default_factory=list)

    def answer(self, call: Call) -> Answer:
        """Answer as the API of that host does."""
        self.calls.append(call)
        if statuses := self.failures.get(call.address):
            return _failure(statuses.pop(0))
        if call.host == DUMMYJSON:
            return self._dummyjson_answer(call)
        return self._example_answer(call)

    def counts(self) -> Counter[str]:
        """Return how often each address was asked."""
        return Counter(call.address for call in self.calls)

    def queries(self, address: str) -> list[dict[str, str]]:
        """Return the parameters of each call of *address*, in order."""
        return [call.query for call in self.calls if call.address == address]

    def account_details(self) -> Rows:
        """Return what `/accounts/<id>` answers, for every account."""
        return [_detail(account) for account in self.example["accounts"]]

    def _dummyjson_answer(self, call: Call) -> Answer:
        name, _, of_user = call.path.strip("/").partition("/")
        if of_user:
            number = int(of_user.partition("/")[0])
            carts = [cart for cart in self.dummyjson["carts"] if cart["userId"] == number]
            return 200, {"carts": carts, "total": len(carts)}
        if name not in self.dummyjson:
            return 404, {"message": f"no {call.path}"}
        limit = int(call.query.get("limit", DUMMYJSON_PAGE_ROWS))
        skip = int(call.query.get("skip", 0))
        rows = self.dummyjson[name]
        page = rows[skip : skip + limit]
        return 200, {name: page, "total": len(rows), "skip": skip, "limit": len(page)}

    def _example_answer(self, call: Call) -> Answer:
        name, _, key = call.path.strip("/").partition("/")
        if name not in self.example or (key and name != "accounts"):
            return 404, {"error": f"no {call.path}"}
        if name == "data" and self.bearer and call.authorization != f"Bearer {self.bearer}":
            return 401, {"error": "who are you?"}
        if key:
            found = [row for row in self.example[name] if str(row["id"]) == key]
            return (200, _detail(found[0])) if found else (404, {"error": f"no account {key}"})
        rows = _page(_newer(self.example[name], call.query), call.query)
        return 200, {"items": rows} if name == "items" else rows


def _failure(status: int) -> Answer:
    if status == HANG_UP:
        raise ConnectionAbortedError("as asked for")
    return status, {"error": "as asked for"}


def _detail(account: dict[str, Any]) -> dict[str, Any]:
    return account | {"balance": account["id"] * 100, "currency": "EUR"}


def _newer(rows: Rows, query: dict[str, str]) -> Rows:
    if "updated_since" in query:
        # as most APIs have it: what changed at that very moment is in
        return [row for row in rows if row["updated_at"] >= query["updated_since"]]
    if "after_id" in query:
        return [row for row in rows if row["id"] > int(query["after_id"])]
    return rows


def _page(rows: Rows, query: dict[str, str]) -> Rows:
    if "page" in query:
        size = int(query["per_page"])
        return rows[(int(query["page"]) - 1) * size :][:size]
    offset = int(query.get("offset", 0))
    return rows[offset : offset + int(query.get("limit", len(rows)))]


@contextmanager
def running_public_apis(folder: Path) -> Iterator[PublicApis]:
    """Serve the APIs; the environment of this process stays as it is.

    Args:
        folder: Where the certificate of the test's authority is written.
    """
    apis = PublicApis()
    with running_https_server((EXAMPLE, DUMMYJSON), apis.answer, folder) as environment:
        apis.environment.update(environment)
        yield apis


def child_environment(apis: PublicApis, **variables: str) -> dict[str, str]:
    """Return the environment for a child process that reaches the APIs."""
    return {**os.environ, **apis.environment, **variables}
