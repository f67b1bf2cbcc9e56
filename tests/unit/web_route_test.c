/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which site of the web server a host names, and which of its routes a path takes.
 */
#include <string.h>

#include "../../userspace/webserver/route.h"
#include "../support/unit.h"

static struct web_host hosts[] = {
	{"www.example.com"}, {"*.example.com"}, {"*.deep.example.com"}, {"*"}, {"2001:db8::1"},
};
static struct web_route routes[] = {
	{.path = "/"},		 {.path = "/static/"},
	{.path = "/static/img"}, {.path = "/exact", .exact = true},
	{.path = "/exact"},
};
static struct web_site sites[] = {
	{.hosts = &hosts[0], .host_count = 1},
	{.hosts = &hosts[1], .host_count = 1},
	{.hosts = &hosts[2], .host_count = 1},
	{.hosts = &hosts[3], .host_count = 2},
};

/* The index of the site, or -1. */
static int site_of(const struct web_config *config, const char *host)
{
	const struct web_site *site = route_find_site(config, http_slice_of(host));

	return site ? (int)(site - sites) : -1;
}

static void host_names_the_site_that_fits_best(void)
{
	const struct web_config config = {.sites = sites, .site_count = 4};

	CU_ASSERT_EQUAL(site_of(&config, "www.example.com"), 0);
	CU_ASSERT_EQUAL(site_of(&config, "WWW.Example.COM"), 0);
	CU_ASSERT_EQUAL(site_of(&config, "www.example.com."), 0);
	CU_ASSERT_EQUAL(site_of(&config, "other.example.com"), 1);
	CU_ASSERT_EQUAL(site_of(&config, "a.deep.example.com"), 2);
	CU_ASSERT_EQUAL(site_of(&config, "deep.example.com"), 1);
	CU_ASSERT_EQUAL(site_of(&config, "example.com"), 3);
	CU_ASSERT_EQUAL(site_of(&config, "notexample.com"), 3);
	CU_ASSERT_EQUAL(site_of(&config, "2001:db8::1"), 3);
	CU_ASSERT_EQUAL(site_of(&config, ""), 3);
}

static void host_of_no_site_is_told_apart(void)
{
	const struct web_config config = {.sites = sites, .site_count = 3};

	CU_ASSERT_EQUAL(site_of(&config, "example.org"), -1);
	CU_ASSERT_EQUAL(site_of(&config, ""), -1);
	CU_ASSERT_EQUAL(site_of(&config, "."), -1);
}

static int route_of(const char *path)
{
	const struct web_site site = {.routes = routes, .route_count = 5};

	return (int)(route_find(&site, path) - routes);
}

static void longest_route_that_ends_at_a_slash_is_taken(void)
{
	CU_ASSERT_EQUAL(route_of("/"), 0);
	CU_ASSERT_EQUAL(route_of("/static"), 0);
	CU_ASSERT_EQUAL(route_of("/static/"), 1);
	CU_ASSERT_EQUAL(route_of("/static/a"), 1);
	CU_ASSERT_EQUAL(route_of("/static/imgs"), 1);
	CU_ASSERT_EQUAL(route_of("/static/img"), 2);
	CU_ASSERT_EQUAL(route_of("/static/img/a"), 2);
	CU_ASSERT_EQUAL(route_of("/exact"), 3);
	CU_ASSERT_EQUAL(route_of("/exact/"), 4);
	CU_ASSERT_EQUAL(route_of("/exactly"), 0);
}

static void path_without_a_route_has_none(void)
{
	const struct web_site site = {.routes = &routes[1], .route_count = 2};

	CU_ASSERT_PTR_NULL(route_find(&site, "/"));
	CU_ASSERT_PTR_NULL(route_find(&site, "/stati"));
}

static void rest_of_a_path_is_what_the_directory_is_asked_for(void)
{
	UNIT_ASSERT_TEXT(route_rest(&routes[0], "/a/b"), "a/b");
	UNIT_ASSERT_TEXT(route_rest(&routes[0], "/"), "");
	UNIT_ASSERT_TEXT(route_rest(&routes[1], "/static/a/b"), "a/b");
	UNIT_ASSERT_TEXT(route_rest(&routes[2], "/static/img/a"), "a");
	UNIT_ASSERT_TEXT(route_rest(&routes[2], "/static/img"), "");
	UNIT_ASSERT_TEXT(route_rest(&routes[3], "/exact"), "exact");
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(host_names_the_site_that_fits_best),
		UNIT_TEST(host_of_no_site_is_told_apart),
		UNIT_TEST(longest_route_that_ends_at_a_slash_is_taken),
		UNIT_TEST(path_without_a_route_has_none),
		UNIT_TEST(rest_of_a_path_is_what_the_directory_is_asked_for),
		{},
	};

	return unit_run("web_route", tests);
}
