/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define RECEIVE_BUFFER_BYTES (256 * 1024)

struct exchange_state {
	int error;
	void (*each)(struct nlmsghdr *header, void *context);
	void *context;
};

int netlink_open(struct nl_sock **out)
{
	struct nl_sock *sock = nl_socket_alloc();
	int on = 1;

	if (!sock)
		return -ENOMEM;
	if (nl_connect(sock, NETLINK_ROUTE)) {
		nl_socket_free(sock);
		return -EPROTONOSUPPORT;
	}
	nl_socket_set_buffer_size(sock, RECEIVE_BUFFER_BYTES, 0);
	/* Without it (before Linux 4.20) dumps are whole, and the caller's checks still hold. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	*out = sock;
	return 0;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *context)
{
	struct exchange_state *state = context;

	(void)from;
	state->error = error->error;
	return NL_STOP;
}

static int on_valid(struct nl_msg *message, void *context)
{
	struct exchange_state *state = context;

	if (state->each)
		state->each(nlmsg_hdr(message), state->context);
	return NL_OK;
}

static int on_end(struct nl_msg *message, void *context)
{
	(void)message;
	(void)context;
	return NL_STOP;
}

static int converse(struct nl_sock *sock, struct nl_msg *message, struct exchange_state *state)
{
	struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	if (!callbacks)
		return -ENOMEM;
	nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, state);
	nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_valid, state);
	nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_end, NULL);
	nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, NULL);
	err = nl_send_auto(sock, message);
	if (err >= 0)
		err = nl_recvmsgs(sock, callbacks);
	nl_cb_put(callbacks);
	if (state->error)
		return state->error;
	return err < 0 ? -EIO : 0;
}

int netlink_request(struct nl_sock *sock, struct nl_msg *message)
{
	struct exchange_state state = {0};
	int err;

	if (!message)
		return -ENOMEM;
	nlmsg_hdr(message)->nlmsg_flags |= NLM_F_ACK;
	err = converse(sock, message, &state);
	nlmsg_free(message);
	return err;
}

int netlink_dump(struct nl_sock *sock, struct nl_msg *message,
		 void (*each)(struct nlmsghdr *, void *), void *context)
{
	struct exchange_state state = {.each = each, .context = context};
	int err;

	if (!message)
		return -ENOMEM;
	nlmsg_hdr(message)->nlmsg_flags |= NLM_F_DUMP;
	err = converse(sock, message, &state);
	nlmsg_free(message);
	return err;
}

int netlink_family(const struct sluice_addr *addr)
{
	return addr_is_v4(addr) ? AF_INET : AF_INET6;
}

int netlink_put_addr(struct nl_msg *message, int type, const struct sluice_addr *addr)
{
	if (addr_is_v4(addr))
		return nla_put(message, type, 4, &addr->words[3]) ? -ENOMEM : 0;
	return nla_put(message, type, 16, addr) ? -ENOMEM : 0;
}

bool netlink_get_addr(const struct nlattr *attribute, struct sluice_addr *addr)
{
	__be32 v4;

	switch (nla_len(attribute)) {
	case 4:
		memcpy(&v4, nla_data(attribute), sizeof(v4));
		*addr = addr_from_v4(v4);
		return true;
	case 16:
		memcpy(addr, nla_data(attribute), sizeof(*addr));
		return true;
	}
	return false;
}
