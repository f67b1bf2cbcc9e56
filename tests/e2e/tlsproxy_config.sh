#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 60
#
# A wrong configuration of the TLS proxy is refused, all its mistakes at once,
# each with its place.
set -uo pipefail
# shellcheck source=tests/lib/tlsproxy_net.sh
source tests/lib/tlsproxy_net.sh

file=$net_dir/wrong.yaml

# judge: the configuration on standard input.
judge() {
	cat >"$file"
	"$build/sluice-tlsproxy" --check --config "$file" 2>&1
	echo "exit $?"
}

# mistake DESCRIPTION PATTERN: the configuration on standard input is refused, and why.
mistake() {
	like "$1" "$(judge)" "$2.*exit 1"
}

net_up
proxy_config <<<"$certificates"
like "a right configuration is accepted" "$(judge <"$net_dir/proxy.yaml")" ': ok.*exit 0'
mistake "what is missing is named, and what it is" \
	'missing key "listen": expected a list of m.*"upstream": expected a mapping of k' \
	<<<"node: tls1"
mistake "an unknown key is named, with its place" \
	'wrong.yaml:1:1: unknown key "certificate" \(did you mean "certificates"\?\)' \
	< <(echo 'certificate: []'; cat "$net_dir/proxy.yaml")
mistake "a listener is for one thing" 'wrong.yaml:[0-9]+:[0-9]+: listener 2: expected either' \
	< <(sed 's/redirect: true/tls: false/' "$net_dir/proxy.yaml")
mistake "a listener for TLS is needed" 'no listener has "tls: true"' \
	< <(sed 's/tls: true/redirect: true/' "$net_dir/proxy.yaml")
mistake "an address comes once" '192.0.2.10:443 is given twice' \
	< <(sed 's/:80", redirect/:443", redirect/' "$net_dir/proxy.yaml")
mistake "a file that is missing is named, with its place" \
	'wrong.yaml:1:[0-9]+: .*/none.crt: .*No such file' \
	< <(sed 's/site.crt/none.crt/' "$net_dir/proxy.yaml")
echo x >"$net_dir/tickets"
mistake "ticket keys are checked" 'tickets:1: a ticket key is 80 bytes in base64' \
	< <(echo "ticket-keys: $net_dir/tickets" | cat - "$net_dir/proxy.yaml")
mistake "several mistakes are told at once" \
	'tls-min.*hsts.*unknown key "nonsense"' \
	< <(printf 'tls-min: "1.1"\nhsts: never\nnonsense: 1\n' | cat - "$net_dir/proxy.yaml")

"$build/sluice-tlsproxy" --config "$file" >/dev/null 2>&1
is "it does not start with a wrong configuration" $? 1
"$build/sluice-tlsproxy" --nonsense >/dev/null 2>&1
is "nor with wrong options" $? 1
like "--help says what it is" "$("$build/sluice-tlsproxy" --help)" '^Usage: sluice-tlsproxy '
like "--version too" "$("$build/sluice-tlsproxy" --version)" '^sluice-tlsproxy [0-9]'
proxy_start
"$build/sluice-tlsproxy" --config <(sed 's/9100/9101/' "$net_dir/proxy.yaml") >/dev/null 2>&1
is "what is no file is refused" $? 1
sed 's/9100/9101/' "$net_dir/proxy.yaml" >"$file"
timeout 5 "$build/sluice-tlsproxy" --config "$file" >"$net_dir/second" 2>&1
is "an address in use is told" "$? $(grep -c "$vip:.*in use" "$net_dir/second")" "2 1"
