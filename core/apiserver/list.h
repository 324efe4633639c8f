/* SPDX-License-Identifier: BSD-2-Clause
 *
 * list.h -- what LIST, WATCH and DELETECOLLECTION share: selectors compiled
 * once, revisions and continue tokens of a request.
 * Front loop. Contract: ListOptions as upstream documents them. */
#ifndef PINTLE_LIST_H
#define PINTLE_LIST_H

#include "core/apiserver/apiserver.h"
#include "lib/selector/selector.h"

struct filter {
	struct pin_selector *labels;		/* NULL: everything */
	struct pin_field_selector *fields;	/* NULL: everything */
	struct pin_str	 name;			/* metadata.name=..., or none */
	struct pin_str	 namespace;		/* metadata.namespace=... */
	uint32_t	 exact_key;		/* namespace and name are
						 * known */
	uint32_t	 selects;		/* there is a selector at all */
};

/* From r's options, in r's arena. An error is in r->err. */
int	filter_open(struct filter *, struct request *);
/* 1 when the stored object is selected. *rc: an error of its bytes. scratch
 * is for parsing. */
int	filter_match(const struct filter *, struct request *,
	    struct pin_str key, struct pin_buf *, struct pin_arena *scratch,
	    int *rc);

int	version_parse(struct pin_str, uint64_t *out, struct pin_err *);
/* Revision 0 is -1 there: the newest, whatever has happened meanwhile. */
struct pin_str continue_encode(struct apiserver *, struct pin_arena *,
	    uint64_t revision, struct pin_str start, struct pin_str end);
int	continue_decode(struct apiserver *, struct pin_arena *,
	    struct pin_str token, struct pin_str prefix, uint64_t *revision,
	    struct pin_str *start, struct pin_err *);
/* Where a list begins by its continue token: the key and the revision, both
 * left alone without one. */
int	list_from(struct request *, struct pin_str prefix,
	    struct pin_str *start, uint64_t *at);
/* The revision that is asked for; *at of a token stays. PIN_EAGAIN: wait until
 * the store is there. */
int	list_version(struct request *, uint64_t *at);
/* r->err becomes the 410 of a list, with a token to go on from `start`. */
int	list_gone_by(struct request *, struct pin_str start,
	    struct pin_str end);
int	count_nothing(void *, const struct pin_kv *);

/* STEP_WAIT until the store has reached the revision that r asks for, then
 * r's step runs again; after 3 s a 504. */
int	revision_wait(struct request *);
void	revision_gone(struct request *);

void	list_credit(struct request *);
void	list_gone(struct request *);
void	watch_credit(struct request *);
void	watch_gone(struct request *);

#endif
