/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which servers took part in an answer, for people and for programs. */
#include "foobar.h"
#include "page.h"

/* The name of the database server that a statement meets, or null: it is out of reach. */
static json_t *database_name(struct app_request *r, const char *sql)
{
	struct db_result *rows = db_query(r, sql, "");

	if (db_next(rows) > 0 && !db_is_null(rows, 0))
		return json_string(db_text(rows, 0));
	return json_null();
}

static void name_databases(struct app_request *r, json_t *page)
{
	json_object_set_new(page, "read", database_name(r, "SELECT @@report_host"));
	json_object_set_new(page, "write",
			    database_name(r, "SELECT /* sluice: primary */ @@report_host"));
}

void about_page(struct app_request *r)
{
	json_t *page = page_new_private(r);

	name_databases(r, page);
	page_show(r, "about.html", page);
}

void whoami_api(struct app_request *r)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "tls", page_tier(r, "X-Sluice-Tls"));
	json_object_set_new(answer, "web", page_tier(r, "X-Sluice-Web"));
	json_object_set_new(answer, "app", json_string(app_node(app_of(r))));
	name_databases(r, answer);
	app_set_header(r, "Cache-Control", "no-store");
	app_json_reply(r, json_is_null(json_object_get(answer, "read")) ? 503 : 200, answer);
}
