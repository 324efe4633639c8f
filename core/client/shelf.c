/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shelf.c -- see shelf.h. A hash table by content. The shelf's own reference
 * being the only one, nobody else can come by another but through the shelf,
 * whose lock is held: then it may go. A hand goes round the slots and looks
 * at a few of them each time, so there is never a sweep.
 * Contract: shelf.h. */
#include "core/client/shelf.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHELF_SLOTS	256	/* at first; doubles */
#define SHELF_LOOK	4	/* slots looked at each time */

struct shelf_item {
	struct shelf_item *next;
	uint64_t	 hash;
	struct pin_buf	*buf;
};

static struct {
	pthread_mutex_t	 lock;
	uint32_t	 users, hand;
	uint64_t	 n, nslots;
	struct shelf_item **slot;
} shelf = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t
hash_of(const uint8_t *p, size_t len)
{
	uint64_t h = len * UINT64_C(0x9e3779b97f4a7c15), w = 0;

	for (; len >= sizeof(w); p += sizeof(w), len -= sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	w = 0;
	memcpy(&w, p, len);
	h = (h ^ w) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (h ^ h >> 29);
}

void
shelf_open(void)
{
	pthread_mutex_lock(&shelf.lock);
	if (shelf.users++ == 0) {
		shelf.nslots = SHELF_SLOTS;
		shelf.slot = pin_xcalloc(shelf.nslots, sizeof(*shelf.slot));
	}
	pthread_mutex_unlock(&shelf.lock);
}

static void
item_free(struct shelf_item **at)
{
	struct shelf_item *it = *at;

	*at = it->next;
	pin_buf_put(&it->buf);
	free(it);
	shelf.n--;
}

void
shelf_close(void)
{
	uint64_t i;

	pthread_mutex_lock(&shelf.lock);
	if (--shelf.users == 0) {
		for (i = 0; i < shelf.nslots; i++)
			while (shelf.slot[i] != NULL)
				item_free(&shelf.slot[i]);
		free(shelf.slot);
		shelf.slot = NULL;
	}
	pthread_mutex_unlock(&shelf.lock);
}

static void
grow(void)
{
	uint64_t n = shelf.nslots * 2, i;
	struct shelf_item **to = pin_xcalloc(n, sizeof(*to)), *it;

	for (i = 0; i < shelf.nslots; i++)
		while ((it = shelf.slot[i]) != NULL) {
			shelf.slot[i] = it->next;
			it->next = to[it->hash & (n - 1)];
			to[it->hash & (n - 1)] = it;
		}
	free(shelf.slot);
	shelf.slot = to;
	shelf.nslots = n;
}

static void
look(void)
{
	struct shelf_item **at;
	int i;

	for (i = 0; i < SHELF_LOOK; i++) {
		at = &shelf.slot[shelf.hand++ & (shelf.nslots - 1)];
		while (*at != NULL)
			if (__atomic_load_n(&(*at)->buf->refs,
			    __ATOMIC_ACQUIRE) == 1)
				item_free(at);
			else
				at = &(*at)->next;
	}
}

struct pin_buf *
shelf_put(const void *p, size_t len)
{
	uint64_t hash = hash_of(p, len);
	struct shelf_item *it;
	struct pin_buf *b;

	pthread_mutex_lock(&shelf.lock);
	PIN_ASSERT(shelf.users > 0);
	for (it = shelf.slot[hash & (shelf.nslots - 1)]; it != NULL;
	    it = it->next)
		if (it->hash == hash && it->buf->len == len &&
		    memcmp(it->buf->data, p, len) == 0)
			break;
	b = it != NULL ? pin_buf_get(it->buf) : pin_buf_copy(p, len);
	if (it == NULL && b != NULL) {
		if (shelf.n >= shelf.nslots)
			grow();
		it = pin_xcalloc(1, sizeof(*it));
		it->hash = hash;
		it->buf = pin_buf_get(b);
		it->next = shelf.slot[hash & (shelf.nslots - 1)];
		shelf.slot[hash & (shelf.nslots - 1)] = it;
		shelf.n++;
	}
	look();
	pthread_mutex_unlock(&shelf.lock);
	return (b);
}

void
shelf_tidy(void)
{
	pthread_mutex_lock(&shelf.lock);
	PIN_ASSERT(shelf.users > 0);
	look();
	pthread_mutex_unlock(&shelf.lock);
}

uint64_t
shelf_count(void)
{
	uint64_t n;

	pthread_mutex_lock(&shelf.lock);
	n = shelf.n;
	pthread_mutex_unlock(&shelf.lock);
	return (n);
}
