/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The datagram of views: what is written is read back; nothing that was
 * changed, cut or made without the key is believed. Input ends at a page that
 * cannot be read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../userspace/agent/message.h"
#include "../support/unit.h"

static const struct message_key key = {.length = 16, .bytes = "0123456789abcdef"};
static const struct message_key other_key = {.length = 16, .bytes = "fedcba9876543210"};

static const struct message_header header = {
	.cluster = 0x1122334455667788,
	.incarnation = 42,
	.sequence = 7,
	.configuration = 0x99,
	.node = "lb1",
};

static struct message_writer writer;

static void write_view(void)
{
	message_begin(&writer, &header);
	CU_ASSERT_TRUE_FATAL(message_open_record(&writer, 100, false));
	CU_ASSERT_TRUE_FATAL(message_add_backend(&writer, 200 << 8, true, 100));
	CU_ASSERT_TRUE_FATAL(message_add_backend(&writer, 202 << 8, false, 10));
	CU_ASSERT_TRUE_FATAL(message_open_record(&writer, 102, true));
	CU_ASSERT_TRUE_FATAL(message_add_backend(&writer, 204 << 8, false, 10));
	CU_ASSERT_EQUAL_FATAL(message_finish(&writer, &key), 0);
}

/* A copy of `length` bytes whose end is the end of readable memory. */
static unsigned char *guarded(const void *bytes, size_t length)
{
	static unsigned char *pages;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!pages) {
		pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		CU_ASSERT_FATAL(pages != MAP_FAILED);
		CU_ASSERT_EQUAL_FATAL(mprotect(pages + page, page, PROT_NONE), 0);
	}
	return memcpy(pages + page - length, bytes, length);
}

static int verify(const void *bytes, size_t length)
{
	struct message_header out;

	return message_verify(guarded(bytes, length), length, &key, &out);
}

/* --- reading ------------------------------------------------------------------------- */

struct heard {
	uint64_t ids[8];
	bool flags[8];
	size_t count;
};

static void note_service(void *context, uint64_t id, bool flag)
{
	struct heard *heard = context;

	CU_ASSERT_FATAL(heard->count < 8);
	heard->ids[heard->count] = id;
	heard->flags[heard->count++] = flag;
}

static void note_backend(void *context, uint64_t id, bool up, unsigned share)
{
	CU_ASSERT_EQUAL(share, up ? 100 : 10);
	note_service(context, id >> 8, up);
}

static void view_is_read_as_it_was_written(void)
{
	static const struct message_visitor visitor = {note_service, note_backend};
	static const uint64_t ids[] = {100, 200, 202, 102, 204};
	static const bool flags[] = {false, true, false, true, false};
	struct heard heard = {0};
	struct message_header out;

	write_view();
	CU_ASSERT_EQUAL(message_verify(writer.bytes, writer.used, &key, &out), 0);
	CU_ASSERT_EQUAL(out.cluster, header.cluster);
	CU_ASSERT_EQUAL(out.incarnation, 42);
	CU_ASSERT_EQUAL(out.sequence, 7);
	CU_ASSERT_EQUAL(out.configuration, 0x99);
	UNIT_ASSERT_TEXT(out.node, "lb1");
	message_walk(guarded(writer.bytes, writer.used), writer.used, &visitor, &heard);
	CU_ASSERT_EQUAL(heard.count, 5);
	CU_ASSERT_EQUAL(memcmp(heard.ids, ids, sizeof(ids)), 0);
	CU_ASSERT_EQUAL(memcmp(heard.flags, flags, sizeof(flags)), 0);
}

static void other_key_is_refused(void)
{
	struct message_header out;

	write_view();
	CU_ASSERT_EQUAL(message_verify(writer.bytes, writer.used, &other_key, &out), -EACCES);
}

static void every_changed_bit_is_noticed(void)
{
	size_t accepted = 0;

	write_view();
	for (size_t bit = 0; bit < writer.used * 8; bit++) {
		writer.bytes[bit / 8] ^= 1 << bit % 8;
		accepted += verify(writer.bytes, writer.used) == 0;
		writer.bytes[bit / 8] ^= 1 << bit % 8;
	}
	CU_ASSERT_EQUAL(accepted, 0);
	CU_ASSERT_EQUAL(verify(writer.bytes, writer.used), 0);
}

static void every_cut_is_noticed(void)
{
	size_t accepted = 0;

	write_view();
	for (size_t length = 0; length < writer.used; length++)
		accepted += verify(writer.bytes, length) == 0;
	CU_ASSERT_EQUAL(accepted, 0);
}

/* Signed with the key, and still wrong: a record that promises more than there is. */
static void signed_nonsense_is_malformed(void)
{
	static const struct message_visitor visitor = {note_service, note_backend};
	unsigned char *count = writer.bytes + MESSAGE_HEADER_BYTES + 10;

	for (int wrong = 0; wrong < 65536; wrong += 13) {
		struct heard heard = {0};
		int err;

		message_begin(&writer, &header);
		CU_ASSERT_TRUE_FATAL(message_open_record(&writer, 100, false));
		CU_ASSERT_TRUE_FATAL(message_add_backend(&writer, 200 << 8, true, 100));
		count[0] = (unsigned char)(wrong >> 8);
		count[1] = (unsigned char)wrong;
		CU_ASSERT_EQUAL_FATAL(message_finish(&writer, &key), 0);
		err = verify(writer.bytes, writer.used);
		CU_ASSERT_EQUAL(err, wrong > 0 ? -EBADMSG : err);
		if (!err)
			message_walk(guarded(writer.bytes, writer.used), writer.used, &visitor,
				     &heard);
	}
}

static void name_without_end_is_malformed(void)
{
	write_view();
	memset(writer.bytes + MESSAGE_HEADER_BYTES - SLUICE_NAME_LEN, 'x', SLUICE_NAME_LEN);
	writer.used -= MESSAGE_TAIL_BYTES;
	CU_ASSERT_EQUAL_FATAL(message_finish(&writer, &key), 0);
	CU_ASSERT_EQUAL(verify(writer.bytes, writer.used), -EBADMSG);
}

static void full_datagram_takes_no_more(void)
{
	size_t backends = 0;

	message_begin(&writer, &header);
	CU_ASSERT_TRUE_FATAL(message_open_record(&writer, 100, false));
	while (message_add_backend(&writer, (uint64_t)backends << 8, true, 100))
		backends++;
	CU_ASSERT_FALSE(message_open_record(&writer, 102, false));
	CU_ASSERT_EQUAL_FATAL(message_finish(&writer, &key), 0);
	CU_ASSERT(writer.used <= MESSAGE_MAX_BYTES);
	CU_ASSERT(writer.used > MESSAGE_MAX_BYTES - MESSAGE_ENTRY_BYTES);
	CU_ASSERT(backends >= 100);
	CU_ASSERT_EQUAL(verify(writer.bytes, writer.used), 0);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(view_is_read_as_it_was_written), UNIT_TEST(other_key_is_refused),
		UNIT_TEST(every_changed_bit_is_noticed),   UNIT_TEST(every_cut_is_noticed),
		UNIT_TEST(signed_nonsense_is_malformed),   UNIT_TEST(name_without_end_is_malformed),
		UNIT_TEST(full_datagram_takes_no_more),	   {},
	};

	return unit_run("view_message", tests);
}
