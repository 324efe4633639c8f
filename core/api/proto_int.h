/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proto_int.h -- between the messages and the scalars of protobuf.
 * One thread at a time.
 * Contract: conform.h. */
#ifndef PIN_CORE_API_PROTO_INT_H
#define PIN_CORE_API_PROTO_INT_H

#include "conform_int.h"

enum {
	PIN__WIRE_VARINT = 0,
	PIN__WIRE_64 = 1,
	PIN__WIRE_LEN = 2,
	PIN__WIRE_GROUP = 3,
	PIN__WIRE_END = 4,
	PIN__WIRE_32 = 5
};

/* Bytes of one message, and the field that was read last. */
struct pin__wire {
	const unsigned char	*p, *end;
	const unsigned char	*at;		/* the field's tag */
	uint32_t		 number, wire;
};

struct pin__proto {
	struct pin_arena	*arena;
	struct pin_obj		*o;
	struct pin_err		*err;
	const unsigned char	*start;
	const char		*type, *field;	/* for messages */
	uint32_t		*names;		/* text offset of a field's
						 * name, 0: not yet */
	uint32_t		 depth;
	int			 rc;
};

/* ---- proto.c: all 0 after an error, which is then set ---------------- */

int	 pin__proto_fail(struct pin__proto *, const struct pin__wire *,
	    const char *what);
int	 pin__proto_next(struct pin__proto *, struct pin__wire *);
int	 pin__proto_skip(struct pin__proto *, struct pin__wire *);
int	 pin__proto_int(struct pin__proto *, struct pin__wire *, int64_t *);
int	 pin__proto_fixed64(struct pin__proto *, struct pin__wire *,
	    uint64_t *);
int	 pin__proto_piece(struct pin__proto *, struct pin__wire *,
	    struct pin__wire *out);

/* Where input bytes are in the object's text, which begins with them. */
static inline uint32_t
pin__proto_off(const struct pin__proto *c, const unsigned char *p)
{
	return ((uint32_t)(p - c->start));
}

/* ---- proto_scalar.c ------------------------------------------------- */

/* The JSON form of a scalar, loose; 0 after an error. */
pin_node pin__proto_scalar(struct pin__proto *, int kind, struct pin__wire *);

#endif
