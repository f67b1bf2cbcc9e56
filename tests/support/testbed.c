/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Raises a node and publishes its configuration. Everything lives in private
 * mount and network namespaces and is gone with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "testbed.h"
#include "testbed_private.h"

#define PIN_ROOT "/run/sluice-test/bpf"

static struct testbed parked; /* the one before, for another use */
static bool network_altered;

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "testbed: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(EXIT_FAILURE);
}

/* --- namespaces ----------------------------------------------------------- */

static void enter_mount_namespace(void)
{
	static bool entered;

	if (entered)
		return;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL))
		die("mount namespace: %s", strerror(errno));
	setenv("SLUICE_PIN_ROOT", PIN_ROOT, 1);
	entered = true;
}

static void write_sysctl(const char *name, const char *value)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

static void run_ip(const char *batch)
{
	FILE *ip = popen("ip -batch -", "w");

	if (!ip || fputs(batch, ip) < 0 || pclose(ip))
		die("ip -batch failed:\n%s", batch);
}

void testbed_sysctl(const char *name, const char *value)
{
	network_altered = true;
	write_sysctl(name, value);
}

void testbed_ip(const char *batch)
{
	network_altered = true;
	run_ip(batch);
}

static void enter_network_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		die("network namespace: %s", strerror(errno));
	write_sysctl("ipv6/conf/default/accept_dad", "0");
	write_sysctl("ipv6/conf/default/router_solicitations", "0");
	write_sysctl("ipv4/ip_forward", "1");
	write_sysctl("ipv6/conf/all/forwarding", "1");
}

/* --- interfaces, addresses, routes, neighbours ---------------------------- */

/* Link addresses follow from places in the file. */
static void link_address(const struct cluster *cluster, const struct node *node,
			 const struct interface *interface, unsigned char mac[ETH_ALEN])
{
	memset(mac, 0, ETH_ALEN);
	mac[0] = 0x02;
	mac[ETH_ALEN - 2] = (unsigned char)(node - cluster->nodes + 1);
	mac[ETH_ALEN - 1] = (unsigned char)(interface - node->interfaces + 1);
}

static void print_link_address(FILE *batch, const unsigned char mac[ETH_ALEN])
{
	for (int i = 0; i < ETH_ALEN; i++)
		fprintf(batch, "%s%02x", i ? ":" : "", mac[i]);
}

static void print_link(FILE *batch, const struct testbed_port *port)
{
	const struct interface *interface = port->interface;
	char buf[PREFIX_TEXT_LEN];

	fprintf(batch, "link add %s address ", interface->name);
	print_link_address(batch, port->mac);
	fprintf(batch, " mtu %u type veth peer name p-%s\n", interface->mtu ? interface->mtu : 1500,
		interface->name);
	fprintf(batch, "link set %s up\nlink set p-%s up\n", interface->name, interface->name);
	for (size_t i = 0; i < interface->address_count; i++)
		fprintf(batch, "addr add %s dev %s\n", prefix_format(&interface->addresses[i], buf),
			interface->name);
}

static void print_neighbour(FILE *batch, const struct cluster *cluster, const struct node *node,
			    const struct interface *neighbour, const char *ifname)
{
	unsigned char mac[ETH_ALEN];
	char buf[ADDR_TEXT_LEN];

	link_address(cluster, node, neighbour, mac);
	for (size_t i = 0; i < neighbour->address_count; i++) {
		fprintf(batch, "neigh add %s lladdr ",
			addr_format(&neighbour->addresses[i].addr, buf));
		print_link_address(batch, mac);
		fprintf(batch, " dev %s nud permanent\n", ifname);
	}
}

static void print_neighbours(FILE *batch, const struct testbed *tb, const struct node *self,
			     const struct interface *interface)
{
	for (size_t n = 0; n < tb->cluster.node_count; n++) {
		const struct node *node = &tb->cluster.nodes[n];

		for (size_t i = 0; i < node->interface_count && node != self; i++)
			if (!strcmp(node->interfaces[i].network, interface->network))
				print_neighbour(batch, &tb->cluster, node, &node->interfaces[i],
						interface->name);
	}
}

static void print_routes(FILE *batch, const struct node *node)
{
	for (size_t i = 0; i < node->route_count; i++) {
		const struct route *route = &node->routes[i];
		char to[PREFIX_TEXT_LEN], via[ADDR_TEXT_LEN];

		fprintf(batch, "route add %s via %s", prefix_format(&route->to, to),
			addr_format(&route->via, via));
		if (route->mtu)
			fprintf(batch, " mtu %u", route->mtu);
		fprintf(batch, "\n");
	}
}

/* What programs and maps depend on besides stands there as comments. */
static void print_node(FILE *batch, const struct testbed *tb)
{
	fprintf(batch, "# node %s, %u flows, %u sources\n", tb->node, tb->cluster.sizes.flows,
		tb->cluster.sizes.sources);
	for (size_t i = 0; i < tb->port_count; i++)
		fprintf(batch, "# roles %u\n", tb->ports[i].interface->roles);
}

static char *describe_network(const struct testbed *tb, const struct node *node)
{
	char *text = NULL;
	size_t length;
	FILE *batch = open_memstream(&text, &length);

	if (!batch)
		die("out of memory");
	print_node(batch, tb);
	fprintf(batch, "link set lo up\n");
	for (size_t i = 0; i < tb->port_count; i++)
		print_link(batch, &tb->ports[i]);
	for (size_t i = 0; i < tb->port_count; i++)
		print_neighbours(batch, tb, node, tb->ports[i].interface);
	print_routes(batch, node);
	fclose(batch);
	return text;
}

static const struct node *find_node(const struct testbed *tb)
{
	const struct node *node = model_node(&tb->cluster, tb->node);

	if (!node)
		die("no node %s", tb->node);
	return node;
}

static void find_ports(struct testbed *tb)
{
	const struct node *node = find_node(tb);

	if (node->interface_count > TESTBED_PORTS)
		die("more than %d interfaces", TESTBED_PORTS);
	tb->port_count = node->interface_count;
	for (size_t i = 0; i < tb->port_count; i++) {
		tb->ports[i].interface = &node->interfaces[i];
		link_address(&tb->cluster, node, &node->interfaces[i], tb->ports[i].mac);
	}
}

/* --- configuration -------------------------------------------------------- */

static void print_diags(const struct diag_list *diags)
{
	for (size_t i = 0; i < diags->count; i++)
		fprintf(stderr, "testbed: line %u: %s\n", diags->items[i].at.line,
			diags->items[i].text);
}

static void read_config(struct testbed *tb, const char *yaml)
{
	struct diag_list diags = {};
	int err = config_read(yaml, strlen(yaml), &tb->cluster, &diags);

	print_diags(&diags);
	if (err)
		die("configuration refused: %s", strerror(-err));
	diag_fini(&diags);
}

static void allow_to_send(const struct testbed *tb, const struct testbed_port *port)
{
	if (bpf_map_update_elem(tb->dp.txports, &port->ifindex, &port->ifindex, BPF_ANY))
		die("%s: device map: %s", port->interface->name, strerror(errno));
}

static void publish(struct testbed *tb)
{
	struct diag_list diags = {};
	int err = dataplane_publish(&tb->dp, &tb->cluster, &diags);

	print_diags(&diags);
	if (err)
		die("publish: %s %s", strerror(-err), dataplane_detail());
	diag_fini(&diags);
	for (size_t i = 0; i < tb->port_count; i++) {
		struct testbed_port *port = &tb->ports[i];

		if (!port->interface->roles)
			continue;
		if (dataplane_port_slot(&tb->dp, port->interface->name, &port->slot))
			die("%s: no port slot", port->interface->name);
		allow_to_send(tb, port);
	}
}

static void destroy(struct testbed *tb)
{
	for (size_t i = 0; i < tb->port_count; i++)
		programs_unload(&tb->ports[i]);
	dataplane_close(&tb->dp);
	if (dataplane_destroy(tb->node))
		die("pins of %s stay behind", tb->node);
	model_fini(&tb->cluster);
	free(tb->network);
	memset(tb, 0, sizeof(*tb));
}

static void raise_anew(struct testbed *tb)
{
	int err;

	enter_network_namespace();
	run_ip(tb->network);
	network_altered = false;
	for (size_t i = 0; i < tb->port_count; i++)
		tb->ports[i].ifindex = if_nametoindex(tb->ports[i].interface->name);
	err = dataplane_open(&tb->dp, tb->node, DATAPLANE_CREATE, &tb->cluster.sizes);
	if (err)
		die("data plane: %s %s", strerror(-err), dataplane_detail());
}

static bool can_use_parked(const struct testbed *tb)
{
	return parked.network && !network_altered && !strcmp(parked.network, tb->network);
}

static void use_parked(struct testbed *tb)
{
	tb->dp = parked.dp;
	for (size_t i = 0; i < tb->port_count; i++) {
		tb->ports[i].ifindex = parked.ports[i].ifindex;
		tb->ports[i].live = parked.ports[i].live;
		tb->ports[i].tracer = parked.ports[i].tracer;
	}
	state_clear(tb);
	model_fini(&parked.cluster);
	free(parked.network);
	memset(&parked, 0, sizeof(parked));
}

void testbed_up(struct testbed *tb, const char *node, const char *yaml)
{
	*tb = (struct testbed){.node = node};
	enter_mount_namespace();
	read_config(tb, yaml);
	find_ports(tb);
	tb->network = describe_network(tb, find_node(tb));
	if (can_use_parked(tb)) {
		use_parked(tb);
	} else {
		if (parked.network)
			destroy(&parked);
		raise_anew(tb);
	}
	publish(tb);
}

void testbed_publish(struct testbed *tb)
{
	find_ports(tb);
	publish(tb);
}

void testbed_down(struct testbed *tb)
{
	parked = *tb;
}

struct testbed_port *testbed_port(struct testbed *tb, const char *ifname)
{
	for (size_t i = 0; i < tb->port_count; i++)
		if (!strcmp(tb->ports[i].interface->name, ifname))
			return &tb->ports[i];
	die("no interface %s", ifname);
}

void testbed_link_to(const struct testbed *tb, const char *neighbour, struct frame *frame)
{
	const struct node *node = model_node(&tb->cluster, neighbour);

	for (size_t i = 0; node && i < node->interface_count; i++) {
		for (size_t p = 0; p < tb->port_count; p++) {
			unsigned char mac[ETH_ALEN];

			if (strcmp(tb->ports[p].interface->network, node->interfaces[i].network))
				continue;
			link_address(&tb->cluster, node, &node->interfaces[i], mac);
			frame_set_link(frame, mac, tb->ports[p].mac);
			return;
		}
	}
	die("no neighbour %s", neighbour);
}
