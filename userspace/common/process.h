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
 * SIGHUP  reads the file again; a new generation of children takes over the
 *         sockets, the old one drains. A wrong file is reported and changes nothing.
 * SIGTERM drains and ends. SIGUSR1 opens the access logs anew.
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

#include "addr.h"
#include "config_reader.h"
#include "diag.h"
#include "loop.h"

#define PROCESS_MAX_WORKERS   64
#define PROCESS_MAX_LISTENERS 64

/* The part of a daemon's configuration that all have. PROCESS_FIELDS are its keys. */
struct process_settings {
	unsigned workers;     /* 0: one for each CPU that the process may use */
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

/* Keys "workers", "connections", "drain", "watchdog", "node", "user", "access-log", "metrics". */
#define PROCESS_FIELD_COUNT 8
extern const struct field process_fields[PROCESS_FIELD_COUNT];

/* One address to listen on. */
struct process_listener {
	struct endpoint at;
	char path[108];	  /* of a UNIX socket instead; "": none */
	unsigned purpose; /* the daemon's own */
};

struct worker;

/* What a daemon is. `config` is what its configure() made. */
struct process_daemon {
	const char *name;	 /* "sluice-web" */
	const char *synopsis;	 /* of --help: what it does, in one or two lines */
	const char *config_path; /* default of --config */

	/*
	 * Reads the file into a new configuration. -EINVAL: `diags` say why (path
	 * of other files in their text). Runs in the master: as root, so that secrets can be read.
	 */
	int (*configure)(const char *path, void **config, struct diag_list *diags);
	void (*release)(void *config);
	const struct process_settings *(*settings)(const void *config);
	/* Fills at most PROCESS_MAX_LISTENERS and returns how many. */
	size_t (*listeners)(const void *config, struct process_listener *out);

	/* Shared by all children of a generation, zeroed at first: health of upstreams. */
	size_t (*shared_size)(const void *config);
	/*
	 * uint64_t each, one set for each child, written by it alone with plain
	 * stores. Counters are summed over all children there ever were, gauges over those that live.
	 */
	size_t counters, gauges;

	/* Once in a new child, before its loop runs; 0 or -errno, logged. */
	int (*worker_start)(struct worker *worker);
	/*
	 * A connection: the socket is non-blocking and now the daemon's, which calls
	 * worker_connection_closed() when it is gone.
	 */
	void (*worker_accepted)(struct worker *worker, int fd,
				const struct process_listener *listener,
				const struct sockaddr_storage *peer);
	/* Nothing new comes: idle connections are to be closed now, the others when they are done. */
	void (*worker_drain)(struct worker *worker);
	/* May be NULL: the monitor has nothing to do but metrics. */
	int (*monitor_start)(struct worker *monitor);
	/* Metrics of its own; process_* and sluice_worker_* are written by the caller. */
	void (*expose)(FILE *out, const struct worker *monitor, const uint64_t *counters,
		       const uint64_t *gauges);
};

/* A child as it sees itself; the monitor too. */
struct worker {
	const struct process_daemon *daemon;
	const void *config;
	void *shared;
	uint64_t *counters, *gauges;
	struct loop loop;
	unsigned index; /* among the workers; those of the monitor's come after */
	bool draining;
	size_t connections;
	struct process_child *child; /* private to process*.c */
	void *state;		     /* the daemon's */
};

/* Parses options (--config, --check, --verbose, --version, --help), runs the master, returns the exit code. */
int process_main(const struct process_daemon *daemon, int argc, char **argv);

void worker_connection_closed(struct worker *worker);
/* The monitor: SIGUSR1 has come; the worker's access log has been opened anew by then. */

#endif /* SLUICE_PROCESS_H */
