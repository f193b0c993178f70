"""Entries put into the text of a `sources.yml`, and taken out of it.

Everything else in the file stays as a person wrote it, comments too. So text is changed, not
values; what comes out is parsed again, and must be what went in with one entry more or less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from airflow_dlt_provider.core.registry.yaml_tree import YamlTreeError, parse_yaml

KEY = "sources"
INDENT = 2


def new_entry(
    name: str,
    module: str,
    function: str,
    *,
    enabled: bool = True,
    description: str | None = None,
    kwargs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an entry of the list of sources, with its keys in their usual order."""
    described = {"description": description} if description else {}
    native = {
        "source_module": module,
        "source_function": function,
        "function_kwargs": dict(kwargs or {}),
    }
    return {
        "name": name, "type": "dlt_native", "enabled": enabled, **described, "dlt_native": native,
    }  # fmt: skip


def entry_text(entry: Mapping[str, Any], indent: int = INDENT) -> str:
    """Return an entry as text, a line for each key."""
    first, *others = _lines(entry)
    pad = " " * indent
    return "".join((f"{pad}- {first}\n", *(f"{pad}  {line}\n" for line in others)))


def with_entry(text: str, entry: Mapping[str, Any]) -> str | None:
    """Return *text* with *entry* behind the other sources; `None` where no way was found.

    Raises:
        YamlTreeError: *text* is no YAML.
    """
    document = _document(text)
    listed = _list_in(text)
    if listed is None:
        return None
    lines, starts = listed.lines, listed.starts
    at = listed.end_of(len(starts) - 1) if starts else listed.key_line + 1
    # entries may have space between them
    is_spaced = len(starts) > 1 and not lines[starts[-1] - 1].strip()
    new = ("\n" if is_spaced else "") + entry_text(entry, listed.indent)
    if "\r\n" in text:
        new = new.replace("\n", "\r\n")
    if not lines[at - 1].endswith("\n"):
        lines[at - 1] += "\n"
    changed = "".join([*lines[:at], new, *lines[at:]])
    return changed if _holds(changed, document, [*_entries(document), dict(entry)]) else None


def without_entry(text: str, name: str) -> str | None:
    """Return *text* without the source of that name; `None` where no way was found.

    Raises:
        YamlTreeError: *text* is no YAML.
    """
    document = _document(text)
    entries, listed = _entries(document), _list_in(text)
    positions = [i for i, value in enumerate(entries) if _name_of(value) == name.lower()]
    if listed is None or len(positions) != 1:
        return None
    (position,) = positions
    start, end = listed.starts[position], listed.end_of(position)
    if end < len(listed.lines) and not listed.lines[end].strip():
        # one empty line is left of those before and after
        end += 1
    changed = "".join([*listed.lines[:start], *listed.lines[end:]])
    left = [value for value in entries if value is not entries[position]]
    return changed if _holds(changed, document, left) else None


@dataclass
class _List:
    """The lines of a file, counted from 0, and where the list of sources stands in them."""

    lines: list[str]
    key_line: int
    indent: int = INDENT
    starts: list[int] = field(default_factory=list)
    """The line with the `-` of each entry."""
    ends: list[int] = field(default_factory=list)
    """The line after the last value of each entry."""

    def end_of(self, position: int) -> int:
        """Return the line after an entry, and after comments that are indented as a part of it."""
        end = self.ends[position]
        for number in range(end, len(self.lines)):
            line = self.lines[number]
            written = line.lstrip(" ")
            if written.startswith("#") and len(line) - len(written) > self.indent:
                end = number + 1
            elif written.strip():
                break
        return end


def _list_in(text: str) -> _List | None:
    """Return where the list of sources stands; `None` where it has no lines of its own."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = next(((key, value) for key, value in pairs if key.value == KEY), None)
    if found is None:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        return _List([*lines, f"{KEY}:\n"], len(lines))
    key, value = found
    key_line = key.start_mark.line
    if not value.value:
        if isinstance(value, yaml.SequenceNode) and value.start_mark.line == key_line:
            lines[key_line] = re.sub(rf"({KEY}\S?:)\s*\[\s*\]", r"\1", lines[key_line])
        return _List(lines, key_line)
    if not isinstance(value, yaml.SequenceNode) or value.flow_style:
        return None
    indent = value.start_mark.column
    starts = [_dash_above(lines, item.start_mark.line, indent) for item in value.value]
    return _List(lines, key_line, indent, starts, [_end(item) for item in value.value])


def _dash_above(lines: list[str], line: int, indent: int) -> int:
    while line and not lines[line].startswith(f"{' ' * indent}-"):
        line -= 1
    return line


def _end(node: yaml.Node) -> int:
    """Return the line after the last one with a part of *node*."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        parts = node.value
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        return max(_end(part) for part in parts)
    # the end of text after `|` is the beginning of the next line
    return int(node.end_mark.line + (node.end_mark.column > 0))


def _lines(entry: Mapping[str, Any]) -> Iterator[str]:
    for key, value in entry.items():
        if isinstance(value, Mapping) and value:
            yield f"{_scalar(key)}:"
            yield from (f"  {line}" for line in _lines(value))
        else:
            yield f"{_scalar(key)}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, list | Mapping):
        return _flow(value)
    text = _dumped(value, None)
    return text if text.isprintable() else _dumped(value, '"')


def _flow(value: Any) -> str:
    """Return a value in one line, inside of which text may hold commas and brackets."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_flow(key)}: {_flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return _dumped(value, '"' if isinstance(value, str) else None)


def _dumped(value: Any, style: str | None) -> str:
    text: str = yaml.safe_dump(value, allow_unicode=True, width=float("inf"), default_style=style)
    return text.removesuffix("...\n").strip("\n")


def _document(text: str) -> dict[str, Any]:
    value = parse_yaml(text).value
    return value if isinstance(value, dict) else {}


def _entries(document: Mapping[str, Any]) -> list[Any]:
    entries = document.get(KEY)
    return entries if isinstance(entries, list) else []


def _name_of(entry: Any) -> str | None:
    name = entry.get("name") if isinstance(entry, Mapping) else None
    return name.lower() if isinstance(name, str) else None


def _holds(text: str, document: Mapping[str, Any], entries: list[Any]) -> bool:
    """Tell whether *text* is *document* with these entries, and nothing else."""
    try:
        found = _document(text)
    except YamlTreeError:
        return False
    return _entries(found) == entries and {**found, KEY: None} == {**document, KEY: None}
