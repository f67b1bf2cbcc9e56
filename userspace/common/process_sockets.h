/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The listening sockets of the master. An address has one for each worker
 * (SO_REUSEPORT), a UNIX socket and the monitor's address have one in all.
 *
 * Sockets outlive generations and are never closed while their address is
 * configured: connections may be in their queues. With fewer workers than
 * before, some have several.
 */
#ifndef SLUICE_PROCESS_SOCKETS_H
#define SLUICE_PROCESS_SOCKETS_H

#include "process.h"

#define PROCESS_BACKLOG 4096

struct listen_socket {
	struct endpoint at;
	char path[sizeof(((struct process_listener *)0)->path)];
	int fd;
	bool listening; /* not yet: of a generation that starts */
};

struct socket_set {
	struct listen_socket *items;
	size_t count;
};

/* Whether two listeners are one address; what it is for does not count. */
bool listener_equal(const struct process_listener *a, const struct process_listener *b);
#define LISTENER_TEXT_LEN 112
const char *listener_format(const struct process_listener *listener, char buf[LISTENER_TEXT_LEN]);

/*
 * Binds until the listener has `wanted` sockets, without listening yet. On
 * error says what is wrong in the log; what was bound is closed by sockets_forget().
 */
int sockets_bind(struct socket_set *set, const struct process_listener *listener,
		 size_t wanted) __must_check;
/* Listens on all. On error, logged, sockets_forget() closes all that did not listen before. */
int sockets_listen(struct socket_set *set) __must_check;
/* Closes those that do not listen yet. */
void sockets_forget(struct socket_set *set);
/* Closes those of no listener in the list; removes UNIX sockets from the file system. */
void sockets_retain(struct socket_set *set, const struct process_listener *listeners, size_t count);
/* Closes all of them. In a child: the UNIX sockets stay in the file system. */
void sockets_close(struct socket_set *set);

/* The next socket of a listener behind `socket`, or the first; NULL: no more. */
struct listen_socket *sockets_next(const struct socket_set *set,
				   const struct process_listener *listener,
				   struct listen_socket *socket);

#endif /* SLUICE_PROCESS_SOCKETS_H */
