# `make reproduce` runs the headline experiments and writes figures/report.html; `make test` runs the tests.
# Each makes .venv on first use. Options: make reproduce ARGS="--quick", make test PYTHON=python3.12
PYTHON ?= python3
ARGS ?=
ENV := .venv/installed
export NUMBA_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1

.PHONY: reproduce test test-all lint benchmark clean

reproduce: $(ENV)
	.venv/bin/python reproduce.py $(ARGS)

test: $(ENV) lint
	.venv/bin/python -m pytest -n 2 --dist worksteal -m "not slow" $(ARGS)

test-all: $(ENV) lint
	.venv/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: $(ENV)
	.venv/bin/ruff check .

benchmark: $(ENV)
	.venv/bin/python benchmarks/speed.py $(ARGS)

clean:
	rm -rf data/cache/numba .pytest_cache .ruff_cache .hypothesis

$(ENV): requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $(ENV)
