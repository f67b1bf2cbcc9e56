/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The socket between master and child: whole messages (SOCK_SEQPACKET), whose
 * end tells either side that the other has died.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "process_private.h"

int control_pair(int ends[2])
{
	int type = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;

	return socketpair(AF_UNIX, type, 0, ends) ? -errno : 0;
}

union ancillary {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int control_send(int socket, const struct control_message *message, int fd)
{
	struct iovec part = {(void *)message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	union ancillary ancillary = {0};

	if (fd >= 0) {
		header.msg_control = &ancillary;
		header.msg_controllen = sizeof(ancillary);
		ancillary.align.cmsg_level = SOL_SOCKET;
		ancillary.align.cmsg_type = SCM_RIGHTS;
		ancillary.align.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&ancillary.align), &fd, sizeof(fd));
	}
	return sendmsg(socket, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int control_receive(int socket, struct control_message *message, int *fd)
{
	struct iovec part = {message, sizeof(*message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	union ancillary ancillary;
	ssize_t got;

	if (fd) {
		*fd = -1;
		header.msg_control = &ancillary;
		header.msg_controllen = sizeof(ancillary);
	}
	do
		got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -EAGAIN : 0;
	if (got != sizeof(*message))
		return 0;
	if (fd && CMSG_FIRSTHDR(&header))
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(*fd));
	return 1;
}
