/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The application of tests/e2e/app_*.sh: one route for each thing that an application may do,
 * the wrong ones too.
 */
#include <errno.h>
#include <sluice/app.h>
#include <stdlib.h>
#include <string.h>

static int64_t number(struct app_request *r, const char *name, int64_t missing)
{
	int64_t value;

	return app_int(app_query(r, name), 0, INT32_MAX, &value) ? value : missing;
}

/* --- requests and responses --------------------------------------------------------- */

static void echo(struct app_request *r)
{
	json_t *seen =
		json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s, s:b, s:s}", "method",
			  app_method(r), "path", app_path(r), "target", app_target(r), "name",
			  app_param(r, "name"), "query", app_query(r, "q"), "agent",
			  app_header(r, "user-agent"), "cookie", app_cookie(r, "flavour"), "client",
			  app_client(r), "https", app_is_https(r), "id", app_request_id(r));

	app_json_reply(r, 200, seen);
}

static void form(struct app_request *r)
{
	const char *a = app_form(r, "a"), *b = app_form(r, "b");

	if (app_body(r, NULL))
		app_printf(r, "a=%s b=%s\n", a ? a : "(none)", b ? b : "(none)");
}

static void json(struct app_request *r)
{
	json_t *value = app_json(r);

	if (value)
		app_json_reply(r, 201, json_pack("{s:O}", "got", value));
}

static void length(struct app_request *r)
{
	char buffer[20000];
	long long sum = 0;
	ssize_t got;

	while ((got = app_read(r, buffer, sizeof(buffer))) > 0)
		sum += got;
	if (!got)
		app_printf(r, "%lld\n", sum);
}

static void big(struct app_request *r)
{
	static const char line[] =
		"0123456789012345678901234567890123456789012345678901234567890\n";
	int64_t left = number(r, "lines", 1000);

	app_set_header(r, "Content-Type", "text/plain");
	while (left-- && !app_write(r, line, sizeof(line) - 1))
		;
	if (left >= 0)
		app_log(app_of(r), r, APP_LOG_INFO, "event=client-gone");
}

static void headers(struct app_request *r)
{
	const char *value = app_query(r, "value");
	int header = app_set_header(r, "X-Value", value);
	int cookie = app_set_cookie(r, "c", value, APP_COOKIE_PATH_ALL, 60, 0);
	int server = app_set_header(r, "Content-Length", "5");
	int away = app_redirect(r, "//elsewhere.example/");

	app_status(r, 200);
	app_printf(r, "%d %d %d %d\n", header, cookie, server, away);
}

static void page(struct app_request *r)
{
	app_render(r, "page.html",
		   json_pack("{s:s, s:[i,i]}", "name", app_query(r, "name"), "list", 1, 2));
}

static void nothing(struct app_request *r)
{
	(void)r;
}

static void wait_long(struct app_request *r)
{
	int err = app_sleep(r, (unsigned)number(r, "ms", 100));

	app_log(app_of(r), r, APP_LOG_INFO, "event=slept result=%d", err);
	app_puts(r, "slept\n");
}

/* --- crashes ------------------------------------------------------------------------ */

static void crash(struct app_request *r)
{
	*(volatile int *)(uintptr_t)app_query(r, "no such") = 1;
}

static volatile bool endless = true;

static int overflow_from(const volatile char *above)
{
	volatile char frame[1000];

	frame[0] = *above;
	return endless ? overflow_from(frame) + frame[0] : 0;
}

static void overflow(struct app_request *r)
{
	app_printf(r, "%d\n", overflow_from(""));
}

static void loop(struct app_request *r)
{
	while (endless)
		;
	app_puts(r, "not endless\n");
}

static void hog(struct app_request *r)
{
	while (endless)
		memset(app_alloc(r, 65536), 1, 65536);
}

/* --- sessions ----------------------------------------------------------------------- */

static void visits(struct app_request *r)
{
	const char *text = app_session_get(r, "visits");
	int count = text ? atoi(text) : 0;

	app_session_set(r, "visits", app_sprintf(r, "%d", count + 1));
	app_printf(r, "%d %s\n", count + 1, app_csrf_token(r));
}

static void fill(struct app_request *r)
{
	char text[APP_SESSION_BYTES + 1];
	size_t size = (size_t)number(r, "bytes", 0);

	memset(text, 'x', sizeof(text));
	text[size < sizeof(text) ? size : sizeof(text) - 1] = '\0';
	app_printf(r, "%d\n", app_session_set(r, "k", text));
}

static void leave(struct app_request *r)
{
	app_session_clear(r);
	app_puts(r, "bye\n");
}

static void guarded(struct app_request *r)
{
	if (app_csrf_ok(r))
		app_puts(r, "done\n");
}

/* --- the database ------------------------------------------------------------------- */

static void failed(struct app_request *r)
{
	app_status(r, 503);
	app_printf(r, "status %d error %u: %s\n", db_status(r), db_error(r), db_message(r));
}

static void select_slowly(struct app_request *r)
{
	struct db_result *rows = db_query(r, "SELECT SLEEP(?)", "d", number(r, "ms", 1000) / 1e3);

	if (db_next(rows) < 0 || !rows)
		failed(r);
	else
		app_printf(r, "%lld\n", (long long)db_int(rows, 0));
}

static void types(struct app_request *r)
{
	static const unsigned char bytes[] = {0, 1, 255};
	struct db_result *rows = db_query(
		r,
		"SELECT ? AS i, ? AS d, ? AS s, ? AS n, HEX(?) AS b, 18446744073709551615 AS u,"
		" CAST('2024-02-29 12:34:56' AS DATETIME) AS t, CAST(1.50 AS DECIMAL(9,2)) AS m,"
		" REPEAT('x', 100000) AS l",
		"idsnb", (int64_t)-7, 2.5, "O'Hara \xc3\xbc", bytes, sizeof(bytes));

	if (db_next(rows) <= 0) {
		failed(r);
		return;
	}
	for (int i = 0; i < db_columns(rows) - 1; i++)
		app_printf(r, "%s=%s ", db_column_name(rows, i),
			   db_is_null(rows, i) ? "NULL" : db_text(rows, i));
	app_printf(r, "l=%zu i=%lld d=%g\n", strlen(db_text(rows, 8)), (long long)db_int(rows, 0),
		   db_double(rows, 1));
}

/* Statements within the loop over another's rows. */
static void nested(struct app_request *r)
{
	struct db_result *rows = db_query(r, "SELECT id FROM items ORDER BY id", NULL);
	int64_t sum = 0;

	while (db_next(rows) > 0) {
		struct db_result *one = db_query(r, "SELECT id, name FROM items WHERE id = ?", "i",
						 db_int(rows, 0));

		sum += db_next(one) > 0 ? db_int(one, 0) : 0;
	}
	app_printf(r, "%lld\n", (long long)sum);
}

static void list(struct app_request *r)
{
	json_t *items = db_json(r, (size_t)number(r, "limit", 100), "SELECT * FROM items", NULL);

	if (items)
		app_json_reply(r, 200, items);
	else
		failed(r);
}

/* More rows than memory is allowed, as they come. */
static void rows_streamed(struct app_request *r)
{
	struct db_result *rows =
		db_query(r, "SELECT seq, REPEAT('x', 1000) FROM seq_1_to_100000", NULL);
	int64_t count = 0;

	while (db_next(rows) > 0)
		count++;
	app_printf(r, "%lld %d\n", (long long)count, db_status(r));
}

/* The same, but kept: a second statement comes in between. */
static void rows_kept(struct app_request *r)
{
	struct db_result *rows =
		db_query(r, "SELECT seq, REPEAT('x', 1000) FROM seq_1_to_100000", NULL);

	db_next(rows);
	if (!db_query(r, "SELECT 1", NULL))
		app_printf(r, "status %d\n", db_status(r));
	if (db_query(r, "SELECT 1", NULL))
		app_puts(r, "and on\n");
}

static int add_item(struct app_request *r)
{
	return db_exec(r, "INSERT INTO items (name) VALUES (?)", "s", app_query(r, "name"));
}

static void add(struct app_request *r)
{
	if (add_item(r))
		failed(r);
	else
		app_printf(r, "id %s\n", db_last_id(r) ? "given" : "missing");
}

static void forget(struct app_request *r)
{
	if (db_begin(r) || add_item(r))
		failed(r);
	else
		app_puts(r, "not committed\n");
}

/* Holds a row, then wants another, in the order asked for. */
static int swap_in_transaction(struct app_request *r, void *attempts)
{
	int64_t first = number(r, "first", 1), second = number(r, "second", 2);
	int err = db_exec(r, "UPDATE items SET n = n + 1 WHERE id = ?", "i", first);

	++*(int *)attempts;
	if (!err)
		err = app_sleep(r, 300);
	return err ? err : db_exec(r, "UPDATE items SET n = n + 1 WHERE id = ?", "i", second);
}

static void swap(struct app_request *r)
{
	int attempts = 0, err = db_transaction(r, 5, swap_in_transaction, &attempts);

	app_printf(r, "%d after %d\n", err, attempts);
}

static void hold(struct app_request *r)
{
	struct db_result *rows = db_query(r, "SELECT 1", NULL);

	if (!rows || db_next(rows) <= 0 || db_next(rows)) {
		failed(r);
		return;
	}
	if (app_query(r, "release") && db_release(r))
		app_puts(r, "not released\n");
	app_sleep(r, (unsigned)number(r, "ms", 500));
	app_puts(r, "held\n");
}

static void wrong(struct app_request *r)
{
	int unknown = db_exec(r, "INSERT INTO nowhere VALUES (1)", NULL);
	unsigned code = db_error(r);
	int few = db_exec(r, "UPDATE items SET n = ? WHERE id = ?", "i", (int64_t)1);
	int twice = db_exec(r, "INSERT INTO items (id, name) VALUES (1, 'again')", NULL);

	app_printf(r, "%d %u %d %d %d\n", unknown, code, few, twice,
		   db_query(r, "SELECT 1", NULL) ? 0 : db_status(r));
}

/* --- the module --------------------------------------------------------------------- */

static const struct {
	const char *method, *path;
	app_handler *handler;
} routes[] = {
	{"GET", "/echo/:name", echo},	{"POST", "/form", form},
	{"POST", "/json", json},	{"POST", "/length", length},
	{"GET", "/big", big},		{"GET", "/headers", headers},
	{"GET", "/page", page},		{"GET", "/nothing", nothing},
	{"GET", "/wait", wait_long},	{"GET", "/crash", crash},
	{"GET", "/overflow", overflow}, {"GET", "/loop", loop},
	{"GET", "/hog", hog},		{"GET", "/visits", visits},
	{"GET", "/fill", fill},		{"GET", "/leave", leave},
	{"POST", "/guarded", guarded},	{"GET", "/select", select_slowly},
	{"GET", "/types", types},	{"GET", "/nested", nested},
	{"GET", "/list", list},		{"GET", "/streamed", rows_streamed},
	{"GET", "/kept", rows_kept},	{"GET", "/add", add},
	{"GET", "/forget", forget},	{"GET", "/swap", swap},
	{"GET", "/hold", hold},		{"GET", "/wrong", wrong},
};

static int start(struct app *app)
{
	int err = 0;

	if (app_setting_int(app, "fail", 0))
		return -EPERM;
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes) && !err; i++)
		err = app_route(app, routes[i].method, routes[i].path, routes[i].handler);
	app_log(app, NULL, APP_LOG_INFO, "event=started greeting=\"%s\"",
		app_setting(app, "greeting", ""));
	return err;
}

static void stop(struct app *app)
{
	app_log(app, NULL, APP_LOG_INFO, "event=stopped");
}

const struct app_module sluice_app = {
	.abi = SLUICE_APP_ABI,
	.name = "test",
	.start = start,
	.stop = stop,
};
