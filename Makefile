# Everything a newcomer needs. Only Python 3.11-3.13, git and make are expected to be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_FLAGS := --quiet --disable-pip-version-check

.PHONY: setup demo test lint audit format docs bench soak clean

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) --constraint constraints.txt hatchling editables
	$(BIN)/python -m pip install $(PIP_FLAGS) --constraint constraints.txt --no-build-isolation --editable ".[dev]"
	touch $@

demo: setup
	$(BIN)/qsync demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Known vulnerabilities of the pinned versions; skipped with a notice where pip-audit cannot be installed or the
# advisories are out of reach.
audit: setup
	-@$(BIN)/python -m pip install $(PIP_FLAGS) --retries 1 --timeout 5 --constraint constraints.txt pip-audit
	$(BIN)/python -m qsync_pipeline_tests.security.audit

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	$(BIN)/python -m qsync_pipeline_tests.docs

bench: setup
	$(BIN)/python -m qsync_pipeline_tests.bench

soak: setup
	$(BIN)/python -m pytest -m soak

clean:
	rm -rf $(VENV) .qsync .mypy_cache .ruff_cache .pytest_cache
