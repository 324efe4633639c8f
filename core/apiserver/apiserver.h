/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apiserver.h -- the API server as its own files see it: what is shared by
 * all fronts, and what each front keeps for itself.
 * Threads: struct apiserver is written before the fronts start and read-only
 * afterwards but for its atomics; struct front belongs to its loop.
 * Contract: core/apiserver/README.md. */
#ifndef PINTLE_APISERVER_H
#define PINTLE_APISERVER_H

#include "core/apiserver/pki.h"
#include "core/apiserver/request.h"
#include "core/http/server.h"
#include "core/config/config.h"
#include "core/loader/loader.h"

#define FRONTS_MAX	4

struct pin_bridge;
struct watch_front;
struct ring_event;
struct discovery;
struct view_hub;
struct issuer;

/* A batch of committed events on its way to one front. */
struct ring_batch {
	struct pin_msg	 msg;
	struct front	*front;
	uint64_t	 revision;	/* of the store after it */
	uint32_t	 n, pad;
	struct ring_event *events[];	/* one reference each */
};

struct front_counters {
	uint64_t	requests, errors, watches, deliveries, retries;
};

struct front {
	struct apiserver *srv;
	struct pin_loop	*loop;
	uint32_t	 index;
	uint32_t	 gzips;		/* answers being compressed */
	struct watch_front *watch;
	struct ring_batch *batch;	/* the store's thread, being filled */
	struct front_counters counters;
	struct pin_calls *calls;	/* plugin calls of this loop */
	struct flows	*flows;		/* flow.c */
	/* Requests whose commits are in; filled by the store's thread, taken
	 * by the front in one go. */
	_Atomic(struct request *) committed;
	struct pin_msg	 wake;
	_Atomic(int)	 waking;
};

struct apiserver {
	struct pin_host	*host;
	const struct pin_schema *schema;
	struct pin_bridge *bridge;	/* the table as patches see it */
	struct pin_plugins *plugins;
	const struct pin_store_ops *store;
	void		*store_self;
	struct http_server *http;
	uint32_t	 nfronts, pad;
	struct front	 fronts[FRONTS_MAX];
	struct pin_loop	*loops[FRONTS_MAX];	/* the fronts' */
	struct exchange_handler handler;
	struct tls_server *tls;
	struct pin_addr	 bound;		/* of the first listener */
	const char	*data;		/* directory */
	char		 node[64], advertise[64], service_ip[64];
	struct pin_env_services services;
	struct service_alloc *services_alloc;
	struct discovery *discovery;
	struct view_hub	*views;
	struct pki	*pki;
	struct issuer	*issuer;	/* token.h */
	struct pin_apiserver_config limits;
	_Atomic(uint64_t) revision;	/* newest committed */
	_Atomic(uint64_t) request_seq;
	_Atomic(uint32_t) ready;	/* bit per readyz check that holds */
	_Atomic(uint32_t) stopping;
	uint64_t	 started_ns;
	char		 instance[40];	/* random, for audit ids */
};

/* Helpers every verb uses: schema strings. */
static inline const char *
res_str(const struct request *r, uint32_t off);

const char	*res_group(const struct apiserver *,
		    const struct pin_res_row *);
const char	*res_version(const struct apiserver *,
		    const struct pin_res_row *);
#define S(srv, off)	pin_schema_str((srv)->schema, (off))

static inline const char *
res_str(const struct request *r, uint32_t off)
{
	return (pin_schema_str(r->srv->schema, off));
}

#endif
