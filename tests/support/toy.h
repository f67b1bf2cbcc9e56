/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * A daemon made for tests of the process model, run in a process of its own,
 * and a client for it. A line that a client sends is a command:
 *
 *	echo TEXT   answers TEXT
 *	pid         answers the worker's process id
 *	name        answers the value of "name" in its configuration
 *	count       adds one to a counter, and answers
 *	log TEXT    writes TEXT to the access log, and answers
 *	hold        from here on the connection is not idle, and answers
 *	few         may open no more than 20 descriptors from here on, and answers
 *	crash       dies of SIGSEGV
 *	loop        never returns
 */
#ifndef SLUICE_TEST_TOY_H
#define SLUICE_TEST_TOY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Network of our own if we are root, and a directory for files. Ends the process if that fails. */
void toy_enter(void);
void toy_leave(void);

/* A path in the directory; static memory, for the next four calls. */
const char *toy_path(const char *name);

/* Writes the configuration: lines of YAML, where "@" is the directory. */
void toy_configure(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Starts the daemon and waits until it serves, or ends. False: it ended. */
bool toy_start(void);
void toy_signal(int signal);
/* Waits until the log has `text` `times` times; false: not within ten seconds. */
bool toy_logged(const char *text, unsigned times);
/* Waits for its end; the exit code, or -signal; -1000: it did not end; -2000: a sanitizer spoke. */
int toy_wait(void);
/* SIGTERM, then toy_wait(). */
int toy_stop(void);
pid_t toy_master(void);
bool toy_is_running(void);

/* Connected sockets, or -errno. Every wait has a deadline of five seconds. */
int toy_connect(unsigned port);
int toy_connect_unix(const char *path);
/* Sends a command, and reads one line of answer; static memory; NULL: there was none. */
const char *toy_ask(int fd, const char *command);
/* The same on a connection of its own. */
const char *toy_ask_once(unsigned port, const char *command);
void toy_send(int fd, const char *command);
/* True: the peer ends the connection, in an orderly way, within five seconds. */
bool toy_is_closed(int fd);
/* GET from the monitor on `port`: the whole response; the caller frees it. */
char *toy_get(unsigned port, const char *path);
/* The value of a sample, of which `sample` is name and labels; -1: there is none. */
double toy_metric(unsigned port, const char *sample);
/* Waits until it is at least `value`; false: not within ten seconds. */
bool toy_metric_reaches(unsigned port, const char *sample, double value);

void toy_sleep_ms(unsigned ms);

#endif /* SLUICE_TEST_TOY_H */
