/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One node of a cluster file, raised in namespaces of its own: its interfaces,
 * routes and neighbours, its published configuration and the data plane's
 * programs, through which frames are run by BPF_PROG_TEST_RUN.
 *
 * Nodes of the file that share a network with the node are its neighbours,
 * with link addresses that are known; every other address has none.
 */
#ifndef SLUICE_TEST_TESTBED_H
#define SLUICE_TEST_TESTBED_H

#include "dataplane.h"
#include "packet.h"

#define TESTBED_PORTS 4

struct sluice_bpf;

struct testbed_port {
	struct interface *interface;
	unsigned ifindex, slot;
	unsigned char mac[ETH_ALEN];
	struct sluice_bpf *live, *tracer; /* loaded when first used */
};

struct testbed {
	const char *node;
	struct cluster cluster;
	struct dataplane dp;
	struct testbed_port ports[TESTBED_PORTS];
	size_t port_count;
	char *network; /* commands that raised it */
};

struct run {
	enum sluice_outcome outcome; /* by the ledger; CONTINUE: it is wrong */
	int action;		     /* enum xdp_action */
	struct frame frame;	     /* as it came out */
};

/*
 * Raises `node` of the configuration, one at a time in a process. What goes
 * wrong is printed and ends the process: without it no test means anything.
 * A network that equals the one before is used again, with the programs that
 * were loaded for it, but no flow, counter or block survives.
 */
void testbed_up(struct testbed *tb, const char *node, const char *yaml);
/* Publishes tb->cluster, which the test has changed. Interfaces stay as they are. */
void testbed_publish(struct testbed *tb);
void testbed_down(struct testbed *tb);

/* Runs commands of ip(8), one a line, in the namespace, which is not used again then. */
void testbed_ip(const char *batch);
/* Writes a file of /proc/sys/net; the same. */
void testbed_sysctl(const char *name, const char *value);

/* The frame of a packet as a neighbour would send it to the interface. */
void testbed_frame(struct testbed *tb, const char *ifname, const struct packet *packet,
		   struct frame *frame);

/*
 * Runs a frame as if it had come in by `ifname`: first traced, then live. Each
 * must give the same outcome, the ledger must have moved by this frame alone,
 * and the XDP action be that of the outcome; if not, that is a failed assertion.
 */
void testbed_run(struct testbed *tb, const char *ifname, const struct frame *frame,
		 struct run *out);
/* Both, for one packet. */
enum sluice_outcome testbed_send(struct testbed *tb, const char *ifname,
				 const struct packet *packet);

struct packet_test {
	const char *name; /* what is expected, in words */
	const char *on;	  /* interface */
	struct packet packet;
	enum sluice_outcome outcome;
	/* The frame that comes out; with none of these, that which went in. */
	const char *to;		      /* sent to this neighbour */
	bool routed;		      /* TTL one less */
	const struct packet *becomes; /* rewritten: what it is then, all checksums made anew */
	const struct packet *outer;   /* encapsulated; IPv4 with DF, GUE from any dynamic port */
	size_t stripped;	      /* decapsulated: bytes of outer header */
	unsigned short to_vlan;	      /* sent with this tag; what is passed keeps its own */
	unsigned short to_outer_vlan; /* and this 802.1ad tag in front of it */
};

#define PACKET_TESTS(tb, tests) testbed_check(tb, tests, sizeof(tests) / sizeof((tests)[0]))
/* Frames of packets that are dropped are nobody's, and not compared. */
void testbed_check(struct testbed *tb, const struct packet_test *tests, size_t count);

/* All that in one: a table of packets through a node that nothing else happens to. */
#define PACKET_TESTS_ON(node, yaml, tests)                                                         \
	testbed_check_on(node, yaml, tests, sizeof(tests) / sizeof((tests)[0]))
void testbed_check_on(const char *node, const char *yaml, const struct packet_test *tests,
		      size_t count);

/* Link addresses of what the node sends to `neighbour`. */
void testbed_link_to(const struct testbed *tb, const char *neighbour, struct frame *frame);
struct testbed_port *testbed_port(struct testbed *tb, const char *ifname);

/* The flow that the packet belongs to. */
bool testbed_flow(const struct testbed *tb, const struct packet *packet, struct sluice_flow *out);
void testbed_set_flow(const struct testbed *tb, const struct packet *packet,
		      const struct sluice_flow *flow);
/* The connections of a balancer alone, as they are in memory. */
struct testbed_connections {
	void *entries;
	size_t count, bytes;
	bool v6;
};

void testbed_connections(const struct testbed *tb, bool v6, struct testbed_connections *out);
void testbed_connections_put(struct testbed_connections *table);
/* The `i`th: struct sluice_conn6, of which IPv4 has the first two members alone. */
void *testbed_connection(const struct testbed_connections *table, size_t i);

size_t testbed_flow_count(const struct testbed *tb);
struct sluice_count testbed_rule_use(const struct testbed *tb, const char *policy,
				     const char *rule);
unsigned testbed_backend_slot(const struct testbed *tb, const char *service, const char *backend);
/* What the backend was sent by all VIPs of the service. */
struct sluice_load testbed_load(const struct testbed *tb, const char *service, const char *backend);

const char *outcome_name(enum sluice_outcome outcome);
enum sluice_class outcome_class(enum sluice_outcome outcome);

#endif /* SLUICE_TEST_TESTBED_H */
