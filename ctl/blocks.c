/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The block set as a file of the store.
 */
#include "blocks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store.h"

void blocks_note(const struct session *session, const struct prefix *prefix, bool blocked)
{
	char line[PREFIX_TEXT_LEN + 16], text[PREFIX_TEXT_LEN];
	int err;

	snprintf(line, sizeof(line), "%s %s", blocked ? "block" : "unblock",
		 prefix_format(prefix, text));
	err = store_append_line(session->name, STORE_BLOCKS, line);
	if (err)
		command_error(session->inv,
			      "warning: the block set could not be stored: %s: a reboot will not "
			      "bring it back",
			      strerror(-err));
}

/* A line that a crash cut off is none. */
static int do_line(struct dataplane *dp, const char *line)
{
	char word[8], text[PREFIX_TEXT_LEN + 1];
	struct prefix prefix;
	int err;

	if (sscanf(line, "%7s %50s", word, text) != 2 || prefix_parse(text, &prefix))
		return 0;
	if (!strcmp(word, "block"))
		return dataplane_block(dp, &prefix);
	err = strcmp(word, "unblock") ? 0 : dataplane_unblock(dp, &prefix);
	return err == -ENOENT ? 0 : err;
}

static int write_set(const struct session *session, unsigned *count)
{
	struct sluice_lpm_key key, next;
	const void *at = NULL;
	char *whole = NULL, text[PREFIX_TEXT_LEN];
	size_t length;
	FILE *file = open_memstream(&whole, &length);
	int err;

	if (!file)
		return -ENOMEM;
	for (*count = 0; !bpf_map_get_next_key(session->dp.block, at, &next); (*count)++) {
		struct prefix prefix = {.addr = next.addr, .bits = (unsigned char)next.bits};

		fprintf(file, "\nblock %s", prefix_format(&prefix, text));
		key = next;
		at = &key;
	}
	err = fclose(file) ? -ENOMEM : 0;
	if (!err)
		err = store_write_file(session->name, STORE_BLOCKS, whole, length);
	free(whole);
	return err;
}

int blocks_restore(struct session *session, unsigned *count)
{
	char *text, *line, *rest;
	size_t length;
	int err = store_read_file(session->name, STORE_BLOCKS, &text, &length);

	*count = 0;
	if (err)
		return err == -ENOENT ? 0 : err;
	for (line = strtok_r(text, "\n", &rest); line && !err; line = strtok_r(NULL, "\n", &rest))
		err = do_line(&session->dp, line);
	free(text);
	return err ? err : write_set(session, count);
}
