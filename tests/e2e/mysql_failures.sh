#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 240
#
# Servers die, hang and come back: reads go on, writes get a clear error, nobody
# waits for longer than two seconds.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/mysql_net.sh
source tests/lib/mysql_net.sh

# One connection that reads all the time, in a log of "seconds server" or errors,
# with the time that each read took, until it is stopped.
reader_script() {
	cat <<-'PYTHON'
		import pymysql, sys, time
		def connect():
		    return pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]),
		        user=sys.argv[2],
		        password=sys.argv[3], database="test", autocommit=True, read_timeout=10)
		connection = connect()
		while True:
		    began = time.time()
		    try:
		        with connection.cursor() as cursor:
		            cursor.execute("SELECT @@server_id FROM rows_of_test LIMIT 1")
		            print("%.2f" % (time.time() - began), cursor.fetchone()[0])
		    except pymysql.err.MySQLError as error:
		        print("%.2f" % (time.time() - began), "failed", error)
		        connection = connect()
		    time.sleep(0.01)
	PYTHON
}

reader_start() {
	start reader /usr/bin/python3 -u -c "$(reader_script)" "$router_port" "$user" "$password"
	within 5 test -s "$net_dir/reader.log"
}

no_read_failed() {
	[ -s "$net_dir/reader.log" ] && ! grep failed "$net_dir/reader.log"
}

longest_read_is_below() {
	awk -v most="$1" '$1 > most { print; bad = 1 } END { exit bad || NR < 20 }' \
		"$net_dir/reader.log"
}

forget_reads() {
	: >"$net_dir/reader.log"
}

usable() {
	metrics | grep -q "^sluice_mysql_server_usable{server=\"$1\"} $2\$"
}

reads_come_from() {
	local i
	for ((i = 0; i < 10; i++)); do
		sql test 'SELECT @@server_id FROM rows_of_test LIMIT 1'
	done | sort -u | xargs -n 100 | grep -qx "$1"
}

replica_is_killed() {
	forget_reads
	stop db2 KILL
	within 2 usable db2 0
}

replica_hangs() {
	forget_reads
	kill -STOP "${net_pids[db3]}"
	within 2 usable db3 0
}

# A read that the server is busy with is repeated elsewhere.
read_in_flight_moves() {
	local seen
	seen=$(sql test "SELECT SLEEP(1), @@server_id" & sleep 0.3
		kill -KILL "${net_pids[db2]}"
		wait)
	[[ $seen =~ ^0.[13]$ ]]
}

db_returns() {
	db_start "$1"
	within 10 usable "$1" 1
}

# Ten sessions that begin while a replica is away, and read until it has its share of them.
long_sessions_return() {
	stop db2 KILL
	within 5 usable db2 0 || return
	cat >"$net_dir/sessions.py" <<-'PYTHON'
		import pymysql, sys, time
		sessions = [pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]),
		        user=sys.argv[2],
		    password=sys.argv[3], database="test", autocommit=True) for _ in range(10)]
		while True:
		    met = []
		    for session in sessions:
		        with session.cursor() as cursor:
		            cursor.execute("SELECT @@server_id FROM rows_of_test LIMIT 1")
		            met.append(cursor.fetchone()[0])
		    print(*met)
		    time.sleep(0.1)
	PYTHON
	start sessions /usr/bin/python3 -u "$net_dir/sessions.py" "$router_port" "$user" "$password"
	within 5 grep -q '^3 3 3 3 3 3 3 3 3 3$' "$net_dir/sessions.log" || return
	db_returns db2 && within 20 grep -qE '2.*2.*2' "$net_dir/sessions.log"
	local met=$?
	stop sessions KILL
	return $met
}

# error_of SQL: number and text as a client gets them, and how long that took at most.
error_of() {
	timeout 4 /usr/bin/python3 - "$router_port" "$user" "$password" "$@" <<-'PYTHON'
		import pymysql, sys
		connection = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]),
		        user=sys.argv[2],
		    password=sys.argv[3], database="test", autocommit=True)
		for statement in sys.argv[4:]:
		    try:
		        with connection.cursor() as cursor:
		            cursor.execute(statement)
		            print("ok", cursor.fetchall())
		    except pymysql.err.MySQLError as error:
		        print(*error.args)
	PYTHON
}

writes_get_a_clear_error_and_reads_go_on() {
	local seen
	seen=$(error_of 'SELECT COUNT(*) FROM rows_of_test' 'INSERT INTO rows_of_test VALUES (7)' \
		'SELECT COUNT(*) FROM rows_of_test' 'SET time_zone = "+01:00"' \
		'SELECT @@time_zone')
	echo "$seen"
	[[ $seen == "ok ((3,),)"*$'\n1290 sluice-mysql: '*db1*$'\n'"ok ((3,),)"$'\n'"ok ()"* ]] &&
		[[ $seen == *"(('+01:00',),)" ]]
}

# A client in a transaction when the primary dies; then one that only reads.
transaction_is_lost_loudly() {
	local seen
	coproc { error_of 'BEGIN' 'INSERT INTO rows_of_test VALUES (8)' 'SELECT SLEEP(1.5)' \
		'SELECT 1'; }
	# shellcheck disable=SC2154 # COPROC_PID: of coproc
	sleep 0.7
	stop db1 KILL
	seen=$(cat <&"${COPROC[0]}")
	echo "$seen"
	[[ $seen == $'ok ()\nok ()\n'[12]*"db1"* && $seen != *"ok ((1,),)"* ]]
}

write_works() {
	sql test 'INSERT INTO rows_of_test VALUES (9); DELETE FROM rows_of_test WHERE a = 9'
}

net_up
check "the router starts and sees all servers" router_start
sql test 'CREATE TABLE rows_of_test (a INT); INSERT INTO rows_of_test VALUES (1), (2), (3)'
replicas_follow
check "a client reads all the time" reader_start

check "a replica is killed and seen to be within 2 s" replica_is_killed
check "reads come from the other" reads_come_from 3
check "no read failed" no_read_failed
check "no read took longer than 0.5 s" longest_read_is_below 0.5
check "the replica comes back and is used" db_returns db2
check "reads come from both" within 5 reads_come_from "2 3"

check "a replica hangs and is left within 2 s" replica_hangs
sleep 1
check "no read failed" no_read_failed
check "no read took longer than 2 s" longest_read_is_below 2
kill -CONT "${net_pids[db3]}"
check "it goes on and is used again" within 5 reads_come_from "2 3"

check "a read in flight is repeated on another server" read_in_flight_moves
check "and counted" test "$(metric sluice_mysql_read_retries_total)" -ge 1
wait "${net_pids[db2]}" 2>/dev/null
check "the replica comes back and is used" db_returns db2

check "sessions that began without the replica use it when it is back" long_sessions_return

forget_reads
check "a transaction is lost with the primary, loudly" transaction_is_lost_loudly
check "writes get a clear error, and reads go on" writes_get_a_clear_error_and_reads_go_on
sleep 1
check "no read failed" no_read_failed
check "no read took longer than 2 s" longest_read_is_below 2
check "clients can still log in, and read" reads_come_from "2 3"
check "the primary comes back" db_returns db1
check "and takes writes" within 5 write_works
stop reader KILL
