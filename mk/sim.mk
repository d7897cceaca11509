# The controller of rates against quotas that nobody told it, on a clock that the simulation turns.
SIM_WRAPPED := clock_mono_ms clock_random_below timer_new timer_free timer_once timer_now timer_is_set flow_store_ask
$(B)/sim/throttle: tests/sim/throttle.c tests/sim/virtual.c tests/sim/virtual.h tests/sim/quota.h $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,TEST,$<)
	$(QUIET)$(CC) $(ALL_CFLAGS) -Itests $(ALL_LDFLAGS) $(SIM_WRAPPED:%=-Wl,--wrap=%) -o $@ $< $(LIB_OBJ) $(LIBS)

.PHONY: throttle-sim throttle-table
throttle-sim: $(B)/sim/throttle ## Does a fleet find a provider's quota? A selection of them
	@$<
throttle-table: $(B)/sim/throttle ## All rows of the table in docs/throttling.md
	@{ sed '/^<!-- made by/q' docs/throttling.md; echo; $< all; } > docs/throttling.md.tmp && mv docs/throttling.md.tmp docs/throttling.md
