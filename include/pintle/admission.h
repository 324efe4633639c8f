/* SPDX-License-Identifier: BSD-2-Clause
 *
 * admission.h -- what is changed or refused before it is stored.
 * Threads: front threads, several at once; must not block (PIN_LATER, or
 * the flag PIN_PLUGIN_BLOCKING). May run in a process of its own.
 * Contract: upstream's two passes: every mutate in configured order, then
 * schema and validation plugins, then every validate. A mutate may be called
 * again with its own result and must then change nothing more. */
#ifndef PINTLE_ADMISSION_H
#define PINTLE_ADMISSION_H

#include <pintle/auth.h>

#define PIN_ADMISSION_ABI	PIN_ABI(1, 0) /* history:
					       * docs/abi/admission.md */

enum {
	PIN_OP_CREATE = 1,
	PIN_OP_UPDATE = 2,
	PIN_OP_DELETE = 4,
	PIN_OP_CONNECT = 8,
};

/* Borrowed until the call is done. object is NULL for DELETE, old_object
 * for CREATE. The object has apiVersion, kind and metadata. */
struct pin_admission_request {
	uint32_t	 size;
	uint32_t	 operation;
	struct pin_str	 group, version, kind;
	struct pin_str	 resource, subresource;
	struct pin_str	 namespace, name;	/* name may be none:
						 * generateName */
	const struct pin_user *user;
	const struct pin_obj *object;
	const struct pin_obj *old_object;
	const struct pin_obj *options;	/* CreateOptions, ...; may be NULL */
	uint32_t	 dry_run;
	uint32_t	 pad;
	struct pin_str	 uid;		/* of the request, for correlation */
};

enum {
	PIN_ADMIT = 0,
	PIN_REFUSE = 1,		/* the call's err holds code and message */
};

/* Adds changes to `patch`; the host applies them when the verdict is
 * PIN_ADMIT. */
typedef int pin_admission_mutate_fn(void *self, struct pin_call *,
    const struct pin_admission_request *, struct pin_patch *patch);
typedef int pin_admission_validate_fn(void *self, struct pin_call *,
    const struct pin_admission_request *);

/* Which requests reach the plugin; rows end with resource NULL. "*" matches
 * all; group and resource as in RBAC, "pods/status" names a subresource,
 * "*" no subresource, and "*" + "/" + "*" everything. */
struct pin_admission_match {
	const char	*group;
	const char	*resource;
	uint32_t	 operations;
	uint32_t	 pad;
};

struct pin_admission_ops {
	uint32_t		 size;
	uint32_t		 pad;
	const struct pin_admission_match *match;
	pin_admission_mutate_fn	*mutate;	/* at least one of the two */
	pin_admission_validate_fn *validate;
};

#endif
