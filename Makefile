# Each target works as the first command on a fresh machine: it makes a virtual environment and installs into it.
# The demo installs the light PageLens (no torch); the tests and checks install everything.
PYTHON ?= python3
TEST_WORKERS ?= 2
# Each worker takes files in a row and a worker that has none left takes over half of another's: what a file's tests
# share is made once, and not in each worker.
# No test uses the two plug-ins. Tests start hundreds of processes; without bytecode files each compiles every module.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := -m pytest -n $(TEST_WORKERS) --dist worksteal -p no:langsmith_plugin -p no:schemathesis
SUM := $(shell cksum < pyproject.toml | cut -d' ' -f1)
DEMO := .venv-demo
DEV := .venv
CLIENTS := .venv-clients

.PHONY: demo test test-all check clean

demo: $(DEMO)/installed-$(SUM)
	$(DEMO)/bin/pagelens demo

test: $(DEV)/installed-$(SUM) $(CLIENTS)/installed-$(SUM)
	$(DEV)/bin/python $(PYTEST) -m "not slow"

test-all: $(DEV)/installed-$(SUM) $(CLIENTS)/installed-$(SUM)
	$(DEV)/bin/python $(PYTEST)

check: $(DEV)/installed-$(SUM)
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	$(DEV)/bin/hadolint Dockerfile

$(DEMO)/installed-$(SUM): INSTALL = --editable ".[demo]"
$(DEV)/installed-$(SUM): INSTALL = --editable ".[all]" --group dev
$(CLIENTS)/installed-$(SUM): INSTALL = --group clients

%/installed-$(SUM): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "expected Python 3.11 or newer, found " + sys.version.split()[0] + ". Set PYTHON to one: make demo PYTHON=python3.12")'
	$(PYTHON) -m venv $*
	$*/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$*/bin/python -m pip install --quiet $(INSTALL)
	touch $@

clean:
	rm -rf .venv .venv-demo .venv-clients build dist *.egg-info .mypy_cache .ruff_cache .hypothesis
