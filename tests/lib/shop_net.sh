# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # of the tests
# The shop by itself: a MariaDB of its own, application servers app1, app2, ... on
# 127.0.0.1:8081, 8082, ..., visitors with cookie jars. In a network namespace of its own.
#
#   source tests/lib/shop_net.sh; shop_up 2; ...; the trap takes everything down.

# Source it first of all: it runs the script again, inside.
[ -n "${SHOP_ISOLATED:-}" ] || exec unshare --net env SHOP_ISOLATED=yes "$0" "$@"
ip link set lo up

# shellcheck source=tests/lib/verdicts.sh
source tests/lib/verdicts.sh
# shellcheck source=tests/lib/processes.sh
source tests/lib/processes.sh

build=$PWD/${BUILD:-build}
net_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-shop.XXXXXX")
address=(--data-urlencode "name=Zoë O'Hara" -d email=zoe@example.com
	-d "street=Long Lane 7" -d "postcode=SW1A 1AA" -d city=Graz -d country=Austria)

shop_down() {
	local name
	for name in "${!net_pids[@]}"; do
		[[ $name == db* ]] || stop "$name"
	done
	for name in "${!net_pids[@]}"; do
		stop "$name"
	done
	if grep -E 'Sanitizer|runtime error' "$net_dir"/*.log; then
		not_ok "sanitizers have nothing to say"
	fi
	if ((net_failed)); then
		tail -n 15 "$net_dir"/app*.log | sed 's/^/# /'
	fi
	rm -rf "$net_dir"
	((net_failed == 0)) || exit 1
}

# --- databases --------------------------------------------------------------------

# db_start NUMBER [OPTION]...: dbN on 127.0.0.1:330N.
db_start() {
	local name=db$1 state=$net_dir/db$1
	local options=(--no-defaults --user=mysql "--datadir=$state/data" "--socket=$state/sock"
		"--pid-file=$state/pid" --bind-address=127.0.0.1 "--port=330$1"
		"--report-host=$name" "--server-id=$1" --log-bin=binlog --binlog-format=ROW
		--log-slave-updates --gtid-strict-mode=ON --skip-name-resolve
		--innodb-log-file-size=4M --innodb-buffer-pool-size=32M)
	shift
	mkdir -p "$state"
	chmod 755 "$net_dir" && chown mysql "$state"
	[ -d "$state/data" ] || mariadb-install-db --no-defaults --user=mysql \
		--datadir="$state/data" --innodb-log-file-size=4M --skip-test-db \
		--auth-root-authentication-method=socket >"$net_dir/install.log" 2>&1 ||
		give_up "MariaDB is initialised" "$(tail -n 3 "$net_dir/install.log")"
	start "$name" mariadbd "${options[@]}" "$@"
	within 20 sql_on "$name" 'SELECT 1' ||
		give_up "$name runs" "$(tail -n 3 "$net_dir/$name.log")"
}

# sql_on NAME TEXT: as root, rows as tab-separated lines.
sql_on() {
	mariadb --no-defaults -S "$net_dir/$1/sock" -NBe "$2"
}

# sql TEXT: in the shop's tables of the primary.
sql() {
	sql_on db1 "USE shop; $1"
}

stock_of() {
	sql "SELECT stock FROM products WHERE slug = '$1'"
}

orders_count() {
	sql 'SELECT COUNT(*) FROM orders'
}

shop_tables() {
	{
		echo "CREATE DATABASE shop; CREATE USER shop@'127.0.0.1' IDENTIFIED BY 'secret';
			GRANT SELECT, INSERT, UPDATE ON shop.* TO shop@'127.0.0.1'; USE shop;"
		cat userspace/apps/foobar/schema.sql
	} | mariadb --no-defaults -S "$net_dir/db1/sock" || give_up "the shop's tables are made"
}

# --- application servers ----------------------------------------------------------

# app_start NUMBER [DATABASE-PORT]: appN on 127.0.0.1:808N.
app_start() {
	local name=app$1
	cat >"$net_dir/$name.yaml" <<-YAML
		node: $name
		workers: 2
		listen: ["127.0.0.1:808$1"]
		trusted: [127.0.0.1]
		session-keys: $net_dir/session-keys
		access-log: $net_dir/$name.access
		user: nobody
		database:
		  server: 127.0.0.1:${2:-3301}
		  user: shop
		  password-file: $net_dir/password
		  name: shop
		modules:
		  foobar: {path: $net_dir/foobar.so, templates: $net_dir/templates}
	YAML
	start "$name" "$build/sluice-app" --config "$net_dir/$name.yaml"
	within 10 curl -sf -o /dev/null "http://127.0.0.1:808$1/healthz" ||
		give_up "$name runs" "$(tail -n 3 "$net_dir/$name.log")"
}

# Workers are not root, and the checkout may be where they cannot read.
shop_files() {
	chmod 755 "$net_dir"
	cp -R userspace/apps/foobar/templates "$build/modules/foobar.so" "$net_dir"
	chmod -R a+rX "$net_dir/templates" "$net_dir/foobar.so"
	openssl rand -base64 32 >"$net_dir/session-keys"
	echo secret >"$net_dir/password"
	chmod 600 "$net_dir/session-keys" "$net_dir/password"
}

# shop_up COUNT: db1 and that many application servers.
shop_up() {
	local number
	trap shop_down EXIT
	trap 'exit 130' INT TERM HUP
	shop_files
	db_start 1
	shop_tables
	for ((number = 1; number <= $1; number++)); do
		app_start "$number"
	done
}

# --- visitors ---------------------------------------------------------------------

server=http://127.0.0.1:8081

# visit NAME PATH [CURL-OPTION]...: that visitor asks $server. Sets status, location and body.
visit() {
	local name=$1 path=$2
	shift 2
	status=$(curl -sS --max-time 30 -b "$net_dir/$name.jar" -c "$net_dir/$name.jar" \
		-D "$net_dir/$name.head" -o "$net_dir/$name.body" -w '%{http_code}' \
		"$@" "$server$path" 2>"$net_dir/$name.error")
	location=$(sed -n 's/^[Ll]ocation: \(.*\)\r$/\1/p' "$net_dir/$name.head")
	body=$(<"$net_dir/$name.body")
}

# hidden FIELD: its value in the last page.
hidden() {
	sed -n "s/.*name=\"$1\" value=\"\([^\"]*\)\".*/\1/p" <<<"$body" | head -n 1
}

# fill NAME SLUG QUANTITY: puts products into the visitor's cart.
fill() {
	visit "$1" "/p/$2"
	visit "$1" /cart/add -d "csrf=$(hidden csrf)" -d "product=$(hidden product)" \
		-d "quantity=$3"
}

# form NAME: the visitor looks at the checkout form; sets what is needed to send it.
form() {
	visit "$1" /checkout
	fields=(-d "csrf=$(hidden csrf)" -d "token=$(hidden token)" -d "seen=$(hidden seen)"
		"${address[@]}")
}

# cart_of NAME: how many pieces the head of the visitor's page shows.
cart_of() {
	visit "$1" /about
	sed -n 's/.*<span class="count">\([0-9]*\)<.*/\1/p' <<<"$body"
}
