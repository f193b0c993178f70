"""What the documentation of declared sources says is what the registry takes."""

import re
from pathlib import Path

import pytest

from airflow_dlt_provider.core.registry.project import read_project
from airflow_dlt_provider.core.registry.schedules_file import ScheduleEntry
from airflow_dlt_provider.core.registry.sources_file import AirflowOptions, DltNative, SourceEntry
from airflow_dlt_provider.core.source_options import ResourceOptions

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "declared_sources.md"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL)
README = (CHECKOUT / "README.md").read_text()
README_BLOCKS = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
OWN = CHECKOUT / "dags" / "declared" / "sources.yml"


def described(heading):
    """Return the names in the first column of the table below *heading*."""
    table = TEXT.partition(heading)[2].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([\w.]+)`", cell)}


@pytest.mark.parametrize("text", [*BLOCKS, *README_BLOCKS, OWN.read_text()])
def test_every_example_is_without_a_mistake(text, tmp_path):
    is_schedule = "schedules:" in text
    (tmp_path / ("schedules.yml" if is_schedule else "sources.yml")).write_text(text)
    if is_schedule:
        sources = (block for block in BLOCKS if block is not text)
        entries = "".join(block.partition("sources:\n")[2] for block in sources)
        (tmp_path / "sources.yml").write_text(f"sources:\n{entries}")

    project = read_project(tmp_path)

    assert [str(item) for item in project.mistakes] == []
    assert project.sources
    assert not is_schedule or any(source.schedules for source in project.sources)


def test_every_key_of_a_source_is_in_the_table():
    own = set(SourceEntry.model_fields) - {"dlt_native", "airflow"}
    native = {f"dlt_native.{name}" for name in DltNative.model_fields} - {"dlt_native.source_name"}

    assert described("| key of a source ") == own | native


def test_every_key_for_airflow_is_in_the_table():
    assert described("| key of `airflow:` ") == set(AirflowOptions.model_fields)


def test_every_option_of_a_resource_is_named():
    listed = TEXT.partition("`write_disposition` (also with")[2].partition("each with dlt's")[0]

    named = {"write_disposition", *re.findall(r"`(\w+)`", listed)} - {"strategy"}

    assert named == set(ResourceOptions.model_fields)


def test_the_schedules_that_are_left_out_are_named():
    text = TEXT.partition("## Schedules of several sources")[2].partition("\n## ")[0]

    assert {"misfire_grace_time", "notify_on"} <= set(ScheduleEntry.model_fields)
    assert all(f"`{name}`" in text for name in ("dbt", "script", "misfire_grace_time", "notify_on"))
