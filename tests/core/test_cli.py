import pytest
from typer.testing import CliRunner

from airflow_dlt_provider.cli import app

SOURCE = """
import os
import dlt

@dlt.resource
def orders():
    yield {"id": 1}

@dlt.transformer(data_from=orders, table_name="lines", write_disposition="merge")
def order_lines(row):
    yield row

@dlt.source
def shop(tables: list = (), name: str = "x"):
    if os.environ.get("API") == "down":
        raise ConnectionError("the API is down")
    yield orders
    yield order_lines
    for table in tables:
        yield dlt.resource([1], name=f"{name}_{table}")

def hide(source):
    return source.with_resources("orders")
"""


@pytest.fixture
def plan_command(write_module, base_dir):
    write_module("shop.py", SOURCE)

    def run(*arguments):
        return CliRunner().invoke(app, ["plan", *arguments, "--base-dir", str(base_dir)])

    return run


def test_plan_shows_tasks_as_a_tree(plan_command):
    done = plan_command("shop:shop")

    assert done.exit_code == 0, done.output
    tree = [line.strip("│├└─ ") for line in done.stdout.splitlines()]
    assert tree == [
        "shop:shop: 2 tasks",
        "orders",
        "orders -> table orders, append",
        "order_lines",
        "order_lines -> table lines, merge",
        "orders, extracted again and not loaded",
    ]
    assert "Warning: resource 'orders' is extracted 2 times" in done.output


def test_plan_takes_arguments_as_text_or_json(plan_command):
    done = plan_command(
        "shop:shop", "--kwarg", 'tables=["a", 1]', "--kwarg", "name=y", "--resource", "y_*"
    )

    assert done.exit_code == 0, done.output
    assert "shop:shop: 2 tasks" in done.stdout
    assert "y_a -> table y_a" in done.stdout
    assert "y_1 -> table y_1" in done.stdout


def test_plan_selects_excludes_groups_and_configures(plan_command):
    grouped = plan_command("shop:shop", "--decompose", "component")
    selected = plan_command("shop:shop", "--exclude", "order_*")
    configured = plan_command("shop:shop", "--configure", "shop:hide")

    assert "shop:shop: 1 task\n" in grouped.stdout
    assert "order_lines -> table lines" in grouped.stdout
    for done in (selected, configured):
        assert done.exit_code == 0
        assert "order_lines" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shop"], 'expected "module:function"'),
        (["shpo:shop"], "did you mean 'shop'?"),
        (["shop:shpo"], "did you mean 'shop'?"),
        (["shop:shop", "--resource", "ordres"], "did you mean 'orders'?"),
        (["shop:shop", "--kwarg", "tablez=[]"], "source_kwargs do not fit shop("),
    ],
)
def test_wrong_input_is_one_clear_line(plan_command, arguments, message):
    done = plan_command(*arguments)

    assert done.exit_code == 1
    (line,) = done.output.strip().splitlines()
    assert line.startswith("Error: ")
    assert message in line


@pytest.mark.parametrize("text", ["import not_installed_anywhere", "def shop(:"])
def test_a_module_that_does_not_import_is_one_clear_line(plan_command, write_module, text):
    write_module("broken.py", text)

    done = plan_command("broken:shop")

    assert done.exit_code == 1
    assert len(done.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [["--decompose", "pieces"], ["--kwarg", "tables"], ["--kwarg", "=1"]]
)
def test_an_option_that_cannot_be_understood_is_refused(plan_command, arguments):
    done = plan_command("shop:shop", *arguments)

    assert done.exit_code == 2
    assert arguments[0] in done.output


def test_a_source_that_cannot_be_planned_is_shown_with_a_warning_and_fails(
    plan_command, monkeypatch
):
    monkeypatch.setenv("API", "down")

    done = plan_command("shop:shop")

    assert done.exit_code == 1
    assert "shop, the whole source" in done.output
    assert "the API is down" in done.output


def test_plan_leaves_nothing_behind(plan_command, base_dir, tmp_path):
    plan_command("shop:shop")

    assert [path.name for path in base_dir.glob("*.json")] == []
    assert list(tmp_path.glob("*.json")) == []


def test_plan_shows_odd_names_as_they_are(plan_command):
    done = plan_command("shop:shop", "--kwarg", 'tables=["t"]', "--kwarg", "name=[bold]")

    assert "[bold]_t -> table" in done.stdout
