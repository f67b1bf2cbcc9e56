/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SO_REUSEPORT would let a second daemon join the first one's port unnoticed,
 * so a new address is bound once without it, to see whether it is free.
 */
#include "process_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bind.h"
#include "log.h"

#define UNIX_UMASK 0111 /* all may connect: who reaches it is decided by the directory */

bool listener_equal(const struct process_listener *a, const struct process_listener *b)
{
	if (a->path[0] || b->path[0])
		return !strcmp(a->path, b->path);
	return !addr_cmp(&a->at.addr, &b->at.addr) && a->at.port == b->at.port;
}

const char *listener_format(const struct process_listener *listener, char buf[LISTENER_TEXT_LEN])
{
	char at[ENDPOINT_TEXT_LEN];

	snprintf(buf, LISTENER_TEXT_LEN, "%s",
		 listener->path[0] ? listener->path : endpoint_format(&listener->at, at));
	return buf;
}

static struct process_listener listener_of(const struct listen_socket *socket)
{
	struct process_listener listener = {.at = socket->at};

	memcpy(listener.path, socket->path, sizeof(listener.path));
	return listener;
}

struct listen_socket *sockets_next(const struct socket_set *set,
				   const struct process_listener *listener,
				   struct listen_socket *socket)
{
	struct listen_socket *end = set->items + set->count;

	for (socket = socket ? socket + 1 : set->items; socket < end; socket++) {
		struct process_listener other = listener_of(socket);

		if (listener_equal(&other, listener))
			return socket;
	}
	return NULL;
}

/* --- binding ------------------------------------------------------------------------ */

/* 0: nobody listens at `path`, and what was left there by somebody is removed. */
static int clear_path(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err = 0;
	struct stat status;

	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN)
		err = -EADDRINUSE;
	else if (errno == ECONNREFUSED && !stat(address->sun_path, &status) &&
		 S_ISSOCK(status.st_mode) && unlink(address->sun_path))
		err = -errno;
	close(fd);
	return err;
}

static int bind_unix(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t before;
	int fd, err;

	memcpy(address.sun_path, path, strlen(path) + 1);
	err = clear_path(&address);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	before = umask(UNIX_UMASK);
	err = bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	umask(before);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* A wildcard of our own at the same port is no stranger. */
static bool have_port(const struct socket_set *set, unsigned short port)
{
	for (size_t i = 0; i < set->count; i++)
		if (!set->items[i].path[0] && set->items[i].at.port == port)
			return true;
	return false;
}

static int bind_listener(const struct socket_set *set, const struct process_listener *listener)
{
	int probe;

	if (listener->path[0])
		return bind_unix(listener->path);
	if (!have_port(set, listener->at.port)) {
		probe = bind_inet(&listener->at, false);
		if (probe < 0)
			return probe;
		close(probe);
	}
	return bind_inet(&listener->at, true);
}

static const char *advice(int err)
{
	switch (-err) {
	case EADDRINUSE:
		return "another process listens there: stop it, or choose another address";
	case EADDRNOTAVAIL:
		return "no interface has this address: add it, or set net.ipv4.ip_nonlocal_bind "
		       "and net.ipv6.ip_nonlocal_bind";
	case EACCES:
	case EPERM:
		return "ports below 1024 and directories of others need root";
	case EMFILE:
	case ENFILE:
		return "raise the limit of open files";
	default:
		return "choose another address";
	}
}

static void complain(const struct process_listener *listener, int err)
{
	char text[LISTENER_TEXT_LEN];

	log_error("process", "event=cannot-listen at=%s error=\"%s\" hint=\"%s\"",
		  listener_format(listener, text), strerror(-err), advice(err));
}

static int add_socket(struct socket_set *set, const struct process_listener *listener)
{
	struct listen_socket *items;
	int fd;

	items = reallocarray(set->items, set->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	set->items = items;
	fd = bind_listener(set, listener);
	if (fd < 0)
		return fd;
	items[set->count] = (struct listen_socket){.at = listener->at, .fd = fd};
	memcpy(items[set->count++].path, listener->path, sizeof(listener->path));
	return 0;
}

int sockets_bind(struct socket_set *set, const struct process_listener *listener, size_t wanted)
{
	size_t count = 0;

	for (struct listen_socket *found = NULL; (found = sockets_next(set, listener, found));)
		count++;
	for (; count < wanted; count++) {
		int err = add_socket(set, listener);

		if (err) {
			complain(listener, err);
			return err;
		}
	}
	return 0;
}

int sockets_listen(struct socket_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct listen_socket *item = &set->items[i];
		struct process_listener listener = listener_of(item);
		int err;

		if (item->listening)
			continue;
		if (listen(item->fd, PROCESS_BACKLOG)) {
			err = -errno;
			complain(&listener, err);
			return err;
		}
	}
	for (size_t i = 0; i < set->count; i++)
		set->items[i].listening = true;
	return 0;
}

/* --- closing ------------------------------------------------------------------------ */

static bool is_listed(const struct listen_socket *item, const struct process_listener *listeners,
		      size_t count)
{
	struct process_listener listener = listener_of(item);

	for (size_t i = 0; i < count; i++)
		if (listener_equal(&listener, &listeners[i]))
			return true;
	return false;
}

static void close_socket(struct listen_socket *item)
{
	close(item->fd);
	if (item->path[0])
		unlink(item->path);
}

void sockets_forget(struct socket_set *set)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (set->items[i].listening)
			set->items[kept++] = set->items[i];
		else
			close_socket(&set->items[i]);
	}
	set->count = kept;
}

void sockets_retain(struct socket_set *set, const struct process_listener *listeners, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (is_listed(&set->items[i], listeners, count))
			set->items[kept++] = set->items[i];
		else
			close_socket(&set->items[i]);
	}
	set->count = kept;
}

void sockets_close(struct socket_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		close(set->items[i].fd);
	free(set->items);
	*set = (struct socket_set){0};
}
