#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Completion, as bash and zsh ask for it: words of the command tree, and names of what is in
# force and on the host.
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

net_up

# offers TEXT EXPECTED WORD...: the candidates for the last word, sorted.
offers() {
	local text=$1 expected=$2
	shift 2
	is "$text" "$(on gw "$build/lbctl" complete "$@" 2>&1 | cut -f1 | sort | paste -sd' ')" \
		"$expected"
}

offers "objects, before anything is in force" "vip" vi
offers "commands" "add del drain set show undrain" backend ""
offers "no service yet" "" backend del ""

printf '%s\n' 'vip add 192.0.2.10:443 name www' 'vip add [2001:db8::10]:443 name www6' \
	'backend add www 10.10.1.21' \
	'fw policy add edge' 'fw policy add inner' \
	'fw rule add edge ssh proto tcp port 22 action accept' >"$net_dir/changes"
done_by "a configuration" batch "$net_dir/changes"

offers "services" "www www6" backend show w
offers "VIPs" "192.0.2.10:443" vip del 192
offers "VIPs of IPv6" "[2001:db8::10]:443" vip del "[2001"
offers "backends of the service" "10.10.1.21" backend drain www ""
offers "policies" "edge inner" fw rule show ""
offers "rules of the policy" "ssh" fw rule del edge ""
offers "interfaces" "lan wan" attach dev ""
offers "nodes" "gw" --node ""
offers "words of a value" "dsr" vip add 192.0.2.11:80 forward d
offers "parts of a list" "firewall,balancer" attach dev wan role firewall,b
offers "options that are left" "state" backend set www 10.10.1.21 weight 5 st
offers "no option twice" "" backend set www 10.10.1.21 weight 5 we
offers "options of lbctl itself" "--node" --n
offers "reasons" "no-flow" capture outcome no-f
offers "words of help" "drain" help backend dr
offers "files" ":files" check ""
offers "nothing behind a mistake" "" backend dle ""
is "as JSON" "$(query '[.files, .candidates[0].word] | @csv' complete vip sh)" 'false,"show"'
is "quickly: without a word about mistakes" "$(on gw "$build/lbctl" complete vip dle x 2>&1)" ""

# bash itself: the line that a user has typed, and what it becomes.
typed() {
	# shellcheck disable=SC2016 # of the other shell
	PATH=$build:$PATH on gw bash --norc -c '
		source packaging/completion/lbctl.bash
		COMP_LINE=$1 COMP_POINT=${#1}
		_lbctl
		printf "%s\n" "${COMPREPLY[@]}" | sort | paste -sd" "' bash "$1"
}

is "bash: words" "$(typed "lbctl --node gw vip ")" "add del limit set show"
is "bash: behind a colon" "$(typed "lbctl --node gw vip del 192.0.2.10:4")" "443"
is "bash: files" "$(typed "lbctl check tests/lib/lbctl_n")" "tests/lib/lbctl_net.sh"
if command -v zsh >/dev/null; then
	is "zsh reads its file" "$(zsh -n packaging/completion/_lbctl 2>&1)" ""
else
	echo "ok - zsh reads its file # skip: zsh is not installed"
fi

net_result
