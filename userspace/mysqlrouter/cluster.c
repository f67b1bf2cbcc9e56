/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "cluster.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "loop.h"

#define SUSPECT_NS (5 * NS_PER_SEC) /* at the longest, should the monitor be gone */

/* Made by the master before it forks for the first time; never unmapped. */
static struct cluster_board *shared;

struct cluster_board *cluster_board(void)
{
	return shared;
}

static int make_board(void)
{
	void *memory;

	if (shared)
		return 0;
	memory = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED)
		return -errno;
	shared = memory;
	shared->primary = CLUSTER_NO_SERVER;
	return 0;
}

static bool same_server(const struct server_board *place, const struct server_config *server)
{
	return !strcmp(place->name, server->name) &&
	       !memcmp(&place->address.addr, &server->address.addr, sizeof(place->address.addr)) &&
	       place->address.port == server->address.port;
}

/* Its old place, or a new one; the oldest is taken again when all are. */
static unsigned find_place(const struct server_config *server)
{
	unsigned used =
		shared->assigned < CLUSTER_MAX_SERVERS ? shared->assigned : CLUSTER_MAX_SERVERS;
	unsigned place = 0;

	while (place < used && !same_server(&shared->servers[place], server))
		place++;
	if (place < used)
		return place;
	place = shared->assigned++ % CLUSTER_MAX_SERVERS;
	shared->servers[place] = (struct server_board){.address = server->address};
	strcpy(shared->servers[place].name, server->name);
	shared->known = 0;
	return place;
}

int cluster_assign(struct router_config *config)
{
	int err = make_board();

	for (size_t i = 0; i < config->server_count && !err; i++)
		config->servers[i].board = find_place(&config->servers[i]);
	return err;
}

/* --- views ------------------------------------------------------------------------- */

void cluster_write_view(struct server_board *server, const struct server_view *view)
{
	atomic_fetch_add_explicit(&server->sequence, 1, memory_order_acq_rel);
	atomic_thread_fence(memory_order_release);
	server->view = *view;
	atomic_fetch_add_explicit(&server->sequence, 1, memory_order_release);
}

/* A monitor that died while it wrote leaves the number odd: what is read then may be half old. */
static bool read_part(const struct server_board *server, void *to, const void *part, size_t size)
{
	for (unsigned tries = 0; tries < 1000; tries++) {
		uint32_t before = atomic_load_explicit(&server->sequence, memory_order_acquire);

		memcpy(to, part, size);
		atomic_thread_fence(memory_order_acquire);
		if (!(before & 1) &&
		    before == atomic_load_explicit(&server->sequence, memory_order_relaxed))
			return true;
	}
	return false;
}

void cluster_read_view(const struct server_board *server, struct server_view *view)
{
	if (!read_part(server, view, &server->view, sizeof(*view)))
		view->applied.count = 0;
	view->reason[sizeof(view->reason) - 1] = '\0';
	view->version[sizeof(view->version) - 1] = '\0';
}

bool cluster_has_applied(const struct server_board *server, const struct gtid_set *written)
{
	struct gtid_set applied;

	return read_part(server, &applied, &server->view.applied, sizeof(applied)) &&
	       applied.count <= GTID_MAX_RANGES && gtid_contains(&applied, written);
}

/* --- which server serves what ------------------------------------------------------ */

void cluster_changed(struct cluster_board *board, struct server_board *server)
{
	server->changed_ns = loop_clock_ns();
	atomic_fetch_add(&board->epoch, 1);
}

bool cluster_is_usable(const struct server_board *server)
{
	uint64_t suspected_ns = server->suspected_ns;

	return server->health == HEALTH_UP &&
	       (!suspected_ns || loop_clock_ns() - suspected_ns > SUSPECT_NS);
}

static bool may_be_primary(const struct server_config *server, const struct server_board *place)
{
	return server->role != ROLE_REPLICA && place->health == HEALTH_UP && place->writable;
}

/* The one that is hinted at, else the one that it was, else the first. */
void cluster_elect(struct cluster_board *board, const struct router_config *config)
{
	int32_t before = board->primary, elected = CLUSTER_NO_SERVER;

	for (size_t i = 0; i < config->server_count; i++) {
		const struct server_config *server = &config->servers[i];
		int32_t place = (int32_t)server->board;

		if (!may_be_primary(server, &board->servers[place]))
			continue;
		if (elected == CLUSTER_NO_SERVER || place == before)
			elected = place;
		if (server->role == ROLE_PRIMARY) {
			elected = place;
			break;
		}
	}
	if (elected == before)
		return;
	board->primary = elected;
	atomic_fetch_add(&board->epoch, 1);
}

int cluster_primary(const struct cluster_board *board, const struct router_config *config)
{
	int32_t primary = board->primary;

	for (size_t i = 0; i < config->server_count; i++)
		if ((int32_t)config->servers[i].board == primary)
			return (int)i;
	return CLUSTER_NO_SERVER;
}

/* One that workers cannot reach any more is none, even before the monitor has found out. */
static bool primary_is_there(const struct cluster_board *board)
{
	int32_t primary = board->primary;

	return primary != CLUSTER_NO_SERVER && cluster_is_usable(&board->servers[primary]);
}

/* Without a primary no replica can follow one, and none is behind more than it will ever be. */
bool cluster_may_read(const struct cluster_board *board, const struct router_config *config,
		      int server)
{
	const struct server_board *place = &board->servers[config->servers[server].board];

	if (!cluster_is_usable(place))
		return false;
	if (!primary_is_there(board))
		return true;
	return place->replicates && place->lag_ms <= config->limits.lag_ms;
}

static bool is_readable_replica(const struct cluster_board *board,
				const struct router_config *config, int server)
{
	return config->servers[server].role != ROLE_PRIMARY &&
	       (int32_t)config->servers[server].board != board->primary &&
	       cluster_may_read(board, config, server);
}

int cluster_pick_replica(const struct cluster_board *board, const struct router_config *config,
			 const uint32_t sessions[ROUTER_MAX_SERVERS], uint32_t turn, int except)
{
	int equals[ROUTER_MAX_SERVERS];
	uint32_t fewest = UINT32_MAX, count = 0;

	for (int i = 0; i < (int)config->server_count; i++) {
		if (i == except || sessions[i] > fewest || !is_readable_replica(board, config, i))
			continue;
		if (sessions[i] < fewest)
			count = 0;
		fewest = sessions[i];
		equals[count++] = i;
	}
	return count ? equals[turn % count] : CLUSTER_NO_SERVER;
}

void cluster_suspect(struct cluster_board *board, struct server_board *server)
{
	uint64_t none = 0;

	if (atomic_compare_exchange_strong(&server->suspected_ns, &none, loop_clock_ns()))
		cluster_changed(board, server);
}

/* --- sessions ---------------------------------------------------------------------- */

/*
 * An entry: thread in the low half, place + 1 in the next byte, above it the
 * incarnation and flags. An id: the bit, 15 bits of incarnation, the index.
 */
#define INCARNATION(entry) ((uint32_t)((entry) >> 40) & 0x7fff)
#define IS_TAKEN	   ((uint64_t)1 << 55)
#define IS_CONDEMNED	   ((uint64_t)1 << 56)

static uint32_t session_id(uint64_t entry, uint32_t index)
{
	return CLUSTER_SESSION_BIT | INCARNATION(entry) << 16 | index;
}

uint32_t cluster_session_add(struct cluster_board *board)
{
	static uint32_t hint; /* of this process */

	for (uint32_t tries = 0; tries < CLUSTER_MAX_SESSIONS; tries++) {
		uint32_t index = hint++ % CLUSTER_MAX_SESSIONS;
		uint64_t entry = board->sessions[index];
		uint64_t taken = (uint64_t)((INCARNATION(entry) + 1) & 0x7fff) << 40 | IS_TAKEN;

		if (!(entry & IS_TAKEN) &&
		    atomic_compare_exchange_strong(&board->sessions[index], &entry, taken))
			return session_id(taken, index);
	}
	return CLUSTER_SESSION_BIT;
}

/* NULL: it has no place, or the place is another's by now. */
static _Atomic uint64_t *session_entry(const struct cluster_board *board, uint32_t id)
{
	_Atomic uint64_t *entry = (_Atomic uint64_t *)&board->sessions[id % CLUSTER_MAX_SESSIONS];
	uint64_t value = *entry;

	if (!(value & IS_TAKEN) || session_id(value, id % CLUSTER_MAX_SESSIONS) != id)
		return NULL;
	return entry;
}

void cluster_session_del(struct cluster_board *board, uint32_t id)
{
	_Atomic uint64_t *entry = session_entry(board, id);

	if (entry)
		*entry &= ~(IS_TAKEN | IS_CONDEMNED);
}

void cluster_session_condemn(struct cluster_board *board, uint32_t id)
{
	_Atomic uint64_t *entry = session_entry(board, id);

	if (entry)
		atomic_fetch_or(entry, IS_CONDEMNED);
}

bool cluster_session_is_condemned(const struct cluster_board *board, uint32_t id)
{
	const _Atomic uint64_t *entry = session_entry(board, id);

	return entry && *entry & IS_CONDEMNED;
}

void cluster_session_set(struct cluster_board *board, uint32_t id, unsigned place, uint32_t thread)
{
	_Atomic uint64_t *entry = session_entry(board, id);

	if (entry)
		atomic_store_explicit(entry,
				      (*entry & (~(uint64_t)0 << 40)) |
					      (uint64_t)(place + 1) << 32 | thread,
				      memory_order_relaxed);
}

int cluster_session_find(const struct cluster_board *board, uint32_t id, unsigned *place,
			 uint32_t *thread)
{
	_Atomic uint64_t *entry = session_entry(board, id);
	uint64_t value = entry ? *entry : 0;

	if (!(value >> 32 & 0xff))
		return -ESRCH;
	*place = (unsigned)(value >> 32 & 0xff) - 1;
	*thread = (uint32_t)value;
	return 0;
}
