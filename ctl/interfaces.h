/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Making the interfaces of a node equal to its model: programs attached,
 * replaced and detached, and all of it taken back if one step fails.
 *
 * All functions that return an exit code have printed why it is not EXIT_OK.
 */
#ifndef SLUICE_CTL_INTERFACES_H
#define SLUICE_CTL_INTERFACES_H

#include "attach.h"
#include "session.h"

const char *attach_mode_name(enum attach_mode mode);

/*
 * Refuses (EXIT_FAILED) where the kernel around `node` would lose or leak the
 * packets of an interface that forwards, balances or decapsulates, naming each
 * finding and its fix. `setup` is the command that mends them all.
 */
int interfaces_check_host(const struct invocation *inv, const struct cluster *cluster,
			  const struct node *node, const char *setup);

/* The mode that an interface runs in; native if nothing is attached. */
enum attach_mode interfaces_mode(const char *ifname);

/* Attaches one; on failure nothing is attached that was not before. */
int interfaces_attach(struct session *session, const struct interface *interface,
		      enum attach_mode mode, struct attachment *out);

/*
 * Attaches or replaces what the model in force has roles for, detaches what
 * only `before` had. An interface that is attached keeps its mode. After a
 * failure the configuration and the interfaces are as `before` says, as far as
 * that is possible.
 */
int interfaces_sync(struct session *session, struct cluster *before);

#endif /* SLUICE_CTL_INTERFACES_H */
