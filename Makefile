# `make demo` and `make test` are all one has to type: each sets up what it needs.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; \
	done)
RUN_READY := .venv/.run-ready
TEST_READY := .venv/.test-ready
BENCH_READY := .venv-bench/.ready
SECONDS_OF_FUZZING ?= 120

.PHONY: demo test lint venv fuzz bench clean

demo: $(RUN_READY)  ## write a sample series, assemble it and show it
	@rm -rf demo
	@.venv/bin/volume demo demo/body

test: lint  ## everything that must hold before a change is done
	@.venv/bin/pytest -q

lint: $(TEST_READY)
	@.venv/bin/ruff format --check --quiet . || { echo "type: .venv/bin/ruff format ."; exit 1; }
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy

venv: $(TEST_READY)  ## .venv with the project and all that its tests need

$(RUN_READY) $(TEST_READY): pyproject.toml tools/bootstrap.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: no python3 here is one" >&2; exit 1; }
	@$(PYTHON) tools/bootstrap.py $(patsubst .venv/.%-ready,%,$@)

fuzz: $(TEST_READY)  ## damaged files through us and the peers, kills, leaks; SEED=n draws others
	@.venv/bin/pip install -q -e '.[fuzz]' || echo "no coverage-guided fuzzing: atheris is not to be had here"
	@.venv/bin/python -W ignore benchmarks/damage.py $(SEED); status=$$?; \
	.venv/bin/python -c 'import atheris' 2>/dev/null || exit $$status; \
	echo "fuzzing the header reader by coverage for $(SECONDS_OF_FUZZING) s"; \
	.venv/bin/python tests/fuzz_headers.py -max_total_time=$(SECONDS_OF_FUZZING) >fuzz.log 2>&1 \
	|| { tail -n 40 fuzz.log; exit 1; }; tail -n 1 fuzz.log; exit $$status

bench: $(BENCH_READY)  ## the same work done by the peers, right and fast; QUICK=1 tries it out
	@.venv-bench/bin/python -W ignore benchmarks/geometry.py $(SEED)
	@.venv-bench/bin/python -m compileall -q volume  # as pip does when it installs
	@.venv-bench/bin/python -W ignore benchmarks/speed.py $(if $(QUICK),--quick)

$(BENCH_READY): $(TEST_READY)
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install -q -e '.[test,bench]'
	@touch $@

clean:  ## back to what git has
	rm -rf .venv .venv-bench fuzz.log demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
