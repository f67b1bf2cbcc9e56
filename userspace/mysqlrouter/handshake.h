/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The packets with which a connection begins, read and written on both sides:
 * greeting (HandshakeV10), TLS request, reply (HandshakeResponse41), switch of
 * the authentication plugin; and COM_CHANGE_USER, which repeats the reply.
 *
 * Readers take a whole payload and give spans into it: 0, or -EBADMSG.
 */
#ifndef SLUICE_MYSQL_HANDSHAKE_H
#define SLUICE_MYSQL_HANDSHAKE_H

#include "compiler.h"
#include "protocol.h"
#include "wire.h"

#define HANDSHAKE_VERSION_LEN	  64
#define HANDSHAKE_PLUGIN_LEN	  32
#define HANDSHAKE_USER_BYTES	  128  /* 32 characters in MySQL, 80 in MariaDB 10 */
#define HANDSHAKE_TLS_REQUEST_LEN 32   /* the payload; every reply is longer */
#define HANDSHAKE_REPLY_BYTES	  1024 /* enough for handshake_reply_write() with our limits */

struct handshake_greeting {
	char version[HANDSHAKE_VERSION_LEN];
	char plugin[HANDSHAKE_PLUGIN_LEN];
	uint8_t scramble[SCRAMBLE_BYTES];
	uint32_t connection_id;
	uint32_t capabilities;
	uint16_t status;
	uint8_t charset;
};

/* One packet with sequence number 0. */
void handshake_greeting_write(struct wire_writer *writer,
			      const struct handshake_greeting *greeting);
int handshake_greeting_read(const void *payload, size_t size,
			    struct handshake_greeting *greeting) __must_check;

struct handshake_reply {
	uint32_t capabilities;
	uint32_t max_packet;
	uint16_t charset;
	struct span user;
	struct span proof; /* what the plugin makes of password and scramble */
	struct span database;
	struct span plugin;
};

/* True for the short form that asks for TLS; then only capabilities are in it. */
bool handshake_asks_for_tls(const void *payload, size_t size);
int handshake_reply_read(const void *payload, size_t size,
			 struct handshake_reply *reply) __must_check;
/* `attributes`: pairs of name and value, ended by NULL; with CAPABILITY_CONNECT_ATTRIBUTES. */
void handshake_reply_write(struct wire_writer *writer, uint8_t sequence,
			   const struct handshake_reply *reply, const char *const *attributes);
void handshake_tls_request_write(struct wire_writer *writer, uint8_t sequence,
				 uint32_t capabilities, uint16_t charset);

/* COM_CHANGE_USER, its command byte included; `capabilities` are the connection's. */
int handshake_change_user_read(const void *payload, size_t size, uint32_t capabilities,
			       struct handshake_reply *reply) __must_check;

struct handshake_switch {
	struct span plugin;
	struct span scramble; /* without its NUL */
};

int handshake_switch_read(const void *payload, size_t size,
			  struct handshake_switch *change) __must_check;
void handshake_switch_write(struct wire_writer *writer, uint8_t sequence, const char *plugin,
			    const uint8_t scramble[SCRAMBLE_BYTES]);

#endif /* SLUICE_MYSQL_HANDSHAKE_H */
