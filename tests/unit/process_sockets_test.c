/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Listening sockets of the master: when they listen, and who lets go of them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "process_sockets.h"
#include "../support/unit.h"

/* A port of the loopback address that is free now. */
static struct process_listener some_listener(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct process_listener listener = {.at.addr = addr_from_v4(address.sin_addr.s_addr)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, length), 0);
	CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	listener.at.port = ntohs(address.sin_port);
	return listener;
}

static struct sockaddr_in address_of(const struct process_listener *listener)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				    .sin_port = htons(listener->at.port)};
}

static bool somebody_listens(const struct process_listener *listener)
{
	struct sockaddr_in address = address_of(listener);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool yes = !connect(fd, (struct sockaddr *)&address, sizeof(address));

	close(fd);
	return yes;
}

/* A socket of another process, which may be bound where another is, as long as none listens. */
static int stranger(const struct process_listener *listener)
{
	struct sockaddr_in address = address_of(listener);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void bound_socket_listens_when_told(void)
{
	struct process_listener listener = some_listener();
	struct socket_set set = {0};

	CU_ASSERT_EQUAL(sockets_bind(&set, &listener, 2), 0);
	CU_ASSERT_EQUAL(set.count, 2);
	CU_ASSERT_FALSE(somebody_listens(&listener));
	CU_ASSERT_EQUAL(sockets_listen(&set), 0);
	CU_ASSERT_TRUE(somebody_listens(&listener));
	sockets_forget(&set);
	CU_ASSERT_TRUE(somebody_listens(&listener));
	sockets_retain(&set, NULL, 0);
	CU_ASSERT_FALSE(somebody_listens(&listener));
	sockets_close(&set);
}

/* Of a reload that fails nothing stays that listens, while nobody would accept. */
static void all_listen_or_none_of_the_new_ones(void)
{
	struct process_listener before = some_listener(), first = some_listener(),
				second = some_listener();
	struct socket_set set = {0};
	int other;

	CU_ASSERT_EQUAL(sockets_bind(&set, &before, 1), 0);
	CU_ASSERT_EQUAL(sockets_listen(&set), 0);
	CU_ASSERT_EQUAL(sockets_bind(&set, &first, 1), 0);
	CU_ASSERT_EQUAL(sockets_bind(&set, &second, 1), 0);
	other = stranger(&second);
	CU_ASSERT_EQUAL(listen(other, 1), 0);
	CU_ASSERT_EQUAL(sockets_listen(&set), -EADDRINUSE);
	sockets_forget(&set);
	CU_ASSERT_TRUE(somebody_listens(&before));
	CU_ASSERT_FALSE(somebody_listens(&first));
	CU_ASSERT_EQUAL(set.count, 1);
	close(other);
	sockets_close(&set);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(bound_socket_listens_when_told),
		UNIT_TEST(all_listen_or_none_of_the_new_ones),
		{},
	};

	return unit_run("process_sockets", tests);
}
