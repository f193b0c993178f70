"""Errors of an API, as the seed's sources handle them, and what a person sees of them."""

from __future__ import annotations

from tests.core.seed_001.project import as_tables, shown

DATA = "api.example.com/data"
NOT_FOUND = "404 Client Error: Not Found for url: https://api.example.com/data"


def test_an_error_of_the_api_ends_the_output_with_url_and_status(project, seed, apis):
    project.write("custom_sources/shop.py", seed(30).text)
    project.register(shop="shop:get_data")
    apis.failures[DATA] = [404]

    output = shown(project.dango("sync --source shop"), exit_code=1)

    # the print of the seed, and the error itself
    assert f"HTTP error: {NOT_FOUND}" in output
    assert f"HTTPError: {NOT_FOUND}" in output
    assert "Traceback" not in output
    assert project.tables("raw_shop") == {}


def test_a_failed_sync_is_made_good_by_the_next_one(project, seed, apis):
    project.write("custom_sources/shop.py", seed(30).text)
    project.register(shop="shop:get_data")
    apis.failures[DATA] = [500]
    shown(project.dango("sync --source shop"), exit_code=1)

    project.sync("shop")

    assert project.tables("raw_shop") == as_tables("data", apis.example["data"])


def test_a_session_with_retries_asks_again_by_itself(project, seed, apis):
    project.write("custom_sources/shop.py", seed(31).text)
    project.register(shop="shop:get_data")
    apis.failures[DATA] = [503]

    project.sync("shop")

    assert apis.counts() == {DATA: 2}
    assert project.tables("raw_shop") == as_tables("data", apis.example["data"])


def test_prints_of_a_source_are_seen(project, seed, apis):
    project.write("custom_sources/my_api.py", seed(35).text)
    project.register(my_api="my_api:get_data")

    output = shown(project.bash(seed(36).text))

    for line in ("Fetching data...", "Status: 200", "Got 5 items"):
        assert line in output
    assert project.tables("raw_my_api") == as_tables("data", apis.example["data"])
