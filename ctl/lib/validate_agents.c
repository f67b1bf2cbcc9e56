/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Validation of the agents' settings: announcements, and the exchange of
 * health views that they need as soon as two nodes announce.
 */
#include "model_validator.h"

#include <string.h>

static void check_announced_service(struct validator *v, const struct node *node, size_t index)
{
	const struct agent_config *agent = &node->agent;
	const struct cluster *cluster = v->cluster;
	const char *name = agent->announce[index];
	struct nearest_name nearest = {};

	for (size_t i = 0; i < index; i++)
		if (!strcmp(agent->announce[i], name))
			validator_report(v, node->at, "",
					 "node \"%s\": agent: announce \"%s\" is given twice",
					 node->name, name);
	if (model_service(cluster, name))
		return;
	if (cluster->service_count)
		nearest = validator_nearest(v, name, cluster->services->name,
					    sizeof(*cluster->services), cluster->service_count);
	validator_report(v, node->at, "", "node \"%s\": agent: announce \"%s\": no such service%s",
			 node->name, name, nearest.text);
}

static void check_exchange(struct validator *v, const struct node *node)
{
	const struct agent_config *agent = &node->agent;
	char buf[ENDPOINT_TEXT_LEN];

	if (!validator_node_has(node, &agent->exchange.addr))
		validator_report(v, node->at, "exchange",
				 "node \"%s\": agent: exchange \"%s\": expected an address of an "
				 "interface of this node",
				 node->name, endpoint_format(&agent->exchange, buf));
	if (!v->cluster->key_file[0] && !validator_cannot_know(v, (struct place){}, "key"))
		validator_report(v, node->at, "",
				 "node \"%s\": agent: exchange needs the key \"key\" of the "
				 "cluster, the path of a secret",
				 node->name);
}

static size_t count_announcing(const struct cluster *cluster)
{
	size_t count = 0;

	for (size_t i = 0; i < cluster->node_count; i++)
		count += cluster->nodes[i].agent.announce_count != 0;
	return count;
}

void validate_agents(struct validator *v)
{
	bool several = count_announcing(v->cluster) > 1;

	for (size_t i = 0; i < v->cluster->node_count; i++) {
		const struct node *node = &v->cluster->nodes[i];
		const struct agent_config *agent = &node->agent;

		for (size_t j = 0; j < agent->announce_count; j++)
			check_announced_service(v, node, j);
		if (agent->has_exchange)
			check_exchange(v, node);
		else if (several && agent->announce_count)
			validator_report(
				v, node->at, "exchange",
				"node \"%s\": agent: announce needs the key \"exchange\", as "
				"more than one node announces",
				node->name);
	}
}
