/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Opening a node, editing the configuration in force, publishing it.
 */
#include "session.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "batch.h"
#include "change.h"
#include "confirmation.h"
#include "generations.h"
#include "model_validate.h"

#define FILE_MAX_BYTES (16 << 20) /* of a cluster file */

int session_failed(const struct invocation *inv, int err, const char *what, ...)
{
	char text[512];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	command_error(inv, "%s: %s%s", text, strerror(-err),
		      err == -EPERM ? ", expected root or CAP_BPF and CAP_NET_ADMIN" : "");
	return EXIT_FAILED;
}

int session_kernel_failed(const struct invocation *inv, int err, const char *what, ...)
{
	const char *detail = dataplane_detail();
	char text[512], lacking[128];
	struct utsname kernel;
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof(text), what, args);
	va_end(args);
	if (err != -EPERM && kernel_lacks(lacking, sizeof(lacking)))
		command_error(inv,
			      "%s: this kernel lacks %s, expected Linux " OLDEST_KERNEL " or newer",
			      text, lacking);
	else if (err != -EPERM && kernel_is_old(&kernel))
		command_error(inv,
			      "%s: this kernel, %s, refuses it (%s), expected Linux " OLDEST_KERNEL
			      " or newer",
			      text, kernel.release, *detail ? detail : strerror(-err));
	else
		command_error(inv, "%s: %s%s%s%s", text, strerror(-err), *detail ? " (" : "",
			      detail, *detail ? ")" : "");
	return EXIT_FAILED;
}

static void print_diags(const struct invocation *inv, const struct diag_list *diags)
{
	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *diag = &diags->items[i];

		fputs("lbctl: ", stderr);
		if (inv->place)
			fprintf(stderr, "%s: ", inv->place);
		if (diags->file && diag->at.line)
			fprintf(stderr, "%s:%u:%u: ", diags->file, diag->at.line, diag->at.column);
		else if (diags->file)
			fprintf(stderr, "%s: ", diags->file);
		fprintf(stderr, "%s\n", diag->text);
	}
}

/* The name of the only directory below the pin root, if there is just one. */
static bool only_node(char name[SLUICE_NAME_LEN])
{
	DIR *dir = opendir(pins_root());
	const struct dirent *entry;
	char control[NAME_MAX + sizeof("/sluice_control")];
	unsigned count = 0;

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		/* Other tools have directories in a bpffs, too. */
		snprintf(control, sizeof(control), "%s/sluice_control", entry->d_name);
		if (strlen(entry->d_name) >= SLUICE_NAME_LEN ||
		    faccessat(dirfd(dir), control, F_OK, 0))
			continue;
		strcpy(name, entry->d_name);
		count++;
	}
	closedir(dir);
	return count == 1;
}

int session_node_name(const struct invocation *inv, char name[SLUICE_NAME_LEN])
{
	const char *from = inv->node ? "--node" : "SLUICE_NODE";
	const char *given = inv->node ? inv->node : getenv("SLUICE_NODE");
	struct utsname host;

	if (!inv->node && given && !*given)
		given = NULL;
	if (given && !model_node_name_is_valid(given)) {
		command_error(inv, "%s \"%s\": expected the name of a node", from, given);
		return EXIT_USAGE;
	}
	if (given) {
		strcpy(name, given);
		return EXIT_OK;
	}
	if (only_node(name))
		return EXIT_OK;
	if (uname(&host))
		return session_failed(inv, -errno, "host name");
	snprintf(name, SLUICE_NAME_LEN, "%.*s", (int)strcspn(host.nodename, "."), host.nodename);
	return EXIT_OK;
}

static int open_error(const struct session *session, int err)
{
	const struct invocation *inv = session->inv;

	switch (err) {
	case -ENOENT:
		command_error(inv,
			      "node \"%s\" has no data plane here: \"lbctl --node %s apply -f "
			      "FILE\" makes it",
			      session->name, session->name);
		break;
	case -EPROTO:
		command_error(inv,
			      "node \"%s\": its maps were made by another version of Sluice "
			      "(expected ABI %d): use that version, or \"rm -r %s/%s\" and then "
			      "\"lbctl restore\", which replaces its programs while packets flow",
			      session->name, SLUICE_ABI_VERSION, pins_root(), session->name);
		break;
	case -EPERM:
	case -EACCES:
		command_error(inv,
			      "node \"%s\": not permitted, expected root or CAP_BPF and "
			      "CAP_NET_ADMIN",
			      session->name);
		break;
	case -EBUSY:
		command_error(inv, "node \"%s\": another command holds its lock", session->name);
		break;
	case -EBADMSG:
		command_error(inv,
			      "node \"%s\": this version cannot read the configuration in force",
			      session->name);
		break;
	default:
		return session_kernel_failed(inv, err, "node \"%s\"", session->name);
	}
	return EXIT_FAILED;
}

static int open_dataplane(struct session *session, enum dataplane_access access,
			  const struct table_sizes *sizes)
{
	int err;

	if (access == DATAPLANE_CREATE) {
		err = dataplane_open(&session->dp, session->name, DATAPLANE_WRITE, NULL);
		if (err != -ENOENT)
			return err;
		session->created = true;
	}
	return dataplane_open(&session->dp, session->name, access, sizes);
}

static int open_node(struct session *session, enum dataplane_access access,
		     const struct table_sizes *sizes)
{
	int err = open_dataplane(session, access, sizes);

	if (err) {
		session->created = false;
		return err;
	}
	session->is_open = true;
	err = dataplane_load_model(&session->dp, &session->cluster);
	if (!err && access != DATAPLANE_READ)
		generations_heal(session);
	return err;
}

static int session_begin(struct session *session, const struct invocation *inv)
{
	int code;

	*session = (struct session){.inv = inv};
	model_init(&session->cluster);
	model_init(&session->boot);
	code = inv->batch ? batch_flush(inv->batch) : EXIT_OK;
	return code ? code : session_node_name(inv, session->name);
}

int session_open(struct session *session, const struct invocation *inv,
		 enum dataplane_access access, const struct table_sizes *sizes)
{
	int code = session_begin(session, inv), err;

	if (code)
		return code;
	err = open_node(session, access, sizes);
	return err ? open_error(session, err) : EXIT_OK;
}

int session_open_if_present(struct session *session, const struct invocation *inv)
{
	int code = session_begin(session, inv), err;

	if (code)
		return code;
	err = open_node(session, DATAPLANE_READ, NULL);
	return err && err != -ENOENT ? open_error(session, err) : EXIT_OK;
}

void session_close(struct session *session)
{
	bool remove = session->is_open && session->created &&
		      (session->failed || !session->dp.control->generation.config);

	if (session->is_open)
		dataplane_close(&session->dp);
	if (remove && dataplane_destroy(session->name))
		command_error(session->inv, "node \"%s\": its maps could not be removed",
			      session->name);
	model_fini(&session->cluster);
	model_fini(&session->boot);
	free(session->boot_before);
	diag_fini(&session->diags);
}

struct node *session_node(const struct session *session)
{
	return model_node(&session->cluster, session->name);
}

struct node *session_node_make(struct session *session)
{
	struct node *node = session_node(session);

	if (!*session->cluster.name)
		strcpy(session->cluster.name, session->name);
	if (!node)
		node = model_node_add(&session->cluster, session->name);
	if (!node)
		command_error(session->inv, "out of memory");
	return node;
}

int session_validate(struct session *session)
{
	int code = EXIT_OK;

	if (model_validate(&session->cluster, &session->diags)) {
		print_diags(session->inv, &session->diags);
		code = EXIT_USAGE;
	}
	diag_fini(&session->diags);
	return code;
}

int session_publish(struct session *session)
{
	int err;

	if (session_validate(session))
		return EXIT_USAGE;
	session->dp.confirm_s = session->restoring ? 0 : confirmation_wanted_s(session);
	generations_prepare(session);
	err = dataplane_publish(&session->dp, &session->cluster, &session->diags);
	if (err || session->diags.count)
		generations_abandon(session);
	else
		generations_finish(session);
	if (session->diags.count) {
		print_diags(session->inv, &session->diags);
		diag_fini(&session->diags);
		return EXIT_USAGE;
	}
	if (err == -EINPROGRESS) {
		confirmation_refuse(session);
		return EXIT_FAILED;
	}
	return err ? session_kernel_failed(session->inv, err, "publishing the configuration")
		   : EXIT_OK;
}

int session_publish_empty(struct session *session)
{
	return session_node_make(session) ? session_publish(session) : EXIT_FAILED;
}

int session_copy_model(struct session *session, struct cluster *out)
{
	int err = model_copy(out, &session->cluster);

	return err ? session_failed(session->inv, err, "copying the configuration") : EXIT_OK;
}

void session_restore(struct session *session, struct cluster *before)
{
	unsigned undone = dataplane_generation(&session->dp);
	struct cluster failed = session->cluster;

	session->dp.confirm_s = 0;
	if (session->created) {
		session->failed = true;
		return;
	}
	if (confirmation_turn_back(session))
		return;
	/* Published before, by whoever: without an entry it was never in force here. */
	if (!model_node(before, session->name) && !model_node_add(before, session->name)) {
		session_failed(session->inv, -ENOMEM, "going back");
		return;
	}
	session->restoring = true;
	session->cluster = *before;
	if (session_publish(session))
		command_error(session->inv, "the configuration could not be taken back");
	*before = session->cluster;
	session->cluster = failed;
	generations_undone(session, undone);
}

/* The same change to what a boot restores, where that is not what is in force. */
static int edit_boot(struct session *session, int (*edit)(struct session *session))
{
	struct cluster running = session->cluster;
	int code;

	session->cluster = session->boot;
	code = session_node_make(session) ? edit(session) : EXIT_FAILED;
	session->boot = session->cluster;
	session->cluster = running;
	if (code)
		command_error(session->inv, "the change rests on ephemeral ones, which a reboot "
					    "undoes: expected " CHANGE_EPHEMERAL);
	return code;
}

int session_change(struct session *session, int (*edit)(struct session *session))
{
	const bool *given = command_option(session->inv, CHANGE_EPHEMERAL);
	bool ephemeral = given && *given;
	int code = session_node_make(session) ? EXIT_OK : EXIT_FAILED, err;

	if (code)
		return code;
	err = generations_load_boot(session, ephemeral);
	if (err)
		return session_failed(session->inv, err, "what a boot restores");
	code = edit(session);
	return code || ephemeral || !session->has_boot ? code : edit_boot(session, edit);
}

int session_edit(const struct invocation *inv, enum dataplane_access access,
		 int (*edit)(struct session *session))
{
	struct session session;
	int code;

	if (inv->batch)
		return batch_edit(inv, access, edit);
	code = session_open(&session, inv, access, NULL);
	if (!code)
		code = session_change(&session, edit);
	if (!code)
		code = session_publish(&session);
	session_close(&session);
	return code;
}

int session_read_text(const char *path, char **text, size_t *length)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	FILE *copy = open_memstream(text, length);
	char chunk[65536];
	size_t got, total = 0;
	int err = !file || !copy ? -errno : 0;

	while (!err && (got = fread(chunk, 1, sizeof(chunk), file))) {
		total += got;
		if (total > FILE_MAX_BYTES)
			err = -EFBIG;
		else if (fwrite(chunk, 1, got, copy) != got)
			err = -ENOMEM;
	}
	if (!err && ferror(file))
		err = -errno;
	if (copy)
		fclose(copy);
	if (file && file != stdin)
		fclose(file);
	return err;
}

int session_read_file(const struct invocation *inv, const char *path, struct cluster *out)
{
	struct diag_list diags = {.file = path};
	char *text = NULL;
	size_t length = 0;
	int code = EXIT_OK, err;

	err = session_read_text(path, &text, &length);
	if (err) {
		command_error(inv, "%s: %s", path, strerror(-err));
		free(text);
		return EXIT_USAGE;
	}
	model_init(out);
	err = config_read(text, length, out, &diags);
	print_diags(inv, &diags);
	if (err == -EINVAL)
		code = EXIT_USAGE;
	else if (err)
		code = session_failed(inv, err, "%s", path);
	if (code)
		model_fini(out);
	diag_fini(&diags);
	free(text);
	return code;
}
