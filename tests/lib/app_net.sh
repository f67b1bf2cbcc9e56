# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # of the tests
# sluice-app with the tests' module, on 127.0.0.1:8080 (metrics on 8090), and a MariaDB
# of its own if wanted, all in a network namespace of its own.
#
#   source tests/lib/app_net.sh; app_up; ...; the trap takes everything down.

# Source it first of all: it runs the script again, inside.
[ -n "${APP_ISOLATED:-}" ] || exec unshare --net env APP_ISOLATED=yes "$0" "$@"
ip link set lo up

# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh
# shellcheck source=tests/lib/processes.sh
source tests/lib/processes.sh

build=$PWD/${BUILD:-build}
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-app.XXXXXX")
server=http://127.0.0.1:8080

app_down() {
	local name
	for name in "${!net_pids[@]}"; do
		stop "$name"
	done
	if ((net_failed)); then
		tail -n 20 "$net_dir"/app*.log | sed 's/^/# /'
	fi
	rm -rf "$net_dir"
}

# --- the database -----------------------------------------------------------------

sql() {
	mariadb --no-defaults -S "$net_dir/db/sock" -NBe "USE test; $1"
}

db_start() {
	start db mariadbd --no-defaults --user=mysql "--datadir=$net_dir/db/data" \
		"--socket=$net_dir/db/sock" "--pid-file=$net_dir/db/pid" --skip-networking \
		--innodb-log-file-size=4M --innodb-buffer-pool-size=32M --max-connections=2100 \
		--open-files-limit=8192 --innodb-lock-wait-timeout=3 --thread-stack=256K
	within 20 sql 'SELECT 1' || give_up "MariaDB runs" "$(tail -n 3 "$net_dir/db.log")"
}

# db_up: a table "items" with three rows.
db_up() {
	mkdir -p "$net_dir/db"
	chmod 755 "$net_dir" && chown mysql "$net_dir/db"
	mariadb-install-db --no-defaults --user=mysql --datadir="$net_dir/db/data" \
		--innodb-log-file-size=4M --auth-root-authentication-method=socket \
		>"$net_dir/install.log" 2>&1 ||
		give_up "MariaDB is initialised" "$(tail -n 3 "$net_dir/install.log")"
	db_start
	sql "CREATE USER app@localhost IDENTIFIED BY 'secret'; GRANT ALL ON test.* TO app@localhost;
		CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) UNIQUE,
			n INT NOT NULL DEFAULT 0) ENGINE=InnoDB;
		INSERT INTO items (name) VALUES ('one'), ('two'), ('three')"
}

# --- the application server ---------------------------------------------------------

# app_config [LINE]...: keys besides those of every test.
app_config() {
	cat >"$net_dir/app.yaml" <<-YAML
		node: app1
		user: nobody
		workers: 1
		listen: ["127.0.0.1:8080"]
		metrics: 127.0.0.1:8090
		trusted: [127.0.0.0/8]
		secure-cookies: false
		session-keys: $net_dir/keys
		access-log: $net_dir/access.log
		modules:
		  test:
		    path: $net_dir/app_module.so
		    templates: $net_dir/templates
		    settings: {greeting: "good day"}
	YAML
	printf '%s\n' "$@" >>"$net_dir/app.yaml"
}

answers() {
	curl -sf -o /dev/null --max-time 2 "$server/healthz"
}

app_start() {
	start app "$build/sluice-app" --config "$net_dir/app.yaml"
	within 10 answers || give_up "sluice-app runs" "$(tail -n 5 "$net_dir/app.log")"
}

# app_up [LINE]...: one worker and the keys given.
app_up() {
	trap app_down EXIT
	trap 'exit 130' INT TERM HUP
	mkdir -p "$net_dir/templates"
	cp "$build/tests/e2e/app_module.so" "$net_dir"
	echo '<p>{{name}}{{#list}} {{.}}{{/list}} {{node}} {{path}}</p>' \
		>"$net_dir/templates/page.html"
	echo '<h1>{{status}} {{reason}}</h1>{{message}}' >"$net_dir/templates/error.html"
	chmod -R a+rX "$net_dir"
	openssl rand -base64 32 >"$net_dir/keys"
	echo secret >"$net_dir/password"
	chmod 600 "$net_dir/keys" "$net_dir/password"
	app_config "$@"
	app_start
}

# database [SETTING]...: the line that app_config takes, in braces.
database() {
	local IFS=,
	echo "database: {socket: $net_dir/db/sock, user: app, password-file: $net_dir/password," \
		"name: test${*:+, $*}}"
}

# get PATH [CURL-OPTION]...: sets status and body.
get() {
	local path=$1
	shift
	status=$(curl -s --max-time 20 -D "$net_dir/head" -o "$net_dir/body" -w '%{http_code}' \
		"$@" "$server$path")
	body=$(cat "$net_dir/body" 2>/dev/null)
}

# field NAME: of the last answer.
field() {
	sed -n "s/^$1: \(.*\)\r$/\1/Ip" "$net_dir/head"
}

# metric NAME: a sum over its samples.
metric() {
	curl -s --max-time 5 http://127.0.0.1:8090/metrics |
		awk -v name="$1" 'index($0, name) == 1 { sum += $NF } END { printf "%d\n", sum }'
}

# metric_is NAME VALUE
metric_is() {
	[ "$(metric "$1")" = "$2" ]
}

workers() {
	ps --ppid "${net_pids[app]}" -o pid=,comm= | awk '/w[0-9]+$/ { print $1 }' | sort
}
