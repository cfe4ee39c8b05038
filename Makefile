# make test: everything that CI checks. make demo: a fleet with real work, in a temporary home.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# The tests start hundreds of processes: none of them is to compile the package again.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help test lint types floors pytest demo bench snapshots format constraints clean

help:
	@echo "make test       environment, lint, types, floors, tests: what CI runs"
	@echo "make demo       a coordinator, two workers and a real fan-out, seen in the console"
	@echo "make bench      speed, as ratios side by side"
	@echo "make snapshots  accept the console's pictures as they are now"
	@echo "make format     format the code"

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

test: lint types floors pytest

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.ready
	$(BIN)/mypy

floors: .venv/.ready
	$(BIN)/lint-imports --no-cache

# A file is one process's, in the order of their names: the quick ones of the store are last, so that neither
# process waits long for the other. By number of tests, as xdist would, the slowest were last.
# Three processes on two cores: a third of the time each of them waits for daemons and terminals.
pytest: .venv/.ready
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder -p no:syrupy --ignore tests/tui
	$(BIN)/pytest -n 3 tests/tui

demo: .venv/.ready
	@$(BIN)/spl demo

bench: .venv/.ready
	$(BIN)/python -m benchmarks

snapshots: .venv/.ready
	$(BIN)/pytest -n 2 tests/tui --snapshot-update

format: .venv/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Pins for development: what is installed now, by name and version only.
constraints: .venv/.ready
	$(BIN)/pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==' > constraints.txt

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
