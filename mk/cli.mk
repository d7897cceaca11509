# The command line's own tests.
.PHONY: cli-test options-doc metrics-doc
cli-test: all ## Tests of the command line (bats)
	@bash tests/cli/run.sh

options-doc: all ## Write docs/options.md anew from the table of options
	bin/pushbridge check --reference > docs/options.md

metrics-doc: all ## Write the table of metrics in docs/admin.md anew from a worker's page
	PB_WRITE_DOCS=1 python3 tests/e2e/run.py metrics_page_is_strict_and_documented
