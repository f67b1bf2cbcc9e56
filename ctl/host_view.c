/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Findings about a host. What setup changed has the severity "changed".
 */
#include "host_view.h"

static const char *const severity_words[] = {
	[HOST_OK] = "changed",
	[HOST_WARNING] = "warning",
	[HOST_ERROR] = "error",
};

unsigned host_view_count(const struct host_report *report, enum host_severity severity)
{
	unsigned count = 0;

	for (size_t i = 0; i < report->count; i++)
		count += report->findings[i].severity == severity;
	return count;
}

json_t *host_view_json(const struct host_report *report)
{
	json_t *out = json_array();

	for (size_t i = 0; out && i < report->count; i++) {
		const struct host_finding *finding = &report->findings[i];

		if (!json_array_append_new(out,
					   json_pack("{s:s, s:s, s:s}", "severity",
						     severity_words[finding->severity], "finding",
						     finding->what, "fix", finding->fix)))
			continue;
		json_decref(out);
		out = NULL;
	}
	return out;
}

int host_view_print(const struct session *session, const struct host_report *report)
{
	static const struct output_column columns[] = {
		{"severity", ""}, {"finding", "finding"}, {"fix", "fix"}, {}};
	static const struct output_table tables[] = {
		{.key = "findings", .empty = "nothing to put right", .columns = columns}, {}};
	static const struct output_view view = {.tables = tables};
	int err = output_emit(
		&session->inv->out,
		json_pack("{s:s, s:o}", "node", session->name, "findings", host_view_json(report)),
		&view);

	return err ? session_failed(session->inv, err, "printing") : EXIT_OK;
}
