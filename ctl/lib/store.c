/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Stored generations: files, written beside their place, flushed, and renamed.
 */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane.h"
#include "words.h"

#define DEFAULT_ROOT   "/var/lib/sluice"
#define FILE_PREFIX    "generation-"
#define FILE_SUFFIX    ".yaml"
#define FILE_MAX_BYTES (64 << 20)

static const char *const state_words[] = {
	[STORE_CONFIRMED] = "confirmed",
	[STORE_PENDING] = "pending",
	[STORE_UNDONE] = "undone",
	[STORE_EPHEMERAL] = "ephemeral",
	NULL,
};

const char *store_state_name(enum store_state state)
{
	return state_words[state];
}

/* --- places ------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int place(char *path, size_t size, const char *format,
						       ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(path, size, format, args);
	va_end(args);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

int store_root(char *path, size_t size)
{
	const char *given = getenv("SLUICE_STATE_ROOT"), *pins = getenv("SLUICE_PIN_ROOT");

	if (given && *given)
		return place(path, size, "%s", given);
	/* Whoever keeps the pins elsewhere is not to meet the generations of this machine. */
	if (pins && *pins)
		return place(path, size, "%s/../state", pins);
	return place(path, size, DEFAULT_ROOT);
}

static int file_path(const char *node, const char *name, char *path, size_t size)
{
	char root[256];
	int err = store_root(root, sizeof(root));

	return err ? err : place(path, size, "%s/%s%s%s", root, node, *name ? "/" : "", name);
}

static int generation_path(const char *node, unsigned number, char *path, size_t size)
{
	char name[64];

	snprintf(name, sizeof(name), FILE_PREFIX "%u" FILE_SUFFIX, number);
	return file_path(node, name, path, size);
}

static int make_directory(const char *node)
{
	char path[512];
	int err = file_path(node, "", path, sizeof(path));

	for (char *slash = path + 1; !err && (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			err = -errno;
		*slash = '/';
	}
	if (!err && mkdir(path, 0755) && errno != EEXIST)
		err = -errno;
	return err;
}

/* --- files -------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t wrote = write(fd, text, length);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return -errno;
		text += wrote;
		length -= (size_t)wrote;
	}
	return fsync(fd) ? -errno : 0;
}

/* The rename itself is to be found after a loss of power, too. */
static int flush_directory(const char *path)
{
	char copy[512];
	char *slash;
	int fd, err;

	snprintf(copy, sizeof(copy), "%s", path);
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

static int replace_file(const char *path, const char *text, size_t length)
{
	char beside[512];
	int err = place(beside, sizeof(beside), "%s.new", path);
	int fd;

	if (err)
		return err;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, length);
	close(fd);
	if (!err && rename(beside, path))
		err = -errno;
	if (err)
		unlink(beside);
	return err ? err : flush_directory(path);
}

static int read_file(const char *path, char **text, size_t *length)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	int err = 0;

	if (!file)
		return -errno;
	*text = NULL;
	if (fstat(fileno(file), &st))
		err = -errno;
	else if (st.st_size > FILE_MAX_BYTES)
		err = -EFBIG;
	if (!err) {
		*text = malloc((size_t)st.st_size + 1);
		*length = *text ? fread(*text, 1, (size_t)st.st_size, file) : 0;
		err = !*text ? -ENOMEM : *length != (size_t)st.st_size ? -EIO : 0;
	}
	if (!err)
		(*text)[*length] = '\0';
	if (err)
		free(*text);
	fclose(file);
	return err;
}

int store_write_file(const char *node, const char *name, const char *text, size_t length)
{
	char path[512];
	int err = make_directory(node);

	if (!err)
		err = file_path(node, name, path, sizeof(path));
	return err ? err : replace_file(path, text, length);
}

int store_read_file(const char *node, const char *name, char **text, size_t *length)
{
	char path[512];
	int err = file_path(node, name, path, sizeof(path));

	return err ? err : read_file(path, text, length);
}

/* The end of the line before comes first: what was cut off by a crash spoils no other. */
int store_append_line(const char *node, const char *name, const char *line)
{
	char path[512], text[512];
	int err = make_directory(node), fd;

	if (!err)
		err = file_path(node, name, path, sizeof(path));
	if (!err)
		err = place(text, sizeof(text), "\n%s", line);
	if (err)
		return err;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, strlen(text));
	close(fd);
	return err;
}

int store_remove_file(const char *node, const char *name)
{
	char path[512];
	int err = file_path(node, name, path, sizeof(path));

	if (err)
		return err;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

int store_rename_file(const char *node, const char *from, const char *to)
{
	char old[512], new[512] = "";
	int err = file_path(node, from, old, sizeof(old));

	if (!err)
		err = file_path(node, to, new, sizeof(new));
	if (!err && rename(old, new))
		err = -errno;
	return err ? err : flush_directory(new);
}

/* --- one generation ----------------------------------------------------------- */

int store_hash(const char *text, size_t length, char hash[STORE_HASH_LEN])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned bytes;

	if (!EVP_Digest(text, length, digest, &bytes, EVP_sha256(), NULL))
		return -ENOMEM;
	for (unsigned i = 0; i < bytes && 2 * i + 2 < STORE_HASH_LEN; i++)
		sprintf(hash + 2 * i, "%02x", digest[i]);
	return 0;
}

/* Of one line, whatever words the command had. */
static void copy_line(char *to, const char *from, size_t size)
{
	size_t i;

	for (i = 0; from[i] && i < size - 1; i++)
		to[i] = (unsigned char)from[i] < ' ' ? ' ' : from[i];
	to[i] = '\0';
}

static char *file_text(const struct stored *generation, const char *text, size_t length,
		       size_t *total)
{
	char *out = NULL, by[STORE_BY_LEN];
	FILE *file = open_memstream(&out, total);

	if (!file)
		return NULL;
	copy_line(by, generation->by, sizeof(by));
	fprintf(file, "# Stored by lbctl: do not edit, \"lbctl rollback\" brings it back.\n");
	fprintf(file, "# generation: %u\n# state: %s\n# time: %llu\n# sha256: %s\n# by: %s\n",
		generation->number, store_state_name(generation->state),
		(unsigned long long)generation->unix_s, generation->hash, by);
	fwrite(text, 1, length, file);
	if (fclose(file)) {
		free(out);
		return NULL;
	}
	return out;
}

/* Takes one line of the head; false: it is none. */
static bool parse_line(const char *line, size_t length, struct stored *out)
{
	char word[32], value[STORE_BY_LEN] = "", copy[STORE_BY_LEN + 64];
	int state;

	if (*line != '#')
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)length, line);
	if (sscanf(copy, "# %31[a-z0-9]: %199[^\n]", word, value) < 1)
		return true;
	if (!strcmp(word, "generation"))
		out->number = (unsigned)strtoul(value, NULL, 10);
	else if (!strcmp(word, "time"))
		out->unix_s = strtoull(value, NULL, 10);
	else if (!strcmp(word, "sha256"))
		snprintf(out->hash, sizeof(out->hash), "%.64s", value);
	else if (!strcmp(word, "by"))
		snprintf(out->by, sizeof(out->by), "%s", value);
	else if (!strcmp(word, "state") && (state = words_find(state_words, value)) >= 0)
		out->state = (enum store_state)state;
	return true;
}

/* The head; returns where the configuration begins. */
static const char *parse_head(const char *text, struct stored *out)
{
	*out = (struct stored){.state = STORE_UNDONE};
	for (;;) {
		const char *end = strchr(text, '\n');

		if (!end || !parse_line(text, (size_t)(end - text), out))
			return text;
		text = end + 1;
	}
}

int store_get(const char *node, unsigned number, struct stored *out, char **text, size_t *length)
{
	char path[512], hash[STORE_HASH_LEN], *all = NULL;
	const char *body;
	size_t total;
	int err = generation_path(node, number, path, sizeof(path));

	if (!err)
		err = read_file(path, &all, &total);
	if (err)
		return err;
	body = parse_head(all, out);
	total -= (size_t)(body - all);
	err = store_hash(body, total, hash);
	if (!err && (strcmp(hash, out->hash) || out->number != number))
		err = -EBADMSG;
	if (!err && text) {
		memmove(all, body, total + 1);
		*text = all;
		*length = total;
		return 0;
	}
	free(all);
	return err;
}

/* --- all of them -------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct stored *left = a, *right = b;

	return left->number < right->number ? -1 : left->number > right->number;
}

static bool parse_name(const char *name, unsigned *number)
{
	char suffix[8] = "";

	return sscanf(name, FILE_PREFIX "%9u%7s", number, suffix) == 2 &&
	       !strcmp(suffix, FILE_SUFFIX);
}

static int list_directory(DIR *dir, struct stored **out, size_t *count)
{
	const struct dirent *entry;
	unsigned number;

	while ((entry = readdir(dir))) {
		struct stored *list;

		if (!parse_name(entry->d_name, &number))
			continue;
		list = reallocarray(*out, *count + 1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		*out = list;
		list[(*count)++] = (struct stored){.number = number};
	}
	return 0;
}

/* The numbers alone. */
static int list_numbers(const char *node, struct stored **out, size_t *count)
{
	char path[512];
	DIR *dir;
	int err = file_path(node, "", path, sizeof(path));

	*out = NULL;
	*count = 0;
	if (err)
		return err;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	err = list_directory(dir, out, count);
	closedir(dir);
	if (!err && *count)
		qsort(*out, *count, sizeof(**out), compare);
	if (err)
		free(*out);
	return err;
}

int store_list(const char *node, struct stored **out, size_t *count)
{
	size_t kept = 0, found;
	int err = list_numbers(node, out, &found);

	if (err)
		return err;
	for (size_t i = 0; i < found; i++) {
		struct stored one;

		/* What is damaged is none that one could go back to. */
		if (!store_get(node, (*out)[i].number, &one, NULL, NULL))
			(*out)[kept++] = one;
	}
	*count = kept;
	return 0;
}

unsigned store_last_number(const char *node)
{
	struct stored *list;
	unsigned number = 0;
	size_t count;

	if (list_numbers(node, &list, &count))
		return 0;
	if (count)
		number = list[count - 1].number;
	free(list);
	return number;
}

static void prune(const char *node)
{
	struct stored *list;
	size_t count;
	char path[512];

	if (list_numbers(node, &list, &count))
		return;
	for (size_t i = 0; i + STORE_KEEP < count; i++)
		if (!generation_path(node, list[i].number, path, sizeof(path)))
			unlink(path);
	free(list);
}

int store_put(const char *node, const struct stored *generation, const char *text, size_t length)
{
	struct stored head = *generation;
	char path[512], *whole;
	size_t total;
	int err = make_directory(node);

	if (!err)
		err = generation_path(node, generation->number, path, sizeof(path));
	if (!err)
		err = store_hash(text, length, head.hash);
	if (err)
		return err;
	whole = file_text(&head, text, length, &total);
	if (!whole)
		return -ENOMEM;
	err = replace_file(path, whole, total);
	free(whole);
	if (!err)
		prune(node);
	return err;
}

int store_mark(const char *node, unsigned number, enum store_state state)
{
	struct stored generation;
	char *text;
	size_t length;
	int err = store_get(node, number, &generation, &text, &length);

	if (err || generation.state == state) {
		if (!err)
			free(text);
		return err;
	}
	generation.state = state;
	err = store_put(node, &generation, text, length);
	free(text);
	return err;
}
