# `make` alone lists what can be made.
.DEFAULT_GOAL := help
.PHONY: help link venv demo demo-down versions test judges unit integration system pairs hostile boot-matrix bench-playbooks bench-outage bench-rejoin bench-growth lint format build clean

BIN := .venv/bin
# Files begun in the order given, three at a time, and two on hosts: tests/support/schedule.py.
PARALLEL := --numprocesses 3 --dist loadfile --no-loadscope-reorder
# How many cases `make pairs` plays, and with which seed; --help says more.
PAIRS := --seed 1 --pairs 35 --kills 10
# Options of the benchmarks; --help says more.
BENCH :=
LINK := .collections/ansible_collections/hotstandby/postgresql

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: link ## a primary and two hot standbys on this machine, and what may befall them; leaves them running
	@scripts/system-packages demo
	@scripts/venv demo
	@$(BIN)/python demo/run.py up --life

demo-down: ## stop the demo and remove every trace of it
	@python3 demo/run.py down

versions: link ## the demo's life under the lowest and the highest ansible-core that are promised
	@scripts/ansible-versions

test: venv ## everything: judges, unit, integration and system tests (as root it installs what they need)
	@$(BIN)/pytest $(PARALLEL) --durations=10 tests/judges tests/unit tests/integration tests/system

judges: venv ## the judges alone: sanity, lint, types, documentation, packaging
	@$(BIN)/pytest tests/judges

unit: venv ## the tests that need no server
	@$(BIN)/pytest tests/unit

integration: venv ## the modules and the demo against real servers on this machine
	@$(BIN)/pytest tests/integration

system: venv ## molecule and the acceptance tests, on hosts in containers
	@$(BIN)/pytest tests/system

pairs: venv ## runs against each other, and killed ones, on a demo; an hour or more (PAIRS="--seed 1 --pairs 35 --kills 10")
	@PYTHONPATH=tests:demo $(BIN)/python -m drivers.pairs $(PAIRS)

hostile: venv ## the playbooks beside a hostile database user and a hostile account of the server (not in `make test`)
	@$(BIN)/pytest tests/drivers/test_hostile_life.py tests/drivers/test_hostile_account.py

boot-matrix: venv ## every order in which hosts boot after a power cut, with seconds (half an hour; not in `make test`)
	@$(BIN)/pytest --capture=no tests/drivers/test_boot_matrix.py

bench-playbooks: venv ## what each playbook takes, against tasks that do nothing and a peer (BENCH="--rounds 5 --against COMMIT")
	@PYTHONPATH=tests $(BIN)/python benchmarks/playbooks.py $(BENCH)

bench-outage: venv ## how long nobody can write when the primary moves, and why (BENCH="--rounds 5 --megabytes 1000")
	@PYTHONPATH=tests $(BIN)/python benchmarks/outage.py $(BENCH)

bench-rejoin: venv ## rewind and clone against pg_rewind by hand (BENCH="--rounds 3 --megabytes 1000,4000 --divergence 16,256")
	@PYTHONPATH=tests $(BIN)/python benchmarks/rejoin.py $(BENCH)

bench-growth: venv ## what the playbooks take with 2 to 32 nodes (BENCH="--rounds 3 --nodes 2,4,8,16,32 --forks 5,10,20,40")
	@PYTHONPATH=tests:demo $(BIN)/python benchmarks/growth.py $(BENCH)

lint: venv ## the quick judges on the tree in front of you: ruff, mypy, yamllint
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/yamllint --strict .

format: venv ## sort imports and mend what ruff can mend by itself
	$(BIN)/ruff check --fix

venv: link ## .venv with Ansible and the tools of the tests
	@scripts/system-packages test
	@scripts/venv test

link: $(LINK) ## the link by which Ansible finds the checkout as hotstandby.postgresql

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@

build: venv ## the tarball of the collection, for ansible-galaxy collection install
	@$(BIN)/ansible-galaxy collection build --force

clean: ## remove what was built here (not a running demo)
	@rm -rf .venv .collections .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis hotstandby-postgresql-*.tar.gz
