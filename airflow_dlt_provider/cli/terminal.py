"""How the command line speaks: errors of one line, questions, tables, JSON."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from typer.core import TyperGroup

from airflow_dlt_provider.core.errors import DltProviderError

UNLIMITED_WIDTH = 10_000
"""Of a table that no terminal shows: whoever reads it shall not have to put lines together."""


class OneLineErrors(TyperGroup):
    """A group of commands whose errors are told in one line, with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except DltProviderError as error:
            typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
            raise typer.Exit(1) from None


def confirmed(yes: bool, text: str, *, as_json: bool = False) -> bool:
    """Show what will happen, and go on only if the person agrees.

    Args:
        yes: Whether the person has agreed in advance; then nothing is shown with *as_json*.
        text: What will happen.
        as_json: Whether standard output belongs to a JSON document; the rest goes to the other.

    Returns:
        `True`: whoever does not agree ends the command.

    Raises:
        typer.Exit: With code 1, they do not agree; with code 2, nobody is there to be asked.
    """
    if yes:
        if not as_json:
            typer.echo(text)
        return True
    if as_json and not sys.stdin.isatty():
        typer.echo("Error: --json changes nothing without --yes where nobody can answer", err=True)
        raise typer.Exit(2)
    typer.echo(text, err=as_json)
    if not typer.confirm("Go on?", err=as_json):
        typer.echo("Nothing was changed.", err=True)
        raise typer.Exit(1)
    return True


def current_person() -> str:
    """Name who runs this process: `user@host`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # a container may run under a number that has no name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def print_json(document: dict[str, Any]) -> None:
    """Print a document, with every character as it is."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table in which no value is cut; in a terminal it is folded instead."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        justify: JustifyMethod = "right" if column in ("rows", "seconds") else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else UNLIMITED_WIDTH
    # names and cursors are shown as they are, whatever is in them
    console = Console(width=width, color_system=None, markup=False, emoji=False, highlight=False)
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        if line.strip():
            typer.echo(line.rstrip())


def print_fields(fields: Iterable[tuple[str, str]], indent: str = "") -> None:
    """Print names and values in two columns; what has no value is left out."""
    shown = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        typer.echo(f"{indent}{name.ljust(width)}  {value}")
