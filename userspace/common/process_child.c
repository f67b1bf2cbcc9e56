/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A child from fork to end: lets go of what is the master's, becomes the
 * unprivileged user, starts the daemon's part, and tells the master that it is
 * ready. Nothing is accepted before the master says so.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"
#include "privileges.h"
#include "process_private.h"

#define CALM_NS (20 * NS_PER_MS) /* what was just accepted may bring a request */

/* --- what the master's was ------------------------------------------------------------- */

static void reset_signals(void)
{
	static const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGPIPE};
	sigset_t none;

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_controls(const struct master *master)
{
	for (const struct generation *gen = master->generations; gen; gen = gen->next)
		for (unsigned i = 0; i <= gen->workers; i++)
			if (gen->children[i].control_fd >= 0)
				close(gen->children[i].control_fd);
}

/* Of the sockets of a listener, the worker has every workers-th; all share one of a UNIX socket. */
static int keep_sockets(struct process_child *self, const struct child *child,
			struct socket_set *set, unsigned index)
{
	const struct generation *gen = child->generation;
	const struct process_listener *listener = &gen->conf.listeners[index];
	struct listen_socket *socket = NULL;
	bool is_unix = listener->path[0];

	for (unsigned i = 0; (socket = sockets_next(set, listener, socket)); i++) {
		bool mine = is_unix || child_is_monitor(child) || i % gen->workers == child->index;
		int err;

		if (!mine || (!socket->listening && gen->state != GENERATION_STARTING))
			continue;
		err = acceptors_add(&self->acceptors, socket->fd, index, is_unix);
		if (err)
			return err;
		socket->fd = -1; /* survives sockets_close() */
	}
	return 0;
}

static int take_sockets(struct process_child *self, const struct child *child,
			struct socket_set *set)
{
	const struct configuration *conf = &child->generation->conf;
	unsigned first = child_is_monitor(child) ? (unsigned)conf->listener_count : 0;
	unsigned end =
		(unsigned)(child_is_monitor(child) ? conf->listeners_total : conf->listener_count);
	int err = 0;

	for (unsigned i = first; i < end && !err; i++)
		err = keep_sockets(self, child, set, i);
	sockets_close(set);
	return err;
}

/* --- who it is ---------------------------------------------------------------------------- */

#define NAME_BYTES 15 /* of a name that the kernel keeps */

/* "sluice-web: w0" */
static void set_name(const struct process_daemon *daemon, const struct child *child)
{
	const char *name = daemon->name, *dash = strchr(name, '-');
	char text[64];

	if (strlen(name) + strlen(": ") + strlen(child->name) > NAME_BYTES && dash)
		name = dash + 1;
	snprintf(text, sizeof(text), "%s: %s", name, child->name);
	prctl(PR_SET_NAME, text);
}

static void set_file_limit(const struct process_settings *settings)
{
	rlim_t wanted = process_files_wanted(settings);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (wanted > limit.rlim_max)
		wanted = limit.rlim_max;
	limit.rlim_cur = limit.rlim_max = wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int drop_privileges(const struct configuration *conf)
{
	if (conf->uid != (uid_t)-1 &&
	    (initgroups(conf->settings->user, conf->gid) || setgid(conf->gid) || setuid(conf->uid)))
		return -errno;
	return privileges_keep(NULL, 0);
}

/* --- the end -------------------------------------------------------------------------------- */

static void end_if_idle(struct worker *worker)
{
	if (worker->draining && !worker->connections)
		loop_stop(&worker->loop);
}

void worker_connection_closed(struct worker *worker)
{
	worker->child->slot->connections = --worker->connections;
	acceptors_resume(&worker->child->acceptors);
	end_if_idle(worker);
}

bool worker_is_ending(const struct worker *worker)
{
	return worker->child->board->master->ending;
}

static void on_deadline(struct loop_timer *timer)
{
	struct process_child *self = container_of(timer, struct process_child, deadline);

	self->slot->values[BOARD_CONNECTIONS_CUT] += self->worker.connections;
	log_warn("process", "event=drain-cut child=%s connections=%zu", self->name,
		 self->worker.connections);
	loop_stop(&self->worker.loop);
}

static void on_calm(struct loop_timer *timer)
{
	struct process_child *self = container_of(timer, struct process_child, calm);

	self->drain(&self->worker);
	end_if_idle(&self->worker);
}

static void drain(struct process_child *self, uint64_t queues)
{
	struct worker *worker = &self->worker;

	if (worker->draining)
		return;
	acceptors_finish(&self->acceptors, queues);
	worker->draining = true;
	end_if_idle(worker);
	if (loop_timer_arm(&worker->loop, &self->calm, CALM_NS) ||
	    loop_timer_arm(&worker->loop, &self->deadline, worker->settings->drain_ms * NS_PER_MS))
		loop_stop(&worker->loop);
}

/* --- the master's words --------------------------------------------------------------------- */

static void obey(struct process_child *self, const struct control_message *message, int fd)
{
	switch (message->word) {
	case CONTROL_GO:
		acceptors_start(&self->acceptors);
		break;
	case CONTROL_DRAIN:
		drain(self, message->queues);
		break;
	case CONTROL_REOPEN:
		if (fd >= 0)
			access_log_reopen(&self->worker.log, fd);
		return;
	default:
		break;
	}
	if (fd >= 0)
		close(fd);
}

static void on_control(struct loop_watch *watch, uint32_t events)
{
	struct process_child *self = container_of(watch, struct process_child, control);
	struct control_message message = {0};
	int fd, ret = control_receive(watch->fd, &message, &fd);

	(void)events;
	if (ret == -EAGAIN)
		return;
	if (ret == 1) {
		obey(self, &message, fd);
		return;
	}
	log_error("process", "event=master-gone child=%s", self->name);
	loop_watch_del(&self->worker.loop, watch);
	drain(self, CONTROL_ALL_QUEUES);
}

/* --- the beginning -------------------------------------------------------------------------- */

static int open_log(struct process_child *self, const struct child *child)
{
	const struct configuration *conf = &child->generation->conf;
	const char *path = conf->settings->access_log;
	int fd = -1;

	if (path[0] && !child_is_monitor(child)) {
		fd = access_log_open(path, conf->uid, conf->gid);
		if (fd < 0) {
			log_error("process", "event=no-access-log path=%s error=\"%s\"", path,
				  strerror(-fd));
			return fd;
		}
	}
	return access_log_init(&self->worker.log, &self->worker.loop, fd,
			       &self->slot->values[BOARD_LOG_LOST]);
}

static void init_worker(struct process_child *self, const struct master *master,
			const struct child *child)
{
	const struct generation *gen = child->generation;

	*self = (struct process_child){
		.worker =
			{
				.daemon = master->daemon,
				.config = gen->conf.config,
				.settings = gen->conf.settings,
				.shared = gen->shared,
				.counters = board_counters(child->slot),
				.gauges = board_gauges(&master->board, child->slot),
				.index = child->index,
				.log = {.fd = -1},
				.child = self,
			},
		.name = child->name,
		.board = &master->board,
		.slot = child->slot,
		.acceptors =
			{
				.worker = &self->worker,
				.listeners = gen->conf.listeners,
				.accepted = master->daemon->worker_accepted,
				.connections_max = gen->conf.settings->connections,
			},
		.drain = master->daemon->worker_drain,
		.control = {.fd = LOOP_NO_FD, .ready = on_control},
		.calm = {.expired = on_calm},
		.deadline = {.expired = on_deadline},
	};
}

static int start(struct process_child *self, const struct child *child, int fd)
{
	const struct control_message ready = {.word = CONTROL_READY};
	const struct process_daemon *daemon = self->worker.daemon;
	int err = loop_watch_add(&self->worker.loop, &self->control, fd, EPOLLIN);

	if (!err && !child_is_monitor(child))
		err = daemon->worker_start(&self->worker);
	else if (!err)
		err = monitor_init(self);
	return err ? err : control_send(fd, &ready, -1);
}

/* Everything that needs privileges, then those away. */
static int settle(struct process_child *self, struct master *master, const struct child *child)
{
	int err = loop_init(&self->worker.loop);

	if (err)
		return err;
	self->worker.loop.busy_since_ns = &self->slot->busy_since_ns;
	err = take_sockets(self, child, &master->sockets);
	if (!err)
		err = open_log(self, child);
	if (err)
		return err;
	set_file_limit(self->worker.settings);
	return drop_privileges(&child->generation->conf);
}

static int run(struct process_child *self, const struct child *child)
{
	const struct process_daemon *daemon = self->worker.daemon;
	int err = loop_run(&self->worker.loop);

	if (!err && daemon->worker_end && !child_is_monitor(child))
		daemon->worker_end(&self->worker);
	return err;
}

int child_main(struct master *master, struct child *child, int fd)
{
	static struct process_child self;
	int err;

	reset_signals();
	close_controls(master);
	close(master->signals.fd);
	loop_fini(&master->loop);
	set_name(master->daemon, child);
	init_worker(&self, master, child);
	err = settle(&self, master, child);
	if (!err)
		err = start(&self, child, fd);
	if (err)
		log_error("process", "event=child-not-started child=%s error=\"%s\"", child->name,
			  strerror(-err));
	else
		err = run(&self, child);
	access_log_fini(&self.worker.log);
	return err ? 1 : 0;
}
