/* SPDX-License-Identifier: BSD-2-Clause
 *
 * status.c -- the conditions of a namespace that is leaving.
 * Contract: namespace.h; types, reasons and sentences as upstream's. */
#include <stdio.h>
#include <string.h>

#include "namespace.h"

#define TEXT_MAX	4096

enum { DISCOVERY, PARSING, CONTENT, REMAINING, FINALIZERS, NCONDITIONS };

static const struct {
	const char	*type, *fine_reason, *fine, *reason;
} conditions[NCONDITIONS] = {
	[DISCOVERY] = { "NamespaceDeletionDiscoveryFailure",
	    "ResourcesDiscovered", "All resources successfully discovered",
	    "DiscoveryFailed" },
	[PARSING] = { "NamespaceDeletionGroupVersionParsingFailure",
	    "ParsedGroupVersions",
	    "All legacy kube types successfully parsed",
	    "GroupVersionParsingFailed" },
	[CONTENT] = { "NamespaceDeletionContentFailure", "ContentDeleted",
	    "All content successfully deleted, may be waiting on "
	    "finalization", "ContentDeletionFailed" },
	[REMAINING] = { "NamespaceContentRemaining", "ContentRemoved",
	    "All content successfully removed", "SomeResourcesRemain" },
	[FINALIZERS] = { "NamespaceFinalizersRemaining",
	    "ContentHasNoFinalizers",
	    "All content-preserving finalizers finished",
	    "SomeFinalizersRemain" },
};

void
remain_add(struct remain *list, uint32_t *count, const char *text, int64_t n)
{
	uint32_t i = 0;
	int c = 1;

	while (i < *count && (c = strcmp(list[i].text, text)) < 0)
		i++;
	if (i < *count && c == 0) {
		list[i].n += n;
		return;
	}
	if (*count == REMAIN_MAX)
		return;
	memmove(&list[i + 1], &list[i], (*count - i) * sizeof(*list));
	snprintf(list[i].text, sizeof(list[i].text), "%s", text);
	list[i].n = n;
	++*count;
}

static void
say(char out[TEXT_MAX], const char *lead, const struct remain *list,
    uint32_t n, const char *verb)
{
	size_t at = (size_t)snprintf(out, TEXT_MAX, "%s", lead);
	uint32_t i;

	for (i = 0; i < n && at < TEXT_MAX - 1; i++) {
		at += (size_t)snprintf(out + at, TEXT_MAX - at, "%s%s",
		    i > 0 ? ", " : "", list[i].text);
		if (verb != NULL && at < TEXT_MAX - 1)
			at += (size_t)snprintf(out + at, TEXT_MAX - at,
			    " %s %lld resource instances", verb,
			    (long long)list[i].n);
	}
}

/* 1: this condition is not fine, and out says why. */
static int
trouble(const struct leaving *l, int which, char out[TEXT_MAX])
{
	char lead[96];

	switch (which) {
	case CONTENT:
		snprintf(lead, sizeof(lead), "Failed to delete all resource "
		    "types, %u remaining: ", (unsigned int)l->failures);
		say(out, lead, l->bad, l->nbad, NULL);
		return (l->failures > 0);
	case REMAINING:
		say(out, "Some resources are remaining: ", l->left, l->nleft,
		    "has");
		return (l->nleft > 0);
	case FINALIZERS:
		say(out, "Some content in the namespace has finalizers "
		    "remaining: ", l->held, l->nheld, "in");
		return (l->nheld > 0);
	default:
		return (0);
	}
}

static pin_node
find(const struct pin_obj *o, pin_node list, const char *type)
{
	pin_node n;

	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n))
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, n, "type")),
		    type))
			return (n);
	return (0);
}

/* 1: it was otherwise. */
static int
put(struct leaving *l, struct pin_obj *o, pin_node list, int which)
{
	const char *status, *reason, *message;
	char text[TEXT_MAX], now[32];
	int on = trouble(l, which, text);
	pin_node c = find(o, list, conditions[which].type);

	status = on ? "True" : "False";
	reason = on ? conditions[which].reason : conditions[which].fine_reason;
	message = on ? text : conditions[which].fine;
	if (pin_str_is(pin_obj_str(o, pin_obj_get(o, c, "status")), status) &&
	    pin_str_is(pin_obj_str(o, pin_obj_get(o, c, "reason")), reason) &&
	    pin_str_is(pin_obj_str(o, pin_obj_get(o, c, "message")), message))
		return (0);
	meta_time(pin_reconcile_now(l->rc), now);
	if (c == 0) {
		c = pin_obj_add_new(o, list, PIN_OBJECT);
		pin_obj_set_str(o, c, "type",
		    pin_str(conditions[which].type));
	}
	if (!pin_str_is(pin_obj_str(o, pin_obj_get(o, c, "status")), status))
		pin_obj_set_str(o, c, "lastTransitionTime", pin_str(now));
	pin_obj_set_str(o, c, "status", pin_str(status));
	pin_obj_set_str(o, c, "reason", pin_str(reason));
	pin_obj_set_str(o, c, "message", pin_str(message));
	return (1);
}

void
namespace_status(struct leaving *l)
{
	struct pin_target t = { .group = "", .version = "v1",
	    .resource = "namespaces", .subresource = "status",
	    .name = l->name };
	struct pin_obj *o = pin_obj_copy(pin_reconcile_arena(l->rc), l->ns);
	pin_node status, list;
	int i, changed = 0;

	if (o == NULL)
		return;			/* the host gives up on its own */
	status = pin_obj_get(o, pin_obj_root(o), "status");
	if (status == 0)
		status = pin_obj_set_new(o, pin_obj_root(o), "status",
		    PIN_OBJECT);
	if (!pin_str_is(pin_obj_str(o, pin_obj_get(o, status, "phase")),
	    "Terminating")) {
		pin_obj_set_str(o, status, "phase", PIN_STR("Terminating"));
		changed = 1;
	}
	list = pin_obj_get(o, status, "conditions");
	if (list == 0)
		list = pin_obj_set_new(o, status, "conditions", PIN_ARRAY);
	for (i = 0; i < NCONDITIONS; i++)
		changed |= put(l, o, list, i);
	if (changed)
		pin_plan_update(l->plan, &t, o);
}
