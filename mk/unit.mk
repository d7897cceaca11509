# Unit tests (tests/unit: no socket, no server) and component tests (tests/component: with servers of their own). Each is one
# source, linked with what it uses of src/ and of tests/support; those of the stand-in have names of their own, and of src/ only
# what the stand-in is made of.
UNIT      := $(patsubst %.c,$(B)/%,$(wildcard tests/unit/test_*.c))
COMPONENT := $(patsubst %.c,$(B)/%,$(wildcard tests/component/test_*.c))
TEST_OBJ  := $(UNIT:%=%.o) $(COMPONENT:%=%.o)
MOCK_TEST := $(foreach t,$(UNIT) $(COMPONENT),$(if $(filter test_mock_%,$(notdir $(t))),$(t)))
SUPPORT_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/support/*.c))
# A test's own code need not be fast, but soon there.
TEST_CFLAGS := $(ALL_CFLAGS) $(if $(filter fuzz,$(MODE)),,-O0 -U_FORTIFY_SOURCE) -Itests

$(B)/tests/%.o: tests/%.c | $(B)/queue/script_names.h
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(QUIET)$(CC) $(TEST_CFLAGS) -c -o $@ $<

# Archives name their objects and do not copy them. Neither program's main(), and not the version, which every commit changes.
$(B)/client.a: $(LIB_OBJ) $(filter-out $(B)/cli/main.o $(B)/cli/version.o,$(CLI_OBJ))
$(B)/mock.a: $(filter-out $(B)/mock/main.o,$(MOCK_OBJ))
$(B)/tests/support.a: $(filter-out $(B)/tests/support/no_socket.o $(B)/tests/support/fake_names.o,$(SUPPORT_OBJ))
$(B)/client.a $(B)/mock.a $(B)/tests/support.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(QUIET)$(AR) rcsT $@ $^

# After the objects: each archive may need the other.
TEST_LIBS = -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS) -lcmocka
$(filter-out $(MOCK_TEST),$(UNIT) $(COMPONENT)): $(B)/client.a
$(MOCK_TEST): $(B)/mock.a
$(UNIT): $(B)/tests/support/no_socket.o
$(patsubst %,$(B)/tests/component/test_%,resolve addresses dial): $(B)/tests/support/fake_names.o
$(UNIT) $(COMPONENT): %: %.o $(B)/tests/support.a
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(TEST_LIBS)

# Waiting for a probe or the watchdog would take seconds: these tests move the clock.
MONO_SHIFTED := addresses pipeline shared_form reading dispatch
$(MONO_SHIFTED:%=$(B)/tests/component/test_%): ALL_LDFLAGS += -Wl,--wrap=clock_mono_ms
$(B)/tests/unit/test_manage: ALL_LDFLAGS += -Wl,--wrap=clock_wall_ms
# A server of today says that it is an old one.
$(B)/tests/component/test_queue: ALL_LDFLAGS += -Wl,--wrap=redis_version
$(B)/tests/component/test_app_credentials: ALL_LDFLAGS += -Wl,--wrap=clock_boot_ms

RUN_UNIT ?= sh tests/run-unit.sh
.PHONY: unit component
unit: $(UNIT) ## Unit tests, and the fuzzers' corpora (one: make unit-job)
	@UNIT_TITLE=unit $(RUN_UNIT) $(UNIT) $(REPLAY)
component: $(COMPONENT) ## Tests of modules with servers of their own (one: make unit-redis)
	@UNIT_TITLE=component $(RUN_UNIT) $(COMPONENT)
unit-%: $(B)/tests/unit/test_%
	$<
unit-%: $(B)/tests/component/test_%
	$<

# Not by such tests: main.c, what the admin port shows of a whole worker (bats), the reload of one (e2e), and the seams of the
# fault build (tests/fault).
NOT_UNIT := base/fault admin/monitor admin/stats_page admin/reload mock/main
.PHONY: covered
covered: ## Every module has a unit or component test
	@sh tests/covered.sh $(filter-out $(NOT_UNIT),$(MODULES) cli/jobs/send_args cli/manage/ids cli/manage/manage_args cli/manage/manage_chunk cli/manage/manage_table cli/manage/resume cli/manage/caller cli/manage/show $(MOCK))
