# PET: every task, one line each. `make help` prints this list.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.made

.DEFAULT_GOAL := help
.PHONY: help env demo test check fix package promises bench clean

help:  ## Print what there is to do
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "PET needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv .venv
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP)

env: $(STAMP)  ## Make the environment in .venv, with pinned versions

demo: env  ## Run PET with a demonstration firm on http://127.0.0.1:8000
	$(BIN)/pet-graph serve --demo

test: env  ## Run every test, on PET's own PostgreSQL
	$(BIN)/python -m pytest -n auto --dist loadfile

check: env  ## Format, lint, types, import contracts, promises, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pet-graph export-schema | diff - schema.graphql
	$(BIN)/python -m pytest -n auto --dist loadfile

fix: env  ## Format the code and mend what the linter can
	$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

package: env  ## Build the wheel, install it into a fresh environment, and use it
	@PATH="$(dir $(shell command -v $(PYTHON))):$$PATH" bash tests/package.sh

promises: env  ## Write schema.graphql, events.json, new samples and the SQL of typical queries anew
	$(BIN)/python tests/promises.py

bench: env  ## Measure PET beside others, and write bench/results.md (about half an hour)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m bench

clean:  ## Remove the environment and the demonstration's data
	rm -rf .venv .pet
