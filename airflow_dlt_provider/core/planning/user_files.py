"""Which files a source was written in: its own, and every module of the user's that it imports."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
import sysconfig
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

INSTALLED = tuple(
    Path(sysconfig.get_path(name)).resolve()
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def user_files(
    functions: list[Callable[..., Any]], known_before: Container[str] = (), *folders: Path
) -> set[Path]:
    """Return the files of *functions* and of the user modules that these import.

    Modules must have been imported already: nothing is imported here. Installed packages are
    left out, but a file that holds one of *functions* never is.

    Args:
        functions: What was called.
        known_before: Names of the modules that were imported before the functions were.
        folders: Those of the user's modules. What was imported from there meanwhile counts, also
            where no text of an `import` says so.
    """
    files: set[Path] = set()
    for function in functions:
        module = sys.modules.get(getattr(function, "__module__", None) or "")
        path = _file_of(module) if module else None
        if module and path:
            files.add(path)
            _follow(module, path, files)
    if folders:
        new = [module for name, module in list(sys.modules.items()) if name not in known_before]
        found = [path for module in new if (path := _file_of(module))]
        files |= {path for path in found if _is_below(path, folders) and not is_installed(path)}
    return files


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


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
    # Python runs the packages around a module before the module
    yield from _with_packages(package or "")
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            name = "." * node.level + (node.module or "")
            if node.level:
                name = importlib.util.resolve_name(name, package)
            yield from _with_packages(name)
            yield from (f"{name}.{alias.name}" for alias in node.names)


def _with_packages(name: str) -> Iterator[str]:
    """Return the name of a module and of every package around it."""
    parts = name.split(".")
    return (".".join(parts[:length]) for length in range(1, len(parts) + 1))


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
