/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Sessions and the token against forged requests, as sluice/app.h promises them.
 *
 * The token is a secret of the session, masked by new random bytes each time it
 * is shown: a page that is compressed then does not give it away, byte by byte (BREACH).
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "request.h"

#define COOKIE_SECURE "__Host-session" /* RFC 6265bis, 4.1.3.2: only this host could set it */
#define COOKIE_PLAIN  "session"
#define SECRET_KEY    ":csrf" /* modules have no keys that begin so */
#define SECRET_BYTES  16
#define SECRET_TEXT   (SECRET_BYTES * 4 / 3 + 4)
#define TOKEN_TEXT    (2 * SECRET_BYTES * 4 / 3 + 4)

static const char *cookie_name(const struct app_request *r)
{
	return r->worker->config->secure_cookies ? COOKIE_SECURE : COOKIE_PLAIN;
}

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

/* --- opening and storing ------------------------------------------------------------ */

static void count_failure(struct app_request *r, ssize_t err)
{
	struct request_counters *counters = &r->worker->counters->requests;

	if (err == -ETIME)
		counters->sessions_expired++;
	else
		counters->sessions_rejected++;
}

static void open_session(struct app_request *r)
{
	uint8_t packed[SESSION_PACKED_MAX];
	const char *text;
	ssize_t length;

	r->session_used = true;
	if (r->session_opened)
		return;
	r->session_opened = true;
	session_init(&r->session, &r->arena);
	text = app_cookie(r, cookie_name(r));
	if (!text)
		return;
	length = seal_open(&r->worker->config->keys, cookie_name(r), text, strlen(text), packed,
			   sizeof(packed));
	if (length >= 0)
		length = session_unpack(&r->session, packed, (size_t)length, now_s());
	if (length == -ENOMEM)
		request_out_of_memory(r);
	if (length < 0)
		count_failure(r, length);
	else
		r->worker->counters->requests.sessions_opened++;
}

void visitor_store(struct app_request *r)
{
	uint64_t lifetime_s = r->worker->config->session_ms / 1000, now = now_s();
	uint8_t packed[SESSION_PACKED_MAX];
	char text[SEAL_TEXT_LEN(SESSION_PACKED_MAX)];
	struct session *session = &r->session;

	if (!r->session_opened)
		return;
	/* One that is used lives on. */
	if (!session->changed && (!session->entries || session->expires_s > now + lifetime_s / 2))
		return;
	if (!session->entries) {
		app_set_cookie(r, cookie_name(r), "", NULL, 0, 0);
		return;
	}
	session->expires_s = now + lifetime_s;
	if (!seal_close(&r->worker->config->keys, cookie_name(r), packed,
			session_pack(session, packed), text))
		app_set_cookie(r, cookie_name(r), text, NULL, (int64_t)lifetime_s, 0);
}

/* --- keys and values ---------------------------------------------------------------- */

const char *app_session_get(struct app_request *r, const char *key)
{
	open_session(r);
	return session_get(&r->session, key);
}

static int set(struct app_request *r, const char *key, const char *value, size_t limit)
{
	int err;

	if (r->streaming)
		return -EALREADY;
	open_session(r);
	err = session_set(&r->session, key, value, limit);
	if (err == -ENOMEM)
		request_out_of_memory(r);
	return err;
}

int app_session_set(struct app_request *r, const char *key, const char *value)
{
	size_t secret = app_session_get(r, SECRET_KEY) ? strlen(SECRET_KEY) + SECRET_TEXT : 0;

	if (*key == ':')
		return -EINVAL;
	return set(r, key, value, APP_SESSION_BYTES + secret);
}

void app_session_clear(struct app_request *r)
{
	open_session(r);
	session_clear(&r->session);
}

/* --- forged requests ---------------------------------------------------------------- */

static bool read_secret(struct app_request *r, uint8_t secret[SECRET_BYTES])
{
	const char *text = app_session_get(r, SECRET_KEY);

	return text && seal_decode(text, strlen(text), secret, SECRET_BYTES) == SECRET_BYTES;
}

static bool make_secret(struct app_request *r, uint8_t secret[SECRET_BYTES])
{
	char text[SECRET_TEXT];

	if (RAND_bytes(secret, SECRET_BYTES) != 1)
		return false;
	seal_encode(secret, SECRET_BYTES, text);
	return !set(r, SECRET_KEY, text, SESSION_PACKED_MAX - 8);
}

static void mask(uint8_t token[2 * SECRET_BYTES], const uint8_t secret[SECRET_BYTES])
{
	for (size_t i = 0; i < SECRET_BYTES; i++)
		token[SECRET_BYTES + i] = token[i] ^ secret[i];
}

const char *app_csrf_token(struct app_request *r)
{
	uint8_t secret[SECRET_BYTES], token[2 * SECRET_BYTES];
	char text[TOKEN_TEXT];

	if ((!read_secret(r, secret) && !make_secret(r, secret)) ||
	    RAND_bytes(token, SECRET_BYTES) != 1) {
		app_log(r->app, r, APP_LOG_WARN, "event=no-csrf-token");
		return "";
	}
	mask(token, secret);
	seal_encode(token, sizeof(token), text);
	return app_strdup(r, text);
}

static bool token_fits(struct app_request *r)
{
	uint8_t secret[SECRET_BYTES], token[2 * SECRET_BYTES], expected[2 * SECRET_BYTES];
	const char *text = app_header(r, "X-CSRF-Token");

	if (!text)
		text = app_form(r, "csrf");
	if (!text || seal_decode(text, strlen(text), token, sizeof(token)) != sizeof(token) ||
	    !read_secret(r, secret))
		return false;
	memcpy(expected, token, SECRET_BYTES);
	mask(expected, secret);
	return !CRYPTO_memcmp(expected, token, sizeof(token));
}

static bool origin_fits(struct app_request *r)
{
	const char *origin = app_header(r, "Origin");

	return !origin || !strcasecmp(origin, app_sprintf(r, "%s://%s", r->https ? "https" : "http",
							  app_host(r)));
}

bool app_csrf_ok(struct app_request *r)
{
	if (origin_fits(r) && token_fits(r))
		return true;
	/* The client is gone, or its body was too large: that has been answered. */
	if (r->task.cancelled || r->body_error)
		return false;
	r->worker->counters->requests.csrf_rejected++;
	app_error(r, 403, "This form has expired. Please go back, load the page again and retry.");
	return false;
}
