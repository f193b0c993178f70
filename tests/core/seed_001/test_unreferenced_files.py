"""Files of `custom_sources/` that no entry of `sources.yml` names."""

from __future__ import annotations

import pytest

from tests.core.seed_001.project import SOURCES_FILE, as_tables, shown


@pytest.mark.parametrize("command", ["sync", "validate", "source list"])
def test_every_command_warns_in_the_words_of_the_seed(project, seed, apis, command):
    project.place(seed(12), seed(15), seed(16))

    output = shown(project.dango(f"{command} 2>&1"))

    above, warning, below = output.partition(seed(32).text.strip())
    assert warning
    # before anything is synced, and on top of a list
    if command != "validate":
        assert not above.strip()
        assert "ecommerce" in below


def test_a_file_without_an_entry_is_not_synced(project, seed, apis):
    project.place(seed(12), seed(15), seed(16))

    shown(project.dango("sync"))

    assert set(project.tables("raw_ecommerce")) >= {"products", "carts", "users"}
    assert project.tables("raw_my_api") == {}


def test_a_file_with_an_entry_is_not_warned_of(project, seed, apis):
    project.place(seed(12), seed(13))

    output = shown(project.dango("sync"))

    assert "Unreferenced" not in output
    assert project.tables("raw_my_api") == as_tables("items", apis.example["items"])


def test_the_workflow_of_the_seed_warns_as_long_as_nothing_is_registered(project, seed):
    (project.folder / "custom_sources").mkdir()
    project.write(SOURCES_FILE, "sources: []\n")

    output = shown(project.bash(seed(11).text))

    assert "custom_sources/my_source.py" in output
