/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl capture: packets with what became of them, as pcapng on standard output. Each frame
 * comes as it was received and, if it went on changed or elsewhere, also as it left; the
 * comment of both says outcome, rule and backend.
 */
#include "capture.h"
#include "commands.h"
#include "ledger_view.h"
#include "packet_watch.h"
#include "pcapng.h"
#include "service_find.h"
#include "sluice/version.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct capture_args {
	int proto;
	struct endpoint src, dst;
	const char *ifname;
	struct vip vip;
	int outcome; /* enum sluice_outcome, or -1 - class */
	unsigned sample, count, snaplen, seconds;
};

struct writer {
	const struct session *session;
	uint64_t unix_offset_ns; /* from CLOCK_MONOTONIC to the time of day */
	uint64_t packets, count; /* done, and wanted; 0: no limit */
	char interfaces[SLUICE_MAX_PORTS + 1][IFNAMSIZ]; /* as described, in that order */
	uint32_t interface_count;
	uint32_t snaplen;
};

/* --- the filter ------------------------------------------------------------- */

static void set_end(struct sluice_capture_end *end, const struct prefix *prefix, unsigned short min,
		    unsigned short max)
{
	end->mask = addr_mask(prefix->bits);
	end->addr = addr_and(&prefix->addr, &end->mask);
	end->port_min = min;
	end->port_max = max;
}

/* An endpoint without a port is all of that address. */
static void set_endpoint(struct sluice_capture_end *end, const struct endpoint *from)
{
	const struct prefix host = {.addr = from->addr, .bits = 128};

	set_end(end, &host, from->port, from->port ? from->port : 65535);
}

static void set_outcomes(struct capture_filter *filter, int wanted)
{
	for (int i = 0; i < SLUICE_OUTCOME_COUNT; i++)
		filter->outcomes[i] =
			wanted < 0 ? -1 - (int)outcome_class((enum sluice_outcome)i) == wanted
				   : i == wanted;
}

static int set_vip(const struct session *session, struct capture_filter *filter)
{
	const struct capture_args *args = session->inv->args;
	const struct service *service = service_find_vip(session, &args->vip, args->proto);

	if (!service)
		return EXIT_USAGE;
	filter->proto = service->proto;
	set_end(&filter->ends[1], &args->vip.to, args->vip.ports.min, args->vip.ports.max);
	return EXIT_OK;
}

static int make_filter(const struct session *session, struct capture_filter *filter)
{
	const struct invocation *inv = session->inv;
	const struct capture_args *args = inv->args;

	*filter = capture_filter_all();
	filter->proto = args->proto;
	if (command_given(inv, &args->sample))
		filter->sample = args->sample;
	if (command_given(inv, &args->snaplen))
		filter->snaplen = args->snaplen;
	if (command_given(inv, &args->src))
		set_endpoint(&filter->ends[0], &args->src);
	if (command_given(inv, &args->dst))
		set_endpoint(&filter->ends[1], &args->dst);
	if (command_given(inv, &args->outcome))
		set_outcomes(filter, args->outcome);
	if (args->ifname && dataplane_port_slot(&session->dp, args->ifname, &filter->port)) {
		command_error(inv, "dev \"%s\": expected an interface that Sluice is attached to",
			      args->ifname);
		return EXIT_USAGE;
	}
	return command_given(inv, &args->vip) ? set_vip(session, filter) : EXIT_OK;
}

static int check_arguments(const struct invocation *inv)
{
	const struct capture_args *args = inv->args;

	if (command_given(inv, &args->vip) && command_given(inv, &args->dst)) {
		command_error(inv, "vip: expected no DST beside it");
		return EXIT_USAGE;
	}
	if (inv->out.format != OUTPUT_TEXT) {
		command_error(inv, "-j: expected none: what is captured comes as pcapng");
		return EXIT_USAGE;
	}
	if (!isatty(STDOUT_FILENO))
		return EXIT_OK;
	command_error(inv, "standard output is a terminal, expected a file or a pipe, as in: "
			   "lbctl capture | tcpdump -nr -");
	return EXIT_USAGE;
}

/* --- what is said of a packet ----------------------------------------------- */

static void backend_words(const struct writer *writer, unsigned slot, char *out, size_t size)
{
	struct sluice_backend entry;
	char text[ADDR_TEXT_LEN];

	if (slot == SLUICE_NONE || dataplane_read_backend(&writer->session->dp, slot, &entry))
		return;
	snprintf(
		out, size, " backend %s",
		addr_format(entry.flags & SLUICE_BACKEND_HAS4 ? &entry.addr4 : &entry.addr6, text));
}

static void describe(const struct writer *writer, const struct sluice_captured *captured, char *out,
		     size_t size)
{
	enum sluice_outcome outcome = (enum sluice_outcome)captured->outcome;
	int at = snprintf(out, size, "%s%s (%s)",
			  outcome_class(outcome) == SLUICE_CLASS_DROP ? "drop " : "",
			  outcome_token(outcome), outcome_help(outcome));

	if (captured->rule != SLUICE_NONE)
		at += snprintf(out + at, size - (size_t)at, " rule %s",
			       model_rule_name(&writer->session->cluster, captured->rule) ?: "?");
	backend_words(writer, captured->backend, out + at, size - (size_t)at);
}

/* The number of the interface in the file, which is told of it when it first appears. */
static uint32_t interface_number(struct writer *writer, const char *name)
{
	uint32_t i = 0;

	while (i < writer->interface_count && strcmp(writer->interfaces[i], name) != 0)
		i++;
	if (i < writer->interface_count || i > SLUICE_MAX_PORTS)
		return i;
	snprintf(writer->interfaces[i], sizeof(writer->interfaces[i]), "%s", name);
	pcapng_interface(stdout, name, writer->session->name, writer->snaplen);
	return writer->interface_count++;
}

static const char *port_name(const struct writer *writer, unsigned port, char name[IFNAMSIZ])
{
	struct sluice_port entry;

	if (dataplane_read_port(&writer->session->dp, port, &entry))
		return "?";
	snprintf(name, IFNAMSIZ, "%.*s", IFNAMSIZ - 1, entry.ifname);
	return name;
}

/* Where a frame went: to the stack and back out by the interface that it came in by. */
static const char *way_out(unsigned ifindex, const char *in, char name[IFNAMSIZ])
{
	return ifindex && if_indextoname(ifindex, name) ? name : in;
}

static int write_captured(void *context, const struct sluice_captured *captured,
			  const unsigned char *frame)
{
	struct writer *writer = context;
	char comment[256], in[IFNAMSIZ], out[IFNAMSIZ];
	const char *name = port_name(writer, captured->port, in);
	struct pcapng_packet packet = {
		.interface = interface_number(writer, name),
		.unix_ns = captured->time_ns + writer->unix_offset_ns,
		.bytes = frame,
		.captured = captured->received_bytes,
		.length = captured->received_length,
		.comment = comment,
	};

	if (captured->outcome >= SLUICE_OUTCOME_COUNT)
		return 0;
	describe(writer, captured, comment, sizeof(comment));
	pcapng_packet(stdout, &packet);
	if (captured->sent_bytes) {
		packet.interface =
			interface_number(writer, way_out(captured->ifindex_out, name, out));
		packet.bytes = frame + captured->received_bytes;
		packet.captured = captured->sent_bytes;
		packet.length = captured->sent_length;
		packet.outbound =
			outcome_class((enum sluice_outcome)captured->outcome) != SLUICE_CLASS_PASS;
		pcapng_packet(stdout, &packet);
	}
	return ++writer->packets == writer->count;
}

/* --- the command ------------------------------------------------------------ */

static void begin(void *context)
{
	(void)context;
	pcapng_begin(stdout, "lbctl " SLUICE_VERSION);
}

static void finish(struct writer *writer, uint64_t lost)
{
	if (writer->interface_count)
		pcapng_statistics(stdout, 0, packet_watch_clock(CLOCK_REALTIME), lost);
	fprintf(stderr, "%llu packets captured, %llu lost\n", (unsigned long long)writer->packets,
		(unsigned long long)lost);
}

static int capture(struct session *session)
{
	const struct capture_args *args = session->inv->args;
	struct writer writer = {.session = session, .count = args->count};
	struct capture_filter filter;
	struct packet_watch watch = {
		.session = session,
		.filter = &filter,
		.seconds = args->seconds,
		.begin = begin,
		.each = write_captured,
		.context = &writer,
	};
	int code = make_filter(session, &filter);

	if (code)
		return code;
	writer.snaplen = filter.snaplen;
	writer.unix_offset_ns = packet_watch_unix_offset();
	code = packet_watch_run(&watch);
	if (!code)
		finish(&writer, watch.lost);
	return code;
}

static int run_capture(struct invocation *inv)
{
	struct session session;
	int code = check_arguments(inv);

	if (code)
		return code;
	code = session_open(&session, inv, DATAPLANE_READ, NULL);
	if (!code)
		code = capture(&session);
	session_close(&session);
	return code;
}

static const struct parameter capture_parameters[] = {
	OPERAND_OPTIONAL(struct capture_args, proto, "PROTO", type_proto,
			 "only these: tcp, udp, icmp, ... or a number; any by default"),
	OPERAND_OPTIONAL(struct capture_args, src, "ADDR[:PORT]", type_endpoint,
			 "only from or to here"),
	OPERAND_OPTIONAL(struct capture_args, dst, "ADDR[:PORT]", type_endpoint,
			 "and, the other way, to or from here: one flow, both directions"),
	OPTION(struct capture_args, vip, "vip", "ADDR:PORT", type_vip, "only of this VIP"),
	OPTION(struct capture_args, ifname, "dev", "IF", type_ifname, "only what comes in here"),
	OPTION(struct capture_args, outcome, "outcome", "REASON", type_outcome,
	       "only what ended so: a reason of \"lbctl drops\", or pass, tx, redirect, drop"),
	OPTION(struct capture_args, sample, "sample", "N", type_count,
	       "one packet in N, chosen at random; all by default"),
	OPTION(struct capture_args, count, "count", "N", type_count, "end after N packets"),
	OPTION(struct capture_args, seconds, "seconds", "N", type_count, "end after N seconds"),
	OPTION(struct capture_args, snaplen, "snaplen", "N", type_snaplen,
	       "bytes of each frame, 14 to 4096; 4096 by default"),
	{},
};

const struct command command_capture = {
	.word = "capture",
	.summary = "write packets, with what became of them, as pcapng",
	.detail =
		"For a file or a pipe, as in: lbctl capture vip 192.0.2.10:443 count 100 |\n"
		"tcpdump -nr -. A frame comes as received and, if it went on, as it left; the\n"
		"comment of each says its outcome. Packets that did not fit the buffer are\n"
		"counted. Packets pay nothing while nobody captures, and it ends with its reader.",
	.parameters = capture_parameters,
	.args_size = sizeof(struct capture_args),
	.run = run_capture,
};
