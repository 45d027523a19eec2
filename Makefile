# Every target builds what it needs: a virtual environment in .venv with the exact versions of
# constraints.txt, and nothing outside this folder.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
SUDO := $(shell test "$$(id -u)" = 0 || echo sudo)

.PHONY: help install browser demo test nightly lint format bench lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed  ## build the environment in .venv

.venv/installed: Makefile pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "distributed-ib needs Python 3.11 or newer; set PYTHON=/path/to/python")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,glass]'
	touch $@

browser:  ## install Debian's Chromium with apt-get, for the tests of pages (asks for root)
	@command -v chromium >/dev/null || { echo "installing Chromium with apt-get"; $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q --no-install-recommends chromium; }

demo: .venv/installed  ## analyse the paper's Boolean circuit; leaves a run folder under runs/
	$(BIN)/dib boolean

test: .venv/installed  ## run the tests
	$(BIN)/pytest -n 2 --dist loadfile -m 'not nightly'

nightly: .venv/installed  ## run every test, the long ones too
	$(BIN)/pytest

lint: .venv/installed  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed  ## correct style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed  ## measure speed
	$(BIN)/python benchmarks/boolean_step.py
	$(BIN)/python benchmarks/glass_step.py
	$(BIN)/python benchmarks/image_step.py
	$(BIN)/python benchmarks/page.py
	$(BIN)/python benchmarks/reading.py
	$(BIN)/python benchmarks/table_step.py

lock: .venv/installed  ## write the versions now in .venv to constraints.txt
	$(BIN)/python -m pip freeze --exclude-editable --disable-pip-version-check | LC_ALL=C sort -f > constraints.txt

clean:  ## remove the environment and caches, never runs/
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
