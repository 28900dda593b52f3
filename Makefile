# Main targets: `make demo` and `make test`. Both install the locked requirements into .venv/ first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Tests start the program many times; without bytecode, every start compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test wheel plugin check audit sbom lint lock bench mutants rehearse-long clean setup reference

setup: $(READY)

$(READY): requirements/dev.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("increment-sync needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

demo: $(READY)
	$(BIN)/increment-sync demo --report build/demo-report.html

test: $(READY)
	$(BIN)/python -m pytest -n 3 --dist worksteal

# Build sdist and wheel, install them outside the checkout, run commands there.
wheel: $(READY)
	$(BIN)/python -m pytest tests/wheel

# The part of `make wheel` about connectors of somebody else.
plugin: $(READY)
	$(BIN)/python -m pytest tests/wheel/test_plugin.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=examples/connector-plugin $(BIN)/mypy -p increment_sync_markdown
	$(BIN)/lint-imports

check: lint audit sbom wheel test

# Check the locked requirements for known vulnerabilities. Passes with a note if the service is unreachable.
audit: $(READY)
	$(BIN)/python .ci/audit.py

# Software bill of materials (CycloneDX).
sbom: $(READY)
	mkdir -p build
	$(BIN)/python -W ignore -m cyclonedx_py requirements requirements/runtime.lock --pyproject pyproject.toml --output-reproducible --validate --output-file build/sbom.cdx.json

bench: $(READY)
	$(BIN)/python -m tests.bench.runs
	$(BIN)/python -m tests.bench.mappings
	$(BIN)/python -m tests.bench.forecast
	$(BIN)/python -m tests.bench.soak
	$(BIN)/python -m tests.bench.report

# Change the safety core at random, and list the changes that no test notices. `make mutants MUTANTS="--seed 2"`
mutants: $(READY)
	$(BIN)/python -m tests.mutants $(MUTANTS)

# Fault simulation: 10,000 schedules in process, 500 over HTTP, 50 with a real SIGKILL, 1,000 random worlds, on two cores.
rehearse-long: $(READY)
	$(BIN)/python -m sync.simulation

# Generate schemas/ and docs/reference.md. A test fails if they are outdated.
reference: $(READY)
	$(BIN)/increment-sync mappings schema --out schemas
	$(BIN)/increment-sync mappings schema --format markdown > docs/reference.md
	$(BIN)/increment-sync report --format schema > schemas/report.json

# Extras of a deployment: `testing` is for authors of connectors.
EXTRAS := --extra sandbox --extra postgres --extra forecast --extra report

# Requires uv on the path. Writes no index URL into the files.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate $(EXTRAS) pyproject.toml -o requirements/runtime.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --all-extras --group dev pyproject.toml -o requirements/dev.lock

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
