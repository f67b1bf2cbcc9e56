/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Which route answers which path, with which parameters. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../userspace/appserver/router.h"
#include "../support/unit.h"

static struct router router;

static int add(const char *method, const char *pattern)
{
	struct router_route *route;

	return router_add(&router, http_method_find(http_slice_of(method)), pattern, NULL, &route);
}

/* "PATTERN name=value name=value", or "none" with the methods that there are. */
static const char *find(const char *method, const char *path)
{
	static char text[512];
	struct router_match match;
	int used;

	router_find(&router, http_method_find(http_slice_of(method)), http_slice_of(path), &match);
	if (!match.route) {
		snprintf(text, sizeof(text), "none%s%s",
			 match.allowed & 1u << HTTP_METHOD_GET ? " GET" : "",
			 match.allowed & 1u << HTTP_METHOD_POST ? " POST" : "");
		return text;
	}
	used = snprintf(text, sizeof(text), "%s", match.route->pattern);
	for (size_t i = 0; i < match.param_count; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, " %s=%.*s",
				 match.params[i].name, (int)match.params[i].value.len,
				 match.params[i].value.at);
	return text;
}

static int set_up(void)
{
	router = (struct router){0};
	return add("GET", "/") | add("GET", "/products") | add("GET", "/products/") |
	       add("GET", "/products/:id") | add("GET", "/products/new") |
	       add("POST", "/products/:product") | add("GET", "/products/:id/parts/:part") |
	       add("GET", "/files/*path") | add("GET", "/a:b/:c") | add("GET", "/x/y/z") |
	       add("GET", "/:any/y");
}

static void fixed_segments_win_over_parameters(void)
{
	CU_ASSERT_EQUAL_FATAL(set_up(), 0);
	UNIT_ASSERT_TEXT(find("GET", "/"), "/");
	UNIT_ASSERT_TEXT(find("GET", "/products"), "/products");
	UNIT_ASSERT_TEXT(find("GET", "/products/"), "/products/");
	UNIT_ASSERT_TEXT(find("GET", "/products/new"), "/products/new");
	UNIT_ASSERT_TEXT(find("GET", "/products/7"), "/products/:id id=7");
	UNIT_ASSERT_TEXT(find("POST", "/products/7"), "/products/:product product=7");
	router_fini(&router);
}

static void parameters_take_one_segment_and_the_rest_takes_all(void)
{
	CU_ASSERT_EQUAL_FATAL(set_up(), 0);
	UNIT_ASSERT_TEXT(find("GET", "/products/7/parts/a b"),
			 "/products/:id/parts/:part id=7 part=a b");
	UNIT_ASSERT_TEXT(find("GET", "/files/a/b.txt"), "/files/*path path=a/b.txt");
	UNIT_ASSERT_TEXT(find("GET", "/files/"), "none");
	UNIT_ASSERT_TEXT(find("GET", "/a:b/c"), "/a:b/:c c=c");
	router_fini(&router);
}

static void a_fixed_segment_that_leads_nowhere_is_left_again(void)
{
	CU_ASSERT_EQUAL_FATAL(set_up(), 0);
	UNIT_ASSERT_TEXT(find("GET", "/x/y/z"), "/x/y/z");
	UNIT_ASSERT_TEXT(find("GET", "/x/y"), "/:any/y any=x");
	router_fini(&router);
}

static void other_methods_are_told(void)
{
	CU_ASSERT_EQUAL_FATAL(set_up(), 0);
	UNIT_ASSERT_TEXT(find("DELETE", "/products/7"), "none GET POST");
	UNIT_ASSERT_TEXT(find("POST", "/products"), "none GET");
	UNIT_ASSERT_TEXT(find("GET", "/nothing/here/at/all"), "none");
	UNIT_ASSERT_TEXT(find("HEAD", "/products"), "/products");
	UNIT_ASSERT_TEXT(find("GET", ""), "none");
	UNIT_ASSERT_TEXT(find("GET", "products"), "none");
	router_fini(&router);
}

static void wrong_patterns_are_refused(void)
{
	router = (struct router){0};
	CU_ASSERT_EQUAL(add("GET", "products"), -EINVAL);
	CU_ASSERT_EQUAL(add("GET", ""), -EINVAL);
	CU_ASSERT_EQUAL(add("GET", "/a//b"), -EINVAL);
	CU_ASSERT_EQUAL(add("GET", "/:"), -EINVAL);
	CU_ASSERT_EQUAL(add("GET", "/*rest/more"), -EINVAL);
	CU_ASSERT_EQUAL(add("GET", "/:1/:2/:3/:4/:5/:6/:7/:8/:9/:10/:11/:12/:13/:14/:15/:16/:17"),
			-EINVAL);
	CU_ASSERT_EQUAL(add("GET", "/same/:a"), 0);
	CU_ASSERT_EQUAL(add("GET", "/same/:b"), -EEXIST);
	router_fini(&router);
}

static void a_path_of_many_segments_has_no_route(void)
{
	char path[4000];

	CU_ASSERT_EQUAL_FATAL(set_up(), 0);
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? 'x' : '/';
	path[sizeof(path) - 1] = '\0';
	UNIT_ASSERT_TEXT(find("GET", path), "none");
	router_fini(&router);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(fixed_segments_win_over_parameters),
		UNIT_TEST(parameters_take_one_segment_and_the_rest_takes_all),
		UNIT_TEST(a_fixed_segment_that_leads_nowhere_is_left_again),
		UNIT_TEST(other_methods_are_told),
		UNIT_TEST(wrong_patterns_are_refused),
		UNIT_TEST(a_path_of_many_segments_has_no_route),
		{0},
	};

	return unit_run("app_router", tests);
}
