/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verbs.h -- the verbs' tables of steps and what they share.
 * Front loop. Contract: core/apiserver/README.md. */
#ifndef PINTLE_VERBS_H
#define PINTLE_VERBS_H

#include "core/apiserver/apiserver.h"

/* The steps for what r asks, NULL when nothing serves it. */
const struct step *verb_steps(struct request *);
void	verb_credit(struct request *);	/* a streamed answer has room */
void	verb_gone(struct request *);	/* ... has lost its client */

/* read.c, list.c, watch.c: whole verbs. */
int	read_get(struct request *);
int	list_run(struct request *);
int	watch_run(struct request *);

/* body.c */
int	request_body(struct request *);	/* waits for r->body */
void	body_options_take(struct request *);	/* r->options -> r->opt */
int	body_options(struct request *);	/* DeleteOptions into r->options */
int	body_object(struct request *);	/* decode + conform into r->sent */
int	body_patch(struct request *);	/* only checks the media type */
/* Is what a patch has made still an object of its kind? In r->err why not. */
int	body_patched(struct request *, struct pin_obj *doc);

/* write.c: r->old by r->info. PIN_OK, PIN_ENOTFOUND or an error, in r->err. */
int	object_load(struct request *);

/* write.c: steps of create, update, patch. */
int	write_load(struct request *);	/* r->old, or NotFound */
int	write_load_maybe(struct request *);	/* upsert: absent is fine */
int	write_create(struct request *);	/* sent -> obj */
int	write_update(struct request *);
int	write_patch(struct request *);
int	write_fields(struct request *);	/* managedFields */
int	write_mutated(struct request *, const struct pin_patch *);
int	write_mutate(struct request *);	/* admission, then conform again */
int	write_finish(struct request *);	/* managedFields, generation */
int	write_validate(struct request *);
int	write_admit(struct request *);	/* validating admission */
int	write_commit(struct request *);
int	write_answer(struct request *);

/* delete.c */
int	delete_prepare(struct request *);
int	delete_commit(struct request *);
int	delete_answer(struct request *);
int	collection_run(struct request *);
/* Marks or removes r->old as the options say; sets r->obj to what shall be
 * stored, or leaves it NULL for removal. PIN_OK or an error in r->err. */
int	delete_plan(struct request *, const struct pin_obj *options);
/* Warns of what stays though its owner goes. */
void	delete_warn(struct request *);

/* subresource.c */
int	scale_get(struct request *);
/* 422 with the whole of what a patch has made and why it will not do. */
int	write_refuse(struct request *, const struct pin_obj *doc);
int	scale_patch(struct request *);
int	scale_apply(struct request *);
int	binding_apply(struct request *);
int	eviction_apply(struct request *);
int	finalize_apply(struct request *);

/* component.c: computed, never stored. */
int	component_get(struct request *);
int	component_list(struct request *);

/* review.c */
int	review_run(struct request *);

/* review_escalate.c: writes of roles and bindings */
int	escalate_run(struct request *);

/* endpoint.c: paths that are no resources. */
int	endpoint_dispatch(struct request *);
int	endpoint_group_exists(const struct request *);

/* A transaction of this request; request_resume runs at its end with
 * r->result filled. STEP_WAIT, or STEP_DONE when it was refused. */
int	commit_submit(struct request *, const struct pin_cmp *, uint32_t ncmps,
	    const struct pin_op *, uint32_t nops);
/* Called by role.c: the front takes what the store has finished. */
void	commit_wake(struct pin_msg *);

struct exchange_handler apiserver_exchange_handler(struct apiserver *);
void	request_end(struct request *);	/* before the answer goes out */

#endif
