/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who has which connection. Requests that find none free wait in a queue, first
 * come first served; what is given back goes to the first of them. While the
 * server cannot be reached, requests fail at once instead of waiting each for its own failure.
 */
#include "database_private.h"

#include <errno.h>
#include <string.h>

#include "log.h"

#define DOWN_NS (100 * NS_PER_MS)

static void reap(struct loop_timer *timer);

void database_pool_init(struct database_pool *pool, struct loop *loop,
			const struct database_settings *settings,
			struct database_counters *counters, struct database_gauges *gauges)
{
	*pool = (struct database_pool){
		.loop = loop,
		.settings = settings,
		.counters = counters,
		.gauges = gauges,
		.reap = {.expired = reap},
	};
	pool->waiting_end = &pool->waiting;
}

void database_pool_fini(struct database_pool *pool)
{
	loop_timer_disarm(pool->loop, &pool->reap);
	while (pool->idle) {
		struct database_connection *c = pool->idle;

		pool->idle = c->next;
		pool->gauges->idle--;
		database_connection_close(c);
	}
}

/* --- the queue ---------------------------------------------------------------------- */

static void enqueue(struct database_user *user)
{
	struct database_pool *pool = user->pool;

	user->next = NULL;
	user->queued = true;
	*pool->waiting_end = user;
	pool->waiting_end = &user->next;
	pool->gauges->waiting++;
	pool->counters->waits++;
}

static void dequeue(struct database_user *user)
{
	struct database_pool *pool = user->pool;
	struct database_user **place = &pool->waiting;

	if (!user->queued)
		return;
	while (*place != user)
		place = &(*place)->next;
	*place = user->next;
	if (pool->waiting_end == &user->next)
		pool->waiting_end = place;
	user->queued = false;
	pool->gauges->waiting--;
}

static void give(struct database_connection *c, struct database_user *user)
{
	c->user = user;
	user->connection = c;
	c->pool->gauges->in_use++;
}

static bool has_room(const struct database_pool *pool)
{
	return pool->open < pool->settings->connections && pool->opening < DATABASE_OPENING;
}

/* The place of one more connection is taken before it is opened, and given back if it is not. */
static void take_room(struct database_pool *pool)
{
	pool->open++;
	pool->opening++;
}

/* Whoever waits first may open what there is room for. */
static void offer_room(struct database_pool *pool)
{
	while (pool->waiting && has_room(pool)) {
		struct database_user *first = pool->waiting;

		take_room(pool);
		first->may_open = true;
		dequeue(first);
		task_wake(first->task);
	}
}

/* --- idle connections --------------------------------------------------------------- */

static void arm_reap(struct database_pool *pool)
{
	if (loop_timer_arm(pool->loop, &pool->reap, pool->settings->idle_ms * NS_PER_MS / 2))
		log_warn("app", "event=no-timer what=idle-connections");
}

/* The list is sorted: behind one that has been idle too long all have. */
static void reap(struct loop_timer *timer)
{
	struct database_pool *pool = container_of(timer, struct database_pool, reap);
	uint64_t idle_ns = pool->settings->idle_ms * NS_PER_MS;
	struct database_connection **place = &pool->idle;

	while (*place && pool->loop->now_ns - (*place)->idle_since_ns < idle_ns)
		place = &(*place)->next;
	while (*place) {
		struct database_connection *c = *place;

		*place = c->next;
		pool->gauges->idle--;
		pool->open--;
		database_connection_close(c);
	}
	if (pool->idle)
		arm_reap(pool);
}

static void make_idle(struct database_connection *c)
{
	struct database_pool *pool = c->pool;

	c->user = NULL;
	c->idle_since_ns = pool->loop->now_ns;
	c->next = pool->idle;
	pool->idle = c;
	pool->gauges->idle++;
	if (!pool->reap.position)
		arm_reap(pool);
}

static struct database_connection *take_idle(struct database_pool *pool)
{
	while (pool->idle) {
		struct database_connection *c = pool->idle;

		pool->idle = c->next;
		pool->gauges->idle--;
		if (database_connection_lives(c))
			return c;
		pool->open--;
		pool->counters->lost++;
		c->broken = -ENOTCONN;
		database_connection_close(c);
	}
	return NULL;
}

/* --- getting and giving back -------------------------------------------------------- */

/* What is so soon after a failure is one. */
static bool is_down(struct database_user *user)
{
	struct database_pool *pool = user->pool;

	if (!pool->down || loop_clock_ns() >= pool->down_until_ns)
		return false;
	user->code = pool->down_code;
	database_refuse(user, pool->down, pool->down_message);
	return true;
}

static void note_down(const struct database_user *user)
{
	struct database_pool *pool = user->pool;

	if (user->status == user->task->cancelled)
		return;
	pool->down = user->status;
	pool->down_code = user->code;
	strcpy(pool->down_message, user->message);
	pool->down_until_ns = loop_clock_ns() + DOWN_NS;
}

/* Its room has been taken. */
static int open_connection(struct database_user *user)
{
	struct database_pool *pool = user->pool;
	struct database_connection *c = NULL;

	if (!is_down(user)) {
		c = database_connection_open(user);
		if (!c)
			note_down(user);
	}
	pool->opening--;
	if (c) {
		pool->down = 0;
		give(c, user);
	} else {
		pool->open--;
	}
	offer_room(pool);
	return c ? 0 : user->status;
}

static void give_room_back(struct database_pool *pool)
{
	pool->opening--;
	pool->open--;
	offer_room(pool);
}

static int wait_for_connection(struct database_user *user)
{
	struct database_pool *pool = user->pool;
	int err;

	user->may_open = false;
	enqueue(user);
	err = task_wait(user->task, loop_clock_ns() + pool->settings->wait_ms * NS_PER_MS);
	dequeue(user);
	if (user->connection && !err)
		return 0;
	if (user->may_open && !err)
		return open_connection(user);
	if (user->connection)
		database_pool_put(user->connection);
	if (user->may_open)
		give_room_back(pool);
	if (err != -ETIME)
		return database_refuse(user, err, "the request is to end");
	pool->counters->wait_timeouts++;
	return database_refuse(user, -EBUSY, "no connection became free in time");
}

int database_pool_get(struct database_user *user)
{
	struct database_pool *pool = user->pool;
	struct database_connection *c;

	if (!pool->settings)
		return database_refuse(user, -ENOTCONN, "no database is configured");
	if (user->task->cancelled)
		return database_refuse(user, user->task->cancelled, "the request is to end");
	if (user->connection && user->connection->broken && !user->transaction)
		database_pool_put(user->connection);
	if (user->connection)
		return 0;
	c = take_idle(pool);
	if (c) {
		give(c, user);
		return 0;
	}
	if (!has_room(pool))
		return wait_for_connection(user);
	take_room(pool);
	return open_connection(user);
}

void database_pool_put(struct database_connection *c)
{
	struct database_pool *pool = c->pool;
	struct database_user *first = pool->waiting;

	if (c->outstanding)
		database_result_lose(c->outstanding);
	c->user->connection = NULL;
	pool->gauges->in_use--;
	if (c->broken) {
		database_connection_close(c);
		pool->open--;
		offer_room(pool);
	} else if (first) {
		give(c, first);
		dequeue(first);
		task_wake(first->task);
	} else {
		make_idle(c);
	}
}
