/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Publishing on real maps: what is put in force is what the model says, all of
 * it at once, whoever writes beside and whenever the writer is killed; and
 * whatever packets refer to keeps its number.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dataplane.h"
#include "dataplane_private.h"
#include "../support/sandbox.h"
#include "../support/unit.h"

#define FLOWS	1024
#define WRITERS 20
#define KILLS	50

/* --- models ----------------------------------------------------------------- */

#define MODEL_HEAD                                                                                 \
	"sluice: 1\n"                                                                              \
	"cluster: test\n"

#define MODEL_NODES                                                                                \
	"nodes:\n"                                                                                 \
	"  lb1:\n"                                                                                 \
	"    interfaces:\n"                                                                        \
	"      eth0: {network: edge, address: [10.9.1.11/24, \"fd00:9::11/64\"], roles: "          \
	"[firewall, balancer], policy: edge}\n"                                                    \
	"      eth1: {network: core, address: [10.9.2.11/24], roles: [firewall, forward], "        \
	"policy: edge}\n"                                                                          \
	"  lb2:\n"                                                                                 \
	"    interfaces:\n"                                                                        \
	"      eth0: {network: edge, address: [10.9.1.12/24, \"fd00:9::12/64\"], roles: "          \
	"[firewall, balancer], policy: edge}\n"

#define POLICY_ONE_RULE                                                                            \
	"policies:\n"                                                                              \
	"  edge:\n"                                                                                \
	"    default: drop\n"                                                                      \
	"    rules:\n"                                                                             \
	"      - {name: web, in: eth0, to: 192.0.2.1, proto: tcp, port: 80, action: accept}\n"

#define RULE_SSH "      - {name: ssh, from: 10.0.0.0/8, proto: tcp, port: 22, action: accept}\n"

#define SERVICE_WWW                                                                                \
	"services:\n"                                                                              \
	"  www:\n"                                                                                 \
	"    vips: [\"192.0.2.1:80\", \"[2001:db8::1]:80\"]\n"                                     \
	"    proto: tcp\n"                                                                         \
	"    forward: ipip\n"                                                                      \
	"    check: {type: tcp}\n"                                                                 \
	"    backends:\n"                                                                          \
	"      10.9.1.21: {weight: 100}\n"                                                         \
	"      10.9.1.22: {weight: 100}\n"

#define BACKEND_23 "      10.9.1.23: {weight: 100}\n"

#define SERVICE_DNS                                                                                \
	"  dns:\n"                                                                                 \
	"    vips: [\"192.0.2.1:53\"]\n"                                                           \
	"    proto: udp\n"                                                                         \
	"    forward: dsr\n"                                                                       \
	"    backends:\n"                                                                          \
	"      10.9.1.31: {weight: 50}\n"                                                          \
	"      10.9.1.32: {weight: 100}\n"

static const char model_small[] = MODEL_HEAD SERVICE_WWW POLICY_ONE_RULE MODEL_NODES;
static const char model_more_backends[] =
	MODEL_HEAD SERVICE_WWW BACKEND_23 SERVICE_DNS POLICY_ONE_RULE MODEL_NODES;
static const char model_more_rules[] = MODEL_HEAD SERVICE_WWW POLICY_ONE_RULE RULE_SSH MODEL_NODES;
static const char model_all[] =
	MODEL_HEAD SERVICE_WWW BACKEND_23 SERVICE_DNS POLICY_ONE_RULE RULE_SSH MODEL_NODES;

static void read_model(const char *text, struct cluster *out)
{
	struct diag_list diags = {0};

	model_init(out);
	CU_ASSERT_EQUAL_FATAL(config_read(text, strlen(text), out, &diags), 0);
	diag_fini(&diags);
}

static int publish(struct dataplane *dp, struct cluster *cluster)
{
	struct diag_list diags = {0};
	int err = dataplane_publish(dp, cluster, &diags);

	for (size_t i = 0; i < diags.count; i++)
		printf("\n    %s", diags.items[i].text);
	diag_fini(&diags);
	return err;
}

static int publish_text(struct dataplane *dp, const char *text)
{
	struct cluster cluster;
	int err;

	read_model(text, &cluster);
	err = publish(dp, &cluster);
	model_fini(&cluster);
	return err;
}

static void create(struct dataplane *dp, const char *node)
{
	CU_ASSERT_EQUAL_FATAL(
		dataplane_open(dp, node, DATAPLANE_CREATE, &(struct table_sizes){.flows = FLOWS}),
		0);
}

static void close_and_destroy(struct dataplane *dp)
{
	char node[SLUICE_NAME_LEN];

	strcpy(node, dp->node);
	dataplane_close(dp);
	CU_ASSERT_EQUAL(dataplane_destroy(node), 0);
}

/* --- what is in force, compared with what its own text says ----------------- */

static bool rings_fit(const struct dataplane *dp, const struct in_force *now,
		      const struct compiled *again)
{
	__u16 *ring = calloc(SLUICE_RING_ENTRIES, sizeof(*ring));
	bool fit = ring != NULL;

	for (size_t i = 0; i < again->service_count && fit; i++) {
		const struct compiled_service *service = &again->services[i];

		fit = service->ring_before != SLUICE_NONE &&
		      !ring_build(service->service, &again->backend_slots[service->first_backend],
				  now->backends, ring) &&
		      ring_equals(dp, service->ring_before, ring);
	}
	free(ring);
	return fit;
}

static bool backends_fit(const struct in_force *now, const struct compiled *again)
{
	for (unsigned i = 0; i < SLUICE_MAX_BACKENDS; i++)
		if (now->backends[i].state[now->slot] != again->backends[i].state[again->slot] ||
		    now->backends[i].incarnation != again->backends[i].incarnation)
			return false;
	return true;
}

static bool vips_fit(const struct in_force *now, struct compiled *again)
{
	struct diag_list diags = {0};
	size_t found = 0;

	for (size_t i = 0; i < again->service_count; i++)
		again->services[i].ring = again->services[i].ring_before;
	if (compile_vips(now, again, &diags))
		return false;
	for (size_t i = 0; i < again->vip_count; i++)
		for (size_t j = 0; j < now->vip_count; j++)
			found += !memcmp(&again->vips[i], &now->vips[j], sizeof(now->vips[j]));
	return found == again->vip_count && found == now->vip_count;
}

static bool tables_fit(const struct dataplane *dp, const struct in_force *now,
		       struct compiled *again)
{
	return !memcmp(now->ports, again->ports, sizeof(now->ports)) &&
	       !memcmp(now->rules, again->rules, sizeof(now->rules)) && vips_fit(now, again) &&
	       backends_fit(now, again) && rings_fit(dp, now, again);
}

/* Compiles the stored text once more: every table must come out as it is. */
static bool is_one_generation(const struct dataplane *dp)
{
	struct compiled *again = calloc(1, sizeof(*again));
	struct compile_input in = {.node = dp->node};
	struct local_address *local = NULL;
	struct diag_list diags = {0};
	struct in_force *now = NULL;
	bool fit = false;

	if (!again || in_force_read(dp, &now) || local_addresses_read(&local, &in.local_count))
		goto out;
	in.cluster = &now->model;
	in.now = now;
	in.local = local;
	fit = !compile(&in, again, &diags) && tables_fit(dp, now, again);
out:
	diag_fini(&diags);
	free(local);
	in_force_free(now);
	free(again);
	return fit;
}

static size_t services_in_force(const struct dataplane *dp)
{
	struct cluster cluster;
	size_t count;

	CU_ASSERT_EQUAL_FATAL(dataplane_load_model(dp, &cluster), 0);
	count = cluster.service_count;
	model_fini(&cluster);
	return count;
}

struct backend_found {
	unsigned slot;
	struct sluice_backend value;
};

static void find_backend(const struct dataplane *dp, const char *service_name, const char *name,
			 struct backend_found *out)
{
	const struct service *service;
	struct cluster cluster;
	unsigned index;

	CU_ASSERT_EQUAL_FATAL(dataplane_load_model(dp, &cluster), 0);
	service = model_service(&cluster, service_name);
	CU_ASSERT_EQUAL_FATAL(dataplane_service_index(dp, service, &index), 0);
	CU_ASSERT_EQUAL_FATAL(
		dataplane_backend_slot(dp, index, model_backend(service, name), &out->slot), 0);
	CU_ASSERT_EQUAL_FATAL(dataplane_read_backend(dp, out->slot, &out->value), 0);
	model_fini(&cluster);
}

static unsigned ring_of(const struct dataplane *dp, const char *service_name)
{
	unsigned index, ring = SLUICE_NONE;
	struct in_force *now;

	CU_ASSERT_EQUAL_FATAL(in_force_read(dp, &now), 0);
	CU_ASSERT_EQUAL(
		compile_find_service(now, model_service(&now->model, service_name), &index, &ring),
		0);
	in_force_free(now);
	return ring;
}

/* How many of a ring's entries are this backend's. */
static size_t share_of(const struct dataplane *dp, unsigned ring, unsigned slot)
{
	struct table_view view;
	size_t count = 0;
	int fd = table_open(dp->rings, ring);

	CU_ASSERT_EQUAL_FATAL(table_map(fd, false, &view), 0);
	for (size_t i = 0; i < SLUICE_RING_SIZE; i++)
		count += ((const __u16 *)view.data)[i] == slot;
	table_unmap(&view);
	close(fd);
	return count;
}

/* --- opening ---------------------------------------------------------------- */

static void node_without_maps_is_not_found(void)
{
	struct dataplane dp;

	CU_ASSERT_EQUAL(dataplane_open(&dp, "nobody", DATAPLANE_READ, NULL), -ENOENT);
	CU_ASSERT_EQUAL(dataplane_open(&dp, "nobody", DATAPLANE_WRITE, NULL), -ENOENT);
	CU_ASSERT_EQUAL(dataplane_open(&dp, "../escape", DATAPLANE_CREATE, NULL), -EINVAL);
	CU_ASSERT_EQUAL(dataplane_destroy("nobody"), -ENOENT);
}

static void new_node_has_an_empty_model(void)
{
	struct cluster cluster;
	struct dataplane dp;
	unsigned port;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(dataplane_load_model(&dp, &cluster), 0);
	CU_ASSERT_EQUAL(cluster.node_count, 0);
	CU_ASSERT_EQUAL(dataplane_port_slot(&dp, "eth0", &port), -ENOENT);
	model_fini(&cluster);
	close_and_destroy(&dp);
}

static void flow_table_has_the_size_asked_for(void)
{
	struct bpf_map_info info = {0};
	__u32 length = sizeof(info);
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(bpf_obj_get_info_by_fd(dp.flows, &info, &length), 0);
	CU_ASSERT_EQUAL(info.max_entries, FLOWS);
	close_and_destroy(&dp);
}

static void descriptors_close_on_exec(void)
{
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_TRUE(fcntl(dp.control_fd, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_TRUE(fcntl(dp.flows, F_GETFD) & FD_CLOEXEC);
	CU_ASSERT_TRUE(fcntl(dp.lock_fd, F_GETFD) & FD_CLOEXEC);
	close_and_destroy(&dp);
}

static void reader_cannot_write(void)
{
	struct prefix prefix = {.bits = 128};
	struct dataplane writer, reader;
	__u32 key = 0;
	struct sluice_backend backend = {0};

	create(&writer, "lb1");
	CU_ASSERT_EQUAL(publish_text(&writer, model_small), 0);
	CU_ASSERT_EQUAL_FATAL(dataplane_open(&reader, "lb1", DATAPLANE_READ, NULL), 0);
	CU_ASSERT_EQUAL(publish_text(&reader, model_all), -EPERM);
	CU_ASSERT_EQUAL(dataplane_block(&reader, &prefix), -EPERM);
	CU_ASSERT_NOT_EQUAL(bpf_map_update_elem(reader.backends, &key, &backend, BPF_ANY), 0);
	CU_ASSERT_TRUE(is_one_generation(&reader));
	dataplane_close(&reader);
	close_and_destroy(&writer);
}

static void other_abi_is_refused(void)
{
	struct dataplane dp;

	create(&dp, "lb1");
	dp.control->abi = SLUICE_ABI_VERSION + 1;
	dataplane_close(&dp);
	CU_ASSERT_EQUAL(dataplane_open(&dp, "lb1", DATAPLANE_READ, NULL), -EPROTO);
	CU_ASSERT_EQUAL(
		dataplane_open(&dp, "lb1", DATAPLANE_CREATE, &(struct table_sizes){.flows = FLOWS}),
		-EPROTO);
	CU_ASSERT_EQUAL(dataplane_destroy("lb1"), 0);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void sleep_ms(double ms)
{
	struct timespec t = {(time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000L};

	nanosleep(&t, NULL);
}

static double random_below(double limit)
{
	return limit * (double)random() / (double)RAND_MAX;
}

/* Runs `work` in a child and kills it after `ms`. */
static void kill_in_the_middle(void (*work)(void *), void *arg, double ms)
{
	pid_t child = fork();

	CU_ASSERT_NOT_EQUAL_FATAL(child, -1);
	if (!child) {
		work(arg);
		_exit(0);
	}
	sleep_ms(ms);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void create_and_leave(void *unused)
{
	struct dataplane dp;

	(void)unused;
	if (!dataplane_open(&dp, "lb1", DATAPLANE_CREATE, &(struct table_sizes){.flows = FLOWS}))
		dataplane_close(&dp);
}

static void killed_creation_is_completed(void)
{
	double started = now_ms(), takes;
	struct dataplane dp;

	create(&dp, "lb1");
	takes = now_ms() - started;
	close_and_destroy(&dp);
	for (int i = 0; i < KILLS; i++) {
		int err;

		kill_in_the_middle(create_and_leave, NULL, random_below(takes * 1.5));
		err = dataplane_open(&dp, "lb1", DATAPLANE_READ, NULL);
		CU_ASSERT(err == -ENOENT || !err);
		if (!err)
			dataplane_close(&dp);
		create(&dp, "lb1");
		CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
		close_and_destroy(&dp);
	}
}

static void destroyed_node_leaves_no_file(void)
{
	const char *root = getenv("SLUICE_PIN_ROOT");
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(sandbox_run("ls %s/../*.lock", root), 0);
	close_and_destroy(&dp);
	CU_ASSERT_NOT_EQUAL(sandbox_run("ls %s/../*.lock", root), 0);
	CU_ASSERT_NOT_EQUAL(sandbox_run("ls -d %s/lb1", root), 0);
}

/* --- publishing ------------------------------------------------------------- */

static void published_tables_are_those_of_the_text(void)
{
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	CU_ASSERT_TRUE(is_one_generation(&dp));
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	CU_ASSERT_TRUE(is_one_generation(&dp));
	CU_ASSERT_EQUAL(services_in_force(&dp), 2);
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	CU_ASSERT_TRUE(is_one_generation(&dp));
	CU_ASSERT_EQUAL(services_in_force(&dp), 1);
	close_and_destroy(&dp);
}

static void same_model_again_changes_nothing(void)
{
	struct sluice_generation before;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	before = dp.control->generation;
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	CU_ASSERT_EQUAL(dp.control->generation.config, before.config);
	CU_ASSERT_EQUAL(dp.control->generation.policy, before.policy);
	close_and_destroy(&dp);
}

static void only_a_changed_policy_raises_its_generation(void)
{
	struct sluice_generation before;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	before = dp.control->generation;
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_backends), 0);
	CU_ASSERT_EQUAL(dp.control->generation.config, before.config + 1);
	CU_ASSERT_EQUAL(dp.control->generation.policy, before.policy);
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	CU_ASSERT_EQUAL(dp.control->generation.policy, before.policy + 1);
	close_and_destroy(&dp);
}

static void invalid_model_leaves_what_is_in_force(void)
{
	struct diag_list diags = {0};
	struct cluster cluster;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	read_model(model_all, &cluster);
	strcpy(model_node(&cluster, "lb1")->name, "lb9");
	CU_ASSERT_EQUAL(dataplane_publish(&dp, &cluster, &diags), -EINVAL);
	CU_ASSERT_EQUAL(diags.count, 1);
	CU_ASSERT_EQUAL(services_in_force(&dp), 1);
	CU_ASSERT_TRUE(is_one_generation(&dp));
	diag_fini(&diags);
	model_fini(&cluster);
	close_and_destroy(&dp);
}

static void unchanged_ring_keeps_its_number(void)
{
	struct dataplane dp;
	unsigned ring;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	ring = ring_of(&dp, "www");
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_rules), 0);
	CU_ASSERT_EQUAL(ring_of(&dp, "www"), ring);
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	CU_ASSERT_NOT_EQUAL(ring_of(&dp, "www"), ring);
	close_and_destroy(&dp);
}

static void ring_that_nobody_uses_is_let_go(void)
{
	struct dataplane dp;
	unsigned www, dns;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_backends), 0);
	www = ring_of(&dp, "www");
	dns = ring_of(&dp, "dns");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	CU_ASSERT_EQUAL(table_id(dp.rings, www), 0);
	CU_ASSERT_EQUAL(table_id(dp.rings, dns), 0);
	CU_ASSERT_NOT_EQUAL(table_id(dp.rings, ring_of(&dp, "www")), 0);
	close_and_destroy(&dp);
}

static void backend_keeps_slot_and_incarnation(void)
{
	struct backend_found before, after;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	find_backend(&dp, "www", "10.9.1.22", &before);
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	find_backend(&dp, "www", "10.9.1.22", &after);
	CU_ASSERT_EQUAL(after.slot, before.slot);
	CU_ASSERT_EQUAL(after.value.incarnation, before.value.incarnation);
	close_and_destroy(&dp);
}

static void freed_backend_slot_rests_one_publication(void)
{
	struct backend_found before, after;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_backends), 0);
	find_backend(&dp, "www", "10.9.1.23", &before);
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_backends), 0);
	find_backend(&dp, "www", "10.9.1.23", &after);
	CU_ASSERT_NOT_EQUAL(after.slot, before.slot);
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_rules), 0);
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_backends), 0);
	find_backend(&dp, "www", "10.9.1.23", &after);
	CU_ASSERT_EQUAL(after.slot, before.slot);
	CU_ASSERT_NOT_EQUAL(after.value.incarnation, before.value.incarnation);
	close_and_destroy(&dp);
}

static unsigned rule_id(const struct dataplane *dp, const char *name)
{
	struct cluster cluster;
	unsigned id;

	CU_ASSERT_EQUAL_FATAL(dataplane_load_model(dp, &cluster), 0);
	id = model_rule(model_policy(&cluster, "edge"), name)->id;
	model_fini(&cluster);
	return id;
}

static void rule_keeps_its_id_when_one_is_put_before_it(void)
{
	struct cluster cluster;
	struct dataplane dp;
	unsigned ssh;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	ssh = rule_id(&dp, "ssh");
	read_model(model_all, &cluster);
	CU_ASSERT_PTR_NOT_NULL(model_rule_add(model_policy(&cluster, "edge"), "first", 0));
	CU_ASSERT_EQUAL(publish(&dp, &cluster), 0);
	CU_ASSERT_EQUAL(rule_id(&dp, "ssh"), ssh);
	CU_ASSERT_NOT_EQUAL(rule_id(&dp, "first"), ssh);
	model_fini(&cluster);
	close_and_destroy(&dp);
}

static void count_one(int fd, __u32 index)
{
	struct sluice_count *counts = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*counts));

	counts[0].packets = 1;
	CU_ASSERT_EQUAL(bpf_map_update_elem(fd, &index, counts, BPF_ANY), 0);
	free(counts);
}

static void new_rule_counts_from_zero(void)
{
	struct sluice_count count;
	struct dataplane dp;
	unsigned web;

	create(&dp, "lb1");
	count_one(dp.rule_use, 0);
	count_one(dp.rule_use, 1);
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	web = rule_id(&dp, "web");
	CU_ASSERT_EQUAL(dataplane_read_rule_use(&dp, web, &count), 0);
	CU_ASSERT_EQUAL(count.packets, 0);
	count_one(dp.rule_use, web);
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_rules), 0);
	CU_ASSERT_EQUAL(dataplane_read_rule_use(&dp, web, &count), 0);
	CU_ASSERT_EQUAL(count.packets, 1);
	CU_ASSERT_EQUAL(dataplane_read_rule_use(&dp, rule_id(&dp, "ssh"), &count), 0);
	CU_ASSERT_EQUAL(count.packets, 0);
	close_and_destroy(&dp);
}

/* --- writers side by side, writers killed ----------------------------------- */

static int add_backend(unsigned number)
{
	struct cluster cluster;
	struct backend *backend;
	struct dataplane dp;
	char name[SLUICE_NAME_LEN];
	int err = dataplane_open(&dp, "lb1", DATAPLANE_WRITE, NULL);

	if (err)
		return err;
	err = dataplane_load_model(&dp, &cluster);
	if (!err) {
		snprintf(name, sizeof(name), "10.9.7.%u", number);
		backend = model_backend_add(model_service(&cluster, "www"), name);
		backend->has4 = true;
		err = addr_parse(name, &backend->addr4);
		if (!err)
			err = publish(&dp, &cluster);
		model_fini(&cluster);
	}
	dataplane_close(&dp);
	return err;
}

static void no_writer_of_many_is_lost(void)
{
	struct cluster cluster;
	struct dataplane dp;
	int status;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	dataplane_close(&dp);
	for (unsigned i = 1; i <= WRITERS; i++)
		if (!fork())
			_exit(add_backend(i) ? 1 : 0);
	while (wait(&status) > 0)
		CU_ASSERT_EQUAL(status, 0);
	create(&dp, "lb1");
	CU_ASSERT_EQUAL(dataplane_load_model(&dp, &cluster), 0);
	CU_ASSERT_EQUAL(model_service(&cluster, "www")->backend_count, 2 + WRITERS);
	CU_ASSERT_TRUE(is_one_generation(&dp));
	model_fini(&cluster);
	close_and_destroy(&dp);
}

static void publish_and_leave(void *text)
{
	struct dataplane dp;

	if (dataplane_open(&dp, "lb1", DATAPLANE_WRITE, NULL))
		return;
	if (!publish_text(&dp, text))
		dataplane_close(&dp);
}

/* Tells the models apart. */
static size_t size_in_force(const struct dataplane *dp)
{
	struct cluster cluster;
	size_t size;

	CU_ASSERT_EQUAL_FATAL(dataplane_load_model(dp, &cluster), 0);
	size = 10 * cluster.policies[0].rule_count + cluster.service_count;
	model_fini(&cluster);
	return size;
}

/* As on a kernel with nohz_full=: membarrier() fails with EINVAL. */
static int forbid_membarrier(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) ? -errno : 0;
}

static void publication_needs_no_membarrier(void)
{
	struct dataplane dp;
	int status = -1;
	pid_t child;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	dataplane_close(&dp);
	child = fork();
	CU_ASSERT_NOT_EQUAL_FATAL(child, -1);
	if (!child) {
		if (!forbid_membarrier())
			publish_and_leave((void *)model_all);
		_exit(0);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	create(&dp, "lb1");
	CU_ASSERT_EQUAL(size_in_force(&dp), 22);
	CU_ASSERT_TRUE(is_one_generation(&dp));
	close_and_destroy(&dp);
}

/* Three of them, lest the tables that a slot held before be right by chance. */
static void killed_publication_leaves_one_generation(void)
{
	static const char *const texts[] = {model_small, model_all, model_more_rules};
	static const size_t sizes[] = {11, 22, 21};
	double takes = now_ms();
	unsigned turned = 1, wanted = 1;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	takes = (now_ms() - takes) / 2;
	dataplane_close(&dp);
	for (int i = 0; i < KILLS; i++) {
		size_t before, after;

		CU_ASSERT_EQUAL_FATAL(dataplane_open(&dp, "lb1", DATAPLANE_READ, NULL), 0);
		before = size_in_force(&dp);
		kill_in_the_middle(publish_and_leave, (void *)texts[wanted],
				   random_below(takes * 1.2));
		after = size_in_force(&dp);
		CU_ASSERT(after == before || after == sizes[wanted]);
		CU_ASSERT_TRUE(is_one_generation(&dp));
		turned += after == sizes[wanted];
		wanted = turned % 3;
		dataplane_close(&dp);
	}
	printf("(%u of %d had turned) ", turned - 1, KILLS);
	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_more_backends), 0);
	CU_ASSERT_TRUE(is_one_generation(&dp));
	close_and_destroy(&dp);
}

/* --- health ----------------------------------------------------------------- */

static int set_health(struct dataplane *dp, const char *service, const char *backend, bool healthy)
{
	struct backend_health health = {service, backend, .healthy = healthy};
	struct cluster cluster;
	int err = dataplane_load_model(dp, &cluster);

	if (!err)
		err = dataplane_set_health(dp, &cluster, &health, 1);
	model_fini(&cluster);
	return err;
}

static void unhealthy_backend_leaves_the_ring(void)
{
	struct backend_found backend;
	struct dataplane dp;
	unsigned ring;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	ring = ring_of(&dp, "www");
	CU_ASSERT_EQUAL(set_health(&dp, "www", "10.9.1.21", false), 0);
	find_backend(&dp, "www", "10.9.1.21", &backend);
	CU_ASSERT_EQUAL(backend.value.state[dataplane_slot(&dp)], SLUICE_BACKEND_DOWN);
	CU_ASSERT_EQUAL(ring_of(&dp, "www"), ring);
	CU_ASSERT_EQUAL(share_of(&dp, ring, backend.slot), 0);
	CU_ASSERT_EQUAL(set_health(&dp, "www", "10.9.1.21", true), 0);
	find_backend(&dp, "www", "10.9.1.21", &backend);
	CU_ASSERT_EQUAL(backend.value.state[dataplane_slot(&dp)], SLUICE_BACKEND_UP);
	CU_ASSERT(share_of(&dp, ring, backend.slot) > SLUICE_RING_SIZE / 4);
	close_and_destroy(&dp);
}

static void health_outlives_publications(void)
{
	struct backend_found backend;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	CU_ASSERT_EQUAL(set_health(&dp, "www", "10.9.1.21", false), 0);
	CU_ASSERT_EQUAL(publish_text(&dp, model_all), 0);
	find_backend(&dp, "www", "10.9.1.21", &backend);
	CU_ASSERT_EQUAL(backend.value.state[dataplane_slot(&dp)], SLUICE_BACKEND_DOWN);
	CU_ASSERT_EQUAL(share_of(&dp, ring_of(&dp, "www"), backend.slot), 0);
	CU_ASSERT_TRUE(is_one_generation(&dp));
	close_and_destroy(&dp);
}

static void health_is_forgotten_when_nobody_checks(void)
{
	struct backend_found backend;
	struct cluster cluster;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	CU_ASSERT_EQUAL(set_health(&dp, "www", "10.9.1.21", false), 0);
	read_model(model_small, &cluster);
	model_service(&cluster, "www")->check.type = CHECK_NONE;
	CU_ASSERT_EQUAL(publish(&dp, &cluster), 0);
	find_backend(&dp, "www", "10.9.1.21", &backend);
	CU_ASSERT_EQUAL(backend.value.state[dataplane_slot(&dp)], SLUICE_BACKEND_UP);
	model_fini(&cluster);
	close_and_destroy(&dp);
}

static void service_without_a_healthy_backend_uses_all(void)
{
	struct backend_found first, second;
	struct dataplane dp;

	create(&dp, "lb1");
	CU_ASSERT_EQUAL(publish_text(&dp, model_small), 0);
	CU_ASSERT_EQUAL(set_health(&dp, "www", "10.9.1.21", false), 0);
	CU_ASSERT_EQUAL(set_health(&dp, "www", "10.9.1.22", false), 0);
	find_backend(&dp, "www", "10.9.1.21", &first);
	find_backend(&dp, "www", "10.9.1.22", &second);
	CU_ASSERT(share_of(&dp, ring_of(&dp, "www"), first.slot) > SLUICE_RING_SIZE / 3);
	CU_ASSERT(share_of(&dp, ring_of(&dp, "www"), second.slot) > SLUICE_RING_SIZE / 3);
	close_and_destroy(&dp);
}

static void drained_backend_keeps_flows_and_gets_none(void)
{
	struct backend_found backend;
	struct cluster cluster;
	struct dataplane dp;

	create(&dp, "lb1");
	read_model(model_small, &cluster);
	model_backend(model_service(&cluster, "www"), "10.9.1.21")->admin = BACKEND_ADMIN_DRAIN;
	CU_ASSERT_EQUAL(publish(&dp, &cluster), 0);
	find_backend(&dp, "www", "10.9.1.21", &backend);
	CU_ASSERT_EQUAL(backend.value.state[dataplane_slot(&dp)], SLUICE_BACKEND_DRAIN);
	CU_ASSERT_EQUAL(share_of(&dp, ring_of(&dp, "www"), backend.slot), 0);
	model_fini(&cluster);
	close_and_destroy(&dp);
}

/* The last byte of the backend's address for each entry: a ring without slot numbers. */
static void ring_as_addresses(const struct dataplane *dp, const char *service, unsigned char *out)
{
	struct sluice_backend *backends = calloc(SLUICE_MAX_BACKENDS, sizeof(*backends));
	int fd = table_open(dp->rings, ring_of(dp, service));
	struct table_view view;

	CU_ASSERT_EQUAL_FATAL(in_force_backends(dp, backends), 0);
	CU_ASSERT_EQUAL_FATAL(table_map(fd, false, &view), 0);
	for (size_t i = 0; i < SLUICE_RING_SIZE; i++)
		out[i] = backends[((const __u16 *)view.data)[i]].addr4.bytes[15];
	table_unmap(&view);
	close(fd);
	free(backends);
}

static void balancers_with_other_pasts_have_equal_rings(void)
{
	static unsigned char rings[2][SLUICE_RING_SIZE];
	struct dataplane first, second;

	create(&first, "lb1");
	create(&second, "lb2");
	CU_ASSERT_EQUAL(publish_text(&first, model_all), 0);
	CU_ASSERT_EQUAL(publish_text(&second, model_small), 0);
	CU_ASSERT_EQUAL(publish_text(&second, model_more_backends), 0);
	CU_ASSERT_EQUAL(publish_text(&second, model_small), 0);
	CU_ASSERT_EQUAL(publish_text(&second, model_all), 0);
	CU_ASSERT_EQUAL(set_health(&first, "www", "10.9.1.22", false), 0);
	CU_ASSERT_EQUAL(set_health(&second, "www", "10.9.1.22", false), 0);
	ring_as_addresses(&first, "www", rings[0]);
	ring_as_addresses(&second, "www", rings[1]);
	CU_ASSERT_EQUAL(memcmp(rings[0], rings[1], SLUICE_RING_SIZE), 0);
	close_and_destroy(&first);
	close_and_destroy(&second);
}

/* --- the block set ---------------------------------------------------------- */

static void blocking_counts_each_prefix_once(void)
{
	struct prefix wide, narrow;
	struct dataplane dp;

	CU_ASSERT_EQUAL(prefix_parse("198.51.100.0/24", &wide), 0);
	CU_ASSERT_EQUAL(prefix_parse("198.51.100.9", &narrow), 0);
	create(&dp, "lb1");
	CU_ASSERT_EQUAL(dataplane_block(&dp, &wide), 0);
	CU_ASSERT_EQUAL(dataplane_block(&dp, &wide), 0);
	CU_ASSERT_EQUAL(dp.control->block_entries, 1);
	CU_ASSERT_EQUAL(dataplane_block(&dp, &narrow), 0);
	CU_ASSERT_EQUAL(dp.control->block_entries, 2);
	CU_ASSERT_EQUAL(dataplane_unblock(&dp, &wide), 0);
	CU_ASSERT_EQUAL(dataplane_unblock(&dp, &wide), -ENOENT);
	CU_ASSERT_EQUAL(dp.control->block_entries, 1);
	close_and_destroy(&dp);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(node_without_maps_is_not_found),
		UNIT_TEST(new_node_has_an_empty_model),
		UNIT_TEST(flow_table_has_the_size_asked_for),
		UNIT_TEST(descriptors_close_on_exec),
		UNIT_TEST(reader_cannot_write),
		UNIT_TEST(other_abi_is_refused),
		UNIT_TEST(killed_creation_is_completed),
		UNIT_TEST(destroyed_node_leaves_no_file),
		UNIT_TEST(published_tables_are_those_of_the_text),
		UNIT_TEST(same_model_again_changes_nothing),
		UNIT_TEST(only_a_changed_policy_raises_its_generation),
		UNIT_TEST(invalid_model_leaves_what_is_in_force),
		UNIT_TEST(unchanged_ring_keeps_its_number),
		UNIT_TEST(ring_that_nobody_uses_is_let_go),
		UNIT_TEST(backend_keeps_slot_and_incarnation),
		UNIT_TEST(freed_backend_slot_rests_one_publication),
		UNIT_TEST(rule_keeps_its_id_when_one_is_put_before_it),
		UNIT_TEST(new_rule_counts_from_zero),
		UNIT_TEST(no_writer_of_many_is_lost),
		UNIT_TEST(killed_publication_leaves_one_generation),
		UNIT_TEST(publication_needs_no_membarrier),
		UNIT_TEST(unhealthy_backend_leaves_the_ring),
		UNIT_TEST(health_outlives_publications),
		UNIT_TEST(health_is_forgotten_when_nobody_checks),
		UNIT_TEST(service_without_a_healthy_backend_uses_all),
		UNIT_TEST(drained_backend_keeps_flows_and_gets_none),
		UNIT_TEST(balancers_with_other_pasts_have_equal_rings),
		UNIT_TEST(blocking_counts_each_prefix_once),
		{NULL, NULL},
	};
	int code = EXIT_FAILURE;

	if (sandbox_enter())
		perror("sandbox");
	else
		code = unit_run("publish", tests);
	sandbox_leave();
	return code;
}
