#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 60
#
# The example of docs/applications.md is at most 50 lines, and does what the page says.
set -uo pipefail
# shellcheck source=tests/lib/app_net.sh
source tests/lib/app_net.sh
trap app_down EXIT
db_up
sql "CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200) NOT NULL)"
chmod 755 "$net_dir"
cp -R "$build/modules/notes.so" userspace/apps/notes/templates "$net_dir"
openssl rand -base64 32 >"$net_dir/keys"
echo secret >"$net_dir/password"
app_config "$(database)"
sed -i "s|^  test:|  notes:|; s|app_module.so|notes.so|" "$net_dir/app.yaml"
app_start

between "its lines" "$(wc -l <userspace/apps/notes/notes.c)" 10 50
is "the page quotes it" "$(awk '/^static void (list_notes|add_note)/, /^}/' \
	userspace/apps/notes/notes.c)" \
	"$(awk '/^static void (list_notes|add_note)/, /^}/' docs/applications.md)"
jar=(-b "$net_dir/jar" -c "$net_dir/jar")
get / "${jar[@]}"
like "there are no notes" "$status $body" '^200 .*None yet'
token=$(sed -n 's/.*name="csrf" value="\(.*\)".*/\1/p' <<<"$body")
get /notes "${jar[@]}" -d "csrf=$token" --data-urlencode 'text=<b>one</b>'
is "one is added" "$status $(field location)" '303 /'
get / "${jar[@]}"
like "and shown, escaped" "$body" '<a href="/notes/1">&lt;b&gt;one&lt;/b&gt;</a>'
get /notes/1
is "also alone" "$status $body" '200 {"id":1,"text":"<b>one</b>"}'
for path in /notes/2 /notes/x /notes/1x /notes/0; do
	get "$path"
	is "GET $path" "$status" 404
done
get /notes "${jar[@]}" -d "csrf=$token" -d text=
is "an empty one is refused" "$status" 422
get /notes -d text=x
is "so is one from nowhere" "$status" 403
stop db
get /
is "without the database" "$status" 503
exit "$net_failed"
