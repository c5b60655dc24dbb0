# Two commands are enough: `make demo` and `make test`.  Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test redteam lint install clean

# `touch` last: an interrupted install is done again.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11, 4) else \
		"Python 3.11.4 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --constraint constraints.txt --editable '.[train,dev]'
	touch $@

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/proofmill demo

test: $(STAMP)
	$(BIN)/proofmill lean install
	$(BIN)/python -m pytest

redteam: $(STAMP)
	$(BIN)/proofmill lean install
	$(BIN)/python -m tests.redteam.run

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info
