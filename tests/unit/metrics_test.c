/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The Prometheus text format: heads, labels and their escapes, numbers; and
 * the agent's text of a node that has nothing yet.
 */
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "../../userspace/agent/agent.h"
#include "../../userspace/agent/exposition.h"
#include "../support/unit.h"

static char *text;
static size_t length;

static FILE *begin(void)
{
	FILE *out = open_memstream(&text, &length);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	return out;
}

static void expect(FILE *out, const char *expected)
{
	fclose(out);
	UNIT_ASSERT_TEXT(text, expected);
	free(text);
}

static void family_has_help_and_type(void)
{
	FILE *out = begin();

	metrics_family(out, METRICS_COUNTER, "a_total", "What it counts.");
	metrics_family(out, METRICS_GAUGE, "b", "What it measures.");
	expect(out, "# HELP a_total What it counts.\n# TYPE a_total counter\n"
		    "# HELP b What it measures.\n# TYPE b gauge\n");
}

static void sample_has_its_labels_in_order(void)
{
	FILE *out = begin();

	metrics_uint(out, "a_total", UINT64_MAX, NULL);
	metrics_uint(out, "a_total", 1, "port", "eth0", "class", "drop", NULL);
	expect(out, "a_total 18446744073709551615\na_total{port=\"eth0\",class=\"drop\"} 1\n");
}

static void label_values_are_escaped(void)
{
	FILE *out = begin();

	metrics_uint(out, "a", 0, "name", "a\"b\\c\nd", NULL);
	expect(out, "a{name=\"a\\\"b\\\\c\\nd\"} 0\n");
}

static void doubles_are_short_and_exact_enough(void)
{
	FILE *out = begin();

	metrics_double(out, "a", 0.004057753, NULL);
	metrics_double(out, "a", 1795380890.35, NULL);
	metrics_double(out, "a", 1, NULL);
	expect(out, "a 0.004057753\na 1795380890.35\na 1\n");
}

static bool has_line(const char *line)
{
	for (const char *at = text; (at = strstr(at, line)); at++)
		if (at == text || at[-1] == '\n')
			return true;
	return false;
}

static void node_without_configuration_still_tells_of_its_host(void)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	CU_ASSERT_PTR_NOT_NULL_FATAL(agent);
	strcpy(agent->node_name, "web1");
	text = exposition_render(agent, &length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(strlen(text), length);
	CU_ASSERT_TRUE(has_line("sluice_configured 0\n"));
	CU_ASSERT_TRUE(has_line("sluice_node_load1 "));
	CU_ASSERT_TRUE(has_line("sluice_node_memory_available_bytes "));
	CU_ASSERT_TRUE(has_line("process_resident_memory_bytes "));
	CU_ASSERT_FALSE(has_line("sluice_port_packets_total{"));
	free(text);
	free(agent);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(family_has_help_and_type),
		UNIT_TEST(sample_has_its_labels_in_order),
		UNIT_TEST(label_values_are_escaped),
		UNIT_TEST(doubles_are_short_and_exact_enough),
		UNIT_TEST(node_without_configuration_still_tells_of_its_host),
		{},
	};

	return unit_run("metrics", tests);
}
