/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What failures.bpf.c counts and failures.c prints. */
#ifndef SLUICE_TESTS_FAILURES_H
#define SLUICE_TESTS_FAILURES_H

#include <linux/types.h>

/* X(name, tracepoint) */
#define FAILURE_EVENTS(X)                                                                          \
	X(EXCEPTION, "xdp_exception")                                                              \
	X(REDIRECT, "xdp_redirect_err")                                                            \
	X(DEVMAP, "xdp_devmap_xmit")                                                               \
	X(BULK_TX, "xdp_bulk_tx")

enum failure_event {
#define FAILURE_ENUM(name, tracepoint) FAILURE_##name,
	FAILURE_EVENTS(FAILURE_ENUM)
#undef FAILURE_ENUM
		FAILURE_EVENT_COUNT
};

struct failure_key {
	__u32 event;   /* enum failure_event */
	__u32 ifindex; /* where the frame came in; BULK_TX: where it goes out */
	__u32 netns;   /* inode of that interface's network namespace */
	__u32 program; /* id, where the tracepoint tells it */
	__s32 error;   /* negative errno */
	__u32 action;  /* XDP code, of EXCEPTION */
};

#endif /* SLUICE_TESTS_FAILURES_H */
