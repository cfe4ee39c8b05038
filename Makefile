# make test: everything that CI checks. make demo: a fleet with real work, in a temporary home.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# The tests start hundreds of processes: none of them is to compile the package again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help test test-matrix lint types floors compiled pytest demo demo-postgres bench agents dist docs snapshots format constraints clean

help:
	@echo "make test        environment, lint, types, floors, tests: what CI runs"
	@echo "make test-matrix the same on Python 3.11, 3.12 and 3.13"
	@echo "make demo        a coordinator, two workers and a real fan-out, seen in the console"
	@echo "make demo-postgres a daemon on PostgreSQL, whose database is killed under it"
	@echo "make bench       speed, as ratios side by side"
	@echo "make agents      the real agents on a fleet, against a model that plays scripts (needs npm)"
	@echo "make snapshots   accept the console's pictures as they are now"
	@echo "make docs        make the reference anew from the code, and build the site in build/site"
	@echo "make format      format the code"
	@echo "make dist        build what is published, and try it in an empty environment"

# Compiling every library would be a third of the wait: a module is compiled when it is first imported.
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt

# What spl needs to run, and nothing of what is needed to change it.
$(VENV)/.base: pyproject.toml constraints.txt
	@echo "Setting up $(VENV), which is done once."
	@echo "  1 of 2: a Python environment (about 5 s)"
	@$(PYTHON) -m venv $(VENV)
	@echo "  2 of 2: spl and the libraries that it needs (about 20 s)"
	@$(PIP) --editable .
	@touch $@

# At once, and not after the other: pip works out what belongs together only once.
$(VENV)/.ready: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) with the tools that check and test, which is done once (about 40 s)."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[dev]'
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib
	@touch $(VENV)/.base $@

# What is checked without running goes on beside the compiling of the tests, which each process would do anew.
test: $(VENV)/.ready
	@$(MAKE) --no-print-directory -j 2 lint types floors compiled
	@$(MAKE) --no-print-directory pytest

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready
	$(BIN)/mypy

floors: $(VENV)/.ready
	$(BIN)/lint-imports --no-cache

compiled: $(VENV)/.ready
	@$(BIN)/pytest --collect-only -qq > $(VENV)/collected.txt || { cat $(VENV)/collected.txt; exit 1; }

# A file is one process's, in the order of their names: the quick ones of the console are last, so that no
# process waits long for the others. By number of tests, as xdist would, the slowest were last.
# Four processes on two cores: half of the time each of them waits for daemons and terminals.
pytest: $(VENV)/.ready
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

# Each Python has an environment of its own; one that is not installed is said to be untested, and fails the target.
MATRIX := 3.11 3.12 3.13
test-matrix:
	@untested=; for version in $(MATRIX); do \
	  python$$version -c pass 2>/dev/null || { untested="$$untested $$version"; continue; }; \
	  $(MAKE) test PYTHON=python$$version VENV=.venv-$$version || exit 1; \
	done; \
	[ -z "$$untested" ] || { echo "not tested, since not installed:$$untested"; exit 1; }

# What would be published, tried in an empty environment.
dist: $(VENV)/.ready
	rm -rf dist build/empty
	$(BIN)/python -m build --outdir dist .
	$(PYTHON) -m venv build/empty
	build/empty/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt dist/*.whl
	build/empty/bin/spl version

demo: $(VENV)/.base
	@$(BIN)/spl demo

demo-postgres: $(VENV)/.ready
	@$(BIN)/python -m benchmarks.postgres_demo

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

# What is made from the code is made anew first.
docs: $(VENV)/.ready
	$(BIN)/python -m docs_tools
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "build/site/index.html"

# Installs the command lines by their names into a temporary folder; no key and no account is needed.
agents: $(VENV)/.ready
	cd tests && ../$(BIN)/python -m agents_matrix

snapshots: $(VENV)/.ready
	$(BIN)/pytest -n 2 tests/tui --snapshot-update

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Pins for development: what is installed now, by name and version only.
constraints: $(VENV)/.ready
	$(BIN)/pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==' > constraints.txt

clean:
	rm -rf .venv .venv-3.* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
