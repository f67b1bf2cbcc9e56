# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # ports and passwords: of the tests
# Three MariaDB servers and the router in a network namespace of the test's own:
# db1 is the primary, db2 and db3 replicate from it.
#
#   source tests/lib/mysql_net.sh; net_up; router_start; ...; the trap takes all down.

if [ -z "${MYSQL_NET_INSIDE:-}" ]; then
	MYSQL_NET_INSIDE=1 exec unshare -n "$0" "$@"
fi

# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh
# shellcheck source=tests/lib/processes.sh
source tests/lib/processes.sh

build=$PWD/${BUILD:-build}
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-mysql.XXXXXX")
chmod 755 "$net_dir" # the monitor reads the authority's certificate
declare -A db_port=([db1]=3311 [db2]=3312 [db3]=3313)
router_port=3306
metrics_port=9309

# The account that clients use, on the servers and in the router's users file.
user=site
password='a secret, with "quotes"'

# --- certificates -------------------------------------------------------------------

# An authority, and one certificate for servers and router alike: for the address, and a name.
certificates_make() {
	local ec=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2)
	{
		openssl req -x509 "${ec[@]}" -subj "/CN=Test Authority" \
			-keyout "$net_dir/ca.key" -out "$net_dir/ca.pem"
		openssl req -new "${ec[@]}" -subj "/CN=db.example.com" \
			-keyout "$net_dir/cert.key" -out "$net_dir/cert.csr"
		openssl x509 -req -days 2 -in "$net_dir/cert.csr" -CA "$net_dir/ca.pem" \
			-CAkey "$net_dir/ca.key" -CAcreateserial -out "$net_dir/cert.pem" \
			-extfile <(echo subjectAltName=DNS:db.example.com,IP:127.0.0.1)
	} 2>/dev/null
}

# --- servers ----------------------------------------------------------------------

db_start() {
	local name=$1
	shift
	start "$name" mariadbd --no-defaults --user=root --datadir="$net_dir/$name" \
		--socket="$net_dir/$name.sock" --pid-file="$net_dir/$name.pid" \
		--bind-address=127.0.0.1 --port="${db_port[$name]}" --server-id="${name#db}" \
		--skip-name-resolve --log-bin=binlog --log-slave-updates --binlog-format=ROW \
		--gtid-strict-mode=ON --innodb-log-file-size=4M --innodb-buffer-pool-size=32M \
		--innodb-flush-log-at-trx-commit=2 --key-buffer-size=1M --local-infile=ON \
		--aria-pagecache-buffer-size=8M --performance-schema=OFF \
		--max-connections=500 --max-allowed-packet=64M \
		--report-host="$name" --slave-net-timeout=5 \
		--ssl-ca="$net_dir/ca.pem" --ssl-cert="$net_dir/cert.pem" \
		--ssl-key="$net_dir/cert.key" \
		--read-only="$([ "$name" = db1 ] && echo OFF || echo ON)" "$@"
}

# on_db NAME SQL: as root, on the server itself.
on_db() {
	mariadb --no-defaults -S "$net_dir/$1.sock" -N -e "$2"
}

db_is_up() {
	on_db "$1" 'SELECT 1'
}

replicate() {
	on_db "$1" "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${db_port[db1]},
		MASTER_USER='replication', MASTER_PASSWORD='replication',
		MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE"
}

db_accounts() {
	cat <<-SQL
		CREATE USER replication@'127.0.0.1' IDENTIFIED BY 'replication';
		GRANT REPLICATION SLAVE ON *.* TO replication@'127.0.0.1';
		CREATE USER monitor@'127.0.0.1' IDENTIFIED BY 'monitor';
		GRANT SLAVE MONITOR, REPLICATION CLIENT ON *.* TO monitor@'127.0.0.1';
		CREATE DATABASE sluice;
		CREATE TABLE sluice.heartbeat
			(node VARCHAR(64) PRIMARY KEY, written_us BIGINT NOT NULL);
		GRANT SELECT, INSERT, DELETE ON sluice.heartbeat TO monitor@'127.0.0.1';
		CREATE DATABASE test;
		CREATE USER $user@'127.0.0.1' IDENTIFIED BY '$password';
		GRANT ALL ON test.* TO $user@'127.0.0.1';
		GRANT FILE ON *.* TO $user@'127.0.0.1';
	SQL
}

# As they are when nothing has failed: all up, replicas following.
databases_up() {
	local name
	certificates_make
	mariadb-install-db --no-defaults --user=root --datadir="$net_dir/template" \
		--innodb-log-file-size=4M --skip-test-db --skip-name-resolve \
		--auth-root-authentication-method=socket >"$net_dir/template.log" 2>&1
	for name in db1 db2 db3; do
		cp -a "$net_dir/template" "$net_dir/$name"
		db_start "$name"
	done
	for name in db1 db2 db3; do
		within 20 db_is_up "$name" || return
	done
	db_accounts | mariadb --no-defaults -S "$net_dir/db1.sock" || return
	replicate db2 && replicate db3 && replicas_follow
}

# replicas_follow [NAME]...: they have what the primary has.
replicas_follow() {
	local name position
	[ $# -gt 0 ] || set -- db2 db3
	position=$(on_db db1 'SELECT @@gtid_binlog_pos')
	for name in "$@"; do
		[ "$(on_db "$name" "SELECT MASTER_GTID_WAIT('$position', 20)")" = 0 ] || return
	done
}

# --- the router --------------------------------------------------------------------

# users_write LINE...: each as in the users file.
users_write() {
	{
		echo 'users:'
		printf '  %s\n' "$@"
	} >"$net_dir/users.yaml"
	chmod 600 "$net_dir/users.yaml"
}

# router_config [LINE]...: what a test has besides.
# shellcheck disable=SC2120
router_config() {
	echo monitor >"$net_dir/monitor.password"
	cat >"$net_dir/router.yaml" <<-YAML
		listen: ["127.0.0.1:$router_port"]
		socket: $net_dir/router.sock
		metrics: 127.0.0.1:$metrics_port
		node: test
		workers: 2
		servers:
		  db1: {address: "127.0.0.1:3311"}
		  db2: {address: "127.0.0.1:3312"}
		  db3: {address: "127.0.0.1:3313"}
		users: $net_dir/users.yaml
		monitor:
		  {user: monitor, password-file: $net_dir/monitor.password,
		   heartbeat: sluice.heartbeat}
	YAML
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$net_dir/router.yaml"
}

metrics() {
	curl -sf --max-time 2 "http://127.0.0.1:$metrics_port/metrics"
}

# metric NAME{LABELS}: its value.
metric() {
	metrics | awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }'
}

# All servers are seen up, and a primary among them.
router_sees_all() {
	[ "$(metrics | grep -c '^sluice_mysql_server_usable{.*} 1$')" -eq 3 ] &&
		metrics | grep -q '^sluice_mysql_server_primary{server="db1"} 1$' &&
		[ "$(metrics | grep -c '^sluice_mysql_server_replicates{.*} 1$')" -eq 2 ]
}

router_start() {
	[ -f "$net_dir/users.yaml" ] ||
		users_write "$user: {password: '$password'}"
	[ -f "$net_dir/router.yaml" ] || router_config
	start router "$build/sluice-mysql" --config "$net_dir/router.yaml"
	within 10 router_sees_all
}

# sql [OPTION]... SQL: by the mariadb client through the router; rows without heads.
sql() {
	local options=("${@:1:$#-1}")
	mariadb --no-defaults -h 127.0.0.1 -P "$router_port" -u "$user" "-p$password" -N -B \
		--default-character-set=utf8mb4 "${options[@]}" -e "${!#}"
}

# --- all ---------------------------------------------------------------------------

net_up() {
	trap net_down EXIT
	ip link set lo up
	databases_up || {
		not_ok "the databases are up"
		exit 1
	}
}

show_logs() {
	local log
	[ "$net_failed" -ne 0 ] || return 0
	for log in "$net_dir"/router*.log; do
		[ ! -f "$log" ] || sed "s|^|  ${log##*/}: |" "$log" | tail -n 40
	done
}

net_down() {
	local name
	show_logs
	stop router
	for name in "${!net_pids[@]}"; do
		stop "$name" KILL
	done
	rm -rf "$net_dir"
	exit "$net_failed"
}
