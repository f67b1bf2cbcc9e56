#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# Generations: every change is kept, rollback goes back to one, and what a boot restores is
# what was confirmed last, with the block set, the host's backstop and the programs.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

state=$net_dir/state/gw

generation() {
	query '.generations[] | select(.in_force) | .generation' show generations
}

# reboot: what is in the kernel is gone, the disk stays.
reboot() {
	lbctl detach dev wan --ephemeral
	lbctl detach dev lan --ephemeral
	on gw nft delete table inet sluice_backstop
	on gw sysctl -qw net.ipv4.conf.{wan,lan,all}.forwarding=0
	rm -f "$SLUICE_PIN_ROOT"/gw/* && rmdir "$SLUICE_PIN_ROOT/gw"
	rm -f "$net_dir"/gw.host "$net_dir"/gw.lock
}

attached() {
	on gw ip -o link show dev "$1" | grep -q xdp
}

net_up
gateway_write ""

# --- generations -------------------------------------------------------------------

lbctl show generations
is "before the first, there is none" "$code $stdout" "0 no generation is stored"
lbctl host setup file "$config"
done_by "apply" apply -f "$config"
first=$(generation)
is "the first generation is stored, with the command" \
	"$(query '.generations[0] | "\(.state) \(.by)"' show generations)" \
	"in force lbctl --node gw apply -f $config"
check "as a file that lbctl can read" "$build/lbctl" check "$state/generation-$first.yaml"
lbctl show config
before=$stdout
cp "$net_dir/stdout" "$net_dir/shown.yaml"
done_by "what show config prints can be applied" apply -f "$net_dir/shown.yaml"
is "which changes nothing: the generation stays" "$(generation)" "$first"
gateway_write '- {name: ping, in: wan, proto: icmp, action: accept}'
done_by "apply a change" apply -f "$config"
check "it makes a ping pass" reaches 4
done_by "a rule by hand" fw rule add edge dns proto udp port 53 action accept
is "each change is a generation" "$(query '.generations | length' show generations)" 3

done_by "a rollback's dry run" rollback --dry-run
like "says what would change" "$stdout" 'del +policies\.edge\.rules\.dns'
done_by "rollback goes to the one before" rollback
lbctl diff "$config"
is "which is the file's" "$code $stdout" "0 no changes"
done_by "rollback to the first" rollback "$first"
lbctl show config
is "is what was in force then" "$stdout" "$before"
check "and no ping passes" not reaches 4
is "going back is going forward" "$(generation)" $((first + 4))
refused "a generation that is not stored" 1 'generation 99 is not stored, expected one of' \
	rollback 99
cp "$state/generation-$first.yaml" "$net_dir/kept"
echo "# by hand" >>"$state/generation-$first.yaml"
refused "one that was changed by hand" 2 "generation $first: Bad message" rollback "$first"
cp "$net_dir/kept" "$state/generation-$first.yaml"

# --- a reboot -----------------------------------------------------------------------

gateway_write '- {name: ping, in: wan, proto: icmp, action: accept}'
done_by "apply the change again" apply -f "$config"
done_by "an ephemeral rule" fw rule add edge tmp proto udp port 99 action accept --ephemeral
done_by "a lasting rule after it" fw rule add edge dns proto udp port 53 action accept
lines=2 refused "a lasting change that rests on an ephemeral one" 1 \
	'rests on ephemeral ones.*--ephemeral' fw rule del edge tmp
done_by "block" fw block 203.0.113.0/24
done_by "block another" fw block 203.0.113.7
done_by "unblock it" fw unblock 203.0.113.7
done_by "block ephemerally" fw block 203.0.113.9 --ephemeral
last=$(generation)
reboot
check "after a boot nothing passes" not reaches 4
done_by "restore" restore
check "both programs are back" attached wan
check "both programs are back: lan" attached lan
check "and pings pass" reaches 4
check "the backstop is back" on gw nft list chain inet sluice_backstop forward
check "generations go on counting" test "$(generation)" -gt "$last"
is "the lasting rules are back, the ephemeral one is not" \
	"$(query '[.policies.edge.rules[].name] | join(" ")' show config)" "web ping dns"
is "the block set is as it was, without what was ephemeral" \
	"$(query '[.blocks[].prefix] | join(" ")' fw blocks)" "203.0.113.0/24"
on gw "$build/lbctl" --node gw show config >"$net_dir/restored.yaml"
lbctl restore
like "a second restore changes nothing" "$code $stdout" '^0 .*what is in force'
lbctl diff "$net_dir/restored.yaml"
is "as diff says" "$code" 0

# --- another version: its programs are there, its maps are not ours ---------------------

programs=$(query '[.interfaces[].program_id] | join(" ")' status)
rm -r "$SLUICE_PIN_ROOT/gw"
done_by "restore beside programs of another version" restore
check "replaces them" test "$(query '[.interfaces[].program_id] | join(" ")' status)" != "$programs"
check "and pings pass" reaches 4

# --- what was cut off -------------------------------------------------------------------

# A writer that was killed before its publication, and one killed behind it.
echo "# generation: 4000" >"$state/boot-pending.yaml"
done_by "the next change" fw rule add edge more proto udp port 54 action accept
check "a publication that never was leaves nothing" not test -e "$state/boot-pending.yaml"
now=$(generation)
{
	echo "# generation: $now"
	grep -v '^#' "$state/generation-$now.yaml"
} >"$state/boot-pending.yaml"
rm "$state/boot.yaml" "$state/generation-$now.yaml"
done_by "a change after one that was killed behind its publication" \
	fw rule add edge most proto udp port 55 action accept
check "what was in force is stored" test -e "$state/generation-$now.yaml"
check "and what a boot restores" grep -q 'name: more' "$state/boot.yaml"
rm -rf "$net_dir/state" && touch "$net_dir/state"
lbctl fw rule del edge most
is "a store that cannot be written stops no change" "$code" 0
like "but is warned of" "$stderr" 'warning: .* could not be stored'

net_result
