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
BPF_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Iinclude \
	     -I/usr/include/$(MULTIARCH) -target bpf -mcpu=v3 -O2 -g -MMD -MP

LIBS_CTL   := -lxdp -lbpf -lyaml -ljansson -lnftables -lnl-route-3 -lnl-3 -lelf -lz
LIBS_AGENT := $(LIBS_CTL) -lmicrohttpd -lssl -lcrypto
CFLAGS_NL  := -I/usr/include/libnl3

LIB_OBJS    := $(patsubst %.c,$(BUILD)/%.o,$(wildcard ctl/lib/*.c))
CTL_OBJS    := $(patsubst %.c,$(BUILD)/%.o,$(wildcard ctl/*.c))
COMMON_OBJS := $(patsubst %.c,$(BUILD)/%.o,\
	       $(wildcard userspace/common/*.c userspace/common/http/*.c))
AGENT_OBJS  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard userspace/agent/*.c))
UNIT_TESTS  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*_test.c))
BPF_TESTS   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bpf/*_test.c))
BENCHES     := $(BUILD)/tests/bench/xdp_bench
HELPER_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support/*.c))
PROGRAMS    := $(BUILD)/lbctl $(BUILD)/sluice-agent
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

.PHONY: tests
tests: unit-tests $(BPF_TESTS) fuzzers e2e-tools ## Build the test programs without running them

.PHONY: unit-tests
unit-tests: $(UNIT_TESTS)

.PHONY: bench
bench: bench-xdp ## Measure, beside the physical floor

.PHONY: bench-xdp
bench-xdp: $(BUILD)/tests/bench/xdp_bench ## Nanoseconds per packet: name, minimum, median, floor
	$(SUDO) $<

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

$(BUILD)/sluice.bpf.o: bpf/sluice.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/sluice.skel.h: $(BUILD)/sluice.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name sluice_bpf > $@.tmp && mv $@.tmp $@

$(FABRIC) $(BUILD)/tests/bench/replay.bpf.o: $(BUILD)/%.bpf.o: %.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/replay.skel.h: $(BUILD)/tests/bench/replay.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name replay > $@.tmp && mv $@.tmp $@

$(BUILD)/tests/bench/xdp_bench.o: $(BUILD)/replay.skel.h $(BUILD)/sluice.skel.h

# --- programs and tests -------------------------------------------------------

$(LIB_OBJS) $(CTL_OBJS) $(AGENT_OBJS): | $(BUILD)/sluice.skel.h
$(UNIT_TESTS:=.o) $(BPF_TESTS:=.o) $(HELPER_OBJS): | $(BUILD)/sluice.skel.h
$(BUILD)/ctl/lib/attach.o $(BUILD)/ctl/lib/dataplane.o: $(BUILD)/sluice.skel.h

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
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS_CTL)

$(BUILD)/sluice-agent: $(AGENT_OBJS) $(BUILD)/libsluice.a $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS_AGENT)

# A unit test may use any module of the library; those of the agent and of lbctl without main() too.
$(UNIT_TESTS) $(BPF_TESTS) $(BENCHES): $(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/libtest.a \
	$(BUILD)/libctl.a $(BUILD)/libsluice.a $(BUILD)/libcommon.a
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ -lcunit $(LIBS_AGENT)

$(BUILD)/libtest.a: $(filter-out %/main.o,$(AGENT_OBJS)) $(HELPER_OBJS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libctl.a: $(filter-out %/main.o,$(CTL_OBJS))
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

include tests/fuzz/rules.mk
include tests/e2e/rules.mk

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
