/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the workers count, and what they have: one list each for index, name in
 * /metrics (labels included) and help. Counters of one family stand together.
 */
#ifndef SLUICE_MYSQL_COUNTERS_H
#define SLUICE_MYSQL_COUNTERS_H

/* id, family, label name, label value, help */
/* clang-format off */
#define MYSQL_COUNTERS(X) \
	X(SESSIONS, "sessions", NULL, NULL, "Clients that logged in.") \
	X(REFUSED_PASSWORD, "refused", "reason", "password", "Clients that were not let in.") \
	X(REFUSED_HOST, "refused", "reason", "host", NULL) \
	X(REFUSED_TLS, "refused", "reason", "tls", NULL) \
	X(REFUSED_SERVER, "refused", "reason", "server", NULL) \
	X(REFUSED_TIMEOUT, "refused", "reason", "timeout", NULL) \
	X(REFUSED_GONE, "refused", "reason", "gone", NULL) \
	X(MALFORMED_CLIENT, "malformed_packets", "from", "client", \
	  "Bytes that are not MySQL's protocol; the connection was closed.") \
	X(MALFORMED_SERVER, "malformed_packets", "from", "server", NULL) \
	X(QUERIES_READ, "queries", "route", "replica", \
	  "Commands sent to servers, by where they went.") \
	X(QUERIES_PRIMARY_READ, "queries", "route", "primary-read", NULL) \
	X(QUERIES_PRIMARY, "queries", "route", "primary", NULL) \
	X(QUERIES_PINNED, "queries", "route", "pinned", NULL) \
	X(QUERIES_SAME, "queries", "route", "same", NULL) \
	X(QUERIES_ALL, "queries", "route", "all", NULL) \
	X(QUERIES_LOCAL, "queries", "route", "router", NULL) \
	X(PINS, "pins", NULL, NULL, "Sessions that were pinned to the primary.") \
	X(RETRIES, "read_retries", NULL, NULL, \
	  "Reads repeated on another server because theirs failed before its answer.") \
	X(ERRORS_NO_PRIMARY, "errors", "reason", "no-primary", \
	  "Commands that the router itself answered by an error.") \
	X(ERRORS_LOST, "errors", "reason", "lost-connection", NULL) \
	X(ERRORS_TIMEOUT, "errors", "reason", "timeout", NULL) \
	X(ERRORS_COMMAND, "errors", "reason", "command", NULL) \
	X(ERRORS_LIMIT, "errors", "reason", "limit", NULL) \
	X(GTID_KNOWN, "gtid_waits", "result", "known", \
	  "Reads after own writes, by how the replica was found to have them.") \
	X(GTID_WAITED, "gtid_waits", "result", "waited", NULL) \
	X(GTID_PRIMARY, "gtid_waits", "result", "primary", NULL) \
	X(LEGS_OPENED, "server_connections_opened", NULL, NULL, \
	  "Connections to servers that were made.") \
	X(LEGS_FAILED, "server_connections_failed", NULL, NULL, \
	  "Connections to servers that could not be made, or broke.") \
	X(BYTES_FROM_CLIENTS, "bytes", "from", "clients", "Bytes relayed.") \
	X(BYTES_FROM_SERVERS, "bytes", "from", "servers", NULL)

#define MYSQL_GAUGES(X) \
	X(CLIENTS, "clients", NULL, NULL, "Clients that are connected.") \
	X(LEGS, "server_connections", NULL, NULL, "Connections to servers.") \
	X(PINNED, "clients_pinned", NULL, NULL, "Clients that are pinned to the primary.")
/* clang-format on */

enum mysql_counter {
#define X(id, family, label, value, help) COUNTER_##id,
	MYSQL_COUNTERS(X)
#undef X
		COUNTER_COUNT
};

enum mysql_gauge {
#define X(id, family, label, value, help) GAUGE_##id,
	MYSQL_GAUGES(X)
#undef X
		GAUGE_COUNT
};

#endif /* SLUICE_MYSQL_COUNTERS_H */
