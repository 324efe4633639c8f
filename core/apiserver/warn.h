/* SPDX-License-Identifier: BSD-2-Clause
 *
 * warn.h -- warnings about objects that are legal: what is deprecated in
 * them, or means something else than it seems to.
 * Front loop. Contract: upstream's WarningsOnCreate and WarningsOnUpdate,
 * but for the formats of CIDRs and the paths of projected volumes. */
#ifndef PIN_CORE_APISERVER_WARN_H
#define PIN_CORE_APISERVER_WARN_H

#include "core/apiserver/apiserver.h"

#define WARN_PATH_MAX		512	/* bytes of a path, then it is cut */
#define WARN_COMPARE_MAX	512	/* items told apart; not the rest */

/* r->obj, once it is known to be legal. */
void	warn_object(struct request *);

/* ---- the checks: one value, found by a row's path --------------------- */

/* A step on the way to a value; text is made of them when there is something
 * to say, which is rare. */
struct warn_place {
	const struct warn_place	*up;
	const char		*name;	/* NULL: an item of a list */
	uint32_t		 len;
	uint32_t		 index;
	int			 key;	/* the name is a map's key */
};

struct warn {
	struct request		*r;
	const struct pin_obj	*o;
	pin_node		 root;	/* of the object or pod template */
	pin_node		 seen;	/* first item of the list it is in */
	uint32_t		 at;	/* which item it is in */
	const char		*text;	/* of the row */
	struct pin_str		 key;	/* of the value */
	const struct warn_place	*place;
};

typedef void warn_check_fn(struct warn *, pin_node);

/* "PATH: ..." */
void	warn_say(struct warn *, const char *fmt, ...) PIN_PRINTF(2, 3);
/* The path of the place. */
void	warn_path(const struct warn *, char out[WARN_PATH_MAX]);

warn_check_fn warn_hidden_env, warn_ports, warn_seccomp_pod,
    warn_of_container, warn_headless, warn_external, warn_indexed,
    warn_address;

#endif
