/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "key_file.h"

#define RECEIVE_BURST 64 /* datagrams per wake-up, so that a flood cannot hold the loop */

static const char *const refusal_names[] = {
#define EXCHANGE_NAME(name, token) token,
	EXCHANGE_REFUSALS(EXCHANGE_NAME)
#undef EXCHANGE_NAME
};

const char *exchange_refusal_name(enum exchange_refusal refusal)
{
	return refusal_names[refusal];
}

bool exchange_peer_is_live(const struct exchange_peer *peer, uint64_t now_ns)
{
	return peer->node[0] && peer->heard_ns && now_ns - peer->heard_ns < ROSTER_VIEW_AGE_NS;
}

/* Says once what keeps the exchange from working, until it works again. */
static void complain(struct exchange *exchange, const char *what, const char *value,
		     const char *reason)
{
	if (!exchange->complained)
		log_error("exchange", "event=off reason=\"%s %s: %s\" effect=\"own view only\"",
			  what, value, reason);
	exchange->complained = true;
}

/* --- key and socket ------------------------------------------------------------ */

static void load_key(struct exchange *exchange)
{
	struct stat status;
	ssize_t length =
		key_file_read(exchange->key_file, exchange->key.bytes, sizeof(exchange->key.bytes));

	exchange->key.length = length < 0 ? 0 : (size_t)length;
	if (length == -EINVAL)
		complain(exchange, "key", exchange->key_file, "expected 16 bytes or more");
	else if (length < 0)
		complain(exchange, "key", exchange->key_file, strerror((int)-length));
	else if (!stat(exchange->key_file, &status) && status.st_mode & (S_IRWXG | S_IRWXO))
		log_warn("exchange", "event=key-exposed file=\"%s\" mode=%03o expected=600",
			 exchange->key_file, status.st_mode & 0777);
}

static void close_socket(struct exchange *exchange)
{
	int fd = exchange->watch.fd;

	if (fd == LOOP_NO_FD)
		return;
	loop_watch_del(exchange->loop, &exchange->watch);
	close(fd);
}

static void open_socket(struct exchange *exchange)
{
	char text[ENDPOINT_TEXT_LEN];
	struct sockaddr_storage address;
	socklen_t length = endpoint_to_sockaddr(&exchange->own, &address);
	int fd, err = 0, on = 1;

	fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err = -errno;
	} else {
		if (address.ss_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		if (bind(fd, (struct sockaddr *)&address, length))
			err = -errno;
		else
			err = loop_watch_add(exchange->loop, &exchange->watch, fd, EPOLLIN);
		if (err)
			close(fd);
	}
	if (err)
		complain(exchange, "endpoint", endpoint_format(&exchange->own, text),
			 strerror(-err));
}

/* True once there is a key and a socket. */
static bool make_ready(struct exchange *exchange)
{
	if (!exchange->enabled)
		return false;
	if (!exchange->key.length)
		load_key(exchange);
	if (exchange->key.length && exchange->watch.fd == LOOP_NO_FD)
		open_socket(exchange);
	if (!exchange->key.length || exchange->watch.fd == LOOP_NO_FD)
		return false;
	if (exchange->complained)
		log_info("exchange", "event=on");
	exchange->complained = false;
	return true;
}

/* --- sending ------------------------------------------------------------------- */

static void send_datagram(struct exchange *exchange, struct message_writer *writer)
{
	if (message_finish(writer, &exchange->key))
		return;
	for (size_t i = 0; i < ROSTER_MAX_PEERS; i++) {
		struct exchange_peer *peer = &exchange->peers[i];
		struct sockaddr_storage to;
		socklen_t length;

		if (!peer->node[0])
			continue;
		length = endpoint_to_sockaddr(&peer->endpoint, &to);
		/* A lost view is made good by the next one. */
		if (sendto(exchange->watch.fd, writer->bytes, writer->used, 0,
			   (struct sockaddr *)&to, length) > 0)
			exchange->sent++;
	}
}

static void begin_datagram(struct exchange *exchange, struct message_writer *writer)
{
	exchange->header.sequence++;
	message_begin(writer, &exchange->header);
}

static void write_service(struct exchange *exchange, struct message_writer *writer,
			  const struct service_state *service)
{
	unsigned char opinions[SLUICE_MAX_BACKENDS];
	bool blind = roster_own_view(service, opinions);
	size_t i = 0;

	while (i < service->backend_count) {
		if (!writer->record && !message_open_record(writer, service->id, blind)) {
			send_datagram(exchange, writer);
			begin_datagram(exchange, writer);
		} else if (message_add_backend(writer, service->backends[i]->id,
					       opinions[i] == OPINION_UP,
					       service->backends[i]->share)) {
			i++;
		} else {
			writer->record = 0; /* full: the service goes on in the next datagram */
		}
	}
	writer->record = 0;
}

void exchange_send(struct exchange *exchange)
{
	struct message_writer writer;

	if (!make_ready(exchange))
		return;
	begin_datagram(exchange, &writer);
	for (size_t i = 0; i < exchange->roster->service_count; i++)
		if (exchange->roster->services[i].check.type != CHECK_NONE ||
		    exchange->roster->services[i].config->slow_start_ms)
			write_service(exchange, &writer, &exchange->roster->services[i]);
	send_datagram(exchange, &writer);
}

/* --- receiving ----------------------------------------------------------------- */

struct filing {
	struct exchange *exchange;
	size_t peer;
	uint64_t now_ns;
	struct service_state *service; /* of the record being read; NULL: not ours */
	bool news;
};

static void file_report(struct filing *filing, struct report *report, unsigned char opinion,
			unsigned share)
{
	filing->news |= report->opinion != opinion || report->share != share ||
			filing->now_ns - report->heard_ns >= ROSTER_VIEW_AGE_NS;
	*report = (struct report){
		.heard_ns = filing->now_ns, .opinion = opinion, .share = (unsigned char)share};
}

static void file_service(void *context, uint64_t service, bool blind)
{
	struct filing *filing = context;

	filing->service = roster_service(filing->exchange->roster, service);
	if (filing->service)
		file_report(filing, &filing->service->reports[filing->peer], blind, 0);
}

static void file_backend(void *context, uint64_t backend, bool up, unsigned share)
{
	struct filing *filing = context;
	struct backend_state *state;

	if (!filing->service)
		return;
	state = roster_backend(filing->service, backend);
	if (state)
		file_report(filing, &state->reports[filing->peer], up ? OPINION_UP : OPINION_DOWN,
			    share < SCHEDULE_WHOLE_SHARE ? share : SCHEDULE_WHOLE_SHARE);
}

static struct exchange_peer *find_peer(struct exchange *exchange, const char *node)
{
	for (size_t i = 0; i < ROSTER_MAX_PEERS; i++)
		if (node[0] && !strcmp(exchange->peers[i].node, node))
			return &exchange->peers[i];
	return NULL;
}

static bool is_newer(const struct exchange_peer *peer, const struct message_header *header)
{
	if (header->incarnation != peer->incarnation)
		return header->incarnation > peer->incarnation;
	return header->sequence > peer->sequence;
}

static void refuse(struct exchange *exchange, enum exchange_refusal refusal,
		   const struct sockaddr_storage *from)
{
	uint64_t now_ns = loop_clock_ns();
	char host[INET6_ADDRSTRLEN] = "?";
	unsigned suppressed;

	exchange->refused[refusal]++;
	if (!log_limit_pass(&exchange->refusal_limit, now_ns, &suppressed))
		return;
	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, host,
			  sizeof(host));
	else if (from->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)from)->sin6_addr, host,
			  sizeof(host));
	log_warn("exchange", "event=refused reason=%s from=%s suppressed=%u",
		 refusal_names[refusal], host, suppressed);
}

static void take_in(struct exchange *exchange, const unsigned char *bytes, size_t length,
		    const struct sockaddr_storage *from)
{
	static const struct message_visitor visitor = {file_service, file_backend};
	struct filing filing = {.exchange = exchange, .now_ns = loop_clock_ns()};
	struct message_header header;
	struct exchange_peer *peer;
	int err;

	err = message_verify(bytes, length, &exchange->key, &header);
	if (err) {
		refuse(exchange, err == -EACCES ? EXCHANGE_SIGNATURE : EXCHANGE_MALFORMED, from);
		return;
	}
	if (header.cluster != exchange->header.cluster) {
		refuse(exchange, EXCHANGE_CLUSTER, from);
		return;
	}
	peer = find_peer(exchange, header.node);
	if (!peer) {
		refuse(exchange, EXCHANGE_SENDER, from);
		return;
	}
	if (!is_newer(peer, &header)) {
		refuse(exchange, EXCHANGE_REPLAY, from);
		return;
	}
	peer->incarnation = header.incarnation;
	peer->sequence = header.sequence;
	peer->configuration = header.configuration;
	peer->heard_ns = filing.now_ns;
	exchange->received++;
	filing.peer = peer - exchange->peers;
	message_walk(bytes, length, &visitor, &filing);
	if (filing.news)
		exchange->heard(exchange);
}

static void on_readable(struct loop_watch *watch, uint32_t events)
{
	struct exchange *exchange = container_of(watch, struct exchange, watch);

	(void)events;
	for (int i = 0; i < RECEIVE_BURST && watch->fd != LOOP_NO_FD; i++) {
		unsigned char bytes[MESSAGE_MAX_BYTES + 1];
		struct sockaddr_storage from = {0};
		socklen_t from_length = sizeof(from);
		ssize_t length = recvfrom(watch->fd, bytes, sizeof(bytes), MSG_TRUNC,
					  (struct sockaddr *)&from, &from_length);

		if (length < 0) {
			/* An ICMP error of an earlier send; the next call goes on. */
			if (errno != EAGAIN && errno != EINTR)
				continue;
			return;
		}
		take_in(exchange, bytes, (size_t)length, &from);
	}
}

/* --- life ---------------------------------------------------------------------- */

static void log_liveness(struct exchange *exchange)
{
	uint64_t now_ns = loop_clock_ns();

	for (size_t i = 0; i < ROSTER_MAX_PEERS; i++) {
		struct exchange_peer *peer = &exchange->peers[i];
		bool live = exchange_peer_is_live(peer, now_ns);

		if (!peer->node[0] || live == peer->was_live)
			continue;
		log_write(live ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "exchange",
			  "event=peer-%s peer=%s", live ? "heard" : "silent", peer->node);
		peer->was_live = live;
	}
}

static void on_period(struct loop_timer *timer)
{
	struct exchange *exchange = container_of(timer, struct exchange, timer);

	if (loop_timer_arm(exchange->loop, timer, EXCHANGE_PERIOD_NS))
		log_error("exchange", "event=timer-lost");
	exchange_send(exchange);
	log_liveness(exchange);
}

static bool shares_a_service(const struct agent_config *a, const struct agent_config *b)
{
	for (size_t i = 0; i < a->announce_count; i++)
		for (size_t j = 0; j < b->announce_count; j++)
			if (!strcmp(a->announce[i], b->announce[j]))
				return true;
	return false;
}

static bool is_peer(const struct node *node, const struct node *other)
{
	return other != node && node->agent.has_exchange && other->agent.has_exchange &&
	       shares_a_service(&node->agent, &other->agent);
}

static void drop_peers(struct exchange *exchange, const struct cluster *cluster,
		       const struct node *node)
{
	for (size_t i = 0; i < ROSTER_MAX_PEERS; i++) {
		struct exchange_peer *peer = &exchange->peers[i];
		const struct node *other = model_node(cluster, peer->node);

		if (!peer->node[0] || (other && is_peer(node, other)))
			continue;
		log_info("exchange", "event=peer-removed peer=%s", peer->node);
		roster_forget_peer(exchange->roster, i);
		*peer = (struct exchange_peer){0};
	}
}

static void add_peer(struct exchange *exchange, const struct node *other)
{
	struct exchange_peer *peer = find_peer(exchange, other->name);

	for (size_t i = 0; !peer && i < ROSTER_MAX_PEERS; i++)
		if (!exchange->peers[i].node[0])
			peer = &exchange->peers[i];
	if (!peer) {
		log_error("exchange", "event=peer-ignored peer=%s reason=\"more than %d peers\"",
			  other->name, ROSTER_MAX_PEERS);
		return;
	}
	if (addr_is_v4(&exchange->own.addr) != addr_is_v4(&other->agent.exchange.addr))
		log_error("exchange",
			  "event=peer-unreachable peer=%s reason=\"its exchange address is of "
			  "another family than ours\"",
			  other->name);
	strcpy(peer->node, other->name);
	peer->endpoint = other->agent.exchange;
}

void exchange_pause(struct exchange *exchange)
{
	exchange->enabled = false;
	close_socket(exchange);
}

void exchange_configure(struct exchange *exchange, struct roster *roster,
			const struct cluster *cluster, const struct node *node,
			uint64_t configuration)
{
	const struct agent_config *agent = &node->agent;

	exchange->roster = roster;
	exchange->header.cluster = roster_id(cluster->name);
	exchange->header.configuration = configuration;
	memcpy(exchange->header.node, node->name, sizeof(exchange->header.node));
	close_socket(exchange);
	exchange->enabled = agent->has_exchange;
	exchange->own = agent->exchange;
	exchange->complained = false;
	/* Read again: a new key is put in force by `lbctl apply`. */
	exchange->key.length = 0;
	memcpy(exchange->key_file, cluster->key_file, sizeof(exchange->key_file));
	drop_peers(exchange, cluster, node);
	for (size_t i = 0; i < cluster->node_count; i++)
		if (is_peer(node, &cluster->nodes[i]))
			add_peer(exchange, &cluster->nodes[i]);
	exchange_send(exchange);
}

int exchange_init(struct exchange *exchange, struct loop *loop, void (*heard)(struct exchange *))
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*exchange = (struct exchange){
		.loop = loop,
		.heard = heard,
		.watch = {.fd = LOOP_NO_FD, .ready = on_readable},
		.timer = {.expired = on_period},
		.refusal_limit = {.burst = 5, .period_ns = 60 * NS_PER_SEC},
	};
	exchange->header.incarnation = (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
	return loop_timer_arm(loop, &exchange->timer, EXCHANGE_PERIOD_NS);
}

void exchange_fini(struct exchange *exchange)
{
	close_socket(exchange);
	loop_timer_disarm(exchange->loop, &exchange->timer);
	OPENSSL_cleanse(&exchange->key, sizeof(exchange->key));
}
