/* SPDX-License-Identifier: BSD-2-Clause
 *
 * timers.c -- the wheel that holds a loop's timers, for both hosts.
 * Knows no clock: time comes in as an argument.
 * Loop only.
 * Contract: host_int.h; never early, and late by less than a tick. */
#include "core/host/host_int.h"

/* A timer of tick w stands on the level of the highest base-64 digit in which
 * w differs from the wheel's tick, in the slot of that digit:
 *
 *	tick = 2,17,63   w = 2,17,63 -> due   w = 2,18,0 -> level 1, slot 18
 *
 * So every timer of a level is earlier than all of the next one, the first
 * occupied slot of the first occupied level is the next to look at, and no
 * slot ever wraps: seven levels are 42 bits of milliseconds. */
#define TICK_MAX	(((uint64_t)1 << (6 * PIN__WHEEL_LEVELS)) - 1)

static uint64_t *
link_next(const uint64_t *l)
{
	return ((uint64_t *)(uintptr_t)l[0]);
}

static uint64_t *
link_prev(const uint64_t *l)
{
	return ((uint64_t *)(uintptr_t)l[1]);
}

static void
link_init(uint64_t *l)
{
	l[0] = l[1] = (uint64_t)(uintptr_t)l;
}

static int
link_empty(const uint64_t *head)
{
	return (link_next(head) == head);
}

static void
link_append(uint64_t *head, uint64_t *l)
{
	uint64_t *last = link_prev(head);

	l[0] = (uint64_t)(uintptr_t)head;
	l[1] = (uint64_t)(uintptr_t)last;
	last[0] = (uint64_t)(uintptr_t)l;
	head[1] = (uint64_t)(uintptr_t)l;
}

static void
link_remove(uint64_t *l)
{
	link_next(l)[1] = l[1];
	link_prev(l)[0] = l[0];
}

static struct pin_timer *
link_timer(uint64_t *l)
{
	return ((struct pin_timer *)(void *)((char *)l -
	    offsetof(struct pin_timer, priv)));
}

void
pin__wheel_init(struct pin__wheel *w, uint64_t now_ns)
{
	uint32_t i;

	w->tick = now_ns / PIN__MS;
	for (i = 0; i < PIN__WHEEL_LEVELS; i++)
		w->occupied[i] = 0;
	for (i = 0; i < PIN_LEN(w->slots); i++)
		link_init(w->slots[i]);
	link_init(w->due);
	link_init(w->running);
}

void
pin__wheel_link(struct pin__wheel *w, struct pin_timer *t)
{
	uint64_t when, differ;
	uint32_t level, slot;

	PIN_ASSERT(t->due_ns != 0);
	when = (t->due_ns - 1) / PIN__MS + 1;	/* up: never early */
	if (when > TICK_MAX)
		when = TICK_MAX;
	if (when <= w->tick) {
		link_append(w->due, t->priv);
		return;
	}
	differ = w->tick ^ when;
	level = (uint32_t)(63 - __builtin_clzll(differ)) / 6;
	PIN_ASSERT(level < PIN__WHEEL_LEVELS);
	slot = (uint32_t)(when >> (6 * level)) & 63;
	link_append(w->slots[level * PIN__WHEEL_SLOTS + slot], t->priv);
	w->occupied[level] |= (uint64_t)1 << slot;
}

void
pin__wheel_unlink(struct pin__wheel *w, struct pin_timer *t)
{
	uint64_t *head = link_next(t->priv);
	size_t i;

	link_remove(t->priv);
	if (!link_empty(head) || head == w->due || head == w->running)
		return;
	/* A link that is its own neighbour is a slot's head, now empty. */
	i = (size_t)(head - w->slots[0]) / 2;
	PIN_ASSERT(i < PIN_LEN(w->slots));
	w->occupied[i / PIN__WHEEL_SLOTS] &=
	    ~((uint64_t)1 << (i % PIN__WHEEL_SLOTS));
}

/* The first occupied slot, and the tick at which it begins. */
static int
first_slot(const struct pin__wheel *w, uint32_t *level, uint32_t *slot,
    uint64_t *tick)
{
	uint32_t i;

	for (i = 0; i < PIN__WHEEL_LEVELS; i++) {
		if (w->occupied[i] == 0)
			continue;
		*level = i;
		*slot = (uint32_t)__builtin_ctzll(w->occupied[i]);
		*tick = (w->tick >> (6 * (i + 1)) << (6 * (i + 1))) |
		    (uint64_t)*slot << (6 * i);
		return (1);
	}
	return (0);
}

uint64_t
pin__wheel_next(const struct pin__wheel *w)
{
	uint32_t level, slot;
	uint64_t tick;

	if (!link_empty(w->due) || !link_empty(w->running))
		return (w->tick * PIN__MS);
	if (!first_slot(w, &level, &slot, &tick))
		return (PIN__NEVER);
	return (tick * PIN__MS);
}

/* Takes out of the slots what is due by `to`, into the due list. */
static void
wheel_advance(struct pin__wheel *w, uint64_t to)
{
	uint64_t *head, *l, tick;
	uint32_t level, slot;

	while (first_slot(w, &level, &slot, &tick) && tick <= to) {
		PIN_ASSERT(tick > w->tick);
		w->tick = tick;
		w->occupied[level] &= ~((uint64_t)1 << slot);
		head = w->slots[level * PIN__WHEEL_SLOTS + slot];
		while ((l = link_next(head)) != head) {
			link_remove(l);
			pin__wheel_link(w, link_timer(l));
		}
	}
	if (to > w->tick)
		w->tick = to;
}

uint32_t
pin__wheel_run(struct pin__wheel *w, uint64_t now_ns)
{
	uint64_t *l;
	struct pin_timer *t;
	uint32_t n = 0;

	wheel_advance(w, now_ns / PIN__MS);
	if (link_empty(w->due))
		return (0);
	/* What starts with no delay meanwhile waits for the next run. */
	PIN_ASSERT(link_empty(w->running));
	while ((l = link_next(w->due)) != w->due) {
		link_remove(l);
		link_append(w->running, l);
	}
	while ((l = link_next(w->running)) != w->running) {
		link_remove(l);
		t = link_timer(l);
		t->due_ns = 0;
		t->fn(t);
		n++;
	}
	return (n);
}
