# Another machine's programs and tests.
.PHONY: test-arm64
test-arm64: ## Build for arm64, run the unit tests under qemu
	@bash scripts/cross.sh
