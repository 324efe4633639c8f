/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config_int.h -- what the files of core/config share: the checked values of
 * one block, and how text becomes a value.
 * Loading thread only, then immutable.
 * Contract: config.h. */
#ifndef PIN_CORE_CONFIG_INT_H
#define PIN_CORE_CONFIG_INT_H

#include "core/config/config.h"

#define PIN_CONF_MAGIC		0x636f6e66u
#define PIN_CONF_ITEMS_MAX	256	/* of one STRINGS option */

struct pin__value {
	uint32_t	 given;		/* by the file, not by the table */
	uint32_t	 nitems;
	int64_t		 num;		/* BOOL, INT, DURATION, SIZE */
	char		*str;		/* STRING, PATH */
	char		**items;	/* STRINGS */
	char		*where;		/* NULL: not given */
};

struct pin_conf {
	uint32_t	 magic;
	uint32_t	 n;
	const struct pin_option *options;	/* the owner's, n rows */
	struct pin__value *value;		/* n of them */
	char		*where;			/* of the block */
};

/* ---- text.c ------------------------------------------------------ */

#define PIN_CONFIG_BYTES_MAX	(1u << 20)	/* with everything included */
#define PIN_CONFIG_FILES_MAX	64u
#define PIN_CONFIG_DEPTH_MAX	8u

struct pin__text {
	char		*p;		/* NUL-terminated */
	size_t		 len, cap;
	struct {
		uint32_t	file, line;
	}		*lines;		/* of every line of p */
	uint32_t	 nlines, nfiles;
	char		*files[PIN_CONFIG_FILES_MAX];
};

int		 pin__text_read(struct pin__text *, const char *path,
		    struct pin_report *);
void		 pin__text_fini(struct pin__text *);
/* Which file, and "FILE:LINE", a line of p came from; lines from 1. */
const char	*pin__text_file(const struct pin__text *, uint32_t line);
void		 pin__text_where(const struct pin__text *, uint32_t line,
		    char *buf, size_t size);

/* ---- conf.c, value.c, apiserver.c -------------------------------- */

struct pin_conf	*pin__conf_new(const struct pin_option *, const char *where);
/* The row called name, or NULL. */
const struct pin_option *pin__option_find(const struct pin_option *,
		    const char *name);
/* Text to value, by the row's type. Reports at `where`, without range
 * checks; PATH joins `base` when it is relative and base is not NULL. */
int		 pin__value_parse(struct pin__value *,
		    const struct pin_option *, const char *text,
		    const char *base, const char *where, struct pin_report *);
/* Range, REQUIRED, EXISTS. */
int		 pin__value_check(const struct pin__value *,
		    const struct pin_option *, const char *where,
		    struct pin_report *);
void		 pin__value_add(struct pin__value *, const char *item);
/* Puts the table's own defaults where nothing was given; then checks. */
int		 pin__conf_finish(struct pin_conf *, const char *base,
		    struct pin_report *);
int		 pin__apiserver_check(const struct pin_conf *,
		    struct pin_report *);
char		*pin__conf_join(const char *base, const char *path);
char		*pin__conf_dir(const char *path);
const char	*pin__type_name(uint32_t type);

#endif
