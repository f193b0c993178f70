import pytest

from airflow_dlt_provider.core.registry.project import read_project
from airflow_dlt_provider.core.registry.unreferenced import (
    find_unreferenced,
    unreferenced_warning,
)
from tests.core.projects import entry

SEED_TEXT = """\
⚠️  Unreferenced custom sources detected:
   - custom_sources/my_api.py

These files won't be synced. To use them, add to .dango/sources.yml:

  - name: my_api
    type: dlt_native
    enabled: true
    dlt_native:
      source_module: my_api
      source_function: <function_name>
      function_kwargs: {}"""


@pytest.fixture
def unreferenced(project):
    """Return the names of the files in `custom_sources/` that nothing uses."""

    def unreferenced(*entries):
        project.declare(*entries)
        return [path.as_posix() for path in find_unreferenced(read_project(project.path))]

    return unreferenced


def test_the_warning_is_that_of_the_documentation_word_for_word(project):
    project.write("custom_sources/my_api.py", "")
    project.declare(entry())

    assert unreferenced_warning(read_project(project.path)) == SEED_TEXT


def test_what_the_warning_says_to_paste_makes_the_file_a_source(project):
    project.write("custom_sources/my_api.py", "")
    file = project.declare(entry())
    _, _, block = unreferenced_warning(read_project(project.path)).partition("sources.yml:\n\n")

    file.write_text(f"{file.read_text()}{block.replace('<function_name>', 'my_api')}\n")

    opened = read_project(project.path)
    assert (opened.mistakes, opened.names) == ((), ("shop", "my_api"))
    assert unreferenced_warning(opened) is None


def test_every_file_is_told_with_an_entry_of_its_own(project):
    project.write("custom_sources/b.py", "")
    project.write("custom_sources/a.py", "")
    project.declare(entry())

    text = unreferenced_warning(read_project(project.path))

    assert "   - custom_sources/a.py\n   - custom_sources/b.py\n" in text
    assert text.count("type: dlt_native") == 2


def test_the_file_of_a_project_without_its_own_folder_goes_by_its_name(project):
    project.write("custom_sources/my_api.py", "")
    project.write("sources.yml", "sources: []")

    assert "add to sources.yml:" in unreferenced_warning(read_project(project.path))


@pytest.mark.parametrize(
    "module", ["shop", "custom_sources.shop", "shop.inner"], ids=["name", "with folder", "inner"]
)
def test_the_module_of_a_source_is_referenced(unreferenced, module):
    assert unreferenced(entry(module=module)) == []


def test_the_module_of_a_disabled_source_or_one_with_a_mistake_is_referenced(unreferenced, project):
    project.write("custom_sources/other.py", "")

    assert unreferenced(entry(enabled="false"), entry("x", "other", enabled="'no'")) == []


@pytest.mark.parametrize(
    "name", ["__init__.py", "_common.py", ".hidden.py", "notes.txt", "data/orders.csv"]
)
def test_what_is_no_module_is_left_out(unreferenced, project, name):
    project.write(f"custom_sources/{name}", "")

    assert unreferenced(entry()) == []


def test_a_package_counts_as_one(unreferenced, project):
    project.write("custom_sources/crm/__init__.py", "")
    project.write("custom_sources/crm/people.py", "")

    assert unreferenced(entry()) == ["custom_sources/crm"]


@pytest.mark.parametrize(
    "line", ["import common", "from common import x", "from . import common", "import common.x"]
)
def test_what_a_source_imports_is_used(unreferenced, project, line):
    project.write("custom_sources/common.py", "import more")
    project.write("custom_sources/more.py", "")
    project.write("custom_sources/alone.py", "import shop")
    project.write("custom_sources/shop.py", line)

    assert unreferenced(entry()) == ["custom_sources/alone.py"]


def test_a_module_that_is_no_python_uses_nothing(unreferenced, project):
    project.write("custom_sources/shop.py", "import common (")
    project.write("custom_sources/common.py", "")

    assert unreferenced(entry()) == ["custom_sources/common.py"]


def test_a_project_without_the_folder_has_no_such_files(tmp_path):
    (tmp_path / "sources.yml").write_text("sources: []")

    assert unreferenced_warning(read_project(tmp_path)) is None
