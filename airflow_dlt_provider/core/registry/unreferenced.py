"""Files in `custom_sources/` that no source of `sources.yml` names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from airflow_dlt_provider.core.registry.entries import entry_text, new_entry
from airflow_dlt_provider.core.registry.project import Project

FOLDER = "custom_sources"
UNKNOWN = "<function_name>"


def find_unreferenced(project: Project) -> tuple[Path, ...]:
    """Return the modules of a project that nothing uses, relative to its folder.

    A package counts as one; files that begin with `_` or `.` are nobody's sources, and so are
    those that a registered one imports.
    """
    folder = project.project_dir / FOLDER
    modules = {path.stem: path for path in _modules(folder)}
    used = {part for name in project.modules for part in name.split(".")}
    found = set(modules) & used
    while more := {name for own in found for name in _imports(modules[own], modules)} - found:
        found |= more
    return tuple(
        path.relative_to(project.project_dir)
        for name, path in sorted(modules.items())
        if name not in found
    )


def unreferenced_warning(project: Project) -> str | None:
    """Return the warning of unused files, with what to put into `sources.yml`."""
    paths = find_unreferenced(project)
    if not paths:
        return None
    file = project.file.relative_to(project.project_dir)
    return "\n".join(
        (
            "⚠️  Unreferenced custom sources detected:",
            *(f"   - {path.as_posix()}" for path in paths),
            "",
            f"These files won't be synced. To use them, add to {file.as_posix()}:",
            *(
                f"\n{entry_text(new_entry(path.stem, path.stem, UNKNOWN)).rstrip()}"
                for path in paths
            ),
        )
    )


def _modules(folder: Path) -> Iterator[Path]:
    for path in folder.glob("*") if folder.is_dir() else ():
        is_module = path.suffix == ".py" or (path / "__init__.py").is_file()
        if is_module and not path.name.startswith(("_", ".")):
            yield path


def _imports(path: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield those of *names* that a module imports."""
    files = [path] if path.is_file() else [*path.rglob("*.py")]
    for file in files:
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError, OSError):
            continue
        for node in ast.walk(tree):
            imported = [alias.name for alias in getattr(node, "names", ())]
            if isinstance(node, ast.ImportFrom):
                imported.append(node.module or "")
            if isinstance(node, ast.Import | ast.ImportFrom):
                parts = {part for name in imported for part in name.split(".")}
                yield from (name for name in names if name in parts)
