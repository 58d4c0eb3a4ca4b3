# `make help` lists the targets. Each makes the environment .venv first, if it is missing or out of date.
SHELL := /bin/bash
PYTHON_IN_VENV := .venv/bin/python
ARGS ?=

.PHONY: help setup lock demo test test-fast lint docs benchmark clean
.DEFAULT_GOAL := help

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' Makefile | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup:  ## Make the environment .venv (the first time, mmcv is compiled: about 8 minutes on 2 cores)
	@requirements/install.sh

demo: setup  ## Train, test and look at a small model on a generated sample; DATA=/path/to/coco takes COCO and the real config
	@$(PYTHON_IN_VENV) tools/demo.py $(if $(DATA),--data $(DATA)) $(ARGS)

test: setup  ## All tests that can run here (real data: set RAMPOSE_TEST_DATA)
	@$(PYTHON_IN_VENV) -m pytest $(ARGS)

test-fast: setup  ## The tests that take no longer than a few seconds each
	@$(PYTHON_IN_VENV) -m pytest -m "not slow and not real_data" $(ARGS)

lint: setup  ## ruff
	@.venv/bin/ruff check .

docs: setup  ## Build the documentation into docs/_build/html; a broken link is an error
	@.venv/bin/sphinx-build -q -W --keep-going -b html docs docs/_build/html

benchmark: setup  ## Time RAM-HRNet + GPR against HRNet
	@$(PYTHON_IN_VENV) tools/benchmark.py $(ARGS)

lock:  ## Renew requirements/lock.txt from pyproject.toml
	@requirements/install.sh lock

clean:  ## Remove what the other targets made, but for .venv
	rm -rf build dist work_dirs docs/_build .pytest_cache .ruff_cache *.egg-info
