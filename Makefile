# The two commands:  make repro  (raw video to two registered models)   make test  (lint, types, tests)
# Both set up what they need and are idempotent. `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION := false
export NO_ALBUMENTATIONS_UPDATE := 1
# Progress bars redraw once a second: logs of a terminal-less run stay readable.
export TQDM_MININTERVAL := 1

.DEFAULT_GOAL := help
.PHONY: help setup ffmpeg data repro test test-services lint types ui clean

help:  ## This list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

repro: setup data  ## Run the whole pipeline on what params.yaml names, then show what was trained
	@humotion params  # an error in params.yaml is explained better here than by DVC
	dvc repro
	@humotion summary

# The models of the tests are tiny: threads would only wait for each other, so processes share out the test files.
test: export OMP_NUM_THREADS := 1
test: setup data lint types  ## Lint, types, import contracts and tests
	pytest --numprocesses logical --maxprocesses 4 --dist loadfile

test-services:  ## Chromium and PostgreSQL through apt: `make test` skips what needs them where they are not
	@scripts/install_test_services.sh

lint: setup  ## Lint, formatting and the layers of the house
	ruff check src tests benchmarks
	ruff format --check src tests benchmarks
	lint-imports

types: setup  ## Type check
	mypy

ui: setup  ## Open the MLflow UI at http://127.0.0.1:5000/#/experiments?workflowType=machine_learning
	mlflow ui --backend-store-uri sqlite:///mlflow.db --port $${PORT:-5000} --workers 1

setup: ffmpeg $(STAMP)  ## Virtual environment, FFmpeg and the package

ffmpeg:
	@command -v ffmpeg >/dev/null || scripts/install_ffmpeg.sh

$(STAMP): pyproject.toml
	@scripts/check_python.sh "$(PYTHON)"
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install -e '.[dev]'
	@touch $@

data: setup  ## Fetch the embedded sample from the DVC remote inside the repository, if it is in use and absent
	@scripts/pull_sample.sh

clean:  ## Remove the virtual environment and all unfinished work; outputs and the MLflow store stay
	rm -rf $(VENV) .humotion
