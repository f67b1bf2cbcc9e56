/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which neighbours should be resolved, by configuration and routes; and the
 * list that they are put on, private to the files of the neighbour module.
 */
#ifndef SLUICE_AGENT_NEIGHBOUR_WANTED_H
#define SLUICE_AGENT_NEIGHBOUR_WANTED_H

#include "neighbour.h"

/* Puts on the list what is wanted now; what no longer is becomes `learnt`. */
void neighbours_find_wanted(struct neighbours *neighbours);

/* NULL: out of memory, or too many learnt ones. */
struct neighbour *neighbours_find_or_add(struct neighbours *neighbours,
					 const struct sluice_addr *addr, unsigned ifindex,
					 bool learnt);
/* The interface of ours with this index; NULL: none. */
const struct neighbour_port *neighbours_port(const struct neighbours *neighbours, unsigned ifindex);

#endif /* SLUICE_AGENT_NEIGHBOUR_WANTED_H */
