#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# The shop behind the web server: every link and picture is there, pages are sound,
# and when no application server is left, the web server's own pages are shown.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/shop_net.sh
source tests/lib/shop_net.sh
shop_up 1

# The policy that the lab's web servers send.
policy=$(sed -n 's/^ *Content-Security-Policy: "\(.*\)"$/\1/p' vm/nodes/web/web.yaml.in)
cp -R vm/site "$net_dir/site"
chmod -R a+rX "$net_dir/site"
cat >"$net_dir/web1.yaml" <<-YAML
	node: web1
	workers: 1
	user: nobody
	listen: ["127.0.0.1:80"]
	error-pages: $net_dir/site/errors
	upstreams:
	  app: {servers: {app1: {address: "127.0.0.1:8081"}}}
	sites:
	  - hosts: ["*"]
	    fields: {Content-Security-Policy: "$policy"}
	    routes:
	      - {path: /static/, files: $net_dir/site, expires: 1h}
	      - {path: /, proxy: app}
YAML
start web1 "$build/sluice-web" --config "$net_dir/web1.yaml"
server=http://127.0.0.1
within 10 curl -sf -o /dev/null "$server/" ||
	give_up "the web server runs" "$(tail -n 3 "$net_dir/web1.log")"

faults=$(tests/e2e/tools/crawl "$server/")
count=$(tail -n 1 <<<"$faults")
is "every link and resource is there, and every page is sound" "$(sed '$d' <<<"$faults")" ''
if ((count > 55)); then ok "all $count of them"; else not_ok "only $count were found"; fi
for slug in $(sql 'SELECT slug FROM products'); do
	visit ann "/static/img/$slug.svg"
	is "a picture of $slug" "$status" 200
done
is "pictures are well-formed" "$(python3 -c 'import sys, xml.dom.minidom as dom
for name in sys.argv[1:]: dom.parse(name)' vm/site/*.svg vm/site/img/*.svg 2>&1)" ''

visit ann /static/none.css
is "a file that is not there" "$status" 404
has "has a page that says so" "$body" 'This is not in the box'
stop app1
visit ann /
is "without application servers" "$status" 503
has "there is a page that says so" "$body" 'Back in a moment'
visit ann /static/style.css
is "and what is static is still there" "$status" 200
for page in vm/site/errors/*.html; do
	hash=$(python3 -c 'import base64, hashlib, re, sys
style = re.search("<style>(.*)</style>", sys.stdin.read(), re.S)[1]
print(base64.b64encode(hashlib.sha256(style.encode()).digest()).decode())' <"$page")
	has "the policy knows the style of ${page##*/}" "$policy" "'sha256-$hash'"
	has_not "which needs nothing from anywhere" "$(<"$page")" 'src='
done
exit "$net_failed"
