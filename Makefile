# the two commands are `make run` and `make test`; `make help` lists all

PYTHON ?= python3
PORT ?= 8080
UNTIL ?=
ONCE ?=
ONLY ?=
BENCH ?=
# not AIRFLOW_HOME, which may be exported and name an Airflow of the reader's own
RUN_HOME ?= $(CURDIR)/.airflow

CORE_SEEDS := tests/core/seed_001
SEEDS := tests/integration/test_seed_001_in_a_real_airflow.py

VENV := .venv
CORE_VENV := .venv-core
# compiled once here, or every Airflow process would compile every module again
UV_INSTALL := uv pip install --quiet --compile-bytecode --constraint constraints.txt

export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX :=

.PHONY: help setup run test test-core test-provider test-integration test-seeds test-ui chaos bench bench-page screenshots lint schemas format build clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/:/' | awk -F: '{printf "%-18s %s\n", $$1, $$2}'

setup: $(VENV)/.dev  ## make the environment, in .venv

run: $(VENV)/.run  ## run the example in a real Airflow: UNTIL=2013-07-01, ONCE=1, PORT=8080
	@cd scripts && exec ../$(VENV)/bin/python run_demo.py --home "$(RUN_HOME)" --port $(PORT) --until "$(UNTIL)" $(if $(ONCE),--once)

test: test-core test-provider test-integration  ## all tests but those of the UI and of the seeds

test-core: $(CORE_VENV)/.done  ## the core, without Airflow
	$(CORE_VENV)/bin/python -m pytest -n 2 tests/core tests/chaos --ignore $(CORE_SEEDS)

test-provider: $(VENV)/.dev  ## operators and Dags, with Airflow and no server
	$(VENV)/bin/python -m pytest -n 2 tests/provider

test-integration: $(VENV)/.dev  ## the built wheel in a real Airflow
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile -m "not ui" tests/integration --ignore $(SEEDS)

test-seeds: $(CORE_VENV)/.done $(VENV)/.dev  ## every example of the seeds, on the command line and in a real Airflow: ten minutes
	$(CORE_VENV)/bin/python -m pytest -n 2 $(CORE_SEEDS)
	$(VENV)/bin/python -m pytest $(SEEDS)

test-ui: $(VENV)/.dev  ## the page, the trigger form and a backfill, in Chromium and a real Airflow: five minutes
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile -m ui tests/integration

chaos: $(CORE_VENV)/.done  ## loads that are killed at every step, and fifty tables at once: half an hour
	$(CORE_VENV)/bin/python -m tests.chaos
	$(CORE_VENV)/bin/python -m tests.chaos.fifty
	CHAOS=full $(CORE_VENV)/bin/python -m pytest tests/chaos/test_faults.py

bench: $(VENV)/.dev  ## all cases but the page, into bench/RESULTS.md: hours; ONLY=small, BENCH="--quick --repeat 3"
	$(VENV)/bin/python -m bench $(if $(ONLY),--only $(ONLY)) $(BENCH)

bench-page: $(VENV)/.dev  ## the page with 1,000 resources, next to Airflow's own pages: five minutes
	$(VENV)/bin/python -m bench --only page

screenshots: $(VENV)/.dev  ## those of the README, in docs/, made by the tests of the UI
	SCREENSHOTS=docs $(VENV)/bin/python -m pytest tests/integration/test_ui_in_a_real_airflow.py tests/integration/test_page_in_a_real_airflow.py

lint: $(VENV)/.dev  ## style, types, boundaries
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

schemas: $(VENV)/.run  ## the JSON Schemas of sources.yml and schedules.yml, in docs/
	$(VENV)/bin/python -m airflow_dlt_provider.core.registry.json_schema docs

format: $(VENV)/.dev  ## put code into its form
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

build: $(VENV)/.run  ## the wheel, in dist/
	$(VENV)/bin/uv build --quiet --wheel --out-dir dist

clean:  ## remove everything that was made here; stop Airflow first
	rm -rf $(VENV) $(CORE_VENV) .airflow dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "Error: $(PYTHON) is $$($(PYTHON) --version), and 3.10 or newer is needed: make PYTHON=python3.12"; exit 1; }
	@echo "Making the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet uv

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/uv
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/$(UV_INSTALL) --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@VIRTUAL_ENV=$(VENV) $(VENV)/bin/$(UV_INSTALL) --group test --group test-provider --group lint
	@touch $@

$(CORE_VENV)/.done: pyproject.toml constraints.txt | $(VENV)/bin/uv
	@$(VENV)/bin/uv venv --quiet --clear --python $(VENV)/bin/python $(CORE_VENV)
	@VIRTUAL_ENV=$(CORE_VENV) $(VENV)/bin/$(UV_INSTALL) --group core --group test
	@touch $@
