/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the parts of the process model share: process_main.c (options, the
 * file), process_master.c (signals), process_supervise.c (deaths),
 * process_generation.c (children and configurations), process_child.c,
 * process_accept.c and process_monitor.c (life in a child).
 */
#ifndef SLUICE_PROCESS_PRIVATE_H
#define SLUICE_PROCESS_PRIVATE_H

#include <sys/resource.h>
#include <sys/types.h>

#include "process.h"
#include "process_board.h"
#include "process_sockets.h"

/* --- the configuration (process_main.c) ---------------------------------------------- */

struct configuration {
	void *config; /* the daemon's */
	const struct process_settings *settings;
	/* The daemon's, then that of the monitor, if there is one. */
	struct process_listener listeners[PROCESS_MAX_LISTENERS + 1];
	size_t listener_count;	/* the daemon's alone */
	size_t listeners_total; /* with the monitor's */
	uid_t uid;		/* -1: children stay who the master is */
	gid_t gid;
};

/* -EINVAL, or why the file cannot be read: already printed. Warnings are printed too. */
int configuration_read(const struct process_daemon *daemon, const char *path,
		       struct configuration *out) __must_check;
void configuration_release(const struct process_daemon *daemon, struct configuration *conf);

/* --- the master ------------------------------------------------------------------------ */

struct master;
struct generation;

/* A child as the master sees it. */
struct child {
	struct generation *generation;
	unsigned index; /* generation->workers: the monitor */
	char name[8];	/* "w0", "monitor" */
	pid_t pid;	/* 0: none runs */
	struct board_slot *slot;
	int control_fd; /* -1: none runs */
	struct loop_watch control;
	bool ready;
	uint64_t started_ns;
	uint64_t restart_ns; /* when another is to be started; 0: never */
	uint64_t aborted_ns; /* when the watchdog has sent SIGABRT; 0: it has not */
	unsigned quick_deaths;
};

enum generation_state { GENERATION_STARTING, GENERATION_SERVING, GENERATION_DRAINING };

struct generation {
	struct generation *next;
	struct master *master;
	unsigned number;
	enum generation_state state;
	struct configuration conf;
	void *shared;
	size_t shared_bytes;
	uint64_t killed_ns; /* when what still drains is killed */
	unsigned workers;
	struct child children[]; /* workers + 1 */
};

struct master {
	const struct process_daemon *daemon;
	const char *config_path;
	struct loop loop;
	struct loop_watch signals;
	struct loop_timer tick;
	uint64_t watchdog_ns, notified_ns; /* of the service manager */
	struct board board;
	struct socket_set sockets;
	struct generation *generations; /* the newest first */
	unsigned last_number;
	bool reload_again; /* SIGHUP has come while a generation was starting */
	bool ending, has_served;
	int exit_code;
};

/* Runs until the end; returns the exit code. Takes the configuration over. */
int master_run(const struct process_daemon *daemon, const char *path, struct configuration *conf);

/* A configuration could not be put in force: the one before stays, or there is none. */
void master_attempt_failed(struct master *master);

/* Takes note of all children that have died (process_supervise.c). */
void children_reap(struct master *master);
/* Starts those anew whose time has come, and kills those that hang or outlast the drain. */
void generation_look_after(struct master *master, struct generation *gen, uint64_t now_ns);

/* How many descriptors a child may need. */
rlim_t process_files_wanted(const struct process_settings *settings);

/* Makes a generation and starts its children. On error, logged, the configuration is released. */
int generation_start(struct master *master, struct configuration *conf) __must_check;
/* Starts one child, anew or again. */
int child_start(struct master *master, struct child *child) __must_check;
/* Its process is gone: keeps its counters. */
void child_forget(struct master *master, struct child *child);
/* All of the starting generation is ready: it takes the place of the one that serves. */
int generation_commit(struct master *master, struct generation *gen) __must_check;
/* Kills what has been started of it. It is gone once its children are. */
void generation_give_up(struct master *master, struct generation *gen);
/* Tells workers to finish; `queues`: the listeners whose queues are to be emptied first. */
void generation_drain(struct master *master, struct generation *gen, uint64_t queues);
void generation_kill(struct generation *gen, int signal);
bool generation_is_gone(const struct generation *gen);
bool generation_is_ready(const struct generation *gen);
bool generation_has_workers(const struct generation *gen);
void generation_release(struct master *master, struct generation *gen);
/* The one in this state, or NULL. There is never more than one that starts or serves. */
struct generation *generation_in(const struct master *master, enum generation_state state);

static inline bool child_is_monitor(const struct child *child)
{
	return child->index == child->generation->workers;
}

/* --- messages between master and child ------------------------------------------------ */

enum control_word {
	CONTROL_READY,	/* of the child: it could accept now */
	CONTROL_GO,	/* accept */
	CONTROL_DRAIN,	/* empty `queues`, finish, end */
	CONTROL_REOPEN, /* the access log; the descriptor comes with it */
};

struct control_message {
	enum control_word word;
	uint64_t queues; /* a bit for each listener of the child's generation */
};

#define CONTROL_ALL_QUEUES (~(uint64_t)0)

/* Both ends, non-blocking; the first is the master's. */
int control_pair(int ends[2]) __must_check;
/* `fd` is sent along and stays the caller's; -1: none. */
int control_send(int socket, const struct control_message *message, int fd) __must_check;
/*
 * 1: a message; 0: the other end is gone, or talks nonsense; -EAGAIN: none.
 * *fd is the caller's, or -1; the kernel drops descriptors if `fd` is NULL.
 */
int control_receive(int socket, struct control_message *message, int *fd) __must_check;

/* --- in a child ------------------------------------------------------------------------- */

struct acceptor {
	struct loop_watch watch;
	struct acceptors *all;
	int fd;
	unsigned listener; /* index in the generation's list */
	bool is_unix;
};

/* The sockets that a child accepts from. */
struct acceptors {
	struct worker *worker;
	const struct process_listener *listeners;
	void (*accepted)(struct worker *worker, int fd, const struct process_listener *listener,
			 const struct sockaddr_storage *peer);
	struct acceptor *items;
	size_t count;
	size_t connections_max;
	bool started, paused;
	struct loop_timer retry; /* after descriptors have run out */
};

int acceptors_add(struct acceptors *all, int fd, unsigned listener, bool is_unix) __must_check;
void acceptors_start(struct acceptors *all);
/* Takes what waits in these listeners' queues, then closes all. */
void acceptors_finish(struct acceptors *all, uint64_t queues);
/* A connection has been closed: there may be room again. */
void acceptors_resume(struct acceptors *all);

/* worker->child */
struct process_child {
	struct worker worker;
	const char *name;
	const struct board *board;
	struct board_slot *slot;
	struct acceptors acceptors;
	void (*drain)(struct worker *worker);
	struct loop_watch control;
	struct loop_timer calm, deadline; /* of draining: when idle connections end, and all */
};

/* The life of a child; returns its exit code. `fd` is its end of the control socket. */
int child_main(struct master *master, struct child *child, int fd);

/* Of the monitor: `child` is to serve /metrics and /healthz to whom it accepts. */
int monitor_init(struct process_child *child) __must_check;

/* The exposition: the process model's part, then the daemon's. */
void process_expose(FILE *out, struct process_child *monitor);

#endif /* SLUICE_PROCESS_PRIVATE_H */
