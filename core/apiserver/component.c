/* SPDX-License-Identifier: BSD-2-Clause
 *
 * component.c -- ComponentStatus: read only, computed, never stored.
 * Front loop. Contract: core/v1 ComponentStatus; upstream's names, of which
 * the store answers as etcd-0. */
#include "core/apiserver/verbs.h"

#include <string.h>

#include "core/apiserver/render.h"

static int
store_healthy(struct apiserver *srv)
{
	struct pin_store_status st = { .size = sizeof(st) };

	srv->store->status(srv->store_self, &st);
	return (!st.read_only);
}

/* These live in this process: they are as alive as who answers. */
static int
alive(struct apiserver *srv)
{
	(void)srv;
	return (1);
}

static const struct {
	const char	*name;
	int		(*healthy)(struct apiserver *);
} components[] = {
	{ "controller-manager",	alive },
	{ "etcd-0",		store_healthy },
	{ "scheduler",		alive },
};

/* As stored bytes would be: render.c does the rest. */
static struct pin_buf *
component(struct apiserver *srv, size_t i)
{
	int ok = components[i].healthy(srv);
	struct pin_buf *b;
	struct pin_out o;

	pin_out_init(&o, NULL, 4096);
	pin_out_printf(&o, "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"ComponentStatus\",\"metadata\":{\"name\":\"%s\"},"
	    "\"conditions\":[{\"type\":\"Healthy\",\"status\":\"%s\","
	    "\"message\":\"%s\"}]}", components[i].name, ok ? "True" :
	    "False", ok ? "ok" : "no space left: writes are refused");
	b = o.failed == PIN_OK ? pin_buf_copy(o.p, o.len) : NULL;
	pin_out_fini(&o);
	return (b);
}

int
component_get(struct request *r)
{
	size_t i;

	if (negotiate(r, 1) != PIN_OK)
		return (reply_error(r));
	for (i = 0; i < PIN_LEN(components); i++)
		if (pin_str_is(r->info.name, components[i].name)) {
			r->old_bytes = component(r->srv, i);
			if (r->old_bytes == NULL)
				break;
			return (reply_object(r, 200, r->old_bytes,
			    r->srv->revision));
		}
	r->info.resource = PIN_STR("componentstatus");	/* as upstream says */
	return (reply_err(r, PIN_ENOTFOUND, "%s", ""));
}

int
component_list(struct request *r)
{
	struct render_list l = { .revision = r->srv->revision,
	    .remaining = -1 };
	struct pin_buf *b;
	struct pin_out o;
	size_t i;
	int rc = PIN_OK;

	if (negotiate(r, 1) != PIN_OK)
		return (reply_error(r));
	pin_out_init(&o, r->arena, 1u << 20);
	render_list_head(r, &l, &o);
	for (i = 0; i < PIN_LEN(components) && rc == PIN_OK; i++) {
		b = component(r->srv, i);
		rc = b == NULL ? PIN_ENOMEM : render_list_item(r, &l, b,
		    l.revision, &o);
		pin_buf_put(&b);
	}
	render_list_tail(r, &o);
	if (rc != PIN_OK)
		return (reply_err(r, rc, "component statuses"));
	return (reply_out(r, 200, &o));
}
