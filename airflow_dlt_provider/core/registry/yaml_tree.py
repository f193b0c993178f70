"""YAML text as plain values, and the line of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.reader import ReaderError

KeyPath = tuple[str | int, ...]
"""Keys and positions from the root of a document to a value."""

MAX_NODES = 100_000
"""More than any file of a person's has; aliases of aliases would fill the memory."""

MAX_DEPTH = 100
"""Far from where Python itself gives up, so that whoever walks through the values need not care."""


def key_text(path: KeyPath) -> str:
    """Write a key path as a person would."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


class YamlTreeError(ValueError):
    """Raised when text is no YAML, or YAML that has no one meaning."""

    def __init__(self, line: int, problem: str) -> None:
        self.line = line
        self.problem = problem
        super().__init__(f"line {line}: {problem}")


@dataclass(frozen=True)
class YamlTree:
    """A document, and where its values stand."""

    value: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)
    """Path of a value -> its line, from 1 on; that of its key, where it has one."""

    def line_of(self, path: KeyPath) -> int:
        """Return the line of the value at *path*, or of what comes nearest above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse_yaml(text: str) -> YamlTree:
    """Parse one YAML document; nothing at all is an empty one.

    Raises:
        YamlTreeError: It is no YAML, has a key twice, or a key that is no text.
    """
    try:
        loader = yaml.SafeLoader(text)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problem = f"has the character {chr(error.character)!r}, which YAML does not allow"
        raise YamlTreeError(line, problem) from None
    try:
        node = loader.get_single_node()
        if node is None:
            return YamlTree(None)
        builder = _Builder(loader)
        return YamlTree(builder.build(node, ()), builder.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise YamlTreeError(mark.line + 1 if mark else 1, f"is no YAML: {problem}") from None
    except yaml.YAMLError as error:
        raise YamlTreeError(1, f"is no YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise YamlTreeError(1, "is nested too deeply") from None
    finally:
        loader.dispose()


class _Builder:
    """Turns nodes into values, and remembers their lines."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._open: list[yaml.Node] = []
        self._count = 0
        self.lines: dict[KeyPath, int] = {}

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._count += 1
        if self._count > MAX_NODES:
            raise YamlTreeError(line, f"has more than {MAX_NODES:,} values")
        if any(node is parent for parent in self._open):
            raise YamlTreeError(line, "has an alias of a part that holds the alias itself")
        if len(self._open) > MAX_DEPTH:
            raise YamlTreeError(line, "is nested too deeply")
        if not isinstance(node, yaml.CollectionNode):
            return self._scalar(node, line)
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return dict(self._items(node, path))
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        finally:
            self._open.pop()

    def _items(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, Any]]:
        seen = set()
        for key_node, _ in node.value:
            # what is no text is refused below
            if isinstance(key_node, yaml.ScalarNode):
                if key_node.value in seen:
                    line = key_node.start_mark.line + 1
                    raise YamlTreeError(line, f"has the key {key_node.value!r:.60} twice")
                seen.add(key_node.value)
        # what `<<` brings comes first, and is overwritten by the mapping's own
        self._loader.flatten_mapping(node)
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, line)
            self.lines[(*path, key)] = line
            yield key, self.build(value_node, (*path, key))

    def _key(self, node: yaml.Node, line: int) -> str:
        key = None if isinstance(node, yaml.CollectionNode) else self._scalar(node, line)
        if isinstance(key, str):
            return key
        shown = "a list or a mapping" if isinstance(node, yaml.CollectionNode) else node.value
        raise YamlTreeError(line, f"has a key that is no text: {shown:.40}; put it in quotes")

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        try:
            return self._loader.construct_object(node)
        except yaml.YAMLError:
            raise
        except Exception as error:
            # 2026-13-45 looks like a date, and `!!bool maybe` is a KeyError of the library's own
            reason = f": {error}" if isinstance(error, ValueError) else ""
            problem = f"has the value {node.value!r:.40}, which is none{reason}; put it in quotes"
            raise YamlTreeError(line, problem) from None
