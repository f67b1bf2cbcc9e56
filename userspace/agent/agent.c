/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Two timers drive the agent. The tick looks whether the configuration changed
 * and lets old views expire; `act`, armed at once by every change of a view,
 * brings what was agreed into force. Everything else hangs on its own events.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exposition.h"
#include "log.h"
#include "notify.h"
#include "privileges.h"
#include "publish.h"
#include "ramp.h"

static void arm(struct agent *agent, struct loop_timer *timer, uint64_t delay_ns)
{
	if (loop_timer_arm(&agent->loop, timer, delay_ns))
		log_error("agent", "event=timer-lost");
}

/* --- health into force ------------------------------------------------------------ */

static void publish(struct agent *agent)
{
	int err = publish_health(&agent->roster, &agent->cluster, agent->node_name,
				 agent->generation);

	if (!err || err == -EBUSY || err == -EAGAIN) {
		if (!err)
			agent->publish_failures = 0;
		return; /* the next tick tries again */
	}
	if (!agent->publish_failures++)
		log_error("agent", "event=health-not-applied error=\"%s\"", strerror(-err));
}

static bool has_vip(const struct service_state *service, const struct prefix *vip)
{
	for (size_t i = 0; i < service->vip_count; i++)
		if (prefix_equal(&service->vips[i].to, vip))
			return true;
	return false;
}

/* A state taken over from the data plane holds a good route, but cannot make one. */
static bool service_is_up(const struct service_state *service, bool believe)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct backend_state *backend = service->backends[i];
		bool known = believe || backend->confirmed || service->check.type == CHECK_NONE;

		if (backend->usable && backend->own.up && known)
			return true;
	}
	return false;
}

static bool vip_is_good(const struct agent *agent, const struct announced *vip, const char **reason)
{
	bool believe = vip->metric == ANNOUNCE_METRIC_GOOD, found = false;

	*reason = agent->reason;
	if (!agent->well)
		return false;
	for (size_t i = 0; i < agent->roster.service_count; i++) {
		const struct service_state *service = &agent->roster.services[i];

		if (!has_vip(service, &vip->vip))
			continue;
		found = true;
		*reason = "no backend is up as seen from here";
		if (!service_is_up(service, believe))
			return false;
	}
	*reason = found ? "ok" : "this node balances nothing";
	return found;
}

static void announce(struct agent *agent, uint64_t now_ns)
{
	int err = announcer_mend(&agent->announcer, now_ns);

	if (err)
		log_debug("announce", "event=routes-unreadable error=\"%s\"", strerror(-err));
	if (err || !agent->announcer.count)
		return;
	for (size_t i = 0; i < agent->announcer.count; i++) {
		struct announced *vip = &agent->announcer.vips[i];
		const char *reason;
		bool good = vip_is_good(agent, vip, &reason);

		if (vip->wanted)
			announcer_set(&agent->announcer, vip, good, reason, now_ns);
	}
}

static void act(struct agent *agent)
{
	uint64_t now_ns = loop_clock_ns();

	if (!agent->configured || !agent->node)
		return;
	agent->well = selfcheck_run(&agent->selfcheck, agent->node, agent->reason);
	if (!agent->well)
		roster_unsettle(&agent->roster, now_ns);
	if (roster_agree(&agent->roster, now_ns)) {
		log_error("agent", "event=out-of-memory");
		return;
	}
	if (ramp_step(&agent->roster, now_ns))
		exchange_send(&agent->exchange);
	publish(agent);
	announce(agent, now_ns);
}

static void on_act(struct loop_timer *timer)
{
	act(container_of(timer, struct agent, act));
}

static void on_checked(struct checker *checker, struct backend_state *backend, bool changed)
{
	struct agent *agent = container_of(checker, struct agent, checker);

	check_board_write(&agent->check_board, backend);
	if (!changed)
		return;
	exchange_send(&agent->exchange);
	arm(agent, &agent->act, 0);
}

static void on_peer_change(struct exchange *exchange)
{
	struct agent *agent = container_of(exchange, struct agent, exchange);

	arm(agent, &agent->act, 0);
}

/* --- configuration ---------------------------------------------------------------- */

static bool is_balancer(const struct node *node)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].roles & SLUICE_ROLE_BALANCER)
			return true;
	return false;
}

/* Equal configuration, equal hash: of the canonical text. */
static uint64_t hash_cluster(const struct cluster *cluster)
{
	uint64_t hash;
	size_t length;
	char *text;

	if (config_write(cluster, &text, &length))
		return 0;
	hash = roster_id(text);
	free(text);
	return hash;
}

static int replace_roster(struct agent *agent, const struct cluster *cluster,
			  const struct node *balancer)
{
	struct roster roster;
	int err;

	err = roster_build(&roster, &agent->roster, cluster, balancer);
	checker_stop(&agent->roster);
	roster_fini(&agent->roster);
	agent->roster = roster;
	return err;
}

/* The modules look at `cluster`, so it is in place before they are told. */
static int follow_node(struct agent *agent, bool first)
{
	int err;

	publish_adopt(&agent->roster, &agent->dp, &agent->cluster);
	if (first)
		roster_unsettle(&agent->roster, loop_clock_ns());
	check_board_open(&agent->check_board, agent->dp.pin_dir, &agent->roster);
	check_path_configure(&agent->check_path, &agent->cluster, agent->node);
	err = checker_start(&agent->checker, &agent->roster);
	if (err)
		return err;
	exchange_configure(&agent->exchange, &agent->roster, &agent->cluster, agent->node,
			   hash_cluster(&agent->cluster));
	err = announcer_configure(&agent->announcer, &agent->cluster, agent->node);
	if (err)
		log_error("announce", "event=routes-unreadable error=\"%s\"", strerror(-err));
	vlans_configure(&agent->vlans, agent->dp.pin_dir);
	neighbours_configure(&agent->neighbours, &agent->cluster, agent->node, agent->dp.pin_dir);
	scrape_configure(&agent->scrape,
			 agent->node->agent.has_metrics ? &agent->node->agent.metrics : NULL);
	return 0;
}

static int take_cluster(struct agent *agent, struct cluster *cluster, unsigned generation)
{
	const struct node *node = model_node(cluster, agent->node_name);
	bool first = !agent->configured;
	int err;

	err = replace_roster(agent, cluster, node && is_balancer(node) ? node : NULL);
	neighbours_pause(&agent->neighbours);
	vlans_pause(&agent->vlans);
	exchange_pause(&agent->exchange);
	if (!first)
		model_fini(&agent->cluster);
	agent->cluster = *cluster;
	agent->node = node;
	agent->configured = true;
	agent->generation = generation;
	if (err)
		return err;
	log_info("agent", "event=configured generation=%u services=%zu%s", generation,
		 agent->roster.service_count, node ? "" : " warning=\"no such node in it\"");
	return node ? follow_node(agent, first) : 0;
}

static void complain(struct agent *agent, const char *what, int err)
{
	if (err != agent->last_error)
		log_write(err == -ENOENT ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "agent",
			  "event=waiting reason=\"%s\" error=\"%s\"", what, strerror(-err));
	agent->last_error = err;
}

static unsigned generation_of(const struct agent *agent)
{
	return __atomic_load_n(&agent->dp.control->generation.config, __ATOMIC_ACQUIRE);
}

static void load(struct agent *agent)
{
	unsigned generation = generation_of(agent);
	struct cluster cluster;
	int err;

	/* 0: the maps were made, and nothing was published yet. */
	if (!generation || (agent->configured && generation == agent->generation))
		return;
	err = dataplane_load_model(&agent->dp, &cluster);
	if (err) {
		complain(agent, "configuration in force cannot be read", err);
		return;
	}
	agent->last_error = 0;
	err = take_cluster(agent, &cluster, generation);
	if (err) {
		/* Half a roster is no base for decisions; the service manager starts us anew. */
		log_error("agent", "event=giving-up error=\"%s\"", strerror(-err));
		loop_stop(&agent->loop);
		return;
	}
	arm(agent, &agent->act, 0);
}

static ino_t pin_inode(const struct agent *agent)
{
	char path[sizeof(agent->dp.pin_dir) + 32];
	struct stat status;

	snprintf(path, sizeof(path), "%s/sluice_control", agent->dp.pin_dir);
	return stat(path, &status) ? 0 : status.st_ino;
}

/* The data plane may be removed and made anew while the agent runs. */
static void check_pins(struct agent *agent)
{
	if (!agent->opened || pin_inode(agent) == agent->pin_inode)
		return;
	log_warn("agent", "event=data-plane-gone node=%s", agent->node_name);
	neighbours_pause(&agent->neighbours);
	vlans_pause(&agent->vlans);
	dataplane_close(&agent->dp);
	agent->opened = false;
}

static void open_dataplane(struct agent *agent)
{
	int err;

	if (agent->opened)
		return;
	err = dataplane_open(&agent->dp, agent->node_name, DATAPLANE_READ, NULL);
	if (err) {
		complain(agent, "data plane cannot be opened", err);
		return;
	}
	agent->last_error = 0;
	agent->opened = true;
	agent->pin_inode = pin_inode(agent);
	/* Never the generation in force, so that it is loaded. */
	agent->generation = generation_of(agent) - 1;
}

static void on_tick(struct loop_timer *timer)
{
	struct agent *agent = container_of(timer, struct agent, tick);

	arm(agent, &agent->tick, AGENT_TICK_NS);
	check_pins(agent);
	open_dataplane(agent);
	if (!agent->opened)
		return;
	load(agent);
	act(agent);
}

/* --- life ------------------------------------------------------------------------- */

static void on_watchdog(struct loop_timer *timer)
{
	struct agent *agent = container_of(timer, struct agent, watchdog);

	notify_send("WATCHDOG=1");
	arm(agent, &agent->watchdog, notify_watchdog_ns());
}

static void on_signal(struct loop_watch *watch, uint32_t events)
{
	struct agent *agent = container_of(watch, struct agent, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_info("agent", "event=stopping signal=%u", info.ssi_signo);
	loop_stop(&agent->loop);
}

static int watch_signals(struct agent *agent)
{
	sigset_t mask;
	int fd;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	agent->signals.ready = on_signal;
	return loop_watch_add(&agent->loop, &agent->signals, fd, EPOLLIN);
}

int agent_lock(const char *node_name)
{
	char path[512];
	int fd, err;

	snprintf(path, sizeof(path), AGENT_LOCK_PATH, pins_root(), node_name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	/* Who asks whether an agent runs holds the lock for a moment, too. */
	for (int tries = 0; (err = flock(fd, LOCK_EX | LOCK_NB)) && tries < 10; tries++)
		usleep(5000);
	if (err) {
		close(fd);
		return -EBUSY;
	}
	return fd;
}

static int init_modules(struct agent *agent)
{
	int err;

	check_board_init(&agent->check_board);
	check_path_init(&agent->check_path, &agent->loop);
	checker_init(&agent->checker, &agent->loop, &agent->check_path, on_checked);
	err = exchange_init(&agent->exchange, &agent->loop, on_peer_change);
	if (!err)
		err = announcer_init(&agent->announcer);
	if (!err)
		err = neighbours_init(&agent->neighbours, &agent->loop);
	if (!err)
		err = vlans_init(&agent->vlans, &agent->loop);
	scrape_init(&agent->scrape, &agent->loop, agent, exposition_render);
	return err;
}

int agent_init(struct agent *agent, const char *node_name)
{
	int err;

	*agent = (struct agent){
		.tick = {.expired = on_tick},
		.act = {.expired = on_act},
		.watchdog = {.expired = on_watchdog},
		.signals = {.fd = LOOP_NO_FD},
		.reason = "not checked yet",
	};
	strcpy(agent->node_name, node_name);
	agent->lock_fd = agent_lock(node_name);
	if (agent->lock_fd < 0)
		return agent->lock_fd;
	err = loop_init(&agent->loop);
	if (err)
		return err;
	err = init_modules(agent);
	return err ? err : watch_signals(agent);
}

/*
 * The key file is root's, and root the agent stays: only what else root could do
 * is given up. CAP_SYS_ADMIN is for finding programs and inner maps by their id.
 */
static int drop_privileges(void)
{
	static const int needed[] = {CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_BPF, CAP_SYS_ADMIN};

	return privileges_keep(needed, ARRAY_LEN(needed));
}

int agent_run(struct agent *agent)
{
	int err;

	err = drop_privileges();
	if (err)
		return err;
	log_info("agent", "event=started node=%s pid=%d", agent->node_name, (int)getpid());
	on_tick(&agent->tick);
	if (notify_watchdog_ns())
		arm(agent, &agent->watchdog, notify_watchdog_ns());
	notify_send("READY=1");
	return loop_run(&agent->loop);
}

void agent_fini(struct agent *agent)
{
	notify_send("STOPPING=1");
	scrape_fini(&agent->scrape);
	vlans_fini(&agent->vlans);
	neighbours_fini(&agent->neighbours);
	announcer_fini(&agent->announcer);
	exchange_fini(&agent->exchange);
	checker_stop(&agent->roster);
	check_path_fini(&agent->check_path);
	check_board_fini(&agent->check_board);
	roster_fini(&agent->roster);
	if (agent->opened)
		dataplane_close(&agent->dp);
	if (agent->configured)
		model_fini(&agent->cluster);
	close(agent->signals.fd);
	loop_fini(&agent->loop);
	close(agent->lock_fd);
}
