/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The block set as a file of the store.
 */
#include "blocks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store.h"

#define NSEC_PER_SEC   1000000000ULL
#define LINE_MAX_BYTES (PREFIX_TEXT_LEN + 48)

static void warn(const struct session *session, int err)
{
	if (err)
		command_error(session->inv,
			      "warning: the block set could not be stored: %s: a reboot will not "
			      "bring it back",
			      strerror(-err));
}

/* The clock of the set stands still while the machine is off: in the file it is the calendar's. */
static void format_line(char *line, size_t size, const struct block_entry *entry)
{
	const char *word = entry->allow ? "allow" : "block";
	__u64 now_ns = block_set_now_ns();
	char text[PREFIX_TEXT_LEN];

	prefix_format(&entry->prefix, text);
	if (entry->until_ns > now_ns)
		snprintf(line, size, "%s %s until %lld", word, text,
			 (long long)time(NULL) +
				 (long long)((entry->until_ns - now_ns) / NSEC_PER_SEC));
	else
		snprintf(line, size, "%s %s", word, text);
}

void blocks_note(const struct session *session, const struct block_entry *entry)
{
	char line[LINE_MAX_BYTES];

	format_line(line, sizeof(line), entry);
	warn(session, store_append_line(session->name, STORE_BLOCKS, line));
}

void blocks_note_removal(const struct session *session, const struct prefix *prefix)
{
	char line[LINE_MAX_BYTES], text[PREFIX_TEXT_LEN];

	snprintf(line, sizeof(line), "unblock %s", prefix_format(prefix, text));
	warn(session, store_append_line(session->name, STORE_BLOCKS, line));
}

/* A line that a crash cut off is none; nor is one whose time is over. */
static int do_line(struct block_set *set, const char *line)
{
	char word[8], text[PREFIX_TEXT_LEN + 1], until[8];
	long long until_s = 0, now_s = (long long)time(NULL);
	struct block_entry entry = {0};
	int fields = sscanf(line, "%7s %50s %7s %lld", word, text, until, &until_s), err;

	if (fields < 2 || fields == 3 || prefix_parse(text, &entry.prefix))
		return 0;
	if (!strcmp(word, "unblock") || (until_s && until_s <= now_s)) {
		err = block_set_del(set, &entry.prefix);
		return err == -ENOENT ? 0 : err;
	}
	entry.allow = !strcmp(word, "allow");
	if (until_s)
		entry.until_ns = block_set_now_ns() + (__u64)(until_s - now_s) * NSEC_PER_SEC;
	return entry.allow || !strcmp(word, "block") ? block_set_add(set, &entry) : 0;
}

struct writing {
	FILE *file;
	unsigned count;
};

static int write_entry(const struct block_entry *entry, void *data)
{
	struct writing *writing = data;
	char line[LINE_MAX_BYTES];

	format_line(line, sizeof(line), entry);
	writing->count++;
	return fprintf(writing->file, "\n%s", line) < 0 ? -ENOMEM : 0;
}

static int write_set(const struct session *session, unsigned *count)
{
	char *whole = NULL;
	size_t length;
	struct writing writing = {.file = open_memstream(&whole, &length)};
	int err;

	if (!writing.file)
		return -ENOMEM;
	err = block_set_each(&session->dp, write_entry, &writing);
	if (fclose(writing.file) && !err)
		err = -ENOMEM;
	if (!err)
		err = store_write_file(session->name, STORE_BLOCKS, whole, length);
	free(whole);
	*count = writing.count;
	return err;
}

void blocks_note_all(const struct session *session)
{
	unsigned count;

	warn(session, write_set(session, &count));
}

int blocks_restore(struct session *session, unsigned *count)
{
	char *text, *line, *rest;
	size_t length;
	struct block_set set;
	int err = store_read_file(session->name, STORE_BLOCKS, &text, &length);

	*count = 0;
	if (err)
		return err == -ENOENT ? 0 : err;
	err = block_set_open(&set, &session->dp);
	if (!err) {
		for (line = strtok_r(text, "\n", &rest); line && !err;
		     line = strtok_r(NULL, "\n", &rest))
			err = do_line(&set, line);
		block_set_close(&set);
	}
	free(text);
	return err ? err : write_set(session, count);
}
