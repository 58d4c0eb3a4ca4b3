# `make help` lists the targets. Each makes the environment .venv first, if it is missing or out of date.
SHELL := /bin/bash
PYTHON_IN_VENV := .venv/bin/python
ARGS ?=

.PHONY: help setup lock demo test test-fast test-all test-page lint docs benchmark gpu completion clean
.DEFAULT_GOAL := help

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' Makefile | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup:  ## Make the environment .venv (the first time, mmcv is compiled: about 8 minutes on 2 cores)
	@requirements/install.sh

demo: setup  ## Train, test and look at a small model on a generated sample; DATA=/path/to/coco takes COCO and the real config
	@$(PYTHON_IN_VENV) -m rampose demo $(if $(DATA),--data $(DATA)) $(ARGS)

# Two processes with one thread each: two that take all cores wait for each other.
JOBS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(PYTHON_IN_VENV) -m pytest -n $(JOBS) --dist loadfile

test: setup  ## The tests for every change (real data: set RAMPOSE_TEST_DATA)
	@$(PYTEST) -m "not long" $(ARGS)

test-fast: setup  ## The tests that take no longer than a few seconds each
	@$(PYTEST) -m "not slow and not long and not real_data" $(ARGS)

test-all: setup  ## All tests, also those that take long and seldom break
	@$(PYTEST) $(ARGS)

test-page: setup  ## The page of rampose app in a browser (Debian: apt install chromium)
	@$(PYTEST) tests/test_prediction/test_page $(ARGS)

lint: setup  ## ruff; import-linter: each floor imports what is below it; mypy over the public code
	@.venv/bin/ruff check .
	@.venv/bin/lint-imports > .lint-imports.log || { cat .lint-imports.log; rm .lint-imports.log; exit 1; }
	@rm .lint-imports.log
	@.venv/bin/mypy

BUDGET_MIN ?= 8

gpu: setup  ## What needs a GPU, within BUDGET_MIN=8 minutes; ARGS are those of rampose gpu
	@$(PYTHON_IN_VENV) -m rampose gpu --minutes $(BUDGET_MIN) $(ARGS)

completion: setup  ## Write the completion scripts of the rampose command
	@$(PYTHON_IN_VENV) -m rampose.cli.completion

docs: setup  ## Build the documentation into docs/_build/html; a broken link is an error
	@.venv/bin/sphinx-build -q -W --keep-going -b html docs docs/_build/html

benchmark: setup  ## Time RAM-HRNet + GPR against HRNet
	@$(PYTHON_IN_VENV) -m rampose benchmark $(ARGS)

lock:  ## Renew requirements/lock.txt from pyproject.toml
	@requirements/install.sh lock

clean:  ## Remove what the other targets made, but for .venv
	rm -rf build dist work_dirs docs/_build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache *.egg-info
