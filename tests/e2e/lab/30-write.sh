#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# A row that the user writes is in the primary and in both replicas, and read back by anyone.
source "$(dirname -- "$0")/../lib.sh"

row_in() {
	on "$1" mariadb --no-defaults -S "$STATE/$1/mysqld.sock" -NBe \
		"SELECT text FROM site.notes WHERE id = $id"
}

has_row() {
	[[ $(row_in "$1") == "$text" ]]
}

for family in 4 6; do
	text="IPv$family note $RANDOM$RANDOM"
	succeeds "IPv$family: POST" fetch post "-$family" --data "$text" "https://$SITE/notes"
	is "IPv$family: created" "$(report post http_code)" 201
	id=$(jq -r .id "$scratch/post.body")
	is "IPv$family: written on" "$(jq -r .server "$scratch/post.body")" "${DATABASES[0]}"
	for db in "${DATABASES[@]}"; do
		wait_until 5 "IPv$family: the row is in $db" has_row "$db"
		is "IPv$family: the row in $db" "$(row_in "$db")" "$text"
	done
	fetch page "https://$SITE/"
	like "IPv$family: the page shows it" "$(cat "$scratch/page.body")" "$text"
done

replica=${DATABASES[1]}
refused=$(on app1 mariadb --no-defaults -h "$(address "$replica" 4)" -u site \
	"-p$(<"$STATE/secrets/site")" \
	-e "INSERT INTO site.notes (text, written_by) VALUES ('astray', 'a test')" 2>&1)
like "a replica takes no writes of its own" "$refused" "read-only"
