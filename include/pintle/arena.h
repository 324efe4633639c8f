/* SPDX-License-Identifier: BSD-2-Clause
 *
 * arena.h -- memory that dies with its unit of work (request, reconcile,
 * scheduling cycle), and immutable shared bytes (struct pin_buf).
 * An arena belongs to one thread at a time; a buf to anyone with a reference.
 * Contract: an arena never aborts; past its ceiling it returns NULL and stays
 * `full`, so a chain of allocations needs one check at its end. */
#ifndef PINTLE_ARENA_H
#define PINTLE_ARENA_H

#include <pintle/abi.h>

struct pin_arena;

/* ceiling: bytes the arena may take from the heap in all. */
PIN_API struct pin_arena *pin_arena_new(size_t ceiling);
PIN_API void	 pin_arena_free(PIN_OWN struct pin_arena **);
/* Gives everything back but the first block; cleanups run, newest first. */
PIN_API void	 pin_arena_reset(struct pin_arena *);
/* 16-byte aligned, not cleared; NULL when full (or len is absurd). */
PIN_API void	*pin_arena_alloc(struct pin_arena *, size_t len);
PIN_API void	*pin_arena_zalloc(struct pin_arena *, size_t len);
/* Grows the newest allocation in place where it can, else copies. */
PIN_API void	*pin_arena_grow(struct pin_arena *, void *old, size_t old_len,
    size_t new_len);
PIN_API char	*pin_arena_strndup(struct pin_arena *, const char *, size_t);
PIN_API struct pin_str pin_arena_str(struct pin_arena *, struct pin_str);
/* A NUL-terminated string; len, if not NULL, gets its length. */
PIN_API char	*pin_arena_printf(struct pin_arena *, size_t *len,
    const char *fmt, ...) PIN_PRINTF(3, 4);
PIN_API int	 pin_arena_full(const struct pin_arena *);
PIN_API size_t	 pin_arena_used(const struct pin_arena *);
/* fn(arg) runs at reset and free. Returns PIN_OK or PIN_ENOMEM. */
PIN_API int	 pin_arena_cleanup(struct pin_arena *, void (*fn)(void *),
    void *arg);

/* Immutable, atomically refcounted bytes. `len` and `data` may be read
 * without a call; nothing else may be assumed about the layout. */
struct pin_buf {
	uint32_t	 magic;
	uint32_t	 refs;		/* atomic; pin_buf_get/put only */
	size_t		 len;
	uint8_t		 data[];
};

/* One reference, contents undefined until filled by the caller, who must
 * not change them once a second reference exists. NULL: no memory. */
PIN_API struct pin_buf *pin_buf_new(size_t len);
PIN_API struct pin_buf *pin_buf_copy(const void *p, size_t len);
PIN_API struct pin_buf *pin_buf_get(struct pin_buf *);
PIN_API void	 pin_buf_put(PIN_OWN struct pin_buf **);	/* NULL ok */

/* A growing byte string in an arena (or the heap when arena is NULL):
 * the writer every encoder uses. Sticky: once it fails it stays failed. */
struct pin_out {
	struct pin_arena *arena;
	char		 *p;		/* not NUL-terminated */
	size_t		  len;
	size_t		  cap;
	size_t		  max;		/* ceiling in bytes */
	int32_t		  failed;	/* PIN_OK, PIN_ENOMEM or PIN_ELIMIT */
	int32_t		  pad;
};

PIN_API void	 pin_out_init(struct pin_out *, struct pin_arena *,
    size_t max);
PIN_API void	 pin_out_fini(struct pin_out *);	/* heap mode only */
PIN_API void	 pin_out_put(struct pin_out *, const void *, size_t);
PIN_API void	 pin_out_str(struct pin_out *, struct pin_str);
PIN_API void	 pin_out_cstr(struct pin_out *, const char *);
PIN_API void	 pin_out_char(struct pin_out *, char);
PIN_API void	 pin_out_u64(struct pin_out *, uint64_t);
PIN_API void	 pin_out_i64(struct pin_out *, int64_t);
PIN_API void	 pin_out_printf(struct pin_out *, const char *fmt, ...)
    PIN_PRINTF(2, 3);
/* Room for len bytes at the end, counted as written; NULL when failed. */
PIN_API void	*pin_out_room(struct pin_out *, size_t len);

#endif
