/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arena.c -- bump allocation in a chain of blocks, freed all at once.
 * Knows nothing of what it holds. One thread at a time, but while it is shared
 * (arena_int.h): then allocations take a lock.
 * Contract: pintle/arena.h. */
#include "lib/base/arena_int.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pintle/err.h>

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
	atomic_uint	 shared;	/* calls that may allocate elsewhere */
	atomic_int	 full;
	int		 pad;
	size_t		 ceiling;
	size_t		 taken;		/* bytes of all blocks */
	atomic_size_t	 used;		/* bytes handed out */
	size_t		 next_size;
	struct block	*top;
	struct cleanup	*cleanups;
	pthread_mutex_t	 lock;		/* while shared */
};

/* Read by anyone, written by who may allocate: no order is needed. */
#define GET(a, field)	atomic_load_explicit(&(a)->field, memory_order_relaxed)
#define SET(a, field, v)						\
	atomic_store_explicit(&(a)->field, (v), memory_order_relaxed)

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

/* 1: leave() is next. */
static int
enter(struct pin_arena *a)
{
	PIN_VALID(a, ARENA_MAGIC);
	if (GET(a, shared) == 0)
		return (0);
	(void)pthread_mutex_lock(&a->lock);
	return (1);
}

static void
leave(struct pin_arena *a, int entered)
{
	if (entered)
		(void)pthread_mutex_unlock(&a->lock);
}

void
pin__arena_share(struct pin_arena *a)
{
	PIN_VALID(a, ARENA_MAGIC);
	(void)atomic_fetch_add(&a->shared, 1);
}

void
pin__arena_unshare(struct pin_arena *a)
{
	PIN_VALID(a, ARENA_MAGIC);
	PIN_ASSERT(atomic_fetch_sub(&a->shared, 1) > 0);
}

struct pin_arena *
pin_arena_new(size_t ceiling)
{
	struct pin_arena *a = pin_xcalloc(1, sizeof(*a));

	PIN_ASSERT(pthread_mutex_init(&a->lock, NULL) == 0);
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
	PIN_ASSERT(GET(a, shared) == 0);
	run_cleanups(a);
	while ((b = a->top) != NULL && b->next != NULL) {
		a->top = b->next;
		a->taken -= b->size + sizeof(*b);
		free(b);
	}
	if (a->top != NULL)
		a->top->used = 0;
	SET(a, used, 0);
	SET(a, full, 0);
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
	(void)pthread_mutex_destroy(&a->lock);
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

static void *
take(struct pin_arena *a, size_t len)
{
	struct block *b;
	size_t n;
	void *p;

	if (GET(a, full) || len > ARENA_LEN_MAX) {
		SET(a, full, 1);
		return (NULL);
	}
	n = round_up(len != 0 ? len : 1);
	b = a->top;
	if (b == NULL || b->size - b->used < n) {
		if (!add_block(a, n)) {
			SET(a, full, 1);
			return (NULL);
		}
		b = a->top;
	}
	p = block_data(b) + b->used;
	b->used += n;
	SET(a, used, GET(a, used) + n);
	return (p);
}

void *
pin_arena_alloc(struct pin_arena *a, size_t len)
{
	int entered = enter(a);
	void *p = take(a, len);

	leave(a, entered);
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

static void *
grow(struct pin_arena *a, void *old, size_t old_len, size_t new_len)
{
	struct block *b;
	size_t o, n;
	void *p;

	if (GET(a, full) || new_len > ARENA_LEN_MAX) {
		SET(a, full, 1);
		return (NULL);
	}
	b = a->top;
	o = round_up(old_len != 0 ? old_len : 1);
	n = round_up(new_len != 0 ? new_len : 1);
	PIN_ASSERT(b != NULL);
	if (b->used >= o && (char *)old == block_data(b) + b->used - o &&
	    n <= b->size - (b->used - o)) {
		b->used = b->used - o + n;
		SET(a, used, GET(a, used) - o + n);
		return (old);
	}
	if (n <= o)
		return (old);
	p = take(a, new_len);
	if (p != NULL)
		memcpy(p, old, old_len);
	return (p);
}

void *
pin_arena_grow(struct pin_arena *a, void *old, size_t old_len, size_t new_len)
{
	int entered = enter(a);
	void *p = old == NULL ? take(a, new_len) :
	    grow(a, old, old_len, new_len);

	leave(a, entered);
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
	return (GET(a, full));
}

size_t
pin_arena_used(const struct pin_arena *a)
{
	PIN_VALID(a, ARENA_MAGIC);
	return (GET(a, used));
}

int
pin_arena_cleanup(struct pin_arena *a, void (*fn)(void *), void *arg)
{
	int entered = enter(a);
	struct cleanup *c = take(a, sizeof(*c));

	if (c != NULL) {
		c->fn = fn;
		c->arg = arg;
		c->next = a->cleanups;
		a->cleanups = c;
	}
	leave(a, entered);
	return (c != NULL ? PIN_OK : PIN_ENOMEM);
}
