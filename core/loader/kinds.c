/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kinds.c -- what the loader knows of each kind: its words, its ABI, and
 * which functions an ops table must have. Nothing here calls a plugin.
 * Any thread. Contract: kinds.def, loader.h. */
#include "core/loader/loader_int.h"

#include <string.h>

static const struct pin_kind kinds[PIN_KIND__COUNT] = {
#define KIND(sym, dir, a, many, s)					\
	[PIN_KIND_##sym] = { .word = dir, .abi = (a),			\
	    .swap = PIN_SWAP_##s },
#include <pintle/kinds.def>
#undef KIND
};

const struct pin_kind *
pin_kind(uint32_t kind)
{
	return (kind > PIN_KIND_NONE && kind < PIN_KIND__COUNT ?
	    &kinds[kind] : NULL);
}

uint32_t
pin_kind_find(const char *word)
{
	for (uint32_t i = 1; i < PIN_KIND__COUNT; i++)
		if (strcmp(kinds[i].word, word) == 0)
			return (i);
	return (PIN_KIND_NONE);
}

/* ---- ops tables -------------------------------------------------- */

/* A function that must be there. alt: this one or the one `alt` names. */
struct need {
	uint32_t	 kind;
	uint32_t	 section;	/* PIN_SECTION__COUNT: always */
	uint32_t	 at, alt;	/* offsets in the table */
	const char	*name;
};

#define ANY	PIN_SECTION__COUNT
#define AT(type, field)	(uint32_t)offsetof(struct type, field)
#define MUST(KIND, type, field)						\
	{ PIN_KIND_##KIND, ANY, AT(type, field), AT(type, field), #field }

static const struct need needs[] = {
	{ PIN_KIND_AUTH, ANY, AT(pin_auth_ops, authenticate),
	    AT(pin_auth_ops, authorize), "authenticate or authorize" },
	{ PIN_KIND_AUTH, PIN_SECTION_AUTHENTICATION,
	    AT(pin_auth_ops, authenticate), AT(pin_auth_ops, authenticate),
	    "authenticate" },
	{ PIN_KIND_AUTH, PIN_SECTION_AUTHORIZATION,
	    AT(pin_auth_ops, authorize), AT(pin_auth_ops, authorize),
	    "authorize" },
	{ PIN_KIND_ADMISSION, ANY, AT(pin_admission_ops, mutate),
	    AT(pin_admission_ops, validate), "mutate or validate" },
	MUST(ADMISSION, pin_admission_ops, match),
	MUST(VALIDATION, pin_validation_ops, match),
	MUST(VALIDATION, pin_validation_ops, check),
	MUST(CONTROLLER, pin_controller_ops, watches),
	MUST(CONTROLLER, pin_controller_ops, reconcile),
	{ PIN_KIND_SCHEDULER, ANY, AT(pin_scheduler_ops, filter),
	    AT(pin_scheduler_ops, score), "filter or score" },
	MUST(STORE, pin_store_ops, start),
	MUST(STORE, pin_store_ops, stop),
	MUST(STORE, pin_store_ops, txn),
	MUST(STORE, pin_store_ops, get),
	MUST(STORE, pin_store_ops, range),
	MUST(STORE, pin_store_ops, history),
	MUST(STORE, pin_store_ops, compact),
	MUST(STORE, pin_store_ops, status),
	MUST(CONSENSUS, pin_consensus_ops, start),
	MUST(CONSENSUS, pin_consensus_ops, stop),
	MUST(CONSENSUS, pin_consensus_ops, propose),
	MUST(CONSENSUS, pin_consensus_ops, trim),
	MUST(CONSENSUS, pin_consensus_ops, status),
	MUST(PROXY, pin_proxy_ops, apply),
	MUST(RUNTIME, pin_runtime_ops, attach),
	MUST(RUNTIME, pin_runtime_ops, image),
	MUST(RUNTIME, pin_runtime_ops, start),
	MUST(RUNTIME, pin_runtime_ops, kill),
	MUST(RUNTIME, pin_runtime_ops, remove),
	MUST(RUNTIME, pin_runtime_ops, list),
	MUST(NETWORK, pin_network_ops, setup),
	MUST(NETWORK, pin_network_ops, teardown),
};

/* Every ops table starts with its size, so one reader serves all. */
static int
ops_has(const void *ops, uint32_t at)
{
	uint32_t size;
	void (*fn)(void);

	memcpy(&size, ops, sizeof(size));
	if (size < at + sizeof(fn))
		return (0);
	memcpy(&fn, (const char *)ops + at, sizeof(fn));
	return (fn != NULL);
}

int
pin__kind_check(const struct pin_plugin *p, uint32_t section,
    struct pin_err *err)
{
	if (p->ops == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "the plugin's ops is "
		    "missing"));
	for (size_t i = 0; i < PIN_LEN(needs); i++) {
		const struct need *n = &needs[i];

		if (n->kind != p->kind ||
		    (n->section != ANY && n->section != section) ||
		    ops_has(p->ops, n->at) || ops_has(p->ops, n->alt))
			continue;
		if (n->section != ANY)
			return (pin_err_set(err, PIN_ECONFIG, "plugin %s "
			    "does not %s: it cannot stand in %s", p->name,
			    n->name, pin_section(section)->name));
		return (pin_err_set(err, PIN_ECONFIG, "plugin %s has no %s, "
		    "which every %s plugin needs", p->name, n->name,
		    kinds[p->kind].word));
	}
	return (PIN_OK);
}
