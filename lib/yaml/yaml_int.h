/* SPDX-License-Identifier: BSD-2-Clause
 *
 * yaml_int.h -- what the files of lib/yaml share: the tree of events and
 * the resolution of scalars.
 * One thread at a time. Contract: yaml.h. */
#ifndef PINTLE_YAML_INT_H
#define PINTLE_YAML_INT_H

#include "yaml.h"

/* Tags that mean something here. */
enum {
	TAG_NONE = 0,
	TAG_STR,
	TAG_BOOL,
	TAG_INT,
	TAG_FLOAT,
	TAG_NULL,
	TAG_TIME,
	TAG_BINARY,
	TAG_MERGE,
	TAG_OTHER,
};

enum { Y_SCALAR = 1, Y_ALIAS, Y_MAP, Y_SEQ };

/* Index 0 is "none". */
struct ynode {
	uint8_t		kind;
	uint8_t		tag;
	uint8_t		plain;	/* untagged and unquoted: to be resolved */
	uint8_t		busy;	/* alias: being expanded */
	uint8_t		type;	/* scalar: PIN_..., once it is resolved */
	uint8_t		key_type;	/* TAG_... of the resolved scalar */
	uint16_t	pad;
	uint32_t	line;	/* from 0 */
	uint32_t	off;	/* text in the object; first child */
	uint32_t	len;	/* of that text */
	uint32_t	next;
	uint32_t	prev;
	uint32_t	last;	/* child */
	uint32_t	alias;	/* target of an alias */
	uint32_t	voff;	/* scalar: JSON value in the object's text */
	uint32_t	vlen;
};

struct ydoc {
	struct pin_obj	*o;		/* owns the texts */
	struct ynode	*nodes;
	uint32_t	 n, cap;
	uint32_t	 root;		/* 0: empty document */
	struct pin_err	*err;
};

/* Reads the first document. Anything but PIN_OK has set the error. */
int	 pin__yaml_load(struct ydoc *, const char *text, size_t len);
void	 pin__yaml_unload(struct ydoc *);

/* What a plain scalar is. */
struct yscalar {
	int		type;		/* PIN_NULL ... PIN_STRING */
	int		tag;		/* TAG_... it resolved to */
	int		finite;		/* 0: not a number of JSON */
	size_t		len;
	char		json[64];	/* PIN_NUMBER: as JSON */
	double		value;		/* TAG_FLOAT */
	int		wide;		/* integer above INT64_MAX */
};

/* Resolves s as go-yaml v2 does; 0 when it is no `tag`. */
int	 pin__yaml_resolve(int tag, struct pin_str s, struct yscalar *);
/* May s be a timestamp? It is a string here, but quoted when written. */
int	 pin__yaml_timestamp(struct pin_str s);
/* The shortest decimal digits that read back as d; 'g' spells as Go's
 * FormatFloat(d, 'g', -1), 'j' as encoding/json. bits: 32 or 64. */
size_t	 pin__yaml_float(double d, int bits, int style, char out[64]);

#endif
