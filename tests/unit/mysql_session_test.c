/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a session remembers, where the packets of a client end, which server a
 * session is given, and who is not let in.
 */
#include <errno.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/mysqlrouter/cluster.h"
#include "../../userspace/mysqlrouter/hosts.h"
#include "../../userspace/mysqlrouter/session_state.h"
#include "../../userspace/mysqlrouter/uplink.h"
#include "../../userspace/common/loop.h"
#include "../support/unit.h"

static struct span span(const char *text)
{
	return (struct span){text, strlen(text)};
}

/* --- settings ---------------------------------------------------------------------- */

/* The settings that are newer than `version`, one letter each. */
static const char *settings_after(const struct session_state *state, uint32_t version)
{
	static char text[STATE_MAX_SETTINGS + 1];
	const struct setting *setting;
	size_t length = 0;

	while ((setting = state_next_setting(state, version))) {
		text[length++] = setting->text[0];
		version = setting->version;
	}
	text[length] = '\0';
	return text;
}

static void later_setting_replaces_an_earlier_one(void)
{
	struct session_state state = {};
	uint32_t version;

	CU_ASSERT_EQUAL(state_add_setting(&state, 1, false, span("a")), 0);
	CU_ASSERT_EQUAL(state_add_setting(&state, 2, false, span("b")), 0);
	version = state.settings_version;
	UNIT_ASSERT_TEXT(settings_after(&state, version), "");
	CU_ASSERT_EQUAL(state_add_setting(&state, 1, false, span("c")), 0);
	UNIT_ASSERT_TEXT(settings_after(&state, version), "c");
	UNIT_ASSERT_TEXT(settings_after(&state, 0), "bc");
	CU_ASSERT_EQUAL(state_add_setting(&state, 2, true, span("d")), 0);
	UNIT_ASSERT_TEXT(settings_after(&state, 0), "bcd");
	CU_ASSERT_EQUAL(state_add_setting(&state, 2, false, span("e")), 0);
	UNIT_ASSERT_TEXT(settings_after(&state, 0), "ce");
	state_reset(&state);
	UNIT_ASSERT_TEXT(settings_after(&state, 0), "");
	state_fini(&state);
}

static void settings_are_bounded(void)
{
	struct session_state state = {};
	char *text = calloc(1, STATE_MAX_SETTING_BYTES + 2);

	memset(text, 's', STATE_MAX_SETTING_BYTES + 1);
	CU_ASSERT_EQUAL(state_add_setting(&state, 1, false, span(text)), -ENOSPC);
	for (unsigned i = 0; i < STATE_MAX_SETTINGS; i++)
		CU_ASSERT_EQUAL(state_add_setting(&state, i, false, span("s")), 0);
	CU_ASSERT_EQUAL(state_add_setting(&state, 99, false, span("s")), -ENOSPC);
	CU_ASSERT_EQUAL(state_add_setting(&state, 5, false, span("s")), 0);
	state_fini(&state);
	free(text);
}

static void statements_have_the_lowest_free_number(void)
{
	struct session_state state = {};
	struct prepared *first = state_prepare(&state, span("SELECT 1"), true, 3);
	struct prepared *second = state_prepare(&state, span("SELECT 2"), true, 3);

	CU_ASSERT_EQUAL(first->id, 1);
	CU_ASSERT_EQUAL(second->id, 2);
	CU_ASSERT_PTR_EQUAL(state_find_prepared(&state, 2), second);
	CU_ASSERT_PTR_NULL(state_find_prepared(&state, 0));
	CU_ASSERT_PTR_NULL(state_find_prepared(&state, 3));
	CU_ASSERT_PTR_NULL(state_find_prepared(&state, UINT32_MAX));
	state_close_prepared(&state, first);
	CU_ASSERT_PTR_NULL(state_find_prepared(&state, 1));
	first = state_prepare(&state, span("SELECT 3"), true, 3);
	CU_ASSERT_EQUAL(first->id, 1);
	CU_ASSERT_EQUAL(memcmp(first->text, "SELECT 3", 8), 0);
	CU_ASSERT_PTR_NOT_NULL(state_prepare(&state, span("4"), false, 3));
	CU_ASSERT_PTR_NULL(state_prepare(&state, span("5"), true, 3));
	state_fini(&state);
}

static void writes_that_cannot_be_waited_for_are_remembered(void)
{
	struct session_state state = {};

	state_add_written(&state, GTID_MARIADB, span("0-1-5"));
	CU_ASSERT_FALSE(state.untold_writes);
	CU_ASSERT_EQUAL(state.written_version, 1);
	state_add_written(&state, GTID_MARIADB, span("what?"));
	CU_ASSERT_TRUE(state.untold_writes);
	state_reset(&state);
	CU_ASSERT_TRUE(state.untold_writes);
	CU_ASSERT_PTR_NOT_NULL(state.written);
	state_fini(&state);
}

/* --- packets of a client ----------------------------------------------------------- */

/* Bytes of `data` until the end, taken `chunk` at a time. */
static size_t taken(struct uplink *uplink, const uint8_t *data, size_t size, size_t chunk)
{
	size_t all = 0;

	while (all < size && !uplink->ended) {
		size_t some = size - all < chunk ? size - all : chunk;

		all += uplink_take(uplink, data + all, some);
	}
	return all;
}

static void command_ends_with_its_packet(void)
{
	static const uint8_t bytes[] = {3, 0, 0, 0, 'a', 'b', 'c', 1, 0, 0, 0, 'x'};

	for (size_t chunk = 1; chunk <= sizeof(bytes); chunk++) {
		struct uplink uplink;

		uplink_begin(&uplink, false, 0);
		CU_ASSERT_EQUAL(taken(&uplink, bytes, sizeof(bytes), chunk), 7);
		CU_ASSERT_TRUE(uplink.ended);
		CU_ASSERT_EQUAL(uplink.packets, 1);
	}
}

static void full_packet_is_continued_by_the_next(void)
{
	const size_t size = 4 + PACKET_MAX_PAYLOAD + 4;
	uint8_t *bytes = calloc(1, size + 4);
	struct uplink uplink;

	memset(bytes, 0xff, 3);
	bytes[4 + PACKET_MAX_PAYLOAD + 3] = 1;
	uplink_begin(&uplink, false, 0);
	CU_ASSERT_EQUAL(taken(&uplink, bytes, size + 4, 65536), size);
	CU_ASSERT_TRUE(uplink.ended);
	CU_ASSERT_EQUAL(uplink.packets, 2);
	free(bytes);
}

static void empty_packet_ends_a_file(void)
{
	static const uint8_t bytes[] = {2, 0, 0, 2, 'a', 'b', 1, 0, 0, 3, 'c', 0, 0, 0, 4, 9};

	for (size_t chunk = 1; chunk <= sizeof(bytes); chunk++) {
		struct uplink uplink;

		uplink_begin(&uplink, true, 2);
		CU_ASSERT_EQUAL(taken(&uplink, bytes, sizeof(bytes), chunk), sizeof(bytes) - 1);
		CU_ASSERT_TRUE(uplink.ended);
		CU_ASSERT_EQUAL(uplink.packets, 5);
	}
}

/* --- servers ----------------------------------------------------------------------- */

static struct server_config servers[3];
static struct router_config config;
static const uint32_t no_sessions[ROUTER_MAX_SERVERS];

/* A primary and two replicas, all well. */
static struct cluster_board *make_cluster(void)
{
	struct cluster_board *board;

	config = (struct router_config){
		.servers = servers, .server_count = 3, .limits = {.lag_ms = 1000}};
	for (unsigned i = 0; i < 3; i++) {
		servers[i] = (struct server_config){.address.port = (unsigned short)(3301 + i)};
		snprintf(servers[i].name, sizeof(servers[i].name), "db%u", i + 1);
	}
	CU_ASSERT_EQUAL(cluster_assign(&config), 0);
	board = cluster_board();
	for (unsigned i = 0; i < 3; i++) {
		struct server_board *place = &board->servers[servers[i].board];

		place->health = HEALTH_UP;
		place->writable = i == 0;
		place->replicates = i > 0;
		place->lag_ms = 0;
		place->suspected_ns = 0;
	}
	cluster_elect(board, &config);
	return board;
}

static struct server_board *place_of(struct cluster_board *board, unsigned server)
{
	return &board->servers[servers[server].board];
}

static void writable_server_is_the_primary(void)
{
	struct cluster_board *board = make_cluster();

	CU_ASSERT_EQUAL(cluster_primary(board, &config), 0);
	place_of(board, 2)->writable = 1;
	cluster_elect(board, &config);
	CU_ASSERT_EQUAL(cluster_primary(board, &config), 0);
	place_of(board, 0)->health = HEALTH_DOWN;
	cluster_elect(board, &config);
	CU_ASSERT_EQUAL(cluster_primary(board, &config), 2);
	place_of(board, 0)->health = HEALTH_UP;
	cluster_elect(board, &config);
	CU_ASSERT_EQUAL(cluster_primary(board, &config), 2);
	servers[0].role = ROLE_PRIMARY;
	cluster_elect(board, &config);
	CU_ASSERT_EQUAL(cluster_primary(board, &config), 0);
	servers[0].role = servers[2].role = ROLE_REPLICA;
	cluster_elect(board, &config);
	CU_ASSERT_EQUAL(cluster_primary(board, &config), CLUSTER_NO_SERVER);
}

static void replica_with_the_fewest_sessions_is_picked(void)
{
	struct cluster_board *board = make_cluster();
	uint32_t sessions[ROUTER_MAX_SERVERS] = {0, 5, 4};

	CU_ASSERT_EQUAL(cluster_pick_replica(board, &config, sessions, 0, CLUSTER_NO_SERVER), 2);
	CU_ASSERT_EQUAL(cluster_pick_replica(board, &config, sessions, 0, 2), 1);
	CU_ASSERT_EQUAL(cluster_pick_replica(board, &config, no_sessions, 0, CLUSTER_NO_SERVER), 1);
	CU_ASSERT_EQUAL(cluster_pick_replica(board, &config, no_sessions, 1, CLUSTER_NO_SERVER), 2);
	place_of(board, 2)->lag_ms = 1001;
	CU_ASSERT_EQUAL(cluster_pick_replica(board, &config, sessions, 0, CLUSTER_NO_SERVER), 1);
	place_of(board, 1)->replicates = 0;
	CU_ASSERT_EQUAL(cluster_pick_replica(board, &config, sessions, 0, CLUSTER_NO_SERVER),
			CLUSTER_NO_SERVER);
}

static void without_a_primary_replicas_serve_as_they_are(void)
{
	struct cluster_board *board = make_cluster();

	place_of(board, 1)->replicates = 0;
	place_of(board, 1)->lag_ms = CLUSTER_LAG_UNKNOWN;
	CU_ASSERT_FALSE(cluster_may_read(board, &config, 1));
	cluster_suspect(board, place_of(board, 0));
	CU_ASSERT_TRUE(cluster_may_read(board, &config, 1));
	place_of(board, 0)->suspected_ns = 0;
	place_of(board, 0)->health = HEALTH_DOWN;
	cluster_elect(board, &config);
	CU_ASSERT_TRUE(cluster_may_read(board, &config, 1));
	cluster_suspect(board, place_of(board, 1));
	CU_ASSERT_FALSE(cluster_may_read(board, &config, 1));
}

static void server_keeps_its_place_when_the_configuration_changes(void)
{
	unsigned places[3];

	make_cluster();
	for (unsigned i = 0; i < 3; i++)
		places[i] = servers[i].board;
	config.servers = servers + 1;
	config.server_count = 2;
	servers[2].address.port = 4000;
	CU_ASSERT_EQUAL(cluster_assign(&config), 0);
	CU_ASSERT_EQUAL(servers[1].board, places[1]);
	CU_ASSERT_NOT_EQUAL(servers[2].board, places[2]);
}

static void session_is_found_by_its_number_until_it_ends(void)
{
	struct cluster_board *board = make_cluster();
	uint32_t id = cluster_session_add(board), other = cluster_session_add(board), thread;
	unsigned place;

	CU_ASSERT_TRUE(id & CLUSTER_SESSION_BIT);
	CU_ASSERT_NOT_EQUAL(id, other);
	CU_ASSERT_EQUAL(cluster_session_find(board, id, &place, &thread), -ESRCH);
	cluster_session_set(board, id, 2, 77);
	CU_ASSERT_EQUAL(cluster_session_find(board, id, &place, &thread), 0);
	CU_ASSERT_EQUAL(place, 2);
	CU_ASSERT_EQUAL(thread, 77);
	CU_ASSERT_FALSE(cluster_session_is_condemned(board, id));
	cluster_session_condemn(board, id);
	CU_ASSERT_TRUE(cluster_session_is_condemned(board, id));
	CU_ASSERT_FALSE(cluster_session_is_condemned(board, other));
	cluster_session_del(board, id);
	CU_ASSERT_EQUAL(cluster_session_find(board, id, &place, &thread), -ESRCH);
	CU_ASSERT_EQUAL(cluster_session_find(board, 5, &place, &thread), -ESRCH);
}

/* --- hosts ------------------------------------------------------------------------- */

static struct host_address v4(uint32_t address)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	struct sockaddr_storage storage = {};

	memcpy(&storage, &peer, sizeof(peer));
	return host_address(&storage);
}

static void host_that_fails_too_often_is_refused_for_a_minute(void)
{
	static struct hosts hosts;
	struct host_address bad = v4(0x0a000001), good = v4(0x0a000002);
	uint64_t now_ns = NS_PER_SEC;
	char text[HOSTS_TEXT_LEN];

	hosts_init(&hosts);
	UNIT_ASSERT_TEXT(host_format(bad, text), "10.0.0.1");
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_FALSE(hosts_is_blocked(&hosts, bad, 3, now_ns));
		hosts_failed(&hosts, bad, now_ns);
	}
	CU_ASSERT_TRUE(hosts_is_blocked(&hosts, bad, 3, now_ns));
	CU_ASSERT_FALSE(hosts_is_blocked(&hosts, good, 3, now_ns));
	CU_ASSERT_FALSE(hosts_is_blocked(&hosts, bad, 3, now_ns + 61 * NS_PER_SEC));
}

static void ipv6_hosts_are_judged_by_their_network(void)
{
	struct sockaddr_in6 peer = {.sin6_family = AF_INET6};
	struct sockaddr_storage storage = {};
	char text[HOSTS_TEXT_LEN];

	inet_pton(AF_INET6, "2001:db8:1:2::77", &peer.sin6_addr);
	memcpy(&storage, &peer, sizeof(peer));
	UNIT_ASSERT_TEXT(host_format(host_address(&storage), text), "2001:db8:1:2::/64");
	inet_pton(AF_INET6, "::ffff:192.0.2.9", &peer.sin6_addr);
	memcpy(&storage, &peer, sizeof(peer));
	UNIT_ASSERT_TEXT(host_format(host_address(&storage), text), "192.0.2.9");
	storage.ss_family = AF_UNIX;
	UNIT_ASSERT_TEXT(host_format(host_address(&storage), text), "local");
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(later_setting_replaces_an_earlier_one),
		UNIT_TEST(settings_are_bounded),
		UNIT_TEST(statements_have_the_lowest_free_number),
		UNIT_TEST(writes_that_cannot_be_waited_for_are_remembered),
		UNIT_TEST(command_ends_with_its_packet),
		UNIT_TEST(full_packet_is_continued_by_the_next),
		UNIT_TEST(empty_packet_ends_a_file),
		UNIT_TEST(writable_server_is_the_primary),
		UNIT_TEST(replica_with_the_fewest_sessions_is_picked),
		UNIT_TEST(without_a_primary_replicas_serve_as_they_are),
		UNIT_TEST(server_keeps_its_place_when_the_configuration_changes),
		UNIT_TEST(session_is_found_by_its_number_until_it_ends),
		UNIT_TEST(host_that_fails_too_often_is_refused_for_a_minute),
		UNIT_TEST(ipv6_hosts_are_judged_by_their_network),
		{},
	};

	return unit_run("mysql session", tests);
}
