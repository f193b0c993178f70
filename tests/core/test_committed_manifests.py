"""Manifests beside a Dag file: when they hold, what they say when they do not, what they hold."""

import json

import pytest

from airflow_dlt_provider.core.planning import fingerprint
from airflow_dlt_provider.core.planning.fingerprint import fingerprint_of
from airflow_dlt_provider.core.planning.from_source import plan_from_source
from airflow_dlt_provider.core.planning.manifest import (
    Manifest,
    committed_path,
    manifest_text,
    read_seconds,
    write_manifest,
)
from airflow_dlt_provider.core.planning.planner import plan_load
from airflow_dlt_provider.core.spec import PlanSpec, SourceSpec

SOURCE = """
import dlt
from committed_names import NAMES

@dlt.source
def shop(prefix: str = ""):
    for name in NAMES:
        yield dlt.resource([1], name=prefix + name)
"""


@pytest.fixture
def spec(write_module, base_dir):
    write_module("committed_names.py", "NAMES = ['orders', 'customers']")
    write_module("shop_api.py", SOURCE)
    return PlanSpec(SourceSpec("shop_api:shop", base_dir))


@pytest.fixture
def build(base_dir):
    """Write the committed manifest of a spec, as `manifest build` does."""

    def build(spec, seconds=None):
        plan, files = plan_from_source(spec)
        manifest = Manifest(fingerprint_of(spec, files), plan, None, seconds or {})
        write_manifest(committed_path(base_dir, "shop"), manifest)
        return manifest_text(manifest)

    return build


@pytest.fixture
def planned(base_dir, tmp_path):
    def planned(spec, ttl_seconds=3600):
        cache = tmp_path / "cache" / "shop.json"
        return plan_load(spec, cache, ttl_seconds, committed=committed_path(base_dir, "shop"))

    return planned


def keys(planned):
    return [task.key for task in planned.plan.tasks]


def test_a_committed_manifest_that_fits_comes_first_and_never_ages(spec, build, planned, tmp_path):
    build(spec)

    found = planned(spec, ttl_seconds=-1)

    assert (found.origin, found.warnings, keys(found)) == ("manifest", (), ["orders", "customers"])
    assert not (tmp_path / "cache").exists()


def test_building_again_gives_the_same_text_without_a_time_or_a_path_of_the_machine(
    spec, build, base_dir
):
    first, second = build(spec), build(spec)

    assert first == second
    assert str(base_dir) not in first
    assert str(base_dir.parent) not in first
    assert "planned_at" not in json.loads(first)
    assert first.endswith("}\n")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("shop_api.py", SOURCE + "\n", "shop_api.py has changed"),
        ("committed_names.py", "NAMES = ['a']", "committed_names.py has changed"),
        ("committed_names/__init__.py", "NAMES = ['a']", "committed_names/__init__.py is new"),
    ],
)
def test_one_that_is_out_of_date_is_left_aside_with_a_warning_that_says_why(
    spec, build, planned, write_module, name, text, reason
):
    build(spec)
    write_module(name, text)

    found = planned(spec)

    assert found.origin == "source"
    assert "dlt_manifests/shop.json is out of date" in found.warnings[0]
    assert f"{reason}; run `airflow-dlt manifest build`" in found.warnings[0]
    # the cache fits by now, and the committed one still does not
    again = planned(spec)
    assert (again.origin, again.warnings) == ("manifest", found.warnings)


def test_a_deleted_module_and_other_arguments_and_another_dlt_are_told_too(
    spec, build, base_dir, monkeypatch
):
    build(spec)
    document = json.loads(committed_path(base_dir, "shop").read_text())
    kept = fingerprint.Fingerprint(
        **{name: document[name] for name in ("question", "subject", "versions", "files", "absent")}
    )
    other = PlanSpec(SourceSpec("shop_api:shop", base_dir, {"prefix": "x"}))

    assert kept.misfit(spec) is None
    assert kept.misfit(other) == "what is asked of the source has changed"
    (base_dir / "committed_names.py").unlink()
    assert kept.misfit(spec) == "committed_names.py is gone"
    monkeypatch.setattr(fingerprint, "dlt_version", lambda: "99.0")
    assert "and this is 99.0" in kept.misfit(spec)


def test_one_that_cannot_be_read_is_left_aside_with_a_warning_and_left_alone(
    spec, build, planned, base_dir
):
    build(spec)
    path = committed_path(base_dir, "shop")
    path.write_text(path.read_text()[:200])

    found = planned(spec)

    assert found.origin == "source"
    assert str(path) in found.warnings[0]
    assert "run `airflow-dlt manifest build`" in found.warnings[0]
    assert len(path.read_text()) == 200


def test_a_source_that_fails_takes_the_tasks_of_a_committed_manifest_that_is_out_of_date(
    spec, build, planned, write_module
):
    build(spec)
    write_module("shop_api.py", SOURCE.replace("for name", "raise OSError('down')\n    for name"))

    found = planned(spec)

    assert (found.origin, keys(found)) == ("old manifest", ["orders", "customers"])


def test_durations_count_although_the_fingerprint_does_not_fit(spec, build, write_module, base_dir):
    build(spec, {"orders": 12.0, "customers": 0.5})
    write_module("shop_api.py", SOURCE + "\n")

    assert read_seconds(committed_path(base_dir, "shop")) == {"orders": 12.0, "customers": 0.5}


def test_durations_of_no_manifest_and_of_one_that_cannot_be_read_are_unknown(base_dir):
    path = committed_path(base_dir, "shop")
    assert read_seconds(path) == {}
    path.parent.mkdir()
    path.write_text('{"seconds_by_resource": {"orders": "long"}}')

    assert read_seconds(path) == {}


def test_a_module_of_the_python_path_is_named_relative_to_it(
    write_module, base_dir, tmp_path, monkeypatch, build, planned
):
    library = tmp_path / "plugins"
    (library / "committed_lib").mkdir(parents=True)
    (library / "committed_lib" / "__init__.py").write_text("NAMES = ['a']")
    monkeypatch.syspath_prepend(str(library))
    write_module("lib_api.py", SOURCE.replace("committed_names", "committed_lib"))
    spec = PlanSpec(SourceSpec("lib_api:shop", base_dir))

    text = build(spec)

    assert list(json.loads(text)["files"]) == [
        "<python path>/committed_lib/__init__.py",
        "lib_api.py",
    ]
    assert str(library) not in text
    assert planned(spec).origin == "manifest"
    (library / "committed_lib" / "__init__.py").write_text("NAMES = ['b']")
    assert "committed_lib/__init__.py has changed" in planned(spec).warnings[0]


def test_a_module_of_the_python_path_that_comes_before_a_neighbour_is_seen(
    spec, build, planned, tmp_path, monkeypatch
):
    (tmp_path / "plugins").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    build(spec)
    (tmp_path / "plugins" / "committed_names.py").write_text("NAMES = ['a']")

    assert "<python path>/committed_names.py is new" in planned(spec).warnings[0]
