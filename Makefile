# Needs Python 3.11 or newer and make; everything else is installed into .venv, version by version and hash by hash.
#
#   make demo     a simulated region that answers a question about one patient
#   make test     every test
#   make check    style, types, import rules, the wire contract
#   make bench    the benches, one after another

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first interpreter that is new enough, or name one: make demo PYTHON=/path/to/python
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c '$(NEW_ENOUGH)' 2>/dev/null && { command -v "$$name"; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
BUF := @bufbuild/buf@1.75.0
KIT := tests/e2e/fhir_kit_client

# What is given to the commands, for instance: make demo DEMO_ARGS=--once, make test PYTEST_ARGS='-k consent'
DEMO_ARGS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
# Half of the time a test waits for processes and clocks: two for each of two cores.
JOBS ?= 4
# Of what PYTEST_ARGS chooses, none may be in one of the three parts; of all tests, some must be.
NONE_CHOSEN = { test $$? -eq 5 && test -n "$(PYTEST_ARGS)"; }

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: demo
demo: $(VENV)/.run ## Start a simulated region and ask it a question
	@$(BIN)/noaber demo $(DEMO_ARGS)

.PHONY: test
test: $(VENV)/.dev clients ## Run every test
	@$(BIN)/python -m pytest --part together -n $(JOBS) --dist worksteal $(PYTEST_ARGS) || $(NONE_CHOSEN)
	@$(BIN)/python -m pytest --part regions -n 3 --dist loadfile $(PYTEST_ARGS) || $(NONE_CHOSEN)
	@$(BIN)/python -m pytest --part alone $(PYTEST_ARGS) || $(NONE_CHOSEN)

.PHONY: long
long: $(VENV)/.dev ## Decide a million random questions against the oracle, and kill -9 two hundred times
	@NOABER_LONG=1 $(BIN)/python -m pytest --timeout=3600 tests/accord/rules/test_deciding.py tests/region/test_no_line_no_data.py

.PHONY: clients
clients: ## Install the client of the web that the tests use (needs npm)
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(KIT)/node_modules/.ready; \
	else echo "npm is not installed here: the tests with a client of the web will be skipped"; test -z "$${CI:-}"; fi

.PHONY: check
check: lint types imports proto-check proto-lint ## Check style, types, import rules and the wire contract

.PHONY: lint
lint: $(VENV)/.dev ## Check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: format
format: $(VENV)/.dev ## Put the code in form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: types
types: $(VENV)/.dev ## Check types
	@$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/.dev ## Check who imports whom
	@$(BIN)/lint-imports --no-logo

.PHONY: proto
proto: $(VENV)-proto/.ready ## Generate accord/wire/v1 from proto/
	@$(VENV)-proto/bin/python tools/generate_proto.py

.PHONY: proto-check
proto-check: $(VENV)-proto/.ready ## Check that the generated code is what proto/ says
	@$(VENV)-proto/bin/python tools/generate_proto.py --check

.PHONY: proto-lint
proto-lint: ## Check the form of proto/ (needs npm)
	@if command -v npx >/dev/null; then cd proto && npx --yes $(BUF) lint; \
	else echo "proto-lint: skipped, npm is not installed here (it brings buf)"; test -z "$${CI:-}"; fi

.PHONY: bench
bench: $(VENV)/.dev ## Run the benches; each prints its figures
	@$(BIN)/python -m benches $(BENCH_ARGS)

.PHONY: lock
lock: ## Lock anew (UPGRADE=1: to the newest versions)
	@test -x $(VENV)-lock/bin/uv || { $(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip --quiet --disable-pip-version-check install 'uv>=0.13,<1'; }
	@tools/lock.sh $(VENV)-lock/bin/python

.PHONY: clean
clean: ## Remove what was installed and what tools left behind
	@rm -rf $(VENV) $(VENV)-proto $(VENV)-lock .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist build $(KIT)/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(KIT)/node_modules/.ready: $(KIT)/package-lock.json $(KIT)/.npmrc
	@cd $(KIT) && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null
	@touch $@

# One environment holds what runs and what tests it: both locks agree. A stamp says that it is as the lock says.
$(VENV)/.run: requirements/run.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Noaber needs into $(VENV) (once; about a minute) …"
	@$(PIP) install --require-hashes --requirement requirements/run.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Noaber and its tests need into $(VENV) (once; about two minutes) …"
	@$(PIP) install --require-hashes --requirement requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run $@

$(VENV)-proto/.ready: requirements/proto.lock
	$(call make_venv,$(VENV)-proto)
	@$(VENV)-proto/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --requirement requirements/proto.lock
	@touch $@

$(BIN)/python:
	$(call make_venv,$(VENV))

define make_venv
	@test -n "$(PYTHON)" || { echo "Noaber needs Python 3.11 or newer; none was found. Name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "Noaber needs Python 3.11 or newer; $(PYTHON) is older." >&2; exit 1; }
	@"$(PYTHON)" -m venv $(1) || { echo "$(PYTHON) cannot make an environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
endef
