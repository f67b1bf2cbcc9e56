/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Steps of a trace in words. Each describe_*() writes one line on what the
 * numbers of its step mean here; a name that went away meanwhile is left out.
 */
#include "trace_view.h"

#include <linux/bpf.h>
#include <stdarg.h>
#include <string.h>

#include "ledger_view.h"
#include "words.h"

#define DETAIL_LEN 160

struct detail {
	const struct session *session;
	const struct interface *in;
	char text[DETAIL_LEN];
};

__attribute__((format(printf, 2, 3))) static void say(struct detail *detail, const char *format,
						      ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(detail->text, sizeof(detail->text), format, args);
	va_end(args);
}

static void describe_parse(struct detail *detail, __u64 proto, __u64 length)
{
	char buf[4];

	say(detail, "%s, %llu bytes of IP", proto_name((int)proto, buf), length);
}

static void describe_sanity(struct detail *detail, __u64 a, __u64 b)
{
	(void)a;
	(void)b;
	say(detail, "addresses and flags are sound");
}

static void describe_block(struct detail *detail, __u64 found, __u64 entries)
{
	say(detail, "source is %sin the block set (%llu prefixes)", found ? "" : "not ", entries);
}

static void describe_decap(struct detail *detail, __u64 believed, __u64 proto)
{
	char buf[4];

	if (believed)
		say(detail, "tunnel from a balancer, inside: %s", proto_name((int)proto, buf));
	else
		say(detail, "the sender of the tunnel is not a balancer");
}

static void say_tag(char buf[24], __u64 tag)
{
	snprintf(buf, 24, "%s%llu", tag >> 16 == 0x88a8 ? "802.1ad " : "",
		 tag & SLUICE_VLAN_ID_MASK);
}

static void describe_untag(struct detail *detail, __u64 tag, __u64 inner)
{
	char outer_text[24], inner_text[24];

	say_tag(outer_text, tag);
	say_tag(inner_text, inner);
	if (inner)
		say(detail, "came in on VLAN %s, and in it %s", outer_text, inner_text);
	else
		say(detail, "came in on VLAN %s", outer_text);
}

static void describe_tag(struct detail *detail, __u64 tag, __u64 ifindex)
{
	char name[IFNAMSIZ] = "?", text[24];

	say_tag(text, tag);
	if_indextoname((unsigned)ifindex, name);
	say(detail, "by a VLAN device: out by %s on VLAN %s", name, text);
}

static const struct service *service_by_index(const struct session *session, unsigned index)
{
	const struct cluster *cluster = &session->cluster;
	unsigned found;

	for (size_t i = 0; i < cluster->service_count; i++)
		if (!dataplane_service_index(&session->dp, &cluster->services[i], &found) &&
		    found == index)
			return &cluster->services[i];
	return NULL;
}

static void describe_service(struct detail *detail, __u64 index, __u64 ring)
{
	const struct service *service = service_by_index(detail->session, (unsigned)index);

	if ((__u16)ring == SLUICE_NONE16)
		say(detail, "the address is a VIP, but no service has this port and protocol");
	else
		say(detail, "service \"%s\"", service ? service->name : "?");
}

static void describe_flow(struct detail *detail, __u64 found, __u64 state)
{
	if (found && state < SLUICE_FLOW_STATE_COUNT)
		say(detail, "known flow, %s", flow_state_words[state]);
	else
		say(detail, "no flow is known");
}

static void describe_rejudge(struct detail *detail, __u64 then, __u64 now)
{
	say(detail, "accepted under policy generation %llu, judged again under %llu", then, now);
}

static void describe_datagram(struct detail *detail, __u64 noted, __u64 offset)
{
	say(detail, "%s of a datagram, %s seen", offset ? "later fragment" : "first fragment",
	    noted ? "another was" : "no other was");
}

static void describe_rule(struct detail *detail, __u64 id, __u64 action)
{
	const struct cluster *cluster = &detail->session->cluster;
	const char *word = action <= SLUICE_ACTION_ACCEPT_STATELESS
				   ? action_name((enum sluice_action)action)
				   : "?";

	for (size_t p = 0; p < cluster->policy_count; p++)
		for (size_t r = 0; r < cluster->policies[p].rule_count; r++)
			if (cluster->policies[p].rules[r].id == id)
				say(detail, "policy \"%s\", rule \"%s\": %s",
				    cluster->policies[p].name, cluster->policies[p].rules[r].name,
				    word);
	if (!*detail->text)
		say(detail, "rule %llu: %s", id, word);
}

static void describe_default(struct detail *detail, __u64 action, __u64 tried)
{
	say(detail, "policy \"%s\": none of %llu compiled rules matched, default %s",
	    detail->in->policy, tried, action == SLUICE_ACTION_DROP ? "drop" : "accept");
}

static void describe_exempt(struct detail *detail, __u64 type, __u64 code)
{
	say(detail, "ICMP type %llu code %llu passes any policy", type, code);
}

static const struct backend *backend_by_slot(const struct session *session, unsigned slot)
{
	const struct cluster *cluster = &session->cluster;
	unsigned index, found;

	for (size_t s = 0; s < cluster->service_count; s++) {
		const struct service *service = &cluster->services[s];

		if (dataplane_service_index(&session->dp, service, &index))
			continue;
		for (size_t b = 0; b < service->backend_count; b++)
			if (!dataplane_backend_slot(&session->dp, index, &service->backends[b],
						    &found) &&
			    found == slot)
				return &service->backends[b];
	}
	return NULL;
}

static void describe_backend(struct detail *detail, __u64 slot, __u64 choice)
{
	static const char *const choices[] = {
		[SLUICE_CHOICE_BY_RING] = "by the ring",
		[SLUICE_CHOICE_BY_FLOW] = "as the flow has it",
		[SLUICE_CHOICE_BY_CID] = "by its connection ID",
	};
	const struct backend *backend = backend_by_slot(detail->session, (unsigned)slot);

	say(detail, "backend \"%s\", %s", backend ? backend->name : "?",
	    choice <= SLUICE_CHOICE_BY_CID ? choices[choice] : "?");
}

static void describe_encap(struct detail *detail, __u64 proto, __u64 length)
{
	say(detail, "%s in an outer header, %llu bytes of IP",
	    proto == IPPROTO_IPIP ? "IPv4" : "IPv6", length);
}

static void describe_nat(struct detail *detail, __u64 slot, __u64 port)
{
	const struct backend *backend = backend_by_slot(detail->session, (unsigned)slot);
	const char *name = backend ? backend->name : "?";

	if (port)
		say(detail, "the destination becomes \"%s\", port %llu", name, port);
	else
		say(detail, "the destination becomes \"%s\", its port stays", name);
}

static void describe_nat_reply(struct detail *detail, __u64 index, __u64 port)
{
	const struct service *service = service_by_index(detail->session, (unsigned)index);

	say(detail, "the source becomes the VIP of \"%s\", port %llu",
	    service ? service->name : "?", port);
}

static const char *route_result(__u64 result)
{
	static const char *const results[] = {
		[BPF_FIB_LKUP_RET_SUCCESS] = "forwarded",
		[BPF_FIB_LKUP_RET_BLACKHOLE] = "blackhole route",
		[BPF_FIB_LKUP_RET_UNREACHABLE] = "unreachable route",
		[BPF_FIB_LKUP_RET_PROHIBIT] = "prohibited route",
		[BPF_FIB_LKUP_RET_NOT_FWDED] = "for this host, or no route",
		[BPF_FIB_LKUP_RET_FWD_DISABLED] = "forwarding is off",
		[BPF_FIB_LKUP_RET_UNSUPP_LWT] = "route with an encapsulation",
		[BPF_FIB_LKUP_RET_NO_NEIGH] = "link address of the next hop is not known",
		[BPF_FIB_LKUP_RET_FRAG_NEEDED] = "longer than the MTU",
	};

	return result < sizeof(results) / sizeof(*results) ? results[result] : "refused";
}

static void describe_route(struct detail *detail, __u64 result, __u64 ifindex)
{
	char name[IFNAMSIZ] = "?";

	if (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH) {
		if_indextoname((unsigned)ifindex, name);
		say(detail, "%s, out by %s", route_result(result), name);
	} else {
		say(detail, "%s", route_result(result));
	}
}

static const struct rule *rule_by_id(const struct session *session, unsigned id)
{
	const struct cluster *cluster = &session->cluster;

	for (size_t p = 0; p < cluster->policy_count; p++)
		for (size_t r = 0; r < cluster->policies[p].rule_count; r++)
			if (cluster->policies[p].rules[r].id == id)
				return &cluster->policies[p].rules[r];
	return NULL;
}

static void describe_limit(struct detail *detail, __u64 limit, __u64 over)
{
	static const char *const answers[] = {"within its limits", "over its limit",
					      "over its limit for one source"};
	const char *answer = over < 3 ? answers[over] : "?";
	const struct service *service;
	const struct rule *rule;

	if (limit >= SLUICE_MAX_SERVICES) {
		rule = rule_by_id(detail->session, (unsigned)limit - SLUICE_MAX_SERVICES);
		say(detail, "rule \"%s\": %s", rule ? rule->name : "?", answer);
	} else {
		service = service_by_index(detail->session, (unsigned)limit);
		say(detail, "service \"%s\": %s", service ? service->name : "?", answer);
	}
}

static void describe_stage(struct detail *detail, __u64 stage, __u64 unused)
{
	static const char *const stages[SLUICE_STAGE_COUNT] = {
#define STAGE_WORD(name, token) [SLUICE_STAGE_##name] = token,
		SLUICE_STAGES(STAGE_WORD)
#undef STAGE_WORD
	};

	(void)unused;
	say(detail, "goes on in the stage for \"%s\"",
	    stage < SLUICE_STAGE_COUNT ? stages[stage] : "?");
}

static void describe_cookie(struct detail *detail, __u64 answer, __u64 number)
{
	switch (answer) {
	case SLUICE_COOKIE_NO_PRESSURE:
		say(detail, "SYN within the limit of %llu a second", number);
		break;
	case SLUICE_COOKIE_ANSWERED:
		say(detail, "answered with a SYN cookie, MSS %llu", number);
		break;
	case SLUICE_COOKIE_RETURNED:
		say(detail, "brings back a valid SYN cookie");
		break;
	case SLUICE_COOKIE_STRAY:
		say(detail, "no valid SYN cookie, perhaps of a connection from elsewhere");
		break;
	default:
		say(detail, "no valid SYN cookie, and too many such packets");
	}
}

static void describe_verdict(struct detail *detail, __u64 outcome, __u64 unused)
{
	(void)unused;
	if (outcome < SLUICE_OUTCOME_COUNT)
		say(detail, "%s: %s (%s)", class_token(outcome_class((enum sluice_outcome)outcome)),
		    outcome_token((enum sluice_outcome)outcome),
		    outcome_help((enum sluice_outcome)outcome));
}

struct step_words {
	const char *token, *a, *b;
};

static const struct step_words step_words[SLUICE_STEP_COUNT] = {
#define STEP_WORDS(name, step, a_means, b_means)                                                   \
	[SLUICE_STEP_##name] = {.token = step, .a = a_means, .b = b_means},
	SLUICE_STEPS(STEP_WORDS)
#undef STEP_WORDS
};

static void (*const describers[SLUICE_STEP_COUNT])(struct detail *detail, __u64 a, __u64 b) = {
	[SLUICE_STEP_PARSE] = describe_parse,	    [SLUICE_STEP_SANITY] = describe_sanity,
	[SLUICE_STEP_BLOCK] = describe_block,	    [SLUICE_STEP_DECAP] = describe_decap,
	[SLUICE_STEP_SERVICE] = describe_service,   [SLUICE_STEP_FLOW] = describe_flow,
	[SLUICE_STEP_REJUDGE] = describe_rejudge,   [SLUICE_STEP_RULE] = describe_rule,
	[SLUICE_STEP_DEFAULT] = describe_default,   [SLUICE_STEP_EXEMPT] = describe_exempt,
	[SLUICE_STEP_BACKEND] = describe_backend,   [SLUICE_STEP_ENCAP] = describe_encap,
	[SLUICE_STEP_ROUTE] = describe_route,	    [SLUICE_STEP_STAGE] = describe_stage,
	[SLUICE_STEP_UNTAG] = describe_untag,	    [SLUICE_STEP_TAG] = describe_tag,
	[SLUICE_STEP_DATAGRAM] = describe_datagram, [SLUICE_STEP_VERDICT] = describe_verdict,
	[SLUICE_STEP_NAT] = describe_nat,	    [SLUICE_STEP_NAT_REPLY] = describe_nat_reply,
	[SLUICE_STEP_COOKIE] = describe_cookie,	    [SLUICE_STEP_LIMIT] = describe_limit,
};

/* "flow's policy generation" as a key: flows_policy_generation */
static int set_number(json_t *item, const char *meaning, __u64 value)
{
	char key[64];
	size_t length = 0;

	if (!*meaning)
		return 0;
	for (; *meaning && length < sizeof(key) - 1; meaning++)
		if (*meaning != '\'')
			key[length++] = *meaning == ' ' ? '_' : *meaning;
	key[length] = '\0';
	return json_object_set_new(item, key, json_integer((json_int_t)value));
}

static json_t *step_json(const struct session *session, const struct interface *in,
			 const struct sluice_trace_step *step)
{
	const struct step_words *words = &step_words[step->step];
	struct detail detail = {.session = session, .in = in};
	json_t *item;

	describers[step->step](&detail, step->a, step->b);
	item = json_pack("{s:s, s:s}", "step", words->token, "detail", detail.text);
	if (item && !set_number(item, words->a, step->a) && !set_number(item, words->b, step->b))
		return item;
	json_decref(item);
	return NULL;
}

json_t *trace_view_steps(const struct session *session, const struct interface *in,
			 const struct sluice_trace_step *steps)
{
	json_t *out = json_array();

	for (size_t i = 0; i < SLUICE_TRACE_STEPS; i++) {
		if (steps[i].step == SLUICE_STEP_END || steps[i].step >= SLUICE_STEP_COUNT)
			break;
		if (json_array_append_new(out, step_json(session, in, &steps[i]))) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

enum sluice_outcome trace_view_outcome(const struct sluice_trace_step *steps)
{
	for (size_t i = 0; i < SLUICE_TRACE_STEPS && steps[i].step != SLUICE_STEP_END; i++)
		if (steps[i].step == SLUICE_STEP_VERDICT && steps[i].a < SLUICE_OUTCOME_COUNT)
			return (enum sluice_outcome)steps[i].a;
	return SLUICE_CONTINUE;
}
