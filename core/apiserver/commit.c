/* SPDX-License-Identifier: BSD-2-Clause
 *
 * commit.c -- a request's transaction: handed to the store on the front,
 * finished on the store's thread, taken up again on the front. One wake-up
 * carries all that finished meanwhile.
 * Threads: submit and wake on the front; done on the store's.
 * Contract: store.h; a request answers 2xx only after its done. */
#include "core/apiserver/verbs.h"

#include <stdatomic.h>

static void
commit_done(void *arg, const struct pin_txn_result *res)
{
	struct request *r = arg, *head;
	struct front *f = r->front;

	r->result = *res;
	r->result.err = NULL;
	if (res->rc != PIN_OK)
		pin_err_set(&r->err, res->rc, "%s",
		    res->err != NULL ? res->err->text : "");
	head = atomic_load_explicit(&f->committed, memory_order_relaxed);
	do {
		r->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&f->committed, &head,
	    r, memory_order_release, memory_order_relaxed));
	if (atomic_exchange(&f->waking, 1) == 0)
		pin_loop_post(f->loop, &f->wake);
}

void
commit_wake(struct pin_msg *msg)
{
	struct front *f = (struct front *)(void *)((char *)msg -
	    offsetof(struct front, wake));
	struct request *r, *next, *order = NULL;

	atomic_store(&f->waking, 0);
	r = atomic_exchange_explicit(&f->committed, NULL,
	    memory_order_acquire);
	for (; r != NULL; r = next) {	/* a stack: oldest first again */
		next = r->next;
		r->next = order;
		order = r;
	}
	for (r = order; r != NULL; r = next) {
		next = r->next;
		request_resume(r);
	}
}

int
commit_submit(struct request *r, const struct pin_cmp *cmps, uint32_t ncmps,
    const struct pin_op *ops, uint32_t nops)
{
	struct pin_txn txn = { .size = sizeof(txn), .cmps = cmps,
	    .ncmps = ncmps, .ops = ops, .nops = nops };
	int rc;

	rc = r->srv->store->txn(r->srv->store_self, &txn, commit_done, r,
	    &r->err);
	return (rc == PIN_OK ? STEP_WAIT : reply_error(r));
}
