#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# What an application sees of a request and what becomes of its answer: parameters, forms,
# JSON, templates, cookies; streams of any size in bounded memory; refusals.
set -uo pipefail
# shellcheck source=tests/lib/app_net.sh
source tests/lib/app_net.sh
app_up 'request-timeout: 1s' 'form-max: 10000' 'watchdog: 3s'

# --- requests -----------------------------------------------------------------------

get '/echo/w%C3%B6rld%20x?q=a%2Bb+c&q=2&z' -A agent/1 -b 'other=1; flavour=mint' \
	-H 'X-Forwarded-For: 192.0.2.1, 198.51.100.7, 127.0.0.3' -H 'X-Forwarded-Proto: https' \
	-H 'X-Request-ID: abc-1'
is "a request is echoed" "$status" 200
is "with all that it said" "$(jq -Sc . <<<"$body")" "$(jq -Sc . <<-JSON
	{"method": "GET", "path": "/echo/wörld x", "target": "/echo/w%C3%B6rld%20x?q=a%2Bb+c&q=2&z",
	 "name": "wörld x", "query": "a+b c", "agent": "agent/1", "cookie": "mint",
	 "client": "198.51.100.7", "https": true, "id": "abc-1"}
JSON
)"
is "the answer names the node" "$(field x-sluice-app)" app1
is "and the request" "$(field x-request-id)" abc-1
is "JSON is told as such" "$(field content-type)" application/json
get '/echo/%FFx?q=%FF'
is "bytes that are no UTF-8 are replaced" \
	"$(jq -r '.name, .query' <<<"$body" | paste -sd ' ')" '�x �'
for path in '/echo/%zz' '/echo/a?q=%zz' '/echo/a%00b' '/echo/..%2fx' '/../echo/x' \
	'/echo/a?q=%00'; do
	get "$path" --path-as-is
	is "GET $path is refused" "$status" 400
done
get /echo/a/b
is "a path without a route is 404" "$status $body" \
	"404 <h1>404 Not Found</h1>There is nothing at this address."
get /echo/a -X DELETE
is "another method is 405" "$status" 405
is "which tells those that there are" "$(field allow)" 'GET, HEAD'
get /echo/a -I
is "HEAD is served by GET" "$status" 200

# --- bodies -------------------------------------------------------------------------

get /form -d 'a=1%262+3&b=%C3%BC'
is "a form is read" "$body" 'a=1&2 3 b=ü'
get /form -F 'a=one two' -F "b=@$net_dir/keys"
is "so is a multipart form, but not its files" "$body" 'a=one two b=(none)'
get /form -d 'a=1&b=%zz'
is "a malformed form is none" "$body" 'a=(none) b=(none)'
head -c 20000 /dev/zero | tr '\0' x >"$net_dir/large"
get /form -d "@$net_dir/large"
is "a form larger than form-max is refused" "$status" 413
get /form -d "@$net_dir/large" -H 'Transfer-Encoding: chunked'
is "also without a length" "$status" 413
get /json -d '{"x": [1, "ü"]}' -H 'Content-Type: application/json; charset=utf-8'
is "a JSON body is read" "$status $body" '201 {"got":{"x":[1,"ü"]}}'
get /json -d '{"x": ' -H 'Content-Type: application/json'
is "what is no JSON is refused" "$status" 400
get /json -d '{"x": 1}'
is "another type is refused" "$status" 415
is "a body of 100 MB is streamed" "$(head -c 100000000 /dev/zero |
	curl -s --max-time 60 -T - -X POST "$server/length")" 100000000

# --- answers ------------------------------------------------------------------------

get '/page?name=%3Cb%3E%22'
is "a template escapes" "$body" '<p>&lt;b&gt;&quot; 1 2 app1 /page</p>'
is "a page is HTML in UTF-8" "$(field content-type)" 'text/html; charset=utf-8'
is "its length is known" "$(field content-length)" "$(wc -c <"$net_dir/body")"
get '/headers?value=a%0d%0aX-Evil:%20yes'
is "no header can be injected, no cookie, no other site" "$body" '-22 -22 -22 -22'
is "and none was" "$(field x-evil)$(field x-value)$(field set-cookie)" ''
get '/headers?value=fine'
is "a header and a cookie are set" "$(field x-value) $(field set-cookie)" \
	'fine c=fine; Path=/; Max-Age=60; HttpOnly; SameSite=Lax'
get /nothing
is "a handler that says nothing is 500" "$status" 500
is "a large answer is streamed" \
	"$(curl -s --max-time 30 "$server/big?lines=1000000" | wc -c)" 62000000

# A client that takes nothing: the handler waits, and memory does not grow.
worker=$(workers)
before=$(awk '/VmRSS/ { print $2 }' "/proc/$worker/status")
for _ in 1 2 3 4 5; do
	curl -s --max-time 2 --limit-rate 1000 -o /dev/null "$server/big?lines=3000000" &
done
sleep 0.7
after=$(awk '/VmRSS/ { print $2 }' "/proc/$worker/status")
between "five clients that take 180 MB slowly cost little memory, KiB" $((after - before)) -100 4000
check "a handler whose client has gone is told so" within 5 metric_is sluice_app_coroutines 0

is "who takes an answer slowly gets all of it" \
	"$(curl -s --max-time 20 --limit-rate 1M "$server/big?lines=60000" | wc -c)" 3720000
is "so does who sends slowly" "$(head -c 2000000 /dev/zero |
	curl -s --max-time 20 --limit-rate 1M -T - -X POST "$server/length")" 2000000

# --- time ---------------------------------------------------------------------------

get '/wait?ms=5000'
is "a request that takes too long is 504" "$status" 504
check "its handler was told" within 5 grep 'event=slept result=-110' "$net_dir/app.log"

is "300 wait at once" "$("$build/tests/e2e/at_once" 8080 300 '/wait?ms=300' | cut -d, -f1)" \
	'300 of 200'
is "metrics tell the routes" \
	"$(metric 'sluice_app_route_requests_total{route="GET /page",class="2xx"}')" 1
check "the access log is JSON and tells what was slow" within 3 jq -se \
	'map(select(.route == "GET /wait" and .status == 504)) | length == 1' "$net_dir/access.log"
is "promtool finds nothing wrong with the metrics" \
	"$(curl -s http://127.0.0.1:8090/metrics | promtool check metrics 2>&1)" ""
exit "$net_failed"
