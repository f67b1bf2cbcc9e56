# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Fuzzers of the parsers: libFuzzer with the address and undefined behaviour
# sanitizers. Without clang's runtime there is nothing to build, and tests/run
# says so.

FUZZ         := $(BUILD)/fuzz
FUZZ_CFLAGS  := -O1 -g -U_FORTIFY_SOURCE -fno-omit-frame-pointer \
		-fsanitize=address,undefined -fno-sanitize-recover=undefined
FUZZ_RUNTIME := $(wildcard $(shell $(CLANG) -print-resource-dir)/lib/linux/libclang_rt.fuzzer-*.a)
FUZZERS      := $(if $(FUZZ_RUNTIME),$(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*_fuzz.c)))
FUZZED       := $(filter-out ctl/main.c,$(wildcard ctl/*.c))
FUZZED       += ctl/lib/*.c userspace/common/*.c userspace/common/http/*.c \
		userspace/agent/message.c tests/support/model_equal.c tests/support/http_take.c
FUZZED       += $(addprefix userspace/mysqlrouter/,answer.c auth.c gtid.c handshake.c lexer.c \
		result.c statement.c statement_set.c statement_words.c wire.c)
FUZZED       += $(addprefix userspace/appserver/,arena.c form.c seal.c session.c \
		template_compile.c template_render.c template_set.c)
FUZZED_OBJS  := $(patsubst %.c,$(FUZZ)/%.o,$(wildcard $(FUZZED)))

.PHONY: fuzzers
fuzzers: $(FUZZERS) ## Build the fuzzers

$(FUZZED_OBJS) $(FUZZERS:$(BUILD)/%=$(FUZZ)/%.o): | $(BUILD)/sluice.skel.h

$(FUZZ)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CLANG) -std=gnu11 $(INCLUDES) $(CFLAGS_NL) -D_GNU_SOURCE -MMD -MP $(FUZZ_CFLAGS) \
		-fsanitize=fuzzer-no-link -c $< -o $@

$(FUZZ)/libfuzzed.a: $(FUZZED_OBJS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(FUZZERS): $(BUILD)/%: $(FUZZ)/%.o $(FUZZ)/libfuzzed.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $^ -o $@ $(LIBS_AGENT) $(LIBS_LBCTL)
