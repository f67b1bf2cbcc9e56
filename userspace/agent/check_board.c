/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "check_board.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "log.h"

void check_board_init(struct check_board *board)
{
	board->fd = -1;
}

void check_board_fini(struct check_board *board)
{
	if (board->fd >= 0)
		close(board->fd);
	board->fd = -1;
}

static bool is_checked(const struct roster *roster, const struct sluice_check_key *key)
{
	const struct service_state *service = roster_service(roster, roster_id(key->service));

	return service && service->check.type != CHECK_NONE &&
	       roster_backend(service, roster_id(key->backend));
}

/* The next key is asked for before this one may go: without its place, the walk starts anew. */
static void prune(const struct check_board *board, const struct roster *roster)
{
	struct sluice_check_key key, next;
	bool more = !bpf_map_get_next_key(board->fd, NULL, &next);

	for (unsigned seen = 0; more && seen < SLUICE_MAX_BACKENDS; seen++) {
		key = next;
		more = !bpf_map_get_next_key(board->fd, &key, &next);
		if (!is_checked(roster, &key))
			bpf_map_delete_elem(board->fd, &key);
	}
}

void check_board_open(struct check_board *board, const char *pin_dir, const struct roster *roster)
{
	char path[512];

	check_board_fini(board);
	snprintf(path, sizeof(path), "%s/sluice_checks", pin_dir);
	board->fd = bpf_obj_get(path);
	if (board->fd < 0)
		log_error("check", "event=board-unusable error=\"%s\"", strerror(errno));
	else
		prune(board, roster);
}

void check_board_write(const struct check_board *board, const struct backend_state *backend)
{
	struct sluice_check check = {
		.ended_unix_s = (__u64)time(NULL),
		.duration_us = (__u32)(backend->last_duration_ns / 1000),
	};
	struct sluice_check_key key = {0};

	strcpy(key.service, backend->service->name);
	strcpy(key.backend, backend->name);
	strcpy(check.words, backend->probe.words);
	if (board->fd >= 0 && bpf_map_update_elem(board->fd, &key, &check, BPF_ANY))
		log_debug("check", "event=result-not-written error=\"%s\"", strerror(errno));
}
