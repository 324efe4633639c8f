/* SPDX-License-Identifier: BSD-2-Clause
 *
 * review.c -- which review is asked, and what all of them need.
 * Front loop. Contract: review.h: the answer is what was sent, and a status;
 * nothing is stored. */
#include "core/apiserver/review.h"

#include <string.h>

#include "core/apiserver/managed.h"
#include "core/apiserver/meta.h"
#include "core/apiserver/verbs.h"

#define REVIEW_LIST_MAX	4096	/* strings of one list in a review */

static int
review_self(struct request *r)
{
	pin_node meta = meta_ensure(r->sent);
	char now[40];

	meta_now(r, 0, now);
	pin_obj_set_str(r->sent, meta, "creationTimestamp", pin_str(now));
	review_put_user(r, review_status(r), "userInfo", &r->user);
	return (review_answer(r));
}

static const struct {
	const char	*group, *resource, *sub;
	int		(*run)(struct request *);
	int		owned;		/* answered with its managedFields */
} reviews[] = {
	{ "authorization.k8s.io", "subjectaccessreviews", "", review_access,
	    1 },
	{ "authorization.k8s.io", "localsubjectaccessreviews", "",
	    review_access, 1 },
	{ "authorization.k8s.io", "selfsubjectaccessreviews", "",
	    review_access, 1 },
	{ "authorization.k8s.io", "selfsubjectrulesreviews", "",
	    review_rules, 0 },
	{ "authentication.k8s.io", "selfsubjectreviews", "", review_self, 0 },
	{ "authentication.k8s.io", "tokenreviews", "", review_token, 1 },
	{ "", "serviceaccounts", "token", token_run, 1 },
};

int
review_run(struct request *r)
{
	size_t i;

	for (i = 0; i < PIN_LEN(reviews); i++)
		if (pin_str_is(r->info.resource, reviews[i].resource) &&
		    pin_str_is(r->info.group, reviews[i].group) &&
		    pin_str_is(r->info.subresource, reviews[i].sub))
			break;
	if (i == PIN_LEN(reviews))
		return (reply_err(r, PIN_ENOTFOUND, "no such review"));
	if (reviews[i].owned && managed_review(r) != PIN_OK)
		return (reply_error(r));
	return (reviews[i].run(r));
}

pin_node
review_status(struct request *r)
{
	pin_node root = pin_obj_root(r->sent);

	pin_obj_unset(r->sent, root, "status");
	return (pin_obj_set_new(r->sent, root, "status", PIN_OBJECT));
}

int
review_answer(struct request *r)
{
	if (pin_obj_failed(r->sent))
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	return (reply_obj(r, 201, r->sent));
}

struct pin_str
review_str(const struct request *r, const char *a, const char *b)
{
	return (pin_obj_str(r->sent, pin_obj_at(r->sent,
	    pin_obj_root(r->sent), a, b, NULL)));
}

struct pin_str
review_str3(const struct request *r, const char *a, const char *b,
    const char *c)
{
	return (pin_obj_str(r->sent, pin_obj_at(r->sent,
	    pin_obj_root(r->sent), a, b, c, NULL)));
}

const struct pin_str *
review_list(struct request *r, pin_node list, uint32_t *n)
{
	uint32_t count = pin_obj_count(r->sent, list), i = 0;
	struct pin_str *s;
	pin_node m;

	*n = 0;
	if (count == 0 || count > REVIEW_LIST_MAX)
		return (NULL);
	s = pin_arena_alloc(r->arena, count * sizeof(*s));
	if (s == NULL)
		return (NULL);
	for (m = pin_obj_first(r->sent, list); m != 0;
	    m = pin_obj_next(r->sent, m))
		s[i++] = pin_arena_str(r->arena, pin_obj_str(r->sent, m));
	*n = count;
	return (s);
}

struct pin_str
review_quote(struct request *r, struct pin_str s)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, PIN_ERR_TEXT_MAX);
	pin_json_quote(&o, s);
	return ((struct pin_str){ o.p, o.len });
}

void
review_put_user(struct request *r, pin_node parent, const char *key,
    const struct pin_user *u)
{
	struct pin_obj *o = r->sent;
	pin_node to = pin_obj_set_new(o, parent, key, PIN_OBJECT), list, map;
	uint32_t i;

	pin_obj_set_str(o, to, "username", u->name);
	if (u->uid.len > 0)
		pin_obj_set_str(o, to, "uid", u->uid);
	if (u->ngroups > 0) {
		list = pin_obj_set_new(o, to, "groups", PIN_ARRAY);
		for (i = 0; i < u->ngroups; i++)
			pin_obj_add_str(o, list, u->groups[i]);
	}
	if (u->nextra == 0)
		return;
	map = pin_obj_set_new(o, to, "extra", PIN_OBJECT);
	for (i = 0; i < u->nextra; i++) {
		list = pin_obj_getn(o, map, u->extra[i].key.p,
		    u->extra[i].key.len);
		if (list == 0)
			list = pin_obj_set_json(o, map, u->extra[i].key,
			    PIN_STR("[]"));
		pin_obj_add_str(o, list, u->extra[i].value);
	}
}
