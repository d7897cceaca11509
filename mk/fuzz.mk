# Fuzzing (clang's libFuzzer), and the replay of the corpora as unit tests (any compiler).
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ   ?= $(FUZZ_TARGETS)
FUZZ_S ?= 60
FUZZ_CC ?= clang
REPLAY := $(FUZZ_TARGETS:%=$(B)/fuzz/corpus_%)

# Of the stand-in the targets take what they need, and where both have it, the client's.
FUZZ_OBJ := $(FUZZ_TARGETS:%=$(B)/tests/fuzz/fuzz_%.o)
$(FUZZ_TARGETS:%=$(B)/fuzz/fuzz_%) $(REPLAY): $(B)/tests/fuzz/rest.o $(B)/client.a $(B)/mock.a | $(B)/fuzz
$(REPLAY): $(B)/fuzz/corpus_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(TEST_LIBS)

$(FUZZ_TARGETS:%=$(B)/fuzz/fuzz_%): $(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/slow.o
	$(call say,LINK,$@)
	$(QUIET)$(CC) -fsanitize=fuzzer $(ALL_LDFLAGS) -Wl,--wrap=LLVMFuzzerTestOneInput -o $@ $(filter %.o,$^) $(TEST_LIBS)
$(B)/fuzz:
	@mkdir -p $@

.PHONY: fuzz fuzz-run
fuzz: ## Fuzz each target for FUZZ_S seconds (one: make fuzz FUZZ=job)
	@$(MAKE) --no-print-directory MODE=fuzz CC="$(FUZZ_CC)" fuzz-run
fuzz-run: $(FUZZ:%=$(B)/fuzz/fuzz_%) $(B)/cost/work
	@FUZZ_S=$(FUZZ_S) WORK=$(B)/cost/work sh tests/fuzz/run.sh $(B)/fuzz $(FUZZ)

unit: $(REPLAY)
