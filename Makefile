.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help run test check promises faults elsewhere bench bench-growth lock clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

run: .venv/installed ## Serve on an embedded PostgreSQL, with a demo clinic; Ctrl-C stops both
	@$(BIN)/booking-asgi serve --demo

test: .venv/installed ## Run the tests against a real PostgreSQL: Docker's if there, else embedded
	BOOKING_TEST_USER=booking_tests $(BIN)/pytest -n 2 --ignore tests/faults --ignore tests/attacks
	$(BIN)/pytest tests/faults tests/attacks

check: .venv/installed ## What CI runs: ruff, mypy --strict, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(MAKE) --no-print-directory test

promises: .venv/installed ## Break each promise of the README on purpose, and watch its test fail
	$(BIN)/python -m tests.promises

faults: .venv/installed ## Break everything around a booking: each case, with figures for docs/reliability.md
	$(BIN)/pytest tests/faults --full --keep-figures -o faulthandler_timeout=3600

elsewhere: .venv/installed ## The tests through PgBouncer, on PostgreSQL 15, and on hash partitions
	$(BIN)/python -m tests.elsewhere

bench: .venv/bench-installed ## Measure a booking beside pgbench and other ways to write it: bench/results.md
	$(BIN)/python -m bench

bench-growth: .venv/bench-installed ## Measure it among ten million rows: an hour, 20 GB of disk
	$(BIN)/python -m bench.growth

lock: .venv/installed ## Take the newest versions into requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	  --no-header --python-version 3.11 --all-extras --group dev --output-file requirements.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url \
	  --no-header --python-version 3.11 --constraint requirements.txt --group bench \
	  --output-file requirements-bench.txt

clean: ## Remove what make made here, the embedded database too
	rm -rf .data .venv dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps --editable .
	@touch $@

.venv/bench-installed: .venv/installed requirements-bench.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-bench.txt
	@touch $@
