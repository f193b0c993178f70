import json
import os
import subprocess

import pytest

from tests.core.projects import entry

KEY_SOURCE = """
import dlt

@dlt.source
def shop(api_key: str = dlt.secrets.value, token: str = None):
    return dlt.resource([{"id": 1}], name="orders")
"""


def test_a_project_without_a_mistake_is_valid_and_nothing_is_made(validate, project):
    project.declare(entry())

    done = validate()

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "5 pass, 0 warn, 0 fail: valid"
    assert not project.data_dir.exists()


def test_checks_are_shown_by_category_a_line_each(validate, project):
    project.declare(entry())

    lines = validate().stdout.splitlines()

    categories = ["Config", "Sources", "Dependencies", "Database", "General"]
    assert [line for line in lines if line in categories] == categories
    assert "  pass  shop  shop:shop gives 2 resources: orders, customers" in lines
    assert "\x1b" not in "".join(lines)


def test_a_mistake_of_the_file_fails_with_its_text(checks, project):
    project.declare(entry(enabled="'no'"))

    assert checks("--check", "config", status="fail") == [
        (
            "Config",
            "shop",
            (
                ".dango/sources.yml:6: sources[0].enabled (source shop) is 'no'; "
                "expected: true or false, without quotes"
            ),
        )
    ]


def test_a_schedule_of_an_unknown_source_fails(checks, project):
    project.declare(entry())
    project.write(
        ".dango/schedules.yml",
        "schedules: [{name: nightly, cron: daily, sources: [shpo]}]",
    )

    ((category, subject, message),) = checks("--check", "config", status="fail")

    assert (category, subject) == ("Config", ".dango/schedules.yml")
    assert "is 'shpo', which is no source (did you mean 'shop'?)" in message


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (entry(module="shpo"), "there is no module 'shpo'"),
        (entry(function="shpo"), "Function 'shpo' not found in module 'shop'"),
        (entry(native="function_kwargs: {sise: 1}"), "(did you mean 'size'?)"),
        (entry(airflow="{resources: [ordres]}"), "there are: orders, customers"),
    ],
)
def test_what_planning_refuses_fails_and_the_next_source_is_checked(
    checks, validate, project, wrong, message
):
    project.declare(wrong, entry("good"))

    ((category, subject, text),) = checks("--check", "sources", status="fail")

    assert (category, subject) == ("Sources", "shop")
    assert message in text
    assert [subject for _, subject, _ in checks("--check", "sources", status="pass")] == ["good"]
    assert validate("--check", "sources").exit_code == 1


def test_warnings_fail_only_where_they_shall(validate, project):
    project.declare(entry(native="function_kwargs: {size: '${SIZE}'}"))

    assert validate().exit_code == 0
    assert validate("--strict").exit_code == 1
    assert "not valid" in validate("--strict").stdout


def test_a_variable_without_a_value_is_named_with_source_and_key(checks, project):
    project.declare(
        entry(
            native="function_kwargs: {size: '${SIZE}'}",
            airflow="{destination: '${WAREHOUSE}'}",
        )
    )

    found = [message for _, _, message in checks("--check", "sources")]

    assert [message.partition(" is not set")[0] for message in found] == [
        "Environment variable SIZE (source shop, dlt_native.function_kwargs.size)",
        "Environment variable WAREHOUSE (source shop, airflow.destination)",
    ]


@pytest.mark.parametrize("place", ["environment", ".env", "secrets.toml", "default"])
def test_a_variable_with_a_value_is_not_told_and_neither_is_the_value(
    validate, project, monkeypatch, place
):
    default = ":-canary" if place == "default" else ""
    project.declare(entry(native=f"function_kwargs: {{size: '${{SIZE{default}}}'}}"))
    if place == "environment":
        monkeypatch.setenv("SIZE", "canary")
    if place == ".env":
        project.write(".env", "SIZE=canary")
    if place == "secrets.toml":
        project.write(".dlt/secrets.toml", "[sources.shop]\nSIZE = 'canary'")

    done = validate()

    assert "SIZE" not in done.output
    assert "canary" not in done.output
    assert done.exit_code == 0


def test_a_secret_that_the_function_needs_is_named_and_one_that_it_may_have_is_not(checks, project):
    project.write("custom_sources/shop.py", KEY_SOURCE)
    project.declare(entry("crm"))

    ((category, subject, message),) = checks("--check", "sources")

    assert (category, subject) == ("Sources", "crm")
    assert message == (
        "asks for the secret api_key, which is not set here; put api_key into [sources.crm] of "
        ".dlt/secrets.toml, or set SOURCES__CRM__API_KEY"
    )


def test_a_secret_under_the_registered_name_is_found(checks, project):
    project.write("custom_sources/shop.py", KEY_SOURCE)
    project.write(".dlt/secrets.toml", "[sources.crm]\napi_key = 'canary'")
    project.declare(entry("crm"))

    assert checks("--check", "sources") == []


def test_a_source_that_fails_here_is_a_warning_without_secrets(checks, project):
    project.write(
        "custom_sources/shop.py",
        """
        import os

        def shop():
            raise ConnectionError(f"no answer to {os.environ['API_KEY']}\\n at all")
        """,
    )
    project.write(".env", "API_KEY=canary-1234")
    project.declare(entry())

    ((_, subject, message),) = checks("--check", "sources")

    assert subject == "shop"
    assert message == (
        "shop:shop fails here, and may not on a worker: ConnectionError: no answer to *** at all"
    )


def test_a_secret_in_the_file_is_a_warning(checks, project):
    project.declare(
        entry(
            native="function_kwargs: {api_key: canary}",
            airflow="{destination: 'postgresql://me:canary@host/db'}",
        )
    )

    messages = [message for _, _, message in checks("--check", "config")]

    assert ["function_kwargs.api_key" in message for message in messages] == [True, False]
    assert ["has a password in it" in message for message in messages] == [False, True]
    assert "canary" not in str(messages)


def test_two_sources_that_write_one_table_of_one_dataset_are_a_warning(checks, project):
    other = "dataset_name: raw_shop"
    project.declare(
        entry(), entry("store", native=other, airflow="{exclude: [customers]}"), entry("third")
    )

    ((category, subject, message),) = checks("--check", "sources")

    assert (category, subject) == ("Sources", "store")
    assert message.startswith("writes raw_shop.orders, as shop does;")


def test_two_resources_that_write_one_table_are_a_warning(checks, project):
    project.write(
        "custom_sources/shop.py",
        """
        import dlt

        @dlt.source
        def shop():
            return [dlt.resource([1], name=name, table_name="items") for name in "ab"]
        """,
    )
    project.declare(entry())

    ((_, _, message),) = checks("--check", "sources")

    assert "write the table 'items'" in message


def test_a_package_that_is_not_installed_is_told_once_with_how_to_install_it(checks, project):
    project.write("custom_sources/shop.py", "import nobody_has_this")
    project.declare(entry())

    ((category, subject, message),) = checks(status="fail")

    assert (category, subject) == ("Dependencies", "shop")
    assert message.endswith("pip install nobody_has_this")


def test_only_what_is_asked_for_is_checked(validate, project):
    project.write("custom_sources/shop.py", "open('was_run', 'w')")
    project.declare(entry())

    document = json.loads(validate("--json", "--check", "config", "--check", "database").stdout)

    assert {item["category"] for item in document["checks"]} == {"Config", "General", "Database"}
    assert not os.path.exists("was_run")  # noqa: PTH110 - where the code would have run
    assert validate("--check", "files").exit_code == 2


def test_only_the_sources_that_are_named_are_checked_disabled_ones_too(checks, project):
    project.declare(entry(enabled="false"), entry("store", enabled="'no'"))

    assert checks("--check", "sources", status="pass") == []
    assert ("Sources", "shop") in [found[:2] for found in checks("shop", status="pass")]
    assert checks("shop", status="fail") == []


def test_a_source_that_is_not_there_is_an_error_that_lists_those_that_are(validate, project):
    project.declare(entry())

    done = validate("shpo")

    assert done.exit_code == 1
    (line,) = done.output.splitlines()
    assert line.endswith("has no source 'shpo' (did you mean 'shop'?); there are: shop")


def test_a_folder_without_a_project_is_an_error_of_one_line(validate, project):
    done = validate()

    assert done.exit_code == 1
    (line,) = done.output.splitlines()
    assert "`airflow-dlt source add` makes one" in line


def test_the_project_is_that_of_the_current_folder_or_of_one_above(project, monkeypatch):
    from typer.testing import CliRunner

    from airflow_dlt_provider.cli import app

    project.declare(entry())
    monkeypatch.chdir(project.path / "custom_sources")

    done = CliRunner().invoke(app, ["validate", "--check", "config"])

    assert done.exit_code == 0
    assert done.stdout.startswith(str(project.sources))


def test_files_that_no_source_names_are_a_warning_with_what_to_paste(validate, project):
    project.write("custom_sources/my_api.py", "")
    project.declare(entry())

    done = validate("--check", "config")

    assert "  warn  custom_sources/  has files that no source names" in done.stdout
    assert "⚠️  Unreferenced custom sources detected:\n   - custom_sources/my_api.py" in done.stdout
    assert done.exit_code == 0


def test_secrets_that_git_tracks_are_a_warning(checks, project):
    project.declare(entry())
    project.write(".env", "KEY=canary")
    project.write(".dlt/secrets.toml", "")
    subprocess.run(["git", "init", "-q", str(project.path)], check=True)
    assert checks("--check", "config") == []

    subprocess.run(["git", "-C", str(project.path), "add", ".env"], check=True)

    ((category, subject, message),) = checks("--check", "config")
    assert (category, subject) == ("General", ".env")
    assert "git rm --cached .env" in message


def test_a_file_of_secrets_that_is_no_toml_fails_without_its_text(validate, project):
    project.declare(entry())
    project.write(".dlt/secrets.toml", "api_key = canary = 5")

    done = validate()

    assert done.exit_code == 1
    assert "line 1 is no TOML" in done.stdout
    assert "canary" not in done.output
