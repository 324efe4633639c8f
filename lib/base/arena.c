/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arena.c -- bump allocation in a chain of blocks, freed all at once.
 * Knows nothing of what it holds. One thread at a time.
 * Contract: pintle/arena.h. */
#include <pintle/arena.h>
#include <pintle/err.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAGIC		0x70417261u
#define ARENA_ALIGN		((size_t)16)
#define ARENA_FIRST		((size_t)16 << 10)
#define ARENA_BLOCK_MAX		((size_t)1 << 20)
#define ARENA_LEN_MAX		(SIZE_MAX / 4)	/* more is a bug or attack */

/* Newest block first; `data` starts 16-byte aligned. */
struct block {
	struct block	*next;
	size_t		 size;		/* bytes of data */
	size_t		 used;
	size_t		 pad;
};

struct cleanup {
	struct cleanup	*next;
	void		(*fn)(void *);
	void		*arg;
};

struct pin_arena {
	uint32_t	 magic;
	int		 full;
	size_t		 ceiling;
	size_t		 taken;		/* bytes of all blocks */
	size_t		 used;		/* bytes handed out */
	size_t		 next_size;
	struct block	*top;
	struct cleanup	*cleanups;
};

static char *
block_data(struct block *b)
{
	return ((char *)b + sizeof(*b));
}

static size_t
round_up(size_t n)
{
	return ((n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1));
}

struct pin_arena *
pin_arena_new(size_t ceiling)
{
	struct pin_arena *a = pin_xcalloc(1, sizeof(*a));

	a->magic = ARENA_MAGIC;
	a->ceiling = ceiling;
	a->next_size = ARENA_FIRST;
	return (a);
}

static void
run_cleanups(struct pin_arena *a)
{
	struct cleanup *c;

	while ((c = a->cleanups) != NULL) {
		a->cleanups = c->next;
		c->fn(c->arg);
	}
}

void
pin_arena_reset(struct pin_arena *a)
{
	struct block *b;

	PIN_VALID(a, ARENA_MAGIC);
	run_cleanups(a);
	while ((b = a->top) != NULL && b->next != NULL) {
		a->top = b->next;
		a->taken -= b->size + sizeof(*b);
		free(b);
	}
	if (a->top != NULL)
		a->top->used = 0;
	a->used = 0;
	a->full = 0;
	a->next_size = ARENA_FIRST;
}

void
pin_arena_free(struct pin_arena **ap)
{
	struct pin_arena *a;

	if (ap == NULL || (a = *ap) == NULL)
		return;
	*ap = NULL;
	pin_arena_reset(a);
	free(a->top);
	a->magic = 0;
	free(a);
}

/* A new top block with room for len. The size doubles so that big units of
 * work take few blocks, and shrinks to fit what the ceiling leaves. */
static int
add_block(struct pin_arena *a, size_t len)
{
	size_t left = a->ceiling - a->taken, want;
	struct block *b;

	if (left < sizeof(*b) || left - sizeof(*b) < len)
		return (0);
	want = a->next_size - sizeof(*b);
	if (want < len)
		want = len;
	if (want > left - sizeof(*b))
		want = (left - sizeof(*b)) & ~(ARENA_ALIGN - 1);
	b = malloc(sizeof(*b) + want);
	if (b == NULL)
		return (0);
	b->size = want;
	b->used = 0;
	b->next = a->top;
	a->top = b;
	a->taken += want + sizeof(*b);
	if (a->next_size < ARENA_BLOCK_MAX)
		a->next_size *= 2;
	return (1);
}

void *
pin_arena_alloc(struct pin_arena *a, size_t len)
{
	struct block *b;
	size_t n;
	void *p;

	PIN_VALID(a, ARENA_MAGIC);
	if (a->full || len > ARENA_LEN_MAX) {
		a->full = 1;
		return (NULL);
	}
	n = round_up(len != 0 ? len : 1);
	b = a->top;
	if (b == NULL || b->size - b->used < n) {
		if (!add_block(a, n)) {
			a->full = 1;
			return (NULL);
		}
		b = a->top;
	}
	p = block_data(b) + b->used;
	b->used += n;
	a->used += n;
	return (p);
}

void *
pin_arena_zalloc(struct pin_arena *a, size_t len)
{
	void *p = pin_arena_alloc(a, len);

	if (p != NULL)
		memset(p, 0, len);
	return (p);
}

void *
pin_arena_grow(struct pin_arena *a, void *old, size_t old_len, size_t new_len)
{
	struct block *b;
	size_t o, n;
	void *p;

	PIN_VALID(a, ARENA_MAGIC);
	if (old == NULL)
		return (pin_arena_alloc(a, new_len));
	if (a->full || new_len > ARENA_LEN_MAX) {
		a->full = 1;
		return (NULL);
	}
	b = a->top;
	o = round_up(old_len != 0 ? old_len : 1);
	n = round_up(new_len != 0 ? new_len : 1);
	PIN_ASSERT(b != NULL);
	if (b->used >= o && (char *)old == block_data(b) + b->used - o &&
	    n <= b->size - (b->used - o)) {
		b->used = b->used - o + n;
		a->used = a->used - o + n;
		return (old);
	}
	if (n <= o)
		return (old);
	p = pin_arena_alloc(a, new_len);
	if (p != NULL)
		memcpy(p, old, old_len);
	return (p);
}

char *
pin_arena_strndup(struct pin_arena *a, const char *s, size_t len)
{
	char *p;

	p = pin_arena_alloc(a, len < SIZE_MAX ? len + 1 : len);
	if (p == NULL)
		return (NULL);
	if (len != 0)
		memcpy(p, s, len);
	p[len] = '\0';
	return (p);
}

struct pin_str
pin_arena_str(struct pin_arena *a, struct pin_str s)
{
	struct pin_str copy = PIN_STR_NONE;

	copy.p = pin_arena_strndup(a, s.p, s.len);
	if (copy.p != NULL)
		copy.len = s.len;
	return (copy);
}

char *
pin_arena_printf(struct pin_arena *a, size_t *len, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0)
		p = pin_arena_alloc(a, (size_t)n + 1);
	if (p != NULL)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	if (len != NULL)
		*len = p != NULL ? (size_t)n : 0;
	va_end(again);
	va_end(ap);
	return (p);
}

int
pin_arena_full(const struct pin_arena *a)
{
	PIN_VALID(a, ARENA_MAGIC);
	return (a->full);
}

size_t
pin_arena_used(const struct pin_arena *a)
{
	PIN_VALID(a, ARENA_MAGIC);
	return (a->used);
}

int
pin_arena_cleanup(struct pin_arena *a, void (*fn)(void *), void *arg)
{
	struct cleanup *c = pin_arena_alloc(a, sizeof(*c));

	if (c == NULL)
		return (PIN_ENOMEM);
	c->fn = fn;
	c->arg = arg;
	c->next = a->cleanups;
	a->cleanups = c;
	return (PIN_OK);
}
