# `make up` and `make test` are all that a newcomer needs; everything else is for people who change Headway.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: up down test lint docs clean

up: $(STAMP)
	@$(BIN)/headway up

down: $(STAMP)
	@$(BIN)/headway down

test: $(STAMP)
	@$(BIN)/python -m pytest -n 2 --durations=25 --durations-min=5 tests

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(STAMP)
	@$(BIN)/python docs/generate.py

clean:
	@rm -rf $(VENV) .headway .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt
	@python="$$(for p in python3 python3.13 python3.12 python3.11 python; do \
	    "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11, 4))' 2>/dev/null && { echo "$$p"; break; }; done)"; \
	  [ -n "$$python" ] || { echo "Headway needs Python 3.11.4 or newer on PATH; none was found. Install it and run make again." >&2; exit 1; }; \
	  echo "Installing Headway and its dependencies into $(VENV) (once)"; \
	  [ -x $(BIN)/python ] || "$$python" -m venv $(VENV)
	@# Most of what is installed is never imported; what is, is compiled then.
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
