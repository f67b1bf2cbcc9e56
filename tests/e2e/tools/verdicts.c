/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * verdicts: what our HTTP parser makes of messages, for a comparison with
 * another one. Standard input is a stream of messages, each behind a kind (one
 * byte: Q request, R response to GET, H response to HEAD) and its length (four
 * bytes, big endian). Standard output is one line of JSON for each; what
 * was sent by a peer is in hexadecimal.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../support/http_take.h"

#define MESSAGE_MAX 65536

static const char *const framings[] = {
	[HTTP_FRAMING_NONE] = "none",
	[HTTP_FRAMING_LENGTH] = "length",
	[HTTP_FRAMING_CHUNKED] = "chunked",
	[HTTP_FRAMING_CLOSE] = "close",
};

static void print_hex(const char *name, struct http_slice text)
{
	printf(",\"%s\":\"", name);
	for (size_t i = 0; i < text.len; i++)
		printf("%02x", (unsigned char)text.at[i]);
	putchar('"');
}

static void print_headers(const struct http_head *head)
{
	printf(",\"headers\":[");
	for (size_t i = 0; i < head->header_count; i++) {
		printf("%s{\"field\":%d", i ? "," : "", (int)head->headers[i].field);
		print_hex("name", head->headers[i].name);
		print_hex("value", head->headers[i].value);
		putchar('}');
	}
	putchar(']');
}

static void print_verdict(const struct http_taken *taken)
{
	const struct http_head *head = &taken->head;

	printf("{\"refusal\":\"%s\",\"head\":%s,\"complete\":%s", http_refusal_name(taken->refusal),
	       taken->head_complete ? "true" : "false", taken->complete ? "true" : "false");
	if (taken->head_complete) {
		printf(",\"used\":%zu,\"minor\":%u,\"status\":%u,\"framing\":\"%s\"", taken->used,
		       head->minor, head->status, framings[head->framing]);
		printf(",\"keep_alive\":%s", head->keep_alive ? "true" : "false");
		print_hex("method", head->method_name);
		print_hex("target", head->target);
		print_hex("reason", head->reason);
		print_hex("content", (struct http_slice){taken->content, taken->content_len});
		print_headers(head);
	}
	puts("}");
}

/* False at the end of the input. */
static bool read_message(char *kind, char *message, size_t *len)
{
	uint32_t size;

	if (fread(kind, 1, 1, stdin) != 1)
		return false;
	if (fread(&size, sizeof(size), 1, stdin) != 1 || ntohl(size) > MESSAGE_MAX ||
	    fread(message, 1, ntohl(size), stdin) != ntohl(size)) {
		fputs("verdicts: the input is not what it should be\n", stderr);
		exit(1);
	}
	*len = ntohl(size);
	return true;
}

int main(void)
{
	static char message[MESSAGE_MAX], content[MESSAGE_MAX];
	static struct http_taken taken = {.content = content};
	size_t len;
	char kind;

	while (read_message(&kind, message, &len)) {
		enum http_method request = kind == 'H' ? HTTP_METHOD_HEAD : HTTP_METHOD_GET;

		http_take(&taken, message, len, SIZE_MAX, kind == 'Q' ? NULL : &request);
		print_verdict(&taken);
	}
	return 0;
}
