/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "check_path.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "check.skel.h"
#include "log.h"

/* Of our filters among those of others, at both hooks. */
#define FILTER_PRIORITY 8383
#define FILTER_HANDLE	1
#define PORT_TRIES	256

static void complain(struct check_path *path, const char *what, const char *name, int err)
{
	if (err != path->last_error)
		log_error("check", "event=path-unusable reason=\"%s%s: %s\"", what, name,
			  strerror(-err));
	path->last_error = err;
}

/* --- filters ----------------------------------------------------------------------- */

static struct bpf_tc_hook hook_of(unsigned ifindex, enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)ifindex,
		.attach_point = point,
	};
}

static int attach_program(unsigned ifindex, enum bpf_tc_attach_point point,
			  const struct bpf_program *program)
{
	struct bpf_tc_hook hook = hook_of(ifindex, point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bpf_program__fd(program),
		    .flags = BPF_TC_F_REPLACE, .handle = FILTER_HANDLE,
		    .priority = FILTER_PRIORITY);

	return bpf_tc_attach(&hook, &opts);
}

static int attach_port(const struct check_path *path, unsigned ifindex)
{
	struct bpf_tc_hook hook = hook_of(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	/* Answers must be understood before the first question goes out. */
	err = attach_program(ifindex, BPF_TC_INGRESS, path->program->progs.check_ingress);
	return err ? err
		   : attach_program(ifindex, BPF_TC_EGRESS, path->program->progs.check_egress);
}

static void detach_program(unsigned ifindex, enum bpf_tc_attach_point point)
{
	struct bpf_tc_hook hook = hook_of(ifindex, point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int err = bpf_tc_detach(&hook, &opts);

	if (err && err != -ENOENT && err != -ENODEV && err != -EINVAL)
		log_warn("check", "event=path-not-detached ifindex=%u error=\"%s\"", ifindex,
			 strerror(-err));
}

static bool is_needed(const char *name, const struct node *node)
{
	for (size_t i = 0; node && i < node->interface_count; i++)
		if (node->interfaces[i].roles && !strcmp(node->interfaces[i].name, name))
			return true;
	return false;
}

/* From all interfaces but those of `node`; NULL: from all. */
static void detach_others(struct check_path *path, const struct node *node)
{
	for (size_t i = 0; i < path->port_count; i++) {
		struct check_path_port *port = &path->ports[i];

		if (!port->ifindex || if_nametoindex(port->name) != port->ifindex ||
		    is_needed(port->name, node))
			continue;
		detach_program(port->ifindex, BPF_TC_EGRESS);
		detach_program(port->ifindex, BPF_TC_INGRESS);
	}
	path->port_count = 0;
}

static void attach_all(struct check_path *path)
{
	for (size_t i = 0; i < path->port_count; i++) {
		struct check_path_port *port = &path->ports[i];
		unsigned ifindex = if_nametoindex(port->name);
		int err = ifindex ? attach_port(path, ifindex) : -ENODEV;

		port->ifindex = err ? 0 : ifindex;
		if (err)
			complain(path, "cannot attach to ", port->name, err);
	}
}

/* --- local ports -------------------------------------------------------------------- */

/* Those that the kernel gives out itself, of this namespace: nobody expects others there. */
static void find_port_range(struct check_path *path)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned short start;

	if (!file || fscanf(file, "%hu %hu", &path->first, &path->last) != 2 ||
	    path->first > path->last) {
		path->first = 32768;
		path->last = 60999;
	}
	if (file)
		fclose(file);
	/* Not where an agent that was just killed had begun. */
	if (getrandom(&start, sizeof(start), GRND_NONBLOCK) != sizeof(start))
		start = 0;
	path->next = path->first + start % (path->last - path->first + 1);
}

static bool take_port(struct check_path *path, unsigned short *port)
{
	unsigned char bit;

	*port = path->next;
	path->next = path->next == path->last ? path->first : path->next + 1;
	bit = 1 << *port % 8;
	if (path->used[*port / 8] & bit)
		return false;
	path->used[*port / 8] |= bit;
	return true;
}

void check_path_leave(struct check_path *path, unsigned short port)
{
	path->used[port / 8] &= ~(1 << port % 8);
}

static int bind_to(int fd, bool v6, unsigned short port)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (v6)
		return bind(fd, (struct sockaddr *)&any6, sizeof(any6)) ? -errno : 0;
	return bind(fd, (struct sockaddr *)&any4, sizeof(any4)) ? -errno : 0;
}

/* Earlier connections from the port may still be ending: TCP keeps them apart by their peer. */
static int bind_to_any(struct check_path *path, int fd, bool v6, unsigned short *port)
{
	int type = 0, on = 1, err = -EAGAIN;
	socklen_t length = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length))
		return -errno;
	if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	for (int i = 0; i < PORT_TRIES; i++) {
		if (!take_port(path, port))
			continue;
		err = bind_to(fd, v6, *port);
		if (!err)
			return 0;
		check_path_leave(path, *port);
		if (err != -EADDRINUSE)
			return err;
	}
	return -EAGAIN;
}

/* --- sockets ------------------------------------------------------------------------- */

int check_path_enter(struct check_path *path, int fd, const struct sluice_check_way *way,
		     unsigned short *port)
{
	int err;

	if (!path->program)
		return -ENOTCONN;
	err = bind_to_any(path, fd, !addr_is_v4(&way->vip), port);
	if (err)
		return err;
	if (!bpf_map_update_elem(bpf_map__fd(path->program->maps.check_ways), &fd, way, BPF_ANY))
		return 0;
	err = -errno;
	check_path_leave(path, *port);
	return err;
}

bool check_path_was_taken(struct check_path *path, int fd)
{
	struct sluice_check_way way = {0};

	if (path->program &&
	    !bpf_map_lookup_elem(bpf_map__fd(path->program->maps.check_ways), &fd, &way) &&
	    way.taken)
		return true;
	if (!path->mend.position && loop_timer_arm(path->loop, &path->mend, CHECK_PATH_MEND_NS))
		log_error("check", "event=timer-lost");
	return false;
}

/* --- life ------------------------------------------------------------------------------ */

static void on_mend(struct loop_timer *timer)
{
	struct check_path *path = container_of(timer, struct check_path, mend);

	if (path->program)
		attach_all(path);
}

static bool is_wanted(const struct cluster *cluster, const struct node *node)
{
	unsigned roles = 0;

	for (size_t i = 0; i < node->interface_count; i++)
		roles |= node->interfaces[i].roles;
	for (size_t i = 0; roles & SLUICE_ROLE_BALANCER && i < cluster->service_count; i++) {
		const struct health_check *check = &cluster->services[i].check;

		if (check->type != CHECK_NONE && check->via == CHECK_VIA_FORWARDING)
			return true;
	}
	return false;
}

static void load(struct check_path *path)
{
	if (path->program)
		return;
	path->program = check_bpf__open_and_load();
	if (!path->program)
		complain(path, "cannot load the program", "", -errno);
	find_port_range(path);
}

void check_path_init(struct check_path *path, struct loop *loop)
{
	*path = (struct check_path){.loop = loop, .mend = {.expired = on_mend}};
}

void check_path_configure(struct check_path *path, const struct cluster *cluster,
			  const struct node *node)
{
	bool wanted = is_wanted(cluster, node);

	detach_others(path, wanted ? node : NULL);
	path->last_error = 0;
	if (wanted)
		load(path);
	if (!wanted || !path->program)
		return;
	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].roles)
			strcpy(path->ports[path->port_count++].name, node->interfaces[i].name);
	attach_all(path);
}

void check_path_fini(struct check_path *path)
{
	loop_timer_disarm(path->loop, &path->mend);
	detach_others(path, NULL);
	check_bpf__destroy(path->program);
}
