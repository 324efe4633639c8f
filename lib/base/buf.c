/* SPDX-License-Identifier: BSD-2-Clause
 *
 * buf.c -- immutable bytes with an atomic reference count.
 * Any thread that holds a reference.
 * Contract: pintle/arena.h. */
#include <pintle/arena.h>

#include <stdlib.h>
#include <string.h>

#define BUF_MAGIC	0x70427566u

/* `refs` is a plain uint32_t in the public struct so that C++ and other
 * compilers may read the header; it is only ever touched here. */

struct pin_buf *
pin_buf_new(size_t len)
{
	struct pin_buf *b;

	if (len > SIZE_MAX - sizeof(*b))
		return (NULL);
	b = malloc(sizeof(*b) + len);
	if (b == NULL)
		return (NULL);
	b->magic = BUF_MAGIC;
	b->refs = 1;
	b->len = len;
	return (b);
}

struct pin_buf *
pin_buf_copy(const void *p, size_t len)
{
	struct pin_buf *b = pin_buf_new(len);

	if (b != NULL && len != 0)
		memcpy(b->data, p, len);
	return (b);
}

struct pin_buf *
pin_buf_get(struct pin_buf *b)
{
	uint32_t old;

	PIN_VALID(b, BUF_MAGIC);
	old = __atomic_fetch_add(&b->refs, 1, __ATOMIC_RELAXED);
	PIN_ASSERT(old > 0 && old < UINT32_MAX / 2);
	return (b);
}

void
pin_buf_put(struct pin_buf **bp)
{
	struct pin_buf *b;
	uint32_t old;

	if (bp == NULL || (b = *bp) == NULL)
		return;
	*bp = NULL;
	PIN_VALID(b, BUF_MAGIC);
	old = __atomic_fetch_sub(&b->refs, 1, __ATOMIC_ACQ_REL);
	PIN_ASSERT(old > 0);
	if (old == 1) {
		b->magic = 0;
		free(b);
	}
}
