/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The fixture of most tests: a gateway "fw" between "user" on its interface wan
 * and "web" on its interface lan, both judged by one policy, "edge".
 */
#ifndef SLUICE_TEST_GATEWAY_H
#define SLUICE_TEST_GATEWAY_H

#include "testbed.h"

#define USER4 "198.51.100.7"
#define USER6 "2001:db8:51::7"
#define WEB4  "10.10.1.21"
#define WEB6  "fd00:10:1::21"
#define FW4   "198.51.100.1"
#define FW6   "2001:db8:51::1"

/* `settings` of the policy end with a comma; `rules` are between commas. */
#define GATEWAY(settings, rules)                                                                   \
	GATEWAY_ROLES("firewall, forward", "policy: edge,", settings, rules)
#define GATEWAY_ROLES(roles, policy, settings, rules)                                              \
	"{sluice: 1, cluster: test, limits: {flows: 65536},"                                       \
	" nodes: {"                                                                                \
	"  fw: {interfaces: {"                                                                     \
	"   wan: {network: wan, address: [198.51.100.1/24, '2001:db8:51::1/64'], " policy          \
	"         roles: [" roles "]},"                                                            \
	"   lan: {network: lan, address: [10.10.1.1/24, 'fd00:10:1::1/64'], " policy               \
	"         roles: [" roles "]}}},"                                                          \
	"  user: {interfaces: {eth0: {network: wan,"                                               \
	"   address: [198.51.100.7/24, '2001:db8:51::7/64']}}},"                                   \
	"  web: {interfaces: {eth0: {network: lan,"                                                \
	"   address: [10.10.1.21/24, 'fd00:10:1::21/64']}}}},"                                     \
	" policies: {edge: {" settings " rules: [" rules "]}}}"

/* clang-format off */
/* A packet of either family between the two. */
#define USER_TO_WEB4 .src = USER4, .dst = WEB4
#define USER_TO_WEB6 .src = USER6, .dst = WEB6
#define WEB_TO_USER4 .src = WEB4, .dst = USER4
#define WEB_TO_USER6 .src = WEB6, .dst = USER6

/* Of a packet test: routed to that neighbour. */
#define ROUTED_TO(neighbour) .outcome = SLUICE_REDIRECT, .to = neighbour, .routed = true
/* clang-format on */

#endif /* SLUICE_TEST_GATEWAY_H */
