/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keeps N HTTPS connections open and asks on each every I ms, until SIGTERM;
 * then asks once more on each, so that the last word is theirs, and prints what
 * became of them as JSON. A connection that breaks stays down and is counted.
 *
 * Rounds let a script wait for traffic instead of time: SIGUSR1 begins one, and
 * "round N" on the standard error says that each connection has ended or was
 * answered a request that it sent since. The first begins by itself.
 *
 * What a server's death costs is told apart: an answer other than 200, or an end
 * without an answer, of which nothing had come; and one of which something had.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "client.h"

#define NODES	 8 /* TLS proxies told apart */
#define EVENTS	 64
#define TICK_MS	 5
#define MS_IN_NS 1000000ULL

struct node { /* a TLS proxy */
	char name[sizeof(((struct https *)0)->tls_node)];
	unsigned long responses;
	unsigned connections, broken;
};

struct keeper {
	struct https https; /* first: what epoll points to */
	uint64_t next_ns;   /* when it asks again */
	int asked;	    /* the round in which the request under way was sent */
	int answered;	    /* the last round in which a request was sent and answered */
	struct node *node;  /* whose answers it gets; NULL: none yet */
	bool waiting;	    /* a request is under way */
	bool last;	    /* the request under way is its last one */
};

struct tally {
	unsigned long requests, responses, not_200;
	unsigned opened, ends[HTTPS_END_COUNT];
	unsigned long failed; /* requests: not answered by 200, or by nothing at all */
	unsigned long torn;   /* whose answer had begun when the connection ended */
	uint64_t longest_ns;
	size_t node_count;
	struct node nodes[NODES];
};

static volatile sig_atomic_t current_round = 1;

static void next_round(int number)
{
	(void)number;
	current_round++;
}

/* The entry of a TLS proxy; the last one serves for all that there is no room for. */
static struct node *node_of(struct tally *tally, const char *name)
{
	size_t i = 0;

	while (i < tally->node_count && strcmp(tally->nodes[i].name, name))
		i++;
	if (i == NODES)
		return &tally->nodes[NODES - 1];
	if (i == tally->node_count) {
		snprintf(tally->nodes[i].name, sizeof(tally->nodes[i].name), "%s", name);
		tally->node_count++;
	}
	return &tally->nodes[i];
}

static bool is_broken(enum https_end end)
{
	return end != HTTPS_ENDED_BY_US && end != HTTPS_ENDED_ANNOUNCED;
}

static void tally_stall(struct tally *tally, const struct https *h, uint64_t now)
{
	if (now - h->since_ns > tally->longest_ns)
		tally->longest_ns = now - h->since_ns;
}

static void tally_answer(struct tally *tally, struct keeper *k)
{
	tally->responses++;
	tally->not_200 += k->https.status != 200;
	tally->failed += k->https.status != 200;
	if (!k->node) {
		k->node = node_of(tally, k->https.tls_node);
		k->node->connections++;
	}
	k->node->responses++;
}

static void tally_end(struct tally *tally, const struct keeper *k)
{
	const struct https *h = &k->https;

	tally->ends[h->end]++;
	if (k->node)
		k->node->broken += is_broken(h->end);
	if (h->end != HTTPS_ENDED_BY_US)
		fprintf(stderr, "port %u: %s\n", h->local_port, https_end_names[h->end]);
}

static void ask(const struct client *client, struct keeper *k, const struct https_site *site,
		struct tally *tally)
{
	k->last = client_stopping;
	k->asked = current_round;
	k->waiting = true;
	k->next_ns = https_now_ns() + client->interval_ms * MS_IN_NS;
	tally->requests++;
	https_get(&k->https, site, client_path(client, tally->requests));
}

static void on_event(const struct client *client, struct keeper *k, enum https_event event,
		     struct tally *tally)
{
	uint64_t now = https_now_ns();

	switch (event) {
	case HTTPS_READY:
		tally->opened++;
		k->next_ns = now + rand() % (client->interval_ms + 1) * MS_IN_NS;
		break;
	case HTTPS_ANSWERED:
		k->answered = k->asked;
		k->waiting = false;
		tally_stall(tally, &k->https, now);
		tally_answer(tally, k);
		if (k->last) {
			https_close(&k->https, HTTPS_ENDED_BY_US);
			tally_end(tally, k);
		}
		break;
	case HTTPS_EVENT_END:
		if (k->waiting) {
			tally_stall(tally, &k->https, now);
			if (k->https.head_len)
				tally->torn++;
			else
				tally->failed++;
		}
		tally_end(tally, k);
		break;
	default:
		break;
	}
}

/* What time alone brings; true while the connection has not ended. */
static bool on_tick(const struct client *client, struct keeper *k, const struct https_site *site,
		    struct tally *tally)
{
	struct https *h = &k->https;
	uint64_t now = https_now_ns();

	if (h->phase == HTTPS_ENDED)
		return false;
	if (h->phase == HTTPS_IDLE) {
		if (client_stopping || now >= k->next_ns)
			ask(client, k, site, tally);
		return true;
	}
	if (now - h->since_ns < client->timeout_ms * MS_IN_NS)
		return true;
	https_close(h, HTTPS_ENDED_TIMEOUT);
	on_event(client, k, HTTPS_EVENT_END, tally);
	return false;
}

/* The last round that no connection is still behind. */
static int finished_round(const struct keeper *keepers, unsigned count)
{
	int finished = current_round;

	for (unsigned i = 0; i < count; i++)
		if (keepers[i].https.phase != HTTPS_ENDED && keepers[i].answered < finished)
			finished = keepers[i].answered;
	return finished;
}

static void run(const struct client *client, struct keeper *keepers, struct tally *tally)
{
	struct epoll_event events[EVENTS];
	unsigned alive = client->connections;
	int count, finished = 0;

	while (alive) {
		count = epoll_wait(client->epoll, events, EVENTS, TICK_MS);
		for (int i = 0; i < count; i++) {
			struct keeper *k = events[i].data.ptr;

			on_event(client, k, https_drive(&k->https), tally);
		}
		alive = 0;
		for (unsigned i = 0; i < client->connections; i++)
			alive += on_tick(client, &keepers[i], client_site(client, i), tally);
		while (finished < finished_round(keepers, client->connections))
			fprintf(stderr, "round %d\n", ++finished);
	}
}

static void print_tally(const struct client *client, const struct tally *tally)
{
	unsigned broken = 0;

	for (int i = 0; i < HTTPS_END_COUNT; i++)
		broken += is_broken(i) ? tally->ends[i] : 0;
	printf("{\"connections\": %u, \"opened\": %u, \"requests\": %lu, \"responses\": %lu, "
	       "\"not_200\": %lu, \"failed\": %lu, \"torn\": %lu, \"broken\": %u, "
	       "\"longest_stall_ms\": %llu, \"ends\": {",
	       client->connections, tally->opened, tally->requests, tally->responses,
	       tally->not_200, tally->failed, tally->torn, broken,
	       (unsigned long long)(tally->longest_ns / MS_IN_NS));
	for (int i = HTTPS_ENDED_BY_US; i < HTTPS_END_COUNT; i++)
		printf("%s\"%s\": %u", i > HTTPS_ENDED_BY_US ? ", " : "", https_end_names[i],
		       tally->ends[i]);
	printf("}, \"tls\": {");
	for (size_t i = 0; i < tally->node_count; i++)
		printf("%s\"%s\": {\"connections\": %u, \"responses\": %lu, \"broken\": %u}",
		       i ? ", " : "", tally->nodes[i].name, tally->nodes[i].connections,
		       tally->nodes[i].responses, tally->nodes[i].broken);
	printf("}}\n");
}

static int open_all(const struct client *client, struct keeper *keepers)
{
	int err = 0;

	for (unsigned i = 0; !err && i < client->connections; i++)
		err = https_open(&keepers[i].https, client->epoll, client_site(client, i));
	if (err)
		fprintf(stderr, "keepalive: opening a connection: %s\n", strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	struct tally tally = {};
	struct keeper *keepers;
	struct client client;
	int code;

	code = client_init(&client, argc, argv);
	if (code)
		return code;
	keepers = calloc(client.connections, sizeof(*keepers));
	if (!keepers || open_all(&client, keepers))
		return 2;
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = next_round}, NULL);
	run(&client, keepers, &tally);
	print_tally(&client, &tally);
	free(keepers);
	client_fini(&client);
	return 0;
}
