# Every target installs what it needs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SUITE ?= tests
KAFKA_SUITE ?= -m 'not lengthy' tests/integration

.DEFAULT_GOAL := help
.PHONY: help install demo test test-kafka test-grafana lint types fmt chaos manifests bench latency watch scale clean simulate

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(STAMP)  ## Install everything into .venv

demo: install  ## Play eleven weeks of a furniture shop's service desk, then live numbers
	$(BIN)/servicepulse demo

test: lint types  ## Everything: style, types, import rules, all suites
	$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder -m 'not lengthy and not kafka' $(SUITE)

test-kafka: install  ## Integration tests and its own cases on Apache Kafka itself; needs Java 17 and Maven
	$(BIN)/python -m tests.kafka.artifact
	SERVICEPULSE_TEST_BROKER=apache $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(KAFKA_SUITE)

test-grafana: install  ## What the suite only simulates, on the Grafana that SERVICEPULSE_GRAFANA names
	@test -n "$$SERVICEPULSE_GRAFANA" || { echo "No Grafana: start one of your own with the plugin grafana-clickhouse-datasource, and set SERVICEPULSE_GRAFANA and SERVICEPULSE_GRAFANA_TOKEN. Its folder Service Pulse is overwritten."; exit 1; }
	SERVICEPULSE_TEST_TOOLS=required $(BIN)/pytest tests/dashboards/test_apply.py tests/deploy/test_notification.py

chaos: install  ## Kills, outages and 20 seeded runs of everything at once; CHAOS='--seed 7' plays one again
	$(BIN)/python -m tests.chaos.driver $(CHAOS)
	OUTAGE_SECONDS=65 $(BIN)/pytest -m '(lengthy or chaos) and not kafka' --timeout 900 tests/integration

simulate: install  ## 100,000 stories of workers, broker and store in one process, each by its seed
	$(BIN)/python -m tests.simulated --stories $(or $(STORIES),100000)

lint: install  ## Style and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install  ## mypy --strict on code and tests
	$(BIN)/mypy

fmt: install  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

manifests: install  ## Compose and Kubernetes files as their own tools read them
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'kubernetes-validate>=1.37'
	SERVICEPULSE_TEST_TOOLS=required $(BIN)/pytest tests/deploy

bench: install  ## Ingest speed beside a plain Faust agent, on the same events
	$(BIN)/python -m tests.bench.ingest

latency: install  ## How soon an event is seen in the numbers, at 500 events a second
	$(BIN)/python -m tests.bench.latency

watch: install  ## How often the watch judges at 2,000 events a second beside a backfill of a million
	$(BIN)/python -m tests.bench.watch --backfill 1000000

scale: install  ## How fast every metric and every panel answers over a million tickets
	$(BIN)/python -m tests.bench.scale

clean:  ## Remove the virtual environment, caches and the embedded stack's folder
	-test -x $(BIN)/servicepulse && $(BIN)/servicepulse down
	rm -rf $(VENV) .servicepulse .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info build
