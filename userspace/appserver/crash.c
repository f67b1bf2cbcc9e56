/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The handler runs on a stack of its own: that of a coroutine may be what has
 * overflowed. It calls only what is safe in a signal handler (signal-safety(7)).
 */
#include "crash.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "request.h"

#define STACK_BYTES (64u << 10)

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static void add(char *line, size_t size, const char *text)
{
	size_t length = strlen(line);

	while (*text && length + 2 < size)
		line[length++] = (unsigned char)*text < ' ' ? ' ' : *text, text++;
	line[length] = '\0';
}

static const char *reason(int number, const siginfo_t *info)
{
	if (number == SIGSEGV && coroutine_overflows_at(info->si_addr))
		return "stack-overflow";
	/* The master ends a worker so whose loop does not come round. */
	if (number == SIGABRT && info->si_code == SI_USER && info->si_pid != getpid())
		return "watchdog";
	return number == SIGSEGV  ? "segmentation-fault"
	       : number == SIGBUS ? "bus-error"
	       : number == SIGFPE ? "arithmetic"
	       : number == SIGILL ? "illegal-instruction"
				  : "abort";
}

static void report(int number, siginfo_t *info, void *context)
{
	const struct app_request *r = request_running();
	const char *label = r ? app_config_route_label(r->route) : NULL;
	char line[512] = "level=error sub=app event=crash reason=";

	(void)context;
	add(line, sizeof(line), reason(number, info));
	add(line, sizeof(line), r ? " request=" : " request=none");
	if (r)
		add(line, sizeof(line), r->id);
	if (label) {
		add(line, sizeof(line), " route=\"");
		add(line, sizeof(line), label);
		add(line, sizeof(line), "\"");
	}
	strcat(line, "\n");
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		number = number ? number : SIGABRT;
	signal(number, SIG_DFL);
	raise(number);
}

int crash_report_requests(void)
{
	struct sigaction action = {.sa_sigaction = report, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	static char memory[STACK_BYTES];
	stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};

	if (sigaltstack(&stack, NULL))
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
		if (sigaction(fatal[i], &action, NULL))
			return -errno;
	return 0;
}
