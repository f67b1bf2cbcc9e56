/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "checker.h"

#include <errno.h>
#include <sys/random.h>

#include "log.h"

#define WITNESSES 3

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

static void on_due(struct loop_timer *timer)
{
	struct backend_state *backend = container_of(timer, struct backend_state, timer);
	uint64_t interval_ns = backend->service->check.interval_ms * NS_PER_MS;

	arm(backend, interval_ns * 19 / 20 + random_below(interval_ns / 10));
	if (probe_is_running(&backend->probe))
		return;
	roster_check_begins(backend);
	probe_start(&backend->probe, &backend->target, &backend->service->check,
		    backend->checker->tls);
}

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
	bool was_up = backend->own.up, changed;

	backend->last = result;
	backend->last_duration_ns = duration_ns;
	backend->results[result]++;
	if (result == PROBE_LOCAL)
		return;
	changed =
		roster_check_ends(backend, result == PROBE_OK, probe->started_ns, loop_clock_ns());
	if (roster_wants_witness(backend))
		call_witnesses(backend->service);
	if (!changed)
		return;
	if (backend->own.up != was_up)
		log_write(was_up ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "check",
			  "event=backend-%s service=%s backend=%s result=%s duration_ms=%llu",
			  was_up ? "down" : "up", backend->service->name, backend->name,
			  probe_result_name(result), (unsigned long long)(duration_ns / NS_PER_MS));
	backend->checker->changed(backend->checker, backend);
}

static void stop(struct backend_state *backend)
{
	if (!backend->checker)
		return;
	loop_timer_disarm(backend->checker->loop, &backend->timer);
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
		probe_init(&backend->probe, checker->loop, on_result);
	}
	return loop_timer_arm(checker->loop, &backend->timer, random_below(interval_ns));
}

static int follow_service(struct checker *checker, struct service_state *service)
{
	int err = 0;

	for (size_t i = 0; !err && i < service->backend_count; i++) {
		struct backend_state *backend = service->backends[i];

		if (service->check.type != CHECK_NONE) {
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

int checker_init(struct checker *checker, struct loop *loop,
		 void (*changed)(struct checker *, struct backend_state *))
{
	*checker = (struct checker){.loop = loop, .changed = changed};
	checker->tls = probe_tls_context();
	return checker->tls ? 0 : -ENOMEM;
}

void checker_fini(struct checker *checker)
{
	SSL_CTX_free(checker->tls);
	checker->tls = NULL;
}
