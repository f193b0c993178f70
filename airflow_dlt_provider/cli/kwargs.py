"""Arguments of a source's function, as they are written on a command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer


def parse_kwargs(pairs: Iterable[str]) -> dict[str, Any]:
    """Return name -> value of `name=value` pairs; a value that is JSON is taken as that.

    Raises:
        typer.BadParameter: A pair is none.
    """
    kwargs: dict[str, Any] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"{pair!r} is not name=value", param_hint="--kwarg")
        try:
            kwargs[name] = json.loads(text)
        except ValueError:
            kwargs[name] = text
    return kwargs
