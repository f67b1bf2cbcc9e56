/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The XDP program of one interface: loaded for its roles, attached through
 * libxdp (dispatcher where the kernel can, else alone), replaced in place, and
 * run on a synthetic packet for `trace`.
 */
#ifndef SLUICE_ATTACH_H
#define SLUICE_ATTACH_H

#include "dataplane.h"

enum attach_mode {
	ATTACH_NATIVE,	/* in the driver; fails where the driver cannot */
	ATTACH_GENERIC, /* behind the driver: slow, works everywhere */
};

struct attachment {
	enum attach_mode mode;
	unsigned prog_id;
	bool dispatcher; /* shares the interface with other programs */
};

/*
 * Loads the program for `interface` (roles, port slot) and attaches it in the
 * caller's network namespace; an earlier Sluice program is replaced without a
 * packet in between passing unfiltered. Returns -EBUSY if a foreign program is
 * there and cannot share, -EOPNOTSUPP if the mode is not to be had, -EEXIST if
 * Sluice is there in the other mode (the kernel cannot exchange them: detach
 * first), -ENODEV, and -ENOENT if the interface is in no configuration in
 * force. dataplane_detail() then has the kernel's words.
 */
int attach_interface(struct dataplane *dp, const struct interface *interface, enum attach_mode mode,
		     struct attachment *out) __must_check;
/* -ENOENT: Sluice is not attached there. Foreign programs are left alone. */
int detach_interface(struct dataplane *dp, const char *ifname) __must_check;
/*
 * The same while a change waits for a confirmation (dp->confirm_s): everything passes, until
 * it is confirmed or the program before is there again. attach_interface() does so by itself.
 */
int detach_guarded(struct dataplane *dp, const char *ifname) __must_check;
/* Whether the interface's program stands behind a guard. */
bool attach_is_guarded(const char *ifname);
/* What of Sluice is on the interface now, behind a guard or not; -ENOENT: nothing. */
int attach_query(const char *ifname, struct attachment *out) __must_check;

/*
 * Whether the program of this id is what attach_interface() would put there: of the same build,
 * with the same constants and the node's maps, and with its stages.
 */
bool attach_is_current(const struct dataplane *dp, const struct interface *interface,
		       unsigned prog_id);

/*
 * Runs `frame` (Ethernet, length bytes) through the program of `interface` as
 * if it had come in there, changing nothing. steps: SLUICE_TRACE_STEPS
 * elements, the last used one followed by SLUICE_STEP_END.
 */
int attach_trace(struct dataplane *dp, const struct interface *interface, const void *frame,
		 size_t length, struct sluice_trace_step *steps) __must_check;

/* Whether this kernel can make connections of SYN cookies, as backends must: from 6.9 on. */
#define ACCEPT_KERNEL	"6.9"
#define ACCEPT_FUNCTION "bpf_sk_assign_tcp_reqsk"
bool accept_is_possible(void);

#endif /* SLUICE_ATTACH_H */
