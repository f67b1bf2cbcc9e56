/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * instant NODE INTERFACE: the ledger of an interface and its driver's counters,
 * of one instant: read until two readings, 3 ms apart, say the same. Run in the
 * node's namespace. The driver (veth) counts what its program returned by itself.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane.h"

#define READING_GAP_US 3000
#define READINGS       2000

struct counts {
	unsigned long long rx, pass, tx, redirect, drop;
};

struct instant {
	struct counts ledger, device;
	unsigned long long device_failed; /* frames that the driver gave up itself */
};

static const enum sluice_class class_of_outcome[SLUICE_OUTCOME_COUNT] = {
#define OUTCOME_CLASS(name, class, token, help) [SLUICE_##name] = SLUICE_CLASS_##class,
	SLUICE_OUTCOMES(OUTCOME_CLASS)
#undef OUTCOME_CLASS
};

static unsigned long long *member_of(struct counts *counts, enum sluice_class class)
{
	switch (class) {
	case SLUICE_CLASS_PASS:
		return &counts->pass;
	case SLUICE_CLASS_TX:
		return &counts->tx;
	case SLUICE_CLASS_REDIRECT:
		return &counts->redirect;
	default: /* nothing may end in SLUICE_CLASS_NONE: then rx does not add up */
		return &counts->drop;
	}
}

static int read_ledger(const struct dataplane *dp, unsigned port, struct counts *out)
{
	struct sluice_ledger ledger;
	int err = dataplane_read_ledger(dp, port, &ledger);

	if (err)
		return err;
	out->rx = ledger.rx.packets;
	for (int i = SLUICE_CONTINUE + 1; i < SLUICE_OUTCOME_COUNT; i++)
		*member_of(out, class_of_outcome[i]) += ledger.outcome[i].packets;
	return 0;
}

static int ethtool_request(int sock, const char *ifname, void *data)
{
	struct ifreq request = {.ifr_data = data};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	return ioctl(sock, SIOCETHTOOL, &request) ? -errno : 0;
}

static int count_stats(int sock, const char *ifname, unsigned *count)
{
	struct {
		struct ethtool_sset_info info;
		__u32 length;
	} request = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_STATS}};
	int err = ethtool_request(sock, ifname, &request);

	*count = request.length;
	return err;
}

/* veth's names: rx_queue_N_xdp_packets and so on; queues are added up. */
static void add_stat(struct instant *out, const char *name, unsigned long long value)
{
	const char *what = strstr(name, "rx_queue_") ? strchr(name + strlen("rx_queue_"), '_') : "";

	if (!strcmp(what, "_xdp_packets"))
		out->device.rx += value;
	else if (!strcmp(what, "_xdp_tx"))
		out->device.tx += value;
	else if (!strcmp(what, "_xdp_redirect"))
		out->device.redirect += value;
	else if (!strcmp(what, "_xdp_drops"))
		out->device.drop += value;
	else if (!strcmp(what, "_drops") || !strcmp(what, "_xdp_tx_errors"))
		out->device_failed += value;
}

static int read_device(int sock, const char *ifname, struct instant *out)
{
	struct ethtool_gstrings *names = NULL;
	struct ethtool_stats *stats = NULL;
	unsigned count;
	int err = count_stats(sock, ifname, &count);

	if (err)
		return err;
	names = calloc(1, sizeof(*names) + count * ETH_GSTRING_LEN);
	stats = calloc(1, sizeof(*stats) + count * sizeof(stats->data[0]));
	if (!names || !stats) {
		err = -ENOMEM;
		goto out;
	}
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_STATS;
	stats->cmd = ETHTOOL_GSTATS;
	names->len = stats->n_stats = count;
	err = ethtool_request(sock, ifname, names);
	if (!err)
		err = ethtool_request(sock, ifname, stats);
	for (unsigned i = 0; !err && i < count; i++)
		add_stat(out, (char *)names->data + i * ETH_GSTRING_LEN, stats->data[i]);
out:
	free(names);
	free(stats);
	return err;
}

static int read_both(const struct dataplane *dp, unsigned port, int sock, const char *ifname,
		     struct instant *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	err = read_ledger(dp, port, &out->ledger);
	return err ? err : read_device(sock, ifname, out);
}

static int read_instant(const struct dataplane *dp, const char *ifname, struct instant *out)
{
	int sock = socket(AF_INET, SOCK_DGRAM, 0), err, tries = READINGS;
	struct instant before;
	unsigned port;

	err = dataplane_port_slot(dp, ifname, &port);
	if (!err)
		err = read_both(dp, port, sock, ifname, out);
	while (!err) {
		before = *out;
		usleep(READING_GAP_US);
		err = read_both(dp, port, sock, ifname, out);
		if (!err && !memcmp(&before, out, sizeof(before)))
			break;
		if (!--tries)
			err = -EBUSY;
	}
	close(sock);
	return err;
}

static void print_counts(const char *name, const struct counts *c, const char *end)
{
	printf("\"%s\": {\"rx\": %llu, \"pass\": %llu, \"tx\": %llu, \"redirect\": %llu, "
	       "\"drop\": %llu}%s",
	       name, c->rx, c->pass, c->tx, c->redirect, c->drop, end);
}

int main(int argc, char **argv)
{
	struct instant instant;
	struct dataplane dp;
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: instant NODE INTERFACE\n");
		return 1;
	}
	err = dataplane_open(&dp, argv[1], DATAPLANE_READ, NULL);
	if (!err) {
		err = read_instant(&dp, argv[2], &instant);
		dataplane_close(&dp);
	}
	if (err) {
		fprintf(stderr, "instant: %s %s: %s\n", argv[1], argv[2], strerror(-err));
		return 2;
	}
	printf("{");
	print_counts("ledger", &instant.ledger, ", ");
	print_counts("device", &instant.device, ", ");
	printf("\"device_failed\": %llu}\n", instant.device_failed);
	return 0;
}
