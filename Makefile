# pushbridge: `make help` lists what there is.
#
# mk/rooms.txt is the architecture: which folder of src/ may include, and call, what of which others (checked by `make layers`).
ROOMS := $(shell awk '/^[a-z]+:/ { sub(":", "", $$1); if ($$1 != "mock" && $$1 != "cli") print $$1 }' mk/rooms.txt)
MODULES := $(patsubst src/%.c,%,$(wildcard $(ROOMS:%=src/%/*.c) $(ROOMS:%=src/%/*/*.c)))
CLI  := $(patsubst src/%.c,%,$(wildcard src/cli/*.c src/cli/*/*.c))
MOCK := $(patsubst src/%.c,%,$(wildcard src/mock/*.c src/mock/*/*.c))
# The mock checks the client, so it shares nothing with it but the foundation.
MOCK_BASE := base/mem base/chars base/err base/buf base/text base/visible base/clock base/log host/start base/timer base/hash host/args host/args_help

# One short line a step, none with -s; V=1 shows the commands. All cores, unless make was told how many; but not when the
# same run removes what was built.
QUIET := $(if $(filter 1,$(V)),,@)
SILENT := $(findstring s,$(firstword -$(MAKEFLAGS)))
say = $(if $(QUIET),$(if $(SILENT),@:,@printf '  %-4s %s\n' $(1) $(2)))
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS))$(filter clean,$(MAKECMDGOALS))$(filter-out 0,$(MAKELEVEL)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

MODE ?= release
B    := build/$(MODE)
PKGS := libcurl openssl jansson libconfig libevent libevent_openssl expat
PKG_CONFIG ?= pkg-config
# hiredis.pc would expose headers called async.h and read.h: we include <hiredis/…>, take its libs.
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PKGS) hiredis 2>/dev/null)

PREFIX  ?= /usr/local
DESTDIR ?=
UNITS   ?= $(PREFIX)/lib/systemd/system
VERSION := $(shell cat VERSION)
# A tarball has no .git of its own; it may lie in a checkout of something else.
COMMIT  := $(shell if [ -e .git ]; then git describe --always --dirty --abbrev=7 --exclude='*' 2>/dev/null; else cat mk/commit; fi)
COMMIT  := $(if $(filter-out $$Format%,$(COMMIT)),$(COMMIT),unknown)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wcast-qual -Wpointer-arith -Wundef -Wvla \
	-Wimplicit-fallthrough -Wnull-dereference -Wconversion -Wno-sign-conversion
# Not every compiler and machine knows these: it is asked.
KNOWN := $(shell sh mk/known-flags.sh '$(CC)' -Wduplicated-cond -Wlogical-op -Wformat-truncation=2 -ftrivial-auto-var-init=zero \
	-fstack-protector-strong -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard)
WARN += $(filter -W%,$(KNOWN))
ifdef WERROR
WARN += -Werror
endif

HARDEN := $(filter -f% -m%,$(KNOWN)) -fno-strict-overflow
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_release := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $(HARDEN)
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g $(SAN)
OPT_fuzz    := -O1 -g $(SAN) -fsanitize=fuzzer-no-link
OPT_fault   := -O1 -g -DPB_FAULT
LD_release  := $(LDHARDEN)
LD_asan     := $(SAN)
LD_fault    := -rdynamic
LD_fuzz     := $(SAN)

ALL_CFLAGS := -std=c17 -D_GNU_SOURCE -fPIE -Isrc -I$(B) $(PKG_CFLAGS) $(WARN) $(OPT_$(MODE)) -MMD -MP $(CFLAGS)
ALL_LDFLAGS := $(LD_$(MODE)) $(LDFLAGS)
LIBS := $(PKG_LIBS) -lm

LIB_OBJ  := $(patsubst %,$(B)/%.o,$(filter-out $(if $(filter fault,$(MODE)),,base/fault),$(MODULES)))
CLI_OBJ  := $(CLI:%=$(B)/%.o)
MOCK_OBJ := $(MOCK:%=$(B)/%.o) $(MOCK_BASE:%=$(B)/%.o)

.PHONY: all
all: bin/pushbridge bin/pushbridge-mock ## Build bin/pushbridge and bin/pushbridge-mock

# bin/ holds the programs of the mode that was built last.
.PHONY: FORCE
bin/%: $(B)/% FORCE
	@mkdir -p bin
	@cmp -s $< $@ || cp -f $< $@

$(B)/pushbridge: $(LIB_OBJ) $(CLI_OBJ)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(B)/pushbridge-mock: $(MOCK_OBJ)
	$(call say,LINK,$@)
	$(QUIET)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: src/%.c | $(B)/queue/script_names.h $(if $(PKG_LIBS),,missing-libraries)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(QUIET)$(CC) $(ALL_CFLAGS) -c -o $@ $<

.PHONY: missing-libraries
missing-libraries:
	@echo "These libraries are missing; 'make setup-build' installs them:" >&2
	@$(PKG_CONFIG) --print-errors --exists $(PKGS) hiredis >&2 || true
	@exit 1

# Version and commit are compiled into one object of each program, so that a commit does not rebuild the
# rest.
$(B)/cli/version.o $(B)/mock/options.o: ALL_CFLAGS += -DPB_VERSION='"$(VERSION)"' -DPB_COMMIT='"$(COMMIT)"'
$(B)/cli/version.o $(B)/mock/options.o: $(B)/version.stamp
$(B)/version.stamp: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION) $(COMMIT)' | cmp -s - $@ || echo '$(VERSION) $(COMMIT)' > $@

# Lua scripts become C strings, comments and indentation stripped; what they name becomes an enum.
LUA := $(sort $(wildcard src/queue/lua/*.lua))
LUA_C := $(B)/lua.inc $(B)/queue/script_names.h
$(B)/queue/scripts.o: $(B)/lua.inc
$(B)/lua.inc: WANT := sources
$(B)/queue/script_names.h: WANT := names
$(LUA_C): $(LUA) $(wildcard src/queue/lua/part/*.lua) src/queue/lua/embed.awk
	@mkdir -p $(@D)
	$(QUIET)awk -v want=$(WANT) -f src/queue/lua/embed.awk $(LUA) > $@.tmp && mv $@.tmp $@

include $(wildcard mk/*.mk)

.PHONY: layers
layers: $(LIB_OBJ) $(CLI_OBJ) $(MOCK_OBJ) ## Reject includes and calls that the rooms (mk/rooms.txt) do not allow, circles of calls, and what is too large
	@sh tests/rooms.sh mk/rooms.txt $(B) $(sort $(LIB_OBJ) $(CLI_OBJ) $(MOCK_OBJ))
	@sh tests/circles.sh $(B) $(sort $(LIB_OBJ) $(CLI_OBJ) $(MOCK_OBJ))
	@sh tests/sizes.sh functions files folders names

.PHONY: format
format: ## Format the C sources
	clang-format -i $(wildcard src/*/*.[ch] src/*/*/*.[ch] tests/*/*.[ch] bench/*.c)

.PHONY: install
install: all ## Install below DESTDIR and PREFIX
	install -D -m 755 bin/pushbridge $(DESTDIR)$(PREFIX)/bin/pushbridge
	test -e $(DESTDIR)/etc/pushbridge/pushbridge.conf || \
		install -D -m 640 conf/pushbridge.conf $(DESTDIR)/etc/pushbridge/pushbridge.conf
	install -D -m 644 conf/pushbridge.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/pushbridge.conf
	mkdir -p $(DESTDIR)$(UNITS)
	sed 's|/usr/local/bin|$(PREFIX)/bin|' conf/pushbridge.service > $(DESTDIR)$(UNITS)/pushbridge.service
	sed -f conf/instance.sed $(DESTDIR)$(UNITS)/pushbridge.service > $(DESTDIR)$(UNITS)/pushbridge@.service

.PHONY: clean
clean: ## Remove what was built
	rm -rf build bin

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
