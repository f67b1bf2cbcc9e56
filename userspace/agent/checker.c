/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "checker.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "log.h"

#define WITNESSES    3
#define RESERVED_FDS 256

static uint64_t random_below(uint64_t limit)
{
	uint32_t value = 0;

	if (!limit || getrandom(&value, sizeof(value), GRND_NONBLOCK) != sizeof(value))
		return 0;
	return value * limit >> 32;
}

static void arm(struct backend_state *backend, uint64_t delay_ns)
{
	/* Cannot fail: the timer is armed, or has just expired and left its place in the heap. */
	if (loop_timer_arm(backend->checker->loop, &backend->timer, delay_ns))
		log_error("check", "event=timer-lost service=%s backend=%s", backend->service->name,
			  backend->name);
}

/* --- turns ------------------------------------------------------------------------- */

static void begin(struct backend_state *backend)
{
	backend->checker->running++;
	roster_check_begins(backend);
	probe_start(&backend->probe, &backend->target, backend->service->plan);
}

static void wait_for_turn(struct backend_state *backend)
{
	struct checker *checker = backend->checker;

	backend->next_waiting = NULL;
	backend->waiting_link = checker->waiting_end;
	*checker->waiting_end = backend;
	checker->waiting_end = &backend->next_waiting;
	checker->waiting++;
}

static void leave_queue(struct backend_state *backend)
{
	struct checker *checker = backend->checker;

	*backend->waiting_link = backend->next_waiting;
	if (backend->next_waiting)
		backend->next_waiting->waiting_link = backend->waiting_link;
	else
		checker->waiting_end = backend->waiting_link;
	backend->waiting_link = NULL;
	checker->waiting--;
}

static void on_turn(struct loop_task *task)
{
	struct checker *checker = container_of(task, struct checker, begin_waiting);

	while (checker->first_waiting && checker->running < checker->running_max) {
		struct backend_state *backend = checker->first_waiting;

		leave_queue(backend);
		begin(backend);
	}
}

/* A check is over, or is not wanted any more. */
static void give_turn(struct checker *checker)
{
	checker->running--;
	if (checker->first_waiting)
		loop_post(checker->loop, &checker->begin_waiting);
}

static void on_due(struct loop_timer *timer)
{
	struct backend_state *backend = container_of(timer, struct backend_state, timer);
	const struct health_check *check = &backend->service->check;
	uint64_t interval_ns = check->interval_ms * NS_PER_MS;
	uint64_t jitter_ns = interval_ns * check->jitter / 100;

	arm(backend, interval_ns - jitter_ns + random_below(2 * jitter_ns));
	if (probe_is_running(&backend->probe) || backend->waiting_link)
		return;
	wait_for_turn(backend);
	on_turn(&backend->checker->begin_waiting);
}

/* --- results ----------------------------------------------------------------------- */

/* Checks at once, out of turn, those that are likely to answer. */
static void call_witnesses(struct service_state *service)
{
	unsigned called = 0;

	for (size_t i = 0; i < service->backend_count && called < WITNESSES; i++) {
		struct backend_state *backend = service->backends[i];

		if (!roster_is_witness(backend) || probe_is_running(&backend->probe))
			continue;
		arm(backend, 0);
		called++;
	}
}

static void on_result(struct probe *probe, enum probe_result result, uint64_t duration_ns)
{
	struct backend_state *backend = container_of(probe, struct backend_state, probe);
	enum probe_result was = backend->last;
	bool was_up = backend->own.up, changed = false;

	give_turn(backend->checker);
	backend->last = result;
	backend->last_duration_ns = duration_ns;
	backend->results[result]++;
	if (result == PROBE_LOCAL && was != PROBE_LOCAL)
		log_warn("check", "event=check-not-made service=%s backend=%s reason=\"%s\"",
			 backend->service->name, backend->name, probe->words);
	if (result != PROBE_LOCAL)
		changed = roster_check_ends(backend, result == PROBE_OK, probe->started_ns,
					    loop_clock_ns());
	if (changed && backend->own.up != was_up)
		log_write(was_up ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "check",
			  "event=backend-%s service=%s backend=%s result=%s reason=\"%s\" "
			  "duration_ms=%llu",
			  was_up ? "down" : "up", backend->service->name, backend->name,
			  probe_result_name(result), probe->words,
			  (unsigned long long)(duration_ns / NS_PER_MS));
	if (roster_wants_witness(backend))
		call_witnesses(backend->service);
	backend->checker->ended(backend->checker, backend, changed);
}

static void stop(struct backend_state *backend)
{
	if (!backend->checker)
		return;
	loop_timer_disarm(backend->checker->loop, &backend->timer);
	if (backend->waiting_link)
		leave_queue(backend);
	if (probe_is_running(&backend->probe))
		give_turn(backend->checker);
	probe_cancel(&backend->probe);
	backend->checker = NULL;
}

static int start(struct backend_state *backend, struct checker *checker)
{
	uint64_t interval_ns = backend->service->check.interval_ms * NS_PER_MS;
	bool waits_too_long = backend->timer.due_ns > loop_clock_ns() + interval_ns;

	if (backend->checker && !waits_too_long)
		return 0;
	if (!backend->checker) {
		backend->checker = checker;
		backend->timer = (struct loop_timer){.expired = on_due};
		probe_init(&backend->probe, checker->loop, checker->path, on_result);
	}
	return loop_timer_arm(checker->loop, &backend->timer, random_below(interval_ns));
}

static int follow_service(struct checker *checker, struct service_state *service)
{
	bool checked = service->check.type != CHECK_NONE;
	int err = 0;

	if (checked && !service->plan) {
		service->plan = probe_plan_create(&service->check);
		if (!service->plan)
			return -ENOMEM;
	}
	for (size_t i = 0; !err && i < service->backend_count; i++) {
		struct backend_state *backend = service->backends[i];

		if (checked) {
			err = start(backend, checker);
			continue;
		}
		stop(backend);
		backend->own = (struct health){.up = true};
	}
	return err;
}

int checker_start(struct checker *checker, struct roster *roster)
{
	int err = 0;

	for (size_t i = 0; !err && i < roster->service_count; i++)
		err = follow_service(checker, &roster->services[i]);
	return err;
}

void checker_stop(struct roster *roster)
{
	for (size_t i = 0; i < roster->service_count; i++)
		for (size_t j = 0; j < roster->services[i].backend_count; j++)
			stop(roster->services[i].backends[j]);
}

/* Each check needs a descriptor; the agent's other needs come first. */
static unsigned running_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return RESERVED_FDS;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur > CHECKER_RUNNING_MAX + RESERVED_FDS)
		return CHECKER_RUNNING_MAX;
	return limit.rlim_cur > 2 * RESERVED_FDS ? (unsigned)limit.rlim_cur - RESERVED_FDS
						 : RESERVED_FDS;
}

void checker_init(struct checker *checker, struct loop *loop, struct check_path *path,
		  void (*ended)(struct checker *, struct backend_state *, bool changed))
{
	*checker = (struct checker){
		.loop = loop,
		.path = path,
		.ended = ended,
		.running_max = running_max(),
		.waiting_end = &checker->first_waiting,
		.begin_waiting = {.run = on_turn},
	};
}
