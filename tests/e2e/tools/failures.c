/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * failures start DIR | show DIR | stop DIR: counts frames that were lost after
 * an XDP program had decided, on all interfaces of all namespaces. The counters
 * and their programs are pinned in DIR, on a bpffs: they outlive the test that
 * started them, and no process has to.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failures.h"
#include "tests/e2e/failures.skel.h"

#define PATH_LEN 256

static const char *const event_names[FAILURE_EVENT_COUNT] = {
#define EVENT_NAME(name, tracepoint) [FAILURE_##name] = tracepoint,
	FAILURE_EVENTS(EVENT_NAME)
#undef EVENT_NAME
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "failures: %s: %s\n", what, strerror(-err));
	return 2;
}

static int pin_links(struct failures_bpf *bpf, const char *dir)
{
	char path[PATH_LEN];
	struct bpf_program *program;
	struct bpf_link *link;
	int err;

	bpf_object__for_each_program(program, bpf->obj) {
		link = bpf_program__attach(program);
		if (!link)
			return -errno;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_program__name(program));
		err = bpf_link__pin(link, path);
		bpf_link__destroy(link);
		if (err)
			return err;
	}
	return 0;
}

static int start(const char *dir)
{
	struct failures_bpf *bpf = failures_bpf__open_and_load();
	char path[PATH_LEN];
	int err;

	if (!bpf)
		return fail("loading", -errno);
	err = mkdir(dir, 0700) ? -errno : 0;
	snprintf(path, sizeof(path), "%s/counters", dir);
	if (!err)
		err = bpf_map__pin(bpf->maps.failures, path);
	if (!err)
		err = pin_links(bpf, dir);
	failures_bpf__destroy(bpf);
	return err ? fail(dir, err) : 0;
}

static void print_failure(const struct failure_key *key, unsigned long long frames, int first)
{
	printf("%s\n{\"event\": \"%s\", \"netns\": %u, \"ifindex\": %u, \"program\": %u, "
	       "\"error\": %d, \"action\": %u, \"frames\": %llu}",
	       first ? "" : ",", key->event < FAILURE_EVENT_COUNT ? event_names[key->event] : "?",
	       key->netns, key->ifindex, key->program, key->error, key->action, frames);
}

static int show(const char *dir)
{
	struct failure_key key, *previous = NULL;
	char path[PATH_LEN];
	__u64 frames;
	int map;

	snprintf(path, sizeof(path), "%s/counters", dir);
	map = bpf_obj_get(path);
	if (map < 0)
		return fail(path, -errno);
	printf("[");
	while (!bpf_map_get_next_key(map, previous, &key)) {
		if (!bpf_map_lookup_elem(map, &key, &frames))
			print_failure(&key, frames, !previous);
		previous = &key;
	}
	printf("]\n");
	close(map);
	return 0;
}

static int stop(const char *dir)
{
	static const char *const pins[] = {"counters", "exception", "redirect", "devmap",
					   "bulk_tx"};
	char path[PATH_LEN];

	for (size_t i = 0; i < sizeof(pins) / sizeof(*pins); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, pins[i]);
		unlink(path);
	}
	return rmdir(dir) ? fail(dir, -errno) : 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "start"))
		return start(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "show"))
		return show(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "stop"))
		return stop(argv[2]);
	fprintf(stderr, "usage: failures start|show|stop DIR\n");
	return 1;
}
