#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 180
#
# Bytes through the TLS proxy: 200 MB each way and a slow reader in bounded memory,
# slow clients that are cut off, WebSocket.
set -uo pipefail
# shellcheck source=tests/lib/tlsproxy_net.sh
source tests/lib/tlsproxy_net.sh

size=200000000
limit_kib=40000

# The largest resident memory of a worker so far, KiB.
workers_peak() {
	local pid peak=0 seen
	for pid in $(pgrep -P "${net_pids[proxy]}"); do
		seen=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")
		((seen > peak)) && peak=$seen
	done
	echo "$peak"
}

pattern() {
	python3 -c "import sys, itertools
block = bytes(range(256)) * 256
left = $1
while left:
    left -= sys.stdout.buffer.write(block[:left])"
}

# clock COMMAND...: milliseconds that it takes.
clock() {
	local began
	began=$(now_ms)
	"$@" >/dev/null 2>&1
	echo $(($(now_ms) - began))
}

# drips: a byte of a head each half second.
drips() {
	for _ in $(seq 20); do
		printf 'G'
		sleep 0.5
	done
}

# no_body: announces a body and sends nothing of it.
no_body() {
	printf 'POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n'
	sleep 10
}

one_request() {
	printf 'GET /name HTTP/1.1\r\nHost: www.example.net\r\n\r\n'
	sleep 10
}

# client COMMAND: until the server closes, whatever the command still has to say.
client() {
	timeout 9 openssl s_client -connect "$vip:443" -quiet 2>/dev/null < <("$1" 2>/dev/null)
}

net_up
proxy_config <<-YAML
	$certificates
	head-timeout: 1s
	body-timeout: 1s
	idle-timeout: 2s
YAML
proxy_start
sum=$(pattern $size | sha256sum | cut -d ' ' -f 1)

# --- large bodies -----------------------------------------------------------------

is "$size bytes come down whole" "$(get /bytes/$size | sha256sum | cut -d ' ' -f 1)" "$sum"
is "and in chunks" "$(get /chunked/$size | sha256sum | cut -d ' ' -f 1)" "$sum"
pattern $size >"$net_dir/body"
is "$size bytes go up whole" "$(get /sum --data-binary "@$net_dir/body" -H 'Expect:')" "$size $sum"
is "and in chunks, after 100 (Continue)" \
	"$(get /sum -X POST -T - -H 'Expect: 100-continue' <"$net_dir/body")" "$size $sum"
is "over TLS 1.2 too" \
	"$(get /bytes/$size --tls-max 1.2 | sha256sum | cut -d ' ' -f 1)" "$sum"
rm "$net_dir/body"
is "a reader of 5 MB/s gets all" \
	"$(get /bytes/20000000 --limit-rate 5M | wc -c)" 20000000
is "also if the connection ends with the answer" \
	"$(get /bytes/3000000 --limit-rate 1M -H 'Connection: close' | wc -c)" 3000000
is "and to HTTP/1.0" "$(get /chunked/3000000 --http1.0 --limit-rate 1M | wc -c)" 3000000
below "no worker has needed more than $limit_kib KiB" "$(workers_peak)" $limit_kib

# --- WebSocket --------------------------------------------------------------------

seen=$({
	printf 'GET /ws HTTP/1.1\r\nHost: www.example.net\r\nConnection: Upgrade\r\n'
	printf 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
	printf 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
	sleep 0.5
	printf 'first,'
	sleep 0.5
	printf 'second'
} | raw 2 | tr -d '\r')
like "a WebSocket is opened" "$seen" '^HTTP/1.1 101 '
like "with the server's proof" "$seen" 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo='
like "and carries bytes both ways" "$seen" 'first,second$'

# --- slow clients -----------------------------------------------------------------

below "a client that says nothing is cut off" \
	"$(clock timeout 9 ncat --recv-only $vip 443)" 4000
below "one whose head drips too" "$(clock client drips)" 4000
below "one that sends no body too" "$(clock client no_body)" 5000
like "it is told why" "$(client no_body)" '^HTTP/1.1 408'
below "an idle connection is closed" "$(clock client one_request)" 5000
python3 - "$vip" <<-'PYTHON' &
	import socket, ssl, sys, time
	context = ssl._create_unverified_context()
	raw = socket.socket()
	raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
	raw.connect((sys.argv[1], 443))
	client = context.wrap_socket(raw)
	client.sendall(b"GET /bytes/50000000 HTTP/1.1\r\nHost: a\r\n\r\n")
	time.sleep(8)
PYTHON
net_pids[reader]=$!
check "one that takes nothing is cut off" within 7 \
	jq -se 'any(.[]; .target == "/bytes/50000000" and .end == "aborted")' "$net_dir/access.log"
check "timeouts are counted" test "$(metric sluice_tlsproxy_http_timeouts_total)" -ge 4
check "the proxy is well" proxy_is_well
