/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * lbctl rollback and show generations: the configurations that were in force on this node.
 * Going back is going forward to a generation with an old text.
 */
#include "apply.h"
#include "change.h"
#include "commands.h"
#include "confirmation.h"
#include "generations.h"
#include "show_commands.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HASH_SHOWN 12 /* digits of it in a table */

struct rollback_args {
	unsigned number;
	bool dry_run;
	struct change_args change;
};

/* --- which one ------------------------------------------------------------------ */

static int hash_in_force(const struct session *session, char hash[STORE_HASH_LEN])
{
	char *text;
	size_t length;
	int err = config_write(&session->cluster, &text, &length);

	if (err)
		return err;
	err = store_hash(text, length, hash);
	free(text);
	return err;
}

/* The newest before the one in force that says something else and was not undone; 0: none. */
static unsigned find_previous(const struct session *session, const struct stored *list,
			      size_t count, const char *hash)
{
	unsigned now = dataplane_generation(&session->dp);

	for (size_t i = count; i-- > 0;)
		if (list[i].number < now && list[i].state != STORE_UNDONE &&
		    strcmp(list[i].hash, hash))
			return list[i].number;
	return 0;
}

static int choose(struct session *session, unsigned *number)
{
	const struct rollback_args *args = session->inv->args;
	char hash[STORE_HASH_LEN];
	struct stored *list;
	size_t count;
	int err;

	*number = args->number;
	if (*number)
		return EXIT_OK;
	err = hash_in_force(session, hash);
	if (!err)
		err = store_list(session->name, &list, &count);
	if (err)
		return session_failed(session->inv, err, "stored generations");
	*number = find_previous(session, list, count, hash);
	free(list);
	if (*number)
		return EXIT_OK;
	command_error(session->inv, "no generation before the one in force is stored");
	return EXIT_FAILED;
}

static int print_turned_back(const struct session *session)
{
	static const struct output_column line[] = {
		{"node", "node"}, {"generation", "turned back, generation"}, {}};
	static const struct output_view view = {.line = line};
	int err = output_emit(&session->inv->out,
			      json_pack("{s:s, s:I}", "node", session->name, "generation",
					(json_int_t)dataplane_generation(&session->dp)),
			      &view);

	return err ? session_failed(session->inv, err, "printing") : EXIT_OK;
}

static int roll_back(struct session *session)
{
	const struct rollback_args *args = session->inv->args;
	struct cluster wanted;
	unsigned number;
	int code;

	if (!args->dry_run && !args->number && confirmation_turn_back(session))
		return print_turned_back(session);
	code = choose(session, &number);
	if (!code)
		code = generations_read(session, number, &wanted);
	if (code)
		return code;
	if (args->dry_run)
		code = apply_dry_run(session->inv, &wanted);
	else
		code = apply_cluster(session, &wanted);
	model_fini(&wanted);
	return code;
}

static int run_rollback(struct invocation *inv)
{
	const struct rollback_args *args = inv->args;
	struct session session;
	int code =
		session_open(&session, inv, args->dry_run ? DATAPLANE_READ : DATAPLANE_WRITE, NULL);

	if (!code)
		code = roll_back(&session);
	session_close(&session);
	return code;
}

static const struct parameter rollback_parameters[] = {
	OPERAND_OPTIONAL(struct rollback_args, number, "N", type_count,
			 "the generation; the one before what is in force by default"),
	SWITCH(struct rollback_args, dry_run, "--dry-run", "only say what would change"),
	CHANGE_PARAMETERS(struct rollback_args),
	{},
};

const struct command command_rollback = {
	.word = "rollback",
	.summary = "go back to a configuration that was in force",
	.detail =
		"Each change of the configuration is kept as a generation: \"lbctl show\n"
		"generations\" lists them. What was in force then is applied again, all of it or\n"
		"nothing, as a new generation; flows and counters stay.\n"
		"What waits for a confirmation is turned back at once.",
	.parameters = rollback_parameters,
	.args_size = sizeof(struct rollback_args),
	.run = run_rollback,
};

/* --- the list ------------------------------------------------------------------- */

static json_t *generation_json(const struct stored *one, unsigned in_force)
{
	char when[32], shown[HASH_SHOWN + 1];
	time_t seconds = (time_t)one->unix_s;
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &tm));
	snprintf(shown, sizeof(shown), "%.*s", HASH_SHOWN, one->hash);
	return json_pack("{s:I, s:b, s:s, s:I, s:s, s:s, s:s, s:s}", "generation",
			 (json_int_t)one->number, "in_force", one->number == in_force, "time", when,
			 "time_unix_s", (json_int_t)one->unix_s, "state",
			 one->number == in_force && one->state == STORE_CONFIRMED
				 ? "in force"
				 : store_state_name(one->state),
			 "hash", shown, "sha256", one->hash, "by", one->by);
}

static int print_generations(const struct session *session)
{
	static const struct output_column columns[] = {
		{"generation", "generation"}, {"time", "time"}, {"hash", "hash"},
		{"state", "state"},	      {"by", "by"},	{},
	};
	static const struct output_table tables[] = {
		{.key = "generations", .empty = "no generation is stored", .columns = columns}, {}};
	static const struct output_view view = {.tables = tables};
	unsigned now = session->is_open ? dataplane_generation(&session->dp) : 0;
	json_t *rows = json_array();
	struct stored *list;
	size_t count;
	int err = store_list(session->name, &list, &count);

	for (size_t i = 0; !err && i < count; i++)
		json_array_append_new(rows, generation_json(&list[i], now));
	if (!err)
		free(list);
	if (!err)
		err = output_emit(
			&session->inv->out,
			json_pack("{s:s, s:O}", "node", session->name, "generations", rows), &view);
	json_decref(rows);
	return err ? session_failed(session->inv, err, "stored generations") : EXIT_OK;
}

static int run_show_generations(struct invocation *inv)
{
	struct session session;
	int code = session_open_if_present(&session, inv);

	if (!code)
		code = print_generations(&session);
	session_close(&session);
	return code;
}

const struct command command_show_generations = {
	.word = "generations",
	.summary = "list the configurations that were in force, oldest first",
	.detail = "State: in force, confirmed (was in force), pending (waits for \"lbctl "
		  "confirm\"),\n"
		  "undone, or ephemeral (not to outlive a reboot). \"lbctl rollback N\" goes back\n"
		  "to one.",
	.run = run_show_generations,
};
