# Everything starts here, from a bare clone, Python 3.11 or newer and a package index. `make help` lists the targets.
#
#   PYTHON       the interpreter to build .venv with (default: the first of python3, python3.13, … that is new enough)
#   PIP_ARGS     more arguments for pip, for instance `--no-cache-dir`
#   TORCH_INDEX  one more index, for another build of torch than the default one offers (CPU, CUDA, ROCm)
#   TESTS        what `make test` and its sisters run (default: tests)
#   JOBS         how many tests `make test` runs at a time (default: 2); each with one thread
#   PYTEST_ARGS  more arguments for pytest, for instance `-x -k packing`
#   DEMO_ARGS    more arguments for the demo, for instance `--seed 1 --output runs/another`
#   KINDS_ARGS   more arguments for the table of kinds, for instance `--only synthetic --size tiny`

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
PIP_ARGS ?=
TORCH_INDEX ?=
TESTS ?= tests
JOBS ?= 2
PYTEST_ARGS ?=
DEMO_ARGS ?=
KINDS_ARGS ?=

BIN := .venv/bin
PEERS := .venv-peers/bin
READY := .venv/.ready
PEERS_READY := .venv-peers/.ready
# --no-compile: only what is imported is ever compiled, at its first import; compiling all of it takes longer.
INSTALL := -m pip install --quiet --no-compile --disable-pip-version-check $(PIP_ARGS) \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
SAY_TORCH := import torch; print(f"torch {torch.__version__}:", \
	f"CUDA {torch.version.cuda} build" if torch.version.cuda else f"ROCm {torch.version.hip} build" if torch.version.hip \
	else "CPU build", "with a device" if torch.cuda.is_available() else "on the CPU")

.PHONY: help demo test test-slow test-all check format docs peers bench kinds-table clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z.-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

.venv: $(READY) ## make the virtual environment: pinned packages and plaudit itself, editable

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "plaudit needs Python 3.11 or newer; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Installing into .venv with $$($(PYTHON) --version) …"
	$(PYTHON) -m venv .venv
	$(BIN)/python $(INSTALL) -c constraints.txt -e '.[dev]'
	@$(BIN)/python -c '$(SAY_TORCH)'
	@touch $@

$(PEERS_READY): pyproject.toml constraints.txt constraints-peers.txt
	@test -n "$(PYTHON)" || { echo "plaudit needs Python 3.11 or newer; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv-peers
	$(PEERS)/python $(INSTALL) -c constraints-peers.txt trl sentence-transformers -e '.[dev]'
	@$(PEERS)/python -c '$(SAY_TORCH)'
	@touch $@

demo: $(READY) ## train a reward model on real human judgements and show how good it is
	$(BIN)/plaudit demo $(DEMO_ARGS)

test: $(READY) ## the tests, without the slow ones, JOBS of them at a time
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m "not slow and not peers" -n $(JOBS) --dist worksteal $(PYTEST_ARGS) $(TESTS)

test-slow: $(READY) ## only the slow tests
	$(BIN)/python -m pytest -q -m "slow and not peers" $(PYTEST_ARGS) $(TESTS)

test-all: $(READY) ## every test; those against the peers too, where `make peers` was run
	$(BIN)/python -m pytest -q -m "not peers" $(PYTEST_ARGS) $(TESTS)
	@if [ -e $(PEERS_READY) ]; then $(PEERS)/python -m pytest -q -m peers $(PYTEST_ARGS) $(TESTS); \
		else echo "Tests against the peers were not run: make peers"; fi

check: $(READY) ## all that must hold before a change lands: format, lint, types, import layers, tests (sizes and docs among them)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(MAKE) --no-print-directory test

format: $(READY) ## format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(READY) ## write the generated pages anew (kinds, command line, papers)
	$(BIN)/python docs/generate.py

peers: $(PEERS_READY) ## make .venv-peers (TRL, sentence-transformers) and run the tests against them
	$(PEERS)/python -m pytest -q -m peers $(PYTEST_ARGS) $(TESTS)

bench: $(READY) $(PEERS_READY) ## measure plaudit and its peers side by side (over an hour on 2 idle cores)
	$(BIN)/python -m benchmarks

kinds-table: $(READY) ## train and measure every objective and architecture; KINDS_ARGS="--only davidson" for a part
	$(BIN)/python -m benchmarks.kinds --resume $(KINDS_ARGS)

clean: ## remove environments, caches and build products; keep results
	rm -rf .venv .venv-peers build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
