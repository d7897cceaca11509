# The controller of rates against quotas that nobody told it, on a clock that the simulation turns.
SIM_WRAPPED := clock_mono_ms clock_random_below timer_new timer_free timer_once timer_now timer_is_set fleet_store_ask
$(B)/sim/throttle: $(wildcard tests/sim/*.[ch]) $(B)/client.a $(B)/tests/support.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(QUIET)$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Itests $(ALL_LDFLAGS) $(SIM_WRAPPED:%=-Wl,--wrap=%) -o $@ $(filter %.c,$^) $(TEST_LIBS)

.PHONY: throttle-sim throttle-table
throttle-sim: $(B)/sim/throttle ## Does a fleet find a provider's quota? A selection of them
	@$<
throttle-table: $(B)/sim/throttle ## All rows of the table in docs/throttling.md
	@{ sed '/^<!-- made by/q' docs/throttling.md; echo; $< all; } > docs/throttling.md.tmp && mv docs/throttling.md.tmp docs/throttling.md
