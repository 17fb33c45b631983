# Everything a developer does, by name. `make` alone lists it.
# Needs Python >= 3.11 and make; the rest is installed into .tools and .venv at the first use.

PYTHON     ?= python3
DEMO_MINTS ?= 12
UV_VERSION := 0.13.9

MEMBERS    := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml cli/pyproject.toml))
UV         := $(or $(shell command -v uv),.tools/bin/uv)
BIN        := .venv/bin
INSTALLED  := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help demo test chaos check bench kubo up down docs schemas lock

help:     ## list what there is
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+): .*## /make \1\t/' | expand -t 16

demo: $(INSTALLED)     ## run the whole system on this machine and mint a small collection (DEMO_MINTS=12)
	$(BIN)/trimint demo --mints $(DEMO_MINTS)

test: $(INSTALLED)     ## all tests but chaos: unit, contract, end to end
	$(BIN)/pytest -q -n 2 --dist loadfile --ignore tests/chaos

chaos: $(INSTALLED)     ## kill processes, brokers, database and endpoints at every step, for some minutes
	$(BIN)/pytest -q -n 2 --dist loadfile tests/chaos

check: $(INSTALLED)     ## format, lint, types, import directions, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@for member in $(MEMBERS); do echo "mypy $$member"; $(BIN)/mypy $$member/src $$member/tests || exit 1; done
	MYPYPATH=tests $(BIN)/mypy tests
	$(BIN)/lint-imports
	$(BIN)/python tests/requirements_table.py --check
	$(BIN)/python tests/settings_table.py --check
	$(BIN)/python -m mint_events.schema --check
	$(BIN)/python -m mint_events.asyncapi --check

bench: $(INSTALLED)     ## measure mints per second, latency per step, calls per mint
	$(BIN)/python benchmarks/end_to_end.py

kubo: $(INSTALLED)     ## build Kubo, IPFS's own node, from its source for the tests against it: once, in minutes, with go
	$(BIN)/python -m mint_sandbox.ipfs.kubo_build tools/kubo

up: $(INSTALLED)     ## start Kafka, Postgres, Solana and IPFS in the background; the environment is in .sandbox/trimint.env
	$(BIN)/trimint sandbox up --detach --env-file .sandbox/trimint.env

down: $(INSTALLED)     ## stop them
	$(BIN)/trimint sandbox down

docs: $(INSTALLED) schemas     ## write what is made from the code: requirements, settings, schemas, AsyncAPI
	$(BIN)/python tests/requirements_table.py
	$(BIN)/python tests/settings_table.py

schemas: $(INSTALLED)     ## write the Avro schemas and AsyncAPI from the event catalogue
	$(BIN)/python -m mint_events.schema
	$(BIN)/python -m mint_events.asyncapi

lock: $(UV)     ## renew requirements.lock after a change of dependencies
	$(UV) lock -q
	$(UV) export -q --all-packages --no-emit-workspace --no-emit-project -o requirements.lock

# The members are installed editable, so only a change of dependencies makes this run again.
$(INSTALLED): requirements.lock $(MEMBERS:%=%/pyproject.toml) | $(UV)
	$(UV) venv -q --allow-existing --python '>=3.11' .venv
	$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

.tools/bin/uv:
	$(PYTHON) -m venv .tools
	.tools/bin/pip install -q uv==$(UV_VERSION)
