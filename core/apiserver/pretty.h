/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pretty.h -- JSON for eyes: two spaces a level, as ?pretty=1 and browsers
 * get it.
 * One thread at a time. Contract: what comes out is what Go's json.Indent
 * makes of the same bytes; pieces may end anywhere. */
#ifndef PINTLE_PRETTY_H
#define PINTLE_PRETTY_H

#include <pintle/arena.h>

/* All zero: before the first byte. */
struct pretty {
	uint32_t	 depth;
	uint32_t	 in_string, escaped;
	uint32_t	 opened;	/* just after '{' or '[' */
};

void	pretty_put(struct pretty *, struct pin_out *, const char *p, size_t n);

#endif
