#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 120
#
# The shop over a primary and a replica, each application server with a router of
# its own: what was ordered is seen at once, everywhere; without the primary
# one can still look, and is told honestly that nothing was ordered.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/shop_net.sh
source tests/lib/shop_net.sh

# router_start NUMBER: on 127.0.0.1:331N.
router_start() {
	local name=mysql$1
	cat >"$net_dir/$name.yaml" <<-YAML
		node: $name
		workers: 1
		user: nobody
		listen: ["127.0.0.1:331$1"]
		servers: {db1: {address: "127.0.0.1:3301"}, db2: {address: "127.0.0.1:3302"}}
		users: $net_dir/users
		monitor: {user: router, password-file: $net_dir/password, interval: 100ms}
	YAML
	start "$name" "$build/sluice-mysql" --config "$net_dir/$name.yaml"
	within 10 mariadb --no-defaults -h 127.0.0.1 -P "331$1" -u shop -psecret shop -e \
		'SELECT 1' || give_up "$name runs" "$(tail -n 3 "$net_dir/$name.log")"
}

replicate() {
	sql_on db1 "CREATE USER repl@'127.0.0.1' IDENTIFIED BY 'secret';
		GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1';
		CREATE USER router@'127.0.0.1' IDENTIFIED BY 'secret';
		GRANT REPLICATION CLIENT, SLAVE MONITOR ON *.* TO router@'127.0.0.1'"
	sql_on db2 "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=3301,
		MASTER_USER='repl', MASTER_PASSWORD='secret', MASTER_USE_GTID=slave_pos,
		MASTER_CONNECT_RETRY=1; START SLAVE"
	within 20 caught_up || give_up "db2 follows db1"
}

caught_up() {
	local ask='SELECT @@gtid_current_pos'
	[ "$(sql_on db1 "$ask")" = "$(sql_on db2 "$ask")" ]
}

# is_read_from NAME: reads are answered by that server.
is_read_from() {
	visit ann /api/whoami
	[ "$(jq -r .read <<<"$body")" = "$1" ]
}

# looks PATH
looks() {
	visit ann "$1"
	[ "$status" = 200 ]
}

# The form of before.
ordered() {
	visit ann /checkout "${fields[@]}"
	[ "$status" = 303 ]
}

trap shop_down EXIT
shop_files
printf 'users: {shop: {password: secret}}\n' >"$net_dir/users"
chmod 600 "$net_dir/users"
db_start 1
db_start 2 --read-only
shop_tables
replicate
router_start 1
router_start 2
app_start 1 3311
app_start 2 3312

within 10 is_read_from db2
visit ann /api/whoami
is "reads go to the replica, writes to the primary" "$(jq -c '[.read, .write]' <<<"$body")" \
	'["db2","db1"]'
visit ann /
has "a page tells which server it was read from" "$body" 'app1 · db2'

# --- what was written is seen -----------------------------------------------------

fill ann thud 1
form ann
sql_on db2 'STOP SLAVE SQL_THREAD'
visit ann /checkout "${fields[@]}"
is "an order, while the replica stands still" "$status" 303
visit ann "$location"
has "its receipt is there" "$body" 'Thank you'
server=http://127.0.0.1:8082
visit ann /orders
has "also from the other server, whose router knows of no write" "$body" 'F-1001'
visit ann /checkout "${fields[@]}"
is "the form again, at the other server, is the same order" "$location" '/orders/1001?thanks=1'
is "the replica is behind" "$(sql_on db2 'SELECT COUNT(*) FROM shop.orders')" 0
sql_on db2 'START SLAVE SQL_THREAD'
within 10 caught_up
is "and has it in the end" "$(sql_on db2 'SELECT token IS NOT NULL FROM shop.orders')" 1

# --- without the primary ----------------------------------------------------------

fill ann flob 1
form ann
stop db1 KILL
visit ann /checkout "${fields[@]}"
is "without the primary nothing can be ordered" "$status" 503
has "the visitor is told that it may be tried again" "$body" 'it will not be ordered twice'
has "and still has the cart" "$body" 'Enamel mug'
visit ann /checkout
is "there is no form either" "$status" 503
has "but the cart" "$body" 'Your cart is safe'
for path in / /c/desk /p/flob '/search?q=lamp' /cart; do
	within 5 looks "$path"
	is "but GET $path still answers" "$status" 200
done
visit ann /api/whoami
is "and tells what is out of reach" "$(jq -c '[.read, .write]' <<<"$body")" '["db2",null]'
db_start 1
within 15 ordered
is "when it is back, the same form orders" "$status $(orders_count)" "303 2"
within 10 caught_up
is "and the replica follows" "$(sql_on db2 'SELECT COUNT(*) FROM shop.orders')" 2

# --- without the replica ----------------------------------------------------------

stop db2 KILL
for path in / /p/flob /orders /cart; do
	within 5 looks "$path"
	is "without the replica GET $path still answers" "$status" 200
done
exit "$net_failed"
