/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The example of docs/applications.md: notes that visitors leave. */
#include <sluice/app.h>
#include <string.h>

static void list_notes(struct app_request *r)
{
	size_t limit = (size_t)app_setting_int(app_of(r), "limit", 20);
	json_t *notes = db_json(r, limit, "SELECT id, text FROM notes ORDER BY id DESC", NULL);

	if (notes) /* else the server answers 503 */
		app_render(r, "notes.html", json_pack("{s:o}", "notes", notes));
}

static void show_note(struct app_request *r)
{
	struct db_result *rows = NULL;
	int64_t id;

	if (app_int(app_param(r, "id"), 1, INT64_MAX, &id))
		rows = db_query(r, "SELECT id, text FROM notes WHERE id = ?", "i", id);
	if (db_next(rows) > 0)
		app_json_reply(r, 200, db_row_json(rows));
	else if (!db_status(r))
		app_error(r, 404, "There is no such note.");
}

static void add_note(struct app_request *r)
{
	const char *text = app_form(r, "text");

	if (!app_csrf_ok(r))
		return;
	if (!text || !*text || strlen(text) > 200)
		app_error(r, 422, "A note has 1 to 200 bytes.");
	else if (!db_exec(r, "INSERT INTO notes (text) VALUES (?)", "s", text))
		app_redirect(r, "/");
}

static int start(struct app *app)
{
	int err = app_route(app, "GET", "/", list_notes);

	if (!err)
		err = app_route(app, "GET", "/notes/:id", show_note);
	return err ? err : app_route(app, "POST", "/notes", add_note);
}

const struct app_module sluice_app = {.abi = SLUICE_APP_ABI, .name = "notes", .start = start};
