"""Examples in the help of commands; a test parses every one."""

from __future__ import annotations

PROGRAM = "airflow-dlt"


def examples(*lines: tuple[str, str]) -> str:
    """Return the end of a command's help.

    Args:
        lines: What is typed after the name of the program, and what it does.
    """
    width = max(len(command) for command, _ in lines)
    shown = (f"{PROGRAM} {command.ljust(width)}  {meaning}" for command, meaning in lines)
    # typer puts lines together unless they are paragraphs of their own
    return "\n\n".join(("Examples:", *shown))
