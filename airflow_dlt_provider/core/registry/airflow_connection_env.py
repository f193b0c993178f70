"""Airflow connections where there is no Airflow: `AIRFLOW_CONN_<ID>` in the environment.

As Airflow reads it: a URI, or a JSON object of its fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from airflow_dlt_provider.core.errors import ConnectionNotFoundError
from airflow_dlt_provider.core.spec import ConnectionValues

PREFIX = "AIRFLOW_CONN_"


def connection_from_environment(conn_id: str, environment: Mapping[str, str]) -> ConnectionValues:
    """Return the connection that an environment variable holds.

    Args:
        conn_id: Its id.
        environment: Where the variable is looked up.

    Raises:
        ConnectionNotFoundError: There is no such variable, or it cannot be read.
    """
    text = environment.get(f"{PREFIX}{conn_id.upper()}")
    if not text:
        raise ConnectionNotFoundError(conn_id)
    try:
        return (
            _from_json(conn_id, text) if text.lstrip().startswith("{") else _from_uri(conn_id, text)
        )
    except (ValueError, TypeError, AttributeError):
        # what is wrong in it may be a secret
        raise ConnectionNotFoundError(
            conn_id, "is neither a URI nor a JSON object with conn_type"
        ) from None


def _from_uri(conn_id: str, text: str) -> ConnectionValues:
    # an underscore is no character of a scheme, so a dash stands for it
    scheme, separator, rest = text.partition("://")
    if not separator or not scheme:
        raise ValueError
    # as in http://https://host, where the host has a protocol of its own
    protocol, second, behind = rest.partition("://")
    parts = urlsplit(f"//{behind if second else rest}")
    host = _plain(parts.hostname)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return ConnectionValues(
        conn_id,
        _conn_type(scheme),
        host=f"{protocol}://{host}" if second else host,
        port=parts.port,
        login=_plain(parts.username),
        password=_plain(parts.password),
        schema=_plain(parts.path.removeprefix("/")),
        extra=json.loads(query["__extra__"]) if "__extra__" in query else query,
    )


def _from_json(conn_id: str, text: str) -> ConnectionValues:
    document = json.loads(text)
    extra: Any = document.get("extra") or {}
    port = document.get("port")
    return ConnectionValues(
        conn_id,
        _conn_type(document["conn_type"]),
        host=document.get("host"),
        port=None if port in (None, "") else int(port),
        login=document.get("login"),
        password=document.get("password"),
        schema=document.get("schema"),
        extra=json.loads(extra) if isinstance(extra, str) else dict(extra),
    )


def _conn_type(text: str) -> str:
    return "postgres" if text == "postgresql" else text.replace("-", "_")


def _plain(text: str | None) -> str | None:
    return unquote(text) if text else None
