# Each target works as the first command on a fresh machine: it makes .venv and installs into it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed-$(shell cat pyproject.toml | cksum | cut -d' ' -f1)
TEST_WORKERS ?= 2

.PHONY: demo test test-all check clean

demo: $(STAMP)
	$(BIN)/pagelens demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(TEST_WORKERS) -m "not slow"

test-all: $(STAMP)
	$(BIN)/python -m pytest -n $(TEST_WORKERS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "expected Python 3.11 or newer, found " + sys.version.split()[0] + ". Set PYTHON to one: make demo PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .hypothesis
