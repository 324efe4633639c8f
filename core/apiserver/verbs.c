/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verbs.c -- which steps serve which verb, and which subresources have steps
 * of their own. Adding a subresource is adding rows.
 * Front loop. Contract: verbs.h. */
#include "core/apiserver/verbs.h"

#include <string.h>

#include "core/apiserver/list.h"
#include "core/apiserver/podlog.h"

#define END	{ NULL, NULL }

static const struct step get_steps[] = { { "get", read_get }, END };
static const struct step list_steps[] = { { "list", list_run }, END };
static const struct step watch_steps[] = { { "watch", watch_run }, END };

#define WRITE_TAIL							\
	{ "fields",	write_fields },					\
	{ "mutate",	write_mutate },					\
	{ "finish",	write_finish },					\
	{ "escalate",	escalate_run },					\
	{ "validate",	write_validate },				\
	{ "admit",	write_admit },					\
	{ "commit",	write_commit },					\
	{ "answer",	write_answer }, END

static const struct step create_steps[] = {
	{ "body",	request_body },
	{ "decode",	body_object },
	{ "create",	write_create },
	WRITE_TAIL
};
static const struct step update_steps[] = {
	{ "body",	request_body },
	{ "decode",	body_object },
	{ "load",	write_load_maybe },
	{ "update",	write_update },
	WRITE_TAIL
};
static const struct step patch_steps[] = {
	{ "media",	body_patch },
	{ "body",	request_body },
	{ "load",	write_load },
	{ "patch",	write_patch },
	{ "update",	write_update },
	WRITE_TAIL
};
static const struct step delete_steps[] = {
	{ "body",	request_body },
	{ "options",	body_options },
	{ "load",	write_load },
	{ "prepare",	delete_prepare },
	{ "admit",	write_admit },
	{ "commit",	delete_commit },
	{ "answer",	delete_answer }, END
};
static const struct step collection_steps[] = {
	{ "body",	request_body },
	{ "options",	body_options },
	{ "collection",	collection_run }, END
};
static const struct step scale_get_steps[] = { { "scale", scale_get }, END };
static const struct step scale_patch_steps[] = {
	{ "media",	body_patch },
	{ "body",	request_body },
	{ "load",	write_load },
	{ "patch",	scale_patch },
	{ "scale",	scale_apply },
	{ "update",	write_update },
	WRITE_TAIL
};
static const struct step scale_update_steps[] = {
	{ "body",	request_body },
	{ "decode",	body_object },
	{ "load",	write_load },
	{ "scale",	scale_apply },
	{ "update",	write_update },
	WRITE_TAIL
};
static const struct step binding_steps[] = {
	{ "body",	request_body },
	{ "decode",	body_object },
	{ "load",	write_load },
	{ "bind",	binding_apply },
	{ "admit",	write_admit },
	{ "commit",	write_commit },
	{ "answer",	write_answer }, END
};
static const struct step eviction_steps[] = {
	{ "body",	request_body },
	{ "decode",	body_object },
	{ "load",	write_load },
	{ "evict",	eviction_apply },
	{ "admit",	write_admit },
	{ "commit",	delete_commit },
	{ "answer",	delete_answer }, END
};
static const struct step finalize_steps[] = {
	{ "body",	request_body },
	{ "decode",	body_object },
	{ "load",	write_load },
	{ "finalize",	finalize_apply },
	{ "update",	write_update },
	{ "fields",	write_fields },
	{ "finish",	write_finish },
	{ "validate",	write_validate },
	{ "commit",	write_commit },
	{ "answer",	write_answer }, END
};
static const struct step component_get_steps[] = {
	{ "component",	component_get }, END
};
static const struct step component_list_steps[] = {
	{ "components",	component_list }, END
};
static const struct step log_steps[] = {
	{ "load",	write_load },
	{ "log",	podlog_run }, END
};
static const struct step review_steps[] = {
	{ "body",	request_body },
	{ "decode",	body_object },
	{ "review",	review_run }, END
};

/* Subresource "" is the resource itself, "*" any that has no row. */
static const struct verb_row {
	const char		*sub;
	uint32_t		 verb;
	const struct step	*steps;
} rows[] = {
	{ "",		PIN_VERB_GET,		get_steps },
	{ "",		PIN_VERB_LIST,		list_steps },
	{ "",		PIN_VERB_WATCH,		watch_steps },
	{ "",		PIN_VERB_CREATE,	create_steps },
	{ "",		PIN_VERB_UPDATE,	update_steps },
	{ "",		PIN_VERB_PATCH,		patch_steps },
	{ "",		PIN_VERB_DELETE,	delete_steps },
	{ "",		PIN_VERB_DELETECOLLECTION, collection_steps },
	{ "scale",	PIN_VERB_GET,		scale_get_steps },
	{ "scale",	PIN_VERB_UPDATE,	scale_update_steps },
	{ "scale",	PIN_VERB_PATCH,		scale_patch_steps },
	{ "binding",	PIN_VERB_CREATE,	binding_steps },
	{ "eviction",	PIN_VERB_CREATE,	eviction_steps },
	{ "finalize",	PIN_VERB_UPDATE,	finalize_steps },
	{ "token",	PIN_VERB_CREATE,	review_steps },
	{ "log",	PIN_VERB_GET,		log_steps },
	{ "status",	PIN_VERB_GET,		get_steps },
	{ "status",	PIN_VERB_UPDATE,	update_steps },
	{ "status",	PIN_VERB_PATCH,		patch_steps },
	{ "approval",	PIN_VERB_GET,		get_steps },
	{ "approval",	PIN_VERB_UPDATE,	update_steps },
	{ "approval",	PIN_VERB_PATCH,		patch_steps },
	{ "ephemeralcontainers", PIN_VERB_GET,	get_steps },
	{ "ephemeralcontainers", PIN_VERB_UPDATE, update_steps },
	{ "ephemeralcontainers", PIN_VERB_PATCH, patch_steps },
	{ "resize",	PIN_VERB_GET,		get_steps },
	{ "resize",	PIN_VERB_UPDATE,	update_steps },
	{ "resize",	PIN_VERB_PATCH,		patch_steps },
};

const struct step *
verb_steps(struct request *r)
{
	uint32_t i;

	if (r->sub == NULL && (r->res->flags & PIN_RF_REVIEW) != 0)
		return (r->info.verb_bit == PIN_VERB_CREATE ? review_steps :
		    NULL);
	if ((r->res->flags & PIN_RF_COMPUTED) != 0)
		return (r->info.verb_bit == PIN_VERB_GET ?
		    component_get_steps : r->info.verb_bit == PIN_VERB_LIST ?
		    component_list_steps : NULL);
	/* POST is to the collection, PUT and PATCH are to an object. */
	if (r->sub == NULL && (r->info.verb_bit == PIN_VERB_CREATE ?
	    r->info.name.len > 0 : r->info.name.len == 0 &&
	    (r->info.verb_bit & (PIN_VERB_UPDATE | PIN_VERB_PATCH)) != 0))
		return (NULL);
	for (i = 0; i < PIN_LEN(rows); i++)
		if (rows[i].verb == r->info.verb_bit &&
		    pin_str_is(r->info.subresource, rows[i].sub))
			return (rows[i].steps);
	return (NULL);
}

/* A streamed answer has room again, or has lost its client. */
void
verb_credit(struct request *r)
{
	if (r->verb == NULL)
		return;
	if (r->info.verb_bit == PIN_VERB_WATCH)
		watch_credit(r);
	else if (r->info.verb_bit == PIN_VERB_LIST)
		list_credit(r);
	else if (r->steps == log_steps)
		podlog_credit(r);
}

void
verb_gone(struct request *r)
{
	if (r->wait_until_ns != 0) {
		revision_gone(r);
		return;
	}
	if (r->verb == NULL)
		return;
	if (r->info.verb_bit == PIN_VERB_WATCH)
		watch_gone(r);
	else if (r->info.verb_bit == PIN_VERB_LIST)
		list_gone(r);
	else if (r->steps == log_steps)
		podlog_gone(r);
}
