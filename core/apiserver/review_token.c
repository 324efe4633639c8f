/* SPDX-License-Identifier: BSD-2-Clause
 *
 * review_token.c -- whose token is this? Asked by those who got one and
 * cannot read it.
 * Front loop. Contract: authentication.k8s.io/v1 TokenReview. */
#include "core/apiserver/review.h"

#include <string.h>

#include "core/apiserver/token.h"

struct whose {
	struct pin_credentials creds;
	struct pin_str	 own;		/* the API server's audience */
	const struct pin_str *wanted;	/* by the asker, or own */
	uint32_t	 nwanted, pad;
};

static int
has(const struct pin_str *list, uint32_t n, struct pin_str s)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (pin_str_eq(list[i], s))
			return (1);
	return (0);
}

static int
nobody(struct request *r, pin_node status, const struct pin_err *err)
{
	char *text = NULL;

	pin_obj_set_new(r->sent, status, "user", PIN_OBJECT);
	if (err != NULL && err->code != PIN_OK)
		text = pin_arena_printf(r->arena, NULL, "[invalid bearer "
		    "token, %s]", err->text);
	pin_obj_set_str(r->sent, status, "error", pin_str(text != NULL ? text :
	    "invalid bearer token"));
	return (review_answer(r));
}

static int
whose_answer(struct request *r, const struct pin_user *user,
    const struct pin_err *err)
{
	const struct whose *w = r->verb;
	pin_node status = review_status(r), list;
	const struct pin_str *auds;
	uint32_t i, n, common = 0;

	if (user == NULL)
		return (nobody(r, status, err));
	n = user->naudiences > 0 ? user->naudiences : 1;
	auds = user->naudiences > 0 ? user->audiences : &w->own;
	for (i = 0; i < n; i++)
		common += has(w->wanted, w->nwanted, auds[i]);
	if (common == 0)
		return (nobody(r, status, NULL));
	pin_obj_set_bool(r->sent, status, "authenticated", 1);
	review_put_user(r, status, "user", user);
	list = pin_obj_set_new(r->sent, status, "audiences", PIN_ARRAY);
	for (i = 0; i < n; i++)
		if (has(w->wanted, w->nwanted, auds[i]))
			pin_obj_add_str(r->sent, list, auds[i]);
	return (review_answer(r));
}

int
review_token(struct request *r)
{
	struct pin_str token = review_str(r, "spec", "token");
	struct whose *w = pin_arena_zalloc(r->arena, sizeof(*w));

	if (w == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	if (token.len == 0)
		return (reply_err(r, PIN_EINVAL, "token is required for "
		    "TokenReview in authentication"));
	w->own = pin_str(issuer_name(r->srv));
	w->wanted = review_list(r, pin_obj_at(r->sent, pin_obj_root(r->sent),
	    "spec", "audiences", NULL), &w->nwanted);
	if (w->nwanted == 0) {
		w->wanted = &w->own;
		w->nwanted = 1;
	}
	w->creds.size = sizeof(w->creds);
	w->creds.bearer = token.len <= PIN_AUTH_TOKEN_MAX ?
	    pin_arena_str(r->arena, token) : PIN_STR("-");
	w->creds.audiences = w->wanted;
	w->creds.naudiences = w->nwanted;
	r->verb = w;
	return (chain_whose(r, &w->creds, whose_answer));
}
