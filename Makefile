# The two main commands:  make repro  (raw video to two registered models)   make test  (lint, types, tests)
# Both install what they need, and both can be repeated. `make help` lists the other commands.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false
export NO_ALBUMENTATIONS_UPDATE := 1
# Progress bars redraw once per second, so that logs without a terminal stay readable.
export TQDM_MININTERVAL := 1

OUTPUTS := prepared layers reviews reports clips plans models rebalanced registered metrics sweeps
PYTEST := pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
LITTER := .*/\.[^/]+\.([0-9a-f]{6}-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+|[0-9a-f]{8})(\.[^./]+)?

.DEFAULT_GOAL := help
.PHONY: help setup ffmpeg data repro test test-all test-services lint types docs ui clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

repro: setup data  ## Run the complete pipeline on the datasets in params.yaml, then show what was trained
	@humotion params  # explains an error in params.yaml better than DVC does
	dvc repro
	@humotion summary

# The models in the tests are tiny, so threads would only wait for each other. Processes share the test files instead.
test test-all: export OMP_NUM_THREADS := 1
test: setup data lint types  ## Run lint, types, import contracts and tests
	$(PYTEST) -m "not thorough"

test-all: setup data lint types  ## Also browsers, PostgreSQL, hundreds of processes, damaged files by the dozen
	$(PYTEST)

docs: setup  ## Build the documentation with its reference as a site: site/index.html
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet -f scripts/site/mkdocs.yml

test-services:  ## Install Chromium, PostgreSQL and RAR tools with apt; without them, `make test-all` skips some tests
	@scripts/install_test_services.sh

lint: setup  ## Check lint, formatting and the import contracts
	ruff check src tests benchmarks
	ruff format --check src tests benchmarks
	lint-imports

types: setup  ## Check types
	mypy

ui: setup  ## Open the MLflow UI of the store in use at http://127.0.0.1:5000/#/experiments?workflowType=machine_learning
	humotion track ui --port $${PORT:-5000}

setup: ffmpeg $(STAMP)  ## Install FFmpeg, the virtual environment and the package

ffmpeg:
	@command -v ffmpeg >/dev/null || scripts/install_ffmpeg.sh

$(STAMP): pyproject.toml
	@scripts/check_python.sh "$(PYTHON)"
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	# Without bytecode of every module, which takes a minute: Python compiles those that are used.
	$(VENV)/bin/python -m pip install --no-compile -e '.[dev]'
	@touch $@

data: setup  ## Get the embedded sample from the DVC remote in the repository, if it is used and missing
	@scripts/pull_sample.sh

clean:  ## Remove the virtual environment and all unfinished work; keep outputs and the MLflow store
	rm -rf $(VENV) .humotion
	# What killed processes left: .NAME.TOKEN
	find $(OUTPUTS) -mindepth 1 -maxdepth 2 -regextype posix-extended -regex '$(LITTER)' -exec rm -rf {} + 2>/dev/null || true
