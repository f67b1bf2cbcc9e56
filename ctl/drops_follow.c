/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Dropped packets, one a line, within a fifth of a second: what capture sees of those whose
 * outcome is a drop, and of their frames no more than the headers. Events that found the
 * buffer full are counted, and the count is told as it grows.
 */
#include "drops_follow.h"

#include "frame_tuple.h"
#include "ledger_view.h"
#include "packet_watch.h"

#include <errno.h>
#include <string.h>

#define HEADER_BYTES 192 /* of a frame: enough for what is told of it */

struct follower {
	const struct session *session;
	uint64_t unix_offset_ns, lost;
	unsigned long long told, count; /* 0: no limit */
};

static const struct output_column event_line[] = {
	{"time", ""}, {"interface", ""}, {"reason", ""},    {"proto", ""},	  {"src", ""},
	{"dst", ">"}, {"rule", "rule"},	 {"rule_id", "id"}, {"length", "length"}, {},
};
static const struct output_view event_view = {.line = event_line};
static const struct output_column lost_line[] = {{"lost", "events lost:"}, {}};
static const struct output_view lost_view = {.line = lost_line};

static json_t *end_json(const struct frame_tuple *tuple, const struct endpoint *end)
{
	char text[ENDPOINT_TEXT_LEN];

	return json_string(tuple->has_ports ? endpoint_format(end, text)
					    : addr_format(&end->addr, text));
}

/* What is not known is missing. */
static int add_tuple(json_t *event, const struct sluice_captured *captured,
		     const unsigned char *frame)
{
	struct frame_tuple tuple;
	char proto[4];

	if (!frame_tuple(frame, captured->received_bytes, &tuple))
		return 0;
	return json_object_set_new(event, "proto", json_string(proto_name(tuple.proto, proto))) ||
			       json_object_set_new(event, "src", end_json(&tuple, &tuple.src)) ||
			       json_object_set_new(event, "dst", end_json(&tuple, &tuple.dst))
		       ? -ENOMEM
		       : 0;
}

static int add_rule(const struct follower *follower, json_t *event,
		    const struct sluice_captured *captured)
{
	const char *rule = model_rule_name(&follower->session->cluster, captured->rule);

	if (captured->rule == SLUICE_NONE)
		return 0;
	return json_object_set_new(event, "rule_id", json_integer(captured->rule)) ||
			       (rule && json_object_set_new(event, "rule", json_string(rule)))
		       ? -ENOMEM
		       : 0;
}

static json_t *event_json(const struct follower *follower, const struct sluice_captured *captured,
			  const unsigned char *frame)
{
	const struct sluice_port none = {.ifname = "?"};
	struct sluice_port port;
	uint64_t unix_ns = captured->time_ns + follower->unix_offset_ns;
	json_t *event;

	if (dataplane_read_port(&follower->session->dp, captured->port, &port) || !*port.ifname)
		port = none;
	event = json_pack("{s:o, s:I, s:s, s:s, s:I}", "time", packet_watch_time(unix_ns),
			  "unix_ns", (json_int_t)unix_ns, "interface", port.ifname, "reason",
			  outcome_token((enum sluice_outcome)captured->outcome), "length",
			  (json_int_t)captured->received_length);
	if (event && !add_tuple(event, captured, frame) && !add_rule(follower, event, captured))
		return event;
	json_decref(event);
	return NULL;
}

static int tell(void *context, const struct sluice_captured *captured, const unsigned char *frame)
{
	struct follower *follower = context;
	int err;

	if (captured->outcome >= SLUICE_OUTCOME_COUNT)
		return 0;
	err = output_emit(&follower->session->inv->out, event_json(follower, captured, frame),
			  &event_view);
	/* A closed pipe is seen by the watch: this alone is no error. */
	if (err == -ENOMEM)
		return err;
	return ++follower->told == follower->count;
}

static void tell_lost(void *context, uint64_t lost)
{
	struct follower *follower = context;

	if (lost == follower->lost)
		return;
	follower->lost = lost;
	(void)output_emit(&follower->session->inv->out,
			  json_pack("{s:I}", "lost", (json_int_t)lost), &lost_view);
}

static int make_filter(const struct session *session, struct capture_filter *filter)
{
	const struct invocation *inv = session->inv;
	const struct drops_args *args = inv->args;
	bool given = command_given(inv, &args->outcome), chosen = false;

	*filter = capture_filter_all();
	filter->snaplen = HEADER_BYTES;
	filter->sample = args->sample ? args->sample : 1;
	for (int i = 0; i < SLUICE_OUTCOME_COUNT; i++)
		filter->outcomes[i] =
			outcome_class((enum sluice_outcome)i) == SLUICE_CLASS_DROP &&
			(!given || args->outcome == i || args->outcome == -1 - SLUICE_CLASS_DROP);
	for (int i = 0; i < SLUICE_OUTCOME_COUNT; i++)
		chosen |= filter->outcomes[i];
	if (!chosen) {
		command_error(inv, "reason: expected one of those that \"lbctl drops\" names");
		return EXIT_USAGE;
	}
	if (args->ifname && dataplane_port_slot(&session->dp, args->ifname, &filter->port)) {
		command_error(inv, "dev \"%s\": expected an interface that Sluice is attached to",
			      args->ifname);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

int drops_follow(const struct session *session)
{
	const struct drops_args *args = session->inv->args;
	struct capture_filter filter;
	struct follower follower = {.session = session,
				    .count = args->count,
				    .unix_offset_ns = packet_watch_unix_offset()};
	struct packet_watch watch = {
		.session = session,
		.filter = &filter,
		.seconds = args->seconds,
		.each = tell,
		.pause = tell_lost,
		.context = &follower,
	};
	int code = make_filter(session, &filter);

	return code ? code : packet_watch_run(&watch);
}
