/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A hash table with a list in the order of use. An entry never changes what it
 * says: a path that leads to another file gets another entry.
 *
 * A root is opened anew as files are: deployments replace directories.
 */
#include "file_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OPEN_TRIES 8

static const char *const suffixes[FILE_ENCODINGS] = {[FILE_BR] = ".br", [FILE_GZIP] = ".gz"};

/* --- the file system -------------------------------------------------------------------- */

static void refresh_root(struct file_cache *cache, struct file_cache_root *root)
{
	int fd;

	if (root->fd >= 0 && cache->loop->now_ns < root->checked_ns + FILE_CACHE_CHECK_NS)
		return;
	fd = open(root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	root->checked_ns = cache->loop->now_ns;
	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return;
	if (root->fd >= 0)
		close(root->fd);
	root->fd = fd;
}

/*
 * EAGAIN: directories are being renamed, which is over soon; or somebody has a lease on the file
 * (fcntl(2)), and may keep it for most of a minute.
 */
static int open_below(int root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	unsigned tries = OPEN_TRIES;
	long fd;

	if (root < 0)
		return -ENOENT;
	do
		fd = syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || (errno == EAGAIN && --tries)));
	return fd < 0 ? -errno : (int)fd;
}

static void keep_in_memory(struct cached_file *file)
{
	size_t size = (size_t)file->size;
	char *content = malloc(size ? size : 1);

	if (!content)
		return;
	if (pread(file->fd, content, size, 0) != (ssize_t)size) {
		free(content);
		return;
	}
	file->content = content;
	close(file->fd);
	file->fd = -1;
}

static void describe(struct cached_file *file)
{
	const struct stat *status = &file->identity;

	file->kind = FILE_REGULAR;
	file->size = (uint64_t)status->st_size;
	file->modified = status->st_mtim.tv_sec;
	snprintf(file->etag, sizeof(file->etag), "\"%llx%08lx-%llx\"",
		 (unsigned long long)status->st_mtim.tv_sec, status->st_mtim.tv_nsec,
		 (unsigned long long)status->st_size);
	http_date_format(file->modified, file->date);
	if (file->size <= FILE_CACHE_MEMORY_MAX)
		keep_in_memory(file);
}

/* Only regular files are served: reading anything else may wait, or never end. */
static void take_descriptor(struct cached_file *file, int fd)
{
	if (fd < 0) {
		file->out_of_reach = fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ||
				     fd == -EIO || fd == -EAGAIN;
		return;
	}
	file->fd = fd;
	if (fstat(fd, &file->identity))
		return;
	if (S_ISREG(file->identity.st_mode)) {
		describe(file);
		return;
	}
	if (S_ISDIR(file->identity.st_mode))
		file->kind = FILE_DIRECTORY;
	close(fd);
	file->fd = -1;
}

static struct cached_file *load(struct file_cache *cache, size_t root, const char *path)
{
	size_t length = strlen(path) + 1;
	struct cached_file *file = malloc(sizeof(*file) + length);

	if (!file)
		return NULL;
	*file = (struct cached_file){.fd = -1, .root = root, .references = 1};
	memcpy(file->path, path, length);
	file->type = types_find(cache->types, file->path);
	file->checked_ns = cache->loop->now_ns;
	cache->counters->opens++;
	refresh_root(cache, &cache->roots[root]);
	take_descriptor(file, open_below(cache->roots[root].fd, path));
	return file;
}

/* --- entries ---------------------------------------------------------------------------- */

static void forget_encoded(struct cached_file *file)
{
	for (unsigned i = 0; i < FILE_ENCODINGS; i++) {
		file_cache_put(file->encoded[i]);
		file->encoded[i] = NULL;
	}
}

void file_cache_put(struct cached_file *file)
{
	if (!file || --file->references)
		return;
	forget_encoded(file);
	if (file->fd >= 0)
		close(file->fd);
	free(file->content);
	free(file);
}

static struct file_cache_list *list_of(struct file_cache *cache, const struct cached_file *file)
{
	return file->kind == FILE_MISSING ? &cache->missing : &cache->found;
}

static void list_remove(struct file_cache_list *list, struct cached_file *file)
{
	*(file->newer ? &file->newer->older : &list->newest) = file->older;
	*(file->older ? &file->older->newer : &list->oldest) = file->newer;
	list->count--;
}

static void list_add(struct file_cache_list *list, struct cached_file *file)
{
	file->newer = NULL;
	file->older = list->newest;
	*(list->newest ? &list->newest->newer : &list->oldest) = file;
	list->newest = file;
	list->count++;
}

static void list_touch(struct file_cache_list *list, struct cached_file *file)
{
	if (list->newest == file)
		return;
	list_remove(list, file);
	list_add(list, file);
}

static uint64_t hash_of(size_t root, const char *path)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ root;

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 0x100000001b3ull;
	return hash ^ hash >> 32;
}

static struct cached_file *find(const struct file_cache *cache, uint64_t hash, size_t root,
				const char *path)
{
	struct cached_file *file = cache->table[hash & cache->table_mask];

	while (file && (file->hash != hash || file->root != root || strcmp(file->path, path)))
		file = file->chain;
	return file;
}

static void table_remove(struct file_cache *cache, struct cached_file *file)
{
	struct cached_file **link = &cache->table[file->hash & cache->table_mask];

	while (*link != file)
		link = &(*link)->chain;
	*link = file->chain;
	list_remove(list_of(cache, file), file);
	file_cache_put(file);
}

static void table_add(struct file_cache *cache, struct cached_file *file, uint64_t hash)
{
	struct file_cache_list *list = list_of(cache, file);
	struct cached_file **link = &cache->table[hash & cache->table_mask];

	if (list->count >= list->limit) {
		cache->counters->evicted++;
		table_remove(cache, list->oldest);
	}
	file->hash = hash;
	file->chain = *link;
	*link = file;
	file->references++;
	list_add(list, file);
}

static bool is_same(const struct cached_file *a, const struct cached_file *b)
{
	const struct stat *left = &a->identity, *right = &b->identity;

	return a->kind == b->kind && left->st_dev == right->st_dev &&
	       left->st_ino == right->st_ino && left->st_size == right->st_size &&
	       left->st_mtim.tv_sec == right->st_mtim.tv_sec &&
	       left->st_mtim.tv_nsec == right->st_mtim.tv_nsec &&
	       left->st_ctim.tv_sec == right->st_ctim.tv_sec &&
	       left->st_ctim.tv_nsec == right->st_ctim.tv_nsec;
}

/* Returns the entry that is right now, with a reference. */
static struct cached_file *check_again(struct file_cache *cache, struct cached_file *old)
{
	struct cached_file *now = load(cache, old->root, old->path);

	if (!now)
		return NULL;
	if (is_same(old, now)) {
		old->checked_ns = now->checked_ns;
		file_cache_put(now);
		old->references++;
		return old;
	}
	cache->counters->changed++;
	if (!now->out_of_reach) {
		uint64_t hash = old->hash;

		table_remove(cache, old);
		table_add(cache, now, hash);
	}
	return now;
}

struct cached_file *file_cache_get(struct file_cache *cache, size_t root, const char *path)
{
	uint64_t hash = hash_of(root, path);
	struct cached_file *file = find(cache, hash, root, path);

	if (!file) {
		file = load(cache, root, path);
		if (file && !file->out_of_reach)
			table_add(cache, file, hash);
		return file;
	}
	list_touch(list_of(cache, file), file);
	if (cache->loop->now_ns >= file->checked_ns + FILE_CACHE_CHECK_NS)
		return check_again(cache, file);
	cache->counters->hits++;
	file->references++;
	return file;
}

static struct cached_file *find_encoded(struct file_cache *cache, const struct cached_file *file,
					const char *suffix)
{
	char path[FILE_CACHE_PATH_MAX + 4];
	struct cached_file *encoded;

	if (snprintf(path, sizeof(path), "%s%s", file->path, suffix) >= (int)sizeof(path))
		return NULL;
	encoded = file_cache_get(cache, file->root, path);
	if (encoded && encoded->kind == FILE_REGULAR && encoded->modified >= file->modified)
		return encoded;
	file_cache_put(encoded);
	return NULL;
}

void file_cache_find_encoded(struct file_cache *cache, struct cached_file *file)
{
	if (file->encoded_ns && cache->loop->now_ns < file->encoded_ns + FILE_CACHE_CHECK_NS)
		return;
	forget_encoded(file);
	for (unsigned i = 0; i < FILE_ENCODINGS; i++)
		file->encoded[i] = find_encoded(cache, file, suffixes[i]);
	file->encoded_ns = cache->loop->now_ns;
}

/* --- the cache -------------------------------------------------------------------------- */

int file_cache_init(struct file_cache *cache, struct loop *loop, const struct types *types,
		    size_t limit, struct file_cache_counters *counters)
{
	size_t slots = 64;

	while (slots < 2 * limit)
		slots *= 2;
	*cache = (struct file_cache){
		.loop = loop,
		.types = types,
		.counters = counters,
		.table = calloc(slots, sizeof(*cache->table)),
		.table_mask = slots - 1,
		.found = {.limit = limit},
		.missing = {.limit = limit / 4 + 1},
	};
	return cache->table ? 0 : -ENOMEM;
}

void file_cache_fini(struct file_cache *cache)
{
	while (cache->found.oldest)
		table_remove(cache, cache->found.oldest);
	while (cache->missing.oldest)
		table_remove(cache, cache->missing.oldest);
	for (size_t i = 0; i < cache->root_count; i++)
		if (cache->roots[i].fd >= 0)
			close(cache->roots[i].fd);
	free(cache->roots);
	free(cache->table);
}

ssize_t file_cache_add_root(struct file_cache *cache, const char *path)
{
	struct file_cache_root *roots;

	for (size_t i = 0; i < cache->root_count; i++)
		if (!strcmp(cache->roots[i].path, path))
			return (ssize_t)i;
	roots = reallocarray(cache->roots, cache->root_count + 1, sizeof(*roots));
	if (!roots)
		return -ENOMEM;
	cache->roots = roots;
	roots[cache->root_count] = (struct file_cache_root){.path = path, .fd = -1};
	return (ssize_t)cache->root_count++;
}
