# Everything runs in a virtual environment of its own, from hash-pinned locks.
# `make demo` and `make test` need nothing but make and Python 3.11 or later.
PYTHON ?= python3
# `make test TEXTUAL=lowest` runs the suite on the lowest Textual that pyproject.toml admits, in an environment beside.
TEXTUAL ?= locked
VENV   := $(if $(filter lowest,$(TEXTUAL)),.venv-lowest,.venv)
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test test-quick example faults check bench screenshots snapshots format man dist lock clean
.DEFAULT_GOAL := help

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/app.stamp ## open the dashboard on the embedded demo API
	@$(BIN)/taskdash --demo

# Most of the tests' time is waiting, for a process or a clock: seven workers keep two cores busy.
# Bytecode is written whatever the environment says, or each process compiles all of the program again.
test: $(VENV)/dev.stamp ## run the tests (TEXTUAL=lowest for the lowest version of it)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses=7 --dist=worksteal

# Where a mistake is most likely to be seen, of all that needs no process, no server and no screen.
test-quick: $(VENV)/dev.stamp ## run the tests of the pure parts
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses=2 --dist=worksteal $(QUICK)
QUICK := $(addprefix tests/unit/,domain config ui demo api/test_wire.py api/test_wire_record.py api/test_wire_families.py) tests/architecture

faults: $(VENV)/dev.stamp ## provoke every row of the fault matrix and count (LONG= for short runs)
	@$(BIN)/python -m pytest tests/faults --rows $(LONG)
LONG := --long

check: $(VENV)/dev.stamp ## lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

example: $(VENV)/dev.stamp ## write config.example.toml again
	@$(BIN)/taskdash config example > config.example.toml

format: $(VENV)/dev.stamp ## format the code and sort its imports
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

bench: $(VENV)/dev.stamp ## run every benchmark and print its table
	@for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

screenshots: $(VENV)/dev.stamp ## draw screenshots/ again from the real application
	@$(BIN)/python screenshots/draw.py
	@$(BIN)/python screenshots/draw_movie.py

snapshots: $(VENV)/dev.stamp ## accept the screens as they are now
	@$(BIN)/python -m pytest tests/ui --snapshot-update

man: $(VENV)/dev.stamp ## write docs/taskdash.1 again from the commands
	@$(BIN)/python docs/make_man.py > docs/taskdash.1.new && mv docs/taskdash.1.new docs/taskdash.1

dist: $(VENV)/dev.stamp ## build wheel and source archive
	$(BIN)/python -m hatchling build

lock: ## renew the locks (needs uv); URLs are left out of them on purpose
	uv pip compile pyproject.toml --group build --extra preview $(LOCK_OPTIONS) -o requirements/app.txt
	uv pip compile pyproject.toml --group dev --extra preview $(LOCK_OPTIONS) -o requirements/dev.txt
LOCK_OPTIONS := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

clean: ## remove the virtual environment and caches
	rm -rf .venv .venv-lowest .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or later is needed; name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1); name another with PYTHON=..." >&2; exit 1; }
	@echo "Setting up $(VENV) ..." >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/app.stamp: requirements/app.txt pyproject.toml $(VENV)/pyvenv.cfg
	@echo "Installing what requirements/app.txt pins ..." >&2
	@$(PIP) install --require-hashes --no-deps -r requirements/app.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/app.stamp
	@echo "Installing what requirements/dev.txt pins ..." >&2
	@$(PIP) install --require-hashes --no-deps -r requirements/dev.txt
	@if [ "$(TEXTUAL)" = lowest ]; then $(PIP) install --require-hashes --no-deps -r requirements/textual-lowest.txt; fi
	@touch $@
