# Faults under load, against the mock's record.
.PHONY: chaos chaos-short soak
SEED ?= 1
chaos: all ## Chaos scenarios, one table (one: make chaos CHAOS=hup_storm; SEED=n)
	python3 tests/chaos/run.py --seed $(SEED) --doc docs/chaos.md $(CHAOS)
chaos-short: all ## The 90-second selection
	@python3 tests/chaos/run.py --seed $(SEED) --short
soak: all ## A long run with faults on: memory and descriptors stay flat (SOAK_JOBS=n)
	python3 tests/chaos/soak.py --seed $(SEED) $(if $(SOAK_JOBS),--jobs $(SOAK_JOBS))
