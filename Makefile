# Bare `make` lists the targets. Everything runs in .venv, which is made when it is needed.
#   make all DATA_DIR=... RESULTS_DIR=... JOBS=...   other folders, other number of processes
#   make test EXTRAS=dev,cluster,keras,tensorboard  with the tests of optional extras

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= auto
DATA_DIR ?= $(or $(HW_DATA_DIR),data)
RESULTS_DIR ?= $(or $(HW_RESULTS_DIR),results)
FOLDERS = --data-dir "$(DATA_DIR)" --results-dir "$(RESULTS_DIR)"
HW = $(BIN)/python -m hw
EXTRAS ?= dev
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help all quick grid test test-full check format clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | \
	    awk -F '\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

all: $(VENV)/.runtime ## fetch the data that can be had, run every question, judge and show the results
	@$(HW) data fetch $(FOLDERS) || true
	@$(HW) run all --jobs $(JOBS) --keep-going $(FOLDERS); code=$$?; \
	    $(HW) verify $(FOLDERS); $(HW) report $(FOLDERS); exit $$code

quick: $(VENV)/.runtime ## the tour: every question on its stand-in, an epoch or two
	$(HW) run all --data stand-in --epochs 2 --jobs $(JOBS) --keep-going $(FOLDERS)

grid: $(VENV)/.runtime ## the 48-run grid of ist2021 (about 45 minutes on two cores; goes on where it stopped)
	$(HW) run ist2021.q4.feedforward_grid --jobs $(JOBS) $(FOLDERS)

test: $(VENV)/.dev ## the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-full: $(VENV)/.dev ## the tests with their coverage, and all that a new user does in a fresh clone
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov=hw --cov-report=term:skip-covered
	$(BIN)/python -m pytest -s tests/whole_system.py

check: $(VENV)/.dev ## what CI checks besides the tests: lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin

format: $(VENV)/.dev ## rewrite the sources in the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove .venv and caches; data and results stay
	rm -rf $(VENV) .pytest_cache .hypothesis .mypy_cache .ruff_cache

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.runtime: requirements.txt $(VENV)/.python
	$(PIP_INSTALL) -r requirements.txt
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.runtime
	$(PIP_INSTALL) --editable '.[$(EXTRAS)]'
	touch $@
