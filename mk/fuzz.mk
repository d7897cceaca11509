# Fuzzing (clang's libFuzzer), and the replay of the corpora as unit tests (any compiler).
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ   ?= $(FUZZ_TARGETS)
FUZZ_S ?= 60
FUZZ_CC ?= clang
REPLAY := $(FUZZ_TARGETS:%=$(B)/fuzz/corpus_%)

# The targets take of the mock what they need, never its main().
$(B)/fuzz/mock.a: $(filter-out $(B)/mock/main.o,$(MOCK:%=$(B)/%.o))
	@mkdir -p $(@D)
	@rm -f $@
	@$(AR) rcs $@ $^

$(REPLAY): $(B)/fuzz/corpus_%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c tests/fuzz/fuzz.h $(LIB_OBJ) $(B)/fuzz/mock.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(QUIET)$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -Itests -DFUZZ_TARGET='"$*"' $(ALL_LDFLAGS) -o $@ $(filter %.c %.o %.a,$^) $(LIBS) -lcmocka

$(B)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/slow.c tests/fuzz/fuzz.h $(LIB_OBJ) $(B)/fuzz/mock.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(QUIET)$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -fsanitize=fuzzer -Itests $(ALL_LDFLAGS) -Wl,--wrap=LLVMFuzzerTestOneInput -o $@ $(filter %.c %.o %.a,$^) $(LIBS)

.PHONY: fuzz fuzz-run
fuzz: ## Fuzz each target for FUZZ_S seconds (one: make fuzz FUZZ=job)
	@$(MAKE) --no-print-directory MODE=fuzz CC="$(FUZZ_CC)" fuzz-run
fuzz-run: $(FUZZ:%=$(B)/fuzz/fuzz_%) $(B)/cost/work
	@FUZZ_S=$(FUZZ_S) WORK=$(B)/cost/work sh tests/fuzz/run.sh $(B)/fuzz $(FUZZ)

# The recipe of `unit` reads UNIT when it runs.
UNIT += $(REPLAY)
unit: $(REPLAY)
