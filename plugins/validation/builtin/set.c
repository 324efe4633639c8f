/* SPDX-License-Identifier: BSD-2-Clause
 *
 * set.c -- names seen so far, so that a list of many stays linear.
 * Open addressing; a set that finds no memory forgets, and then only a
 * duplicate slips through. One thread at a time. Contract: builtin.h. */
#include "plugins/validation/builtin/builtin.h"

#include <stdlib.h>
#include <string.h>

#define SET_FIRST	16	/* slots, a power of two */

struct v_slot {
	struct pin_str	 name;
	pin_node	 node;
	uint32_t	 used;
};

static uint32_t
hash(struct pin_str s)
{
	uint32_t h = 2166136261u;
	size_t i;

	for (i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619u;
	return (h ^ h >> 15);
}

static struct v_slot *
find(struct v_slot *slots, uint32_t cap, struct pin_str s)
{
	uint32_t i = hash(s) & (cap - 1);

	while (slots[i].used && !pin_str_eq(slots[i].name, s))
		i = (i + 1) & (cap - 1);
	return (&slots[i]);
}

static int
grow(struct v_set *set)
{
	uint32_t cap = set->cap != 0 ? set->cap * 2 : SET_FIRST, i;
	struct v_slot *slots = calloc(cap, sizeof(*slots));

	if (slots == NULL)
		return (0);
	for (i = 0; i < set->cap; i++)
		if (set->slots[i].used)
			*find(slots, cap, set->slots[i].name) = set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->cap = cap;
	return (1);
}

void
v_set_free(struct v_set *set)
{
	free(set->slots);
	memset(set, 0, sizeof(*set));
}

int
v_set_add(struct v_set *set, struct pin_str s, pin_node n)
{
	struct v_slot *slot;

	if (set->failed || (set->n * 2 >= set->cap && !grow(set))) {
		set->failed = 1;
		return (0);
	}
	slot = find(set->slots, set->cap, s);
	if (slot->used)
		return (1);
	slot->name = s;
	slot->node = n;
	slot->used = 1;
	set->n++;
	return (0);
}

int
v_set_get(const struct v_set *set, struct pin_str s, pin_node *out)
{
	struct v_slot *slot;

	if (set->n == 0)
		return (set->failed);
	slot = find(set->slots, set->cap, s);
	if (slot->used && out != NULL)
		*out = slot->node;
	return (slot->used || set->failed);
}
