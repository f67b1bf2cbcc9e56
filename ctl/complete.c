/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Completion asks the command tree itself: the words before the last are parsed as they are
 * when the command is run, and what the parser would take next is offered. Names come from
 * the configuration in force, if there is one that may be read; nothing is ever said of
 * mistakes.
 */
#include "complete.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "help.h"
#include "ledger_view.h"
#include "model_validate.h"
#include "session.h"

struct completion {
	const struct invocation *inv; /* of the words before */
	const char *word;	      /* that is to be completed */
	size_t kept;		      /* of it, up to the last comma of a list */
	json_t *into;
	bool *files;
	const struct session *session; /* its model is empty if nothing can be read */
	int err;
};

static void offer(struct completion *c, const char *word, const char *help)
{
	char text[256];

	if (strncmp(word, c->word + c->kept, strlen(c->word) - c->kept) != 0 || c->err)
		return;
	snprintf(text, sizeof(text), "%.*s%s", (int)c->kept, c->word, word);
	if (json_array_append_new(c->into,
				  json_pack("{s:s, s:s}", "word", text, "help", help ?: "")))
		c->err = -ENOMEM;
}

/* --- names ------------------------------------------------------------------ */

static void offer_interfaces(struct completion *c)
{
	struct if_nameindex *all = if_nameindex();

	for (const struct if_nameindex *i = all; i && i->if_index; i++)
		if (strcmp(i->if_name, "lo") != 0)
			offer(c, i->if_name, NULL);
	if (all)
		if_freenameindex(all);
}

static void offer_vips(struct completion *c)
{
	const struct cluster *cluster = &c->session->cluster;
	char text[VIP_TEXT_LEN];

	for (size_t i = 0; i < cluster->service_count; i++)
		for (size_t j = 0; j < cluster->services[i].vip_count; j++)
			offer(c, vip_format(&cluster->services[i].vips[j], text),
			      cluster->services[i].name);
}

static void offer_services(struct completion *c)
{
	const struct cluster *cluster = &c->session->cluster;

	for (size_t i = 0; i < cluster->service_count; i++)
		offer(c, cluster->services[i].name, "service");
	if (c->word[0])
		offer_vips(c);
}

/* The value that was given for the operand or option of that type; NULL: none. */
static const char *value_of(const struct completion *c, const struct argument_type *type)
{
	const struct command *leaf = c->inv->path[c->inv->depth - 1];

	for (const struct parameter *p = leaf->parameters; parameter_exists(p); p++)
		if (p->type == type && command_parameter_given(c->inv, p))
			return *(const char *const *)(const void *)((char *)c->inv->args +
								    p->offset);
	return NULL;
}

/* Those of the service named before; to add one, any node that has an address. */
static void offer_backends(struct completion *c)
{
	const struct cluster *cluster = &c->session->cluster;
	const char *text = value_of(c, &type_service);
	const struct service *service = text ? model_service(cluster, text) : NULL;
	bool add = !strcmp(c->inv->path[c->inv->depth - 1]->word, "add");
	struct vip vip;

	if (text && !service && !vip_parse(text, &vip)) {
		service = model_service_by_vip(cluster, &vip, IPPROTO_TCP);
		service = service ?: model_service_by_vip(cluster, &vip, IPPROTO_UDP);
	}
	for (size_t i = 0; add && i < cluster->node_count; i++)
		if (!service || !model_backend(service, cluster->nodes[i].name))
			offer(c, cluster->nodes[i].name, "node");
	for (size_t i = 0; !add && service && i < service->backend_count; i++)
		offer(c, service->backends[i].name, "backend");
}

/* Nodes that have a data plane on this host. */
static void offer_nodes(struct completion *c)
{
	DIR *dir = opendir(pins_root());
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (model_node_name_is_valid(entry->d_name))
			offer(c, entry->d_name, "node");
	if (dir)
		closedir(dir);
}

static void offer_policies(struct completion *c)
{
	for (size_t i = 0; i < c->session->cluster.policy_count; i++)
		offer(c, c->session->cluster.policies[i].name, "policy");
}

static void offer_rules(struct completion *c)
{
	const char *name = value_of(c, &type_policy);
	const struct policy *policy = name ? model_policy(&c->session->cluster, name) : NULL;

	for (size_t i = 0; policy && i < policy->rule_count; i++)
		offer(c, policy->rules[i].name, action_name(policy->rules[i].action));
}

static void offer_sets(struct completion *c)
{
	for (size_t i = 0; i < c->session->cluster.set_count; i++)
		offer(c, c->session->cluster.sets[i].name, "set");
}

static void offer_outcomes(struct completion *c)
{
	for (int i = SLUICE_CLASS_PASS; i <= SLUICE_CLASS_DROP; i++)
		offer(c, class_token((enum sluice_class)i), "all of them");
	for (int i = SLUICE_CONTINUE + 1; i < SLUICE_OUTCOME_COUNT; i++)
		offer(c, outcome_token((enum sluice_outcome)i),
		      outcome_help((enum sluice_outcome)i));
}

static void offer_commands(struct completion *c, const struct command *at)
{
	for (const struct command *const *next = at->commands; next && *next; next++)
		offer(c, (*next)->word, (*next)->summary);
}

/* The words of `lbctl help` so far lead to where its next may be looked for. */
static void offer_help_words(struct completion *c)
{
	const struct command *leaf = c->inv->path[c->inv->depth - 1], *at = &command_root;

	for (const struct parameter *p = leaf->parameters; parameter_exists(p); p++) {
		const char *word =
			*(const char *const *)(const void *)((char *)c->inv->args + p->offset);
		const struct command *const *next = at ? at->commands : NULL;

		if (!command_parameter_given(c->inv, p))
			break;
		while (next && *next && strcmp((*next)->word, word) != 0)
			next++;
		at = next ? *next : NULL;
	}
	if (at)
		offer_commands(c, at);
}

/* --- values and options ----------------------------------------------------- */

static void offer_files(struct completion *c)
{
	*c->files = true;
}

static const struct {
	const struct argument_type *type;
	void (*offer)(struct completion *c);
} sources[] = {
	{&type_ifname, offer_interfaces},  {&type_vip, offer_vips},
	{&type_service, offer_services},   {&type_backend, offer_backends},
	{&type_policy, offer_policies},	   {&type_rule, offer_rules},
	{&type_addresses, offer_sets},	   {&type_outcome, offer_outcomes},
	{&type_command, offer_help_words}, {&type_file, offer_files},
};

static void offer_values(struct completion *c, const struct argument_type *type)
{
	const char *comma = type->parse ? strrchr(c->word, ',') : NULL;

	if (comma)
		c->kept = (size_t)(comma - c->word) + 1;
	for (const char *const *word = type->words; word && *word; word++)
		offer(c, *word, NULL);
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (sources[i].type == type)
			sources[i].offer(c);
	c->kept = 0;
}

static void offer_options(struct completion *c, const struct parameter *parameters)
{
	for (const struct parameter *p = parameters; parameter_exists(p); p++)
		if (p->word && !command_parameter_given(c->inv, p))
			offer(c, p->word, p->help);
}

/* Those of lbctl itself, when a dash asks for them. */
static void offer_global_options(struct completion *c)
{
	for (const struct parameter *p = help_global_options; parameter_exists(p); p++)
		if (*c->word == '-')
			offer(c, p->word, p->help);
}

static void offer_next(struct completion *c)
{
	const struct invocation *inv = c->inv;
	const struct command *at = inv->depth ? inv->path[inv->depth - 1] : &command_root;
	const struct parameter *operand;

	if (!inv->args) {
		offer_commands(c, at);
	} else {
		operand = command_next_operand(inv);
		if (operand)
			offer_values(c, operand->type);
		if (!operand || !operand->required)
			offer_options(c, at->parameters);
	}
	offer_global_options(c);
}

/* What names there are. Whoever may not read the configuration is offered none. */
static void load_names(struct session *session, const struct invocation *inv)
{
	*session = (struct session){.inv = inv};
	model_init(&session->cluster);
	if (session_node_name(inv, session->name) ||
	    dataplane_open(&session->dp, session->name, DATAPLANE_READ, NULL))
		return;
	session->is_open = true;
	if (dataplane_load_model(&session->dp, &session->cluster))
		model_init(&session->cluster);
}

int complete_words(int count, char *const *words, json_t *into, bool *files)
{
	struct invocation inv = {0};
	struct session session;
	struct completion c = {
		.inv = &inv,
		.word = count ? words[count - 1] : "",
		.into = into,
		.files = files,
		.session = &session,
	};
	int code = command_follow(&inv, count ? count - 1 : 0, words);

	*files = false;
	load_names(&session, &inv);
	if (inv.node_pending)
		offer_nodes(&c);
	else if (inv.pending)
		offer_values(&c, inv.pending->type);
	else if (!code)
		offer_next(&c);
	session_close(&session);
	command_fini(&inv);
	return c.err;
}
