/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gzip.h -- large answers made small for clients that ask for it.
 * Front loop; the least effort (level 1), as upstream: a front serves others
 * too. Contract: upstream's responsewriters: Accept-Encoding names gzip, and
 * the answer is longer than GZIP_LEAST; watches and logs never are. */
#ifndef PIN_CORE_APISERVER_GZIP_H
#define PIN_CORE_APISERVER_GZIP_H

#include <pintle/arena.h>
#include <pintle/object.h>

#define GZIP_LEAST	(128u << 10)	/* bytes; shorter answers stay */
#define GZIP_OPEN_MAX	64		/* streams of a front at once: 6 MiB */

struct gzip;

/* Does an Accept-Encoding have it? */
int	gzip_accepted(struct pin_str accept_encoding);
/* One that lives as long as the arena and is counted in *open; NULL: no memory,
 * or too many. */
struct gzip *gzip_new(struct pin_arena *, uint32_t *open);
/* What comes out when p goes in, perhaps nothing yet; with `last` all that is
 * left. NULL: no memory. */
struct pin_buf *gzip_put(struct gzip *, struct pin_str p, int last);

#endif
