/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Nanoseconds that the HTTP/1.1 parser and writer take: minimum and median over
 * rounds, on one core and in its cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/message.h"
#include "http/value.h"

#define ROUNDS	  201
#define PER_ROUND 2000
#define HEAD_MAX  16384

static const char browser[] =
	"GET /shop/items?page=2&sort=price HTTP/1.1\r\n"
	"Host: www.foobar.com\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
	"Accept-Language: en-US,en;q=0.5\r\n"
	"Accept-Encoding: gzip, deflate, br\r\n"
	"Connection: keep-alive\r\n"
	"Referer: https://www.foobar.com/shop/\r\n"
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n"
	"\r\n";
static const char tool[] = "GET / HTTP/1.1\r\nHost: www.foobar.com\r\nUser-Agent: curl/7.88.1\r\n"
			   "Accept: */*\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			     "Server: sluice\r\nContent-Type: text/html; charset=utf-8\r\n"
			     "Content-Length: 1024\r\nETag: \"65f0a3b2-400\"\r\n"
			     "Cache-Control: max-age=3600\r\n\r\n";
static const char chunks[] = "400\r\n0\r\n\r\n";

static struct http_head head;

static void must(bool good)
{
	if (!good) {
		fputs("http_bench: what is measured does not work\n", stderr);
		exit(1);
	}
}

static void parse_browser(void)
{
	http_head_init(&head);
	must(http_parse_request(&head, browser, sizeof(browser) - 1, HEAD_MAX) > 0);
}

static void parse_tool(void)
{
	http_head_init(&head);
	must(http_parse_request(&head, tool, sizeof(tool) - 1, HEAD_MAX) > 0);
}

static void parse_answer(void)
{
	http_head_init(&head);
	must(http_parse_response(&head, answer, sizeof(answer) - 1, HEAD_MAX, HTTP_METHOD_GET) > 0);
}

/* The framing of one chunk of 1 KiB and of the end. */
static void decode_chunks(void)
{
	struct http_body body;

	head.framing = HTTP_FRAMING_CHUNKED;
	http_body_init(&body, &head);
	must(http_body_skip(&body, chunks, 5) == 5);
	http_body_take(&body, 1024);
	must(http_body_skip(&body, "\r\n0\r\n\r\n", 7) == 7 && http_body_done(&body));
}

static void forward_browser(void)
{
	struct http_writer writer;
	char buffer[2048];

	http_writer_init(&writer, buffer, sizeof(buffer));
	http_write_forwarded_line(&writer, &head);
	http_write_forwarded(&writer, &head, HTTP_FIELD_BIT(X_FORWARDED_FOR));
	http_write_text(&writer, HTTP_FIELD_X_FORWARDED_FOR, "192.0.2.1");
	must(http_writer_end(&writer) > 0);
}

static void write_answer(void)
{
	struct http_writer writer;
	char buffer[1024];

	http_writer_init(&writer, buffer, sizeof(buffer));
	http_write_status_line(&writer, 200);
	http_write_time(&writer, HTTP_FIELD_DATE, 784111777);
	http_write_text(&writer, HTTP_FIELD_SERVER, "sluice");
	http_write_text(&writer, HTTP_FIELD_CONTENT_TYPE, "text/html; charset=utf-8");
	http_write_number(&writer, HTTP_FIELD_CONTENT_LENGTH, 1024);
	http_write_text(&writer, HTTP_FIELD_ETAG, "\"65f0a3b2-400\"");
	http_write_text(&writer, HTTP_FIELD_CACHE_CONTROL, "max-age=3600");
	must(http_writer_end(&writer) > 0);
}

static void normalise_path(void)
{
	char out[256];

	must(http_path_normalise(HTTP_SLICE("/shop/images/large/product-17.webp"), out,
				 sizeof(out)) > 0);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, void (*work)(void))
{
	static double rounds[ROUNDS];

	for (size_t round = 0; round < ROUNDS; round++) {
		double start = now_ns();

		for (size_t i = 0; i < PER_ROUND; i++)
			work();
		rounds[round] = (now_ns() - start) / PER_ROUND;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
	printf("%-44s %8.0f %8.0f\n", name, rounds[0], rounds[ROUNDS / 2]);
}

int main(void)
{
	printf("%-44s %8s %8s\n", "ns", "min", "median");
	measure("parse: request of a browser, 8 fields", parse_browser);
	measure("write: the same, forwarded", forward_browser);
	measure("parse: request of curl, 3 fields", parse_tool);
	measure("parse: response, 6 fields", parse_answer);
	measure("write: response, 6 fields", write_answer);
	measure("decode: framing of one chunk", decode_chunks);
	measure("normalise a path of 34 bytes", normalise_path);
	return 0;
}
