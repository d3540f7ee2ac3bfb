.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN = $(VENV)/bin

.PHONY: help run test test-faults test-full test-python test-lowest check promises faults elsewhere bench bench-growth reference lock clean

help: ## List the targets
	@grep -E '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

run: $(VENV)/installed ## Serve on an embedded PostgreSQL, with a demo clinic; Ctrl-C stops both
	@$(BIN)/booking-asgi serve --demo

test: $(VENV)/installed ## Run the tests against a real PostgreSQL: Docker's if there, else embedded
	BOOKING_TEST_USER=booking_tests $(BIN)/pytest -n 2 --ignore tests/faults --ignore tests/attacks

test-faults: $(VENV)/installed ## Break connections, servers and limits: a sample of the faults, and the attacks
	$(BIN)/pytest tests/faults tests/attacks

test-full: $(VENV)/installed ## The tests with all that is random at its full length
	BOOKING_TEST_USER=booking_tests $(BIN)/pytest -n 2 --full --ignore tests/faults --ignore tests/attacks

test-python: ## The tests on each Python that is installed: 3.11 to 3.13
	@for version in 3.11 3.12 3.13; do $(MAKE) --no-print-directory test-python$$version || exit 1; done

test-python%: ## The tests on one Python, such as test-python3.13, if it is installed
	@python=$$(ls -d "$$HOME"/.pyenv/versions/$*.*/bin/python 2> /dev/null | tail -n 1); \
	python=$${python:-$$(command -v python$*)}; \
	if [ -n "$$python" ]; then $(MAKE) --no-print-directory PYTHON="$$python" VENV=.venv-$* test; \
	else echo "Python $* is not installed: its tests are left out"; fi

LOWEST = .venv-lowest
LOWEST_TESTS ?= booking command config logs metrics mounting tools vapi

test-lowest: $(LOWEST)/lowest ## Tests of both packages on the oldest versions that pyproject.toml allows
	BOOKING_TEST_USER=booking_tests $(LOWEST)/bin/pytest -n 2 $(LOWEST_TESTS:%=tests/test_%.py)

check: $(VENV)/installed ## What CI runs: ruff, mypy --strict, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(MAKE) --no-print-directory test test-faults

promises: $(VENV)/installed ## Break each promise of docs/explanation/promises.md, and watch its test fail
	$(BIN)/python -m tests.promises

faults: $(VENV)/installed ## Break everything around a booking: each case, with figures for docs/explanation/reliability.md
	$(BIN)/pytest tests/faults --full --keep-figures -o faulthandler_timeout=3600

elsewhere: $(VENV)/installed ## The tests through PgBouncer, on PostgreSQL 15, and on hash partitions
	$(BIN)/python -m tests.elsewhere

bench: $(VENV)/bench-installed ## Measure a booking beside pgbench and other ways to write it: bench/results.md
	$(BIN)/python -m bench

bench-growth: $(VENV)/bench-installed ## Measure it among ten million rows: an hour, 20 GB of disk
	$(BIN)/python -m bench.growth

reference: $(VENV)/installed ## Write the pages of docs/reference that are made from the code
	$(BIN)/python -m tests.reference

lock: $(VENV)/installed ## Take the newest versions into the requirements files
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	  --no-header --python-version 3.11 --all-extras --group dev --output-file requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	  --no-header --python-version 3.11 --constraint requirements.txt --group bench \
	  --output-file requirements-bench.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	  --no-header --python-version 3.11 --all-extras --resolution lowest-direct \
	  --output-file requirements-lowest.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate --python-version 3.11 --constraint requirements.txt \
	  --extra asgi --extra metrics --output-file requirements-serve.txt pyproject.toml
	echo uv | $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --python-version 3.11 \
	  --output-file requirements-uv.txt -

clean: ## Remove what make made here, the embedded database too
	rm -rf .data .venv .venv-* dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/installed: requirements-uv.txt requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements-uv.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/bench-installed: $(VENV)/installed requirements-bench.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-bench.txt
	@touch $@

# The tests' own tools are the newest, so --no-deps: only what a user installs is the oldest.
$(LOWEST)/lowest: requirements-lowest.txt requirements-uv.txt requirements.txt pyproject.toml
	$(MAKE) --no-print-directory VENV=$(LOWEST) $(LOWEST)/installed
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --require-hashes --no-deps \
	  -r requirements-lowest.txt
	@touch $@
