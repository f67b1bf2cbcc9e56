/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Files that a worker has open: looked up by path below a directory, never
 * outside of it (openat2(2), RESOLVE_BENEATH), and looked at again when what is
 * known of them is a second old. What is not there is remembered too.
 *
 * Small files are kept in memory, larger ones as descriptors; both as long as
 * anyone holds them, also when the path leads to something else by then.
 */
#ifndef SLUICE_WEB_FILE_CACHE_H
#define SLUICE_WEB_FILE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "http/value.h"
#include "loop.h"
#include "types.h"

#define FILE_CACHE_CHECK_NS   NS_PER_SEC
#define FILE_CACHE_MEMORY_MAX (16u << 10) /* larger files are not kept in memory */
#define FILE_CACHE_ETAG_LEN   48
#define FILE_CACHE_PATH_MAX   4096

enum file_encoding { FILE_BR, FILE_GZIP, FILE_ENCODINGS };

enum file_kind { FILE_MISSING, FILE_REGULAR, FILE_DIRECTORY };

struct cached_file {
	enum file_kind kind;
	/* Missing for want of descriptors or memory, for somebody's lease, or an error of I/O. */
	bool out_of_reach;
	const struct type *type;
	uint64_t size;
	time_t modified;
	char etag[FILE_CACHE_ETAG_LEN];		     /* with quotes; of this encoding */
	char date[HTTP_DATE_LEN + 1];		     /* of Last-Modified */
	char *content;				     /* all of it; NULL: */
	int fd;					     /* shared: read by offset only */
	struct cached_file *encoded[FILE_ENCODINGS]; /* NULL: there is none */

	/* Private to file_cache.c. */
	struct cached_file *chain, *newer, *older;
	unsigned references;
	uint64_t hash, checked_ns, encoded_ns;
	struct stat identity;
	size_t root;
	char path[];
};

struct file_cache_counters {
	uint64_t hits, opens, changed, evicted;
};

struct file_cache_root {
	const char *path; /* borrowed */
	int fd;
	uint64_t checked_ns;
};

/* In the order of their last use. */
struct file_cache_list {
	struct cached_file *newest, *oldest;
	size_t count, limit;
};

struct file_cache {
	struct loop *loop;
	const struct types *types;
	struct file_cache_counters *counters;
	struct file_cache_root *roots;
	size_t root_count;
	struct cached_file **table;
	size_t table_mask;
	struct file_cache_list found, missing;
};

/* At most `limit` files, and a quarter as many paths that lead to nothing. */
int file_cache_init(struct file_cache *cache, struct loop *loop, const struct types *types,
		    size_t limit, struct file_cache_counters *counters) __must_check;
void file_cache_fini(struct file_cache *cache);

/* A directory to look below; its number, or -ENOMEM. The same path gives the same number. */
ssize_t file_cache_add_root(struct file_cache *cache, const char *path) __must_check;

/*
 * What the path (relative, normalised, "" for the root itself) leads to. NULL:
 * out of memory. To be given back.
 */
struct cached_file *file_cache_get(struct file_cache *cache, size_t root, const char *path);
void file_cache_put(struct cached_file *file);

/*
 * Looks for FILE.br and FILE.gz that are not older than FILE, and sets
 * file->encoded, which belongs to the file.
 */
void file_cache_find_encoded(struct file_cache *cache, struct cached_file *file);

#endif /* SLUICE_WEB_FILE_CACHE_H */
