# make run    a broker on 127.0.0.1:9092         make test        lint, types, layers, tests
# make bench  what the hot path costs            make test-slow   the tests that take longer
# make compat real clients against it            make crash       kill -9 under load, 50 seeds
# make bank   100,000 transfers, exactly once    make lint        style and types only

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN = $(VENV)/bin
LISTEN ?= 127.0.0.1:9092

.PHONY: run test test-slow crash bank lint bench compat clean

run: $(VENV)/.installed
	$(BIN)/pybroker --listen $(LISTEN) $(ARGS)

test: lint
	$(BIN)/python -m pytest -q

test-slow: $(VENV)/.tested
	$(BIN)/python -m pytest -q -m slow

crash: $(VENV)/.tested
	CRASH_SEEDS=$${CRASH_SEEDS:-50} STORAGE_SEEDS=$${STORAGE_SEEDS:-20000} $(BIN)/python -m pytest -q -m slow tests/crash tests/storage

bank: $(VENV)/.tested
	BANK_TRANSFERS=$${BANK_TRANSFERS:-100000} BANK_SEED=$${BANK_SEED:-1} $(BIN)/python -m pytest -q -s -m slow tests/crash/test_bank.py

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.tested
	for script in tests/bench/bench_*.py; do $(BIN)/python -m tests.bench.$$(basename $$script .py) $(ARGS) || exit 1; done

compat: $(VENV)/.tested
	PATH="$(CURDIR)/$(BIN):$$PATH" compat/run.sh $(ARGS)

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "pybroker needs Python 3.11 or newer; say where it is with make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.tested: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
