# `make demo` and `make test` work in a fresh clone: each makes .venv and installs
# what it needs, and installs again only when pyproject.toml changes.
#   make demo PYTHON=python3.12    another interpreter
#   make demo DEMO="--seeds 3"     options of `skal demo`
#   make label                     label handwritten digits on a page; ctrl C ends it
#   make test-all                  long tests too, oldest versions, and the built wheel
#   make test-pythons              a smoke test on each Python that is at hand

PYTHON ?= python3
VENV ?= .venv
DEMO ?=
LABEL ?=

BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check
# A process a core; a thread each, or they wait for one another.
PYTEST := OMP_NUM_THREADS=1 timeout 2400 $(BIN)/python -m pytest \
  -n auto --maxprocesses 8 --dist worksteal

.PHONY: demo label test test-long test-oldest test-wheel test-pythons test-all lint docs \
  bench clean

demo: $(VENV)/.core
	$(BIN)/skal demo $(DEMO)

label: $(VENV)/.label
	$(BIN)/skal label digits $(LABEL)

test: $(VENV)/.dev
	$(PYTEST) -m "not long"

test-long: $(VENV)/.dev
	$(PYTEST) -m long

test-oldest:
	timeout 2400 .ci/oldest

test-wheel: $(VENV)/.dev
	timeout 600 .ci/wheel $(BIN)/python

test-pythons:
	timeout 3600 .ci/pythons

test-all: test test-long test-oldest test-wheel

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/flake8 skal

# What the classes say of themselves, into README and docs; a test compares.
.PHONY: tables
tables: $(VENV)/.core
	$(BIN)/python docs/strategy_tables.py

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.bench
	set -e; for script in benchmarks/bench_*.py; do $(BIN)/python $$script; done

# Leaves the environments, which are expensive; `rm -r .venv*` starts from nothing.
clean:
	rm -rf build dist *.egg-info docs/_build docs/generated docs/examples
	rm -rf .pytest_cache .ruff_cache .mypy_cache
	find skal tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# One pip call for each level, so that torch and torchvision are resolved together.
$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) -e .
	touch $@

$(VENV)/.label: pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) -e ".[label]"
	touch $@ $(VENV)/.core

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) -e ".[dev,docs]"
	touch $@ $(VENV)/.core $(VENV)/.label

$(VENV)/.bench: pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) -e ".[bench]"
	touch $@ $(VENV)/.core

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("skal needs Python 3.11 or newer, got " + sys.version.split()[0] + ". Name one: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
