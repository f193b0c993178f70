import os
from unittest import mock

import dlt
import duckdb
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.toml import StringTomlProvider
from dlt.common.configuration.providers.vault import VaultDocProvider
from dlt.common.configuration.specs import config_providers_context
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from airflow_dlt_provider.core.errors import TerminalLoadError
from airflow_dlt_provider.core.run_context import (
    ProjectRunContext,
    loading_context,
    planning_context,
    secrets_of_files,
)
from airflow_dlt_provider.core.settings_providers import (
    PLACEHOLDER,
    BaseNameProvider,
    with_registered_name,
)
from airflow_dlt_provider.core.spec import SourceSpec


@pytest.fixture
def dot_dlt(base_dir):
    """Write a file of `.dlt/` beside the Dag file."""

    def write(name, text):
        (base_dir / ".dlt").mkdir(exist_ok=True)
        (base_dir / ".dlt" / name).write_text(text)

    return write


@pytest.fixture
def loading(base_dir, tmp_path):
    """Enter the context of the task `shop__orders`."""

    def loading(secrets_toml=None):
        return loading_context(base_dir, tmp_path / "data", "shop", "shop__orders", secrets_toml)

    return loading


def look_up(key, *sections):
    """Ask the providers in their order, each with the task's pipeline name and without."""
    for provider in Container()[PluggableRunContext].providers.providers:
        for pipeline_name in ("shop__orders", None):
            value, _ = provider.get_value(key, str, pipeline_name, *sections)
            if value is not None:
                return value
    return None


PLACES = ["environment", "file", "variable", "base name"]


@pytest.mark.parametrize("first", range(len(PLACES)), ids=PLACES)
def test_the_first_place_that_knows_a_key_wins(loading, dot_dlt, monkeypatch, first):
    known = PLACES[first:]
    if "environment" in known:
        monkeypatch.setenv("SOURCES__KEY", "environment")
    if "file" in known:
        dot_dlt("secrets.toml", '[sources]\nkey = "file"')
    variable = '[sources]\nkey = "variable"' if "variable" in known else ""
    base_name = '[shop.sources]\nkey = "base name"'

    with loading(f"{variable}\n{base_name}"):
        assert look_up("key", "sources") == known[0]


def test_a_source_finds_its_secret_beside_the_dag_file(load, dot_dlt, write_module):
    write_module("my_api.py", KEY_SOURCE)
    dot_dlt("secrets.toml", '[sources.my_api]\napi_key = "from the file"')

    load("my_api:my_source")

    assert load.tables()["keys"] == [[("key", "from the file")]]


KEY_SOURCE = """
import dlt

@dlt.source
def my_source(api_key: str = dlt.secrets.value):
    return dlt.resource([{"key": api_key}], name="keys", write_disposition="replace")
"""


def test_a_source_finds_its_secret_in_the_variable_and_the_environment_wins(
    load, write_module, monkeypatch
):
    write_module("my_api.py", KEY_SOURCE)
    variable = '[sources.my_api]\napi_key = "from the variable"'

    load("my_api:my_source", secrets_toml=variable)
    first = load.tables()["keys"]
    monkeypatch.setenv("SOURCES__MY_API__API_KEY", "from the environment")
    load("my_api:my_source", secrets_toml=variable)

    assert first == [[("key", "from the variable")]]
    assert load.tables()["keys"] == [[("key", "from the environment")]]


@pytest.mark.parametrize("place", ["file", "variable", "environment"])
def test_a_section_of_the_base_pipeline_name_reaches_its_tasks(
    load, write_module, dot_dlt, monkeypatch, place
):
    write_module("my_api.py", KEY_SOURCE)
    section = '[shop.sources.my_api]\napi_key = "for shop"'
    if place == "file":
        dot_dlt("secrets.toml", section)
    elif place == "environment":
        monkeypatch.setenv("SHOP__SOURCES__MY_API__API_KEY", "for shop")

    load("my_api:my_source", "keys", secrets_toml=section if place == "variable" else None)

    assert load.tables()["keys"] == [[("key", "for shop")]]


def test_a_section_of_another_pipeline_does_not(load, write_module):
    write_module("my_api.py", KEY_SOURCE)
    text = '[other.sources]\napi_key = "no"\n[sources]\napi_key = "yes"'

    load("my_api:my_source", secrets_toml=text)

    assert load.tables()["keys"] == [[("key", "yes")]]


def test_a_secret_is_not_taken_from_the_file_for_plain_settings(load, write_module, dot_dlt):
    write_module("my_api.py", KEY_SOURCE)
    dot_dlt("config.toml", '[shop.sources.my_api]\napi_key = "in the open"')

    with pytest.raises(TerminalLoadError, match="missing configuration: api_key"):
        load("my_api:my_source")


def test_what_dlt_knew_before_is_back_afterwards(loading, base_dir):
    before = Container()[PluggableRunContext]

    with loading('outside = "no"'):
        assert Container()[PluggableRunContext] is not before
        assert dlt.config.get("outside") == "no"
    with planning_context(SourceSpec("shop:shop", base_dir)):
        assert Container()[PluggableRunContext] is not before

    assert Container()[PluggableRunContext] is before
    assert dlt.config.get("outside") is None


def test_what_dlt_knew_before_is_back_after_a_failure(loading):
    before = Container()[PluggableRunContext]

    with pytest.raises(ZeroDivisionError), loading():
        raise ZeroDivisionError

    assert Container()[PluggableRunContext] is before


@pytest.mark.parametrize("context", ["loading", "planning"])
def test_airflows_variables_are_never_asked_key_by_key(loading, base_dir, monkeypatch, context):
    monkeypatch.delenv("PROVIDERS__ENABLE_AIRFLOW_SECRETS")
    with (
        mock.patch.object(
            config_providers_context, "_airflow_providers", autospec=True, return_value=[]
        ) as airflow_providers,
        loading() if context == "loading" else planning_context(SourceSpec("shop:shop", base_dir)),
    ):
        dlt.config.get("anything")

    assert airflow_providers.call_count == 0


def test_a_secret_that_nobody_knows_has_a_placeholder_while_planning(base_dir, dot_dlt):
    dot_dlt("secrets.toml", 'known = "known"')

    with planning_context(SourceSpec("shop:shop", base_dir)):
        assert dlt.secrets.get("unknown") == PLACEHOLDER
        assert dlt.secrets.get("known") == "known"
        assert dlt.config.get("unknown") is None


def test_a_secret_that_nobody_knows_has_no_placeholder_while_loading(loading):
    with loading():
        assert dlt.secrets.get("unknown") is None


def test_all_strings_of_both_secrets_files_are_to_be_masked(base_dir, dot_dlt):
    dot_dlt("secrets.toml", '[a]\nkey = "one"\nkeys = ["two", {deep = "three"}]\nport = 5\nno = ""')
    dot_dlt("config.toml", 'plain = "not a secret"')

    assert secrets_of_files(base_dir, 'key = "four"\nsame = "one"') == (
        "one",
        "two",
        "three",
        "four",
    )


def test_values_that_are_no_secrets_are_not_masked(base_dir, dot_dlt):
    public = 'host = "db.example"\ndatabase = "raw"\nregion_name = "eu"\ndrivername = "pg"\n'
    dot_dlt("secrets.toml", f'[destination.pg.credentials]\n{public}password = "one"')

    assert secrets_of_files(base_dir, f'{public}[host_of]\nusername = "two"') == ("one", "two")


def test_there_are_no_secrets_where_there_are_no_files(base_dir):
    assert secrets_of_files(base_dir, None) == ()


ROWS = """
import dlt, pyarrow

def rows():
    return dlt.resource([{"id": 1}], name="rows")

def arrow():
    return dlt.resource([pyarrow.table({"id": [1]})], name="arrow_rows")
"""


def test_without_credentials_rows_go_to_one_file_per_pipeline(load, write_module):
    write_module("my_api.py", ROWS)

    load("my_api:rows", "rows")
    load("my_api:arrow", "arrow_rows")

    assert set(load.tables(file="shop.duckdb")) == {"rows", "arrow_rows"}
    assert list(load.data_dir.glob("*.duckdb")) == [load.data_dir / "shop.duckdb"]


@pytest.mark.parametrize("form", ["credentials = '{}'", "[{}.credentials]\ndatabase = '{}'"])
@pytest.mark.parametrize("section", ["destination.duckdb", "destination"])
def test_credentials_of_the_user_win_over_the_default_file(
    load, write_module, tmp_path, form, section
):
    write_module("my_api.py", ROWS)
    path = tmp_path / "of_the_user.duckdb"
    if form.startswith("["):
        text = form.format(section, path)
    else:
        text = f"[{section}]\n" + form.format(path)

    load("my_api:rows", secrets_toml=text)

    assert path.exists()
    assert not (load.data_dir / "shop.duckdb").exists()


def test_a_connection_string_in_the_environment_wins_over_the_default_file(
    load, write_module, tmp_path, monkeypatch
):
    write_module("my_api.py", ROWS)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{tmp_path}/env.duckdb")

    load("my_api:rows")

    assert (tmp_path / "env.duckdb").exists()
    assert not (load.data_dir / "shop.duckdb").exists()


def test_rows_that_came_as_arrow_data_know_their_load(load, write_module):
    write_module("my_api.py", ROWS)

    result = load("my_api:arrow")

    with duckdb.connect(str(load.data_dir / "shop.duckdb"), read_only=True) as connection:
        ids = connection.execute("SELECT _dlt_load_id FROM shop.shop.arrow_rows").fetchall()
    assert ids == [(result.load_ids[0],)]


def test_nothing_in_the_contexts_touches_the_environment(loading):
    before = dict(os.environ)

    with loading('key = "value"'):
        during = dict(os.environ)

    assert during == before


def test_a_variable_that_the_module_of_a_source_sets_reaches_its_tasks(
    load, write_module, monkeypatch
):
    monkeypatch.setenv("SHOP__SOURCES__MY_API__API_KEY", "to be removed")
    monkeypatch.delenv("SHOP__SOURCES__MY_API__API_KEY")
    setting = 'import os\nos.environ["SHOP__SOURCES__MY_API__API_KEY"] = "set late"\n'
    write_module("my_api.py", setting + KEY_SOURCE)

    load("my_api:my_source", "keys")

    assert load.tables()["keys"] == [[("key", "set late")]]


class Vault(VaultDocProvider):
    """A vault of three words, which notes what it is asked for."""

    def __init__(self):
        self.asked = []
        super().__init__(only_secrets=False, only_toml_fragments=False)

    @property
    def name(self):
        return "vault"

    @property
    def locations(self):
        return []

    @staticmethod
    def get_key_name(key, *sections):
        return "-".join([*filter(None, sections), key])

    def _look_vault(self, full_key, hint):
        self.asked.append(full_key)
        return {"shop-sources-my_api-v2-api_key": "from the vault"}.get(full_key)

    def _list_vault(self):
        return set()


@pytest.mark.parametrize("registered_name", [None, "declared"])
def test_a_vault_is_asked_for_the_base_pipeline_name(registered_name):
    vault = Vault()
    providers = with_registered_name(registered_name, [vault]) if registered_name else [vault]
    provider = BaseNameProvider({"shop__orders": "shop"}, providers)

    assert not provider.is_empty
    assert vault.asked == [], "each question is a request"
    sections = ("sources", "my_api", "v2")
    assert provider.get_value("api_key", str, "shop__orders", *sections)[0] == "from the vault"


@pytest.mark.parametrize("registered_name", [None, "declared"])
def test_without_a_section_of_the_base_pipeline_name_nobody_is_asked(base_dir, registered_name):
    context = ProjectRunContext(
        base_dir,
        base_dir,
        users=[StringTomlProvider("[sources]\nkey = 1")],
        base_names={"shop__orders": "shop"},
        registered_name=registered_name,
    )

    (provider,) = (p for p in context.initial_providers() if isinstance(p, BaseNameProvider))
    assert provider.is_empty
