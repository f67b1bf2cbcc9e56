/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The master: signals, and a tick for everything that has a time. It waits in
 * its own loop and does nothing that could block for long; of the network it
 * holds sockets, and never reads from them.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "log.h"
#include "notify.h"
#include "privileges.h"
#include "process_private.h"

#define TICK_MAX_NS (500 * NS_PER_MS)
#define FILES_MAX   (4u << 20)

/* --- generations come and go ------------------------------------------------------------- */

static void reload_failed(struct master *master)
{
	master->board.master->reloads_failed++;
	master->board.master->last_reload_ok = false;
	log_error("process", "event=reload-failed generation=%u",
		  generation_in(master, GENERATION_SERVING)->number);
	notify_send("READY=1");
}

static void start_failed(struct master *master)
{
	log_error("process", "event=not-started");
	master->exit_code = 1;
	master->ending = true;
	for (struct generation *gen = master->generations; gen; gen = gen->next)
		generation_kill(gen, SIGKILL);
}

void master_attempt_failed(struct master *master)
{
	if (master->has_served)
		reload_failed(master);
	else
		start_failed(master);
}

static void tell_reloading(void)
{
	char state[64];

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(loop_clock_ns() / 1000));
	notify_send(state);
}

static void reload(struct master *master)
{
	struct configuration conf;

	if (master->ending)
		return;
	master->reload_again = generation_in(master, GENERATION_STARTING) != NULL;
	if (master->reload_again)
		return;
	log_info("process", "event=reload");
	tell_reloading();
	if (configuration_read(master->daemon, master->config_path, &conf) ||
	    generation_start(master, &conf))
		master_attempt_failed(master);
}

static void served(struct master *master, const struct generation *gen)
{
	struct board_master *board = master->board.master;

	log_info("process", "event=serving generation=%u workers=%u", gen->number, gen->workers);
	board->generation = gen->number;
	board->workers = gen->workers;
	board->reloads += master->has_served;
	board->last_reload_ok = true;
	master->has_served = true;
	notify_send("READY=1");
}

static void look_at_starting(struct master *master)
{
	struct generation *gen = generation_in(master, GENERATION_STARTING);

	if (gen && generation_is_ready(gen)) {
		if (!generation_commit(master, gen)) {
			served(master, gen);
		} else {
			generation_give_up(master, gen);
			master_attempt_failed(master);
		}
	}
	if (master->reload_again && !generation_in(master, GENERATION_STARTING))
		reload(master);
}

/* --- the end -------------------------------------------------------------------------------- */

static void end(struct master *master)
{
	struct generation *next;

	if (master->ending) {
		log_warn("process", "event=ending-at-once");
		for (struct generation *gen = master->generations; gen; gen = gen->next)
			generation_kill(gen, SIGKILL);
		return;
	}
	log_info("process", "event=ending");
	notify_send("STOPPING=1");
	master->ending = master->board.master->ending = true;
	/* From here on, new connections are refused as soon as the queues are empty. */
	sockets_retain(&master->sockets, NULL, 0);
	for (struct generation *gen = master->generations; gen; gen = next) {
		next = gen->next;
		if (gen->state == GENERATION_STARTING)
			generation_give_up(master, gen);
		else if (gen->state == GENERATION_SERVING)
			generation_drain(master, gen, CONTROL_ALL_QUEUES);
	}
}

static void look_for_end(struct master *master)
{
	struct generation *next;

	for (struct generation *gen = master->generations; gen; gen = next) {
		next = gen->next;
		if (gen->state == GENERATION_DRAINING && generation_is_gone(gen)) {
			log_info("process", "event=drained generation=%u", gen->number);
			generation_release(master, gen);
		} else if (master->ending && gen->state == GENERATION_DRAINING &&
			   !generation_has_workers(gen)) {
			generation_drain(master, gen, CONTROL_ALL_QUEUES);
		}
	}
	if (master->ending && !master->generations)
		loop_stop(&master->loop);
}

/* --- time ----------------------------------------------------------------------------------- */

static void tell_watchdog(struct master *master, uint64_t now_ns)
{
	if (!master->watchdog_ns || now_ns - master->notified_ns < master->watchdog_ns)
		return;
	master->notified_ns = now_ns;
	notify_send("WATCHDOG=1");
}

/* After everything that may have changed something. */
static void look_around(struct master *master)
{
	uint64_t now_ns = loop_clock_ns();

	for (struct generation *gen = master->generations; gen; gen = gen->next)
		generation_look_after(master, gen, now_ns);
	look_at_starting(master);
	look_for_end(master);
}

static uint64_t tick_ns(const struct master *master)
{
	uint64_t ns = TICK_MAX_NS;

	if (master->watchdog_ns && master->watchdog_ns < ns)
		ns = master->watchdog_ns;
	for (const struct generation *gen = master->generations; gen; gen = gen->next) {
		uint64_t quarter_ns = gen->conf.settings->watchdog_ms * NS_PER_MS / 4;

		if (quarter_ns < ns)
			ns = quarter_ns;
	}
	return ns;
}

static void on_tick(struct loop_timer *timer)
{
	struct master *master = container_of(timer, struct master, tick);

	tell_watchdog(master, loop_clock_ns());
	look_around(master);
	/* It has just been disarmed, so there is room for it. */
	if (loop_timer_arm(&master->loop, timer, tick_ns(master)))
		log_error("process", "event=no-tick");
}

/* --- signals -------------------------------------------------------------------------------- */

/* Made by root, owned by the children's user, and handed to them: its directory may be closed. */
static void reopen_log(const struct generation *gen)
{
	const struct control_message message = {.word = CONTROL_REOPEN};
	const char *path = gen->conf.settings->access_log;
	int fd;

	if (!path[0])
		return;
	fd = access_log_open(path, gen->conf.uid, gen->conf.gid);
	if (fd < 0) {
		log_error("process", "event=access-log-not-reopened path=%s error=\"%s\"", path,
			  strerror(-fd));
		return;
	}
	for (unsigned i = 0; i < gen->workers; i++)
		if (gen->children[i].pid && control_send(gen->children[i].control_fd, &message, fd))
			log_warn("process", "event=access-log-not-reopened child=w%u", i);
	close(fd);
}

static void reopen_logs(const struct master *master)
{
	log_info("process", "event=reopen-logs");
	for (const struct generation *gen = master->generations; gen; gen = gen->next)
		reopen_log(gen);
}

static void obey(struct master *master, uint32_t signal)
{
	switch (signal) {
	case SIGHUP:
		reload(master);
		break;
	case SIGUSR1:
		reopen_logs(master);
		break;
	case SIGCHLD:
		children_reap(master);
		break;
	default:
		end(master);
		break;
	}
}

static void on_signal(struct loop_watch *watch, uint32_t events)
{
	struct master *master = container_of(watch, struct master, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info))
		obey(master, info.ssi_signo);
	look_around(master);
}

static int watch_signals(struct master *master)
{
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &signals, NULL))
		return -errno;
	fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	return loop_watch_add(&master->loop, &master->signals, fd, EPOLLIN);
}

/* --- life ----------------------------------------------------------------------------------- */

/* A later configuration may need more, when raising the limit is no longer allowed. */
static void raise_file_limit(void)
{
	struct rlimit limit = {FILES_MAX, FILES_MAX};
	unsigned long long most = FILES_MAX;
	FILE *file = fopen("/proc/sys/fs/nr_open", "re");

	if (file && fscanf(file, "%llu", &most) == 1 && most < FILES_MAX)
		limit.rlim_cur = limit.rlim_max = most;
	if (file)
		fclose(file);
	if (!setrlimit(RLIMIT_NOFILE, &limit) || getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Binding, becoming the children's user, ending them, and files of others: logs, keys. */
static int keep_privileges(void)
{
	static const int kept[] = {
		CAP_NET_BIND_SERVICE, CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_CHOWN, CAP_DAC_OVERRIDE,
	};

	return privileges_keep(kept, ARRAY_LEN(kept));
}

static int master_init(struct master *master, const struct process_daemon *daemon, const char *path)
{
	int err;

	*master = (struct master){
		.daemon = daemon,
		.config_path = path,
		.signals = {.fd = LOOP_NO_FD, .ready = on_signal},
		.tick = {.expired = on_tick},
		.watchdog_ns = notify_watchdog_ns(),
	};
	err = board_create(&master->board, daemon->counters, daemon->gauges);
	if (err)
		return err;
	err = loop_init(&master->loop);
	if (err)
		return err;
	err = watch_signals(master);
	if (!err)
		err = loop_timer_arm(&master->loop, &master->tick, 0);
	return err;
}

int master_run(const struct process_daemon *daemon, const char *path, struct configuration *conf)
{
	static struct master master;
	int err = master_init(&master, daemon, path);

	if (!err) {
		raise_file_limit();
		err = keep_privileges();
	}
	if (err) {
		log_error("process", "event=not-started error=\"%s\"", strerror(-err));
		configuration_release(daemon, conf);
		return err;
	}
	if (generation_start(&master, conf))
		start_failed(&master);
	err = loop_run(&master.loop);
	sockets_close(&master.sockets);
	close(master.signals.fd);
	loop_fini(&master.loop);
	board_destroy(&master.board);
	return err ? err : master.exit_code;
}
