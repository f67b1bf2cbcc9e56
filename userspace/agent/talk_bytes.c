/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Bytes to send, and bytes to find in the answer: anywhere in what a TCP server
 * says, or within one datagram.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_check.h"
#include "needle.h"
#include "probe_talk.h"

struct bytes_talk {
	struct probe_talk talk;
	struct needle needle;
};

static bool is_datagram(const struct probe_talk *talk)
{
	return talk->plan->check.type == CHECK_UDP;
}

static int begin(struct probe_talk *talk, const struct endpoint *host)
{
	const struct health_check *check = &talk->plan->check;

	(void)host;
	needle_init(&container_of(talk, struct bytes_talk, talk)->needle, &check->expect);
	memcpy(talk->out, check->send.bytes, check->send.length);
	talk->out_length = check->send.length;
	return is_datagram(talk) || check->send.length || check->expect.length ? -EAGAIN : PROBE_OK;
}

static int take(struct probe_talk *talk, const unsigned char *bytes, size_t count)
{
	struct needle *needle = &container_of(talk, struct bytes_talk, talk)->needle;

	if (needle_find(needle, bytes, count))
		return PROBE_OK;
	return is_datagram(talk) ? talk_lacks(talk, "the answer", needle->wanted) : -EAGAIN;
}

static int end(struct probe_talk *talk)
{
	if (!talk->plan->check.expect.length)
		return PROBE_CLOSED;
	return talk_lacks(talk, "the answer", &talk->plan->check.expect);
}

const struct talk_kind talk_bytes = {sizeof(struct bytes_talk), begin, take, end};

int talk_lacks(struct probe_talk *talk, const char *what, const struct check_bytes *wanted)
{
	char text[CHECK_BYTES_TEXT_LEN];

	snprintf(talk->words, sizeof(talk->words), "%s lacks '%.60s'", what,
		 config_check_bytes_format(wanted, text));
	return PROBE_CONTENT;
}
