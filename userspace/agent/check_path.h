/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The way of health checks through the node's interfaces: loads bpf/check.bpf.c
 * and keeps it attached while a check needs it, and tells it of each socket where
 * its packets are to go. Ends with the agent; killed, it leaves programs behind
 * that find no socket of theirs, and that the next agent replaces.
 */
#ifndef SLUICE_AGENT_CHECK_PATH_H
#define SLUICE_AGENT_CHECK_PATH_H

#include "loop.h"
#include "model.h"
#include "sluice/check.h"

#define CHECK_PATH_MEND_NS NS_PER_SEC

struct check_bpf;

struct check_path_port {
	char name[IFNAMSIZ];
	unsigned ifindex; /* 0: not attached */
};

struct check_path {
	struct loop *loop;
	struct check_bpf *program; /* NULL: not loaded */
	struct check_path_port ports[SLUICE_MAX_PORTS];
	size_t port_count;
	struct loop_timer mend;
	/*
	 * Local ports, each used by one check at a time: answers of all backends come from
	 * the same VIP, and only the port tells to which one of them they belong.
	 */
	unsigned short first, last, next;
	unsigned char used[65536 / 8];
	int last_error; /* as logged */
};

void check_path_init(struct check_path *path, struct loop *loop);
void check_path_fini(struct check_path *path);

/* Attaches to the interfaces of a balancer with a check that goes this way; else detaches. */
void check_path_configure(struct check_path *path, const struct cluster *cluster,
			  const struct node *node);

/*
 * Leads a new socket's packets along `way`: binds it to a local port, which is
 * given back by check_path_leave(). -EAGAIN: no port, -ENOTCONN: not loaded.
 */
int check_path_enter(struct check_path *path, int fd, const struct sluice_check_way *way,
		     unsigned short *port) __must_check;
void check_path_leave(struct check_path *path, unsigned short port);
/* Whether any packet of the socket has been led. If not, the programs are looked after soon. */
bool check_path_was_taken(struct check_path *path, int fd);

#endif /* SLUICE_AGENT_CHECK_PATH_H */
