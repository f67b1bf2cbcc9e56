#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 180
#
# Handlers and the database: values of all types, rows within rows, transactions, a pool
# that is used up, a database that goes away and comes back, thousands that wait at once.
set -uo pipefail
# shellcheck source=tests/lib/app_net.sh
source tests/lib/app_net.sh
trap app_down EXIT
db_up
app_up 'watchdog: 500ms' \
	"$(database 'connections: 4' 'wait-timeout: 1s' 'rows-max: 10000000' 'idle-timeout: 20s')"

# --- values and rows ----------------------------------------------------------------

get /types
is "values of all types come back" "$body" "i=-7 d=2.5 s=O'Hara ü n=NULL b=0001FF\
 u=18446744073709551615 t=2024-02-29 12:34:56 m=1.50 l=100000 i=-7 d=2.5"
get /nested
is "statements may be made within a loop over rows" "$body" 6
get '/list?limit=2'
is "rows are JSON" "$body" '[{"id":1,"name":"one","n":0},{"id":2,"name":"two","n":0}]'
get /streamed
is "100 MB of rows pass one by one" "$body" '100000 0'
askers=()
for _ in 1 2 3; do
	curl -s -o /dev/null "$server/streamed" &
	askers+=($!)
done
sleep 0.3
between "while three do so another is served, ms" "$(curl -s -o /dev/null \
	-w '%{time_total}' "$server/echo/x" | awk '{ print int($1 * 1000) }')" 0 200
wait "${askers[@]}"
get /kept
is "but are not all kept" "$body" $'status -90\nand on'
get /wrong
is "mistakes have their own errors" "$body" '-5 1146 -22 -17 0'
between "a few connections did all of it" "$(metric sluice_app_database_connects_total)" 1 4

# --- transactions -------------------------------------------------------------------

get '/add?name=four'
is "a row is added" "$body" 'id given'
get '/add?name=four'
like "twice is an error of its own" "$body" 'status -17 error 1062'
get '/forget?name=five'
is "a handler forgets to commit" "$body" 'not committed'
is "its row is not there" "$(sql "SELECT COUNT(*) FROM items WHERE name = 'five'")" 0
between "which is counted" "$(metric sluice_app_database_rollbacks_total)" 1 1
curl -s "$server/swap?first=1&second=2" >"$net_dir/swap1" &
one=$!
curl -s "$server/swap?first=2&second=1" >"$net_dir/swap2" &
wait "$one" $!
is "of two that block each other one tries again" \
	"$(sort "$net_dir/swap1" "$net_dir/swap2" | paste -sd,)" '0 after 1,0 after 2'
is "and each has been done once" "$(sql 'SELECT SUM(n) FROM items')" 4

# --- the pool -----------------------------------------------------------------------

"$build/tests/e2e/at_once" 8080 16 '/select?ms=300' >"$net_dir/out"
like "16 requests share 4 connections" "$(<"$net_dir/out")" '^16 of 200, 1[2-9][0-9][0-9] ms'
"$build/tests/e2e/at_once" 8080 8 '/hold?ms=2000' >"$net_dir/out"
like "who waits for a connection in vain is told" "$(<"$net_dir/out")" '^4 of 200, 4 of 503'
between "and counted" "$(metric sluice_app_database_wait_timeouts_total)" 4 4
"$build/tests/e2e/at_once" 8080 40 '/hold?ms=500&release=1' >"$net_dir/out"
like "who gives it back early lets others in" "$(<"$net_dir/out")" '^40 of 200, [5-9][0-9][0-9] ms'

# A client that leaves: its statement is given up, its connection replaced.
curl -s --max-time 0.3 "$server/select?ms=3000"
get '/select?ms=1'
is "after a client has left in the middle" "$status" 200
check "no connection is lost" within 3 metric_is sluice_app_database_in_use 0

# --- the database goes and comes ------------------------------------------------------

get /healthz/database
is "the database answers" "$status" 200
for id in $(sql "SELECT id FROM information_schema.processlist WHERE user = 'app'"); do
	sql "KILL $id"
done
"$build/tests/e2e/at_once" 8080 8 '/select?ms=1' >"$net_dir/out"
like "connections that were killed are replaced unnoticed" "$(<"$net_dir/out")" '^8 of 200'
curl -s -o /dev/null -w '%{http_code}' "$server/select?ms=3000" >"$net_dir/out" &
asked=$!
sleep 0.5
stop db KILL
wait "$asked"
is "a statement that runs when the database dies is 503" "$(<"$net_dir/out")" 503
get '/select?ms=1'
is "so are those after it" "$status" 503
is "and the server's health is its own" "$(curl -s "$server/healthz")" ok
get /healthz/database
is "though the database's is not" "$status" 503
"$build/tests/e2e/at_once" 8080 500 '/list' >"$net_dir/out"
like "500 requests fail at once" "$(<"$net_dir/out")" '^500 of 503, [0-9]{1,3} ms'
db_start
check "it is used again" within 3 curl -sf "$server/list"
is "with the rows that were committed" "$(curl -s "$server/list" | jq length)" 4

# --- thousands ------------------------------------------------------------------------

stop app
app_config "$(database 'connections: 2000')" 'connections: 4000'
app_start
"$build/tests/e2e/at_once" 8080 2000 '/select?ms=1000' >"$net_dir/out"
note=$(awk '/VmRSS/ { print $2 }' "/proc/$(workers)/status")
like "2000 requests wait for the database in one worker" "$(<"$net_dir/out")" \
	'^2000 of 200, [0-9]+ ms'
echo "# $(<"$net_dir/out"), $note KiB resident"
"$build/tests/e2e/at_once" 8080 2000 '/select?ms=1000' >"$net_dir/out"
like "within little more than the second that each takes" "$(<"$net_dir/out")" \
	'^2000 of 200, [1-4][0-9]{3} ms'
echo "# again: $(<"$net_dir/out")"
exit "$net_failed"
