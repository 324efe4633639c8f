/* SPDX-License-Identifier: BSD-2-Clause
 *
 * json_int.h -- the layout of struct pin_obj, shared by the files of
 * lib/json and by lib/yaml; nobody else includes it.
 * One thread at a time; const objects are read by many.
 * Contract: pintle/object.h. */
#ifndef PINTLE_JSON_INT_H
#define PINTLE_JSON_INT_H

#include <pintle/object.h>

/* The tree is threaded, so every walk is a loop that needs no stack:
 *
 *	container.first ──> child ──next──> child ──next──> last
 *	     ^                ^ prev of the first is the last │
 *	     └────────────────────── next of the last, UP set ┘
 *
 * Node 0 is "absent" and node 1 the root, whose next is UP|0. A removed
 * node keeps its own links, so that a loop may remove what it stands on. */
struct pin__node {
	uint32_t	off;	/* text offset; first child of a container */
	uint32_t	len;	/* bytes of text; children of a container */
	uint32_t	next;	/* sibling, or UP | parent */
	uint32_t	prev;	/* sibling; the first one's is the last */
	uint32_t	koff;	/* key in text */
	uint32_t	kt;	/* key length << KT_SHIFT | type */
};

#define PIN__UP		0x80000000u
#define PIN__KT_SHIFT	6
#define PIN__KT_TYPE	7u
#define PIN__KT_KEYED	8u	/* a member of an object; its key may be "" */
#define PIN__KT_INDEXED	16u	/* a container whose members are in the index */
#define PIN__KT_DOUBLE	32u	/* that has or had members of one name */
#define PIN__KEY_MAX	((1u << (32 - PIN__KT_SHIFT)) - 1)
#define PIN__WIDE	64u	/* members from which on there is an index */
#define PIN__TYPE(n)	((n)->kt & PIN__KT_TYPE)
#define PIN__KLEN(n)	((n)->kt >> PIN__KT_SHIFT)
#define PIN__IS_TREE(n)	(PIN__TYPE(n) >= PIN_ARRAY)

#define PIN__OBJ_MAGIC	0x704f626au
#define PIN__NODES_MAX	(PIN__UP - 1)
#define PIN__TEXT_PAD	((size_t)16)	/* zero bytes behind a parsed text */
#define PIN__TEXT_MAX	(PIN_OBJ_TEXT_MAX + PIN__TEXT_PAD)

struct pin_obj {
	uint32_t		 magic;
	int			 failed;	/* sticky PIN_E... */
	struct pin_arena	*arena;		/* NULL: heap */
	char			*text;
	struct pin__node	*nodes;
	uint32_t		 text_len;
	uint32_t		 text_cap;
	uint32_t		 n;		/* nodes in use, node 0 too */
	uint32_t		 cap;
	int			 readonly;	/* mapped: bytes are borrowed */
	struct pin__member_slot	*index;		/* index.c */
	uint32_t		 index_cap;	/* a power of two */
	uint32_t		 index_used;
	uint64_t		 index_seed;
};

/* An object without nodes but room for some. */
struct pin_obj *pin__obj_new(struct pin_arena *, size_t text_cap,
    size_t nodes_cap);
/* Room for len more text bytes, or for one more node. On
 * failure the object is `failed`; everything that was there stays. */
int	 pin__obj_text_room(struct pin_obj *, size_t len);
int	 pin__obj_node_room(struct pin_obj *);
/* Gives back unused room of the newest arena allocation. */
void	 pin__obj_trim(struct pin_obj *);
/* Appends bytes to the text; bytes that lie in the object's text are used
 * where they are. 1 when it worked. */
int	 pin__obj_text_add(struct pin_obj *, const char *, size_t,
    uint32_t *off);
/* A new node that hangs nowhere yet; 0 when there is no memory. */
pin_node pin__obj_node_add(struct pin_obj *, int type, uint32_t off,
    uint32_t len);
/* Puts a loose node behind all children. 0 when there is no memory. */
int	 pin__obj_link_last(struct pin_obj *, pin_node parent, pin_node);

/* The index over wide objects. What may need memory answers 0 without, the
 * object is then failed. */
pin_node pin__member_get(const struct pin_obj *, pin_node parent,
    struct pin_str key);
int	 pin__member_build(struct pin_obj *, pin_node parent);
int	 pin__member_add(struct pin_obj *, pin_node parent, pin_node);
void	 pin__member_remove(struct pin_obj *, pin_node parent, pin_node);
void	 pin__member_drop(struct pin_obj *, pin_node parent);
int	 pin__member_copy(struct pin_obj *to, const struct pin_obj *from);

/* Parses text into o as a tree that hangs nowhere yet. *at, if not NULL,
 * gets the offset of the byte an error is about. */
int	 pin__obj_parse_into(struct pin_obj *, const char *text, size_t len,
    pin_node *out, size_t *at, struct pin_err *);
/* Is s a number of RFC 8259? */
int	 pin__json_number(struct pin_str);
/* Bytes of the well-formed UTF-8 sequence at p, 0 when there is none. */
size_t	 pin__utf8_len(const char *p, const char *end);
/* A hash that is useless to guess without the seed. */
uint64_t pin__json_hash(uint64_t seed, struct pin_str);
/* The same tree as a new tree of `to`, which may be `from`. */
pin_node pin__obj_clone(struct pin_obj *to, const struct pin_obj *from,
    pin_node);

static inline struct pin_str
pin__obj_keystr(const struct pin_obj *o, const struct pin__node *n)
{
	struct pin_str s = { o->text + n->koff, PIN__KLEN(n) };

	return (s);
}

#endif
