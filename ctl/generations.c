/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Generations of a node: written to the store around each publication.
 */
#include "generations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "change.h"
#include "confirmation.h"
#include "deadline.h"

#define PENDING_HEAD "# generation: "

static void warn(const struct session *session, int err, const char *what)
{
	command_error(session->inv,
		      "warning: %s could not be stored: %s: a reboot will not bring "
		      "it back",
		      what, strerror(-err));
}

/* Of a command that changes all: an edit has been made in session->boot or not. */
static bool is_wholly_ephemeral(const struct session *session)
{
	const bool *given = command_option(session->inv, CHANGE_EPHEMERAL);

	return given && *given && !session->has_boot;
}

/* The words of the command, as they were typed. */
static void describe(const struct invocation *inv, char by[STORE_BY_LEN])
{
	size_t length = (size_t)snprintf(by, STORE_BY_LEN, "lbctl");

	for (int i = 0; i < inv->argc && length < STORE_BY_LEN; i++)
		length += (size_t)snprintf(by + length, STORE_BY_LEN - length, " %s", inv->argv[i]);
}

/* --- what a boot restores ------------------------------------------------------- */

/* "# generation: N", and the configuration that is to be restored once N is in force. */
static int write_pending(struct session *session, const struct cluster *cluster, unsigned number)
{
	char *text = NULL, *whole = NULL;
	size_t length, total;
	FILE *file;
	int err = config_write(cluster, &text, &length);

	if (err)
		return err;
	file = open_memstream(&whole, &total);
	if (file) {
		fprintf(file, PENDING_HEAD "%u\n", number);
		fwrite(text, 1, length, file);
		err = fclose(file) ? -ENOMEM : 0;
	} else {
		err = -ENOMEM;
	}
	if (!err)
		err = store_write_file(session->name, STORE_PENDING_BOOT, whole, total);
	free(whole);
	free(text);
	return err;
}

static int settle_pending(const struct session *session, bool in_force)
{
	return in_force ? store_rename_file(session->name, STORE_PENDING_BOOT, STORE_BOOT)
			: store_remove_file(session->name, STORE_PENDING_BOOT);
}

static int read_boot(struct session *session)
{
	struct diag_list diags = {0};
	char *boot, *now = NULL;
	size_t boot_length, now_length;
	int err = store_read_file(session->name, STORE_BOOT, &boot, &boot_length);
	const char *body;

	session->knows_boot = true;
	if (err) /* none yet, or none that can be written either, which is warned of */
		return err == -ENOENT || err == -ENOTDIR ? 0 : err;
	body = strncmp(boot, PENDING_HEAD, strlen(PENDING_HEAD)) ? boot : strchr(boot, '\n') + 1;
	boot_length -= (size_t)(body - boot);
	err = config_write(&session->cluster, &now, &now_length);
	if (!err && (boot_length != now_length || memcmp(body, now, now_length))) {
		err = config_read(body, boot_length, &session->boot, &diags);
		session->has_boot = !err;
	}
	diag_fini(&diags);
	free(now);
	free(boot);
	return err;
}

int generations_load_boot(struct session *session, bool ephemeral)
{
	int err = session->knows_boot ? 0 : read_boot(session);

	session->ephemeral |= ephemeral;
	if (err || !ephemeral || session->has_boot)
		return err;
	err = model_copy(&session->boot, &session->cluster);
	session->has_boot = !err;
	return err;
}

/* --- generations ---------------------------------------------------------------- */

static int put(const struct session *session, const struct cluster *cluster, const char *by,
	       enum store_state state)
{
	struct stored generation = {.number = dataplane_generation(&session->dp),
				    .state = state,
				    .unix_s = (__u64)time(NULL)};
	char *text;
	size_t length;
	int err = config_write(cluster, &text, &length);

	if (err)
		return err;
	snprintf(generation.by, sizeof(generation.by), "%s", by);
	err = store_put(session->name, &generation, text, length);
	free(text);
	return err;
}

static unsigned pending_number(const struct session *session)
{
	unsigned number = 0;
	char *text;
	size_t length;

	if (store_read_file(session->name, STORE_PENDING_BOOT, &text, &length))
		return 0;
	if (sscanf(text, PENDING_HEAD "%u", &number) != 1)
		number = 0;
	free(text);
	return number;
}

void generations_note(struct session *session, const char *by)
{
	(void)!put(session, &session->cluster, by, STORE_CONFIRMED);
}

void generations_confirmed(struct session *session)
{
	unsigned now = dataplane_generation(&session->dp);
	int err = pending_number(session) == now ? settle_pending(session, true) : 0;

	if (!err)
		err = store_mark(session->name, now, STORE_CONFIRMED);
	if (err && err != -ENOENT)
		warn(session, err, "the confirmation");
}

void generations_heal(struct session *session)
{
	unsigned now = dataplane_generation(&session->dp), pending = pending_number(session);
	struct stored stored;

	if (deadline_is_armed(&session->dp))
		return;
	confirmation_settle(session);
	if (pending && pending_number(session))
		(void)!settle_pending(session, pending == now);
	if (!now || store_get(session->name, now, &stored, NULL, NULL) != -ENOENT)
		return;
	generations_note(session, "a command that was interrupted");
}

void generations_prepare(struct session *session)
{
	unsigned number;
	int err;

	if (!dataplane_generation(&session->dp))
		session->dp.past_generations = store_last_number(session->name);
	if (is_wholly_ephemeral(session) || session->restoring)
		return;
	free(session->boot_before);
	session->boot_before = NULL;
	(void)!store_read_file(session->name, STORE_BOOT, &session->boot_before,
			       &session->boot_before_length);
	number = dataplane_next_generation(&session->dp);
	err = write_pending(session, session->has_boot ? &session->boot : &session->cluster,
			    number);
	if (err)
		warn(session, err, "the configuration");
	session->has_pending = !err;
}

void generations_finish(struct session *session)
{
	bool ephemeral = session->ephemeral || is_wholly_ephemeral(session);
	bool waits = session->dp.confirm_s;
	enum store_state state = waits	     ? STORE_PENDING
				 : ephemeral ? STORE_EPHEMERAL
					     : STORE_CONFIRMED;
	struct stored stored;
	char by[STORE_BY_LEN];
	int err = session->has_pending && !waits ? settle_pending(session, true) : 0;

	session->has_pending = false;
	/* Nothing may have changed: then what was stored of it stays, but for its state. */
	if (!err &&
	    !store_get(session->name, dataplane_generation(&session->dp), &stored, NULL, NULL)) {
		if (state == STORE_CONFIRMED)
			err = store_mark(session->name, stored.number, state);
	} else if (!err) {
		describe(session->inv, by);
		err = put(session, &session->cluster, by, state);
	}
	if (err)
		warn(session, err, "this generation");
}

void generations_abandon(struct session *session)
{
	if (session->has_pending)
		(void)!settle_pending(session, false);
	session->has_pending = false;
}

void generations_undone(const struct session *session, unsigned number)
{
	int err = store_mark(session->name, number, STORE_UNDONE);

	if (is_wholly_ephemeral(session))
		return;
	if (session->boot_before)
		err = store_write_file(session->name, STORE_BOOT, session->boot_before,
				       session->boot_before_length);
	if (err)
		warn(session, err, "what was in force before");
}

int generations_read(struct session *session, unsigned number, struct cluster *out)
{
	struct diag_list diags = {0};
	struct stored stored;
	char *text;
	size_t length;
	int err = store_get(session->name, number, &stored, &text, &length);

	if (err == -ENOENT) {
		command_error(session->inv,
			      "generation %u is not stored, expected one of \"lbctl show "
			      "generations\"",
			      number);
		return EXIT_USAGE;
	}
	if (err)
		return session_failed(session->inv, err, "generation %u", number);
	err = config_read(text, length, out, &diags);
	if (err && diags.count)
		command_error(session->inv, "generation %u: %s", number, diags.items[0].text);
	else if (err)
		session_failed(session->inv, err, "generation %u", number);
	diag_fini(&diags);
	free(text);
	return err ? EXIT_FAILED : EXIT_OK;
}
