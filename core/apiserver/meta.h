/* SPDX-License-Identifier: BSD-2-Clause
 *
 * meta.h -- metadata that the server owns.
 * Front loop. Contract: apiserver's rest.BeforeCreate and BeforeUpdate. */
#ifndef PINTLE_META_H
#define PINTLE_META_H

#include "core/apiserver/list.h"

pin_node meta_node(const struct pin_obj *);
struct pin_str meta_str(const struct pin_obj *, const char *key);
pin_node meta_ensure(struct pin_obj *);
void	meta_now(struct request *, int64_t add_s, char out[40]);
void	meta_uuid(struct pin_host *, char out[37]);
int	meta_namespace(struct request *, struct pin_obj *);
/* Does it have the name of the URL? */
int	meta_named(struct request *, const struct pin_obj *);
/* What is made by PUT or apply has no uid yet. */
int	meta_unborn(struct request *, const struct pin_obj *);
/* Keeps members of r->old in r->obj: only `part`, or all others. */
void	meta_keep(struct request *, const char *part, int only_part_is_new);
void	meta_generation(struct request *);

#endif
