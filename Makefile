# Two commands: `make demo` (the gate against a stack on this machine) and `make test` (the suite's own tests).
.PHONY: demo test lint drill bench setup programs
.DEFAULT_GOAL := demo

PYTHON ?= python3
ENV ?= demo
# Tests wait more than they compute.
WORKERS ?= 4
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

demo: setup programs
	@$(PY) -m pytest --env=demo

test: setup programs
	@$(PY) -m pytest tests -q -n $(WORKERS) --dist worksteal

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m mypy

drill: setup programs
	@$(PY) -m tests.drill --env=$(ENV)

bench: setup programs
	@$(PY) -m bench

setup: $(STAMP)

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "golive needs Python 3.11 or newer; $(PYTHON) is not (or is missing). Try: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) could not make $(VENV); on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

programs: setup
	@sh fixtures/stack/install.sh $(PY)
