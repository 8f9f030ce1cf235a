# Two commands do everything on a bare machine with Python 3.11+, git and make: `make demo` and `make test`.
PYTHON ?= python3
UV := .venv/bin/uv
# Folder of the raw city files, and further words for the peers bench (docs/benchmarks.md).
DATA ?= ../shared/data
MODELS ?=
PARTS ?=
BENCH ?=

.PHONY: install demo test test-all lint dictionary fields example bench bench-peers bench-ablations bench-plans bench-choice bench-feedback bench-risk bench-effects bench-reliability audit sbom licences clean
.DEFAULT_GOAL := install

install: .venv/.installed

.venv/.installed: pyproject.toml uv.lock
	@test -x $(UV) || { $(PYTHON) -m venv .venv && .venv/bin/python -m pip install --quiet "uv>=0.9"; }
	@UV_PROJECT_ENVIRONMENT=.venv $(UV) sync --locked --inexact --quiet
	@touch $@

demo: install
	@.venv/bin/weisu monthly configs/nyc.yaml --as-of 2022-10 --head 10

lint: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

test: lint
	.venv/bin/pytest -n 2 --dist worksteal

# Also what takes minutes: every command of the docs, clusters, kills, locales. Before a release.
test-all: lint
	WEISU_THOROUGH=1 .venv/bin/pytest -n 2 --dist worksteal -m ""

dictionary: install
	@.venv/bin/python -m pipelines.dictionary docs/data.md

fields: install
	@.venv/bin/python -m pipelines.fields docs/inputs.md

example: install
	@.venv/bin/python -m tests.reports.example reports/example

# How fast and how large, part by part -> docs/performance.md; BENCH names some of the parts.
bench: install
	@$(UV) sync --project tests/bench/peers --python .venv/bin/python --locked --quiet
	@for part in $(or $(BENCH),startup intake scale city); do .venv/bin/python -m tests.bench.$$part || exit 1; done

bench-peers: install
	@$(UV) sync --project tests/bench/peers --python .venv/bin/python --locked --quiet
	@.venv/bin/python -m tests.bench.run --data $(DATA) $(if $(MODELS),--models $(MODELS)) $(BENCH)

bench-ablations: install
	@OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.ablations --data $(DATA)

bench-plans: install
	@OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.plans --data $(DATA) $(BENCH)

bench-choice: install
	@OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.choice

bench-feedback: install
	@.venv/bin/python -m tests.bench.feedback

bench-risk: install
	@OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.risk.run $(DATA) $(PARTS)

bench-effects: install
	@OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.effects

bench-reliability: install
	@OMP_NUM_THREADS=1 .venv/bin/python -m tests.bench.reliability $(BENCH)

# Known weaknesses of the locked packages. Without a way to the advisories it says so loudly and does not fail.
audit: install
	@mkdir -p build
	@$(UV) export --locked --no-emit-project --no-dev --all-extras --quiet --format requirements-txt -o build/locked.txt
	@$(UV) sync --locked --inexact --quiet --group audit
	@if .venv/bin/python -c "import socket; socket.create_connection(('api.osv.dev', 443), 5)" 2>/dev/null; \
	  then .venv/bin/pip-audit -r build/locked.txt --require-hashes --disable-pip --vulnerability-service osv; \
	  else echo "!!! AUDIT SKIPPED: api.osv.dev cannot be reached; NO package was checked !!!"; fi

# What is installed, as CycloneDX, and what it allows.
sbom: install
	@mkdir -p build
	@$(UV) sync --locked --inexact --quiet --group audit
	@.venv/bin/cyclonedx-py environment .venv --pyproject pyproject.toml --output-format JSON -o build/sbom.json
	@echo "build/sbom.json"

licences: install
	@.venv/bin/python -m tests.privacy.licences

clean:
	rm -rf .venv tests/bench/peers/.venv runs data/store data/simulated
