# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# What the end-to-end tests run: a program for each of these names.
E2E_TOOLS := $(addprefix $(BUILD)/tests/e2e/,keepalive arrivals inject failures instant \
		verdicts at_once mysql_calls)

.PHONY: e2e-tools
e2e-tools: $(E2E_TOOLS) $(BUILD)/tests/e2e/app_module.so $(BUILD)/tests/e2e/bulk_module.so

$(BUILD)/tests/e2e/%_module.so: tests/e2e/tools/%_module.c include/sluice/app.h
	@mkdir -p $(@D)
	$(call say,MODULE)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) -Iinclude $(CFLAGS) -D_GNU_SOURCE -fPIC -shared $< -o $@ \
		-ljansson -lcrypto

$(BUILD)/tests/e2e/keepalive $(BUILD)/tests/e2e/arrivals: $(BUILD)/tests/e2e/tools/https.o \
	$(BUILD)/tests/e2e/tools/client.o

$(BUILD)/tests/e2e/instant: $(BUILD)/libsluice.a $(BUILD)/libcommon.a

$(BUILD)/tests/e2e/mysql_calls: LIBS_AGENT += -lmariadb

$(BUILD)/tests/e2e/verdicts: $(BUILD)/tests/support/http_take.o $(BUILD)/libcommon.a

$(E2E_TOOLS): $(BUILD)/tests/e2e/%: $(BUILD)/tests/e2e/tools/%.o
	$(call say,LD)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS_AGENT)

$(BUILD)/tests/e2e/failures.bpf.o: tests/e2e/tools/failures.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/tests/e2e/failures.skel.h: $(BUILD)/tests/e2e/failures.bpf.o
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name failures_bpf > $@.tmp && mv $@.tmp $@

$(BUILD)/tests/e2e/tools/failures.o: $(BUILD)/tests/e2e/failures.skel.h
