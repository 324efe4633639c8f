/* SPDX-License-Identifier: BSD-2-Clause
 *
 * impersonate.c -- Impersonate-User and its kin: whose request this is to be,
 * and whether the authorizers let its sender be that.
 * Front loop. Contract: chain.h; apiserver: endpoints/filters/impersonation. */
#include "core/apiserver/chain.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/apiserver/verbs.h"

#define ACCOUNT		"system:serviceaccount:"

/* What the headers ask for, and the questions that allow it, asked in turn. */
struct impersonation {
	struct pin_user	 user;
	struct pin_attributes ask[PIN_AUTH_GROUPS_MAX + PIN_AUTH_EXTRA_MAX];
	uint32_t	 n, at;
};

static void
ask_about(struct impersonation *im, const char *group, const char *resource,
    struct pin_str sub, struct pin_str name)
{
	struct pin_attributes *a = &im->ask[im->n++];

	*a = (struct pin_attributes){ .size = sizeof(*a), .is_resource = 1,
	    .verb = PIN_STR("impersonate"), .group = pin_str(group),
	    .version = PIN_STR("v1"), .resource = pin_str(resource),
	    .subresource = sub, .name = name };
}

static int
impersonate_ask(struct request *r);

static int
impersonate_answer(struct request *r, int allowed, int denied,
    struct pin_str reason)
{
	struct impersonation *im = r->verb;

	(void)denied;
	if (!allowed)
		return (chain_forbidden(r, &r->user, &im->ask[im->at], reason));
	im->at++;
	return (impersonate_ask(r));
}

static int
impersonate_ask(struct request *r)
{
	struct impersonation *im = r->verb;

	if (im->at < im->n)
		return (chain_ask(r, &r->user, &im->ask[im->at],
		    impersonate_answer));
	r->user = im->user;
	r->verb = NULL;
	return (STEP_NEXT);
}

/* NS of "system:serviceaccount:NS:NAME". */
static struct pin_str
account_namespace(struct pin_str user)
{
	struct pin_str rest;
	const char *colon;

	if (!pin_str_prefix(user, ACCOUNT))
		return (PIN_STR_NONE);
	rest = (struct pin_str){ user.p + sizeof(ACCOUNT) - 1,
	    user.len - (sizeof(ACCOUNT) - 1) };
	colon = memchr(rest.p, ':', rest.len);
	return (colon == NULL ? PIN_STR_NONE : (struct pin_str){ rest.p,
	    (size_t)(colon - rest.p) });
}

/* A service account is asked about as itself. */
static void
ask_user(struct impersonation *im, struct pin_str user)
{
	struct pin_str ns = account_namespace(user), name;

	if (ns.len == 0) {
		ask_about(im, "", "users", PIN_STR_NONE, user);
		return;
	}
	name.p = ns.p + ns.len + 1;
	name.len = (size_t)(user.p + user.len - name.p);
	ask_about(im, "", "serviceaccounts", PIN_STR_NONE, name);
	im->ask[im->n - 1].namespace = ns;
}

static struct pin_str
lowered(struct request *r, struct pin_str s)
{
	char *p = pin_arena_strndup(r->arena, s.p, s.len);
	size_t i;

	for (i = 0; p != NULL && i < s.len; i++)
		p[i] = (char)tolower((unsigned char)s.p[i]);
	return (p != NULL ? (struct pin_str){ p, s.len } : PIN_STR_NONE);
}

static int
impersonate_extra(struct request *r, struct impersonation *im)
{
	static const char head[] = "impersonate-extra-";
	const struct http_header *h = r->ex->head.headers;
	struct pin_extra *extra;
	struct pin_str key;
	uint32_t i;

	extra = pin_arena_zalloc(r->arena, PIN_AUTH_EXTRA_MAX *
	    sizeof(*extra));
	if (extra == NULL)
		return (PIN_ENOMEM);
	im->user.extra = extra;
	for (i = 0; i < r->ex->head.nheaders; i++) {
		if (h[i].name.len <= sizeof(head) - 1 ||
		    strncasecmp(h[i].name.p, head, sizeof(head) - 1) != 0)
			continue;
		if (im->user.nextra == PIN_AUTH_EXTRA_MAX)
			return (PIN_ELIMIT);
		key = (struct pin_str){ h[i].name.p + sizeof(head) - 1,
		    h[i].name.len - (sizeof(head) - 1) };
		key = lowered(r, key);
		if (memchr(key.p, '%', key.len) != NULL)
			(void)url_decode(r->arena, key, 0, &key);
		extra[im->user.nextra++] = (struct pin_extra){
		    .key = key, .value = h[i].value };
		ask_about(im, "authentication.k8s.io", "userextras",
		    key, h[i].value);
	}
	return (PIN_OK);
}

/* The groups that are everyone's of a kind, when none were asked for. */
static int
impersonate_kind(struct request *r, struct impersonation *im)
{
	struct pin_str ns = account_namespace(im->user.name);
	struct pin_out o;
	int rc = PIN_OK;

	if (im->user.ngroups == 0 && ns.len > 0) {
		pin_out_init(&o, r->arena, 1024);
		pin_out_printf(&o, "system:serviceaccounts:" PIN_SFMT,
		    PIN_SARG(ns));
		rc = chain_add_group(r, &im->user,
		    PIN_STR("system:serviceaccounts"));
		if (rc == PIN_OK)
			rc = chain_add_group(r, &im->user, (struct pin_str){
			    o.p, o.len });
	}
	return (rc != PIN_OK ? rc : chain_everyone(r, &im->user));
}

static int
impersonate_groups(struct request *r, struct impersonation *im)
{
	struct pin_str g, *groups;
	uint32_t k;

	groups = pin_arena_zalloc(r->arena, PIN_AUTH_GROUPS_MAX *
	    sizeof(*groups));
	if (groups == NULL)
		return (PIN_ENOMEM);
	im->user.groups = groups;
	for (k = 0; (g = exchange_header_at(r->ex, "Impersonate-Group",
	    k)).p != NULL; k++) {
		if (im->user.ngroups == PIN_AUTH_GROUPS_MAX - 1)
			return (PIN_ELIMIT);
		groups[im->user.ngroups++] = g;
		ask_about(im, "", "groups", PIN_STR_NONE, g);
	}
	return (impersonate_kind(r, im));
}

/* Who asks to have somebody's groups must say whose. */
static int
impersonate_nobody(struct request *r)
{
	static const struct {
		const char	*head, *kind, *gv;
	} asks[] = {
		{ "impersonate-group", "Group", "" },
		{ "impersonate-extra-", "UserExtra",
		    "authentication.k8s.io/v1" },
		{ "impersonate-uid", "UID", "authentication.k8s.io/v1" },
	};
	const struct http_header *h = r->ex->head.headers;
	struct pin_str key;
	struct pin_out o;
	size_t k, len;
	uint32_t i;

	pin_out_init(&o, r->arena, 64u << 10);
	for (k = 0; k < PIN_LEN(asks); k++)
		for (i = 0; i < r->ex->head.nheaders; i++) {
			len = strlen(asks[k].head);
			if (h[i].name.len < len || strncasecmp(h[i].name.p,
			    asks[k].head, len) != 0)
				continue;
			key = lowered(r, (struct pin_str){ h[i].name.p + len,
			    h[i].name.len - len });
			pin_out_printf(&o, "%s{%s  " PIN_SFMT "  %s  " PIN_SFMT
			    "}", o.len == 0 ? "" : " ", asks[k].kind,
			    PIN_SARG(h[i].value), asks[k].gv, PIN_SARG(key));
		}
	if (o.len == 0)
		return (STEP_NEXT);
	return (reply_err(r, PIN_EINVAL, "requested [" PIN_SFMT "] without "
	    "impersonating a user", PIN_SARG(((struct pin_str){ o.p,
	    o.len }))));
}

int
chain_impersonate(struct request *r)
{
	struct pin_str user = exchange_header(r->ex, "Impersonate-User"),
	    uid = exchange_header(r->ex, "Impersonate-Uid");
	struct impersonation *im;
	int rc;

	if (user.len == 0)
		return (impersonate_nobody(r));
	im = pin_arena_zalloc(r->arena, sizeof(*im));
	if (im == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	r->verb = im;
	im->user.size = sizeof(im->user);
	im->user.name = user;
	im->user.uid = uid;
	ask_user(im, user);
	rc = impersonate_groups(r, im);
	if (rc == PIN_OK)
		rc = impersonate_extra(r, im);
	if (rc != PIN_OK)
		return (reply_err(r, rc, "too many impersonated groups or "
		    "extra values"));
	if (uid.p != NULL)
		ask_about(im, "authentication.k8s.io", "uids", PIN_STR_NONE,
		    uid);
	return (impersonate_ask(r));
}
