# The command line's own tests.
.PHONY: cli-test options-doc
cli-test: all ## Tests of the command line (bats)
	bats tests/cli

options-doc: all ## Write docs/options.md anew from the table of options
	bin/pushbridge check --reference > docs/options.md
