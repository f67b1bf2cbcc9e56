#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# The TLS proxy's handshakes: versions, protocols, certificates by name, sessions
# that another proxy takes up, and bytes that are no TLS.
set -uo pipefail
# shellcheck source=tests/lib/tlsproxy_net.sh
source tests/lib/tlsproxy_net.sh

other=192.0.2.11

# served NAME [OPTION]...: the common name of the certificate that a client gets.
served() {
	local host=$1
	shift
	session "$@" </dev/null | openssl x509 -noout -subject 2>/dev/null |
		sed 's/.*CN = //'
}

protocol() {
	session "$@" </dev/null | grep -oE '^New, TLSv1\.[0-9]|^ALPN protocol: .*'
}

# resume FILE [OPTION]...: takes the session up, asks for a page, keeps the new session.
resume() {
	local file=$1
	shift
	printf 'GET /name HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n' |
		session -sess_in "$file" -sess_out "$file" -ign_eof "$@" |
		grep -oE '^(New|Reused)' | head -n 1
}

# begin FILE [OPTION]...
begin() {
	local file=$1
	shift
	printf 'GET /name HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n' |
		session -sess_out "$file" -ign_eof "$@" >/dev/null
}

# second_proxy: on another address, with the same ticket keys.
second_proxy() {
	sed "s/$vip/$other/; s/9100/9101/; s/access[.]log/access2.log/" "$net_dir/proxy.yaml" \
		>"$net_dir/second.yaml"
	"$build/sluice-tlsproxy" --config "$net_dir/second.yaml" 2>>"$net_dir/log" &
	net_pids[second]=$!
	check "a second proxy starts" within 5 curl -sf http://127.0.0.1:9101/healthz
}

net_up
certificate rsa www.example.net
certificate shop shop.example.net
certificate wild '*.example.org'
proxy_config <<-YAML
	certificates:
	  - {chain: $net_dir/site.crt, key: $net_dir/site.key}
	  - {chain: $net_dir/rsa.crt, key: $net_dir/rsa.key}
	  - {chain: $net_dir/shop.crt, key: $net_dir/shop.key}
	  - {chain: $net_dir/wild.crt, key: $net_dir/wild.key}
	ticket-keys: $net_dir/tickets
YAML
proxy_start

like "TLS 1.3 is spoken" "$(protocol)" '^New, TLSv1.3'
like "TLS 1.2 is spoken" "$(protocol -tls1_2)" '^New, TLSv1.2'
check "TLS 1.1 is refused" grep -q 'alert protocol version' \
	<<<"$(session -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null)"
check "a cipher without forward secrecy is refused" grep -q 'alert handshake failure' \
	<<<"$(session -tls1_2 -cipher AES128-GCM-SHA256 </dev/null)"
like "ALPN chooses http/1.1" "$(protocol -alpn h2,http/1.1)" 'ALPN protocol: http/1.1'
check "ALPN without a common protocol is refused" grep -q 'alert no application protocol' \
	<<<"$(session -alpn h2 </dev/null)"
check "renegotiation is refused" grep -q 'no renegotiation' \
	<<<"$( { sleep 0.5; echo R; sleep 0.5; } | session -tls1_2)"

is "a name gets its certificate" "$(served shop.example.net)" shop
is "a wildcard serves one label" "$(served any.example.org)" wild
is "and no more than one" "$(served a.b.example.org)" site
is "an unknown name gets the first certificate" "$(served unknown.example.com)" site
is "no name gets the first certificate" "$(served '')" site
is "a client that knows RSA alone gets that" \
	"$(served www.example.net -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256)" rsa

second_proxy
for version in tls1_3 tls1_2; do
	begin "$net_dir/session" "-$version"
	is "a $version session is taken up" "$(resume "$net_dir/session" "-$version")" Reused
	is "the other proxy takes the $version session up" \
		"$(at=$other resume "$net_dir/session" "-$version")" Reused
	is "and the first one again" "$(resume "$net_dir/session" "-$version")" Reused
done
ticket_key >>"$net_dir/tickets"
kill -HUP "${net_pids[second]}"
within 5 grep -q 'event=serving generation=2' "$net_dir/log"
begin "$net_dir/session"
is "a ticket of an older key is taken up" "$(at=$other resume "$net_dir/session")" Reused
is "and replaced by one of the newer key" "$(resume "$net_dir/session")" New

failed=$(metric sluice_tls_failed_total)
head -c 20000 /dev/urandom | ncat -w 2 $vip 443 >/dev/null
printf 'GET / HTTP/1.1\r\n\r\n' | ncat -w 2 $vip 443 >/dev/null
printf '\x16\x03\x01\x40\x00\x01\x00\x3f\xfc' | ncat --send-only $vip 443 >/dev/null
ncat -z $vip 443
check "bytes that are no TLS are counted" \
	test "$(metric sluice_tls_failed_total)" -ge $((failed + 3))
unlike "who sends them is told by an end, not by a reset, which could overtake an alert" \
	"$(printf 'GET / HTTP/1.1\r\n\r\n' | ncat -w 2 $vip 443 2>&1 | tr -d '\0')" 'reset'
is "and harm nobody" "$(status /name)" 200
is "no worker has died" "$(grep -c event=child-died "$net_dir/log")" 0
like "the log tells of handshakes" \
	"$(logged 'select(.session == "resumed") | .tls + " " + .cipher' | tail -n 1)" \
	'^TLSv1\.[23] .*(GCM|CHACHA20)'
