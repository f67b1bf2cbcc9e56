/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The configuration of sluice-web, as the file says it and as it was checked:
 * routes know their upstream, pages and types are in memory.
 */
#ifndef SLUICE_WEB_CONFIG_H
#define SLUICE_WEB_CONFIG_H

#include "http/server.h"
#include "http/upstream.h"
#include "process.h"
#include "types.h"

#define WEB_PATH_LEN	   256
#define WEB_HOST_LEN	   256
#define WEB_MAX_SITES	   256
#define WEB_MAX_ROUTES	   256 /* of one site */
#define WEB_MAX_FIELDS	   32  /* of one site */
#define WEB_MAX_UPSTREAMS  64
#define WEB_MAX_SERVERS	   128 /* of all upstreams */
#define WEB_MAX_OPEN_FILES 960 /* of the 1024 descriptors that a worker has beside connections */
#define WEB_PAGE_MAX	   HTTP_REPLY_WHOLE_MAX
#define WEB_PAGE_FIRST	   400
#define WEB_PAGE_COUNT	   200

struct web_field {
	struct place place;
	char name[64];
	char value[1024]; /* "": not sent */
};

struct web_host {
	char name[WEB_HOST_LEN]; /* "www.example.com", "*.example.com" or "*" */
};

/* Where requests of a path and below it go: to files, or to an upstream. */
struct web_route {
	struct place place;
	char path[WEB_PATH_LEN];
	bool exact;		  /* "=/path" in the file: that path alone */
	char files[WEB_PATH_LEN]; /* directory that stands for `path` */
	char proxy[UPSTREAM_NAME_LEN];
	char cache_control[256]; /* "": none is sent */
	size_t upstream;	 /* index; of `proxy` */
	size_t number;		 /* among all routes of all sites */
};

struct web_site {
	struct place place;
	struct web_host *hosts;
	size_t host_count;
	char root[WEB_PATH_LEN]; /* becomes the route "/" */
	struct web_route *routes;
	size_t route_count;
	struct web_field *fields; /* of every response */
	size_t field_count;
	const char **pairs; /* the same with X-Sluice-Web: name, value, ..., NULL */
	size_t number;
};

struct web_page {
	char *text; /* NULL: the one that is built in */
	size_t length;
};

struct web_config {
	struct process_settings process;
	struct http_server_settings http;
	struct endpoint *listen;
	size_t listen_count;
	struct prefix *trusted; /* proxies whose X-Forwarded-* and X-Request-ID are believed */
	size_t trusted_count;
	struct upstream_settings *upstreams;
	size_t upstream_count;
	size_t server_count; /* of all upstreams */
	struct web_site *sites;
	size_t site_count;
	size_t route_count; /* of all sites */
	char health[WEB_PATH_LEN];
	char error_pages[WEB_PATH_LEN]; /* directory of files such as 404.html; "": none */
	char types_file[WEB_PATH_LEN];	/* "": what is built in */
	unsigned open_files;		/* kept by each worker */
	struct types types;
	struct web_page pages[WEB_PAGE_COUNT]; /* of status 400 + index */
};

/* For struct process_daemon. */
int web_config_read(const char *path, void **config, struct diag_list *diags);
void web_config_free(void *config);

#endif /* SLUICE_WEB_CONFIG_H */
