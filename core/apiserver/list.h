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
struct pin_str continue_encode(struct apiserver *, struct pin_arena *,
	    uint64_t revision, struct pin_str start, struct pin_str end);
int	continue_decode(struct apiserver *, struct pin_arena *,
	    struct pin_str token, struct pin_str prefix, uint64_t *revision,
	    struct pin_str *start, struct pin_err *);
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
