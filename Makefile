# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Sluice. `make help` lists the targets.

BUILD     ?= build
CC        ?= cc
CLANG     ?= clang
BPFTOOL   ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
SUDO      := $(if $(filter 0,$(shell id -u)),,sudo)
JOBS      := -j$(shell nproc)

# `make V=1` shows the commands.
Q   := $(if $(filter 1,$(V)),,@)
say  = @printf '  %-6s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@)

INCLUDES := -Iinclude -Ictl/lib -Iuserspace/common -I$(BUILD)
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS   ?= -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
ifdef SANITIZE
CFLAGS   += -U_FORTIFY_SOURCE -fsanitize=address,undefined -fno-omit-frame-pointer
endif
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(INCLUDES) $(CFLAGS) -D_GNU_SOURCE -MMD -MP
BPF_ARCH   := $(patsubst x86_64,x86,$(shell uname -m))
BPF_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Iinclude \
	     -I/usr/include/$(MULTIARCH) -target bpf -D__TARGET_ARCH_$(BPF_ARCH) \
	     -mcpu=v3 -O2 -g -MMD -MP

LIBS_CTL   := -lxdp -lbpf -lyaml -ljansson -lnftables -lnl-route-3 -lnl-3 -lcrypto -lelf -lz
LIBS_LBCTL := $(LIBS_CTL) -lncurses
LIBS_AGENT := $(LIBS_CTL) -lmicrohttpd -lssl -lcrypto
# The daemons that serve traffic: a directory of userspace/ each, and what it needs besides.
DAEMONS    := sluice-tlsproxy sluice-web sluice-app sluice-mysql
DIR_sluice-tlsproxy := tlsproxy
DIR_sluice-web      := webserver
DIR_sluice-app      := appserver
DIR_sluice-mysql    := mysqlrouter
LIBS_DAEMON := -lssl -lcrypto -lyaml
LIBS_sluice-app     := -rdynamic -lmariadb -ljansson -ldl
LIBS_sluice-mysql   := -lmariadb
CFLAGS_NL  := -I/usr/include/libnl3

LIB_OBJS    := $(patsubst %.c,$(BUILD)/%.o,$(wildcard ctl/lib/*.c))
CTL_OBJS    := $(patsubst %.c,$(BUILD)/%.o,$(wildcard ctl/*.c))
COMMON_OBJS := $(patsubst %.c,$(BUILD)/%.o,\
	       $(wildcard userspace/common/*.c userspace/common/http/*.c))
AGENT_OBJS  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard userspace/agent/*.c))
UNIT_TESTS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))
BPF_TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bpf/*_test.c))
BENCHES     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/*_bench.c))
HELPER_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
has_main     = $(wildcard userspace/$(DIR_$(1))/main.c)
READY       := $(foreach daemon,$(DAEMONS),$(if $(call has_main,$(daemon)),$(daemon)))
MODULES     := $(patsubst userspace/apps/%/,$(BUILD)/modules/%.so,$(wildcard userspace/apps/*/))
PROGRAMS    := $(BUILD)/lbctl $(BUILD)/sluice-agent $(READY:%=$(BUILD)/%) $(MODULES)
FABRIC      := $(BUILD)/vm/fabric/pass.bpf.o

.PHONY: all
all: $(PROGRAMS) $(FABRIC) ## Build lbctl, sluice-agent and the data plane

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## Install the Debian packages that are missing
	$(SUDO) packaging/install-packages

.PHONY: demo
demo: deps ## Install, build, raise the lab and send one request through it
	$(MAKE) --no-print-directory $(JOBS) all
	$(SUDO) vm/demo

.PHONY: demo-down
demo-down: ## Take the lab down and leave nothing behind
	$(SUDO) vm/lab down

.PHONY: test
test: deps ## Run every test
	$(MAKE) --no-print-directory $(JOBS) all tests
	$(MAKE) --no-print-directory $(JOBS) SANITIZE=1 BUILD=$(BUILD)-san unit-tests
	$(SUDO) env BUILD=$(BUILD) tests/run

.PHONY: vm-test
vm-test: deps ## Run the tests that need virtual machines, on each supported kernel
	$(MAKE) --no-print-directory $(JOBS) all tests
	$(SUDO) env BUILD=$(BUILD) tests/run vm/

.PHONY: verifier-baseline
verifier-baseline: $(BUILD)/tests/bpf/load_test ## Write what the older kernels' verifiers walk now
	env BUILD=$(BUILD) tests/verifier/baseline update

.PHONY: tests
tests: unit-tests $(BPF_TESTS) fuzzers e2e-tools ## Build the test programs without running them

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)

.PHONY: bench
bench: bench-xdp bench-live bench-parser bench-http bench-sql ## Measure, beside floors and peers

.PHONY: bench-xdp
bench-xdp: $(BUILD)/tests/bench/xdp_bench ## Nanoseconds per packet: name, minimum, median, floor
	$(SUDO) $<

.PHONY: bench-live
bench-live: $(BUILD)/tests/bench/live_bench ## Packets/s beside a plain redirect and nft
	$(SUDO) $<

.PHONY: bench-http
bench-http: $(BUILD)/sluice-web $(BUILD)/sluice-tlsproxy ## HTTP and TLS beside nginx and HAProxy
	$(SUDO) env BUILD=$(BUILD) tests/bench/http/run

.PHONY: bench-sql
bench-sql: $(BUILD)/sluice-mysql ## The MySQL router beside HAProxy and a direct way
	$(SUDO) env BUILD=$(BUILD) tests/bench/sql/run

.PHONY: bench-lbctl
bench-lbctl: $(BUILD)/lbctl ## Seconds that lbctl takes with a large configuration
	$(SUDO) env BUILD=$(BUILD) tests/bench/lbctl/run

.PHONY: bench-parser
bench-parser: $(BUILD)/tests/bench/http_bench ## Nanoseconds per HTTP message, parsed and written
	$<

.PHONY: lint
lint: ## Check format, shell scripts and the C code with static analysers
	tests/lint

.PHONY: format
format: ## Format the C code
	clang-format -i $$(git ls-files '*.c' '*.h')

.PHONY: clean
clean: ## Remove what was built
	rm -rf $(BUILD)

# --- data plane ---------------------------------------------------------------

BPF_NAMES := sluice check accept deadline

$(BPF_NAMES:%=$(BUILD)/%.bpf.o): $(BUILD)/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BPF_NAMES:%=$(BUILD)/%.skel.h): $(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

BENCH_SKELS := $(BUILD)/replay.skel.h $(BUILD)/live.skel.h

$(FABRIC) $(BENCH_SKELS:$(BUILD)/%.skel.h=$(BUILD)/tests/bench/%.bpf.o): $(BUILD)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BENCH_SKELS): $(BUILD)/%.skel.h: $(BUILD)/tests/bench/%.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name $* > $@.tmp && mv $@.tmp $@

$(BENCHES:=.o): $(BENCH_SKELS) $(BUILD)/sluice.skel.h

# --- programs and tests -------------------------------------------------------

$(LIB_OBJS) $(CTL_OBJS) $(AGENT_OBJS): | $(BUILD)/sluice.skel.h
$(UNIT_TESTS:=.o) $(BPF_TESTS:=.o) $(HELPER_OBJS): | $(BUILD)/sluice.skel.h
$(BUILD)/ctl/lib/attach.o $(BUILD)/ctl/lib/dataplane.o: $(BUILD)/sluice.skel.h
$(BUILD)/ctl/lib/attach.o $(BUILD)/ctl/lib/deadline.o: $(BUILD)/deadline.skel.h
$(BUILD)/ctl/lib/accept.o: $(BUILD)/accept.skel.h
$(BUILD)/userspace/agent/check_path.o $(BUILD)/tests/bpf/check_path_test.o: $(BUILD)/check.skel.h
$(BUILD)/tests/bpf/load_test.o: $(BUILD)/check.skel.h

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(CFLAGS_NL) -c $< -o $@

$(BUILD)/libsluice.a: $(LIB_OBJS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libcommon.a: $(COMMON_OBJS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/lbctl: $(CTL_OBJS) $(BUILD)/libsluice.a $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS_LBCTL)

# The packets of MySQL that its router has, for health checks.
MYSQL_PACKETS := $(patsubst %,$(BUILD)/userspace/mysqlrouter/%.o,wire handshake auth)

$(BUILD)/sluice-agent: $(AGENT_OBJS) $(MYSQL_PACKETS) $(BUILD)/libsluice.a $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS_AGENT)

daemon_objs = $(patsubst %.c,$(BUILD)/%.o,$(wildcard userspace/$(DIR_$(1))/*.c))

define daemon_rule
$(BUILD)/$(1): $(call daemon_objs,$(1)) $(BUILD)/libsluice.a $(BUILD)/libcommon.a
	$$(call say,LD)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) $(call daemon_objs,$(1)) $$(LIBS_$(1)) \
		-Wl,--start-group $(BUILD)/libcommon.a $(BUILD)/libsluice.a -Wl,--end-group \
		-o $$@ $$(LIBS_DAEMON)

$(BUILD)/lib$(1).a: $(filter-out %/main.o,$(call daemon_objs,$(1)))
	$$(call say,AR)
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach daemon,$(DAEMONS),$(eval $(call daemon_rule,$(daemon))))

# Application modules see the public header and nothing else of Sluice.
define module_rule
$(BUILD)/modules/$(1).so: $(wildcard userspace/apps/$(1)/*.[ch]) include/sluice/app.h
	@mkdir -p $$(@D)
	$$(call say,MODULE)
	$$(Q)$$(CC) -std=gnu11 $$(WARNINGS) -Iinclude $$(CFLAGS) -D_GNU_SOURCE -fPIC -shared \
		$$(filter %.c,$$^) -o $$@ -ljansson
endef
$(foreach dir,$(wildcard userspace/apps/*/),$(eval $(call module_rule,$(notdir $(dir:/=)))))

# A unit test may use any module of the libraries; those of the programs without main() too.
lib_of       = $(if $(call daemon_objs,$(1)),$(BUILD)/lib$(1).a)
DAEMON_LIBS := $(foreach daemon,$(DAEMONS),$(call lib_of,$(daemon)))
$(UNIT_TESTS) $(BPF_TESTS) $(BENCHES): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libtest.a \
	$(BUILD)/libctl.a $(BUILD)/libfoobar.a $(DAEMON_LIBS) $(BUILD)/libsluice.a \
	$(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $< -Wl,--start-group $(filter %.a,$^) -Wl,--end-group -o $@ \
		-lcunit $(LIBS_AGENT) $(LIBS_LBCTL) -lmariadb

$(BUILD)/libtest.a: $(filter-out %/main.o,$(AGENT_OBJS)) $(HELPER_OBJS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# The shop without the server that it runs in: what needs no request can be tested.
$(BUILD)/libfoobar.a: $(patsubst %.c,$(BUILD)/%.o,$(wildcard userspace/apps/foobar/*.c))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libctl.a: $(filter-out %/main.o,$(CTL_OBJS))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

include tests/fuzz/rules.mk
include tests/e2e/rules.mk
include packaging/install.mk

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
