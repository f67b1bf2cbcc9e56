/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What all checks of one service have in common, made once from its
 * configuration: the check as configured, its TLS context, its password. A
 * running probe holds a reference, so that a new configuration may come meanwhile.
 */
#ifndef SLUICE_AGENT_PROBE_PLAN_H
#define SLUICE_AGENT_PROBE_PLAN_H

#include <openssl/ssl.h>

#include "../mysqlrouter/auth.h"
#include "model.h"

#define PROBE_WORDS_BYTES SLUICE_CHECK_WORDS

struct probe_plan {
	unsigned references;
	struct health_check check;
	SSL_CTX *tls; /* of types that speak TLS; NULL: not ready */
	struct auth_secret secret;
	bool has_secret;
	char problem[PROBE_WORDS_BYTES]; /* why it is not ready */
};

/* With one reference; NULL: out of memory. */
struct probe_plan *probe_plan_create(const struct health_check *check);
struct probe_plan *probe_plan_get(struct probe_plan *plan);
void probe_plan_put(struct probe_plan *plan); /* NULL is harmless */

/*
 * Makes sure that the files it needs were read: those that could not be are
 * tried again. False: `problem` tells why no check can be done.
 */
bool probe_plan_is_ready(struct probe_plan *plan);
/* A check failed that what its files held may explain: read them again for the next one. */
void probe_plan_doubt(struct probe_plan *plan);

#endif /* SLUICE_AGENT_PROBE_PLAN_H */
