/* SPDX-License-Identifier: BSD-2-Clause
 *
 * read.c -- GET of one object.
 * Front loop. Contract: a GET sees every write answered before it began; the
 * answer is the stored bytes with their revision. */
#include "core/apiserver/verbs.h"

#include <string.h>

#include "core/apiserver/list.h"

int
read_get(struct request *r)
{
	struct pin_buf *bytes = NULL;
	char text[PIN_ERR_TEXT_MAX];
	struct pin_kv kv;
	uint64_t want;
	int rc;

	if (negotiate(r, 1) != PIN_OK)
		return (reply_error(r));
	if (version_parse(r->opt.resource_version, &want, &r->err) != PIN_OK) {
		memcpy(text, r->err.text, sizeof(text));
		(void)request_bare(r, "%s", text);
		return (reply_error(r));
	}
	if (want > r->srv->revision)
		return (revision_wait(r));
	r->key = store_key(r->arena, r->srv->schema, r->res,
	    r->info.namespace, r->info.name);
	if (r->key.p == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	if (r->key.len > PIN_KEY_MAX)
		return (reply_err(r, PIN_ENOTFOUND, "%s", ""));
	rc = r->srv->store->get(r->srv->store_self, r->key, 0, &bytes, &kv,
	    &r->err);
	if (rc == PIN_ENOTFOUND)
		return (reply_err(r, PIN_ENOTFOUND, "%s", ""));
	if (rc != PIN_OK)
		return (reply_error(r));
	r->old_bytes = bytes;		/* put by request_end */
	return (reply_object(r, 200, bytes, kv.mod_rev));
}
