#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# make install: everything has its place, units are what systemd takes, and show little to
# whoever gets in; the Debian package holds the same, and its scripts leave programs alone.
set -uo pipefail
# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh

build=${BUILD:-build}
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-packaging.XXXXXX")
root=$net_dir/root
trap 'rm -rf "$net_dir"' EXIT

# exposure UNIT: as systemd-analyze says it, from 0 (best) to 10.
exposure() {
	systemd-analyze security --offline=yes --root="$root" "$1" 2>/dev/null |
		sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p'
}

check "make install" make -s BUILD="$build" install DESTDIR="$root" PREFIX=/usr
for program in lbctl sluice-agent sluice-tlsproxy sluice-web sluice-app sluice-mysql; do
	check "$program has its place" test -x "$root/usr/sbin/$program"
	check "$program has a page" test -s "$root/usr/share/man/man8/$program.8"
done
check "the cluster file has a page" test -s "$root/usr/share/man/man5/sluice.yaml.5"
is "pages are without mistakes" \
	"$(man --warnings -l "$root"/usr/share/man/man?/*.? 2>&1 >/dev/null)" ""
for unit in "$root"/lib/systemd/system/*.service; do
	is "$(basename "$unit") is what systemd takes" \
		"$(systemd-analyze verify --man=no --root="$root" "$(basename "$unit")" 2>&1 |
			grep -F sluice | grep -vE "sysinit.target not found|/bin/kill is not")" ""
done
for daemon in tlsproxy web app mysql; do
	level=$(exposure "sluice-$daemon.service")
	check "sluice-$daemon is exposed little ($level)" \
		awk "BEGIN { exit !(${level:-10} < 4) }"
done
check "no script of the package touches programs or maps" \
	not grep -nE '(lbctl|ip|bpftool) ' <(grep -hv '^#' packaging/debian/p*)

exit "${net_failed:-0}"
