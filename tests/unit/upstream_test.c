/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Upstreams: turns by weight and by load, who is left out and for how long,
 * their keys in a file, their metrics.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/upstream.h"
#include "settings.h"
#include "../support/unit.h"

static struct loop loop;
static struct buffer_pool buffers;
static struct upstream_settings settings;
static struct upstream_health health[UPSTREAM_MAX_SERVERS];
static struct upstream_counters counters[UPSTREAM_MAX_SERVERS];
static struct upstream upstream;

static void start(size_t count, const unsigned *weights)
{
	memset(health, 0, sizeof(health));
	memset(counters, 0, sizeof(counters));
	CU_ASSERT_FATAL(!loop_init(&loop));
	buffer_pool_init(&buffers, 4);
	upstream_settings_init(&settings, "test");
	settings.server_count = count;
	for (size_t i = 0; i < count; i++) {
		snprintf(settings.servers[i].name, sizeof(settings.servers[i].name), "%c",
			 (char)('a' + i));
		settings.servers[i].weight = weights[i];
	}
	upstream_init(&upstream, &loop, &buffers, &settings, health, counters);
	/* Workers start anywhere; tests at the beginning. */
	for (size_t i = 0; i < count; i++)
		upstream.servers[i].credit = 0;
}

static void stop(void)
{
	upstream_fini(&upstream);
	buffer_pool_fini(&buffers);
	loop_fini(&loop);
}

/* The names of the servers of that many requests. */
static const char *turns(unsigned count)
{
	static char names[64];

	for (unsigned i = 0; i < count; i++) {
		const struct upstream_server *server = upstream_choose(&upstream, NULL);

		names[i] = server ? server->settings->name[0] : '-';
	}
	names[count] = '\0';
	return names;
}

static void check_result(size_t server, bool well)
{
	health[server].checked = 1;
	health[server].well = well;
	if (well)
		health[server].good++;
	else
		health[server].bad++;
}

/* --- turns ---------------------------------------------------------------------------- */

static void equal_servers_take_turns(void)
{
	start(3, (unsigned[]){1, 1, 1});
	UNIT_ASSERT_TEXT(turns(7), "abcabca");
	stop();
}

static void heavy_server_has_its_turns_in_between(void)
{
	start(3, (unsigned[]){5, 1, 1});
	UNIT_ASSERT_TEXT(turns(14), "aabacaaaabacaa");
	stop();
}

static void least_requests_for_their_weight_are_next(void)
{
	start(3, (unsigned[]){1, 1, 2});
	settings.balance = UPSTREAM_LEAST_REQUESTS;
	upstream.servers[0].busy = 3;
	upstream.servers[1].busy = 1;
	upstream.servers[2].busy = 4;
	UNIT_ASSERT_TEXT(turns(2), "bb");
	upstream.servers[1].busy = 2;
	upstream.servers[2].busy = 3;
	UNIT_ASSERT_TEXT(turns(2), "cc");
	stop();
}

static void equally_busy_servers_take_turns(void)
{
	start(3, (unsigned[]){1, 1, 1});
	settings.balance = UPSTREAM_LEAST_REQUESTS;
	UNIT_ASSERT_TEXT(turns(6), "abcabc");
	stop();
}

static void server_at_its_limit_is_left_out(void)
{
	start(2, (unsigned[]){1, 1});
	settings.requests = 2;
	upstream.servers[0].busy = 2;
	UNIT_ASSERT_TEXT(turns(3), "bbb");
	upstream.servers[1].busy = 2;
	UNIT_ASSERT_TEXT(turns(1), "-");
	stop();
}

static void failed_server_is_not_chosen_again(void)
{
	start(2, (unsigned[]){9, 1});
	CU_ASSERT_PTR_EQUAL(upstream_choose(&upstream, &upstream.servers[0]), &upstream.servers[1]);
	stop();
	start(1, (unsigned[]){1});
	CU_ASSERT_PTR_NULL(upstream_choose(&upstream, &upstream.servers[0]));
	stop();
}

/* --- who is well ------------------------------------------------------------------------ */

static void unwell_server_is_left_out_until_it_is_well(void)
{
	start(2, (unsigned[]){1, 1});
	check_result(0, false);
	UNIT_ASSERT_TEXT(turns(3), "bbb");
	check_result(0, true);
	CU_ASSERT_PTR_NOT_NULL(strchr(turns(2), 'a'));
	stop();
}

static void all_are_tried_when_none_is_well(void)
{
	start(2, (unsigned[]){1, 1});
	check_result(0, false);
	upstream_suspect(&upstream.servers[1]);
	UNIT_ASSERT_TEXT(turns(4), "abab");
	stop();
}

static void suspicion_ends_with_the_next_good_check(void)
{
	start(2, (unsigned[]){1, 1});
	check_result(0, true);
	upstream_suspect(&upstream.servers[0]);
	UNIT_ASSERT_TEXT(turns(2), "bb");
	check_result(0, true);
	CU_ASSERT_PTR_NOT_NULL(strchr(turns(2), 'a'));
	stop();
}

static void suspicion_ends_after_a_while_without_checks(void)
{
	start(2, (unsigned[]){1, 1});
	upstream_suspect(&upstream.servers[0]);
	loop.now_ns += settings.retry_ms * NS_PER_MS - 1;
	UNIT_ASSERT_TEXT(turns(2), "bb");
	loop.now_ns++;
	CU_ASSERT_PTR_NOT_NULL(strchr(turns(2), 'a'));
	stop();
}

/* --- the file ----------------------------------------------------------------------------- */

static const struct field file_fields[] = {
	{"upstream", .read = read_object, .members = upstream_fields, .offset = 0},
	{},
};

static int read_text(const char *text, struct diag_list *diags)
{
	char path[] = "/tmp/upstream-XXXXXX";
	int fd = mkstemp(path), err;

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_FATAL(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	upstream_settings_init(&settings, "test");
	err = settings_read(path, file_fields, &settings, diags);
	unlink(path);
	return err;
}

static void file_gives_servers_and_settings(void)
{
	struct diag_list diags = {0};
	char at[ENDPOINT_TEXT_LEN];

	CU_ASSERT_EQUAL(read_text("upstream:\n"
				  "  servers:\n"
				  "    web1: 10.0.0.1:80\n"
				  "    web2: {address: \"[fd00::2]:8080\", weight: 3}\n"
				  "  balance: least-requests\n"
				  "  connect-timeout: 300ms\n"
				  "  requests: 100\n"
				  "  check: {path: /healthz, interval: 500ms, fall: 4}\n",
				  &diags),
			0);
	CU_ASSERT_EQUAL_FATAL(settings.server_count, 2);
	UNIT_ASSERT_TEXT(settings.servers[0].name, "web1");
	UNIT_ASSERT_TEXT(endpoint_format(&settings.servers[0].at, at), "10.0.0.1:80");
	CU_ASSERT_EQUAL(settings.servers[0].weight, 1);
	UNIT_ASSERT_TEXT(endpoint_format(&settings.servers[1].at, at), "[fd00::2]:8080");
	CU_ASSERT_EQUAL(settings.servers[1].weight, 3);
	CU_ASSERT_EQUAL(settings.balance, UPSTREAM_LEAST_REQUESTS);
	CU_ASSERT_EQUAL(settings.connect_ms, 300);
	CU_ASSERT_EQUAL(settings.response_ms, 60000);
	CU_ASSERT_EQUAL(settings.requests, 100);
	UNIT_ASSERT_TEXT(settings.check.path, "/healthz");
	CU_ASSERT_EQUAL(settings.check.interval_ms, 500);
	CU_ASSERT_EQUAL(settings.check.rise, 2);
	CU_ASSERT_EQUAL(settings.check.fall, 4);
	diag_fini(&diags);
}

static void expect_mistake(const char *text, const char *expected)
{
	struct diag_list diags = {0};

	CU_ASSERT_EQUAL(read_text(text, &diags), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(diags.count, 1);
	UNIT_ASSERT_TEXT(diags.items[0].text, expected);
	diag_fini(&diags);
}

#define SERVERS_EXPECTED "expected names with their addresses, as in web1: 192.0.2.10:80"
#define ADDRESS_EXPECTED "expected address and port, as in 192.0.2.10:80 or \"[2001:db8::10]:80\""

static void mistakes_are_told_by_name(void)
{
	expect_mistake("upstream: {balance: round-robin}\n",
		       "upstream: missing key \"servers\": " SERVERS_EXPECTED);
	expect_mistake("upstream: {servers: {}}\n",
		       "upstream: servers is empty: " SERVERS_EXPECTED);
	expect_mistake("upstream: {servers: }\n", "upstream: servers is empty: " SERVERS_EXPECTED);
	expect_mistake("upstream: {servers: {web1: 10.0.0.1}}\n",
		       "upstream: server \"web1\": address \"10.0.0.1\": " ADDRESS_EXPECTED);
	expect_mistake("upstream: {servers: {web1: {weight: 2}}}\n",
		       "upstream: server \"web1\": missing key \"address\": " ADDRESS_EXPECTED);
	expect_mistake("upstream: {servers: {web1: {address: 10.0.0.1:80, weight: 0}}}\n",
		       "upstream: server \"web1\": weight \"0\": expected a number from 1 to 1000");
	expect_mistake("upstream: {servers: {web1: 10.0.0.1:80}, check: {rise: 2}}\n",
		       "upstream: check: missing key \"path\": expected a path that begins with "
		       "\"/\"");
}

/* --- metrics ------------------------------------------------------------------------------ */

static void metrics_have_one_sample_for_each_server(void)
{
	struct upstream_settings *groups = calloc(2, sizeof(*groups));
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	CU_ASSERT_FATAL(groups && out);
	start(2, (unsigned[]){1, 1});
	groups[0] = settings;
	strcpy(groups[0].name, "web");
	groups[1] = settings;
	strcpy(groups[1].name, "api");
	groups[1].server_count = 1;
	check_result(1, false);
	counters[2].requests = 7;
	counters[0].response_ns = 1500000000;
	upstream_expose(out, groups, 2, health, counters);
	fclose(out);
	CU_ASSERT_PTR_NOT_NULL(strstr(text,
				      "sluice_upstream_well{upstream=\"web\",server=\"a\"} 1\n"
				      "sluice_upstream_well{upstream=\"web\",server=\"b\"} 0\n"
				      "sluice_upstream_well{upstream=\"api\",server=\"a\"} 1\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "sluice_upstream_requests_total{upstream=\"api\",server=\"a\"} 7\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text,
				      "sluice_upstream_response_seconds_total{upstream=\"web\","
				      "server=\"a\"} 1.5\n"));
	free(text);
	free(groups);
	stop();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(equal_servers_take_turns),
		UNIT_TEST(heavy_server_has_its_turns_in_between),
		UNIT_TEST(least_requests_for_their_weight_are_next),
		UNIT_TEST(equally_busy_servers_take_turns),
		UNIT_TEST(server_at_its_limit_is_left_out),
		UNIT_TEST(failed_server_is_not_chosen_again),
		UNIT_TEST(unwell_server_is_left_out_until_it_is_well),
		UNIT_TEST(all_are_tried_when_none_is_well),
		UNIT_TEST(suspicion_ends_with_the_next_good_check),
		UNIT_TEST(suspicion_ends_after_a_while_without_checks),
		UNIT_TEST(file_gives_servers_and_settings),
		UNIT_TEST(mistakes_are_told_by_name),
		UNIT_TEST(metrics_have_one_sample_for_each_server),
		{},
	};

	return unit_run("upstreams", tests);
}
