"""A plan as JSON beside a fingerprint of its source, so that parsing need not import dlt.

A manifest fits while the question (the spec, the versions of dlt and of this package) and the
contents of every user file behind the source are what they were. Both are compared without
importing anything. What files cannot show, such as the catalog of a database, ages: see
`is_expired`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from airflow_dlt_provider.core.planning.plan import LoadPlan, parse_plan
from airflow_dlt_provider.core.spec import PlanSpec
from airflow_dlt_provider.version import __version__

FORMAT = 2
"""What a plan says of its resources: an older one is read, and made again where it can be."""


@dataclass(frozen=True)
class Manifest:
    """A plan, what it was made for and what it was made from."""

    question: str
    """Hash of what was asked: see `question_of`."""
    subject: str
    """Hash of what was asked about: see `subject_of`."""
    files: dict[str, str]
    """Path of every user file behind the source -> hash of its contents. A path below the folder
    of the Dag file is relative to it, so that a manifest holds on every machine."""
    planned_at: float
    """Seconds since 1970."""
    plan: LoadPlan

    def fits(self, question: str, base_dir: Path) -> bool:
        """Tell whether *question* is the same and no file has changed."""
        return self.question == question and all(
            file_hash(base_dir / path) == digest for path, digest in self.files.items()
        )

    def is_expired(self, now: float, ttl_seconds: float) -> bool:
        """Tell whether the plan is older than *ttl_seconds*."""
        return now - self.planned_at > ttl_seconds


def question_of(spec: PlanSpec) -> str:
    """Hash everything that decides on a plan besides the contents of files."""
    question = {
        "airflow_dlt_provider": __version__,
        "format": FORMAT,
        "dlt": importlib.metadata.version("dlt"),
        "subject": subject_of(spec),
        "source_kwargs": spec.source.source_kwargs,
        "options": spec.source.options.as_document(),
        "registered_as": spec.source.registration.name if spec.source.registration else None,
        "source_conn_id": spec.source.source_conn_id,
        "resources": spec.resources,
        "exclude": spec.exclude,
        "after": spec.after,
    }
    return _digest(json.dumps(question, sort_keys=True, default=_plain).encode())


def subject_of(spec: PlanSpec) -> str:
    """Hash what a plan is about: the source, and how it becomes tasks."""
    functions = (_reference(spec.source.source), _reference(spec.source.configure))
    return _digest(repr((*functions, spec.decompose)).encode())


def is_cacheable(spec: PlanSpec) -> bool:
    """Tell whether a fingerprint can see all of *spec*.

    What a nested function or a lambda closes over is in no file.
    """
    functions = (spec.source.source, spec.source.configure)
    return not any("<" in (_reference(function) or "") for function in functions)


def build_manifest(
    spec: PlanSpec, files: Iterable[Path], planned_at: float, plan: LoadPlan
) -> Manifest:
    """Build the manifest of *plan*, which was made for *spec* from *files*."""
    base_dir = spec.source.base_dir
    hashes = {
        str(path.relative_to(base_dir) if path.is_relative_to(base_dir) else path): digest
        for path in sorted(files)
        if (digest := file_hash(path))
    }
    return Manifest(question_of(spec), subject_of(spec), hashes, planned_at, plan)


def read_manifest(path: Path) -> Manifest | None:
    """Read the manifest at *path*; `None` where there is none that can be read."""
    try:
        document = json.loads(path.read_bytes())
        return Manifest(
            question=document["question"],
            subject=document["subject"],
            files=dict(document["files"]),
            planned_at=float(document["planned_at"]),
            plan=parse_plan(document["plan"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write *manifest* to *path* in one step, so that no reader sees half of it.

    Raises:
        OSError: The folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(manifest), file, indent=1)
        # tasks may run as another user
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def file_hash(path: Path) -> str | None:
    """Hash the contents of *path*; `None` where there is no such file."""
    try:
        return _digest(path.read_bytes())
    except OSError:
        return None


def _reference(function: str | Callable[..., Any] | None) -> str | None:
    if function is None or isinstance(function, str):
        return function
    name = getattr(function, "__qualname__", None) or "<object>"
    return f"{getattr(function, '__module__', None)}:{name}"


def _plain(value: Any) -> Any:
    # a set has another order in every process
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else repr(value)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
