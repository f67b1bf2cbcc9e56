/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The web server's cache of open files: what it finds, what it never follows,
 * what it forgets; types by extension.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../userspace/webserver/file_cache.h"
#include "../support/unit.h"

static char directory[64], outside[64];
static struct loop loop;
static struct types types;
static struct file_cache_counters counters;
static struct file_cache cache;
static size_t root;

static void write_file(const char *path, const char *text, size_t size)
{
	char full[128];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", directory, path);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), strlen(text));
	CU_ASSERT_EQUAL(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void remove_file(const char *path)
{
	char full[128];

	snprintf(full, sizeof(full), "%s/%s", directory, path);
	CU_ASSERT_EQUAL(unlink(full), 0);
}

static void begin(size_t limit)
{
	struct diag_list diags = {0};
	ssize_t number;

	strcpy(directory, "/tmp/web-files.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
	loop.now_ns = NS_PER_SEC;
	counters = (struct file_cache_counters){0};
	CU_ASSERT_EQUAL_FATAL(types_read(&types, "", &diags), 0);
	CU_ASSERT_EQUAL_FATAL(file_cache_init(&cache, &loop, &types, limit, &counters), 0);
	number = file_cache_add_root(&cache, directory);
	CU_ASSERT_FATAL(number >= 0);
	CU_ASSERT_EQUAL(file_cache_add_root(&cache, directory), number);
	root = (size_t)number;
}

static void end(void)
{
	char command[128];

	file_cache_fini(&cache);
	types_fini(&types);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	CU_ASSERT_EQUAL(system(command), 0);
}

static enum file_kind kind_of(const char *path)
{
	struct cached_file *file = file_cache_get(&cache, root, path);
	enum file_kind kind = file->kind;

	file_cache_put(file);
	return kind;
}

static void file_is_opened_once_and_found_again(void)
{
	struct cached_file *first, *second;

	begin(10);
	write_file("a.css", "text", 4);
	first = file_cache_get(&cache, root, "a.css");
	second = file_cache_get(&cache, root, "a.css");
	CU_ASSERT_PTR_EQUAL(first, second);
	CU_ASSERT_EQUAL(first->kind, FILE_REGULAR);
	CU_ASSERT_EQUAL(first->size, 4);
	CU_ASSERT_EQUAL(first->fd, -1);
	CU_ASSERT_EQUAL(memcmp(first->content, "text", 4), 0);
	UNIT_ASSERT_TEXT(first->type->name, "text/css; charset=utf-8");
	CU_ASSERT_EQUAL(counters.opens, 1);
	CU_ASSERT_EQUAL(counters.hits, 1);
	file_cache_put(first);
	file_cache_put(second);
	end();
}

static void large_file_is_a_descriptor(void)
{
	struct cached_file *file;

	begin(10);
	write_file("large", "text", FILE_CACHE_MEMORY_MAX + 1);
	file = file_cache_get(&cache, root, "large");
	CU_ASSERT_PTR_NULL(file->content);
	CU_ASSERT(file->fd >= 0);
	file_cache_put(file);
	end();
}

static void changed_file_is_another_one_after_a_second(void)
{
	struct cached_file *old, *new;

	begin(10);
	write_file("a", "old", 3);
	old = file_cache_get(&cache, root, "a");
	write_file("a", "newer", 5);
	new = file_cache_get(&cache, root, "a");
	CU_ASSERT_PTR_EQUAL(new, old);
	file_cache_put(new);
	loop.now_ns += FILE_CACHE_CHECK_NS;
	new = file_cache_get(&cache, root, "a");
	CU_ASSERT_PTR_NOT_EQUAL(new, old);
	CU_ASSERT_EQUAL(new->size, 5);
	CU_ASSERT_STRING_NOT_EQUAL(new->etag, old->etag);
	CU_ASSERT_EQUAL(counters.changed, 1);
	CU_ASSERT_EQUAL(memcmp(old->content, "old", 3), 0);
	file_cache_put(old);
	file_cache_put(new);
	end();
}

static void what_is_missing_is_remembered_and_looked_for_again(void)
{
	begin(10);
	CU_ASSERT_EQUAL(kind_of("a"), FILE_MISSING);
	write_file("a", "x", 1);
	CU_ASSERT_EQUAL(kind_of("a"), FILE_MISSING);
	loop.now_ns += FILE_CACHE_CHECK_NS;
	CU_ASSERT_EQUAL(kind_of("a"), FILE_REGULAR);
	remove_file("a");
	loop.now_ns += FILE_CACHE_CHECK_NS;
	CU_ASSERT_EQUAL(kind_of("a"), FILE_MISSING);
	end();
}

static void only_regular_files_below_the_root_are_found(void)
{
	char path[128];

	begin(10);
	strcpy(outside, "/tmp/web-outside.XXXXXX");
	close(mkstemp(outside));
	write_file("inside", "x", 1);
	snprintf(path, sizeof(path), "%s/link", directory);
	CU_ASSERT_EQUAL(symlink("inside", path), 0);
	snprintf(path, sizeof(path), "%s/escape", directory);
	CU_ASSERT_EQUAL(symlink(outside, path), 0);
	snprintf(path, sizeof(path), "%s/fifo", directory);
	CU_ASSERT_EQUAL(mkfifo(path, 0644), 0);
	CU_ASSERT_EQUAL(kind_of("link"), FILE_REGULAR);
	CU_ASSERT_EQUAL(kind_of("escape"), FILE_MISSING);
	CU_ASSERT_EQUAL(kind_of("fifo"), FILE_MISSING);
	CU_ASSERT_EQUAL(kind_of("../etc/passwd"), FILE_MISSING);
	CU_ASSERT_EQUAL(kind_of("/etc/passwd"), FILE_MISSING);
	CU_ASSERT_EQUAL(kind_of(""), FILE_DIRECTORY);
	unlink(outside);
	end();
}

static void file_under_lease_is_not_waited_for(void)
{
	struct cached_file *file;
	char path[128];
	int holder;

	begin(10);
	write_file("leased", "x", 1);
	snprintf(path, sizeof(path), "%s/leased", directory);
	holder = open(path, O_RDWR | O_CLOEXEC);
	signal(SIGIO, SIG_IGN); /* which asks its holder to give it back */
	CU_ASSERT_EQUAL_FATAL(fcntl(holder, F_SETLEASE, F_WRLCK), 0);
	file = file_cache_get(&cache, root, "leased");
	CU_ASSERT_EQUAL(file->kind, FILE_MISSING);
	CU_ASSERT_TRUE(file->out_of_reach);
	file_cache_put(file);
	CU_ASSERT_EQUAL(fcntl(holder, F_SETLEASE, F_UNLCK), 0);
	close(holder);
	CU_ASSERT_EQUAL(kind_of("leased"), FILE_REGULAR);
	signal(SIGIO, SIG_DFL);
	end();
}

static void number_of_open_files_is_bounded(void)
{
	struct cached_file *held;
	char name[16];

	begin(4);
	write_file("held", "x", 1);
	held = file_cache_get(&cache, root, "held");
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "file%u", i);
		write_file(name, "x", 1);
		CU_ASSERT_EQUAL(kind_of(name), FILE_REGULAR);
		snprintf(name, sizeof(name), "missing%u", i);
		CU_ASSERT_EQUAL(kind_of(name), FILE_MISSING);
	}
	CU_ASSERT_EQUAL(cache.found.count, 4);
	CU_ASSERT_EQUAL(cache.missing.count, 2);
	CU_ASSERT_EQUAL(counters.evicted, 17 + 18);
	CU_ASSERT_EQUAL(held->content[0], 'x');
	file_cache_put(held);
	end();
}

static void compressed_forms_are_found_unless_they_are_older(void)
{
	const struct timespec early[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	struct cached_file *file;
	char path[128];

	begin(10);
	write_file("a.css", "text", 4);
	write_file("a.css.br", "br", 2);
	write_file("a.css.gz", "gz", 2);
	snprintf(path, sizeof(path), "%s/a.css.gz", directory);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, early, 0), 0);
	file = file_cache_get(&cache, root, "a.css");
	file_cache_find_encoded(&cache, file);
	CU_ASSERT_PTR_NOT_NULL(file->encoded[FILE_BR]);
	CU_ASSERT_PTR_NULL(file->encoded[FILE_GZIP]);
	file_cache_put(file);
	end();
}

static void type_follows_the_extension(void)
{
	begin(1);
	UNIT_ASSERT_TEXT(types_find(&types, "a/b.c/x.HTML")->name, "text/html; charset=utf-8");
	UNIT_ASSERT_TEXT(types_find(&types, "a.png")->name, "image/png");
	UNIT_ASSERT_TEXT(types_find(&types, "a.tar.gz")->name, "application/gzip");
	UNIT_ASSERT_TEXT(types_find(&types, "a.html/x")->name, "application/octet-stream");
	UNIT_ASSERT_TEXT(types_find(&types, "a.")->name, "application/octet-stream");
	UNIT_ASSERT_TEXT(types_find(&types, "a.averyverylongextension")->name,
			 "application/octet-stream");
	CU_ASSERT(types_find(&types, "a.svg")->compressible);
	CU_ASSERT(!types_find(&types, "a.jpg")->compressible);
	end();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(file_is_opened_once_and_found_again),
		UNIT_TEST(large_file_is_a_descriptor),
		UNIT_TEST(changed_file_is_another_one_after_a_second),
		UNIT_TEST(what_is_missing_is_remembered_and_looked_for_again),
		UNIT_TEST(only_regular_files_below_the_root_are_found),
		UNIT_TEST(file_under_lease_is_not_waited_for),
		UNIT_TEST(number_of_open_files_is_bounded),
		UNIT_TEST(compressed_forms_are_found_unless_they_are_older),
		UNIT_TEST(type_follows_the_extension),
		{},
	};

	return unit_run("web_files", tests);
}
