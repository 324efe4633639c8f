/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.h -- how Go prints values inside messages that go over the wire:
 * %q of a string, %v of a decoded JSON value.
 * Pure; private to lib/.
 * Contract: bounded output; pin_out's own limit cuts the rest. */
#ifndef PIN_SELECTOR_TEXT_H
#define PIN_SELECTOR_TEXT_H

#include <pintle/object.h>

/* %q: quotes, backslash escapes, \x for bytes that are not UTF-8. */
void	pin__go_quote(struct pin_out *, struct pin_str);
/* %v of a decoded value: map[a:1 b:[x y]], <nil>, true, text. Deeper than
 * PIN__GO_DEPTH_MAX becomes "...". */
void	pin__go_value(struct pin_out *, const struct pin_obj *, pin_node);
/* %v of a float64 whose JSON text this is; integers stay as they are. */
void	pin__go_number(struct pin_out *, struct pin_str);
/* A base-10 int64 as strconv.ParseInt takes it; 0 when it does not. */
int	pin__go_i64(struct pin_str, int64_t *);

#define PIN__GO_DEPTH_MAX	32

#endif
