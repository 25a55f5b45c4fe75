# Every target installs what it needs into .venv, made by PYTHON: python3, or what it was made by before.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,python3)
# Another PYTHON has another stamp; then .venv is made anew.
STAMP := $(VENV)/.installed-$(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null)
# urllib3-future, which grafana-client brings, would replace urllib3; built from its source it stands beside it.
PIP := URLLIB3_NO_OVERRIDE=1 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-binary urllib3-future
SUITE ?= tests
QUICK_SUITE ?= tests/unit tests/properties tests/contract tests/golden
KAFKA_SUITE ?= -m 'not lengthy' tests/integration
# Tests start hundreds of processes; each would compile our modules anew where Python is told not to keep them compiled.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo audit quick quick-tests test suite test-kafka test-grafana lint types fmt chaos manifests bench door latency watch race scale growth soak clean simulate mutants

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; try: make PYTHON=python3.11"; exit 1; }
	@if test -x $(BIN)/python && test "$$($(BIN)/python -V)" != "$$($(PYTHON) -V)"; then echo "$(VENV) is of $$($(BIN)/python -V) and made anew for $$($(PYTHON) -V)"; $(PYTHON) -m venv --clear $(VENV); fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[dev]'
	@test -z "$$(find $(VENV)/lib -name urllib3_future.pth)" || $(PIP) --force-reinstall --no-deps urllib3-future urllib3
	@touch $@

install: $(STAMP)  ## Install everything into .venv

demo: install  ## Play eleven weeks of a furniture shop's service desk, then live numbers
	$(BIN)/servicepulse demo

quick: install  ## Style, types, units and properties, in a minute and a half
	@begun=$$(date +%s); $(MAKE) --no-print-directory -j2 -O lint types quick-tests && echo "quick: $$(($$(date +%s) - begun)) s"

quick-tests: install
	SERVICEPULSE_EXAMPLES=quick $(BIN)/pytest --quiet --numprocesses 2 -m 'not lengthy and not weighty and not integration' $(QUICK_SUITE)

test: lint  ## Everything: style, types, import rules, all suites
	@$(MAKE) --no-print-directory -j2 suite types

suite: install
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

mutants: install  ## What the tests notice of 40 small faults in the core; MUTANTS='--seed 7' draws others
	$(PIP) 'cosmic-ray>=8.7'
	$(BIN)/python -m tests.mutants $(MUTANTS)

audit: install  ## Known weaknesses and licences of the packages that the images have
	$(PIP) 'pip-audit>=2.10'
	$(BIN)/python -m tests.deploy.audit

manifests: install  ## Compose and Kubernetes files as their own tools read them
	$(PIP) 'kubernetes-validate>=1.37'
	SERVICEPULSE_TEST_TOOLS=required $(BIN)/pytest tests/deploy

bench: install  ## Ingest speed beside a plain Faust agent, on the same events
	$(BIN)/python -m tests.bench.ingest

latency: install  ## How soon an event is seen in the numbers, at 500 events a second
	$(BIN)/python -m tests.bench.latency

door: install  ## How fast events come in over HTTP, beside a bare handler that publishes without checking
	$(BIN)/python -m tests.bench.door

watch: install  ## How soon live events are seen beside a backfill of a million, and how often the watch judges, on Apache Kafka
	$(BIN)/python -m tests.kafka.artifact
	SERVICEPULSE_TEST_BROKER=apache $(BIN)/python -m tests.bench.watch --backfill 1000000

RACE := .race/venv
$(RACE)/.installed: tests/race/requirements.txt $(STAMP)
	$(BIN)/python -m venv --clear $(RACE)
	$(RACE)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

race: install $(RACE)/.installed  ## How fast a worker is beside Quix Streams, Bytewax, plain Faust and a loop by hand; RACE_OPTIONS='--rounds 2'
	$(BIN)/python -m tests.race $(RACE_OPTIONS)

scale: install  ## How fast every metric and every panel answers over a million tickets
	$(BIN)/python -m tests.bench.scale

growth: install  ## How speed changes with workers, stored tickets, events a ticket, names; GROWTH_OPTIONS='--only hot --rounds 1'
	$(BIN)/python -m tests.growth $(GROWTH_OPTIONS)

soak: install  ## Memory of a worker with a million open tickets, over half an hour, on Apache Kafka
	$(BIN)/python -m tests.kafka.artifact
	SERVICEPULSE_TEST_BROKER=apache $(BIN)/python -m tests.bench.soak

clean:  ## Remove the virtual environment, caches and the embedded stack's folder
	-test -x $(BIN)/servicepulse && $(BIN)/servicepulse down
	find schemas streams dashboards deploy tests -name __pycache__ -prune -exec rm -rf {} +
	rm -rf $(VENV) .race .servicepulse .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info build
