#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 180
#
# Reads go to replicas, all else to the primary, as each server itself says; what
# a session wrote, it reads, however far the replicas are behind.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/mysql_net.sh
source tests/lib/mysql_net.sh

# servers_of SQL: which servers answered the SELECTs of @@server_id in it, in their order.
servers_of() {
	sql test "$1" | xargs
}

is_replica() {
	[ "$1" = 2 ] || [ "$1" = 3 ]
}

read_goes_to_a_replica() {
	is_replica "$(servers_of 'SELECT @@server_id')"
}

write_goes_to_the_primary() {
	sql test 'CREATE TABLE places (id INT PRIMARY KEY, server INT);
		INSERT INTO places VALUES (1, @@server_id)'
	replicas_follow && [ "$(on_db db2 'SELECT server FROM test.places')" = 1 ]
}

transaction_stays_on_the_primary() {
	local seen
	seen=$(servers_of 'SELECT @@server_id; BEGIN; SELECT @@server_id; COMMIT;
		SELECT @@server_id')
	[[ $seen =~ ^[23]\ 1\ [23]$ ]]
}

without_autocommit_all_is_on_the_primary() {
	local seen
	seen=$(servers_of 'SET autocommit=0; SELECT @@server_id; COMMIT; SELECT @@server_id;
		SET autocommit=1; SELECT @@server_id')
	[[ $seen =~ ^1\ 1\ [23]$ ]]
}

read_only_transaction_is_on_a_replica() {
	local seen
	seen=$(servers_of 'START TRANSACTION READ ONLY; SELECT @@server_id; SELECT LAST_INSERT_ID();
		SELECT @@server_id; COMMIT; SELECT @@server_id')
	[[ $seen =~ ^2\ 0\ 2\ [23]$ || $seen =~ ^3\ 0\ 3\ [23]$ ]]
}

# pins STATEMENT: and from then on all reads are on the primary.
pins() {
	[ "$(servers_of "$1; SELECT @@server_id" | awk '{ print $NF }')" = 1 ]
}

procedure_that_leaves_state_pins() {
	on_db db1 "CREATE OR REPLACE PROCEDURE test.harmless() SELECT COUNT(*) FROM test.places"
	on_db db1 "CREATE OR REPLACE PROCEDURE test.leaves() SET @left = 1"
	replicas_follow
	is_replica "$(servers_of 'CALL harmless(); SELECT @@server_id' | awk '{ print $NF }')" &&
		pins 'CALL leaves()'
}

settings_are_the_same_everywhere() {
	[[ $(servers_of "SET NAMES latin1, time_zone = '+05:00', sql_mode = '';
		SET sql_mode = CONCAT(@@sql_mode, 'STRICT_ALL_TABLES');
		SELECT @@server_id, @@time_zone, @@sql_mode, @@character_set_client") =~ \
		^[23]\ \+05:00\ STRICT_ALL_TABLES\ latin1$ ]]
}

schema_is_the_same_everywhere() {
	[[ $(sql 'USE test; SELECT @@server_id, DATABASE(); USE information_schema;
		SELECT @@server_id; USE test;
		SELECT @@server_id, COUNT(*) FROM places' | xargs) =~ \
		^[23]\ test\ 1\ [23]\ 1$ ]]
}

hint_is_followed() {
	[ "$(sql -c test '/* sluice: primary */ SELECT @@server_id')" = 1 ]
}

prepared_text_is_on_the_primary() {
	[ "$(servers_of "PREPARE s FROM 'SELECT @@server_id'; EXECUTE s;
		DEALLOCATE PREPARE s")" = 1 ]
}

# Both replicas get half of the sessions.
replicas_share_the_sessions() {
	local i
	for i in {1..20}; do
		servers_of 'SELECT @@server_id'
	done | sort | uniq -c | awk '$1 < 4 { bad = 1 } END { exit bad || NR != 2 }'
}

# --- read your writes -----------------------------------------------------------------

# writes_are_read ROUNDS: one session writes and reads back, every time.
writes_are_read() {
	local i script='CREATE TABLE IF NOT EXISTS seen (n INT PRIMARY KEY); DELETE FROM seen;'
	for ((i = 1; i <= $1; i++)); do
		script+="INSERT INTO seen VALUES ($i); SELECT COUNT(*) - $i FROM seen;"
	done
	[ "$(sql test "$script" | sort -u)" = 0 ]
}

reads_waited_on_replicas() {
	[ "$(metric 'sluice_mysql_gtid_waits_total{result="waited"}')" -gt 0 ]
}

# delay SECONDS: how far the replicas are behind from now on.
delay() {
	local name
	for name in db2 db3; do
		on_db "$name" "STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=$1; START SLAVE"
	done
}

lag_is_seen() {
	metrics | awk -v least="$1" '/^sluice_mysql_server_lag_seconds.*heartbeat/ && $2 >= least {
		n++ } END { exit n != 2 }'
}

other_sessions_read_old_rows() {
	local now
	sql test 'REPLACE INTO places VALUES (2, 42)'
	now=$(sql test 'SELECT @@server_id, COUNT(*) FROM places' | xargs)
	[[ $now =~ ^[23]\ 1$ ]]
}

reads_are_on_the_primary() {
	[ "$(servers_of 'SELECT @@server_id')" = 1 ]
}

net_up
check "the router starts and sees all servers" router_start
check "a read goes to a replica" read_goes_to_a_replica
check "a write goes to the primary" write_goes_to_the_primary
check "a transaction stays on the primary" transaction_stays_on_the_primary
check "without autocommit all is on the primary" without_autocommit_all_is_on_the_primary
check "a read-only transaction is on one replica" read_only_transaction_is_on_a_replica
check "SELECT ... FOR UPDATE is on the primary" test "$(servers_of \
	'SELECT @@server_id FROM places FOR UPDATE')" = 1
check "user variables pin" pins 'SET @a = 1'
check "temporary tables pin" pins 'CREATE TEMPORARY TABLE t (a INT)'
check "locks pin" pins "SELECT GET_LOCK('a', 1)"
check "settings that are not known pin" pins 'SET timestamp = 1'
check "ANSI quotes pin" pins "SET sql_mode = 'ANSI_QUOTES'"
check "a procedure pins if it leaves something behind" procedure_that_leaves_state_pins
check "settings are the same on every server" settings_are_the_same_everywhere
check "the schema is the same on every server" schema_is_the_same_everywhere
check "a hint is followed" hint_is_followed
check "PREPARE in text is on the primary" prepared_text_is_on_the_primary
check "replicas share the sessions" replicas_share_the_sessions

check "a session reads what it wrote" writes_are_read 200
check "and waited for it on a replica" reads_waited_on_replicas
delay 2
check "replicas two seconds behind are seen as such" within 10 lag_is_seen 1.5
check "a session reads what it wrote while they are behind" writes_are_read 3
check "other sessions read from them" other_sessions_read_old_rows
delay 30
check "replicas too far behind serve no reads" within 15 reads_are_on_the_primary
delay 0
check "and do again once they have caught up" within 20 read_goes_to_a_replica
