/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cells_store.c -- cells of volumes, claims, storage classes and drivers, and
 * of device claims.
 * Pure; any thread.
 * Contract: cells.h; what each prints: rules.def. */
#include "cells.h"

#include <string.h>

/* Each mode once, in a fixed order. */
static void
put_modes(struct pin__cell *c, pin_node list)
{
	static const char *const modes[][2] = {
		{ "ReadWriteOnce", "RWO" }, { "ReadOnlyMany", "ROX" },
		{ "ReadWriteMany", "RWX" }, { "ReadWriteOncePod", "RWOP" },
	};
	pin_node n;
	size_t i;
	bool first = true;

	pin_out_char(c->out, '"');
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		n = pin_obj_first(c->obj, list);
		while (n != 0 && !pin__str_is(pin_obj_str(c->obj, n),
		    modes[i][0]))
			n = pin_obj_next(c->obj, n);
		if (n == 0)
			continue;
		if (!first)
			pin_out_char(c->out, ',');
		first = false;
		pin_out_cstr(c->out, modes[i][1]);
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_access_modes(struct pin__cell *c)
{
	put_modes(c, pin__cell_at(c, c->arg));
}

/* A claim has them from its volume, not from what it asked for. */
void
pin__cell_pvc_access_modes(struct pin__cell *c)
{
	put_modes(c, pin__cell_text(c, "spec.volumeName").len == 0 ? 0 :
	    pin__cell_at(c, "status.accessModes"));
}

void
pin__cell_pvc_capacity(struct pin__cell *c)
{
	if (pin__cell_text(c, "spec.volumeName").len == 0)
		pin__cell_word(c, "");
	else
		pin__cell_or(c, pin__cell_text(c, "status.capacity.storage"),
		    "0");
}

void
pin__cell_pv_claim(struct pin__cell *c)
{
	pin_node ref = pin__cell_at(c, "spec.claimRef");

	pin_out_char(c->out, '"');
	if (ref != 0) {
		pin__cell_put(c, pin__cell_member(c, ref, "namespace"));
		pin_out_char(c->out, '/');
		pin__cell_put(c, pin__cell_member(c, ref, "name"));
	}
	pin_out_char(c->out, '"');
}

static pin_node
annotation(const struct pin__cell *c, const char *key)
{
	return (pin_obj_get(c->obj, pin__cell_at(c, "metadata.annotations"),
	    key));
}

void
pin__cell_storage_class(struct pin__cell *c)
{
	pin_node n = annotation(c, "volume.beta.kubernetes.io/storage-class");

	pin__cell_quote(c, n != 0 ? pin_obj_str(c->obj, n) :
	    pin__cell_text(c, "spec.storageClassName"));
}

void
pin__cell_sc_name(struct pin__cell *c)
{
	static const char *const keys[] = {
		"storageclass.kubernetes.io/is-default-class",
		"storageclass.beta.kubernetes.io/is-default-class",
	};
	bool dflt;

	dflt = pin__str_is(pin_obj_str(c->obj, annotation(c, keys[0])),
	    "true") || pin__str_is(pin_obj_str(c->obj, annotation(c, keys[1])),
	    "true");
	pin_out_char(c->out, '"');
	pin__cell_put(c, pin__cell_text(c, "metadata.name"));
	if (dflt)
		pin__cell_raw(c, " (default)");
	pin_out_char(c->out, '"');
}

void
pin__cell_token_requests(struct pin__cell *c)
{
	pin_node n, list = pin__cell_at(c, "spec.tokenRequests");
	bool first = true;

	pin_out_char(c->out, '"');
	if (list == 0)
		pin__cell_raw(c, "<unset>");
	for (n = pin_obj_first(c->obj, list); n != 0;
	    n = pin_obj_next(c->obj, n)) {
		if (!first)
			pin_out_char(c->out, ',');
		first = false;
		pin__cell_put(c, pin__cell_member(c, n, "audience"));
	}
	pin_out_char(c->out, '"');
}

void
pin__cell_claim_state(struct pin__cell *c)
{
	bool gone = pin__cell_at(c, "metadata.deletionTimestamp") != 0;

	pin_out_char(c->out, '"');
	if (gone)
		pin__cell_raw(c, "deleted");
	if (pin__cell_at(c, "status.allocation") != 0) {
		pin__cell_raw(c, gone ? ",allocated" : "allocated");
		if (pin_obj_count(c->obj, pin__cell_at(c,
		    "status.reservedFor")) != 0)
			pin__cell_raw(c, ",reserved");
	} else if (!gone) {
		pin__cell_raw(c, "pending");
	}
	pin_out_char(c->out, '"');
}
