#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# lbctl apply, diff and show config: a node becomes what the file says, all of it
# or nothing; what is in force reads back as the same file.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

programs() {
	query '[.interfaces[] | select(.program_id) | .interface] | sort | join(" ")' status
}

# What the kernel says, whatever lbctl does.
attached() {
	on gw ip -o link show dev "$1" | grep -q 'prog/xdp\|xdp'
}

net_up
gateway_write ""

# --- the first time -------------------------------------------------------------

lbctl show config
is "without a configuration, show config fails" "$code" 2
lbctl apply -f "$config"
is "a host that is not ready is refused" "$code" 2
like "the finding and its fix are named" "$stderr" 'forward-drop backstop.*\(lbctl host setup\)'
like "and the command that mends all" "$stderr" "host setup file $config\", or add --force"
check "nothing was made" not test -e "$SLUICE_PIN_ROOT/gw"
done_by "host setup" host setup file "$config"

lbctl apply -f "$config" --dry-run
is "a dry run succeeds" "$code" 0
like "a dry run says what would change" "$stdout" 'add +policies\.edge'
check "and makes nothing" not test -e "$SLUICE_PIN_ROOT/gw"

done_by "apply" apply -f "$config"
is "both interfaces have a program" "$(programs)" "lan wan"
before=$(query '[.interfaces[].program_id] | @csv' status)
done_by "apply the same again" apply -f "$config"
is "loads no program again" "$(query '[.interfaces[].program_id] | @csv' status)" "$before"
address=$(on gw cat /sys/class/net/wan/address)
ip -n "$net_name-gw" link set wan address 02:00:00:00:00:07
done_by "apply with another link address" apply -f "$config"
is "loads those that know their own" "$(query '[.interfaces[].program_id] | @csv' status |
	awk -F, -v before="$before" '{ split(before, b, ","); print ($1 != b[1]) + ($2 != b[2]) }')" 1
ip -n "$net_name-gw" link set wan address "$address"
done_by "apply with the former one" apply -f "$config"
check "which the kernel confirms" attached wan
lbctl diff "$config"
is "then diff finds nothing" "$code $stdout" "0 no changes"

# --- the round trip --------------------------------------------------------------

lbctl show config
cp "$net_dir/stdout" "$net_dir/shown.yaml"
done_by "what show config prints is a valid file" check "$net_dir/shown.yaml"
lbctl diff "$net_dir/shown.yaml"
is "and the same configuration" "$code" 0
lbctl show config file "$net_dir/shown.yaml"
is "canonical text is a fixed point" "$stdout" "$(<"$net_dir/shown.yaml")"
is "JSON has the shape of the file" \
	"$(query '.policies.edge.rules[0].port[0], .nodes.gw.interfaces.wan.policy, .schema' \
		show config | paste -sd ' ')" "80 edge 1"

# --- a change ---------------------------------------------------------------------

on client ping -q -c 3 -i 0.2 -W 1 10.10.1.21 >/dev/null
before=$(query '.interfaces[] | select(.interface == "wan").drop_packets' status)
gateway_write '- {name: ping, in: wan, proto: icmp, action: accept}'
lbctl diff "$config"
is "a new rule makes diff exit with 3" "$code" 3
like "and names the rule" "$stdout" 'add +policies\.edge\.rules\.ping'
done_by "apply the change" apply -f "$config"
lbctl diff "$config"
is "then diff finds nothing again" "$code" 0
after=$(query '.interfaces[] | select(.interface == "wan").drop_packets' status)
check "counters stay" test "$after" -ge "$before" -a "$before" -ge 3
check "IPv4 passes by the new rule" reaches 4
check "IPv6 passes by the new rule" reaches 6

# --- what is wrong changes nothing --------------------------------------------------

sed 's/policy: edge}/policy: egde}/' "$config" >"$net_dir/wrong.yaml"
lbctl apply -f "$net_dir/wrong.yaml"
is "a wrong file: exit code" "$code" 1
is "a wrong file: each mistake has file and line" \
	"$(grep -cE "^lbctl: $net_dir/wrong.yaml:1[0-9]: .*\"egde\"" <<<"$stderr")" 2
refused "a file that is not there" 1 "nowhere.yaml: No such file" apply -f nowhere.yaml
sed 's/^  gw:/  other:/' "$config" >"$net_dir/other.yaml"
refused "a file without this node" 1 'node "gw" is not in the file, expected .* other' \
	apply -f "$net_dir/other.yaml"
cat "$config" >"$net_dir/missing.yaml"
echo '      dmz: {network: dmz, address: 10.9.9.1/24, roles: [firewall], policy: edge}' \
	>>"$net_dir/missing.yaml"
# Programs that had been replaced already are replaced back.
numberless() {
	in_force | sed 's/,[0-9]*\]/,ID]/g'
}
before=$(numberless)
lbctl apply -f "$net_dir/missing.yaml" --force
is "an interface that does not exist: exit code" "$code" 2
is "an interface that does not exist: lines" "$(wc -l <"$net_dir/stderr")" 1
like "an interface that does not exist is named" "$stderr" 'interface "dmz" does not exist here'
is "and all is as it was" "$(numberless)" "$before"
check "traffic passes as before" reaches 4

# --- taking away -----------------------------------------------------------------

sed '/^      lan:/ { N; s/,\n *roles.*}/}/ }' "$config" >"$net_dir/less.yaml"
done_by "apply a file in which lan has no roles" apply -f "$net_dir/less.yaml"
is "its program is gone" "$(programs)" wan
check "which the kernel confirms, too" not attached lan
done_by "detach wan" detach dev wan
lbctl diff "$net_dir/less.yaml"
is "diff shows what was detached by hand" "$code" 3
like "as a program that is missing" "$stdout" 'set +program on wan +not attached +attached'
refused "detaching twice" 2 'nothing of Sluice is attached to "wan"' detach dev wan
check "without programs, nothing is forwarded: IPv4" not reaches 4
check "without programs, nothing is forwarded: IPv6" not reaches 6

net_result
