/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Active checks of servers that the test plays: what counts as good, how many
 * results it takes to change what is known, what a check leaves behind.
 */
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "../support/relay.h"

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BAD  "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

static struct upstream_checks *checks;

static void start(size_t servers)
{
	relay_start(servers);
	strcpy(relay.upstream_settings.check.path, "/healthz");
	relay.upstream_settings.check.interval_ms = 20;
	relay.upstream_settings.check.timeout_ms = 60;
	relay.upstream_settings.check.rise = 2;
	relay.upstream_settings.check.fall = 3;
	CU_ASSERT_FATAL(!upstream_checks_start(&relay.loop, &relay.upstream_settings, relay.health,
					       &checks));
}

static void stop(void)
{
	upstream_checks_stop(checks);
	relay_stop();
}

/* Takes the next check and answers it; NULL: closes without an answer. */
static void answer(size_t server, const char *response)
{
	char request[512];
	int fd = relay_accept(server);

	for (int i = 0; i < 100 && recv(fd, request, sizeof(request), 0) <= 0; i++)
		relay_run(1);
	if (response)
		relay_send(fd, response);
	relay_close(fd);
	relay_run(1);
}

static void request_is_a_get_on_a_connection_of_its_own(void)
{
	char expected[256], at[ENDPOINT_TEXT_LEN];
	int fd;

	start(1);
	fd = relay_accept(0);
	snprintf(expected, sizeof(expected),
		 "GET /healthz HTTP/1.1\r\nHost: %s\r\nUser-Agent: sluice-check\r\n"
		 "Accept: */*\r\nConnection: close\r\n\r\n",
		 endpoint_format(&relay.upstream_settings.servers[0].at, at));
	relay_expect(fd, expected);
	relay_close(fd);
	stop();
	relay_start(1);
	strcpy(relay.upstream_settings.check.path, "/up?x");
	strcpy(relay.upstream_settings.check.host, "www.example.com");
	CU_ASSERT_FATAL(!upstream_checks_start(&relay.loop, &relay.upstream_settings, relay.health,
					       &checks));
	fd = relay_accept(0);
	relay_expect(fd, "GET /up?x HTTP/1.1\r\nHost: www.example.com\r\n");
	relay_close(fd);
	stop();
}

static void first_check_decides(void)
{
	start(2);
	CU_ASSERT_EQUAL(relay.health[0].checked, 0);
	answer(0, GOOD);
	answer(1, BAD);
	CU_ASSERT_EQUAL(relay.health[0].checked, 1);
	CU_ASSERT_EQUAL(relay.health[0].well, 1);
	CU_ASSERT_EQUAL(relay.health[0].good, 1);
	CU_ASSERT_EQUAL(relay.health[1].checked, 1);
	CU_ASSERT_EQUAL(relay.health[1].well, 0);
	CU_ASSERT_EQUAL(relay.health[1].bad, 1);
	stop();
}

static void it_takes_a_few_to_change_what_is_known(void)
{
	static const struct {
		const char *response;
		unsigned well;
	} steps[] = {
		{GOOD, 1}, {BAD, 1},  {BAD, 1}, {GOOD, 1}, {BAD, 1},  {BAD, 1},	 {BAD, 0},
		{BAD, 0},  {GOOD, 0}, {BAD, 0}, {GOOD, 0}, {GOOD, 1}, {GOOD, 1},
	};

	start(1);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		answer(0, steps[i].response);
		CU_ASSERT_EQUAL(relay.health[0].well, steps[i].well);
	}
	CU_ASSERT_EQUAL(relay.health[0].changes, 2);
	stop();
}

static void only_2xx_and_3xx_are_good(void)
{
	static const struct {
		const char *response;
		unsigned good;
	} cases[] = {
		{"HTTP/1.1 204 No Content\r\n\r\n", 1},
		{"HTTP/1.0 301 Moved Permanently\r\nLocation: /\r\n\r\n", 1},
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0},
		{"HTTP/1.1 100 Continue\r\n\r\n", 0},
		{"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 0},
		{"220 smtp ready\r\n", 0},
		{"HTTP/1.1 200 OK\r\nContent-Le", 0},
		{NULL, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		start(1);
		answer(0, cases[i].response);
		CU_ASSERT_EQUAL(relay.health[0].good, cases[i].good);
		CU_ASSERT_EQUAL(relay.health[0].bad, !cases[i].good);
		stop();
	}
}

static void refused_connection_is_bad(void)
{
	start(1);
	relay_refuse(0);
	relay_run(60);
	CU_ASSERT(relay.health[0].bad > 1);
	CU_ASSERT_EQUAL(relay.health[0].well, 0);
	stop();
}

static void answer_that_does_not_come_is_bad(void)
{
	int fd;

	start(1);
	fd = relay_accept(0);
	relay_run(30);
	CU_ASSERT_EQUAL(relay.health[0].checked, 0);
	relay_run(60);
	CU_ASSERT_EQUAL(relay.health[0].bad, 1);
	relay_close(fd);
	stop();
}

static void group_without_a_path_is_not_checked(void)
{
	relay_start(1);
	CU_ASSERT_FATAL(!upstream_checks_start(&relay.loop, &relay.upstream_settings, relay.health,
					       &checks));
	CU_ASSERT_PTR_NULL(checks);
	CU_ASSERT(relay_nobody_connects(0));
	stop();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(request_is_a_get_on_a_connection_of_its_own),
		UNIT_TEST(first_check_decides),
		UNIT_TEST(it_takes_a_few_to_change_what_is_known),
		UNIT_TEST(only_2xx_and_3xx_are_good),
		UNIT_TEST(refused_connection_is_bad),
		UNIT_TEST(answer_that_does_not_come_is_bad),
		UNIT_TEST(group_without_a_path_is_not_checked),
		{},
	};

	log_set_level(LOG_LEVEL_ERROR);
	return unit_run("checks of upstreams", tests);
}
