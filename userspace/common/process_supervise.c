/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How the master looks after children: whoever has died is replaced, at once
 * the first time, later and later if it keeps dying; whoever hangs is killed.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "log.h"
#include "process_private.h"

#define READY_NS	 (30 * NS_PER_SEC) /* a child has this long to start */
#define ABORT_GRACE_NS	 (1 * NS_PER_SEC)  /* from SIGABRT to SIGKILL: a core may be written */
#define QUICK_DEATH_NS	 (1 * NS_PER_SEC)
#define RESTART_DELAY_NS (100 * NS_PER_MS)
#define RESTART_MAX_NS	 (5 * NS_PER_SEC)

/* --- deaths -------------------------------------------------------------------------------- */

static struct child *find_child(const struct master *master, pid_t pid)
{
	for (struct generation *gen = master->generations; gen; gen = gen->next)
		for (unsigned i = 0; i <= gen->workers; i++)
			if (gen->children[i].pid == pid)
				return &gen->children[i];
	return NULL;
}

static void schedule_restart(struct child *child)
{
	uint64_t now_ns = loop_clock_ns(), delay_ns = 0;

	if (now_ns - child->started_ns >= QUICK_DEATH_NS)
		child->quick_deaths = 0;
	else if (child->quick_deaths++)
		delay_ns = RESTART_DELAY_NS << (child->quick_deaths - 2);
	if (delay_ns >= RESTART_MAX_NS) {
		delay_ns = RESTART_MAX_NS;
		child->quick_deaths--; /* the shift stays defined */
	}
	child->restart_ns = now_ns + delay_ns;
}

static void log_death(const struct child *child, int status)
{
	bool ended = WIFEXITED(status) && !WEXITSTATUS(status);
	enum log_level level = ended ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR;

	log_write(level, "process", "event=child-died child=%s generation=%u pid=%d %s=%d",
		  child->name, child->generation->number, (int)child->pid,
		  WIFSIGNALED(status) ? "signal" : "exit-code",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void bury(struct master *master, struct child *child, int status)
{
	struct generation *gen = child->generation;
	bool crashed = !WIFEXITED(status) || WEXITSTATUS(status);

	log_death(child, status);
	child_forget(master, child);
	master->board.master->crashes += crashed;
	if (gen->state == GENERATION_STARTING) {
		generation_give_up(master, gen);
		master_attempt_failed(master);
	} else if (gen->state == GENERATION_SERVING) {
		schedule_restart(child);
	}
}

void children_reap(struct master *master)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child = find_child(master, pid);

		if (child)
			bury(master, child, status);
	}
}

/* --- time ----------------------------------------------------------------------------------- */

static void restart(struct master *master, struct child *child)
{
	int err = child_start(master, child);

	if (!err) {
		master->board.master->restarts++;
		return;
	}
	log_error("process", "event=cannot-fork child=%s error=\"%s\"", child->name,
		  strerror(-err));
	schedule_restart(child);
}

/* A child that does not come round, or does not get ready, is of no use. */
static void watch_over(struct master *master, struct child *child, uint64_t now_ns)
{
	uint64_t limit_ns = child->generation->conf.settings->watchdog_ms * NS_PER_MS;
	uint64_t busy_ns = child->slot->busy_since_ns;

	if (child->aborted_ns) {
		if (now_ns - child->aborted_ns > ABORT_GRACE_NS)
			kill(child->pid, SIGKILL);
		return;
	}
	if (!child->ready) {
		limit_ns = READY_NS;
		busy_ns = child->started_ns;
	}
	if (!busy_ns || now_ns < busy_ns + limit_ns)
		return;
	log_error("process", "event=watchdog child=%s pid=%d busy-ms=%llu", child->name,
		  (int)child->pid, (unsigned long long)((now_ns - busy_ns) / NS_PER_MS));
	master->board.master->watchdog_kills++;
	child->aborted_ns = now_ns;
	kill(child->pid, SIGABRT);
}

/* Children cut what outlasts the drain themselves: these cannot. */
static void kill_late(struct generation *gen)
{
	unsigned long long connections = 0;

	for (unsigned i = 0; i < gen->workers; i++)
		connections += gen->children[i].slot->connections;
	log_warn("process", "event=drain-killed generation=%u connections=%llu", gen->number,
		 connections);
	generation_kill(gen, SIGKILL);
}

void generation_look_after(struct master *master, struct generation *gen, uint64_t now_ns)
{
	for (unsigned i = 0; i <= gen->workers; i++) {
		struct child *child = &gen->children[i];

		if (child->pid)
			watch_over(master, child, now_ns);
		else if (child->restart_ns && now_ns >= child->restart_ns)
			restart(master, child);
	}
	if (gen->state == GENERATION_DRAINING && now_ns >= gen->killed_ns)
		kill_late(gen);
}
