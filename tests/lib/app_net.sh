# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # of the tests
# sluice-app with the tests' module, on 127.0.0.1:8080 (metrics on 8090), and a MariaDB
# of its own if wanted, all in a network namespace of its own.
#
#   source tests/lib/app_net.sh; app_up; ...; the trap takes everything down.

# Source it first of all: it runs the script again, inside.
[ -n "${APP_ISOLATED:-}" ] || exec unshare --net env APP_ISOLATED=yes "$0" "$@"
ip link set lo up

build=$PWD/${BUILD:-build}
app_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-app.XXXXXX")
app_failed=0
declare -A app_pids=()
server=http://127.0.0.1:8080

# --- verdicts ---------------------------------------------------------------------

ok() {
	echo "ok - $1"
}

# not_ok TEXT [SEEN]
not_ok() {
	echo "not ok - $1${2:+: $(head -c 400 <<<"$2" | paste -sd ' ')}"
	app_failed=1
}

# is TEXT SEEN EXPECTED
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "seen \"$2\", expected \"$3\""; fi
}

# like TEXT SEEN PATTERN: an extended regular expression.
like() {
	if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "seen \"$2\", expected $3"; fi
}

# between TEXT SEEN LEAST MOST
between() {
	if [[ $2 =~ ^[0-9]+$ ]] && (($2 >= $3 && $2 <= $4)); then
		ok "$1 ($2)"
	else
		not_ok "$1" "seen \"$2\", expected $3 to $4"
	fi
}

# check TEXT COMMAND...: by the command's exit code.
check() {
	local text=$1
	shift
	if "$@" >/dev/null 2>&1; then ok "$text"; else not_ok "$text"; fi
}

give_up() {
	not_ok "$@"
	exit 1
}

# within SECONDS COMMAND...: until it succeeds.
within() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.05
	done
}

# --- processes --------------------------------------------------------------------

# start NAME COMMAND...: in the background, its output in a log.
start() {
	local name=$1
	shift
	"$@" </dev/null >>"$app_dir/$name.log" 2>&1 &
	app_pids[$name]=$!
}

# stop NAME [SIGNAL]: and waits for its end.
stop() {
	[ -n "${app_pids[$1]:-}" ] || return 0
	kill "-${2:-TERM}" "${app_pids[$1]}" 2>/dev/null
	wait "${app_pids[$1]}" 2>/dev/null
	unset "app_pids[$1]"
}

app_down() {
	local name
	for name in "${!app_pids[@]}"; do
		stop "$name"
	done
	if ((app_failed)); then
		tail -n 20 "$app_dir"/app*.log | sed 's/^/# /'
	fi
	rm -rf "$app_dir"
}

# --- the database -----------------------------------------------------------------

sql() {
	mariadb --no-defaults -S "$app_dir/db/sock" -NBe "USE test; $1"
}

db_start() {
	start db mariadbd --no-defaults --user=mysql "--datadir=$app_dir/db/data" \
		"--socket=$app_dir/db/sock" "--pid-file=$app_dir/db/pid" --skip-networking \
		--innodb-log-file-size=4M --innodb-buffer-pool-size=32M --max-connections=2100 \
		--open-files-limit=8192 --innodb-lock-wait-timeout=3 --thread-stack=256K
	within 20 sql 'SELECT 1' || give_up "MariaDB runs" "$(tail -n 3 "$app_dir/db.log")"
}

# db_up: a table "items" with three rows.
db_up() {
	mkdir -p "$app_dir/db"
	chmod 755 "$app_dir" && chown mysql "$app_dir/db"
	mariadb-install-db --no-defaults --user=mysql --datadir="$app_dir/db/data" \
		--innodb-log-file-size=4M --auth-root-authentication-method=socket \
		>"$app_dir/install.log" 2>&1 ||
		give_up "MariaDB is initialised" "$(tail -n 3 "$app_dir/install.log")"
	db_start
	sql "CREATE USER app@localhost IDENTIFIED BY 'secret'; GRANT ALL ON test.* TO app@localhost;
		CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) UNIQUE,
			n INT NOT NULL DEFAULT 0) ENGINE=InnoDB;
		INSERT INTO items (name) VALUES ('one'), ('two'), ('three')"
}

# --- the application server ---------------------------------------------------------

# app_config [LINE]...: keys besides those of every test.
app_config() {
	cat >"$app_dir/app.yaml" <<-YAML
		node: app1
		user: nobody
		workers: 1
		listen: ["127.0.0.1:8080"]
		metrics: 127.0.0.1:8090
		trusted: [127.0.0.0/8]
		secure-cookies: false
		session-keys: $app_dir/keys
		access-log: $app_dir/access.log
		modules:
		  test:
		    path: $app_dir/app_module.so
		    templates: $app_dir/templates
		    settings: {greeting: "good day"}
	YAML
	printf '%s\n' "$@" >>"$app_dir/app.yaml"
}

answers() {
	curl -sf -o /dev/null --max-time 2 "$server/healthz"
}

app_start() {
	start app "$build/sluice-app" --config "$app_dir/app.yaml"
	within 10 answers || give_up "sluice-app runs" "$(tail -n 5 "$app_dir/app.log")"
}

# app_up [LINE]...: one worker and the keys given.
app_up() {
	trap app_down EXIT
	trap 'exit 130' INT TERM HUP
	mkdir -p "$app_dir/templates"
	cp "$build/tests/e2e/app_module.so" "$app_dir"
	echo '<p>{{name}}{{#list}} {{.}}{{/list}} {{node}} {{path}}</p>' \
		>"$app_dir/templates/page.html"
	echo '<h1>{{status}} {{reason}}</h1>{{message}}' >"$app_dir/templates/error.html"
	chmod -R a+rX "$app_dir"
	openssl rand -base64 32 >"$app_dir/keys"
	echo secret >"$app_dir/password"
	chmod 600 "$app_dir/keys" "$app_dir/password"
	app_config "$@"
	app_start
}

# database [SETTING]...: the line that app_config takes, in braces.
database() {
	local IFS=,
	echo "database: {socket: $app_dir/db/sock, user: app, password-file: $app_dir/password," \
		"name: test${*:+, $*}}"
}

# get PATH [CURL-OPTION]...: sets status and body.
get() {
	local path=$1
	shift
	status=$(curl -s --max-time 20 -D "$app_dir/head" -o "$app_dir/body" -w '%{http_code}' \
		"$@" "$server$path")
	body=$(cat "$app_dir/body" 2>/dev/null)
}

# field NAME: of the last answer.
field() {
	sed -n "s/^$1: \(.*\)\r$/\1/Ip" "$app_dir/head"
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
	ps --ppid "${app_pids[app]}" -o pid=,comm= | awk '/w[0-9]+$/ { print $1 }' | sort
}
