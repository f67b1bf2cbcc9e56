# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Installation, as packages do it: make install DESTDIR=... PREFIX=/usr

PREFIX   ?= /usr/local
SBINDIR   = $(PREFIX)/sbin
UNITDIR   = $(if $(filter /usr,$(PREFIX)),/lib,$(PREFIX)/lib)/systemd/system
SHAREDIR  = $(PREFIX)/share
UNITS    := $(wildcard packaging/systemd/*.service)

.PHONY: install
install: $(filter-out $(MODULES),$(PROGRAMS)) ## Install into DESTDIR, below PREFIX (/usr/local)
	$(Q)install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SHAREDIR)/man/man8
	$(Q)install -m 755 $(filter-out $(MODULES),$(PROGRAMS)) $(DESTDIR)$(SBINDIR)
	$(Q)for unit in $(UNITS); do sed 's|@SBINDIR@|$(SBINDIR)|' $$unit \
		>$(DESTDIR)$(UNITDIR)/$$(basename $$unit) || exit 1; done
	$(Q)install -m 644 docs/man/*.8 $(DESTDIR)$(SHAREDIR)/man/man8
	$(Q)$(BUILD)/lbctl help man >$(DESTDIR)$(SHAREDIR)/man/man8/lbctl.8
	$(Q)install -D -m 644 docs/man/sluice.yaml.5 $(DESTDIR)$(SHAREDIR)/man/man5/sluice.yaml.5
	$(Q)install -D -m 644 include/sluice/app.h $(DESTDIR)$(PREFIX)/include/sluice/app.h
	$(Q)install -D -m 644 packaging/systemd/sluice.sysusers \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/sluice.conf
	$(Q)install -D -m 644 packaging/systemd/sluice.tmpfiles \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/sluice.conf
	$(Q)install -D -m 644 packaging/completion/lbctl.bash \
		$(DESTDIR)$(SHAREDIR)/bash-completion/completions/lbctl
	$(Q)install -D -m 644 packaging/completion/_lbctl \
		$(DESTDIR)$(SHAREDIR)/zsh/vendor-completions/_lbctl
	$(Q)install -D -m 644 -t $(DESTDIR)$(SHAREDIR)/doc/sluice/examples vm/cluster.yaml

.PHONY: deb
deb: all ## Make a Debian package in BUILD
	$(Q)packaging/build-deb $(BUILD)
