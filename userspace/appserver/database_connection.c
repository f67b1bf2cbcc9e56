/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A connection and its socket. The library's non-blocking calls tell what they
 * wait for; the socket is watched by the loop, and the task sleeps until then. A call that has to
 * be given up is told of a timeout: it then returns with an error by itself, and the connection
 * is of no more use.
 */
#include "database_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log.h"

/* A socket that is ready, and nobody waits: what came is left for later, or it is the end. */
static void ready(struct loop_watch *watch, uint32_t events)
{
	struct database_connection *c = container_of(watch, struct database_connection, watch);

	if (!c->waited_for) {
		if (!loop_watch_set(c->pool->loop, watch, 0))
			c->watched = 0;
		return;
	}
	c->waited_for = false;
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		c->ready |= MYSQL_WAIT_READ;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		c->ready |= MYSQL_WAIT_WRITE;
	task_wake(c->user->task);
}

static int watch_for(struct database_connection *c, int wanted)
{
	uint32_t events = (wanted & MYSQL_WAIT_READ ? EPOLLIN : 0u) |
			  (wanted & MYSQL_WAIT_WRITE ? EPOLLOUT : 0u);
	int err = 0;

	if (c->watch.fd == LOOP_NO_FD)
		err = loop_watch_add(c->pool->loop, &c->watch, (int)mysql_get_socket(&c->mysql),
				     events);
	else if (c->watched != events)
		err = loop_watch_set(c->pool->loop, &c->watch, events);
	if (!err)
		c->watched = events;
	return err;
}

int database_connection_wait(struct database_connection *c, int wanted)
{
	int err = c->broken;

	/* While a connection is opened, the library may change to another socket. */
	database_connection_check(c);
	if (!err)
		err = watch_for(c, wanted);
	if (!err) {
		c->ready = 0;
		c->waited_for = true;
		err = task_wait(c->user->task, c->deadline_ns);
		c->waited_for = false;
	}
	if (err && !c->broken)
		c->broken = err;
	return c->broken ? MYSQL_WAIT_TIMEOUT : c->ready;
}

/* The library closes sockets by itself: the kernel has forgotten such a one, the loop has to. */
void database_connection_check(struct database_connection *c)
{
	if (c->watch.fd == LOOP_NO_FD || c->watch.fd == (int)mysql_get_socket(&c->mysql))
		return;
	loop_watch_del(c->pool->loop, &c->watch);
	c->watched = 0;
}

void database_connection_begin(struct database_connection *c, unsigned ms)
{
	c->deadline_ns = loop_clock_ns() + ms * NS_PER_MS;
}

bool database_connection_lives(struct database_connection *c)
{
	char byte;

	/* Between statements a server says nothing, but to announce that it closes. */
	return recv((int)mysql_get_socket(&c->mysql), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

static int set_options(struct database_connection *c)
{
	const struct database_settings *settings = c->pool->settings;
	unsigned long packet = settings->rows_bytes;
	unsigned none = 0;
	my_bool off = 0;

	if (!mysql_init(&c->mysql))
		return -ENOMEM;
	if (mysql_options(&c->mysql, MYSQL_OPT_NONBLOCK, 0) ||
	    mysql_options(&c->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4") ||
	    mysql_options(&c->mysql, MYSQL_OPT_RECONNECT, &off) ||
	    mysql_options(&c->mysql, MYSQL_OPT_LOCAL_INFILE, &none) ||
	    mysql_options(&c->mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet) ||
	    mysql_options4(&c->mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "sluice-app"))
		return -EINVAL;
	return 0;
}

static bool connect_to_server(struct database_connection *c)
{
	const struct database_settings *settings = c->pool->settings;
	const char *socket = settings->socket[0] ? settings->socket : NULL;
	char host[ADDR_TEXT_LEN];
	MYSQL *connected = NULL;
	int wanted;

	database_connection_begin(c, settings->connect_ms);
	wanted = mysql_real_connect_start(
		&connected, &c->mysql,
		socket ? "localhost" : addr_format(&settings->server.addr, host), settings->user,
		settings->password, settings->name[0] ? settings->name : NULL,
		settings->server.port, socket, 0);
	while (wanted)
		wanted = mysql_real_connect_cont(&connected, &c->mysql,
						 database_connection_wait(c, wanted));
	database_connection_check(c);
	return connected != NULL;
}

struct database_connection *database_connection_open(struct database_user *user)
{
	struct database_connection *c = calloc(1, sizeof(*c));
	int err;

	if (!c) {
		database_refuse(user, -ENOMEM, "out of memory");
		return NULL;
	}
	c->pool = user->pool;
	c->user = user;
	c->watch = (struct loop_watch){.fd = LOOP_NO_FD, .ready = ready};
	err = set_options(c);
	if (err) {
		database_refuse(user, err, "the client library cannot be set up");
		free(c);
		return NULL;
	}
	if (connect_to_server(c)) {
		user->pool->counters->connects++;
		return c;
	}
	user->pool->counters->connect_errors++;
	database_fail(c, mysql_errno(&c->mysql), mysql_sqlstate(&c->mysql), mysql_error(&c->mysql));
	if (user->status != user->task->cancelled)
		user->status = -ENOTCONN;
	database_connection_close(c);
	return NULL;
}

void database_connection_close(struct database_connection *c)
{
	int fd = (int)mysql_get_socket(&c->mysql);

	loop_watch_del(c->pool->loop, &c->watch);
	/* So that the library's farewell cannot block; it is not needed. */
	if (c->broken && fd >= 0)
		shutdown(fd, SHUT_RDWR);
	mysql_close(&c->mysql);
	database_statements_forget(c);
	free(c);
}

int database_connection_command(struct database_connection *c, const char *sql)
{
	int failed = 0, wanted;

	database_connection_begin(c, c->pool->settings->statement_ms);
	wanted = mysql_real_query_start(&failed, &c->mysql, sql, strlen(sql));
	while (wanted)
		wanted = mysql_real_query_cont(&failed, &c->mysql,
					       database_connection_wait(c, wanted));
	database_connection_check(c);
	if (!failed)
		return 0;
	return database_fail(c, mysql_errno(&c->mysql), mysql_sqlstate(&c->mysql),
			     mysql_error(&c->mysql));
}
