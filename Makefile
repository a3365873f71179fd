# Two commands on a fresh machine: `make run` opens the window, `make test` checks everything.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONUTF8 := 1

.PHONY: bench bench-cuda build check clean figures fuzz house install lint run screenshots soak test test-cuda translations

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml tools/system_packages.sh
	sh tools/system_packages.sh run
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	# The CPU build of torch first where the index at hand has one; elsewhere the same pin brings CUDA.
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	sh tools/system_packages.sh test
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

run: install
	$(BIN)/python -m app

lint: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/translations.py --check

# Two processes share the tests, a file each at a time: a process computes on one core.
PROCESSES ?= 2

# Quick: under two minutes where mypy has been before. Leaves out the window, and what is marked slow: over a second.
check: lint
	$(BIN)/python -m pytest -q -n $(PROCESSES) --dist loadfile -m "not slow" --ignore tests/gui --ignore tests/desktop tests

# Everything: also real training, the real window under Xvfb and the virtual microphone.
test: lint
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -q -n $(PROCESSES) --dist loadfile -m "not desktop"
	$(BIN)/python -m pytest -q -m desktop tests/desktop

bench: $(VENV)/.installed-test
	$(BIN)/python -m tests.benchmarks

# The program without a Python of one's own: built, started under Xvfb with its self-test, measured (build/report.json).
$(VENV)/.installed-build: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --editable '.[build]'
	touch $@

build: $(VENV)/.installed-build
	$(BIN)/python tools/build.py

# What needs a graphics card; elsewhere the tests are skipped and nothing is measured. tests/cuda/README.md says how to
# carry the project to a machine that has one: there, make PYTHON_HERE=python3 runs them in the Python at hand.
PYTHON_HERE ?= $(BIN)/python
test-cuda:
	$(PYTHON_HERE) -m pytest -q -m cuda tests/cuda

bench-cuda:
	$(PYTHON_HERE) -m tests.benchmarks.cuda

soak: $(VENV)/.installed-test
	$(BIN)/python -m tests.soak

# The house in figures: long files and functions, untyped places, what is written twice.
house: $(VENV)/.installed-test
	$(BIN)/python -m tests.house

# Every tab in every state, size, theme and language, to be looked at: make screenshots TO=folder
TO ?= screenshots
screenshots: $(VENV)/.installed-test
	$(BIN)/python tools/screenshots.py $(TO)

# Mutants of every kind of file over all readers, in processes of their own with limits of time and memory.
fuzz: $(VENV)/.installed-test
	$(BIN)/python -m tests.fuzz

# The published figures of the models that ship, with the README's rows and the tables of the docs: minutes. What is judged on
# data that does not ship is kept where that is not named:
# make figures LIBRISPEECH=folder COMMONVOICE=folder EMODB=folder DTU=dtu_12_subjects.npz
figures: $(VENV)/.installed-test
	$(BIN)/python -m tools.figures $(if $(LIBRISPEECH),--voices $(LIBRISPEECH) $(COMMONVOICE)) \
		$(if $(EMODB),--emodb $(EMODB)) $(if $(DTU),--dtu $(DTU))

translations: $(VENV)/.installed-test
	$(BIN)/python tools/translations.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
