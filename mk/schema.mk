# docs/schema against the parser that it describes and the writer. Debian's jsonschema belongs to its own Python.
.PHONY: schema-build schema-test
SCHEMA := $(B)/schema/verdict $(B)/schema/outcomes
$(SCHEMA): $(B)/schema/%: tests/schema/%.c $(B)/client.a
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(QUIET)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/client.a $(LIBS)
schema-build: $(SCHEMA)
schema-test: $(SCHEMA) ## docs/schema: jobs against the parser, outcomes against the writer
	@/usr/bin/python3 tests/schema/jobs.py $(B)/schema/verdict
	@/usr/bin/python3 tests/schema/outcomes.py $(B)/schema/outcomes
