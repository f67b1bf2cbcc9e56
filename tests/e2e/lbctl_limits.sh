#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# Limits by file and by command: what is over them is dropped, counted and shown; a flood on
# one rule is cut to its rate while a client of another is served.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/lbctl_net.sh
source tests/lib/lbctl_net.sh

# answered PORT: the server's greeting comes through.
answered() {
	on client timeout 5 bash -c "exec 3<>/dev/tcp/10.10.1.21/$1 && head -n 1 <&3" |
		grep -qx hello
}

dropped() {
	query "[.drops[] | select(.reason == \"$1\").packets] | add // 0" drops
}

refused_by_rule() {
	query ".limits[] | select(.rule == \"$1\").refused_packets" fw limit show
}

# flood: datagrams to the limited port, as fast as one process can.
flood() {
	on client python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('10.10.1.21', 9000))
end = time.monotonic() + 3
while time.monotonic() < end:
    for _ in range(100):
        try:
            s.send(b'x')
        except OSError:
            pass"
}

net_up
start server python3 -c "
import socket
s = socket.create_server(('', 80))
while True:
    c, _ = s.accept()
    c.sendall(b'hello\n')
    c.close()"
within 5 on server bash -c ': </dev/tcp/127.0.0.1/80'

# --- a rule ---------------------------------------------------------------------------

gateway_write '- {name: bulk, in: wan, proto: udp, port: 9000, action: accept,
		         limit: {rate: 60/m, per: source/24, burst: 50}}'
done_by "host setup" host setup file "$config"
done_by "apply" apply -f "$config"
lbctl diff "$config"
is "no difference is left" "$code" 0
is "what is in force says it" \
	"$(query '.policies.edge.rules[] | select(.name == "bulk").limit[0] |
		"\(.rate) \(.of) \(.per) \(.burst)"' show config)" "60/m packets source/24 50"
check "the client is served" answered 80
flood &
flooding=$!
for ((i = 0; i < 10; i++)); do
	answered 80 || not_ok "the client is served during the flood"
	sleep 0.2
done
ok "a flood on another rule hurts nobody"
wait "$flooding"
received=$(query '.rules[] | select(.rule == "bulk").packets' drops)
over=$(refused_by_rule bulk)
check "there was a flood ($received packets)" test "$received" -gt 1000
is "every packet over the limit is counted, by rule and by reason" "$over" "$(dropped rate-rule)"
check "what came through is the burst and the rate" test $((received - over)) -ge 50 -a \
	$((received - over)) -le 115

refused "a limit of what is not limited" 1 'rule "web" of policy "edge": no such limit' \
	fw limit del edge web
refused "a rule that is not there" 1 'rule "wob": policy "edge" has no such rule' \
	fw limit set edge wob rate 1/s
refused "a rate without a time" 1 'rate "1000": expected a rate, as 1000/s' \
	fw limit set edge web rate 1000
done_by "one more limit, by command" fw limit set edge web rate 60/m of new-flows burst 2
lbctl diff "$config"
is "is a difference from the file" "$code" 3
check "two connections" answered 80
check "come through" answered 80
check "the third does not" not answered 80
is "trace says why" \
	"$(query '.steps[] | select(.step == "limit").detail' \
		trace tcp 198.51.100.7:5000 10.10.1.21:80 dev wan)" 'rule "web": over its limit'
done_by "the limit is taken back" fw limit del edge web of new-flows
check "and connections come through" answered 80

# --- a service ------------------------------------------------------------------------

done_by "a VIP" vip add 192.0.2.10:80 name www
done_by "its limit" vip limit set 192.0.2.10:80 rate 1k/s per source
done_by "another" vip limit set 192.0.2.10:80 rate 100M/s of bytes
done_by "set replaces what there is" vip limit set 192.0.2.10:80 rate 2k/s per source/24 burst 10k
is "show" "$(query '.limits[] | "\(.service) \(.of) \(.per) \(.rate) \(.burst)"' vip limit show)" \
	"www packets source/24 2k/s 10000
www bytes all 100M/s 10000000"
refused "a source that is none" 1 'per "source/40": expected all, source' \
	vip limit set 192.0.2.10:80 rate 1/s per source/40
done_by "del of one" vip limit del 192.0.2.10:80 per all
is "leaves the other" "$(query '.limits | length' vip limit show)" 1

net_result
