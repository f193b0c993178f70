"""Which files a source was written in: its own, and every module of the user's that it imports."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

INSTALLED = tuple(
    Path(sysconfig.get_path(name)).resolve()
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def user_files(functions: list[Callable[..., Any]]) -> set[Path]:
    """Return the files of *functions* and of the user modules that these import.

    Modules must have been imported already: nothing is imported here. Installed packages are
    left out, but a file that holds one of *functions* never is.
    """
    files: set[Path] = set()
    for function in functions:
        module = sys.modules.get(getattr(function, "__module__", None) or "")
        path = _file_of(module) if module else None
        if module and path:
            files.add(path)
            _follow(module, path, files)
    return files


def _follow(module: ModuleType, path: Path, files: set[Path]) -> None:
    for name in _imported_names(module, path):
        imported = sys.modules.get(name)
        imported_path = _file_of(imported) if imported else None
        is_new = imported_path is not None and imported_path not in files
        if imported and imported_path and is_new and not is_installed(imported_path):
            files.add(imported_path)
            _follow(imported, imported_path, files)


def _imported_names(module: ModuleType, path: Path) -> Iterator[str]:
    package = module.__name__ if path.name == "__init__.py" else module.__package__
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            if node.level:
                name = importlib.util.resolve_name(name, package)
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def _file_of(module: ModuleType) -> Path | None:
    try:
        path = Path(inspect.getfile(module)).resolve()
    except TypeError:
        return None
    return path if path.suffix == ".py" else None


def is_installed(path: Path) -> bool:
    """Tell whether a file belongs to Python or to a package that was installed."""
    resolved = path.resolve()
    return any(resolved.is_relative_to(folder) for folder in INSTALLED)
