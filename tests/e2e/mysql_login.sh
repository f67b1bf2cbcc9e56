#!/bin/bash
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# timeout: 180
#
# Who gets in, how, and who does not: both plugins, TLS on either side, hashes
# and passwords, users reloaded, bytes that are not MySQL's protocol.
# shellcheck disable=SC2317 # functions are called by name
set -uo pipefail
# shellcheck source=tests/lib/mysql_net.sh
source tests/lib/mysql_net.sh

# logs_in [OPTION]...: by the mariadb client.
# shellcheck disable=SC2120
logs_in() {
	[ "$(sql "$@" 'SELECT 7')" = 7 ]
}

# is_refused PATTERN COMMAND...: its error matches.
is_refused() {
	local pattern=$1 seen
	shift
	seen=$("$@" 2>&1) && return 1
	echo "$seen" | grep -q "$pattern" || { echo "$seen"; return 1; }
}

# pymysql PLUGIN USER PASSWORD [TLS]: logs in by PyMySQL as a client of that plugin.
pymysql() {
	timeout 10 /usr/bin/python3 - "$router_port" "$net_dir/ca.pem" "$@" <<-'PYTHON'
		import pymysql, ssl, sys
		port, ca, plugin, user, password = sys.argv[1:6]
		tls = ssl.create_default_context(cafile=ca) if sys.argv[6:] == ["tls"] else None
		class Client(pymysql.connections.Connection):
		    # What the greeting names is what a client of that plugin would use.
		    def _get_server_information(self):
		        super()._get_server_information()
		        self._auth_plugin_name = plugin
		client = Client(host="127.0.0.1", port=int(port), user=user, password=password,
		    ssl=tls)
		with client.cursor() as cursor:
		    cursor.execute("SELECT 7")
		    assert cursor.fetchone() == (7,)
	PYTHON
}

tls_is_in_use() {
	sql --ssl-ca="$net_dir/ca.pem" --ssl-verify-server-cert -e 'status' '' |
		grep -q 'SSL:.*Cipher in use'
}

servers_see_tls() {
	[[ $(sql "SHOW SESSION STATUS LIKE 'Ssl_cipher'" | cut -f 2) == TLS_* ]] &&
		[ "$(on_db db1 "SELECT COUNT(*) FROM information_schema.processlist
			WHERE user = 'monitor'")" -ge 1 ]
}

# restart [LINE]...: the router with more in its configuration.
restart() {
	stop router
	router_config "$@"
	router_start
}

reload() {
	kill -HUP "${net_pids[router]}"
	within 5 grep -q "$1" "$net_dir/router.log"
}

hash_of() {
	on_db db1 "SELECT PASSWORD('$1')"
}

# A session that is there while users change: it goes on.
session_outlives_reload() {
	local pid
	sql -n 'SELECT 1; SELECT SLEEP(2); SELECT 2' >"$net_dir/session" &
	pid=$!
	sleep 0.5
	users_write "$user: {password: '$password'}" "second: {password: 'two'}"
	reload generation=2
	wait "$pid"
	[ "$(xargs <"$net_dir/session")" = "1 0 2" ]
}

wrong_users_change_nothing() {
	users_write "$user: {pasword: 'x'}" "second: {password: 'two', hash: '*1'}"
	kill -HUP "${net_pids[router]}"
	within 5 grep -q 'event=reload-failed' "$net_dir/router.log" &&
		grep -q 'users.yaml:2:.*unknown key "pasword"' "$net_dir/router.log" &&
		logs_in
}

# --- caching_sha2_password toward servers: another router plays the server ------------------

# front_start [LINE]...: a router whose only server is the router that we have.
front_start() {
	stop front
	cat >"$net_dir/front.yaml" <<-YAML
		listen: ["127.0.0.1:3400"]
		node: front
		workers: 1
		servers: {back: {address: "127.0.0.1:$router_port"}}
		users: $net_dir/front-users.yaml
		monitor: {user: monitor, password-file: $net_dir/monitor.password}
	YAML
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$net_dir/front.yaml"
	start front "$build/sluice-mysql" --config "$net_dir/front.yaml"
}

behind_front_logs_in() {
	[ "$(sql -P 3400 -u "$1" "-p$2" 'SELECT 7; SELECT @@server_id')" = $'7\n1' ]
}

# --- bad bytes ---------------------------------------------------------------------------

# Sends a login that is cut or wrong, or garbage behind a good one; the router closes
# each of these connections in time, and says why where the client could understand.
send_garbage() {
	timeout 60 /usr/bin/python3 - "$router_port" "$user" "$password" <<-'PYTHON'
		import os, random, socket, struct, sys, time
		sys.path.insert(0, "/usr/lib/python3/dist-packages")
		import pymysql
		port = int(sys.argv[1])
		def exchange(*parts):
		    client = socket.create_connection(("127.0.0.1", port), timeout=20)
		    client.recv(4096)
		    seen = b""
		    try:
		        for part in parts:
		            client.sendall(part)
		        client.shutdown(socket.SHUT_WR)
		        while True:
		            some = client.recv(4096)
		            if not some:
		                break
		            seen += some
		    except OSError:
		        pass
		    return seen
		def packet(sequence, payload):
		    return struct.pack("<I", len(payload))[:3] + bytes([sequence]) + payload
		assert b"malformed" in exchange(packet(1, b"\x00" * 10))
		assert b"malformed" in exchange(packet(1, struct.pack("<I", 0x200) + b"\xff" * 40))
		assert b"malformed" in exchange(packet(1, struct.pack("<IIB23x", 0xa28200, 1, 45) +
		    b"user\x00\xfe" + b"\xff" * 8))
		assert b"malformed" in exchange(b"\xff\xff\xff\x01" + b"a" * 100)
		exchange(b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
		random.seed(7)
		for i in range(200):
		    exchange(os.urandom(random.randrange(1, 300)))
		def session():
		    return pymysql.connect(host="127.0.0.1", port=port, user=sys.argv[2],
		        password=sys.argv[3])
		def command(payload, sequence=0):
		    client = session()
		    client._sock.settimeout(20)
		    client._sock.sendall(packet(sequence, payload))
		    try:
		        return client._sock.recv(4096)
		    except OSError:
		        return b""
		assert b"malformed" in command(b"\x03SELECT 1", 3)
		assert b"malformed" in command(b"")
		assert b"malformed" in command(b"\x17\x01")
		assert b"malformed" in command(b"\x11user")
		assert b"unknown prepared" in command(b"\x17" + b"\x09" * 12)
		assert b"not supported" in command(b"\x12" + b"\x00" * 12)
		assert b"not supported" in command(b"\x55")
		for i in range(300):
		    client = session()
		    client._sock.settimeout(20)
		    try:
		        client._sock.sendall(packet(0, bytes([i % 40]) + os.urandom(i % 60)))
		        client._sock.sendall(os.urandom(random.randrange(1, 200)))
		        client._sock.shutdown(socket.SHUT_WR)
		        while client._sock.recv(4096):
		            pass
		    except OSError:
		        pass
		# A client that says nothing, and one that does not finish its sentence.
		silent = socket.create_connection(("127.0.0.1", port))
		slow = session()
		slow._sock.sendall(b"\x10\x00\x00\x00\x03SEL")
		began = time.time()
		for client in silent, slow._sock:
		    client.settimeout(20)
		    while client.recv(4096):
		        pass
		assert time.time() - began < 8, time.time() - began
	PYTHON
}

no_child_died() {
	! grep -E 'child-died|AddressSanitizer|runtime error' "$net_dir/router.log"
}

nothing_is_left() {
	[ "$(metric sluice_mysql_clients)" -eq 0 ] &&
		[ "$(metric sluice_mysql_server_connections)" -eq 0 ]
}

counted() {
	[ "$(metric "$1")" -ge "$2" ]
}

net_up
{
	echo "CREATE USER hashed@'127.0.0.1' IDENTIFIED BY 'hash me';"
	echo "CREATE USER second@'127.0.0.1' IDENTIFIED BY 'two';"
	echo "CREATE USER empty@'127.0.0.1' IDENTIFIED BY '';"
} | mariadb --no-defaults -S "$net_dir/db1.sock"
replicas_follow
users_write "$user: {password: '$password'}" "hashed: {hash: '$(hash_of 'hash me')'}" \
	"empty: {password: ''}" "stranger: {password: 'unknown to the servers'}"
check "the router starts" router_start

check "the right password" logs_in
check "a wrong password" is_refused 'ERROR 1045 (28000): Access denied' sql -pwrong 'SELECT 1'
check "no password" is_refused 'using password: NO' sql --skip-password 'SELECT 1'
check "an unknown user" is_refused 'ERROR 1045 (28000): Access denied' sql -u nobody 'SELECT 1'
check "they are counted" counted 'sluice_mysql_refused_total{reason="password"}' 3
check "a user that the servers do not know gets their word" \
	is_refused "1045, \"Access denied for user 'stranger'" \
	pymysql mysql_native_password stranger 'unknown to the servers'
check "a schema that does not exist" is_refused 'ERROR 1044 (42000)' sql no_such_schema 'SELECT 1'
check "the UNIX socket" logs_in -h localhost --protocol=socket -S "$net_dir/router.sock"
check "mysql_native_password" pymysql mysql_native_password "$user" "$password"
check "caching_sha2_password" pymysql caching_sha2_password "$user" "$password"
check "a plugin that we do not speak is talked out of it" \
	pymysql sha256_password "$user" "$password"
check "an empty password" pymysql caching_sha2_password empty ''
check "a hash and mysql_native_password" pymysql mysql_native_password hashed 'hash me'
check "a hash and caching_sha2_password by RSA" pymysql caching_sha2_password hashed 'hash me'
check "a hash and a wrong password" is_refused 1045 pymysql caching_sha2_password hashed 'Hash me'
check "TLS is not offered without a certificate" is_refused 'SSL' sql \
	--ssl-ca="$net_dir/ca.pem" --ssl-verify-server-cert 'SELECT 1'

check "sessions outlive a reload" session_outlives_reload
check "a user that was added gets in" pymysql mysql_native_password second two
check "wrong users change nothing" wrong_users_change_nothing
users_write "$user: {password: '$password'}" "hashed: {hash: '$(hash_of 'hash me')'}"

check "the router starts with TLS on both sides" restart \
	"tls: {mode: required, certificate: $net_dir/cert.pem, key: $net_dir/cert.key}" \
	"server-tls: {mode: verify, ca: $net_dir/ca.pem}" 'plugin: mysql_native_password'
check "TLS to the client, certificate verified" tls_is_in_use
check "TLS to the servers" servers_see_tls
check "a hash and caching_sha2_password under TLS" pymysql caching_sha2_password hashed \
	'hash me' tls
check "without TLS nobody gets in" is_refused 'insecure transport' sql --skip-ssl 'SELECT 1'
check "the UNIX socket needs no TLS" logs_in -h localhost --protocol=socket \
	-S "$net_dir/router.sock" --skip-ssl

users_write "$user: {password: '$password'}" "hashed: {hash: '$(hash_of 'hash me')'}" \
	"monitor: {password: monitor}"
{
	echo "users: {hashed: {password: 'hash me'}, $user: {password: '$password'}}"
} >"$net_dir/front-users.yaml"
check "the router starts as a server" restart \
	"tls: {certificate: $net_dir/cert.pem, key: $net_dir/cert.key}"
front_start
check "to a server by caching_sha2_password" within 5 behind_front_logs_in "$user" "$password"
check "to a server that wants the password, by RSA" behind_front_logs_in hashed 'hash me'
front_start "server-tls: {mode: verify, ca: $net_dir/ca.pem, name: db.example.com}"
check "to a server that wants the password, under TLS" \
	within 5 behind_front_logs_in hashed 'hash me'
front_start "server-tls: {mode: verify, ca: $net_dir/ca.pem, name: www.example.com}"
check "not to a server with another name" within 5 is_refused 'certificate verify failed' \
	sql -P 3400 'SELECT 7'
stop front

check "the router starts with short deadlines" restart 'limits: {login: 2s, stall: 2s}'
check "bad bytes are refused, slow clients closed" send_garbage
check "they are counted" counted 'sluice_mysql_malformed_packets_total{from="client"}' 100
check "nothing is left of them" within 5 nothing_is_left
check "no process died" no_child_died
check "clients are served" logs_in
check "the router starts with little patience" restart 'limits: {auth-failures: 3}'
for ((i = 0; i < 8; i++)); do
	sql -pwrong 'SELECT 1' 2>/dev/null
done
check "an address that fails too often is refused" counted \
	'sluice_mysql_refused_total{reason="host"}' 1
check "the UNIX socket is not" logs_in -h localhost --protocol=socket -S "$net_dir/router.sock"
