/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "probe_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/err.h>

struct probe_plan *probe_plan_create(const struct health_check *check)
{
	struct probe_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	plan->references = 1;
	plan->check = *check;
	return plan;
}

struct probe_plan *probe_plan_get(struct probe_plan *plan)
{
	plan->references++;
	return plan;
}

void probe_plan_put(struct probe_plan *plan)
{
	if (!plan || --plan->references)
		return;
	SSL_CTX_free(plan->tls);
	explicit_bzero(&plan->secret, sizeof(plan->secret));
	free(plan);
}

static bool fail(struct probe_plan *plan, const char *what, const char *path, const char *reason)
{
	snprintf(plan->problem, sizeof(plan->problem), "%s: %.40s: %s", what, path, reason);
	return false;
}

/* Whom to believe: nobody in particular, unless a file says who. */
static bool load_authorities(struct probe_plan *plan, SSL_CTX *context)
{
	SSL_CTX_set_verify(context, plan->check.ca[0] ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (!plan->check.ca[0] || SSL_CTX_load_verify_file(context, plan->check.ca) == 1)
		return true;
	ERR_clear_error();
	return fail(plan, "ca", plan->check.ca, "no certificates can be read");
}

static bool prepare_tls(struct probe_plan *plan)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context)
		return fail(plan, "tls", "", "out of memory");
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	/* A resumed session would not show that the certificate can be used. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	if (!load_authorities(plan, context)) {
		SSL_CTX_free(context);
		return false;
	}
	plan->tls = context;
	return true;
}

/* The first line of the file, or an empty password without one. */
static bool read_password(struct probe_plan *plan)
{
	const char *path = plan->check.password_file;
	char text[AUTH_PASSWORD_BYTES] = "";
	ssize_t length = 0;
	int err = 0, fd;

	if (path[0]) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		err = errno;
		if (fd >= 0)
			close(fd);
	}
	if (length < 0)
		return fail(plan, "password-file", path, strerror(err));
	text[strcspn(text, "\r\n")] = '\0';
	plan->has_secret =
		!auth_secret_from_password((struct span){text, strlen(text)}, &plan->secret);
	explicit_bzero(text, sizeof(text));
	return plan->has_secret || fail(plan, "password-file", path, "the password is too long");
}

bool probe_plan_is_ready(struct probe_plan *plan)
{
	bool speaks_tls = plan->check.type == CHECK_HTTPS || plan->check.type == CHECK_TLS;

	if (speaks_tls && !plan->tls && !prepare_tls(plan))
		return false;
	return !plan->check.user[0] || plan->has_secret || read_password(plan);
}

void probe_plan_doubt(struct probe_plan *plan)
{
	SSL_CTX_free(plan->tls); /* connections that use it have references of their own */
	plan->tls = NULL;
	plan->has_secret = false;
}
