# What a job of the worst kinds costs: instructions counted by valgrind, which no load changes, and CPU time for the table.
$(B)/cost/work: $(wildcard tests/cost/*.[ch]) $(B)/client.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(QUIET)$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Itests $(ALL_LDFLAGS) -o $@ $(filter %.c %.a,$^) $(LIBS)

.PHONY: work-test
work-test: $(B)/cost/work ## No job costs more instructions than its size allows; LARGE=1: up to 1 MiB
	@python3 tests/cost/run.py $< $(if $(LARGE),--large)

.PHONY: worst-jobs
worst-jobs: $(B)/cost/work ## Write the table of the worst jobs in docs/operations.md anew (a minute)
	@python3 bench/worst_jobs.py $<
