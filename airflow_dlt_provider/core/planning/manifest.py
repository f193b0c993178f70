"""A plan as JSON beside a fingerprint of its source, so that parsing need not import dlt.

There are two kinds. A cached one is written by whoever plans first, and ages: see `is_expired`. A
committed one lies beside the Dag file, is made by `manifest build` and holds until its fingerprint
no longer fits; it has no time in it, so that the same source gives the same text.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from airflow_dlt_provider.core import names
from airflow_dlt_provider.core.errors import ManifestError
from airflow_dlt_provider.core.planning.fingerprint import Fingerprint
from airflow_dlt_provider.core.planning.plan import LoadPlan, parse_plan

COMMITTED_DIR = "dlt_manifests"
"""Folder beside a Dag file, or beside the `.dlt` of a project of declared sources."""

BUILD_COMMAND = "airflow-dlt manifest build"


@dataclass(frozen=True)
class Manifest:
    """A plan, what it was made for and what it was made from."""

    fingerprint: Fingerprint
    plan: LoadPlan
    planned_at: float | None = None
    """Seconds since 1970; `None` in a committed manifest, which does not age."""
    seconds_by_resource: dict[str, float] = field(default_factory=dict)
    """Resource -> how long its loads take; in a committed manifest alone, where loads were seen."""

    def is_expired(self, now: float, ttl_seconds: float) -> bool:
        """Tell whether the plan is older than *ttl_seconds*."""
        return self.planned_at is not None and now - self.planned_at > ttl_seconds


def committed_path(base_dir: Path, dag_id: str, group_id: str | None = None) -> Path:
    """Return where the committed manifest of a Dag, or of a group in a Dag, would lie.

    Args:
        base_dir: The folder relative to which the Dag names its source.
        dag_id: Of the Dag whose plan it is.
        group_id: Of the group, with those around it.
    """
    return base_dir / COMMITTED_DIR / names.manifest_file_name(dag_id, group_id)


def read_seconds(path: Path) -> dict[str, float]:
    """Return resource -> how long its loads take, from a committed manifest.

    They count whether its fingerprint fits or not, so that all machines that have the same files
    take the same. Empty where there is no manifest, or none that can be read.
    """
    try:
        manifest = read_manifest(path)
    except ManifestError:
        return {}
    return manifest.seconds_by_resource if manifest else {}


def read_manifest(path: Path) -> Manifest | None:
    """Read the manifest at *path*; `None` where there is none.

    Raises:
        ManifestError: What is there cannot be read.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ManifestError(path, error.strerror or str(error)) from None
    try:
        return _parse(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ManifestError(path, f"{type(error).__name__}: {error}") from None


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write *manifest* to *path* in one step, so that no reader sees half of it.

    Raises:
        OSError: The folder cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(manifest_text(manifest))
        # tasks may run as another user
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def manifest_text(manifest: Manifest) -> str:
    """Return what is written of *manifest*: the same for the same plan."""
    fingerprint = asdict(manifest.fingerprint)
    is_committed = manifest.planned_at is None
    document = {
        # `versions` and hashes first: a reader of a change sees why the rest has changed
        **fingerprint,
        **({} if is_committed else {"planned_at": manifest.planned_at}),
        "seconds_by_resource": dict(sorted(manifest.seconds_by_resource.items())),
        "plan": asdict(manifest.plan),
    }
    if is_committed:
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    # no person reads it, and every parse does
    return json.dumps(document, separators=(",", ":"))


def _parse(document: Mapping[str, Any]) -> Manifest:
    planned_at = document.get("planned_at")
    seconds = document.get("seconds_by_resource", {})
    return Manifest(
        Fingerprint(
            question=str(document["question"]),
            subject=str(document["subject"]),
            # one of an older format has none, and fits nothing
            versions=dict(document.get("versions", {})),
            files={str(name): str(digest) for name, digest in dict(document["files"]).items()},
            absent=tuple(document.get("absent", ())),
        ),
        plan=parse_plan(document["plan"]),
        planned_at=None if planned_at is None else float(planned_at),
        seconds_by_resource={str(name): float(value) for name, value in seconds.items()},
    )
