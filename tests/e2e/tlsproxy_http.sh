#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# What the TLS proxy makes of requests: fields it sets, fields it lets nobody
# forge, ids, keep-alive and pipelining, redirects, its own pages.
set -uo pipefail
# shellcheck source=tests/lib/tlsproxy_net.sh
source tests/lib/tlsproxy_net.sh

uuid='[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

# field NAME: out of a head on standard input; all of that name.
field() {
	tr -d '\r' | sed -n "s/^$1: //Ip"
}

plain() {
	curl -sS --max-time 5 --interface 192.0.2.1 -H 'Host: www.example.net' "$@"
}

# leads_to PATH [CURL-OPTION]...
leads_to() {
	plain "http://$vip$1" "${@:2}" -o /dev/null -w '%{http_code} %{redirect_url}'
}

# plain_bytes: what the redirecting port answers to bytes.
plain_bytes() {
	ncat -w 2 $vip 80 | head -n 1 | tr -d '\r'
}

net_up
proxy_config <<-YAML
	$certificates
	hsts: 31536000
YAML
proxy_start

# --- fields ---------------------------------------------------------------------

seen=$(get /headers)
is "X-Forwarded-For is the client" "$(field X-Forwarded-For <<<"$seen")" 192.0.2.1
is "X-Forwarded-Proto is https" "$(field X-Forwarded-Proto <<<"$seen")" https
is "X-Forwarded-Host is the host asked for" \
	"$(field X-Forwarded-Host <<<"$seen")" www.example.net
is "X-Sluice-TLS is the node" "$(field X-Sluice-TLS <<<"$seen")" tls1
like "X-Request-ID is a random UUID" "$(field X-Request-ID <<<"$seen")" "^$uuid\$"
unlike "and each request has its own" "$(get /headers)" "$(field X-Request-ID <<<"$seen")"

forged=$(get /headers -H 'X-Forwarded-For: 198.51.100.1' -H 'X-Forwarded-Proto: ftp' \
	-H 'X-Forwarded-Host: evil.example' -H 'X-Forwarded-Port: 1' -H 'X-Real-IP: 198.51.100.1' \
	-H 'Forwarded: for=198.51.100.1' -H 'X-Sluice-TLS: evil' -H 'X-Sluice-Web: evil' \
	-H 'x-sluice-anything: evil' -H 'X-Request-ID: 198.51.100.1' -H 'X-Custom: kept')
unlike "forged fields do not pass" "$forged" '198\.51\.100|evil|ftp|Forwarded-Port'
is "X-Forwarded-For is there once" "$(field X-Forwarded-For <<<"$forged")" 192.0.2.1
is "other fields pass" "$(field X-Custom <<<"$forged")" kept
unlike "fields named by Connection do not pass" \
	"$(get /headers -H 'Connection: X-Custom' -H 'X-Custom: hop')" 'X-Custom'
check "a known field written with underscores is refused" \
	test "$(status /headers -H 'X_Forwarded_For: 198.51.100.1')" = 400

head=$(get /name -D - -o /dev/null)
is "a response names the node" "$(field X-Sluice-TLS <<<"$head")" tls1
is "a response has Strict-Transport-Security" \
	"$(field Strict-Transport-Security <<<"$head")" max-age=31536000
id=$(field X-Request-ID <<<"$seen")
like "the id is in the access log" \
	"$(logged "select(.id == \"$id\") | .client + \" \" + .target")" \
	'^192\.0\.2\.1 /headers$'

# --- connections ----------------------------------------------------------------

before=$(metric sluice_tlsproxy_http_connections_total)
get '/name?[1-20]' >/dev/null
is "20 requests use one connection" \
	"$(($(metric sluice_tlsproxy_http_connections_total) - before))" 1
seen=$(for i in 1 2 3 4 5; do
	printf 'GET /status/20%d HTTP/1.1\r\nHost: www.example.net\r\n\r\n' $i
done | raw 2 | grep -oE '^HTTP/1.1 20[0-9]' | cut -d ' ' -f 2 | xargs)
is "pipelined requests are answered in order" "$seen" "201 202 203 204 205"
two_lengths() {
	printf 'GET /name HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n'
	printf 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
}
is "an ambiguous request is refused" \
	"$(two_lengths | raw 2 | head -n 1 | tr -d '\r')" "HTTP/1.1 400 Bad Request"
is "HEAD has no body" "$(status /name -I)" 200

# --- redirects ------------------------------------------------------------------

is "port 80 leads to https" "$(leads_to /a/b?c=d)" \
	"301 https://www.example.net/a/b?c=d"
long=$(head -c 9000 /dev/zero | tr '\0' q)
is "however long the target is" "$(leads_to "/a?$long")" "301 https://www.example.net/a?$long"
is "what is no reading keeps its method" \
	"$(leads_to /a -d x)" \
	"308 https://www.example.net/a"
unlike "Strict-Transport-Security is not said in the clear" \
	"$(plain "http://$vip/" -D -)" 'Strict'
is "a request without a host is refused" \
	"$(printf 'GET / HTTP/1.1\r\n\r\n' | plain_bytes)" "HTTP/1.1 400 Bad Request"
is "and one of HTTP/1.0" \
	"$(printf 'GET / HTTP/1.0\r\n\r\n' | plain_bytes)" "HTTP/1.1 400 Bad Request"
is "a host that is none is refused" \
	"$(printf 'GET / HTTP/1.1\r\nHost: a/..\r\n\r\n' | plain_bytes)" "HTTP/1.1 400 Bad Request"
like "garbage on port 80 is refused" "$(head -c 3000 /dev/urandom | tr -d '\n' | plain_bytes)" \
	'^(HTTP/1.1 4[0-9][0-9] .*)?$'
like "a ClientHello on port 80 is refused" "$(at=$vip session -connect $vip:80 </dev/null)" \
	'wrong version number|packet length too long|unexpected eof'

# --- its own pages ----------------------------------------------------------------

is "an answer that is no HTTP becomes 502" "$(status /garbage)" 502
is "a late answer becomes 504" "$(status /slow/4)" 504
like "the page says so" "$(get /slow/4)" '<h1>Gateway Time-?out</h1>'
is "a closed connection becomes 502, after another try" "$(status /drop)" 502
check "an answer that is cut short is seen as such" \
	test "$(get /cut -o /dev/null 2>&1 | grep -c 'transfer closed\|unexpected eof\|reset')" = 1
like "metrics count by class" \
	"$(metric 'sluice_tlsproxy_http_responses_total{class="5xx"}')" '^[4-9]'
check "metrics are clean" promtool check metrics < <(curl -s http://127.0.0.1:9100/metrics)
is "no worker has died" "$(grep -c event=child-died "$net_dir/log")" 0
