# Unit tests of the stand-in, which link its own objects, and tests that turn the clock.
MOCK_UNIT := $(patsubst tests/mock/%.c,$(B)/unit/%,$(wildcard tests/mock/test_*.c))
MOCK_LIB  := $(filter-out $(B)/mock/main.o,$(MOCK_OBJ))
UNIT += $(MOCK_UNIT)
unit: $(MOCK_UNIT)
$(B)/unit/test_mock_%: tests/mock/test_mock_%.c $(MOCK_LIB)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(QUIET)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(MOCK_LIB) $(LIBS) -lcmocka

# Tests of the command line's own modules link what needs no command.
CMD_OBJ := $(foreach o,$(CLI_OBJ),$(if $(filter cmd_%,$(notdir $(o))),$(o)))
CLI_TESTED := $(filter-out $(B)/cli/main.o $(CMD_OBJ) $(B)/cli/queue/dead_move.o,$(CLI_OBJ))
$(B)/unit/test_send_args $(B)/unit/test_manage $(B)/unit/test_show $(B)/unit/test_caller: $(B)/unit/%: tests/unit/%.c $(CLI_TESTED) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(QUIET)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(CLI_TESTED) $(LIB_OBJ) $(LIBS) -lcmocka

# Waiting for a probe or the watchdog would take seconds: these tests move the monotonic clock.
$(B)/unit/test_pipeline $(B)/unit/test_gather $(B)/unit/test_reading $(B)/unit/test_dispatch: ALL_LDFLAGS += -Wl,--wrap=clock_mono_ms
$(B)/unit/test_keyring: ALL_LDFLAGS += -Wl,--wrap=clock_boot_ms

# Not by unit tests: main.c, what the admin port shows of a whole worker (bats), the reload of one (e2e), and the seams of the
# fault build (tests/fault).
NOT_UNIT := base/fault admin/monitor admin/stats_page admin/reload mock/main
.PHONY: covered
covered: ## Every module has a unit test
	@sh tests/covered.sh $(filter-out $(NOT_UNIT),$(MODULES) cli/jobs/send_args cli/manage/ids cli/manage/manage_args cli/manage/manage_chunk cli/manage/manage_table cli/manage/resume cli/manage/caller cli/manage/show $(MOCK))
