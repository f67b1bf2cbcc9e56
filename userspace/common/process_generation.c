/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A generation: one configuration and the children that serve it. It is bound
 * and started beside the one that serves; only when all of its children are
 * ready does it listen and accept, and the other drain.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"
#include "process_private.h"

#define FILES_PER_CONNECTION 3 /* client, upstream, a file */
#define FILES_BESIDES	     1024
#define DRAIN_GRACE_NS	     (1 * NS_PER_SEC) /* children end by themselves when the time is over */

/* --- making and releasing ------------------------------------------------------------- */

static int map_shared(const struct process_daemon *daemon, struct generation *gen)
{
	void *memory;

	gen->shared_bytes = daemon->shared_size ? daemon->shared_size(gen->conf.config) : 0;
	if (!gen->shared_bytes)
		return 0;
	memory = mmap(NULL, gen->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED)
		return -errno;
	gen->shared = memory;
	return 0;
}

static int take_slots(struct master *master, struct generation *gen)
{
	for (unsigned i = 0; i <= gen->workers; i++) {
		struct board_slot *slot = board_take(&master->board);

		if (!slot)
			return -EBUSY;
		slot->generation = gen->number;
		slot->index = i;
		slot->monitor = i == gen->workers;
		gen->children[i].slot = slot;
	}
	return 0;
}

void generation_release(struct master *master, struct generation *gen)
{
	struct generation **link = &master->generations;

	while (*link != gen)
		link = &(*link)->next;
	*link = gen->next;
	for (unsigned i = 0; i <= gen->workers; i++)
		if (gen->children[i].slot)
			board_give_back(&master->board, gen->children[i].slot);
	if (gen->shared)
		munmap(gen->shared, gen->shared_bytes);
	configuration_release(master->daemon, &gen->conf);
	free(gen);
}

static void on_control(struct loop_watch *watch, uint32_t events);

static void init_child(struct generation *gen, unsigned index)
{
	struct child *child = &gen->children[index];

	child->generation = gen;
	child->index = index;
	child->control_fd = -1;
	child->control = (struct loop_watch){LOOP_NO_FD, on_control};
	if (child_is_monitor(child))
		strcpy(child->name, "monitor");
	else
		snprintf(child->name, sizeof(child->name), "w%u", index);
}

static struct generation *make(struct master *master, const struct configuration *conf)
{
	unsigned workers = conf->settings->workers;
	struct generation *gen = calloc(1, sizeof(*gen) + (workers + 1) * sizeof(struct child));

	if (!gen)
		return NULL;
	gen->master = master;
	gen->conf = *conf;
	gen->number = ++master->last_number;
	gen->workers = workers;
	for (unsigned i = 0; i <= workers; i++)
		init_child(gen, i);
	gen->next = master->generations;
	master->generations = gen;
	return gen;
}

static int bind_all(struct master *master, const struct generation *gen)
{
	int err = 0;

	for (size_t i = 0; i < gen->conf.listeners_total && !err; i++) {
		const struct process_listener *listener = &gen->conf.listeners[i];
		bool single = listener->path[0] || i >= gen->conf.listener_count;

		err = sockets_bind(&master->sockets, listener, single ? 1 : gen->workers);
	}
	return err;
}

rlim_t process_files_wanted(const struct process_settings *settings)
{
	return (rlim_t)settings->connections * FILES_PER_CONNECTION + FILES_BESIDES;
}

static void check_file_limit(const struct process_settings *settings)
{
	rlim_t wanted = process_files_wanted(settings);
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && wanted > limit.rlim_max)
		log_warn("process", "event=few-descriptors limit=%llu wanted=%llu",
			 (unsigned long long)limit.rlim_max, (unsigned long long)wanted);
}

/* --- starting --------------------------------------------------------------------------- */

static int start_process(struct master *master, struct child *child, int end)
{
	child->ready = child->slot->ready = false;
	child->started_ns = loop_clock_ns();
	child->restart_ns = child->aborted_ns = 0;
	fflush(NULL);
	child->pid = fork();
	if (!child->pid)
		_exit(child_main(master, child, end));
	if (child->pid > 0)
		child->slot->pid = child->pid;
	return child->pid > 0 ? 0 : -errno;
}

int child_start(struct master *master, struct child *child)
{
	int ends[2], err = control_pair(ends);

	if (err)
		return err;
	child->control_fd = ends[0];
	err = loop_watch_add(&master->loop, &child->control, ends[0], EPOLLIN);
	if (!err)
		err = start_process(master, child, ends[1]);
	close(ends[1]);
	if (err)
		child_forget(master, child);
	return err;
}

void child_forget(struct master *master, struct child *child)
{
	child->pid = 0;
	loop_watch_del(&master->loop, &child->control);
	close(child->control_fd);
	child->control_fd = -1;
	board_retire(&master->board, child->slot);
}

static int start_children(struct master *master, struct generation *gen)
{
	int err = 0;

	for (unsigned i = 0; i <= gen->workers && !err; i++)
		err = child_start(master, &gen->children[i]);
	return err;
}

int generation_start(struct master *master, struct configuration *conf)
{
	struct generation *gen = make(master, conf);
	int err;

	if (!gen) {
		configuration_release(master->daemon, conf);
		return -ENOMEM;
	}
	check_file_limit(gen->conf.settings);
	err = take_slots(master, gen);
	if (!err)
		err = map_shared(master->daemon, gen);
	if (!err)
		err = bind_all(master, gen);
	if (!err)
		err = start_children(master, gen);
	if (!err)
		return 0;
	log_error("process", "event=generation-not-started generation=%u error=\"%s\"", gen->number,
		  err == -EBUSY ? "others still drain: try again later" : strerror(-err));
	generation_give_up(master, gen);
	return err;
}

/* --- in the place of the one before ----------------------------------------------------- */

static void go(struct child *child)
{
	static const struct control_message message = {.word = CONTROL_GO};

	if (control_send(child->control_fd, &message, -1))
		kill(child->pid, SIGKILL);
}

/* The listeners of `gen` that `next` does not have: their queues are nobody else's. */
static uint64_t abandoned(const struct generation *gen, const struct generation *next)
{
	uint64_t queues = 0;

	for (size_t i = 0; i < gen->conf.listener_count; i++) {
		bool kept = false;

		for (size_t j = 0; j < next->conf.listeners_total; j++)
			kept |= listener_equal(&gen->conf.listeners[i], &next->conf.listeners[j]);
		if (!kept)
			queues |= (uint64_t)1 << i;
	}
	return queues;
}

int generation_commit(struct master *master, struct generation *gen)
{
	struct generation *before = generation_in(master, GENERATION_SERVING);
	int err = sockets_listen(&master->sockets);

	if (err)
		return err;
	gen->state = GENERATION_SERVING;
	for (unsigned i = 0; i <= gen->workers; i++)
		go(&gen->children[i]);
	if (before)
		generation_drain(master, before, abandoned(before, gen));
	sockets_retain(&master->sockets, gen->conf.listeners, gen->conf.listeners_total);
	return 0;
}

static void on_control(struct loop_watch *watch, uint32_t events)
{
	struct child *child = container_of(watch, struct child, control);
	struct master *master = child->generation->master;
	struct control_message message = {0};
	int ret = control_receive(watch->fd, &message, NULL);

	(void)events;
	if (!ret) /* its death is to be told by SIGCHLD */
		loop_watch_del(&master->loop, watch);
	if (ret != 1 || message.word != CONTROL_READY || child->ready)
		return;
	child->ready = child->slot->ready = true;
	if (child->generation->state == GENERATION_SERVING)
		go(child);
	else if (loop_timer_arm(&master->loop, &master->tick, 0))
		log_error("process", "event=no-tick");
}

/* --- the end of one ---------------------------------------------------------------------- */

static void tell_to_drain(const struct child *child, uint64_t queues)
{
	const struct control_message message = {.word = CONTROL_DRAIN, .queues = queues};

	if (child->pid && control_send(child->control_fd, &message, -1))
		kill(child->pid, SIGKILL); /* it has not looked for long */
}

void generation_drain(struct master *master, struct generation *gen, uint64_t queues)
{
	if (gen->state != GENERATION_DRAINING)
		gen->killed_ns =
			loop_clock_ns() + gen->conf.settings->drain_ms * NS_PER_MS + DRAIN_GRACE_NS;
	gen->state = GENERATION_DRAINING;
	for (unsigned i = 0; i <= gen->workers; i++) {
		struct child *child = &gen->children[i];

		child->restart_ns = 0;
		/* While the whole daemon ends, the last figures can still be read. */
		if (!child_is_monitor(child) || !master->ending || !generation_has_workers(gen))
			tell_to_drain(child, queues);
	}
}

void generation_kill(struct generation *gen, int signal)
{
	for (unsigned i = 0; i <= gen->workers; i++)
		if (gen->children[i].pid)
			kill(gen->children[i].pid, signal);
}

void generation_give_up(struct master *master, struct generation *gen)
{
	gen->state = GENERATION_DRAINING;
	gen->killed_ns = loop_clock_ns() + DRAIN_GRACE_NS;
	for (unsigned i = 0; i <= gen->workers; i++)
		gen->children[i].restart_ns = 0;
	generation_kill(gen, SIGKILL);
	sockets_forget(&master->sockets);
	if (generation_is_gone(gen))
		generation_release(master, gen);
}

bool generation_is_gone(const struct generation *gen)
{
	bool gone = true;

	for (unsigned i = 0; i <= gen->workers; i++)
		gone &= !gen->children[i].pid && !gen->children[i].restart_ns;
	return gone;
}

bool generation_is_ready(const struct generation *gen)
{
	bool ready = true;

	for (unsigned i = 0; i <= gen->workers; i++)
		ready &= gen->children[i].ready;
	return ready;
}

bool generation_has_workers(const struct generation *gen)
{
	bool any = false;

	for (unsigned i = 0; i < gen->workers; i++)
		any |= gen->children[i].pid != 0;
	return any;
}

struct generation *generation_in(const struct master *master, enum generation_state state)
{
	struct generation *gen = master->generations;

	while (gen && gen->state != state)
		gen = gen->next;
	return gen;
}
