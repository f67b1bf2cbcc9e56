#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# Wrong words, wrong addresses, wrong files: lbctl says what is wrong in one line with place and
# value, exits with 1, and changes nothing on the node.
source "$(dirname -- "$0")/../lib.sh"

# Everything that a packet could see, as bpftool shows it.
tables() {
	local map
	for map in control ports rules vips tunnels rings backends block; do
		bpftool -j map dump pinned "$RUN/bpf/lb1/sluice_$map" 2>&1
	done | sha256sum
}

# refused PATTERN ARGUMENT...: by lb1, in one line.
refused() {
	local pattern=$1 code=0 said
	shift
	said=$(lbctl lb1 "$@" 2>&1 </dev/null) || code=$?
	is "lbctl $*: the exit code" $code 1
	is "lbctl $*: lines" "$(wc -l <<<"$said")" 1
	like "lbctl $*: what is wrong" "$said" "^lbctl.*$pattern"
}

# refused_file PATTERN LINE SED-EXPRESSION: the cluster file with one mistake.
refused_file() {
	local pattern=$1 line=$2 code=0 said
	sed "$3" "$CLUSTER" >"$scratch/wrong.yaml"
	! cmp -s "$CLUSTER" "$scratch/wrong.yaml" || give_up "a mistake by sed $3"
	said=$(lbctl lb1 apply -f "$scratch/wrong.yaml" 2>&1) || code=$?
	is "apply, $3: the exit code" $code 1
	is "apply, $3: lines" "$(wc -l <<<"$said")" 1
	like "apply, $3: place and value" "$said" "wrong.yaml:$line:.*$pattern"
}

# line_of PATTERN: its first line in the cluster file.
line_of() {
	grep -n -m 1 "$1" "$CLUSTER" | cut -d: -f1
}

before=$(tables)
generation=$(lbctl lb1 -j status | jq .generation)

refused 'statsu.*status' statsu
refused 'drian.*drain' backend drian www tls2
refused 'colour' backend set www tls2 colour red
refused '4000.*1000' backend set www tls2 weight 4000
refused 'tls9' backend drain www tls9
refused 'wwww' backend drain wwww tls2
refused '192\.0\.2\.300' fw block 192.0.2.300
refused '33' fw block 192.0.2.0/33
refused 'tcpp' trace tcpp 192.0.2.1 192.0.2.10
refused '99999' trace tcp 192.0.2.1:99999 192.0.2.10:443
refused 'balanser' attach dev eth0 role balanser
refused 'lb7' --node lb7 apply -f "$CLUSTER"
refused 'nowhere' apply -f /nowhere.yaml

refused_file 'wieght' "$(line_of 'tls2: {weight')" 's/tls2: {weight/tls2: {wieght/'
refused_file '192\.0\.2\.999' "$(line_of 'vips:')" 's/"192.0.2.10:80"/"192.0.2.999:80"/'
refused_file 'accpet' "$(line_of 'name: web-in')" '/name: web-in/s/accept-stateless/accpet/'
refused_file '70000' "$(line_of 'name: web-in')" '/name: web-in/s/443/70000/'
refused_file 'perimiter' "$(line_of 'wan:  {')" '/wan:  {/s/policy: perimeter/policy: perimiter/'
refused_file 'not valid YAML' '[0-9]+' 's/^  fw1:/  fw1: [/'

code=0
said=$(lbctl lb1 attach dev eth7 role balancer 2>&1) || code=$?
is "an interface that does not exist: the exit code" $code 2
like "an interface that does not exist: what is wrong" "$said" 'interface "eth7" does not exist'

is "the generation of lb1's configuration" "$(lbctl lb1 -j status | jq .generation)" "$generation"
is "the tables that lb1's packets see" "$(tables)" "$before"
succeeds "the site answers" fetch get "https://$SITE/"
