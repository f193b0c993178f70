"""Which parts of a connection are secrets, and text without them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from airflow_dlt_provider.core.registry.hidden import HIDDEN
from airflow_dlt_provider.core.spec import ConnectionValues

_SECRET_NAME = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|private|keyfile|key$|(^|_)key_|(^|_)sas(_|$)"
    r"|signature|^sig$|authorization|connection_string",
    re.I,
)
_PUBLIC_NAMES = frozenset(
    (
        "key_path", "private_key_file", "private_key_path", "sslkey", "ssl_key", "username", "host",
        "port", "database", "drivername", "project_id", "client_email", "region_name", "warehouse",
        "role", "catalog", "type", "auth_uri", "token_uri", "token_endpoint",
        "azure_storage_account_name", "server_hostname", "http_path", "location", "url", "sslmode",
        "driver",
    )
)  # fmt: skip
"""Names that sound like secrets, or stand among them, and are none: masked, they would make logs
unreadable."""
_IN_URL = re.compile(
    r"://[^/?#\s]*?:(?P<password>[^/?#\s]*)@"
    r"|(?:^|[?&;\s])(?P<name>[\w.-]+)=(?P<value>[^&;\s]+)"
)
_SHORTEST_LINE = 8
SHORTEST_SECRET = 3
"""A shorter value is a part of many words, and would make text unreadable."""


def secrets_of(values: ConnectionValues) -> tuple[str, ...]:
    """Return every text of a connection that must be masked wherever text is shown.

    That is the password, what stands in the extra under a name that sounds secret, and
    passwords and tokens inside of URLs and connection strings, wherever they are. The quoted
    form of each is one too, and every line of a key.
    """
    found = [values.password or "", *_in_url(values.host or "")]
    for name, value in values.extra.items():
        found.extend(_of_item(str(name), value, _is_secret(str(name))))
    forms = (form for text in found if text for form in _forms(text))
    # the longest first, so that no other one cuts it into pieces
    return tuple(sorted(dict.fromkeys(forms), key=lambda text: (-len(text), text)))


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return *text* with `***` in place of all *secrets*, of which the longest go first."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return text


def _of_item(name: str, value: Any, is_secret: bool) -> Iterator[str]:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            is_public = str(key) in _PUBLIC_NAMES
            inside = _is_secret(str(key)) or (is_secret and not is_public)
            yield from _of_item(str(key), item, inside)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _of_item(name, item, is_secret)
    elif isinstance(value, str):
        in_url = list(_in_url(value))
        yield from in_url
        # of a connection string, host and database are no secrets
        if is_secret and not ("://" in value and in_url):
            yield value


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_secret(name: str) -> bool:
    return name not in _PUBLIC_NAMES and _SECRET_NAME.search(name) is not None


def _in_url(text: str) -> Iterator[str]:
    for match in _IN_URL.finditer(text):
        if match["password"]:
            yield match["password"]
        elif match["value"] and _is_secret(match["name"]):
            yield match["value"]


def _forms(text: str) -> Iterator[str]:
    yield from {text, unquote(text), quote(text, safe=""), quote_plus(text)}
    lines = text.replace("\\n", "\n").splitlines()
    if len(lines) > 1:
        yield from (
            line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----")
        )
