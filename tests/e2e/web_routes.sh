#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 60
#
# Which site and route of the web server a request belongs to, the fields that
# every response has, error pages, health, the access log, and what is said of a
# wrong configuration.
set -uo pipefail
# shellcheck source=tests/lib/web_net.sh
source tests/lib/web_net.sh

on() {
	local host=$1
	shift
	get "$@" -H "Host: $host"
}

mkdir -p "$net_dir"/{blog,wild,any,static/img,errors}
for name in blog wild any static; do
	echo "$name" >"$net_dir/$name/index.html"
	echo "$name page" >"$net_dir/$name/page.html"
done
echo "image" >"$net_dir/static/img/a.png"
echo "<p>our own page" >"$net_dir/errors/404.html"
echo "x-test/thing foo" >"$net_dir/types"
echo thing >"$net_dir/any/a.foo"
chmod -R a+rX "$net_dir"

sites="
  - hosts: [blog.example.net, www.blog.example.net]
    root: $net_dir/blog
    fields:
      X-Frame-Options: DENY
      Referrer-Policy: ''
      Content-Security-Policy: \"default-src 'self'\"
  - hosts: '*.example.net'
    root: $net_dir/wild
  - hosts: '*'
    routes:
      - {path: /, files: $net_dir/any}
      - {path: /static/, files: $net_dir/static, expires: 1h}
      - {path: /static/img, files: $net_dir/static/img, cache-control: 'public, immutable'}
      - {path: =/static/page.html, files: $net_dir/blog}
      - {path: /api, proxy: app}"
web_config <<-YAML
	$upstream
	trusted: [127.0.0.99/32]
	health: /healthz
	error-pages: $net_dir/errors
	types: $net_dir/types
YAML
app_start app1
web_start

# --- hosts and paths ------------------------------------------------------------

is "a host by its name" "$(on blog.example.net /)" blog
is "by another of its names" "$(on www.blog.example.net /)" blog
is "in any case, with a port, with a dot" "$(on BLOG.example.net.:80 /)" blog
is "by a wildcard" "$(on a.b.example.net /)" wild
is "which is not for the domain itself" "$(on example.net /)" any
is "or by none" "$(on elsewhere /)" any
is "HTTP/1.0 without a host is any" "$(get / -0 -H 'Host:')" any
is "the longest path wins" "$(on x /static/)" static
is "whose directory stands for it" "$(on x /static/page.html)" "blog page"
is "a path without slash takes what is below" "$(on x /static/img/a.png)" image
is "and not what only begins so" "$(on x /apidays -o /dev/null -w '%{http_code}')" 404
is "a path goes to an upstream" "$(on x /api -o /dev/null -w '%{http_code}')" 404
is "which has its node's field" "$(on x /api -D - -o /dev/null | field X-Sluice-Web)" web1
is "dots do not lead around a route" "$(on x /api/../static/)" static
is "types come from the file" "$(on x /a.foo -D - -o /dev/null | field Content-Type)" "x-test/thing"
is "expires is told" "$(on x /static/ -D - -o /dev/null | field Cache-Control)" "max-age=3600"
is "and so is cache-control" \
	"$(on x /static/img/a.png -D - -o /dev/null | field Cache-Control)" "public, immutable"

# --- fields of every response ---------------------------------------------------

for path in / /nothing /api; do
	head=$(on x "$path" -D - -o /dev/null)
	is "$path: security" "$(field X-Content-Type-Options <<<"$head"), $(
		field X-Frame-Options <<<"$head"), $(field Referrer-Policy <<<"$head")" \
		"nosniff, SAMEORIGIN, strict-origin-when-cross-origin"
	is "$path: the node" "$(field X-Sluice-Web <<<"$head")" web1
done
head=$(on blog.example.net / -D - -o /dev/null)
is "a site replaces them" "$(field X-Frame-Options <<<"$head")" DENY
is "drops them" "$(field Referrer-Policy <<<"$head")" ""
is "adds to them" "$(field Content-Security-Policy <<<"$head")" "default-src 'self'"

# --- errors ---------------------------------------------------------------------

is "a page of one's own" "$(on x /nothing)" "<p>our own page"
like "or the small one" "$(on x /%zz)" '<h1><span>400</span> Bad Request</h1>'
like "or JSON, for who prefers it" "$(on x /nothing -H 'Accept: application/json')" \
	'^\{"error":\{"status":404,"reason":"Not Found","message":"[^"]+","request":"[0-9a-f]+"'
is "a browser prefers HTML" "$(on x /nothing -H 'Accept: text/html,application/json;q=0.5')" \
	"<p>our own page"

# --- health and log -------------------------------------------------------------

is "health" "$(get /healthz)" ok
is "whatever the host" "$(on blog.example.net /healthz)" ok
on x '/page.html?a=%22b' -A 'agent "7"' -e http://other/ >/dev/null
on x /static/page.html -H 'X-Forwarded-For: 192.0.2.66' --interface 127.0.0.98 >/dev/null
on x /static/page.html -H 'X-Forwarded-For: 1.1.1.1, 192.0.2.66, 127.0.0.99' \
	-H 'X-Request-ID: from-the-proxy' --interface 127.0.0.99 >/dev/null
is "the log has what was asked and answered" \
	"$(logged 'select(.user_agent == "agent \"7\"") | [.method, .host, .target, .status,
		.bytes_out, .end, .referer] | join(" ")')" \
	"GET x /page.html?a=%22b 200 9 complete http://other/"
on x "/$(head -c 9000 /dev/zero | tr '\0' q)" >/dev/null
is "a long target cuts nothing off but itself" \
	"$(logged 'select(.cut) | [.client, .status, .end] | join(" ")')" "127.0.0.1 414 complete"
is "a forwarded address is not believed" \
	"$(logged 'select(.client == "127.0.0.98") | .target')" /static/page.html
is "but of a trusted proxy, the last that it does not vouch for" \
	"$(logged 'select(.id == "from-the-proxy") | .client')" 192.0.2.66
is "health is not logged" "$(logged 'select(.target == "/healthz") | .target')" ""

# --- configuration --------------------------------------------------------------

help=$("$build/sluice-web" --help)
like "--help names the options" "$help" '--config'

# wrong PATTERN KEYS: what --check says of them.
wrong() {
	local seen code
	web_config <<<"$2"
	seen=$("$build/sluice-web" --check --config "$net_dir/web.yaml" 2>&1)
	code=$?
	like "what is said of a mistake: $1" "$code $seen" "^1 .*$1"
}

sites="[{hosts: '*', root: $net_dir/any}]"
wrong ':1:1: unknown key "lisen" \(did you mean "listen"\?\)' 'lisen: 127.0.0.1:80'
wrong ':1:11: .*expected a network' 'trusted: [10.0.0.1/8]'
wrong ':1:9: .*path' 'health: healthz'
sites="[{hosts: '*', root: /nonexistent}]"
wrong '/nonexistent.*No such file' 'health: /h'
sites="[{hosts: '*', routes: [{path: /, proxy: ap}]}]"
wrong 'there is no upstream "ap"' 'health: /h'
sites="[{hosts: '*', routes: [{path: /, files: /tmp, proxy: app}]}]"
wrong 'expected either "files" or "proxy"' "$upstream"
sites="[{hosts: '*', routes: [{path: /a, files: /tmp}, {path: /a, files: /}]}]"
wrong 'given twice' 'health: /h'
sites="[{hosts: '*', root: /tmp, fields: {Connection: x}}]"
wrong 'field "Connection": not a valid name' 'health: /h'
sites="[{hosts: '*'}]"
wrong 'neither "root" nor "routes"' 'health: /h'
