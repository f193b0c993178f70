"""What every answer of the page carries, and which requests are refused unread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.configuration import conf
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses requests that another site had the browser make, and sets headers of answers.

    Args:
        app: What answers the other requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        problem = None
        if scope["method"] not in SAFE_METHODS:
            problem = refusal(Headers(scope=scope))
        answer = JSONResponse({"detail": problem}, 403) if problem else self._app
        await answer(scope, receive, send_with_headers)


def refusal(headers: Mapping[str, str]) -> str | None:
    """Return why a request that changes something is refused, or `None`.

    Args:
        headers: The request's, by lower-case name.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return "a request that changes something has the Content-Type application/json"
    site = headers.get("sec-fetch-site")
    if site == "same-origin" or (site is None and _is_own_origin(headers)):
        return None
    return "the request comes from another site; open this page inside Airflow and ask again there"


def _is_own_origin(headers: Mapping[str, str]) -> bool:
    origin = urlsplit(headers.get("origin", "")).netloc
    # a proxy may hand on a host of its own; what users type is then in the configuration
    own = {headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc}
    return bool(origin) and origin in own
