/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Text is said to be UTF-8, as everything is that is written today; what
 * compresses well is looked for in compressed form too.
 */
#include "types.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_array.h"

#define LINE_MAX_BYTES 1024
#define TYPES_MAX      10000

static const struct type unknown = {.name = "application/octet-stream"};

static const char *const built_in[] = {
	"text/html html htm",
	"text/css css",
	"text/javascript js mjs",
	"text/plain txt text log conf",
	"text/csv csv",
	"text/markdown md",
	"text/calendar ics",
	"text/vtt vtt",
	"application/json json map",
	"application/ld+json jsonld",
	"application/manifest+json webmanifest",
	"application/xml xml xsl",
	"application/rss+xml rss",
	"application/atom+xml atom",
	"application/xhtml+xml xhtml",
	"application/wasm wasm",
	"application/pdf pdf",
	"application/zip zip",
	"application/gzip gz tgz",
	"application/x-tar tar",
	"application/x-xz xz",
	"application/zstd zst",
	"application/x-bzip2 bz2",
	"application/x-7z-compressed 7z",
	"application/vnd.debian.binary-package deb",
	"application/epub+zip epub",
	"application/rtf rtf",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document docx",
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation pptx",
	"image/png png",
	"image/apng apng",
	"image/jpeg jpg jpeg",
	"image/gif gif",
	"image/webp webp",
	"image/avif avif",
	"image/svg+xml svg",
	"image/x-icon ico",
	"image/bmp bmp",
	"image/tiff tif tiff",
	"audio/mpeg mp3",
	"audio/ogg ogg oga opus",
	"audio/wav wav",
	"audio/flac flac",
	"audio/mp4 m4a",
	"video/mp4 mp4 m4v",
	"video/webm webm",
	"video/ogg ogv",
	"video/quicktime mov",
	"video/x-matroska mkv",
	"video/mp2t ts",
	"application/vnd.apple.mpegurl m3u8",
	"font/woff woff",
	"font/woff2 woff2",
	"font/ttf ttf",
	"font/otf otf",
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && !strcmp(text + length - tail, end);
}

static bool is_compressible(const char *name)
{
	static const char *const others[] = {
		"application/json", "application/xml", "application/wasm", "application/javascript",
		"application/rtf",  "image/x-icon",    "image/bmp",	   "font/ttf",
		"font/otf",
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (!strcmp(name, others[i]))
			return true;
	return !strncmp(name, "text/", 5) || ends_with(name, "+xml") || ends_with(name, "+json");
}

static int by_extension(const void *a, const void *b)
{
	return strcmp(((const struct type *)a)->extension, ((const struct type *)b)->extension);
}

static struct type *find_unsorted(const struct types *types, const char *extension)
{
	for (size_t i = 0; i < types->count; i++)
		if (!strcmp(types->items[i].extension, extension))
			return &types->items[i];
	return NULL;
}

/* A later line about the same extension replaces the earlier one. */
static int set(struct types *types, const char *name, const char *extension)
{
	struct type *type = find_unsorted(types, extension);

	if (strlen(name) > 90 || strlen(extension) >= sizeof(type->extension) ||
	    types->count >= TYPES_MAX)
		return 0;
	if (!type)
		type = model_array_add(&types->items, &types->count, sizeof(*type));
	if (!type)
		return -ENOMEM;
	strcpy(type->extension, extension);
	snprintf(type->name, sizeof(type->name), "%s%s", name,
		 strncmp(name, "text/", 5) ? "" : "; charset=utf-8");
	type->compressible = is_compressible(name);
	return 0;
}

/* "type extension ...", with or without the semicolon that nginx has at the end. */
static int read_line(struct types *types, const char *text)
{
	char line[LINE_MAX_BYTES], *rest = NULL, *name, *extension;
	int err = 0;

	snprintf(line, sizeof(line), "%s", text);
	line[strcspn(line, "#;")] = '\0';
	for (char *at = line; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	name = strtok_r(line, " \t\r\n", &rest);
	if (!name || !strchr(name, '/'))
		return 0;
	while (!err && (extension = strtok_r(NULL, " \t\r\n", &rest)))
		err = set(types, name, extension);
	return err;
}

static int read_file(struct types *types, const char *file, struct diag_list *diags)
{
	char line[LINE_MAX_BYTES];
	FILE *in = fopen(file, "re");
	int err = 0;

	if (!in) {
		err = -errno;
		diag_add(diags, (struct place){0}, "types \"%s\": %s", file, strerror(errno));
		return err;
	}
	while (!err && fgets(line, sizeof(line), in))
		err = read_line(types, line);
	fclose(in);
	return err;
}

int types_read(struct types *types, const char *file, struct diag_list *diags)
{
	int err = 0;

	*types = (struct types){0};
	for (size_t i = 0; i < ARRAY_LEN(built_in) && !err; i++)
		err = read_line(types, built_in[i]);
	if (!err && *file)
		err = read_file(types, file, diags);
	if (types->count)
		qsort(types->items, types->count, sizeof(*types->items), by_extension);
	return err;
}

void types_fini(struct types *types)
{
	free(types->items);
	*types = (struct types){0};
}

const struct type *types_find(const struct types *types, const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
	const struct type *found;
	struct type wanted = {0};

	if (!dot || strlen(dot + 1) >= sizeof(wanted.extension))
		return &unknown;
	for (size_t i = 0; dot[i + 1]; i++)
		wanted.extension[i] = (char)tolower((unsigned char)dot[i + 1]);
	found = bsearch(&wanted, types->items, types->count, sizeof(wanted), by_extension);
	return found ? found : &unknown;
}
