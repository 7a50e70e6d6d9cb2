# What one does with this project. Needed: Python 3.11 or newer with pip, make, and a package index.
#
# Everything is installed into $(VENV) and only when it is not there yet or pyproject.toml has changed: the stamps
# below say so. All paths are relative, because make cannot handle the spaces a clone's own path may contain.

PYTHON ?= python3
VENV ?= .venv
SCENARIO ?= scenarios/quickstart.yaml
PYTEST_ARGS ?=
PEERS_ARGS ?=

RUN := "$(VENV)/bin/python"
PIP := $(RUN) -m pip --disable-pip-version-check --quiet
SOURCES := ndisemu tests benchmarks

# A Python that is named must be the one in $(VENV): otherwise a test of 3.13 would quietly run on 3.11.
ifneq ($(origin PYTHON),file)
SAME_PYTHON := same-python
endif
VERSION := -c 'import sys; print("Python %d.%d" % sys.version_info[:2])'

.DEFAULT_GOAL := help
.PHONY: help run test check bench bench-peers clean same-python

help: ## Print this list
	@echo "make TARGET [PYTHON=python3.12] [VENV=.venv-3.12]"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-11s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.installed ## Run the quickstart scenario, or another: make run SCENARIO=my.yaml
	@$(RUN) -m ndisemu run "$(SCENARIO)"

test: $(VENV)/.installed-test ## Run the whole test suite on all processors; PYTEST_ARGS="-k ring" selects
	$(RUN) -m pytest -n auto $(PYTEST_ARGS)

check: $(VENV)/.installed-test ## Check format, lint, types and the contracts between packages
	$(RUN) -m ruff format --check $(SOURCES)
	$(RUN) -m ruff check $(SOURCES)
	$(RUN) -m mypy
	$(RUN) -m pytest -q tests/contracts

bench: $(VENV)/.installed ## Measure memory, the claims of single optimisations, and all that is carried, beside the baseline
	@$(RUN) benchmarks/memory.py
	@$(RUN) -m benchmarks.micro
	@$(RUN) -m ndisemu bench all --compare benchmarks/baseline.json

bench-peers: $(VENV)/.installed-peers ## Measure other systems that carry frames in turn with ndisemu; PEERS_ARGS="--json --runs 3"
	@$(RUN) -m benchmarks.peers $(PEERS_ARGS)

clean: ## Remove the virtual environments and everything that tools have cached
	rm -rf .venv .venv-* build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

same-python:
	@test ! -e "$(VENV)/.made" || test "$$($(RUN) $(VERSION))" = "$$("$(PYTHON)" $(VERSION))" || { \
	    echo "$(VENV) holds $$($(RUN) $(VERSION)), which is not $(PYTHON);" \
	        "name another place for it (VENV=.venv-other) or start again (make clean)" >&2; exit 1; }

# Some distributions ship venv without ensurepip; then the pip that is there installs one into the new environment.
$(VENV)/.made:
	@"$(PYTHON)" -c '' 2>/dev/null || { \
	    echo "There is no working $(PYTHON) here; name a Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "ndisemu needs Python 3.11 or newer, and $(PYTHON) is $$("$(PYTHON)" $(VERSION));" \
	        "name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Making $(VENV) with $$("$(PYTHON)" $(VERSION))"
	@if "$(PYTHON)" -c 'import ensurepip' 2>/dev/null; then "$(PYTHON)" -m venv "$(VENV)"; else \
	    "$(PYTHON)" -m venv --without-pip "$(VENV)" && "$(PYTHON)" -m pip --quiet --python $(RUN) install pip; fi
	@echo '*' > "$(VENV)/.gitignore"
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.made | $(SAME_PYTHON)
	@echo "Installing ndisemu into $(VENV)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.made | $(SAME_PYTHON)
	@echo "Installing ndisemu and its tools for tests into $(VENV)"
	@$(PIP) install --editable '.[test]'
	@touch $@ "$(VENV)/.installed"

$(VENV)/.installed-peers: pyproject.toml $(VENV)/.made | $(SAME_PYTHON)
	@echo "Installing ndisemu and its peers for benchmarks into $(VENV)"
	@$(PIP) install --editable '.[peers]'
	@touch $@ "$(VENV)/.installed"
