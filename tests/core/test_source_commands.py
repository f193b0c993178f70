import json

import pytest
import yaml

from airflow_dlt_provider.core.registry.entries import new_entry, with_entry, without_entry
from airflow_dlt_provider.core.registry.project import read_project
from airflow_dlt_provider.core.state.records import LoadRecord, ResourceState
from airflow_dlt_provider.core.state.sql import SqlStateStore
from tests.core.projects import entry

COMMENTED = """\
# our sources
version: '1.0'   # of Dango

sources:
    # the shop
    - name: shop
      type: dlt_native
      dlt_native:
          source_module: shop
          source_function: shop
          # function_kwargs: {size: 5}

    - name: crm  # customers
      type: dlt_native
      dlt_native: {source_module: crm, source_function: crm}
      airflow:
          # schedule: '@daily'

# the end
"""


@pytest.fixture
def add(project):
    return lambda *arguments: project.run("source", "add", *arguments)


@pytest.fixture
def remove(project):
    return lambda *arguments, **answer: project.run("source", "remove", *arguments, **answer)


class TestAdd:
    def test_a_new_project_gets_the_file_the_entry_and_what_editors_need(self, add, project):
        done = add("my_api")

        assert done.exit_code == 0, done.output
        assert project.sources.read_text() == (
            "# yaml-language-server: $schema=sources.schema.json\n"
            "version: '1.0'\n"
            "sources:\n"
            "  - name: my_api\n"
            "    type: dlt_native\n"
            "    enabled: true\n"
            "    dlt_native:\n"
            "      source_module: my_api\n"
            "      source_function: my_api\n"
            "      function_kwargs: {}\n"
        )
        assert json.loads(project.sources.with_name("sources.schema.json").read_text())["$defs"]
        assert done.output.splitlines()[-1] == "Next: airflow-dlt validate my_api"

    def test_what_was_added_is_valid_as_it_is(self, add, project):
        project.write("custom_sources/shop.py", "").unlink()
        add("my_api", "--kwarg", "size=5", "--kwarg", 'days=["mon"]', "--kwarg", "url=http://x")

        done = project.run("validate", "--data-dir", str(project.data_dir), "--strict")

        assert done.exit_code == 0, done.output
        assert "my_api:my_api gives 1 resource: items" in done.output

    def test_the_python_file_runs_by_itself_and_knows_nothing_of_airflow(
        self, add, project, run_python
    ):
        add("my_api", "--kwarg", "size=5", "--kwarg", "token=${TOKEN}")
        file = project.path / "custom_sources" / "my_api.py"

        assert "airflow" not in file.read_text()
        code = (
            "import os, runpy, sys; os.environ['SOURCES__MY_API__TOKEN'] = 'x';"
            "runpy.run_path(sys.argv[1], run_name='__main__')"
        )
        assert "1 load package(s) were loaded" in run_python(code, str(file))

    def test_options_are_written_as_values_of_their_kind(self, add, project):
        add(
            *("crm", "--module", "my_crm", "--function", "people", "--disabled"),
            *("--description", "All: of them", "--kwarg", "size=5", "--kwarg", "on=true"),
            *("--kwarg", "text=true story", "--kwarg", 'more={"a": ["x"]}'),
        )

        (source,) = read_project(project.path).sources
        assert not source.is_enabled
        assert source.entry.description == "All: of them"
        assert source.reference == "my_crm:people"
        assert source.source_kwargs == {
            "size": 5,
            "on": True,
            "text": "true story",
            "more": {"a": ["x"]},
        }
        assert (project.path / "custom_sources" / "my_crm.py").is_file()

    def test_an_installed_module_gets_no_file(self, add, project):
        done = add("shop_db", "--no-file", "--module", "dlt.sources.sql_database")

        assert done.exit_code == 0, done.output
        (source,) = read_project(project.path).sources
        assert source.reference == "dlt.sources.sql_database:sql_database"
        assert [path.name for path in (project.path / "custom_sources").iterdir()] == ["shop.py"]

    def test_every_line_and_comment_of_the_file_stays(self, add, project):
        project.write(".dango/sources.yml", COMMENTED)

        add("my_api")

        before, after = COMMENTED.split("\n# the end\n")
        assert project.sources.read_text() == (
            f"{before}\n"
            "    - name: my_api\n"
            "      type: dlt_native\n"
            "      enabled: true\n"
            "      dlt_native:\n"
            "        source_module: my_api\n"
            "        source_function: my_api\n"
            "        function_kwargs: {}\n"
            f"\n# the end\n{after}"
        )

    def test_the_file_of_a_project_without_its_own_folder_is_used(self, add, project):
        project.write("sources.yml", "sources: []\n")

        add("my_api")

        assert not project.sources.exists()
        assert read_project(project.path).names == ("my_api",)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["shop"], "has a source 'shop' already; take another name"),
            (["SHOP"], "has a source 'shop' already"),
            (["store", "--module", "shop"], "is there already; --no-file registers it as it is"),
            (["store", "--module", "a.b"], "'a.b' cannot be a name in a Python file"),
            (["store", "--kwarg", "a-b=1"], "'a-b' cannot be a name in a Python file"),
            (["store", "--no-file", "--module", "a.py"], "source_module is 'a.py', a file"),
            (["store", "--no-file", "--function", "f()"], "which is no name of a function"),
        ],
    )
    def test_what_is_there_or_wrong_is_refused_and_nothing_is_written(
        self, add, project, arguments, message
    ):
        file = project.declare(entry())
        before = sorted(project.path.rglob("*")), file.read_text()

        done = add(*arguments)

        assert done.exit_code == 1
        (line,) = done.output.splitlines()
        assert line.startswith("Error: ")
        assert message in line
        assert (sorted(project.path.rglob("*")), file.read_text()) == before

    def test_a_package_of_that_name_is_refused_too(self, add, project):
        project.write("custom_sources/crm/__init__.py", "")

        assert "is there already" in add("crm").output

    def test_a_name_that_is_none_is_refused(self, add, project):
        done = add("my-api")

        assert done.exit_code == 2
        assert not project.sources.exists()

    def test_a_file_that_is_no_yaml_is_refused_with_the_reason(self, add, project):
        file = project.write(".dango/sources.yml", "sources: [")

        done = add("my_api")

        assert done.exit_code == 1
        assert "is no YAML" in done.output
        assert file.read_text() == "sources: ["

    def test_a_file_in_which_text_cannot_be_put_gets_a_block_to_paste(self, add, project):
        text = "sources: [{name: shop, type: csv}]\n"
        file = project.write(".dango/sources.yml", text)

        done = add("my_api")

        assert done.exit_code == 1
        assert done.output.startswith("  - name: my_api\n    type: dlt_native\n")
        assert "paste the lines above" in done.output
        assert file.read_text() == text
        assert not (project.path / "custom_sources" / "my_api.py").exists()


class TestRemove:
    def test_the_entry_goes_and_all_else_stays(self, remove, project):
        project.write(".dango/sources.yml", COMMENTED)

        done = remove("shop", "--yes")

        assert done.exit_code == 0, done.output
        start, end = COMMENTED.index("    - name: shop"), COMMENTED.index("    - name: crm")
        assert project.sources.read_text() == COMMENTED[:start] + COMMENTED[end:]
        assert (project.path / "custom_sources" / "shop.py").is_file()
        assert "shop.py stays." in done.output
        assert "raw_shop stays" in done.output

    def test_the_last_one_leaves_an_empty_list(self, remove, project):
        project.declare(entry())

        assert remove("shop", "--yes").exit_code == 0
        assert read_project(project.path).names == ()

    def test_a_person_is_asked_and_may_say_no(self, remove, project):
        text = project.declare(entry()).read_text()

        done = remove("shop", answer="n\n")

        assert done.exit_code == 1
        assert project.sources.read_text() == text
        assert remove("shop", answer="y\n").exit_code == 0

    def test_a_source_with_a_mistake_can_be_taken_out(self, remove, project):
        project.declare(entry(enabled="'no'"), entry("crm"))

        assert remove("shop", "--yes").exit_code == 0
        assert read_project(project.path).names == ("crm",)

    def test_a_schedule_that_names_it_is_told(self, remove, project):
        project.declare(entry())
        project.write(
            ".dango/schedules.yml", "schedules: [{name: a, cron: daily, sources: [shop]}]"
        )

        assert "schedules.yml names it in a" in remove("shop", "--yes").output

    def test_a_name_that_is_not_there_is_an_error_with_those_that_are(self, remove, project):
        project.declare(entry())

        done = remove("shpo", "--yes")

        assert done.exit_code == 1
        assert "(did you mean 'shop'?)" in done.output

    @pytest.mark.parametrize(
        "text",
        [
            "sources: [{name: shop}]\n",
            "sources:\n  - name: shop\n  - name: shop\n",
            "sources:\n  - &a\n    name: shop\n  - {name: crm, airflow: *a}\n",
        ],
        ids=["in one line", "twice", "needed by another"],
    )
    def test_what_cannot_be_taken_out_by_itself_stays(self, remove, project, text):
        project.write(".dango/sources.yml", text)

        done = remove("shop", "--yes")

        assert done.exit_code == 1
        assert "take its lines out by hand" in done.output
        assert project.sources.read_text() == text


class TestList:
    @pytest.fixture
    def listed(self, project):
        """Return the rows of the table, cell by cell."""

        def listed(*arguments):
            done = project.run("source", "list", *arguments)
            assert done.exit_code == 0, done.output
            return [line.split() for line in done.stdout.splitlines()][2:]

        return listed

    def test_every_source_is_a_row(self, listed, project):
        project.declare(
            entry(airflow="{schedule: every_6h}"), entry("crm", enabled="false"), entry("late")
        )
        project.write(
            ".dango/schedules.yml",
            "schedules: [{name: n, cron: '@daily', sources: [late]}]",
        )

        assert listed() == [
            ["shop", "dlt_native", "yes", "shop:shop", "0", "*/6", "*", "*", "*"],
            ["crm", "dlt_native", "no", "shop:shop"],
            ["late", "dlt_native", "yes", "shop:shop", "@daily"],
        ]
        assert [row[0] for row in listed("--enabled-only")] == ["shop", "late"]

    def test_a_source_with_a_mistake_is_a_row_and_its_mistakes_are_told(self, project):
        project.declare(entry(enabled="'no'", tags="a"), entry("crm"))

        done = project.run("source", "list")

        assert done.exit_code == 0
        assert [line.split() for line in done.stdout.splitlines()][2] == ["shop", "2"]
        assert "Error: .dango/sources.yml:6: sources[0].enabled (source shop)" in done.stderr

    def test_unused_files_are_told_on_top(self, project):
        project.write("custom_sources/my_api.py", "")
        project.declare(entry())

        done = project.run("source", "list")

        assert done.stdout.startswith("⚠️  Unreferenced custom sources detected:")

    def test_the_last_load_and_its_rows_come_from_the_state_store(self, project, tmp_path):
        url = f"sqlite:///{tmp_path / 'state.db'}"
        store = SqlStateStore(url)
        store.write_resources(
            [ResourceState("shop", name, "x", 1, (), {}) for name in ("orders", "customers")]
        )
        store.record_loads([_record("orders", 5, 100.0), _record("customers", 1200, 200.0)])
        project.declare(entry())

        done = project.run("source", "list", "--json", "--store", url)

        (found,) = json.loads(done.stdout)["sources"]
        assert (found["last_load"], found["rows"]) == ("1970-01-01T00:03:20+00:00", 1205)

    def test_a_store_that_is_named_and_is_none_is_an_error(self, project):
        project.declare(entry())

        done = project.run("source", "list", "--store", "sqlite:////not/there.db")

        assert done.exit_code == 1
        assert "there is no state store" in done.output

    def test_json_has_all_of_it_and_nothing_else_is_printed(self, project):
        project.write("custom_sources/my_api.py", "")
        project.declare(entry(tags="[a]"), entry("crm", enabled="'no'"), "wrong: 1\n")

        document = json.loads(project.run("source", "list", "--json").stdout)

        assert document["unreferenced"] == ["custom_sources/my_api.py"]
        assert len(document["mistakes"]) == 1
        shop, crm = document["sources"]
        assert (shop["tags"], shop["enabled"], shop["rows"]) == (["a"], True, None)
        assert shop["dataset_name"] == "raw_shop"
        assert set(crm) == {"name", "mistakes"}

    def test_a_project_without_sources_says_how_to_add_one(self, project):
        project.declare()

        assert "`airflow-dlt source add NAME`" in project.run("source", "list").stdout


def _record(resource, rows, recorded_at):
    return LoadRecord(
        *("shop", resource, "shop", "run", 1, ("1",), {resource: rows}, {}, {}, {}, recorded_at)
    )


NEW = new_entry("new", "new", "new")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "version: '1.0'",
        "sources:",
        "sources:\n",
        "sources: []",
        "sources: []  # none yet\nversion: '1.0'\n",
        "sources: # none yet\nversion: '1.0'\n",
        "sources:\n- name: a\n- name: b",
        "sources:\n- name: a\nversion: '1.0'\n",
        "sources:\n  -\n    name: a\n    x: |\n      text\n\n\nversion: '1.0'\n",
        "sources:\r\n  - name: a\r\n\r\n  - name: b\r\n",
        "\ufeffsources:\n  - name: ä\n",
        "sources:\n  - &x\n    name: a\n  - {<<: *x, name: b}\n",
        "sources:\n  - name: a\n    k: 'two\n      lines'\n    # of a\n  # of nobody\n",
    ],
)
def test_an_entry_goes_in_and_out_again_of_any_text(text):
    document = yaml.safe_load(text) or {}
    before = document.get("sources") or []

    added = with_entry(text, NEW)

    assert yaml.safe_load(added) == {**document, "sources": [*before, NEW]}
    removed = yaml.safe_load(without_entry(added, "new"))
    assert (removed.get("sources") or []) == before
    assert {line.strip() for line in text.splitlines()} - {"sources: []"} <= {
        line.strip() for line in added.splitlines()
    } | {"sources: []  # none yet"}
    assert ("\r\n" in text) == (added.count("\r\n") == added.count("\n"))


@pytest.mark.parametrize("text", ["{version: '1.0'}", "- a", "text", "sources: text", "---\n...\n"])
def test_a_text_with_no_place_for_it_is_left_alone(text):
    assert with_entry(text, NEW) is None
