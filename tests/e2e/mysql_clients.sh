#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 240
#
# Clients work through the router as they do directly: the client library's calls,
# mysqldump, sysbench, results and statements of any size, local files, KILL.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/mysql_net.sh
source tests/lib/mysql_net.sh

tools=$build/tests/e2e

calls() {
	timeout 30 "$tools/mysql_calls" 127.0.0.1 "$1" "$user" "$password" test
}

calls_give_the_same() {
	calls "${db_port[db1]}" >"$net_dir/calls.first"
	calls "${db_port[db1]}" >"$net_dir/calls.direct"
	calls "$router_port" >"$net_dir/calls.routed"
	[ "$(wc -l <"$net_dir/calls.direct")" -gt 100 ] &&
		diff "$net_dir/calls.direct" "$net_dir/calls.routed"
}

dump() {
	mysqldump --no-defaults -h 127.0.0.1 -P "$1" -u "$user" "-p$password" --skip-comments \
		"${@:2}" test
}

# dumps_are_the_same [OPTION]...
dumps_are_the_same() {
	dump "${db_port[db1]}" "$@" >"$net_dir/dump.direct" &&
		dump "$router_port" "$@" >"$net_dir/dump.routed" &&
		[ "$(wc -c <"$net_dir/dump.routed")" -gt 100000 ] &&
		cmp "$net_dir/dump.direct" "$net_dir/dump.routed"
}

dump_can_be_restored() {
	sql test <"$net_dir/dump.routed" '' && replicas_follow &&
		dump "${db_port[db2]}" | cmp - "$net_dir/dump.routed"
}

# bench SCRIPT [OPTION]...: without an error.
bench() {
	sysbench --db-driver=mysql --mysql-host=127.0.0.1 --mysql-port="$router_port" \
		--mysql-user="$user" --mysql-password="$password" --mysql-db=test --tables=2 \
		--table-size=500 --threads=4 --time=3 "$1" "${@:2}" >"$net_dir/sysbench" 2>&1 &&
		! grep -E 'FATAL|reconnects: *[1-9]' "$net_dir/sysbench"
}

# --- sizes ------------------------------------------------------------------------------

# The largest resident size of the router's processes so far, in KiB.
peak_rss() {
	local pid peak=0 now
	for pid in $(pgrep -P "${net_pids[router]}"); do
		now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")
		[ "$now" -le "$peak" ] || peak=$now
	done
	echo "$peak"
}

# grew_by_less_than KIB BEFORE: the sanitizers' own memory is not measured.
grew_by_less_than() {
	local after
	after=$(peak_rss)
	echo "# resident size at most $2 KiB before, $after KiB after"
	grep -q __asan_init "$build/sluice-mysql" || [ $((after - $2)) -lt "$1" ]
}

# stream_of MIB: rows of 1 MiB; the sum of what comes.
stream_of() {
	sql -q --max-allowed-packet=1G test "SELECT REPEAT('x', 1048576) FROM seq_1_to_$1" | wc -c
}

large_result_passes() {
	local before
	before=$(peak_rss)
	[ "$(stream_of 300)" = "$((300 * 1048577))" ] && grew_by_less_than 2048 "$before"
}

# A client that does not read holds the server up, not the router's memory.
slow_client_is_waited_for() {
	local before
	before=$(peak_rss)
	[ "$(sql -q test "SELECT REPEAT('x', 1048576) FROM seq_1_to_50" | { sleep 2; wc -c; })" = \
		"$((50 * 1048577))" ] && grew_by_less_than 2048 "$before"
}

# Packets of 16 MiB and more are continued, both ways.
large_statements_pass() {
	timeout 60 /usr/bin/python3 - "$router_port" "$user" "$password" <<-'PYTHON'
		import hashlib, pymysql, sys
		client = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]),
		        user=sys.argv[2],
		    password=sys.argv[3], database="test", autocommit=True,
		    max_allowed_packet=64 << 20)
		cursor = client.cursor()
		cursor.execute("CREATE OR REPLACE TABLE large (id INT PRIMARY KEY, data LONGBLOB)")
		sizes = 100, 32760, 32768, 40000, 1 << 20, (16 << 20) - 40, (16 << 20) + 5, 40 << 20
		for number, size in enumerate(sizes):
		    data = bytes(range(65, 91)) * (size // 26 + 1)
		    cursor.execute("INSERT INTO large VALUES (%d, '%s')" % (number,
		        data[:size].decode()))
		    cursor.execute("SELECT data FROM large WHERE id = %s", (number,))
		    assert cursor.fetchone()[0] == data[:size], size
		cursor.execute("DROP TABLE large")
	PYTHON
}

too_large_statement_is_refused_by_the_server() {
	local seen
	seen=$(timeout 30 /usr/bin/python3 - "$router_port" "$user" "$password" 2>&1 <<-'PYTHON'
		import pymysql, sys
		client = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]),
		        user=sys.argv[2],
		    password=sys.argv[3], database="test", max_allowed_packet=200 << 20)
		client.cursor().execute("SELECT LENGTH('%s')" % ("x" * (70 << 20)))
	PYTHON
	)
	[[ $seen == *"max_allowed_packet"* || $seen == *"Lost connection"* ||
		$seen == *"Broken pipe"* || $seen == *"reset"* ]]
}

# --- local files ---------------------------------------------------------------------------

load_file() {
	seq 1 200000 >"$net_dir/numbers"
	sql --local-infile test "CREATE OR REPLACE TABLE numbers (n INT PRIMARY KEY);
		LOAD DATA LOCAL INFILE '$net_dir/numbers' INTO TABLE numbers;
		SELECT COUNT(*), SUM(n) FROM numbers" 2>&1 | xargs
}

local_file_is_loaded() {
	[ "$(load_file)" = "200000 20000100000" ]
}

local_file_is_refused() {
	[[ $(load_file) == *"ERROR 4166"* ]]
}

# --- KILL ------------------------------------------------------------------------------------

# Queries that sleep are interrupted by another connection, on a replica and on the primary:
# by KILL QUERY, as Ctrl-C does, and by KILL, which ends the connection.
queries_are_killed() {
	timeout 30 /usr/bin/python3 - "$router_port" "$user" "$password" <<-'PYTHON'
		import pymysql, sys, threading, time
		def connect():
		    return pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]),
		        user=sys.argv[2],
		        password=sys.argv[3], database="test", autocommit=True)
		def run(statement, kill):
		    victim, killer = connect(), connect()
		    thread = threading.Timer(0.4, kill, (killer, victim.thread_id()))
		    thread.start()
		    began = time.time()
		    try:
		        victim.cursor().execute(statement)
		        code = 0
		    except pymysql.err.MySQLError as error:
		        code = error.args[0]
		    thread.join()
		    assert 0.3 < time.time() - began < 3, statement
		    try:
		        victim.cursor().execute("SELECT 1")
		        return code, "goes on"
		    except pymysql.err.MySQLError as error:
		        return code, "is gone"
		def kill_query(killer, thread):
		    killer.cursor().execute("KILL QUERY %d" % thread)
		def kill(killer, thread):
		    killer.kill(thread)
		for statement in "SELECT SLEEP(9)", "DO SLEEP(9)":
		    assert run(statement, kill_query) in ((1317, "goes on"), (0, "goes on"))
		    assert run(statement, kill) == (2013, "is gone")
		try:
		    connect().cursor().execute("KILL 4000000000")
		    raise SystemExit("killed nobody")
		except pymysql.err.MySQLError as error:
		    assert error.args[0] == 1094, error
	PYTHON
}

metrics_are_clean() {
	metrics | promtool check metrics
}

net_up
check "the router starts" router_start
check "the client library's calls give the same as directly" calls_give_the_same
check "sysbench prepares" bench oltp_read_write prepare
check "sysbench oltp_read_write, prepared statements" bench oltp_read_write run
check "sysbench oltp_read_write, text" bench oltp_read_write --db-ps-mode=disable run
check "sysbench oltp_read_only" bench oltp_read_only run
replicas_follow
check "mysqldump gives the same as directly" dumps_are_the_same
check "and in one transaction" dumps_are_the_same --single-transaction
check "and can be restored through the router" dump_can_be_restored
check "a result of 300 MiB is not held in memory" large_result_passes
check "a slow client is waited for" slow_client_is_waited_for
check "statements of up to 40 MiB pass" large_statements_pass
check "a statement that is too large gets the server's refusal" \
	too_large_statement_is_refused_by_the_server
check "queries are killed wherever they run" queries_are_killed
check "LOCAL INFILE is refused" local_file_is_refused
stop router
router_config 'local-infile: true'
check "the router starts with local files" router_start
check "LOCAL INFILE is relayed" local_file_is_loaded
check "the metrics are clean" metrics_are_clean
