#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 60
#
# Sessions outlive the server that made them, and keys; what was not sealed by
# us is none. Forms of other sites are refused.
set -uo pipefail
# shellcheck source=tests/lib/app_net.sh
source tests/lib/app_net.sh
app_up

jar=(-b "$net_dir/jar" -c "$net_dir/jar")
visit() {
	get /visits "${jar[@]}"
	count=${body% *} token=${body#* }
}

rotate() {
	printf '%s\n' "$@" >"$net_dir/keys"
	kill -HUP "${net_pids[app]}"
	sleep 0.5
}

visit
visit
is "a visitor is known again" "$count" 2
is "and the answer is for nobody else's cache" "$(field cache-control)" 'private, no-cache'
like "the cookie is closed" "$(field set-cookie)" \
	'^session=[A-Za-z0-9_-]+; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax$'

# --- other servers, other keys ------------------------------------------------------

stop app KILL
within 5 test -z "$(pgrep -f "$net_dir/app.yaml")"
app_start
visit
is "another server knows the visitor" "$count" 3
old=$(<"$net_dir/keys") new=$(openssl rand -base64 32)
rotate "$new" "$old"
visit
is "a new key is accepted before it is used" "$count" 4
rotate "$old" "$new"
visit
is "and used while the old one is accepted" "$count" 5
rotate "$new"
visit
is "and remains when the old one is gone" "$count" 6
rotate "$(openssl rand -base64 32)"
visit
is "what an unknown key has sealed is none" "$count" 1
between "which is counted" "$(metric sluice_app_sessions_rejected_total)" 1 1

# --- forgeries ----------------------------------------------------------------------

sealed=$(awk '$6 == "session" { print $7 }' "$net_dir/jar")
for forged in "A$sealed" "${sealed}A" "${sealed:0:40}" "${sealed%?}*" "" \
	"$(printf 'x%.0s' {1..4000})"; do
	is "\"${forged:0:20}...\" of ${#forged} bytes is no session" \
		"$(curl -s "$server/visits" -b "session=$forged" | cut -d' ' -f1)" 1
done
get '/fill?bytes=2000' "${jar[@]}"
is "a session takes what it promises" "$body" 0
get '/fill?bytes=2048' "${jar[@]}"
is "and no more" "$body" -28
visit
is "which leaves it as it was" "$count" 2

# --- forms --------------------------------------------------------------------------

visit
get /guarded "${jar[@]}" -d "csrf=$token"
is "a form with the session's token is taken" "$status $body" '200 done'
get /guarded "${jar[@]}" -d "csrf=$token" -H "Origin: $server"
is "from this site" "$status" 200
get /guarded "${jar[@]}" -H "X-CSRF-Token: $token" -d x=1
is "a script may send it as a header" "$status" 200
get /guarded "${jar[@]}" -d "csrf=$token" -H 'Origin: https://elsewhere.example'
is "not from another site" "$status" 403
get /guarded "${jar[@]}" -d x=1
is "not without the token" "$status" 403
get /guarded -d "csrf=$token"
is "not without the session" "$status" 403
get /guarded "${jar[@]}" -d "csrf=${token:1}A"
is "not with another token" "$status" 403
other=$(curl -s "$server/visits" | cut -d' ' -f2)
get /guarded "${jar[@]}" -d "csrf=$other"
is "not with another session's" "$status" 403
between "all of it is counted" "$(metric sluice_app_csrf_rejected_total)" 5 5
first=$token
visit
is "a token looks different each time" "$([ "$first" != "$token" ] && echo yes)" yes
get /leave "${jar[@]}"
like "leaving deletes the cookie" "$(field set-cookie)" '^session=; Path=/; Max-Age=0;'
get /guarded "${jar[@]}" -d "csrf=$token"
is "and the token with it" "$status" 403
exit "$net_failed"
