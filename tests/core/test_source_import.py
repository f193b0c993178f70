import json
import re
import sys

import dlt
import duckdb
import pytest

from airflow_dlt_provider.core.errors import (
    ConfigureError,
    SourceArgumentsError,
    SourceEmptyError,
    SourceReferenceError,
)
from airflow_dlt_provider.core.planning.source_import import build_sources, import_function
from airflow_dlt_provider.core.spec import SourceSpec

SOURCE = """
import dlt

@dlt.source
def my_source(rows: int = 1):
    return dlt.resource([{"id": i} for i in range(rows)], name="items")
"""


@pytest.fixture
def build(base_dir):
    """Build sources and return the names of their resources, by source."""

    def build(source, configure=None, **kwargs):
        sources = build_sources(SourceSpec(source, base_dir, kwargs, configure))
        return {source.name: list(source.resources) for source in sources}

    return build


def test_a_function_is_found_in_the_module_beside_the_dag_file(build, write_module):
    write_module("my_api.py", SOURCE)

    assert build("my_api:my_source") == {"my_source": ["items"]}


def test_every_call_builds_a_source_of_its_own(base_dir, write_module):
    write_module("my_api.py", SOURCE)
    spec = SourceSpec("my_api:my_source", base_dir, {"rows": 2})

    first, second = build_sources(spec), build_sources(spec)

    assert first[0] is not second[0]
    assert list(first[0]) == list(second[0]) == [{"id": 0}, {"id": 1}]


def test_a_package_may_import_relatively_and_from_its_neighbours(build, write_module):
    write_module("neighbour_of_api.py", "NAME = 'from_neighbour'")
    write_module("api/__init__.py", "PREFIX = 'from_package'")
    write_module("api/inner/names.py", "NAME = 'from_relative'")
    write_module(
        "api/inner/tables.py",
        "import dlt\nimport neighbour_of_api\nfrom .. import PREFIX\nfrom .names import NAME\n"
        "@dlt.source\ndef tables():\n"
        "    for name in (PREFIX, NAME, neighbour_of_api.NAME):\n"
        "        yield dlt.resource([1], name=name)\n",
    )

    assert build("api.inner.tables:tables") == {
        "tables": ["from_package", "from_relative", "from_neighbour"]
    }


def test_a_package_itself_may_hold_the_function(build, write_module):
    write_module("api/names.py", "NAME = 'items'")
    write_module(
        "api/__init__.py",
        "import dlt\nfrom .names import NAME\ndef rows():\n    return dlt.resource([1], name=NAME)",
    )

    assert build("api:rows") == {"rows": ["items"]}


def test_an_installed_module_needs_no_file(base_dir):
    assert import_function("json:loads", base_dir) is json.loads


def test_a_file_does_not_shadow_an_installed_package_of_its_name(base_dir, write_module):
    write_module("duckdb.py", "def source(): ...")

    function = import_function("duckdb:source", base_dir)

    assert function.__module__.endswith(".duckdb")
    assert hasattr(duckdb, "connect")


def test_neighbours_do_not_shadow_an_installed_package(build, write_module, monkeypatch):
    # one that nothing has imported yet
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    write_module("colorsys.py", "raise RuntimeError('the wrong one')")
    write_module(
        "my_api.py",
        "import dlt, colorsys\ndef rows():\n"
        "    return dlt.resource([colorsys.ONE_THIRD], name='items')",
    )

    assert build("my_api:rows") == {"rows": ["items"]}


def test_the_main_block_of_a_module_is_not_run(build, write_module):
    write_module("my_api.py", SOURCE + "\nif __name__ == '__main__':\n    raise SystemExit(1)")

    assert build("my_api:my_source") == {"my_source": ["items"]}


def test_the_search_path_is_as_before_afterwards(build, write_module, base_dir):
    write_module("my_api.py", f"import sys\nassert {str(base_dir)!r} in sys.path\n" + SOURCE)
    before = list(sys.path)

    build("my_api:my_source")

    assert sys.path == before


FORMS = {
    "a plain function": (
        "def get():\n    return [dlt.resource([1], name='a'), dlt.resource([1], name='b')]",
        {"get": ["a", "b"]},
    ),
    "a function that returns a source": (
        (
            "@dlt.source(name='inner')\ndef inner():\n    return dlt.resource([1], name='a')\n"
            "def get():\n    return inner()"
        ),
        {"inner": ["a"]},
    ),
    "a resource": ("@dlt.resource\ndef get():\n    yield 1", {"get": ["get"]}),
    "a resource with a default": ("@dlt.resource\ndef get(x=1):\n    yield x", {"get": ["get"]}),
    "several sources": (
        (
            "def get():\n"
            "    make = lambda n: dlt.source(lambda: dlt.resource([1], name='a'), name=n)()\n"
            "    return [make('one'), make('two')]"
        ),
        {"one": ["a"], "two": ["a"]},
    ),
    "a source and a loose resource": (
        (
            "@dlt.source\ndef inner():\n    return dlt.resource([1], name='a')\n"
            "def get():\n    return inner(), dlt.resource([1], name='b')"
        ),
        {"inner": ["a"], "get": ["b"]},
    ),
}


@pytest.mark.parametrize(("text", "expected"), FORMS.values(), ids=FORMS)
def test_a_function_may_return(build, write_module, text, expected):
    write_module("my_api.py", "import dlt\n" + text)

    assert build("my_api:get") == expected


def test_a_resource_reference_takes_arguments(base_dir, write_module):
    write_module("my_api.py", "import dlt\n@dlt.resource\ndef get(x):\n    yield {'x': x}")

    (source,) = build_sources(SourceSpec("my_api:get", base_dir, {"x": 7}))

    assert list(source) == [{"x": 7}]


def test_a_function_object_is_taken_as_it_is(build):
    def rows():
        return dlt.resource([1], name="items")

    assert build(rows) == {"rows": ["items"]}


@pytest.mark.parametrize("reference", ["my_api", "my_api:", ":my_source", ""])
def test_another_form_of_reference_is_refused_with_an_example(build, reference):
    with pytest.raises(SourceReferenceError, match=r'expected "module:function"') as caught:
        build(reference)

    assert caught.value.reference == reference


def test_a_missing_module_is_named_with_the_files_that_exist(build, write_module, base_dir):
    write_module("my_api.py", SOURCE)
    write_module("other.py", "")

    with pytest.raises(SourceReferenceError) as caught:
        build("my_apy:my_source")

    message = str(caught.value)
    assert "no module 'my_apy'" in message
    assert str(base_dir) in message
    assert "my_api, other" in message
    assert "did you mean 'my_api'?" in message


def test_a_missing_function_is_named_with_the_sources_that_exist(build, write_module):
    write_module("my_api.py", "def helper(): ...\n" + SOURCE)

    with pytest.raises(SourceReferenceError) as caught:
        build("my_api:my_sorce")

    message = str(caught.value)
    assert "Function 'my_sorce' not found in module 'my_api'" in message
    assert "there are: my_source (did you mean 'my_source'?)" in message


def test_a_module_that_the_users_module_lacks_is_no_wrong_reference(build, write_module):
    write_module("my_api.py", "import not_installed_anywhere")

    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        build("my_api:my_source")


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        ("None", "None"),
        ("[]", "a list"),
        ("{'a': 1}", "a dict"),
        ("[1]", "a list"),
        ("dlt.source(lambda: [], name='empty')()", "without resources"),
    ],
)
def test_a_function_that_returns_nothing_to_load_is_refused(build, write_module, returned, shown):
    write_module("my_api.py", f"import dlt\ndef get():\n    return {returned}")

    with pytest.raises(SourceEmptyError, match=re.escape(shown)) as caught:
        build("my_api:get")

    assert "get() returned" in str(caught.value)
    assert "return a dlt source, a dlt resource, or a list of them" in str(caught.value)


def test_a_decorated_source_that_returns_nothing_is_refused(build, write_module):
    write_module("my_api.py", "import dlt\n@dlt.source\ndef get():\n    return None")

    with pytest.raises(SourceEmptyError, match=r"get\(\) returned None"):
        build("my_api:get")


@pytest.mark.parametrize("as_text", [True, False])
def test_a_source_that_was_already_built_is_refused(build, write_module, as_text):
    write_module("my_api.py", SOURCE + "\nbuilt = my_source()")

    @dlt.source
    def other():
        return dlt.resource([1], name="items")

    with pytest.raises(SourceReferenceError, match="already built; name the function"):
        build("my_api:built" if as_text else other())


def test_what_is_no_function_is_refused(build, write_module):
    write_module("my_api.py", "NUMBER = 5")

    with pytest.raises(SourceReferenceError, match="is int, not a function"):
        build("my_api:NUMBER")


@pytest.mark.parametrize("kwargs", [{"rowz": 1}, {"rows": 1, "more": 2}])
def test_an_unknown_argument_is_refused_with_the_signature(build, write_module, kwargs):
    write_module("my_api.py", SOURCE)

    with pytest.raises(SourceArgumentsError, match=r"my_source\(rows: int = 1\)") as caught:
        build("my_api:my_source", **kwargs)

    assert list(kwargs)[-1] in str(caught.value)


def test_configure_changes_the_rows(base_dir, write_module):
    write_module(
        "my_api.py",
        SOURCE
        + """
def mark(source):
    source.resources["items"].add_map(lambda row: row | {"marked": True})
    return source
""",
    )

    (source,) = build_sources(
        SourceSpec("my_api:my_source", base_dir, configure="my_api:mark", source_kwargs={"rows": 1})
    )

    assert list(source) == [{"id": 0, "marked": True}]


def test_configure_that_forgets_to_return_the_source_is_an_error(build, write_module):
    write_module(
        "my_api.py", SOURCE + "\ndef forget(source):\n    source.resources['items'].add_limit(1)"
    )

    with pytest.raises(ConfigureError, match=r"forget\(\) returned None"):
        build("my_api:my_source", configure="my_api:forget")
