/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "router.h"

#include <errno.h>

#include "log.h"
#include "session.h"

#define TICK_NS		   (100 * NS_PER_MS)
#define BUFFERS_OF_SESSION 4
#define END_MS		   10000 /* for transactions, once the daemon ends */

static struct router router;

static void arm_tick(void)
{
	if (loop_timer_arm(router_loop(&router), &router.tick, TICK_NS))
		log_error("router", "event=no-timer");
}

/* Sessions close as soon as they can; those that cannot have a while. */
static void end_sessions(void)
{
	struct session *next;

	for (struct session *session = router.sessions; session; session = next) {
		enum leg_role bound;

		next = session->next;
		if (session->phase <= SESSION_IDLE && !session_is_bound(session, &bound))
			session_close(session);
		else
			session_deadline(session, END_MS);
	}
}

static void review_sessions(void)
{
	struct session *next;

	for (struct session *session = router.sessions; session; session = next) {
		next = session->next;
		session_review(session);
	}
}

/* The board has changed: sessions leave servers that are gone. */
static void on_tick(struct loop_timer *timer)
{
	uint32_t epoch = router.board->epoch;

	(void)timer;
	if (epoch != router.epoch) {
		router.epoch = epoch;
		review_sessions();
	}
	if (router.worker->draining)
		router_drain(router.worker);
	arm_tick();
}

int router_start(struct worker *worker)
{
	const struct router_config *config = worker->config;

	router.worker = worker;
	router.config = config;
	router.board = cluster_board();
	buffer_pool_init(&router.buffers, (size_t)config->process.connections * BUFFERS_OF_SESSION);
	hosts_init(&router.hosts);
	router.tick.expired = on_tick;
	arm_tick();
	return 0;
}

void router_accepted(struct worker *worker, int fd, const struct process_listener *listener,
		     const struct sockaddr_storage *peer)
{
	(void)worker;
	session_open(&router, fd, listener, peer);
}

void router_drain(struct worker *worker)
{
	if (router.ends || !worker_is_ending(worker))
		return;
	router.ends = true;
	end_sessions();
}
