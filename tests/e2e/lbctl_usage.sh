#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# lbctl without a data plane: help, exit codes, which node is meant, and one line
# for each kind of wrong input.
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

# says TEXT CODE PATTERN WORD...
says() {
	local text=$1 expected=$2 pattern=$3
	shift 3
	"$build/lbctl" "$@" >"$net_dir/stdout" 2>"$net_dir/stderr"
	is "$text: exit code" $? "$expected"
	like "$text: what is said" "$(cat "$net_dir/stdout" "$net_dir/stderr")" "$pattern"
}

net_up

says "lbctl alone" 0 'lbctl \[-j\|-p\] \[--node NAME\] OBJECT COMMAND'
is "fits on a screen" "$(($(wc -l <"$net_dir/stdout") <= 40))" 1
says "help of an object" 0 'undrain +give a backend new flows again' help backend
says "help of a command" 0 'weight N +its share of new flows' help backend set
says "the same by --help" 0 'weight N +its share of new flows' backend set --help
says "the version" 0 '^lbctl [0-9]+\.[0-9]+' --version
says "the man page" 0 '^\.TH LBCTL 8' help man
if command -v man >/dev/null; then
	is "of which man has nothing to complain" \
		"$(man --warnings -l -Tutf8 "$net_dir/stdout" 2>&1 >/dev/null)" ""
else
	echo "ok - the man page formats # skip: man is not installed"
fi
says "help of what does not exist" 1 'unknown word "bakend" \(did you mean "backend"\?\)' \
	help bakend

says "an unknown word" 1 '^lbctl: unknown word "statsu" \(did you mean "status"\?\)' statsu
says "a missing command" 1 '^lbctl vip: a command is missing, expected add, set, del, limit, show$' vip
says "a missing value" 1 '"weight" needs a value: N' backend add www 10.0.0.1 weight
says "a value of the wrong type" 1 'weight "much": expected a number from 0 to 1000' \
	backend add www 10.0.0.1 weight much
says "a node that cannot be" 1 '--node "a/b": expected the name of a node' --node a/b status
says "a node that is not there" 2 'node "nowhere" has no data plane here' --node nowhere status
SLUICE_NODE=elsewhere says "the node of the environment" 2 'node "elsewhere" has no data plane' \
	status
says "the node of the host name" 2 "node \"$(uname -n | cut -d. -f1)\" has no data plane" status

for node in one two; do
	"$build/lbctl" --node $node fw policy add p || not_ok "making node $node"
	[[ $node == two ]] || says "the only node" 0 '^node one ' status
done
says "one of two nodes has to be named" 2 "node \"$(uname -n | cut -d. -f1)\" has no data plane" \
	status

cat >"$config" <<-YAML
	sluice: 1
	cluster: x
	nodes:
	  a:
	    interfaces:
	      eth0: {adress: 10.0.0.1/24, mtu: -5}
YAML
says "a file with two mistakes" 1 "site.yaml:6:[0-9]+: .*\"adress\".*\"address\"" check "$config"
is "has two lines" "$(wc -l <"$net_dir/stderr")" 2
head -c 4096 /dev/urandom >"$config"
says "a file that is none" 1 "lbctl: $config" check "$config"
is "is one line" "$(wc -l <"$net_dir/stderr")" 1
says "the example" 0 'nodes [0-9]+' check vm/cluster.yaml
says "standard input" 0 '^- +nodes [0-9]+' check - <vm/cluster.yaml
is "JSON is JSON" "$("$build/lbctl" -j check vm/cluster.yaml | jq -c '[.valid, .schema]')" \
	"[true,1]"
says "doctor on a bare node" 0 'nothing is in force' --node bare doctor

net_result
