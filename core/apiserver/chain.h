/* SPDX-License-Identifier: BSD-2-Clause
 *
 * chain.h -- the plugin chains as steps of a request.
 * Front loop. Contract: auth.h, admission.h, validation.h; a chain that is
 * empty where it must not be has refused to start (docs/configuration.md). */
#ifndef PINTLE_CHAIN_H
#define PINTLE_CHAIN_H

#include "core/apiserver/apiserver.h"

int	chain_authenticate(struct request *);
int	chain_impersonate(struct request *);	/* impersonate.c */
int	chain_authorize(struct request *);
int	chain_mutate(struct request *);
int	chain_admit(struct request *);
/* At once: adds causes of r->obj. */
void	chain_validation(struct request *, struct pin_causes *);

/* Another question to the authorizers than the request's own (reviews,
 * impersonation). `then` is called with allowed 0 or 1 and the reason, at
 * once or later; it returns STEP_... . */
typedef int chain_answer_fn(struct request *, int allowed, int denied,
    struct pin_str reason);
int	chain_ask(struct request *, const struct pin_user *,
	    const struct pin_attributes *, chain_answer_fn *then);
/* Who does a token belong to (TokenReview)? user NULL: nobody. */
typedef int chain_whose_fn(struct request *, const struct pin_user *,
    const struct pin_err *);
int	chain_whose(struct request *, const struct pin_credentials *,
	    chain_whose_fn *then);
/* All rules of r->user in a namespace; 1: the list is whole. */
int	chain_rules(struct request *, struct pin_str ns, pin_auth_rule_fn *,
	    void *arg);

int	chain_add_group(struct request *, struct pin_user *, struct pin_str);
/* Who is somebody is in system:authenticated, who is nobody in
 * system:unauthenticated. */
int	chain_everyone(struct request *, struct pin_user *);
/* 403 with who may not do what. */
int	chain_forbidden(struct request *, const struct pin_user *,
	    const struct pin_attributes *, struct pin_str reason);

/* Warnings and notes of every plugin called so far into r. */
void	chain_lines(struct request *);
/* The request is over; 1: a plugin still holds its memory. */
int	chain_end(struct request *);

#endif
