/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "bind.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int bind_inet(const struct endpoint *at, bool shared)
{
	struct sockaddr_storage address;
	socklen_t length = endpoint_to_sockaddr(at, &address);
	int fd, err, on = 1;

	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    (!shared || !setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on))) &&
	    (address.ss_family != AF_INET6 ||
	     !setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) &&
	    !bind(fd, (struct sockaddr *)&address, length))
		return fd;
	err = -errno;
	close(fd);
	return err;
}
