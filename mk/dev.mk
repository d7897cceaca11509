# Set-up, demo and the whole test run: what the README promises.

.PHONY: setup-build setup-test demo test test-all e2e
setup-build:
	@sh scripts/setup.sh build
setup-test:
	@sh scripts/setup.sh test

demo: ## Set up, then Redis, mock provider over TLS, a worker, a few jobs: the main job for real
	@bash scripts/demo.sh

test: setup-test ## Set up and test: units, schemas, command line, end to end (4 minutes)
	@bash scripts/test.sh

test-all: setup-test ## What CI adds: lint, clang, sanitizers, model, arm64, faults, chaos, Debian 13 (30 minutes)
	@bash scripts/test-all.sh

.PHONY: previous
previous: ## The version before this one, in build/previous
	@sh scripts/previous.sh

e2e: all previous ## End-to-end scenarios (one: make e2e E2E=hostile_corpus)
	python3 tests/e2e/run.py $(E2E)

.PHONY: e2e-repeat
RUNS ?= 10
HOGS ?= 0
e2e-repeat: all previous ## All end-to-end scenarios RUNS times over, HOGS busy loops beside them
	@bash scripts/e2e-repeat.sh $(RUNS) $(HOGS)

.PHONY: fault-test
fault-test: ## Kill the worker at each of its socket writes in turn; poison (the fault build)
	@$(MAKE) --no-print-directory MODE=fault B=build/fault build/fault/pushbridge build/fault/pushbridge-mock
	python3 tests/fault/run.py $(STEP)

.PHONY: docker-test
docker-test: ## Images, three workers, one killed: where a Docker engine answers
	@bash scripts/docker-test.sh
