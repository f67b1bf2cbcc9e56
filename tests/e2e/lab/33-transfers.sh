#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
# 200 MB down and 200 MB up, through all tiers to an application: the same bytes arrive, and
# no daemon on the way needs memory for them.
source "$(dirname -- "$0")/../lib.sh"

bytes=200000000
memory_mib=32 # of one process, at most

# configure NODE FILE: the application server's, read again without a pause.
configure() {
	cp "$2" "$STATE/$1/app.yaml"
	kill -HUP "$(pid_of "$1" app)"
}

# serves_bulk NODE
serves_bulk() {
	on "$1" curl -sf -o /dev/null "http://$(address "$1" 4):8080/bulk/1"
}

# The largest process of a daemon now, in KiB.
largest_kib() {
	local files
	mapfile -t files < <({
		echo "$1"
		pgrep -P "$1"
	} | sed 's|.*|/proc/&/status|')
	awk '/^VmHWM/ { print $2 }' "${files[@]}" | sort -n | tail -n 1
}

for app in "${APPS[@]}"; do
	cp "$TOOLS/bulk_module.so" "$STATE/$app/"
	cp "$STATE/$app/app.yaml" "$scratch/$app.yaml"
	{
		cat "$scratch/$app.yaml"
		echo "  bulk: {path: $STATE/$app/bulk_module.so}"
	} >"$scratch/$app.bulk.yaml"
	at_end configure "$app" "$scratch/$app.yaml"
	configure "$app" "$scratch/$app.bulk.yaml"
	wait_until 10 "$app has read its new configuration" serves_bulk "$app"
done

expected=$(head -c $bytes /dev/zero |
	openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null | tee "$scratch/bulk" | sha256sum)
fetch down --max-time 90 "https://$SITE/bulk/$bytes" ||
	give_up "download" "$(cat "$scratch/down.error")"
is "200 MB down: the same bytes" "$(sha256sum <"$scratch/down.body")" "$expected"
note "down: $(report down time_total) s, through $(header down x-sluice-tls)," \
	"$(header down x-sluice-web), $(header down x-sluice-app)"
rm "$scratch/down.body"
fetch up --max-time 90 -T "$scratch/bulk" -X POST "https://$SITE/bulk" ||
	give_up "upload" "$(cat "$scratch/up.error")"
is "200 MB up: the same bytes" "$(cat "$scratch/up.body")  -" "$expected"
note "up: $(report up time_total) s, through $(header up x-sluice-tls)," \
	"$(header up x-sluice-web), $(header up x-sluice-app)"

for daemon in tls1.tlsproxy tls2.tlsproxy web1.web web2.web app1.app app2.app; do
	kib=$(largest_kib "$(pid_of "${daemon%.*}" "${daemon#*.}")")
	compare "$daemon: MiB of its largest process, ever" $((kib / 1024)) '<=' $memory_mib
	note "$daemon: $kib KiB"
done
