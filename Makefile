# `make reproduce` runs the headline experiments and writes figures/report.html; `make test` runs the tests.
# Each makes .venv on first use. Options: make reproduce ARGS="--quick", make test PYTHON=python3.12,
# make test TORCH_INDEX=https://download.pytorch.org/whl/cpu (the CPU build of torch where the default is the one for CUDA)
PYTHON ?= python3
ARGS ?=
TORCH_INDEX ?=
CORE := .venv/core
FULL := .venv/full
PIP := .venv/bin/python -m pip install --quiet --disable-pip-version-check
export NUMBA_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1

.PHONY: reproduce test test-all mutants notebooks lint benchmark clean

reproduce: $(if $(findstring --paper,$(ARGS)),$(FULL),$(CORE))
	.venv/bin/python reproduce.py $(ARGS)

test: $(FULL) lint
	.venv/bin/python -m pytest -n 2 --dist worksteal -m "not slow" $(ARGS)

test-all: $(FULL) lint
	.venv/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

mutants: $(FULL)
	.venv/bin/python tests/mutants.py $(ARGS)

notebooks: $(FULL)
	.venv/bin/python tests/notebooks.py $(ARGS)

lint: $(FULL)
	.venv/bin/ruff check .

benchmark: $(FULL)
	.venv/bin/python benchmarks/speed.py $(ARGS)

clean:
	rm -rf data/cache/numba .pytest_cache .ruff_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -m venv .venv

$(CORE): requirements-core.txt pyproject.toml | .venv/bin/python
	$(PIP) -r requirements-core.txt
	touch $(CORE)

$(FULL): requirements.txt requirements-core.txt pyproject.toml | .venv/bin/python
	$(PIP) -r requirements.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	touch $(CORE) $(FULL)
