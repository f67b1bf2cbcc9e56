/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Counters by interface, outcome and rule.
 */
#include "ledger_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "interfaces.h"
#include "model_json.h"

struct outcome_words {
	enum sluice_class class;
	const char *token, *help;
};

static const struct outcome_words outcomes[] = {
#define OUTCOME_WORDS(name, class, token, help) {SLUICE_CLASS_##class, token, help},
	SLUICE_OUTCOMES(OUTCOME_WORDS)
#undef OUTCOME_WORDS
};

static const char *const class_tokens[] = {
	[SLUICE_CLASS_NONE] = "none", [SLUICE_CLASS_PASS] = "pass",
	[SLUICE_CLASS_TX] = "tx",     [SLUICE_CLASS_REDIRECT] = "redirect",
	[SLUICE_CLASS_DROP] = "drop",
};

const char *outcome_token(enum sluice_outcome outcome)
{
	return outcomes[outcome].token;
}

const char *outcome_help(enum sluice_outcome outcome)
{
	return outcomes[outcome].help;
}

enum sluice_class outcome_class(enum sluice_outcome outcome)
{
	return outcomes[outcome].class;
}

const char *class_token(enum sluice_class class)
{
	return class_tokens[class];
}

struct sluice_count ledger_sum(const struct sluice_ledger *ledger, enum sluice_class class)
{
	struct sluice_count sum = {0};

	for (size_t i = 0; i < SLUICE_OUTCOME_COUNT; i++) {
		if (outcomes[i].class != class)
			continue;
		sum.packets += ledger->outcome[i].packets;
		sum.bytes += ledger->outcome[i].bytes;
	}
	return sum;
}

static int append(json_t *array, json_t *item)
{
	return json_array_append_new(array, item) ? -ENOMEM : 0;
}

/* Calls `each` for every interface of the node that has roles, with its ledger. */
static json_t *for_each_ledger(const struct session *session,
			       int (*each)(const struct interface *interface,
					   const struct sluice_ledger *ledger, json_t *into),
			       int *err)
{
	const struct node *node = session_node(session);
	json_t *into = json_array();

	*err = into ? 0 : -ENOMEM;
	for (size_t i = 0; node && i < node->interface_count && !*err; i++) {
		const struct interface *interface = &node->interfaces[i];
		struct sluice_ledger ledger;
		unsigned port;

		if (!interface->roles)
			continue;
		*err = dataplane_port_slot(&session->dp, interface->name, &port);
		if (!*err)
			*err = dataplane_read_ledger(&session->dp, port, &ledger);
		if (!*err)
			*err = each(interface, &ledger, into);
	}
	if (!*err)
		return into;
	json_decref(into);
	return NULL;
}

static int add_counts(json_t *item, const struct sluice_ledger *ledger)
{
	char key[32];
	int err = 0;

	for (enum sluice_class class = SLUICE_CLASS_PASS; class <= SLUICE_CLASS_DROP; class ++) {
		struct sluice_count sum = ledger_sum(ledger, class);

		snprintf(key, sizeof(key), "%s_packets", class_tokens[class]);
		err |= json_object_set_new(item, key, json_integer((json_int_t)sum.packets));
		snprintf(key, sizeof(key), "%s_bytes", class_tokens[class]);
		err |= json_object_set_new(item, key, json_integer((json_int_t)sum.bytes));
	}
	return err ? -ENOMEM : 0;
}

static int add_interface(const struct interface *interface, const struct sluice_ledger *ledger,
			 json_t *into)
{
	struct attachment attachment;
	bool attached = !attach_query(interface->name, &attachment);
	json_t *item = json_pack("{s:s, s:o, s:s?, s:s, s:I, s:I}", "interface", interface->name,
				 "roles", model_json_roles(interface->roles), "policy",
				 *interface->policy ? interface->policy : NULL, "mode",
				 attached ? attach_mode_name(attachment.mode) : "not attached",
				 "rx_packets", (json_int_t)ledger->rx.packets, "rx_bytes",
				 (json_int_t)ledger->rx.bytes);

	if (!item)
		return -ENOMEM;
	if (add_counts(item, ledger) ||
	    (attached &&
	     json_object_set_new(item, "program_id", json_integer(attachment.prog_id)))) {
		json_decref(item);
		return -ENOMEM;
	}
	return append(into, item);
}

json_t *ledger_view_interfaces(const struct session *session, int *err)
{
	return for_each_ledger(session, add_interface, err);
}

static int add_drops(const struct interface *interface, const struct sluice_ledger *ledger,
		     json_t *into)
{
	int err = 0;

	for (size_t i = 0; i < SLUICE_OUTCOME_COUNT && !err; i++) {
		const struct sluice_count *count = &ledger->outcome[i];

		if (outcomes[i].class == SLUICE_CLASS_DROP && count->packets)
			err = append(into,
				     json_pack("{s:s, s:s, s:I, s:I, s:s}", "interface",
					       interface->name, "reason", outcomes[i].token,
					       "packets", (json_int_t)count->packets, "bytes",
					       (json_int_t)count->bytes, "help", outcomes[i].help));
	}
	return err;
}

static json_int_t packets_of(const json_t *item)
{
	return json_integer_value(json_object_get(item, "packets"));
}

/* Moves the items of `from` to `to`, the largest first. */
static int sort_by_packets(json_t *from, json_t *to, size_t limit)
{
	while (json_array_size(from) && json_array_size(to) < limit) {
		size_t largest = 0;

		for (size_t i = 1; i < json_array_size(from); i++)
			if (packets_of(json_array_get(from, i)) >
			    packets_of(json_array_get(from, largest)))
				largest = i;
		if (json_array_append(to, json_array_get(from, largest)))
			return -ENOMEM;
		json_array_remove(from, largest);
	}
	return 0;
}

json_t *ledger_view_drops(const struct session *session, size_t limit, int *err)
{
	json_t *all = for_each_ledger(session, add_drops, err);
	json_t *out = all ? json_array() : NULL;

	if (all)
		*err = out ? sort_by_packets(all, out, limit) : -ENOMEM;
	json_decref(all);
	if (!*err)
		return out;
	json_decref(out);
	return NULL;
}

static bool is_used(const struct node *node, const struct policy *policy)
{
	for (size_t i = 0; node && i < node->interface_count; i++)
		if (!strcmp(node->interfaces[i].policy, policy->name))
			return true;
	return false;
}

static int add_rules(const struct session *session, const struct policy *policy, json_t *into)
{
	int err = 0;

	for (size_t i = 0; i < policy->rule_count && !err; i++) {
		const struct rule *rule = &policy->rules[i];
		struct sluice_count count = {0};

		if (rule->id == SLUICE_NONE)
			continue;
		err = dataplane_read_rule_use(&session->dp, rule->id, &count);
		if (!err)
			err = append(into,
				     json_pack("{s:s, s:s, s:i, s:s, s:I, s:I}", "policy",
					       policy->name, "rule", rule->name, "id",
					       (int)rule->id, "action", action_name(rule->action),
					       "packets", (json_int_t)count.packets, "bytes",
					       (json_int_t)count.bytes));
	}
	return err;
}

json_t *ledger_view_rules(const struct session *session, int *err)
{
	const struct node *node = session_node(session);
	json_t *into = json_array();

	*err = into ? 0 : -ENOMEM;
	for (size_t i = 0; i < session->cluster.policy_count && !*err; i++)
		if (is_used(node, &session->cluster.policies[i]))
			*err = add_rules(session, &session->cluster.policies[i], into);
	if (!*err)
		return into;
	json_decref(into);
	return NULL;
}
