"""What users import, and what Airflow discovers."""

import importlib.metadata
import json
from pathlib import Path

import pytest

import airflow_dlt_provider
from airflow_dlt_provider.provider_info import get_provider_info


def test_the_public_names_are_exactly_these():
    assert airflow_dlt_provider.__all__ == [
        "DltDag",
        "DltFinishOperator",
        "DltHook",
        "DltResourceOperator",
        "DltTaskGroup",
        "__version__",
        "load_dags",
    ]


@pytest.mark.parametrize("name", airflow_dlt_provider.__all__)
def test_every_public_name_resolves(name):
    assert getattr(airflow_dlt_provider, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'DltDagg'"):
        airflow_dlt_provider.DltDagg  # noqa: B018


def test_importing_the_package_and_its_info_imports_neither_airflow_nor_dlt(run_python):
    code = """
import sys, airflow_dlt_provider
from airflow_dlt_provider.provider_info import get_provider_info
get_provider_info()
print(sorted({name.partition(".")[0] for name in sys.modules} & {"airflow", "dlt"}))
"""
    assert run_python(code).strip() == "[]"


def test_importing_the_dag_factory_and_the_plugin_does_not_import_dlt(run_python):
    code = """
import sys
from airflow_dlt_provider import DltDag, DltTaskGroup, DltResourceOperator, DltFinishOperator
from airflow_dlt_provider.plugin.plugin import DltPlugin
print(len(DltPlugin().listeners), "dlt" in sys.modules)
"""
    assert run_python(code).splitlines()[-1] == "1 False"


def test_the_provider_info_has_the_form_that_airflow_asks_for():
    import airflow
    import jsonschema

    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    jsonschema.validate(get_provider_info(), schema)


def test_the_package_name_is_the_canonical_name_of_the_distribution():
    # any other name makes Airflow drop every provider
    from packaging.utils import canonicalize_name

    distribution = importlib.metadata.distribution("airflow_dlt_provider")

    assert get_provider_info()["package-name"] == canonicalize_name(distribution.metadata["Name"])
    assert get_provider_info()["versions"] == [distribution.version]


def test_the_installed_distribution_announces_provider_plugin_and_command():
    announced = {
        (entry.group, entry.value)
        for entry in importlib.metadata.distribution("airflow_dlt_provider").entry_points
    }

    assert announced == {
        ("apache_airflow_provider", "airflow_dlt_provider.provider_info:get_provider_info"),
        ("airflow.plugins", "airflow_dlt_provider.plugin.plugin:DltPlugin"),
        ("airflow.policy", "airflow_dlt_provider.plugin.celery"),
        ("console_scripts", "airflow_dlt_provider.cli:app"),
    }


def test_airflow_lists_the_provider():
    from airflow.providers_manager import ProvidersManager

    info = ProvidersManager().providers["airflow-dlt-provider"]

    assert info.version == airflow_dlt_provider.__version__


def test_airflow_knows_the_options_of_the_dlt_section():
    from airflow.configuration import conf
    from airflow.providers_manager import ProvidersManager

    ProvidersManager().initialize_providers_configuration()

    assert conf.get("dlt", "preload") == "True"
    assert conf.getint("dlt", "manifest_ttl") == 3600


def test_airflow_loads_the_plugin_and_its_listener():
    from airflow import plugins_manager
    from airflow.listeners.listener import get_listener_manager

    from airflow_dlt_provider.plugin import preload

    plugins_manager.ensure_plugins_loaded()

    assert plugins_manager.get_import_errors() == {}
    plugins, _ = plugins_manager._get_plugins()
    assert "dlt" in [plugin.name for plugin in plugins]
    assert preload in get_listener_manager().pm.get_plugins()
