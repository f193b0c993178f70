import json
import pkgutil

import pytest

import airflow_dlt_provider.core

CORE_MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(
        airflow_dlt_provider.core.__path__, "airflow_dlt_provider.core."
    )
)

WITHOUT_DLT = [
    "airflow_dlt_provider.core.names",
    "airflow_dlt_provider.core.spec",
    "airflow_dlt_provider.core.errors",
    "airflow_dlt_provider.core.planning.manifest",
    "airflow_dlt_provider.core.planning.planner",
    "airflow_dlt_provider.core.registry.connections",
    "airflow_dlt_provider.core.registry.values",
    "airflow_dlt_provider.core.state.store",
]


def test_every_module_of_the_core_imports_where_airflow_cannot_be_imported(run_python):
    assert "airflow_dlt_provider.core.loading.load" in CORE_MODULES
    code = """
import importlib, json, sys
sys.modules["airflow"] = None
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
import airflow_dlt_provider, airflow_dlt_provider.cli
print([name for name in sys.modules if name.startswith("airflow.")])
"""

    assert run_python(code, json.dumps(CORE_MODULES)).strip() == "[]"


@pytest.mark.parametrize("module", WITHOUT_DLT)
def test_what_parsing_needs_is_imported_without_dlt(run_python, module):
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {{'dlt', 'duckdb', 'pyarrow'}}))"

    assert run_python(code).strip() == "[]"
