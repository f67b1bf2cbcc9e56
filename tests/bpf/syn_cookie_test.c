/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SYN cookies of the balancer: the SYN-ACK octet by octet, beside one that is made here with
 * OpenSSL's SipHash and HMAC; which ACKs bring a cookie back; when a service is under
 * pressure; and that connections which are known never meet cookies.
 */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../support/testbed.h"
#include "../support/unit.h"

#define LABEL "sluice SYN cookies 1"
#define ISN   0x01020304U

static const char config[] =
	"{sluice: 1, cluster: test, key: %s, limits: {flows: 4096},"
	" nodes: {"
	"  lb: {interfaces: {eth0: {network: edge, address: [10.10.1.11/24, 'fd00:10:1::11/64'],"
	"       roles: %s}}},"
	"  a: {interfaces: {eth0: {network: edge, address: [10.10.1.21/24, 'fd00:10:1::21/64'],"
	"      roles: [decap]}}},"
	"  b: {interfaces: {eth0: {network: edge, address: [10.10.1.22/24, 'fd00:10:1::22/64'],"
	"      roles: [decap]}}}},"
	" services: {"
	"  www: {vips: ['192.0.2.10:80', '[2001:db8:2::10]:80'], proto: tcp, syn-cookies: always,"
	"   backends: {a: {}, b: {}}},"
	"  dsr: {vips: ['192.0.2.10:81', '[2001:db8:2::10]:81'], proto: tcp, forward: dsr,"
	"   syn-cookies: always, backends: {a: {}, b: {}}},"
	"  some: {vips: ['192.0.2.10:82'], proto: tcp, syn-cookies: 5/s, backends: {a: {}, b: {}}},"
	"  calm: {vips: ['192.0.2.10:83'], proto: tcp, syn-cookies: 5/s, backends: {a: {}}},"
	"  range: {vips: ['192.0.2.10:8000-8099'], proto: tcp, syn-cookies: always,"
	"   backends: {a: {}}},"
	"  gone: {vips: ['192.0.2.10:84'], proto: tcp, syn-cookies: always,"
	"   backends: {a: {state: down}}}},"
	" policies: {p: {default: drop, rules: [{name: web, port: 80, proto: tcp, action: "
	"accept}]}}}";

static char key_path[64];

/* --- the key ------------------------------------------------------------------ */

static void write_key(const char *secret)
{
	FILE *file;

	if (!*key_path) {
		int fd;

		strcpy(key_path, "/tmp/syn-cookie-key-XXXXXX");
		fd = mkstemp(key_path);
		CU_ASSERT_FATAL(fd >= 0);
		close(fd);
	}
	file = fopen(key_path, "w");
	CU_ASSERT_FATAL(file && fputs(secret, file) >= 0 && !fclose(file));
}

static void up(struct testbed *tb, const char *roles)
{
	char yaml[2048];

	write_key("a secret of the cluster\n");
	snprintf(yaml, sizeof(yaml), config, key_path, roles);
	testbed_up(tb, "lb", yaml);
}

static void down(struct testbed *tb)
{
	testbed_down(tb);
	unlink(key_path);
	*key_path = '\0';
}

/* --- SYNs --------------------------------------------------------------------- */

struct syn_test {
	const char *name;
	bool v6;
	unsigned short port;
	unsigned char options[40], option_bytes;
	unsigned char ecn;	   /* ECE and CWR */
	unsigned short ip_options; /* IPv4 */
	unsigned short extra;	   /* octets behind TCP's header */
	unsigned mss_index;	   /* of the client's MSS */
	unsigned short mss;	   /* that is expected to be told */
	bool timestamp, sack;	   /* expected in the answer */
	unsigned char scale;	   /* the client's; 15: none */
};

#define LINUX_OPTIONS(high, low)                                                                   \
	{2, 4, high, low, 4, 2, 8, 10, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0, 1, 3, 3, 9}, 20

static const struct syn_test syn_tests[] = {
	{"no options", .port = 80, .mss = 1440, .scale = 15},
	{"Linux", false, 80, LINUX_OPTIONS(0x05, 0xb4), 0, 0, 0, 6, 1440, true, true, 9},
	{"Linux, DSR", false, 81, LINUX_OPTIONS(0x05, 0xb4), 0, 0, 0, 6, 1460, true, true, 9},
	{"Linux, ECN", false, 80, LINUX_OPTIONS(0x05, 0xb4), 0xc0, 0, 0, 6, 1440, true, true, 9},
	{"a jumbo MSS", false, 80, LINUX_OPTIONS(0x23, 0x28), 0, 0, 0, 7, 1440, true, true, 9},
	{"IP options, and data", false, 80, LINUX_OPTIONS(0x05, 0xb3), 0, 8, 33, 5, 1440, true,
	 true, 9},
	{"IPv6", true, 80, LINUX_OPTIONS(0x05, 0xa0), 0, 0, 0, 5, 1400, true, true, 9},
	{"IPv6, DSR", true, 81, LINUX_OPTIONS(0x05, 0xa0), 0, 0, 0, 5, 1440, true, true, 9},
	{"IPv6, no options", .v6 = true, .port = 80, .mss_index = 1, .mss = 1400, .scale = 15},
	{"MSS alone", false, 80, {2, 4, 0x05, 0x78}, 4, 0, 0, 0, 3, 1440, false, false, 15},
	{"timestamps without more",
	 false,
	 80,
	 {1, 1, 8, 10, 9, 9, 9, 9, 0, 0, 0, 0},
	 12,
	 0,
	 0,
	 0,
	 0,
	 1440,
	 true,
	 false,
	 15},
	{"a scale beyond the limit",
	 false,
	 80,
	 {3, 3, 200, 8, 10, 9, 9, 9, 9, 0, 0, 0, 0, 2, 4, 0x05, 0xb4},
	 17,
	 0,
	 0,
	 0,
	 6,
	 1440,
	 true,
	 false,
	 14},
	{"an option cut short",
	 false,
	 80,
	 {2, 4, 0x05, 0xb4, 8, 99},
	 8,
	 0,
	 0,
	 0,
	 6,
	 1440,
	 false,
	 false,
	 15},
	{"an option of no length",
	 false,
	 80,
	 {8, 0, 2, 4, 0x05, 0xb4},
	 8,
	 0,
	 0,
	 0,
	 0,
	 1440,
	 false,
	 false,
	 15},
	{"a port of a range", false, 8042, LINUX_OPTIONS(0x05, 0xb4), 0, 0, 0, 6, 1440, true, true,
	 9},
};

static size_t tcp_at(const struct frame *frame)
{
	const unsigned char *ip = frame->bytes + ETH_HLEN;

	return ETH_HLEN + (*ip >> 4 == 6 ? 40 : (*ip & 15) * 4U);
}

static void put32(unsigned char *at, __u32 value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

static __u32 get32(const unsigned char *at)
{
	__u32 value;

	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

/* TCP's checksum is left wrong: nobody looks at it. */
static void build_syn(struct testbed *tb, const struct syn_test *test, unsigned short sport,
		      struct frame *frame)
{
	unsigned char options = (unsigned char)((test->option_bytes + 3) / 4 * 4);
	struct packet packet = {.src = test->v6 ? "2001:db8:51::7" : "198.51.100.7",
				.dst = test->v6 ? "2001:db8:2::10" : "192.0.2.10",
				.sport = sport,
				.dport = test->port,
				.flags = TCP_SYN | test->ecn,
				.options = (unsigned char)test->ip_options,
				.payload = options + test->extra};
	unsigned char *tcp;

	testbed_frame(tb, "eth0", &packet, frame);
	tcp = frame->bytes + tcp_at(frame);
	put32(tcp + 4, ISN);
	tcp[12] = (unsigned char)((20 + options) / 4 << 4);
	memset(tcp + 20, 0, options);
	memcpy(tcp + 20, test->options, test->option_bytes);
}

/* --- the expected answer ------------------------------------------------------ */

static __u64 tai_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_TAI, &now);
	return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

/* Waits until no number of the answer is about to change: traced and live must be alike. */
static __u64 steady_time(void)
{
	__u64 now = tai_ns();

	while ((now >> 20 & 63) > 40) {
		usleep(1000);
		now = tai_ns();
	}
	return now;
}

static __u32 reference_hash(const char *secret, const unsigned char *bytes, size_t length)
{
	unsigned char derived[EVP_MAX_MD_SIZE], out[8];
	size_t size = sizeof(out), out_length = size;
	OSSL_PARAM params[2] = {OSSL_PARAM_construct_size_t("size", &size),
				OSSL_PARAM_construct_end()};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

	HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)LABEL, strlen(LABEL),
	     derived, NULL);
	CU_ASSERT_FATAL(EVP_MAC_init(ctx, derived, 16, params) &&
			EVP_MAC_update(ctx, bytes, length) &&
			EVP_MAC_final(ctx, out, &out_length, sizeof(out)));
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return (__u32)(out[0] | out[1] << 8 | out[2] << 16);
}

/* The message's words, as a little-endian machine has them. */
static __u32 reference_cookie(const struct frame *syn, bool v6, __u32 unit, unsigned mss_index)
{
	const unsigned char *ip = syn->bytes + ETH_HLEN, *tcp = syn->bytes + tcp_at(syn);
	__u64 words[6], tail = (__u64)unit << 3 | mss_index;
	__u32 src, dst;
	__u16 ports[2];
	size_t count = v6 ? 4 : 1;

	if (v6) {
		memcpy(words, ip + 8, 32);
	} else {
		memcpy(&src, ip + 12, 4);
		memcpy(&dst, ip + 16, 4);
		words[0] = (__u64)src << 32 | dst;
	}
	memcpy(ports, tcp, sizeof(ports));
	words[count++] = (__u64)ports[0] << 48 | (__u64)ports[1] << 32 | ISN;
	words[count++] = tail;
	return (unit & 31) << 27 | mss_index << 24 |
	       reference_hash("a secret of the cluster", (unsigned char *)words, count * 8 - 1);
}

static size_t expect_options(const struct syn_test *test, const unsigned char *syn, __u64 now,
			     unsigned char *options)
{
	unsigned low = test->scale | (test->sack ? 16 : 0) | (test->ecn ? 32 : 0);
	static const unsigned char nops[] = {1, 1, 1, 1}, scale[] = {1, 3, 3, 7};

	options[0] = 2;
	options[1] = 4;
	options[2] = (unsigned char)(test->mss >> 8);
	options[3] = (unsigned char)test->mss;
	if (!test->timestamp)
		return 4;
	memcpy(options + 4, test->sack ? "\4\2\10\12" : "\1\1\10\12", 4);
	put32(options + 8, (((__u32)(now >> 20) - 64) & ~63U) | low);
	for (size_t i = 0; i < test->option_bytes; i++)
		if (syn[20 + i] == 8 && syn[21 + i] == 10)
			memcpy(options + 12, syn + 22 + i, 4);
	memcpy(options + 16, test->scale == 15 ? nops : scale, 4);
	return 20;
}

static void expect_answer(struct testbed *tb, const struct syn_test *test, const struct frame *syn,
			  __u64 now, struct frame *frame)
{
	unsigned char options[20];
	const unsigned char *sent = syn->bytes + tcp_at(syn);
	size_t bytes = expect_options(test, sent, now, options);
	struct packet packet = {.src = test->v6 ? "2001:db8:2::10" : "192.0.2.10",
				.dst = test->v6 ? "2001:db8:51::7" : "198.51.100.7",
				.sport = test->port,
				.dport = (unsigned short)(sent[0] << 8 | sent[1]),
				.flags = (unsigned char)(TCP_SYN | TCP_ACK |
							 (test->ecn && test->timestamp ? 0x40 : 0)),
				.fragment = test->v6 ? 0 : IP_DF,
				.payload = bytes};
	unsigned char *tcp, *ip;
	unsigned short sum;

	testbed_frame(tb, "eth0", &packet, frame);
	frame_set_link(frame, syn->bytes + ETH_ALEN, syn->bytes);
	ip = frame->bytes + ETH_HLEN;
	tcp = frame->bytes + tcp_at(frame);
	put32(tcp + 4, reference_cookie(syn, test->v6, (__u32)(now >> 36), test->mss_index));
	put32(tcp + 8, ISN + 1);
	tcp[12] = (unsigned char)((20 + bytes) / 4 << 4);
	tcp[14] = 64240 >> 8;
	tcp[15] = 64240 & 255;
	memset(tcp + 16, 0, 4);
	memcpy(tcp + 20, options, bytes);
	sum = internet_checksum(ip + (test->v6 ? 8 : 12), test->v6 ? 32 : 8,
				IPPROTO_TCP + 20 + bytes);
	sum = internet_checksum(tcp, 20 + bytes, (unsigned short)~ntohs(sum));
	memcpy(tcp + 16, &sum, sizeof(sum));
}

static void check_syn(struct testbed *tb, const struct syn_test *test)
{
	struct frame syn, expected;
	struct run run;
	__u64 now;

	build_syn(tb, test, 40000, &syn);
	now = steady_time();
	expect_answer(tb, test, &syn, now, &expected);
	testbed_run(tb, "eth0", &syn, &run);
	CU_ASSERT_EQUAL(run.outcome, SLUICE_TX);
	if (frame_equal(&run.frame, &expected))
		return;
	printf("\n    %s:\n", test->name);
	frame_print_difference(&expected, &run.frame);
	CU_FAIL("see above");
}

static void syn_is_answered_with_a_cookie(void)
{
	struct testbed tb;

	up(&tb, "[balancer]");
	for (size_t i = 0; i < sizeof(syn_tests) / sizeof(syn_tests[0]); i++)
		check_syn(&tb, &syn_tests[i]);
	CU_ASSERT_EQUAL(testbed_load(&tb, "www", "a").sent.packets, 0);
	CU_ASSERT_EQUAL(testbed_load(&tb, "www", "b").sent.packets, 0);
	down(&tb);
}

/* --- ACKs --------------------------------------------------------------------- */

static struct sluice_cookie_count cookies_of(const struct testbed *tb, const char *name)
{
	struct sluice_cookie_count count = {0};
	struct loads *loads;

	CU_ASSERT_FATAL(!loads_read(&tb->dp, &loads));
	CU_ASSERT(loads_cookies(loads, model_service(&tb->cluster, name), &count));
	loads_free(loads);
	return count;
}

/* The cookie that a SYN is answered with. */
static __u32 ask(struct testbed *tb, const struct syn_test *test, unsigned short sport)
{
	struct frame syn;
	struct run run;

	build_syn(tb, test, sport, &syn);
	steady_time();
	testbed_run(tb, "eth0", &syn, &run);
	CU_ASSERT_EQUAL(run.outcome, SLUICE_TX);
	return get32(run.frame.bytes + tcp_at(&run.frame) + 4);
}

/* An ACK of that number; how its frame leaves is another test's. */
static enum sluice_outcome acknowledge(struct testbed *tb, const struct syn_test *test,
				       unsigned short sport, __u32 sequence, __u32 number)
{
	struct syn_test plain = {.v6 = test->v6, .port = test->port};
	struct frame ack;
	struct run run;
	unsigned char *tcp;

	build_syn(tb, &plain, sport, &ack);
	tcp = ack.bytes + tcp_at(&ack);
	put32(tcp + 4, sequence);
	put32(tcp + 8, number);
	tcp[13] = TCP_ACK;
	testbed_run(tb, "eth0", &ack, &run);
	return run.outcome;
}

static void check_ack(struct testbed *tb, const struct syn_test *test, const char *service)
{
	__u32 cookie = ask(tb, test, 41000);
	struct sluice_cookie_count before = cookies_of(tb, service), after;
	__u64 flows =
		testbed_load(tb, service, "a").new_flows + testbed_load(tb, service, "b").new_flows;

	CU_ASSERT_EQUAL(acknowledge(tb, test, 41000, ISN + 1, cookie + 1), SLUICE_TX);
	after = cookies_of(tb, service);
	CU_ASSERT_EQUAL(after.uses[SLUICE_COOKIE_VALID], before.uses[SLUICE_COOKIE_VALID] + 1);
	CU_ASSERT_EQUAL(testbed_load(tb, service, "a").new_flows +
				testbed_load(tb, service, "b").new_flows,
			flows + 1);
	/* The connection is known now: whatever it acknowledges. */
	CU_ASSERT_EQUAL(acknowledge(tb, test, 41000, ISN + 9, cookie + 77), SLUICE_TX);
	before = cookies_of(tb, service);
	CU_ASSERT(!memcmp(&before, &after, sizeof(before)));
}

static void ack_with_the_cookie_goes_to_the_backend(void)
{
	struct testbed tb;

	up(&tb, "[balancer]");
	check_ack(&tb, &syn_tests[1], "www");
	check_ack(&tb, &syn_tests[2], "dsr");
	check_ack(&tb, &syn_tests[6], "www");
	check_ack(&tb, &syn_tests[7], "dsr");
	down(&tb);
}

static void cookie_is_of_one_connection(void)
{
	const struct syn_test *test = &syn_tests[1];
	struct testbed tb;
	__u32 cookie;

	up(&tb, "[balancer]");
	cookie = ask(&tb, test, 42000);
	acknowledge(&tb, test, 42000, ISN + 1, cookie + 2);
	acknowledge(&tb, test, 42001, ISN + 1, cookie + 1);
	acknowledge(&tb, test, 42002, ISN + 2, cookie + 1);
	acknowledge(&tb, test, 42003, ISN + 1, (cookie ^ 1U << 24) + 1);
	acknowledge(&tb, test, 42004, ISN + 1, (cookie ^ 1U << 30) + 1);
	CU_ASSERT_EQUAL(cookies_of(&tb, "www").uses[SLUICE_COOKIE_VALID], 0);
	CU_ASSERT_EQUAL(cookies_of(&tb, "www").uses[SLUICE_COOKIE_INVALID], 5);
	down(&tb);
}

/* As with a first ACK that another balancer's client sends here: some pass, and no flood. */
static void flood_of_acks_is_dropped(void)
{
	unsigned passed = 0, dropped = 0;
	struct testbed tb;

	up(&tb, "[balancer]");
	for (unsigned i = 0; i < 3000 && dropped < 100; i++) {
		enum sluice_outcome outcome =
			acknowledge(&tb, &syn_tests[1], (unsigned short)(20000 + i), ISN, i);

		passed += outcome == SLUICE_TX;
		dropped += outcome == SLUICE_BAD_COOKIE;
	}
	CU_ASSERT(passed >= 1000);
	CU_ASSERT_EQUAL(dropped, 100);
	down(&tb);
}

static void key_before_the_last_change_is_accepted(void)
{
	const struct syn_test *test = &syn_tests[1];
	struct testbed tb;
	__u32 cookie;

	up(&tb, "[balancer]");
	cookie = ask(&tb, test, 43000);
	write_key("another secret of the cluster");
	testbed_publish(&tb);
	CU_ASSERT(ask(&tb, test, 43000) != cookie);
	acknowledge(&tb, test, 43000, ISN + 1, cookie + 1);
	CU_ASSERT_EQUAL(cookies_of(&tb, "www").uses[SLUICE_COOKIE_VALID], 1);
	cookie = ask(&tb, test, 43001);
	write_key("a third one of the cluster");
	testbed_publish(&tb);
	write_key("and a fourth of the cluster");
	testbed_publish(&tb);
	acknowledge(&tb, test, 43001, ISN + 1, cookie + 1);
	CU_ASSERT_EQUAL(cookies_of(&tb, "www").uses[SLUICE_COOKIE_VALID], 1);
	CU_ASSERT_EQUAL(cookies_of(&tb, "www").uses[SLUICE_COOKIE_INVALID], 1);
	down(&tb);
}

/* --- pressure ----------------------------------------------------------------- */

static const struct syn_test to_some = {.port = 82}, to_calm = {.port = 83};

/* Whether a SYN went to a backend: in a tunnel it is longer than an answer. */
static bool goes_on(struct testbed *tb, const struct syn_test *test, unsigned short sport)
{
	struct frame syn;
	struct run run;

	build_syn(tb, test, sport, &syn);
	testbed_run(tb, "eth0", &syn, &run);
	CU_ASSERT_EQUAL(run.outcome, SLUICE_TX);
	return run.frame.length > syn.length + 4;
}

static void service_under_pressure_gets_cookies_alone(void)
{
	struct testbed tb;
	unsigned on = 0;

	up(&tb, "[balancer]");
	CU_ASSERT(goes_on(&tb, &to_some, 30000));
	for (unsigned short i = 1; i < 60; i++)
		on += goes_on(&tb, &to_some, (unsigned short)(30000 + i));
	CU_ASSERT(on <= 10);
	CU_ASSERT_EQUAL(cookies_of(&tb, "some").uses[SLUICE_COOKIE_SENT], 59 - on);
	/* One that went to its backend before is sent again: it goes there. */
	CU_ASSERT(goes_on(&tb, &to_some, 30000));
	CU_ASSERT(goes_on(&tb, &to_calm, 30000));
	CU_ASSERT_EQUAL(cookies_of(&tb, "calm").uses[SLUICE_COOKIE_SENT], 0);
	down(&tb);
}

static void service_without_backends_gives_no_cookies(void)
{
	static const struct syn_test test = {.port = 84};
	struct testbed tb;
	struct frame syn;
	struct run run;

	up(&tb, "[balancer]");
	build_syn(&tb, &test, 30000, &syn);
	testbed_run(&tb, "eth0", &syn, &run);
	CU_ASSERT_EQUAL(run.outcome, SLUICE_NO_BACKEND);
	down(&tb);
}

/* --- with a firewall ---------------------------------------------------------- */

static void firewall_judges_the_syn_and_knows_the_connection_by_its_ack(void)
{
	const struct syn_test *test = &syn_tests[1];
	struct testbed tb;
	struct frame syn;
	struct run run;
	__u32 cookie;

	up(&tb, "[firewall, balancer], policy: p");
	cookie = ask(&tb, test, 44000);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 0);
	CU_ASSERT_EQUAL(testbed_rule_use(&tb, "p", "web").packets, 1);
	CU_ASSERT_EQUAL(acknowledge(&tb, test, 44000, ISN + 1, cookie + 9), SLUICE_NO_FLOW);
	CU_ASSERT_EQUAL(acknowledge(&tb, test, 44000, ISN + 1, cookie + 1), SLUICE_TX);
	CU_ASSERT_EQUAL(testbed_flow_count(&tb), 1);
	CU_ASSERT_EQUAL(acknowledge(&tb, test, 44000, ISN + 9, cookie + 99), SLUICE_TX);
	build_syn(&tb, &syn_tests[2], 44000, &syn);
	testbed_run(&tb, "eth0", &syn, &run);
	CU_ASSERT_EQUAL(run.outcome, SLUICE_POLICY_DEFAULT);
	down(&tb);
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(syn_is_answered_with_a_cookie),
		UNIT_TEST(ack_with_the_cookie_goes_to_the_backend),
		UNIT_TEST(cookie_is_of_one_connection),
		UNIT_TEST(flood_of_acks_is_dropped),
		UNIT_TEST(key_before_the_last_change_is_accepted),
		UNIT_TEST(service_under_pressure_gets_cookies_alone),
		UNIT_TEST(service_without_backends_gives_no_cookies),
		UNIT_TEST(firewall_judges_the_syn_and_knows_the_connection_by_its_ack),
		{},
	};

	return unit_run("syn cookies", tests);
}
