# pushbridge: `make help` lists what there is.
#
# MODULES is the architecture: a module may include only headers of modules that stand before it
# (checked by `make layers`).
MODULES := \
	base/mem base/fault base/oom base/heap base/chars base/hash base/err base/buf base/number base/text base/visible base/secrets base/said base/clock base/log base/metrics_list base/metrics base/start base/file \
	job/job job/job_schema job/job_list job/job_members job/job_json job/job_parse \
	job/template_text job/template_values job/template job/expression job/target job/quiet job/plan job/grouping job/coalesce job/verdict job/begun job/outcome job/envelope job/letter \
	aliyun/params aliyun/params_table aliyun/params_override aliyun/params_check aliyun/parts aliyun/params_text aliyun/actions aliyun/actions_table aliyun/sign aliyun/request aliyun/content aliyun/quota aliyun/errors aliyun/response aliyun/answer_xml aliyun/credentials aliyun/profile aliyun/sts \
	io/multi io/http_headers io/http \
	io/tls io/dial io/redis_reader io/redis_said io/cluster io/ask io/locate \
	io/pending io/redis_info io/redis io/redis_core io/redis_handshake io/redis_redirect io/redis_url io/redis_script io/router io/scripts \
	io/queue io/queue_core io/queue_health io/queue_lease io/queue_claim io/queue_finish io/queue_group io/queue_wait io/queue_upkeep io/queue_leftovers io/queue_count io/queue_seen io/queue_look io/queue_tool io/queue_peek io/queue_remove io/flow_store \
	worker/config worker/options worker/options_table worker/settings worker/settings_reader worker/settings_push worker/settings_template worker/settings_file worker/settings_env \
	worker/admin_host worker/config_url worker/config_secrets worker/config_names worker/config_keys worker/config_apps worker/config_groups worker/config_templates worker/marks worker/config_load worker/config_print worker/circuit worker/circuits worker/shared_stop worker/own_trouble worker/others worker/flow_alone worker/flow worker/flow_core worker/flow_limits worker/flow_ask worker/flow_cool worker/flow_stock worker/fleet worker/http_answer worker/key_fetch worker/keyring worker/legs worker/memory worker/flight worker/bundle worker/share worker/batch worker/tally worker/turns worker/sender worker/pipeline worker/pipeline_core worker/replies worker/ending worker/again worker/refusal worker/gather worker/duplicates worker/answer worker/pipeline_walk worker/heartbeat worker/aside worker/leftovers worker/dispatch worker/dispatch_core worker/lanes worker/room worker/leftover_look worker/parked worker/looks worker/ahead worker/claims worker/watch worker/dispatch_loop \
	worker/process worker/rates worker/notify worker/ready worker/gauges worker/monitor worker/stats worker/door worker/admin_socket worker/admin worker/reload
CLI  := $(patsubst src/%.c,%,$(wildcard src/cli/*.c))
MOCK := $(patsubst src/%.c,%,$(wildcard src/mock/*.c))
# The mock checks the client, so it shares nothing with it but the foundation.
MOCK_BASE := base/mem base/chars base/err base/buf base/text base/visible base/clock base/log base/start

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
# A test's own code need not be fast, but soon there.
TEST_CFLAGS := $(ALL_CFLAGS) -O0 -U_FORTIFY_SOURCE -Itests
LIBS := $(PKG_LIBS) -lm

EXISTING := $(foreach m,$(filter-out $(if $(filter fault,$(MODE)),,base/fault),$(MODULES)),$(if $(wildcard src/$(m).c),$(m)))
LIB_OBJ  := $(EXISTING:%=$(B)/%.o)
CLI_OBJ  := $(CLI:%=$(B)/%.o)
MOCK_OBJ := $(MOCK:%=$(B)/%.o) $(MOCK_BASE:%=$(B)/%.o)
UNIT := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))

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

$(B)/%.o: src/%.c | $(if $(PKG_LIBS),,missing-libraries)
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

# Lua scripts become C strings, comments and indentation stripped.
LUA := $(sort $(wildcard src/io/lua/*.lua))
$(B)/io/scripts.o: $(B)/lua.inc
$(B)/lua.inc: $(LUA) src/io/lua/embed.awk
	@mkdir -p $(@D)
	$(QUIET)awk -f src/io/lua/embed.awk $(LUA) > $@.tmp && mv $@.tmp $@

# --- tests -----------------------------------------------------------------------------------
$(B)/unit/%: tests/unit/%.c $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call say,TEST,$<)
	$(QUIET)$(CC) $(TEST_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIB_OBJ) $(LIBS) -lcmocka

.PHONY: unit
unit: $(UNIT) ## Unit tests (one: make unit-job)
	@$(RUN_UNIT) $(UNIT)
RUN_UNIT ?= sh tests/run-unit.sh
unit-%: $(B)/unit/test_%
	$<

include $(wildcard mk/*.mk)

.PHONY: layers
layers: ## Reject includes that point upward in the module list
	@awk -v modules="$(MODULES)" -f tests/layers.awk $(wildcard src/*/*.c src/*/*.h)

.PHONY: format
format: ## Format the C sources
	clang-format -i $(wildcard src/*/*.[ch] tests/*/*.[ch] bench/*.c)

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
