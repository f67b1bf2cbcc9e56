/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * All templates of a directory: read, compiled, and bound to those that they use.
 */
#include "template_node.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loader {
	struct template_set *set;
	struct diag_list *diags;
	size_t size;
	unsigned depth;
};

static int report(struct loader *loader, const char *name, const char *what)
{
	diag_add(loader->diags, (struct place){0}, "%s: %s", name, what);
	return -EINVAL;
}

static void template_fini(struct template *template)
{
	free(template->name);
	free(template->source);
	free(template->names);
	free(template->nodes);
}

void template_set_free(struct template_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		template_fini(&set->templates[i]);
	free(set->templates);
	free(set);
}

/* Takes `name` and `source` over, whether it succeeds or not. */
static int add_template(struct loader *loader, char *name, char *source, size_t length)
{
	struct template_set *set = loader->set;
	struct template template = {.name = name, .source = source}, *templates;
	int err = -ENOMEM;

	if (!name || !source)
		goto out;
	if (set->count == TEMPLATE_MAX_FILES) {
		err = report(loader, name, "too many templates");
		goto out;
	}
	if (set->count == loader->size) {
		templates = reallocarray(set->templates, loader->size * 2 + 16, sizeof(template));
		if (!templates)
			goto out;
		loader->size = loader->size * 2 + 16;
		set->templates = templates;
	}
	err = template_compile(&template, length, loader->diags);
out:
	if (err)
		template_fini(&template);
	else
		set->templates[set->count++] = template;
	return err;
}

static int read_source(struct loader *loader, int fd, const char *name, char **source,
		       size_t *length)
{
	struct stat status;
	ssize_t got;

	if (fstat(fd, &status))
		return report(loader, name, strerror(errno));
	if (status.st_size > TEMPLATE_MAX_BYTES)
		return report(loader, name, "too large for a template");
	*source = calloc(1, (size_t)status.st_size + 1);
	if (!*source)
		return -ENOMEM;
	for (*length = 0; *length < (size_t)status.st_size; *length += (size_t)got) {
		got = read(fd, *source + *length, (size_t)status.st_size - *length);
		if (got < 0) {
			free(*source);
			return report(loader, name, strerror(errno));
		}
		if (!got)
			break;
	}
	return 0;
}

static int load_directory(struct loader *loader, int fd, const char *prefix);

static int load_entry(struct loader *loader, int directory, const char *prefix, const char *entry)
{
	char *name = NULL, *source;
	struct stat status;
	size_t length;
	int fd, err = 0;

	if (*entry == '.' || entry[strlen(entry) - 1] == '~')
		return 0;
	if (asprintf(&name, "%s%s%s", prefix, *prefix ? "/" : "", entry) < 0)
		return -ENOMEM;
	fd = openat(directory, entry, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status)) {
		err = report(loader, name, strerror(errno));
	} else if (S_ISDIR(status.st_mode)) {
		err = load_directory(loader, fd, name); /* closes it */
		fd = -1;
	} else if (S_ISREG(status.st_mode)) {
		err = read_source(loader, fd, name, &source, &length);
		if (!err) {
			err = add_template(loader, name, source, length);
			name = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	free(name);
	return err;
}

/* Goes on behind a mistake, so that one run tells them all. */
static int load_directory(struct loader *loader, int fd, const char *prefix)
{
	DIR *directory = fdopendir(fd);
	const struct dirent *entry;
	int err = 0, first = 0;

	if (!directory) {
		close(fd);
		return report(loader, prefix, strerror(errno));
	}
	if (++loader->depth > TEMPLATE_MAX_DEPTH)
		first = report(loader, prefix, "too many directories within each other");
	while (!first || first == -EINVAL) {
		entry = loader->depth > TEMPLATE_MAX_DEPTH ? NULL : readdir(directory);
		if (!entry)
			break;
		err = load_entry(loader, dirfd(directory), prefix, entry->d_name);
		if (err && !first)
			first = err;
	}
	loader->depth--;
	closedir(directory);
	return first;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct template *)a)->name, ((const struct template *)b)->name);
}

const struct template *template_find(const struct template_set *set, const char *name)
{
	const struct template key = {.name = (char *)name};

	if (!set || !set->count)
		return NULL;
	return bsearch(&key, set->templates, set->count, sizeof(key), compare);
}

/* Lets partials and layouts point to what they name. */
static int bind_template(struct template_set *set, struct template *template,
			 struct diag_list *diags)
{
	int err = 0;

	for (size_t i = 0; i < template->count; i++) {
		struct template_node *node = &template->nodes[i];

		if (node->kind != TEMPLATE_PARTIAL && node->kind != TEMPLATE_LAYOUT)
			continue;
		node->other = template_find(set, node->text);
		if (node->other)
			continue;
		diag_add(diags, (struct place){0}, "%s:%u: \"%s\": no such template",
			 template->name, node->line, node->text);
		err = -EINVAL;
	}
	return err;
}

bool template_shows_token(const struct template *template)
{
	return template->shows_token;
}

static bool find_token(const struct template *template)
{
	for (size_t i = 0; i < template->count; i++) {
		const struct template_node *node = &template->nodes[i];

		if (node->other
			    ? node->other->shows_token
			    : node->kind != TEMPLATE_TEXT && !strcmp(node->text, TEMPLATE_TOKEN))
			return true;
	}
	return false;
}

/* What one shows, those show that use it: until nothing changes. */
static void find_tokens(struct template_set *set)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < set->count; i++) {
			struct template *template = &set->templates[i];

			if (template->shows_token || !find_token(template))
				continue;
			template->shows_token = changed = true;
		}
	}
}

static int finish(struct template_set *set, struct diag_list *diags)
{
	int err = 0;

	if (set->count)
		qsort(set->templates, set->count, sizeof(*set->templates), compare);
	for (size_t i = 0; i < set->count; i++)
		if (bind_template(set, &set->templates[i], diags))
			err = -EINVAL;
	find_tokens(set);
	return err;
}

/* What has been loaded so far is complete, or nothing is handed out. */
static int hand_out(struct loader *loader, int err, struct template_set **out)
{
	if (!err)
		err = finish(loader->set, loader->diags);
	if (err)
		template_set_free(loader->set);
	else
		*out = loader->set;
	return err;
}

int template_set_load(const char *directory, struct template_set **out, struct diag_list *diags)
{
	struct loader loader = {.set = calloc(1, sizeof(*loader.set)), .diags = diags};
	int fd, err;

	if (!loader.set)
		return -ENOMEM;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err = report(&loader, directory, strerror(errno));
	else
		err = load_directory(&loader, fd, "");
	return hand_out(&loader, err, out);
}

int template_set_parse(const char *text, size_t length, struct template_set **out,
		       struct diag_list *diags)
{
	struct loader loader = {.set = calloc(1, sizeof(*loader.set)), .diags = diags};
	int err;

	if (!loader.set)
		return -ENOMEM;
	err = add_template(&loader, strdup("main"), strndup(text, length), strnlen(text, length));
	return hand_out(&loader, err, out);
}
