# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2153
# Secrets of this one lab: its certificate authority, the site's certificate,
# the ticket keys that the TLS proxies share, the agents' key, passwords.

pki_create() (
	umask 077
	mkdir -p "$PKI" || exit
	cd "$PKI" || exit
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 30 \
		-subj '/CN=Sluice lab CA' -keyout ca.key -out ca.pem \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' 2>&1 &&
		openssl req -x509 -CA ca.pem -CAkey ca.key -days 30 \
			-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$SITE" \
			-addext "subjectAltName=DNS:$SITE,DNS:$DOMAIN" \
			-addext 'basicConstraints=critical,CA:false' \
			-addext 'extendedKeyUsage=serverAuth' -keyout site.key -out site.crt 2>&1 ||
		exit
	for _ in 1 2 3; do
		openssl rand -base64 80 | tr -d '\n' && echo
	done >tickets
	openssl rand -base64 32 >"$RUN/cluster.key"
	mkdir -p "$STATE/secrets"
	for name in shop router replication exporter; do
		openssl rand -hex 16 >"$STATE/secrets/$name"
	done
	openssl rand -base64 32 >"$STATE/secrets/sessions"
	printf 'users:\n  shop: {password: %s}\n' "$(secret shop)" >"$STATE/secrets/users.yaml"
	chmod 755 . && chmod 644 ca.pem
)

# The same that another machine of this lab has: what its directory holds, as made by pki_create.
pki_take() {
	cp -a "$1/." "$RUN/"
}

# secret NAME: a password of this lab.
secret() {
	cat "$STATE/secrets/$1"
}
