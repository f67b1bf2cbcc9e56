/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Sessions: what comes back out of a sealed cookie, and what does not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../userspace/appserver/seal.h"
#include "../../userspace/appserver/session.h"
#include "../support/unit.h"

#define PURPOSE "session of test"
#define NOW	1000000

static struct seal_keys keys;
static struct arena_pool pool;
static struct arena arena;

static void set_up(void)
{
	CU_ASSERT_EQUAL_FATAL(seal_keys_random(&keys), 0);
	arena_init(&arena, &pool, 1 << 20);
}

static void tear_down(void)
{
	arena_fini(&arena);
	arena_pool_fini(&pool);
}

static ssize_t open_text(const struct seal_keys *with, const char *purpose, const char *text)
{
	char plain[256];

	return seal_open(with, purpose, text, strlen(text), plain, sizeof(plain));
}

static void what_was_sealed_opens_again(void)
{
	char text[SEAL_TEXT_LEN(64)], again[SEAL_TEXT_LEN(64)], plain[64];

	set_up();
	for (size_t length = 0; length <= 64; length++) {
		memset(plain, 'x', sizeof(plain));
		CU_ASSERT_EQUAL(seal_close(&keys, PURPOSE, plain, length, text), 0);
		CU_ASSERT_TRUE(strlen(text) < sizeof(text));
		CU_ASSERT_EQUAL(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					     "0123456789-_"),
				strlen(text));
		memset(plain, 0, sizeof(plain));
		CU_ASSERT_EQUAL(seal_open(&keys, PURPOSE, text, strlen(text), plain, sizeof(plain)),
				(ssize_t)length);
		CU_ASSERT_TRUE(!length || plain[length - 1] == 'x');
	}
	CU_ASSERT_EQUAL(seal_close(&keys, PURPOSE, plain, 8, text), 0);
	CU_ASSERT_EQUAL(seal_close(&keys, PURPOSE, plain, 8, again), 0);
	CU_ASSERT_STRING_NOT_EQUAL(text, again);
	tear_down();
}

static void nothing_that_was_changed_opens(void)
{
	char text[SEAL_TEXT_LEN(16)], kept;
	size_t length;

	set_up();
	CU_ASSERT_EQUAL(seal_close(&keys, PURPOSE, "user=7;admin=no", 16, text), 0);
	CU_ASSERT_EQUAL(open_text(&keys, PURPOSE, text), 16);
	length = strlen(text);
	for (size_t i = 0; i < length; i++) {
		kept = text[i];
		text[i] = kept == 'A' ? 'B' : 'A';
		CU_ASSERT_TRUE(open_text(&keys, PURPOSE, text) < 0);
		text[i] = '*';
		CU_ASSERT_EQUAL(open_text(&keys, PURPOSE, text), -EBADMSG);
		text[i] = kept;
	}
	CU_ASSERT_EQUAL(open_text(&keys, "session of another", text), -EBADMSG);
	for (size_t cut = 0; cut < length; cut++)
		CU_ASSERT_TRUE(seal_open(&keys, PURPOSE, text, cut, text, 0) < 0);
	tear_down();
}

static void keys_rotate_without_losing_a_session(void)
{
	struct seal_keys old, both, newer;
	char text[SEAL_TEXT_LEN(16)];

	set_up();
	CU_ASSERT_EQUAL(seal_keys_random(&old), 0);
	CU_ASSERT_EQUAL(seal_keys_random(&newer), 0);
	both = (struct seal_keys){2, {old.keys[0], newer.keys[0]}};
	CU_ASSERT_EQUAL(seal_close(&old, PURPOSE, "a", 1, text), 0);
	CU_ASSERT_EQUAL(open_text(&both, PURPOSE, text), 1);
	CU_ASSERT_EQUAL(open_text(&newer, PURPOSE, text), -ENOKEY);
	CU_ASSERT_EQUAL(seal_close(&both, PURPOSE, "a", 1, text), 0);
	CU_ASSERT_EQUAL(open_text(&newer, PURPOSE, text), 1);
	CU_ASSERT_EQUAL(open_text(&old, PURPOSE, text), -ENOKEY);
	tear_down();
}

static const char *read_keys(const char *content)
{
	static char message[256];
	char path[] = "/tmp/app_session_XXXXXX";
	struct diag_list diags = {0};
	int fd = mkstemp(path);

	CU_ASSERT_EQUAL_FATAL(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	close(fd);
	if (!seal_keys_read(path, &keys, &diags))
		snprintf(message, sizeof(message), "%zu keys", keys.count);
	else
		snprintf(message, sizeof(message), "%s", diags.items[0].text + strlen(path));
	diag_fini(&diags);
	unlink(path);
	return message;
}

#define KEY_1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
#define KEY_2 "/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+8=\n"

static void key_files_are_read_or_explained(void)
{
	UNIT_ASSERT_TEXT(read_keys("# old, new\n" KEY_1 "\n" KEY_2), "2 keys");
	CU_ASSERT_EQUAL(keys.keys[0].bytes[31], 31);
	UNIT_ASSERT_TEXT(read_keys("\n"), ":1: expected a key: base64 of 32 bytes");
	UNIT_ASSERT_TEXT(read_keys(KEY_1 "AAEC\n"), ":2: expected base64 of a key of 32 bytes");
	UNIT_ASSERT_TEXT(read_keys(KEY_1 KEY_1 KEY_2 KEY_2),
			 ":4: more keys than are used at a time (3)");
}

/* --- keys and values ---------------------------------------------------------------- */

static void entries_are_set_replaced_and_removed(void)
{
	struct session session;

	set_up();
	session_init(&session, &arena);
	CU_ASSERT_PTR_NULL(session_get(&session, "cart"));
	CU_ASSERT_EQUAL(session_set(&session, "cart", NULL, 100), 0);
	CU_ASSERT_FALSE(session.changed);
	CU_ASSERT_EQUAL(session_set(&session, "cart", "1,2", 100), 0);
	CU_ASSERT_EQUAL(session_set(&session, "user", "", 100), 0);
	CU_ASSERT_EQUAL(session_set(&session, "cart", "1,2,3", 100), 0);
	UNIT_ASSERT_TEXT(session_get(&session, "cart"), "1,2,3");
	UNIT_ASSERT_TEXT(session_get(&session, "user"), "");
	CU_ASSERT_EQUAL(session.packed, 3 + 4 + 5 + 3 + 4);
	CU_ASSERT_EQUAL(session_set(&session, "", "x", 100), -EINVAL);
	session.changed = false;
	CU_ASSERT_EQUAL(session_set(&session, "cart", "1,2,3", 100), 0);
	CU_ASSERT_FALSE(session.changed);
	CU_ASSERT_EQUAL(session_set(&session, "cart", NULL, 100), 0);
	CU_ASSERT_TRUE(session.changed);
	CU_ASSERT_PTR_NULL(session_get(&session, "cart"));
	session_clear(&session);
	CU_ASSERT_EQUAL(session.packed, 0);
	tear_down();
}

static void a_full_session_stays_as_it_is(void)
{
	struct session session;

	set_up();
	session_init(&session, &arena);
	CU_ASSERT_EQUAL(session_set(&session, "a", "123456", 10), 0);
	CU_ASSERT_EQUAL(session_set(&session, "a", "1234567", 10), -ENOSPC);
	CU_ASSERT_EQUAL(session_set(&session, "b", "", 10), -ENOSPC);
	UNIT_ASSERT_TEXT(session_get(&session, "a"), "123456");
	CU_ASSERT_EQUAL(session_set(&session, "a", "654321", 10), 0);
	UNIT_ASSERT_TEXT(session_get(&session, "a"), "654321");
	tear_down();
}

static void sessions_are_unpacked_until_they_expire(void)
{
	uint8_t packed[SESSION_PACKED_MAX];
	struct session session;
	size_t length;

	set_up();
	session_init(&session, &arena);
	CU_ASSERT_EQUAL(session_set(&session, "a", "1", 100), 0);
	CU_ASSERT_EQUAL(session_set(&session, "b", "", 100), 0);
	session.expires_s = NOW + 10;
	length = session_pack(&session, packed);
	session_init(&session, &arena);
	CU_ASSERT_EQUAL(session_unpack(&session, packed, length, NOW + 9), 0);
	UNIT_ASSERT_TEXT(session_get(&session, "a"), "1");
	UNIT_ASSERT_TEXT(session_get(&session, "b"), "");
	CU_ASSERT_FALSE(session.changed);
	CU_ASSERT_EQUAL(session_unpack(&session, packed, length, NOW + 10), -ETIME);
	CU_ASSERT_PTR_NULL(session_get(&session, "a"));
	for (size_t cut = 0; cut < length; cut++) {
		session_init(&session, &arena);
		/* At the end of an entry it is a shorter session, and the seal forbids it. */
		if (cut != 8 && cut != 12)
			CU_ASSERT_EQUAL(session_unpack(&session, packed, cut, NOW), -EBADMSG);
	}
	tear_down();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(what_was_sealed_opens_again),
		UNIT_TEST(nothing_that_was_changed_opens),
		UNIT_TEST(keys_rotate_without_losing_a_session),
		UNIT_TEST(key_files_are_read_or_explained),
		UNIT_TEST(entries_are_set_replaced_and_removed),
		UNIT_TEST(a_full_session_stays_as_it_is),
		UNIT_TEST(sessions_are_unpacked_until_they_expire),
		{0},
	};

	return unit_run("app_session", tests);
}
