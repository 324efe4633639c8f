/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dup.h -- a hash over the keys of one object node, for callers that would
 * else search a wide object once for each of its members.
 * The object must not change while the hash lives. One thread at a time.
 * Contract: everything here takes linear time. */
#ifndef PINTLE_JSON_DUP_H
#define PINTLE_JSON_DUP_H

#include <pintle/object.h>

struct pin__keys {
	const struct pin_obj	*o;
	struct pin__keys_slot	*slots;
	uint32_t		*chain;	/* next member of the same name */
	uint32_t		 mask;
	pin_node		 base;	/* lowest node among the members */
	uint64_t		 seed;
};

/* PIN_OK or PIN_ENOMEM. A node that is no object has no keys. */
PIN_API int	 pin__keys_init(struct pin__keys *, const struct pin_obj *,
    pin_node object);
PIN_API void	 pin__keys_fini(struct pin__keys *);
/* The last member of that name, as pin_obj_get; 0 when there is none. */
PIN_API pin_node pin__keys_get(const struct pin__keys *, struct pin_str);
/* The first member of that name. */
PIN_API pin_node pin__keys_first(const struct pin__keys *, struct pin_str);
/* The first member of that name not taken yet, which is then taken. */
PIN_API pin_node pin__keys_take(struct pin__keys *, struct pin_str);

/* Calls fn once for each name that an object has more than once, with the
 * second member of that name, in document order. Stops when fn returns
 * non-zero and returns that; PIN_ENOMEM without memory; else PIN_OK. */
typedef int pin__dup_fn(void *arg, pin_node member);
PIN_API int	 pin__obj_dups(const struct pin_obj *, pin_node object,
    pin__dup_fn *, void *arg);

#endif
