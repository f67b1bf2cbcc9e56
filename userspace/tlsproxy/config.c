/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keys of the file, and what must hold between them. Certificates, keys and
 * ticket keys are read here, by the master, so that a mistake in them is one of
 * the configuration, and the workers need no right to read them.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_reader.h"
#include "settings.h"

#define HTTPS_PORT 443

/* --- objects in lists ----------------------------------------------------------- */

static void *add_listen(void *object, const char *name)
{
	struct tlsproxy_config *config = object;

	(void)name;
	return &config->listen[config->listen_count++];
}

static void *add_certificate(void *object, const char *name)
{
	struct tlsproxy_config *config = object;

	(void)name;
	return &config->tls.certificates[config->tls.certificate_count++];
}

/* --- keys ----------------------------------------------------------------------- */

static const char *const bool_words[] = {"false", "true", NULL};
static const char *const version_words[] = {"1.2", "1.3", NULL};

/* clang-format off */
#define BOOL(type, member) \
	.read = read_scalar, .parse = parse_bool, FIELD_MEMBER(type, member), .words = bool_words
#define PATH(type, member) \
	.read = read_scalar, .parse = parse_absolute_path, FIELD_MEMBER(type, member), \
	.expected = "the absolute path of a file, at most 255 characters"

static const struct field listen_fields[] = {
	{"address", .read = read_scalar, .parse = parse_endpoint,
	 FIELD_MEMBER(struct tlsproxy_listener, address), .required = true,
	 .expected = "address and port, as in 192.0.2.10:443 or \"[2001:db8::10]:443\""},
	{"tls", BOOL(struct tlsproxy_listener, tls)},
	{"redirect", BOOL(struct tlsproxy_listener, redirect)},
	{},
};

static const struct field certificate_fields[] = {
	{"chain", PATH(struct tls_certificate_files, chain), .required = true},
	{"key", PATH(struct tls_certificate_files, key)},
	{},
};

static const struct field fields[] = {
	PROCESS_FIELDS(struct tlsproxy_config, process),
	HTTP_SERVER_FIELDS(struct tlsproxy_config, http),
	{"listen", .read = read_objects, .members = listen_fields, .kind = "listener",
	 .add = add_listen, .max = TLSPROXY_MAX_LISTENERS, .required = true},
	{"certificates", .read = read_objects, .members = certificate_fields,
	 .kind = "certificate", .add = add_certificate, .max = TLS_MAX_CERTIFICATES,
	 .required = true},
	{"ticket-keys", PATH(struct tlsproxy_config, tls.ticket_keys)},
	{"tls-min", .read = read_scalar, .parse = parse_word,
	 FIELD_MEMBER(struct tlsproxy_config, least_tls),
	 .words = version_words},
	{"hsts", .read = read_scalar, .parse = parse_number,
	 FIELD_MEMBER(struct tlsproxy_config, hsts_s),
	 .min = 0, .max = 2000000000},
	{"upstream", .read = read_object, .members = upstream_fields,
	 .offset = offsetof(struct tlsproxy_config, upstream), .required = true},
	{},
};
/* clang-format on */

/* --- what must hold --------------------------------------------------------------- */

static void check_listeners(const struct tlsproxy_config *config, struct diag_list *diags)
{
	bool any_tls = false;

	for (size_t i = 0; i < config->listen_count; i++) {
		const struct tlsproxy_listener *one = &config->listen[i];

		any_tls |= one->tls;
		if (one->tls == one->redirect)
			diag_add(
				diags, one->place,
				"listener %zu: expected either \"tls: true\" or \"redirect: true\"",
				i + 1);
	}
	if (!any_tls)
		diag_add(diags, (struct place){0}, "no listener has \"tls: true\"");
	if (!config->tls.certificate_count)
		diag_add(diags, (struct place){0}, "there is no certificate");
}

static unsigned first_tls_port(const struct tlsproxy_config *config)
{
	for (size_t i = 0; i < config->listen_count; i++)
		if (config->listen[i].tls)
			return config->listen[i].address.port;
	return HTTPS_PORT;
}

static int complete(struct tlsproxy_config *config, struct diag_list *diags)
{
	static const unsigned char alpn[] = "\x8http/1.1\x8http/1.0";
	size_t before = diags->count;

	check_listeners(config, diags);
	if (diags->count > before)
		return -EINVAL;
	config->https_port = first_tls_port(config);
	config->tls.min_version =
		config->least_tls == TLSPROXY_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
	config->tls.alpn = alpn;
	config->tls.alpn_length = sizeof(alpn) - 1;
	return tls_server_create(&config->tls, &config->tls_server, diags);
}

int tlsproxy_config_read(const char *path, void **out, struct diag_list *diags)
{
	struct tlsproxy_config *config = calloc(1, sizeof(*config));
	int err;

	if (!config)
		return -ENOMEM;
	process_settings_init(&config->process);
	http_server_settings_init(&config->http);
	upstream_settings_init(&config->upstream, "web");
	err = settings_read(path, fields, config, diags);
	if (!err)
		err = complete(config, diags);
	if (err)
		tlsproxy_config_release(config);
	else
		*out = config;
	return err;
}

void tlsproxy_config_release(void *object)
{
	struct tlsproxy_config *config = object;

	tls_server_destroy(config->tls_server);
	free(config);
}

const struct process_settings *tlsproxy_config_process(const void *object)
{
	const struct tlsproxy_config *config = object;

	return &config->process;
}

size_t tlsproxy_config_listeners(const void *object, struct process_listener *out)
{
	const struct tlsproxy_config *config = object;

	for (size_t i = 0; i < config->listen_count; i++)
		out[i] = (struct process_listener){
			.at = config->listen[i].address,
			.purpose = config->listen[i].tls ? TLSPROXY_LISTEN_TLS
							 : TLSPROXY_LISTEN_REDIRECT,
		};
	return config->listen_count;
}
