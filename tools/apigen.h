/* SPDX-License-Identifier: BSD-2-Clause
 *
 * apigen.h -- what the reader (apigen.c) and the writer (apigen_out.c) share.
 * The tables under construction, with names where rows will have indexes.
 * One thread, one run, nothing is freed.
 * Contract: apigen.c fills, apigen_link() resolves, apigen_write() prints. */

#ifndef PIN_TOOLS_APIGEN_H
#define PIN_TOOLS_APIGEN_H

#include "core/api/table.h"

#define LINE_BYTES_MAX	8192
#define WORDS_MAX	256
#define ERRORS_MAX	40
#define INLINE_DEPTH_MAX 8

/* A growing array of one row type. */
#define VEC(T)	struct { T *v; uint32_t n, cap; }
#define PUSH(a)								\
	((a).v = apigen_grow((a).v, &(a).cap, (a).n, sizeof(*(a).v)),	\
	&(a).v[(a).n++])
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* A member as written; flattening turns it into rows. */
struct member {
	struct pin_field_row	row;
	char			*ref;	/* type text, NULL: scalar */
	int			inlined;
	int			line;
};

struct type {
	struct pin_type_row	row;
	char			*name;	/* "core.v1.Pod" */
	const char		*path;
	int			line;
	uint32_t		member0, nmembers;
};

struct res {
	struct pin_res_row	row;
	const char		*path;
	char			*kind, *list, *store;
	int			line;
};

struct sub {
	struct pin_sub_row	row;
	char			*group, *version, *kind;
	const char		*path;
	int			line;
};

extern struct tables {
	VEC(char)	strings;
	VEC(uint32_t)	strtab;
	VEC(uint32_t)	words;
	VEC(struct type)	types;
	VEC(uint32_t)	names;
	VEC(struct member)	members;
	VEC(struct pin_field_row)	fields;
	VEC(uint16_t)	hashes;
	VEC(struct pin_pb_row)	pbs;
	VEC(struct pin_when_row)	whens;
	VEC(struct pin_check_row)	checks;
	VEC(struct pin_gv_row)	gvs;
	VEC(struct res)	resources;
	VEC(struct sub)	subs;
	VEC(struct pin_col_row)	columns;
} t;

extern const char	*apigen_path;	/* of the file being read */
extern int		 apigen_line;
extern int		 apigen_res;	/* the open resource, -1: none */

#define complain(...)	apigen_complain(apigen_path, apigen_line, __VA_ARGS__)

void	*apigen_grow(void *v, uint32_t *cap, uint32_t n, size_t size);
void	 apigen_complain(const char *path, int line, const char *fmt, ...);
uint32_t apigen_intern(const char *);
void	 apigen_die(const char *what);

char	*apigen_copy(const char *);
void	*apigen_zero(void *, size_t);
uint32_t apigen_words(char **, uint32_t n);
uint32_t apigen_find(const char *const *tab, size_t n, const char *name);
int	 apigen_int(const char *, int64_t *out);

/* resource PLURAL KIND, and a line of its block. */
void	 apigen_resource(char **w, int n);
void	 apigen_resource_member(char **w, int n);

/* Resolve names, flatten, sort, check; mistakes go to apigen_complain. */
void	 apigen_link(void);
/* Write DIR/api_tables.c. */
void	 apigen_write(const char *dir);

#endif
