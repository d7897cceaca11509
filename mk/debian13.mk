# The README's two commands on another Debian than this machine's.
.PHONY: test-debian13
test-debian13: ## make demo and make test in a fresh Debian 13 (debootstrap), or says why not
	@bash scripts/test-debian13.sh
