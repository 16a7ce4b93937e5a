# The commands of this checkout; `make help` lists them. Each sets up what it needs first.
.PHONY: help setup up down status backup restore refill rotate-keys forget demo test lint format \
	types bench profile chaos simulate attack explore mutants fuzz compose-test keycloak contracts \
	sbom audit pictures clean
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
unexport PYTHONDONTWRITEBYTECODE
RUNTIME = @target=$@ ./devtools/bootstrap.sh runtime
DASHBOARD = @target=$@ ./devtools/bootstrap.sh dashboard
DEV = @target=$@ ./devtools/bootstrap.sh dev
# PYTHON=/path/to/python names the Python that the environment is made from.
RUN = .venv/bin/python

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install Python packages, Java, Kafka and PostgreSQL; the other commands do it themselves
	$(RUNTIME)

demo: ## a roster from upload to reports on a throw-away stack: [ROSTER=file.xml] [OUT=folder] [KEEP=1]
	@if [ -z "$$KEEP" ]; then target=$@ ./devtools/bootstrap.sh runtime; \
	else target=$@ ./devtools/bootstrap.sh dashboard && $(RUN) -m devtools.dashboard build; fi
	@set --; \
	[ -z "$$KEEP" ] || set -- --keep; \
	[ -z "$$ROSTER" ] || set -- "$$@" --roster "$$ROSTER"; \
	[ -z "$$OUT" ] || set -- "$$@" --out "$$OUT"; \
	exec $(RUN) -m devtools.demo "$$@"

up: ## start the system in the background; ready on http://127.0.0.1:8080 when this returns
	$(DASHBOARD)
	@$(RUN) -m devtools.dashboard build
	@exec $(RUN) -m devtools.stack.local_stack up

down: ## stop what `make up` started
	@if [ -x $(RUN) ]; then exec $(RUN) -m devtools.stack.local_stack down; fi

status: ## <name> <pid> <state> <port> of each process; fails unless all are ready
	@if [ -x $(RUN) ]; then exec $(RUN) -m devtools.stack.local_stack status; \
	else echo "nothing is set up: make up" >&2; exit 1; fi

backup: ## copy the databases and uploads of what `make up` started: make backup TO=folder
	@: "$${TO:?name a new folder: make backup TO=folder}"; \
	exec $(RUN) -m devtools.stack.backup save "$$TO"

restore: ## put a copy back while it is down: make restore FROM=folder [ONLY="service …"]
	$(RUNTIME)
	@: "$${FROM:?name a copy: make restore FROM=folder}"; \
	exec $(RUN) -m devtools.stack.backup restore "$$FROM" $${ONLY:-}

refill: ## start, and fill a broker that has lost its topics (docs/runbooks/broker-lost.md)
	$(RUNTIME)
	@exec $(RUN) -m devtools.stack.local_stack republish

rotate-keys: ## a new encryption key: STEP=add, restart, then STEP=use (docs/runbooks/keys.md)
	$(RUNTIME)
	@exec $(RUN) -m ops rotate-keys "$${STEP:-}" .run/up/keys.json

forget: ## forget a person while it is down: EMPLOYEE=id BY=name REASON=text (docs/runbooks)
	$(RUNTIME)
	@exec $(RUN) -m devtools.stack.local_stack forget "$${EMPLOYEE:?}" "$${BY:?}" "$${REASON:?}"

test: ## everything CI runs: lint, types, import rules, contracts, all tests
	$(DEV)
	@exec $(RUN) -m devtools.ci

lint: ## formatting, ruff and the import rules
	$(DEV)
	@exec $(RUN) -m devtools.ci format lint imports

format: ## format Python and the dashboard
	$(DEV)
	@.venv/bin/ruff format -q . && cd dashboard && npm run -s format

types: ## mypy, strict
	$(DEV)
	@exec $(RUN) -m devtools.ci types

bench: ## all we measure, beside its floors: make bench [ONLY=word] [BENCH_ROWS=50000] [BENCH_RUNS=3]
	$(DEV)
	@exec $(RUN) -m devtools.bench --only "$$ONLY" --rows $${BENCH_ROWS:-50000} \
		--runs $${BENCH_RUNS:-0}

profile: ## what one payment costs and where, in a first and a second cycle: make profile [ROWS=1000]
	$(DEV)
	@exec $(RUN) -m devtools.profiling --idle --rows $${ROWS:-1000}

chaos: ## pay rosters under kills, clock steps, snapshots and load; freeze clients: [CHAOS_ROWS=1000]
	$(DEV)
	@exec $(RUN) -m devtools.ci chaos

simulate: ## the payment protocol under seeded faults: make simulate [SEEDS=100], 1,000 lives each
	$(DEV)
	@PAYDOWN_SIMULATION_SEEDS=$${SEEDS:-100} PAYDOWN_SIMULATION_WALKS=$$((1000 * $${SEEDS:-100})) \
		exec $(RUN) -m devtools.ci simulate

attack: ## over 500 attacks on a throw-away stack, each held or not held: make attack [ONLY=group]
	$(RUNTIME)
	@exec $(RUN) -m devtools.attack --only "$$ONLY"

explore: ## every interleaving of one payment, and the story of each wrong protocol
	$(DEV)
	@exec $(RUN) -m devtools.ci explore

mutants: ## break the money path in every listed way: make mutants [ONLY=word]; one that survives fails
	$(DEV)
	@exec $(RUN) -m devtools.mutants $${ONLY:-}

fuzz: ## search for a roster that the reader crashes, hangs or grows on: make fuzz [LIMIT=300], seconds
	@target=$@ ./devtools/bootstrap.sh fuzz
	@exec $(RUN) -m services.ingest.tests.fuzz $${LIMIT:-300}

compose-test: ## build and run docker-compose.yml, with kills and two replicas (docs/containers.md)
	$(DEV)
	@exec $(RUN) -m devtools.ci containers

keycloak: ## sign in at a real Keycloak, which is fetched first (180 MB): step-up, logout, lost roles
	$(DEV)
	@exec $(RUN) -m devtools.ci keycloak

contracts: ## generate contracts/ again from the message classes
	$(DEV)
	@exec $(RUN) -m devtools.contracts

pictures: ## docs/pages.md with its pictures and docs/hr-tasks.md, made again in a real browser
	$(DASHBOARD)
	@exec $(RUN) -m devtools.dashboard browser docs:pictures "e2e:tasks -- --docs"

sbom: ## write the parts lists (CycloneDX) of Python, dashboard and Kafka: make sbom [TO=out/sbom]
	@target=$@ ./devtools/bootstrap.sh audit
	@exec $(RUN) -m devtools.supply_chain sbom $$TO

audit: ## ask for known vulnerabilities of everything that is locked; says what was not checked
	@target=$@ ./devtools/bootstrap.sh audit
	@exec $(RUN) -m devtools.supply_chain audit

clean: ## stop what runs; remove the environment, the caches and the state of the stacks
	@./devtools/bootstrap.sh clean
