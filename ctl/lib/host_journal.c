/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The journal of setup: one line per change, KIND WHAT BEFORE. It lies beside
 * the pins, in a file system that a boot empties, like the settings themselves.
 */
#include "host_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane.h"

#define LINE_LEN (HOST_SYSCTL_LEN + 64)

/* Only what setup changes; a newer lbctl reads the journal of an older one. */
static const char *const kind_words[] = {
	[REQUIRE_MTU] = "mtu",
	[REQUIRE_BACKSTOP] = "backstop",
	[REQUIRE_SYSCTL] = "sysctl",
	[REQUIRE_VIP] = "address",
};

static bool parse_kind(const char *word, enum requirement_kind *kind)
{
	for (size_t i = 0; i < sizeof(kind_words) / sizeof(*kind_words); i++) {
		if (!kind_words[i] || strcmp(kind_words[i], word))
			continue;
		*kind = (enum requirement_kind)i;
		return true;
	}
	return false;
}

/* The directory of the pin root; the root itself may not be there yet. */
static int journal_path(const char *node, char *path, size_t size)
{
	const char *root = pins_root();
	size_t length = strlen(root);

	while (length > 1 && root[length - 1] == '/')
		length--;
	while (length > 0 && root[length - 1] != '/')
		length--;
	if ((size_t)snprintf(path, size, "%.*s%s.host", (int)length, root, node) >= size)
		return -ENAMETOOLONG;
	return 0;
}

static int append_entry(struct journal *journal, const struct journal_entry *entry)
{
	struct journal_entry *entries =
		reallocarray(journal->entries, journal->count + 1, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	entries[journal->count++] = *entry;
	journal->entries = entries;
	return 0;
}

int journal_read(const char *node, struct journal *out)
{
	char path[256], line[LINE_LEN], word[16];
	struct journal_entry entry;
	FILE *file;
	int err = journal_path(node, path, sizeof(path));

	*out = (struct journal){0};
	if (err)
		return err;
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (!err && fgets(line, sizeof(line), file)) {
		/* A line cut short by a crash: the change was not made. */
		if (strchr(line, '\n') &&
		    sscanf(line, "%15s %95s %d", word, entry.what, &entry.before) == 3 &&
		    parse_kind(word, &entry.kind))
			err = append_entry(out, &entry);
	}
	fclose(file);
	if (err)
		journal_fini(out);
	return err;
}

static int write_line(const char *path, const struct journal_entry *entry)
{
	FILE *file = fopen(path, "ae");
	int err;

	if (!file)
		return -errno;
	err = fprintf(file, "%s %s %d\n", kind_words[entry->kind], entry->what, entry->before) < 0
		      ? -EIO
		      : 0;
	return fclose(file) ? -errno : err;
}

int journal_append(const char *node, const struct journal_entry *entry)
{
	struct journal journal;
	char path[256], *slash;
	bool known = false;
	int err = journal_read(node, &journal);

	if (err)
		return err;
	for (size_t i = 0; i < journal.count; i++)
		known |= journal.entries[i].kind == entry->kind &&
			 !strcmp(journal.entries[i].what, entry->what);
	journal_fini(&journal);
	if (known)
		return 0;
	err = journal_path(node, path, sizeof(path));
	if (err)
		return err;
	slash = strrchr(path, '/');
	*slash = '\0';
	if (mkdir(path, 0755) && errno != EEXIST)
		return -errno;
	*slash = '/';
	return write_line(path, entry);
}

int journal_remove(const char *node)
{
	char path[256];
	int err = journal_path(node, path, sizeof(path));

	if (err)
		return err;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

void journal_fini(struct journal *journal)
{
	free(journal->entries);
	*journal = (struct journal){0};
}
