# Formatting, shell, and what two analyzers of C say.
.PHONY: lint
lint: $(LUA_C) ## clang-format, shellcheck, clang-tidy, cppcheck (one: make lint LINTER=tidy)
	@LINT_FLAGS='-std=c17 -D_GNU_SOURCE -Isrc -I$(B) $(PKG_CFLAGS)' bash scripts/lint.sh $(LINTER)
