/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The process model of the daemons that serve traffic.
 *
 *   master (root) -+- worker 0 .. N-1   one thread, one loop, no privileges
 *                  +- monitor           metrics, health checks, no privileges
 *
 * The master reads the configuration and binds, then forks: children inherit
 * both. It never reads a byte from the network. A listening socket exists once
 * for each worker (SO_REUSEPORT) and stays open in the master, so that neither
 * a crash nor a reload refuses a connection.
 *
 * SIGHUP  reads the file again; when a new generation of children is ready it
 *         takes over the sockets, and the old one drains. A wrong file, or a
 *         generation that does not start, is reported and changes nothing.
 * SIGTERM drains and ends; so does SIGINT. A second one ends at once.
 * SIGUSR1 opens the access log anew.
 *
 * Children are led through a socket of their own and heed none of these signals;
 * without a master they drain and end.
 *
 * A child that ends is replaced at once, or after a while if it keeps ending;
 * so is one whose loop has not come round for `watchdog`.
 */
#ifndef SLUICE_PROCESS_H
#define SLUICE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "access_log.h"
#include "addr.h"
#include "config_reader.h"
#include "diag.h"
#include "loop.h"

#define PROCESS_MAX_WORKERS   64
#define PROCESS_MAX_LISTENERS 64

#define PROCESS_MAX_CONNECTIONS 1000000
#define PROCESS_MAX_DRAIN_MS	(60 * 60 * 1000)
#define PROCESS_MAX_WATCHDOG_MS (10 * 60 * 1000)

/* The part of a daemon's configuration that all have. PROCESS_FIELDS are its keys. */
struct process_settings {
	unsigned workers;     /* set to the number of CPUs that the process may use */
	unsigned connections; /* at most, in each worker; more wait in the kernel */
	unsigned drain_ms;    /* how long what runs may take to finish */
	unsigned watchdog_ms; /* how long one round of a worker's loop may take */
	char node[SLUICE_NAME_LEN];
	char user[32];		 /* of workers and monitor, when started by root */
	char access_log[256];	 /* "": none */
	struct endpoint metrics; /* of the monitor */
	bool has_metrics;
};

/* Defaults; the node is $SLUICE_NODE, or the host name up to its first dot. */
void process_settings_init(struct process_settings *settings);

/*
 * The keys "workers", "connections", "drain", "watchdog", "node", "user",
 * "access-log" and "metrics" of a table of fields, of objects of `type` in
 * which `member` is a struct process_settings:
 *
 *	static const struct field fields[] = {
 *		PROCESS_FIELDS(struct web_config, process),
 *		{"root", ...},
 *		{},
 *	};
 */
/* clang-format off */
#define PROCESS_FIELDS(type, member) \
	{"workers", .read = read_scalar, .parse = parse_number, \
	 FIELD_MEMBER(type, member.workers), .min = 1, .max = PROCESS_MAX_WORKERS}, \
	{"connections", .read = read_scalar, .parse = parse_number, \
	 FIELD_MEMBER(type, member.connections), .min = 1, .max = PROCESS_MAX_CONNECTIONS}, \
	{"drain", .read = read_scalar, .parse = parse_duration_ms, \
	 FIELD_MEMBER(type, member.drain_ms), .min = 1, .max = PROCESS_MAX_DRAIN_MS, \
	 .expected = "a duration from 1ms to 60m, such as 500ms, 30s or 5m"}, \
	{"watchdog", .read = read_scalar, .parse = parse_duration_ms, \
	 FIELD_MEMBER(type, member.watchdog_ms), .min = 100, .max = PROCESS_MAX_WATCHDOG_MS, \
	 .expected = "a duration from 100ms to 10m, such as 500ms, 10s or 1m"}, \
	{"node", .read = read_scalar, .parse = parse_name, \
	 FIELD_MEMBER(type, member.node), \
	 .expected = "1 to 31 letters, digits, \".\", \"_\" or \"-\", not an address"}, \
	{"user", .read = read_scalar, .parse = parse_text, \
	 FIELD_MEMBER(type, member.user), \
	 .expected = "the name of a user, at most 31 characters"}, \
	{"access-log", .read = read_scalar, .parse = parse_absolute_path, \
	 FIELD_MEMBER(type, member.access_log), \
	 .expected = "the absolute path of a file, at most 255 characters"}, \
	{"metrics", .read = read_scalar_and_flag, .parse = parse_endpoint, \
	 FIELD_MEMBER(type, member.metrics), .beside = offsetof(type, member.has_metrics), \
	 .expected = "address and port, as in 192.0.2.10:9101 or \"[2001:db8::10]:9101\""}
/* clang-format on */

/* One address to listen on. */
struct process_listener {
	struct endpoint at;
	char path[108];	  /* of a UNIX socket instead, which anyone may connect to; "": none */
	unsigned purpose; /* the daemon's own */
};

struct worker;

/* What a daemon is. `config` is what its configure() made. */
struct process_daemon {
	const char *name;	 /* "sluice-web" */
	const char *synopsis;	 /* of --help: what it does, in one or two lines */
	const char *config_path; /* default of --config */

	/*
	 * Reads the file into a new configuration: settings_read(). -EINVAL: `diags`
	 * say why (path of other files in their text); without an error they are
	 * warnings. Runs in the master: as root, so that secrets can be read.
	 */
	int (*configure)(const char *path, void **config, struct diag_list *diags);
	void (*release)(void *config);
	const struct process_settings *(*settings)(const void *config);
	/* Fills at most PROCESS_MAX_LISTENERS and returns how many. No address may come twice. */
	size_t (*listeners)(const void *config, struct process_listener *out);

	/* Shared by all children of a generation, zeroed at first. May be NULL: nothing is. */
	size_t (*shared_size)(const void *config);
	/*
	 * uint64_t each, one set for each child, written by it alone with plain
	 * stores. Counters are summed over all children there ever were, gauges over
	 * those that live.
	 */
	size_t counters, gauges;

	/* Once in a new child, before its loop runs; 0 or -errno, logged. */
	int (*worker_start)(struct worker *worker);
	/*
	 * A connection: the socket is non-blocking (TCP: TCP_NODELAY is set) and now
	 * the daemon's, which calls worker_connection_closed() when it is gone.
	 */
	void (*worker_accepted)(struct worker *worker, int fd,
				const struct process_listener *listener,
				const struct sockaddr_storage *peer);
	/* Nothing new comes: idle connections are to be closed now, others when they are done. */
	void (*worker_drain)(struct worker *worker);
	/* Once in a worker whose loop has ended in good order. May be NULL. */
	void (*worker_end)(struct worker *worker);
	/* May be NULL: the monitor has nothing to do but metrics. */
	int (*monitor_start)(struct worker *monitor);
	/* Metrics of its own; sluice_worker_* are written by the caller. May be NULL. */
	void (*expose)(FILE *out, const struct worker *monitor, const uint64_t *counters,
		       const uint64_t *gauges);
};

/* A child as it sees itself; the monitor too. */
struct worker {
	const struct process_daemon *daemon;
	const void *config;
	const struct process_settings *settings;
	void *shared;
	uint64_t *counters, *gauges;
	struct loop loop;
	unsigned index;		     /* among the workers; that of the monitor comes after */
	bool draining;		     /* worker_drain() has been called, or is about to be */
	size_t connections;	     /* given to worker_accepted() and not yet closed */
	struct access_log log;	     /* none in the monitor */
	struct process_child *child; /* private to process_*.c */
	void *state;		     /* the daemon's */
};

/*
 * Parses options (--config, --check, --verbose, --version, --help), runs the
 * master, returns the exit code: 0, 1 for wrong usage or configuration, 2 when starting fails.
 */
int process_main(const struct process_daemon *daemon, int argc, char **argv);

/* In any order, also from within worker_accepted(). */
void worker_connection_closed(struct worker *worker);
/* The whole daemon ends: a worker that drains is not draining for a new generation. */
bool worker_is_ending(const struct worker *worker);

#endif /* SLUICE_PROCESS_H */
