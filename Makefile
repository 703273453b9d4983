# Two commands do everything: `make benchmark` and `make test`. Both set up .venv first if it is missing or out of date.

VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# The first interpreter that is new enough; override with `make PYTHON=...`.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export RAY_USAGE_STATS_ENABLED := 0
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup benchmark test test-all oracles quick lint docs ui lock clean

help:  ## show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## create .venv with the pinned versions

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python >= 3.11 found; install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) (about 2 minutes) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "error: $(PYTHON) cannot make a virtual environment; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

benchmark: $(READY)  ## prepare the data, train every combination, report, keep the best models
	@dvc repro
	-@mmbench champion
	@echo
	@echo "Report:  reports/report.html"
	@echo "Browse:  make ui   (every run in MLflow, on this machine only)"
	@echo "Keep:    git add dvc.lock && git commit   (\`mmbench compare HEAD .\` then says what later runs change)"

ui: $(READY)  ## browse every run in MLflow (loopback only; Ctrl-C ends it)
	@mmbench ui || [ $$? -eq 130 ]

lint: $(READY)  ## style, types, import contracts
	ruff check .
	ruff format --check .
	mypy
	lint-imports

docs: $(READY)  ## write the tables of docs/variants.md from the registries
	python -m mmbench.cli.variant_tables

# One process more than cores, since tests often wait for processes of their own; whoever has finished takes tests from others.
WORKERS := $(shell nproc 2>/dev/null | awk '{n = $$1 + 1; print (n < 8 ? n : 8)}' || echo 3)
PYTEST  := pytest -n $(WORKERS) --dist worksteal

quick: $(READY)  ## the quick tests only (5 minutes)
	$(PYTEST) -m "not slow and not exhaustive"

test: lint  ## what must hold before a change lands: style, types, imports, tests (20 to 40 minutes)
	$(PYTEST) -m "not exhaustive"

test-all: lint oracles  ## everything, such as before a release (one to two hours)
	PYTHONPATH=build/oracles $(PYTEST) -m "not alone"
	pytest -m alone

oracles: build/oracles/.ready  ## install libraries with which probes are compared, beside .venv

build/oracles/.ready: requirements-oracles.txt $(READY)
	@rm -rf build/oracles
	@python -m pip install --quiet --disable-pip-version-check --no-deps --target build/oracles --requirement requirements-oracles.txt
	@touch $@

lock:  ## pin the newest versions that pyproject.toml allows (TORCH=... picks the build of PyTorch)
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install --quiet setuptools torch==$(or $(TORCH),2.13.0) ".[dev]"
	{ echo "# Made by \`make lock\`: every version that mmbench was tested with. No addresses: pip's own configuration decides where from."; \
	  build/lock/bin/python -m pip freeze --all --exclude mmbench --exclude pip | sed -E 's/^(torch==[0-9.]+)\+.*/\1/'; } > requirements.lock
	rm -rf build/lock

clean:  ## remove what a run produced (data, ledger, weights, reports, MLflow); keeps .venv
	rm -rf data/prepared data/ledger data/budget data/weights data/.ledger.* data/.prepared.* data/profile/*.json reports mlflow.db* mlartifacts dvc.lock
