/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The loop around a capture session, and how what runs for long ends.
 */
#include "packet_watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define POLL_MS	     200
#define NSEC_PER_SEC 1000000000ULL

static volatile sig_atomic_t stopping;

static void stop(int signal)
{
	(void)signal;
	stopping = 1;
}

void packet_watch_signals(void)
{
	struct sigaction action = {.sa_handler = stop};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool packet_watch_stopped(void)
{
	return stopping;
}

bool packet_watch_unread(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 0) > 0 && out.revents & (POLLERR | POLLHUP);
}

uint64_t packet_watch_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

uint64_t packet_watch_unix_offset(void)
{
	return packet_watch_clock(CLOCK_REALTIME) - packet_watch_clock(CLOCK_MONOTONIC);
}

json_t *packet_watch_time(uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / NSEC_PER_SEC);
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&seconds, &utc))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	return json_sprintf("%s.%06uZ", text, (unsigned)(unix_ns % NSEC_PER_SEC / 1000));
}

struct pump {
	struct packet_watch *watch;
	bool enough;
};

static int take(void *context, const struct sluice_captured *captured, const unsigned char *frame)
{
	struct pump *pump = context;
	int result = pump->enough ? 1 : pump->watch->each(pump->watch->context, captured, frame);

	pump->enough |= result > 0;
	return result < 0 ? result : 0;
}

static int poll_once(struct pump *pump, struct capture_session *capture, int timeout_ms)
{
	struct packet_watch *watch = pump->watch;
	int err = capture_session_poll(capture, timeout_ms);

	watch->lost = capture_session_lost(capture);
	if (watch->pause)
		watch->pause(watch->context, watch->lost);
	if (fflush(stdout))
		return -errno;
	return err == -EINTR ? 0 : err;
}

static int run(struct pump *pump, struct capture_session *capture)
{
	unsigned seconds = pump->watch->seconds;
	uint64_t end_ns =
		seconds ? packet_watch_clock(CLOCK_MONOTONIC) + seconds * NSEC_PER_SEC : UINT64_MAX;
	int err = 0;

	while (!err && !pump->enough && !stopping && !packet_watch_unread() &&
	       packet_watch_clock(CLOCK_MONOTONIC) < end_ns)
		err = poll_once(pump, capture, POLL_MS);
	capture_session_stop(capture);
	/* What was on its way. */
	if (!err && !pump->enough)
		err = poll_once(pump, capture, 0);
	return err;
}

int packet_watch_run(struct packet_watch *watch)
{
	const struct session *session = watch->session;
	struct pump pump = {.watch = watch};
	struct capture_session *capture;
	unsigned owner;
	int err;

	packet_watch_signals();
	err = capture_session_start(&session->dp, watch->filter, take, &pump, &capture, &owner);
	if (err == -EBUSY) {
		command_error(session->inv, "process %u looks at the packets of this node already",
			      owner);
		return EXIT_FAILED;
	}
	if (err)
		return session_kernel_failed(session->inv, err, "starting the capture");
	if (watch->begin)
		watch->begin(watch->context);
	err = run(&pump, capture);
	capture_session_free(capture);
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = -EIO;
	/* Whoever read has seen enough. */
	return !err || err == -EPIPE ? EXIT_OK
				     : session_failed(session->inv, err, "writing the packets");
}
