"""From `"module:function"`, or a function, to fresh dlt sources.

A module beside the Dag file is imported under a private name, so that `dags/github.py` never
shadows an installed `github`, and two projects may each have a `my_api.py`. The last part of
that name stays the module's own, because dlt looks for `[sources.my_api]` by it. Everything else
is imported as Python does it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

from dlt.extract import DltResource, DltSource
from dlt.extract.reference import SourceFactory

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import (
    ConfigureError,
    SourceReferenceError,
    closest,
    listed,
)
from airflow_dlt_provider.core.planning.source_call import (
    arguments_of,
    call_function,
    described,
    sources_of,
)
from airflow_dlt_provider.core.planning.source_options import apply_source_options
from airflow_dlt_provider.core.planning.user_files import is_installed
from airflow_dlt_provider.core.registry.environment import exported, read_env_file
from airflow_dlt_provider.core.spec import SourceSpec

DLT_SOURCES = "dlt.sources."


def build_sources(spec: SourceSpec) -> list[DltSource]:
    """Call the function of *spec* and return its sources, fresh and configured.

    A dlt source can be extracted once, so every load builds its own.

    Raises:
        SourceReferenceError: The text that names the function cannot be followed.
        SourceArgumentsError: `source_kwargs` do not fit the function.
        SourceEmptyError: The function returned nothing that can be loaded.
        ResourceNotFoundError: An option is said of a resource that is not there.
        PlanError: An option does not fit its resource.
    """
    with module_search_path(*spec.module_dirs):
        function = import_function(spec.source, spec.modules_dir)
        kwargs = arguments_of(function, spec)
        sources = sources_of(call_function(function, kwargs), function)
        if spec.configure is not None:
            configure = import_function(spec.configure, spec.modules_dir)
            sources = [_configured(configure, source) for source in sources]
    apply_source_options(sources, spec.options)
    return sources


@contextmanager
def user_code(spec: SourceSpec) -> Iterator[None]:
    """Let the modules of *spec* be imported and run, and leave no trace of them.

    They find their neighbours, and the variables of the project's `.env` in `os.environ`.
    """
    with (
        exported(read_env_file(spec.registration)),
        forgotten_user_modules(spec.base_dir),
        module_search_path(*spec.module_dirs),
    ):
        yield


def import_function(reference: str | Callable[..., Any], modules_dir: Path) -> Callable[..., Any]:
    """Return the function that *reference* names, in *modules_dir* or installed.

    Raises:
        SourceReferenceError: The module or the function is not there, or is something else.
    """
    if not isinstance(reference, str):
        return _checked_callable(reference, repr(reference))
    module_name, _, function_name = reference.partition(":")
    if not module_name or not function_name:
        raise SourceReferenceError(
            reference, 'expected "module:function", for example "my_api:my_source"', "module"
        )
    with module_search_path(modules_dir):
        module = import_user_module(module_name, modules_dir, reference)
    try:
        return _checked_callable(attrgetter(function_name)(module), reference)
    except AttributeError:
        available = _public_callables(module)
        raise SourceReferenceError(
            reference,
            f"Function {function_name!r} not found in module {module_name!r} ({module.__file__}); "
            f"{listed(available)}{closest(function_name, available)}",
        ) from None


def import_user_module(module_name: str, modules_dir: Path, reference: str) -> ModuleType:
    """Import a module of the user's, else an installed one, else one of dlt's own sources.

    A source that dlt's documentation has as `dlt.sources.<name>`, and that does not come with dlt,
    is looked for among the user's modules, where `dlt init` puts it.
    """
    own_name = module_name.removeprefix(DLT_SOURCES)
    path = module_path(own_name, modules_dir)
    if path and own_name == module_name:
        return _import_own(own_name, path, modules_dir)
    installed = (
        [module_name] if "." in module_name else [module_name, f"{DLT_SOURCES}{module_name}"]
    )
    for installed_name in installed:
        module = _import_installed(installed_name)
        if module is not None:
            return module
    if path:
        return _import_own(own_name, path, modules_dir)
    raise SourceReferenceError(reference, _missing_module(module_name, modules_dir), "module")


def _import_own(name: str, path: Path, modules_dir: Path) -> ModuleType:
    return _import_file(path, f"{names.module_namespace(str(modules_dir))}.{name}")


def _import_installed(module_name: str) -> ModuleType | None:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # a module that is there, and misses one itself, is another matter
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        return None


def _missing_module(module_name: str, modules_dir: Path) -> str:
    files = sorted(path.stem for path in modules_dir.glob("*.py"))
    files += sorted(path.parent.name for path in modules_dir.glob("*/__init__.py"))
    there = (
        f"there is no module {module_name!r} in {modules_dir}, and none is installed; "
        f"Python modules there: {', '.join(files) or 'none'}{closest(module_name, files)}"
    )
    if not module_name.startswith(DLT_SOURCES):
        return there
    name = module_name.removeprefix(DLT_SOURCES)
    return (
        f"{module_name} does not come with dlt, and neither {modules_dir / name} nor "
        f"{modules_dir / name}.py is there. If it is one of dlt's verified sources, run "
        f"`dlt init {name} duckdb` in {modules_dir}, which puts it there with its requirements"
    )


def module_path(module_name: str, modules_dir: Path) -> Path | None:
    """Return the file of *module_name* below *modules_dir*, or `None`."""
    stem = modules_dir.joinpath(*module_name.split("."))
    for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


@contextmanager
def module_search_path(*folders: Path) -> Iterator[None]:
    """Let user modules import their neighbours, installed packages first."""
    added = [str(folder) for folder in folders if str(folder) not in sys.path]
    sys.path += added
    try:
        yield
    finally:
        for entry in added:
            sys.path.remove(entry)


@contextmanager
def forgotten_user_modules(base_dir: Path) -> Iterator[None]:
    """Forget the modules below *base_dir* that are imported meanwhile.

    A later import then sees files that have changed, settings that were not known before, and
    not the neighbour of the same name of another project.
    """
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            path = getattr(sys.modules[name], "__file__", None)
            is_own = name.startswith(names.MODULE_NAMESPACE)
            if is_own or (path and _is_below(Path(path), base_dir)):
                del sys.modules[name]


def _is_below(path: Path, base_dir: Path) -> bool:
    """Tell whether a file is the user's: an environment may lie in the folder of a project."""
    return path.is_relative_to(base_dir) and not is_installed(path)


def _import_file(path: Path, name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    parent_name = name.rpartition(".")[0]
    if parent_name not in sys.modules:
        _create_package(parent_name, path)
    locations = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    # dlt's decorators look their module up while it is being run
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _create_package(name: str, path: Path) -> None:
    """Put packages without content in front of a module, so that relative imports work."""
    folder = path.parent.parent if path.name == "__init__.py" else path.parent
    parent_name = name.rpartition(".")[0]
    if parent_name and parent_name not in sys.modules:
        _create_package(parent_name, folder)
    init = folder / "__init__.py"
    if parent_name and init.is_file():
        _import_file(init, name)
        return
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package


def _checked_callable(function: object, reference: str) -> Callable[..., Any]:
    if isinstance(function, DltSource):
        raise SourceReferenceError(
            reference, "is a source that was already built; name the function that builds it"
        )
    if not callable(function):
        raise SourceReferenceError(
            reference, f"is {type(function).__name__}, not a function that returns a dlt source"
        )
    return function


def _public_callables(module: ModuleType) -> list[str]:
    """Return the sources and resources of *module*, or its functions where it has none."""
    own = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }
    decorated = [name for name, value in own.items() if isinstance(value, SourceFactory)]
    decorated += [name for name, value in vars(module).items() if isinstance(value, DltResource)]
    return sorted(decorated or (name for name, value in own.items() if inspect.isfunction(value)))


def _configured(configure: Callable[..., Any], source: DltSource) -> DltSource:
    configured = configure(source)
    if not isinstance(configured, DltSource):
        raise ConfigureError(names.function_name(configure), described(configured))
    return configured
