/* SPDX-License-Identifier: BSD-2-Clause
 *
 * review.h -- questions that are asked by creating an object: may I, who am
 * I, whose token is this, give me a token. What its files share.
 * Front loop. Contract: authorization.k8s.io/v1, authentication.k8s.io/v1. */
#ifndef PINTLE_REVIEW_H
#define PINTLE_REVIEW_H

#include <pintle/validation.h>

#include "core/apiserver/chain.h"

/* review.c */
pin_node review_status(struct request *);	/* an empty status */
int	review_answer(struct request *);	/* r->sent, 201 */
struct pin_str review_str(const struct request *, const char *a,
	    const char *b);			/* sent.A.B, or sent.A.B.C: */
struct pin_str review_str3(const struct request *, const char *a,
	    const char *b, const char *c);
/* An array of strings into the arena; NULL and *n 0 when there is none. */
const struct pin_str *review_list(struct request *, pin_node, uint32_t *n);
/* 'user' under key: username, uid, groups, extra. */
void	review_put_user(struct request *, pin_node parent, const char *key,
	    const struct pin_user *);
/* A string as it is printed in a cause. */
struct pin_str review_quote(struct request *, struct pin_str);

/* review_access.c */
int	review_access(struct request *);	/* all three */
int	review_rules(struct request *);
/* review_token.c */
int	review_token(struct request *);
/* token.c */
int	token_run(struct request *);

#endif
