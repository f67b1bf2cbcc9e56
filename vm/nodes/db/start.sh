# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2153,SC2154
# MariaDB: the first is the primary, the others replicate from it by GTID.
mapfile -t databases < <(nodes_of db)
primary=${databases[0]} number=${node#db} exporter=${ADDR4[$node]}:9104
read_only=$([[ $node == "$primary" ]] && echo OFF || echo ON)
shop_password=$(secret shop) router_password=$(secret router)
replication_password=$(secret replication)
exporter_password=$(secret exporter)
render "$here/my.cnf.in" >"$state/my.cnf"
cp -a "$STATE/db-template/data" "$state/data"
chown mysql "$state"

daemon "$node" mariadbd root mariadbd "--defaults-file=$state/my.cnf"
ready "$node" mariadbd mariadb --no-defaults -S "$state/mysqld.sock" -e 'SELECT 1'

# Accounts of one password and several addresses: only these hosts, only these rights.
accounts() {
	local user=$1 password=$2 rights=$3 host
	shift 3
	for host in "$@"; do
		echo "CREATE USER $user@'$host' IDENTIFIED BY '$password';"
		echo "GRANT $rights TO $user@'$host';"
	done
}

if [[ $node == "$primary" ]]; then
	mapfile -t apps < <(addresses_of app)
	mapfile -t dbs < <(addresses_of db)
	{
		echo 'CREATE DATABASE sluice; USE sluice; CREATE TABLE heartbeat
			(node VARCHAR(64) PRIMARY KEY, written_us BIGINT NOT NULL);'
		echo 'CREATE DATABASE shop; USE shop;'
		cat "$ROOT/userspace/apps/foobar/schema.sql"
		accounts shop "$shop_password" 'SELECT, INSERT, UPDATE ON shop.*' "${apps[@]}"
		accounts router "$router_password" 'SLAVE MONITOR, REPLICATION CLIENT ON *.*' \
			"${apps[@]}"
		for host in "${apps[@]}"; do
			echo "GRANT SELECT, INSERT, DELETE ON sluice.heartbeat TO router@'$host';"
		done
		accounts replication "$replication_password" 'REPLICATION SLAVE ON *.*' "${dbs[@]}"
		accounts exporter "$exporter_password" \
			'PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.*' localhost
	} | mariadb --no-defaults -S "$state/mysqld.sock" || die "$node: cannot make the tables"
else
	mariadb --no-defaults -S "$state/mysqld.sock" -e "
		CHANGE MASTER TO MASTER_HOST='${ADDR4[$primary]}', MASTER_USER='replication',
			MASTER_PASSWORD='$replication_password', MASTER_USE_GTID=slave_pos,
			MASTER_CONNECT_RETRY=1;
		START SLAVE" || die "$node: cannot start the replication"
	replicated() {
		mariadb --no-defaults -S "$state/mysqld.sock" -e "
			SELECT 1 FROM shop.products LIMIT 1;
			SELECT Host FROM mysql.user WHERE User = 'exporter'" | grep -q localhost
	}
	wait_for 30 "$node: rows of $primary" replicated
fi

daemon "$node" mysqld-exporter nobody \
	env "DATA_SOURCE_NAME=exporter:$exporter_password@unix($state/mysqld.sock)/" \
	prometheus-mysqld-exporter \
	--no-collect.info_schema.innodb_cmp --no-collect.info_schema.innodb_cmpmem \
	"--web.listen-address=$exporter"
ready_http "$node" mysqld-exporter "http://$exporter/metrics"
