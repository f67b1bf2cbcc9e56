/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * TLS servers: which certificate a client gets, what is negotiated, sessions
 * that another server takes up, files that are wrong. Both sides in memory.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls_private.h"
#include "../support/certificate.h"
#include "../support/unit.h"

static char directory[] = "/tmp/tls_test.XXXXXX";
static struct tls_server_settings settings;
static struct tls_server *server;
static struct diag_list diags;

/* --- files ----------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void add_certificate(const char *name)
{
	struct tls_certificate_files *files = &settings.certificates[settings.certificate_count++];

	strcpy(files->chain, path_of(name));
	files->key[0] = '\0';
}

static void make_certificate(const char *name, const char *names, bool rsa)
{
	struct certificate what = {.names = names, .common_name = name, .rsa = rsa};

	certificate_write(&what, path_of(name), NULL);
	add_certificate(name);
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT(fputs(text, file) >= 0);
	fclose(file);
}

static void start(void)
{
	static const unsigned char alpn[] = "\x8http/1.1";

	settings = (struct tls_server_settings){
		.min_version = TLS1_2_VERSION, .alpn = alpn, .alpn_length = sizeof(alpn) - 1};
}

static void create(struct tls_server **out)
{
	int err = tls_server_create(&settings, out, &diags);

	for (size_t i = 0; i < diags.count; i++)
		printf("    %s\n", diags.items[i].text);
	CU_ASSERT_EQUAL_FATAL(err, 0);
}

static void end(void)
{
	tls_server_destroy(server);
	server = NULL;
	diag_fini(&diags);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

/* --- handshakes --------------------------------------------------------------------------- */

/* What a client asks for, and what came of it. */
struct client {
	const char *name;
	const char *ciphers; /* of TLS 1.2 */
	const char *alpn;
	int max_version;
	SSL_SESSION *session; /* offered; then the one that was given */
	bool succeeded, resumed;
	char certificate[64]; /* its common name */
	char protocol[32];
	char version[16];
};

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct client *client = SSL_get_app_data(ssl);

	SSL_SESSION_free(client->session);
	client->session = session;
	return 1;
}

static SSL *client_side(SSL_CTX *context, struct client *client)
{
	SSL *ssl;

	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, keep_session);
	ssl = SSL_new(context);
	SSL_set_app_data(ssl, client);
	if (client->name)
		SSL_set_tlsext_host_name(ssl, client->name);
	if (client->ciphers)
		CU_ASSERT(SSL_set_cipher_list(ssl, client->ciphers));
	if (client->max_version)
		SSL_set_max_proto_version(ssl, client->max_version);
	if (client->alpn)
		SSL_set_alpn_protos(ssl, (const unsigned char *)client->alpn,
				    (unsigned)strlen(client->alpn));
	if (client->session)
		SSL_set_session(ssl, client->session);
	SSL_set_connect_state(ssl);
	return ssl;
}

static bool shake_hands(SSL *ours, SSL *theirs)
{
	char byte;

	for (int i = 0; i < 10; i++) {
		SSL_do_handshake(theirs);
		SSL_do_handshake(ours);
	}
	SSL_read(theirs, &byte, 1); /* tickets */
	ERR_clear_error();
	return SSL_is_init_finished(ours) && SSL_is_init_finished(theirs);
}

static void note_result(struct client *client, SSL *ssl)
{
	X509 *leaf = SSL_get0_peer_certificate(ssl);
	const unsigned char *alpn;
	unsigned length;

	client->resumed = SSL_session_reused(ssl);
	snprintf(client->version, sizeof(client->version), "%s", SSL_get_version(ssl));
	if (leaf)
		X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName,
					  client->certificate, sizeof(client->certificate));
	SSL_get0_alpn_selected(ssl, &alpn, &length);
	snprintf(client->protocol, sizeof(client->protocol), "%.*s", (int)length,
		 length ? (const char *)alpn : "");
}

static void visit(struct tls_server *to, struct client *client)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *theirs = client_side(context, client), *ours = tls_server_session(to);
	BIO *one, *other;

	CU_ASSERT_EQUAL_FATAL(BIO_new_bio_pair(&one, 1 << 16, &other, 1 << 16), 1);
	SSL_set_bio(ours, one, one);
	SSL_set_bio(theirs, other, other);
	client->succeeded = shake_hands(ours, theirs);
	tls_handshake_ended(ours, client->succeeded, 5);
	note_result(client, theirs);
	if (client->resumed && SSL_version(theirs) == TLS1_2_VERSION) /* OpenSSL does not say so */
		keep_session(theirs, SSL_get1_session(theirs));
	SSL_set_shutdown(theirs, SSL_SENT_SHUTDOWN); /* or the session were thrown away */
	SSL_free(theirs);
	SSL_free(ours);
	SSL_CTX_free(context);
	ERR_clear_error();
}

static void assert_certificate(const char *name, const char *expected)
{
	struct client client = {.name = name};

	visit(server, &client);
	CU_ASSERT(client.succeeded);
	UNIT_ASSERT_TEXT(client.certificate, expected);
	SSL_SESSION_free(client.session);
}

/* --- certificates by name ------------------------------------------------------------------ */

static void certificate_is_chosen_by_name(void)
{
	start();
	make_certificate("default", "DNS:www.example.net, DNS:example.net", false);
	make_certificate("wild", "DNS:*.example.net", false);
	make_certificate("shop", "DNS:SHOP.example.net", false);
	create(&server);
	assert_certificate("www.example.net", "default");
	assert_certificate("example.net", "default");
	assert_certificate("shop.example.net", "shop");
	assert_certificate("Shop.Example.NET", "shop");
	assert_certificate("other.example.net", "wild");
	assert_certificate("a.b.example.net", "default");
	assert_certificate("unknown.example.org", "default");
	assert_certificate(NULL, "default");
	end();
}

static void client_gets_the_kind_of_key_that_it_knows(void)
{
	struct client ecdsa = {.name = "www.example.net",
			       .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
			       .max_version = TLS1_2_VERSION};
	struct client rsa = {.name = "www.example.net",
			     .ciphers = "ECDHE-RSA-AES128-GCM-SHA256",
			     .max_version = TLS1_2_VERSION};
	struct client lonely = {.name = "only.example.net",
				.ciphers = "ECDHE-RSA-AES128-GCM-SHA256",
				.max_version = TLS1_2_VERSION};

	start();
	make_certificate("rsa", "DNS:www.example.net", true);
	make_certificate("ecdsa", "DNS:www.example.net, DNS:only.example.net", false);
	make_certificate("later", "DNS:www.example.net, DNS:later.example.net", false);
	create(&server);
	visit(server, &ecdsa);
	UNIT_ASSERT_TEXT(ecdsa.certificate, "ecdsa");
	visit(server, &rsa);
	UNIT_ASSERT_TEXT(rsa.certificate, "rsa");
	visit(server, &lonely);
	CU_ASSERT_FALSE(lonely.succeeded);
	assert_certificate("later.example.net", "later");
	SSL_SESSION_free(ecdsa.session);
	SSL_SESSION_free(rsa.session);
	end();
}

static void many_names_are_found(void)
{
	struct tls_hosts hosts = {0};
	char name[64];

	CU_ASSERT_PTR_NULL(tls_hosts_find(&hosts, "h0.example.net"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "h%u.example.net", i);
		tls_hosts_add(&hosts, name)->certificates = i;
	}
	CU_ASSERT_PTR_NOT_NULL(tls_hosts_add(&hosts, "*.wild.example.net"));
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "H%u.example.net", i);
		CU_ASSERT_EQUAL(tls_hosts_find(&hosts, name)->certificates, i);
	}
	CU_ASSERT_EQUAL(hosts.count, 1001);
	CU_ASSERT_PTR_NOT_NULL(tls_hosts_find(&hosts, "a.wild.example.net"));
	CU_ASSERT_PTR_NULL(tls_hosts_find(&hosts, ".wild.example.net"));
	CU_ASSERT_PTR_NULL(tls_hosts_find(&hosts, "wild.example.net"));
	CU_ASSERT_PTR_NULL(tls_hosts_find(&hosts, "h1000.example.net"));
	CU_ASSERT_PTR_NULL(tls_hosts_find(&hosts, ""));
	CU_ASSERT_PTR_NULL(tls_hosts_find(&hosts, "."));
	tls_hosts_fini(&hosts);
}

/* --- what is negotiated ---------------------------------------------------------------------- */

static void protocol_is_agreed_upon_or_refused(void)
{
	struct client both = {.alpn = "\x2h2\x8http/1.1"}, none = {0}, other = {.alpn = "\x2h2"};

	start();
	make_certificate("default", "DNS:www.example.net", false);
	create(&server);
	visit(server, &both);
	UNIT_ASSERT_TEXT(both.protocol, "http/1.1");
	visit(server, &none);
	CU_ASSERT(none.succeeded);
	UNIT_ASSERT_TEXT(none.protocol, "");
	visit(server, &other);
	CU_ASSERT_FALSE(other.succeeded);
	SSL_SESSION_free(both.session);
	SSL_SESSION_free(none.session);
	end();
}

static void versions_below_the_least_are_refused(void)
{
	struct client old = {.max_version = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"};
	struct client middle = {.max_version = TLS1_2_VERSION}, now = {0};
	struct tls_counters counters = {0};

	start();
	make_certificate("default", "DNS:www.example.net", false);
	create(&server);
	tls_server_count(server, &counters);
	visit(server, &old);
	CU_ASSERT_FALSE(old.succeeded);
	visit(server, &middle);
	UNIT_ASSERT_TEXT(middle.version, "TLSv1.2");
	visit(server, &now);
	UNIT_ASSERT_TEXT(now.version, "TLSv1.3");
	CU_ASSERT_EQUAL(counters.failed, 1);
	CU_ASSERT_EQUAL(counters.handshakes_tls12, 1);
	CU_ASSERT_EQUAL(counters.handshakes_tls13, 1);
	CU_ASSERT_EQUAL(counters.handshake_ns, 10);
	tls_server_destroy(server);
	settings.min_version = TLS1_3_VERSION;
	create(&server);
	visit(server, &middle);
	CU_ASSERT_FALSE(middle.succeeded);
	SSL_SESSION_free(middle.session);
	SSL_SESSION_free(now.session);
	end();
}

static void ciphers_without_forward_secrecy_are_refused(void)
{
	static const char *const refused[] = {"AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA",
					      "DHE-RSA-AES128-GCM-SHA256"};

	start();
	make_certificate("rsa", "DNS:www.example.net", true);
	create(&server);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct client client = {.max_version = TLS1_2_VERSION, .ciphers = refused[i]};

		visit(server, &client);
		CU_ASSERT_FALSE(client.succeeded);
	}
	end();
}

/* --- tickets -------------------------------------------------------------------------------- */

static void write_keys(const char *first, const char *second)
{
	char text[512];

	snprintf(text, sizeof(text), "%s\n%s%s", first, second ? second : "", second ? "\n" : "");
	write_file("tickets", text);
	strcpy(settings.ticket_keys, path_of("tickets"));
}

static void make_key(char text[static 109])
{
	unsigned char key[80];

	CU_ASSERT(RAND_bytes(key, sizeof(key)) > 0);
	EVP_EncodeBlock((unsigned char *)text, key, sizeof(key));
}

static void session_is_taken_up_elsewhere(int max_version)
{
	struct client client = {.name = "www.example.net", .max_version = max_version};
	struct tls_server *other;
	char first[109], second[109];

	start();
	make_certificate("default", "DNS:example.net", false);
	make_certificate("www", "DNS:www.example.net", false);
	make_key(first);
	make_key(second);
	write_keys(first, NULL);
	create(&server);
	write_keys(first, second);
	create(&other);

	visit(server, &client);
	CU_ASSERT_FALSE(client.resumed);
	visit(server, &client);
	CU_ASSERT(client.resumed);
	visit(other, &client); /* its key has become the older one: a new ticket */
	CU_ASSERT(client.resumed);
	visit(server, &client);
	CU_ASSERT_FALSE(client.resumed);
	CU_ASSERT(client.succeeded);
	SSL_SESSION_free(client.session);
	tls_server_destroy(other);
	end();
}

static void ticket_is_taken_up_by_a_server_with_its_key(void)
{
	session_is_taken_up_elsewhere(TLS1_3_VERSION);
	session_is_taken_up_elsewhere(TLS1_2_VERSION);
}

static void without_keys_there_are_no_tickets(void)
{
	struct client client = {0}, older = {.max_version = TLS1_2_VERSION};

	start();
	make_certificate("default", "DNS:example.net", false);
	create(&server);
	visit(server, &client);
	CU_ASSERT(client.succeeded);
	CU_ASSERT_PTR_NULL(client.session);
	visit(server, &older);
	visit(server, &older);
	CU_ASSERT(older.succeeded);
	CU_ASSERT_FALSE(older.resumed);
	SSL_SESSION_free(older.session);
	end();
}

/* --- mistakes ------------------------------------------------------------------------------- */

static void assert_mistake(const char *expected)
{
	CU_ASSERT_EQUAL(tls_server_create(&settings, &server, &diags), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(diags.count, 1);
	if (!strstr(diags.items[0].text, expected))
		UNIT_ASSERT_TEXT(diags.items[0].text, expected);
	end();
}

static void wrong_files_are_named(void)
{
	struct certificate what = {.names = "DNS:a.example.net", .common_name = "a"};

	start();
	add_certificate("missing");
	assert_mistake("/missing: no chain of certificates can be read: No such file");

	start();
	write_file("text", "no certificate\n");
	add_certificate("text");
	assert_mistake("/text: no chain of certificates can be read: no start line");

	start();
	make_certificate("default", "DNS:www.example.net", false);
	strcpy(settings.certificates[0].key, path_of("a.key"));
	certificate_write(&what, path_of("a"), settings.certificates[0].key);
	assert_mistake("/a.key: the private key is not that of the certificate");

	start();
	make_certificate("default", "DNS:www.example.net", false);
	strcpy(settings.certificates[0].key, path_of("text"));
	assert_mistake("/text: no private key can be read");

	start();
	make_certificate("default", "DNS:www.example.net", false);
	what = (struct certificate){.names = "email:a@example.net", .common_name = "a"};
	certificate_write(&what, path_of("nameless"), NULL);
	add_certificate("nameless");
	assert_mistake("/nameless: the certificate names no host");
}

static void wrong_ticket_keys_are_named(void)
{
	char key[109];

	start();
	make_certificate("default", "DNS:www.example.net", false);
	make_key(key);
	write_keys(key, "c2hvcnQ=");
	assert_mistake("/tickets:2: a ticket key is 80 bytes in base64");
	write_keys("", NULL);
	assert_mistake("/tickets: there is no ticket key");
	strcpy(settings.ticket_keys, path_of("missing"));
	assert_mistake("/missing: No such file");
}

static void expired_certificate_is_still_served(void)
{
	struct certificate what = {.names = "DNS:a.example.net", .common_name = "a"};

	start();
	what.expired = true;
	certificate_write(&what, path_of("expired"), NULL);
	add_certificate("expired");
	create(&server);
	assert_certificate("a.example.net", "a");
	end();
}

static void certificate_without_names_has_its_common_name(void)
{
	struct certificate what = {.common_name = "old.example.net"};

	start();
	make_certificate("default", "DNS:www.example.net", false);
	certificate_write(&what, path_of("old"), NULL);
	add_certificate("old");
	create(&server);
	assert_certificate("old.example.net", "old.example.net");
	end();
}

int main(void)
{
	static const struct unit_test tests[] = {
		UNIT_TEST(certificate_is_chosen_by_name),
		UNIT_TEST(client_gets_the_kind_of_key_that_it_knows),
		UNIT_TEST(many_names_are_found),
		UNIT_TEST(protocol_is_agreed_upon_or_refused),
		UNIT_TEST(versions_below_the_least_are_refused),
		UNIT_TEST(ciphers_without_forward_secrecy_are_refused),
		UNIT_TEST(ticket_is_taken_up_by_a_server_with_its_key),
		UNIT_TEST(without_keys_there_are_no_tickets),
		UNIT_TEST(wrong_files_are_named),
		UNIT_TEST(wrong_ticket_keys_are_named),
		UNIT_TEST(expired_certificate_is_still_served),
		UNIT_TEST(certificate_without_names_has_its_common_name),
		{0},
	};
	char command[64];
	int code;

	if (!mkdtemp(directory))
		return 2;
	code = unit_run("tls", tests);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command) ? 2 : code;
}
