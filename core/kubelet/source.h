/* SPDX-License-Identifier: BSD-2-Clause
 *
 * source.h -- a ConfigMap or a Secret as keys and bytes.
 * Work pool. Contract: `data` and `binaryData` together, base64 undone. */
#ifndef PINTLE_KUBELET_SOURCE_H
#define PINTLE_KUBELET_SOURCE_H

#include "core/kubelet/kubelet_int.h"

struct source_item {
	char		*key, *value;
	size_t		 len;
};

struct source {
	uint32_t	 n, pad;
	struct source_item *item;
};

/* *src may be given to source_fini whatever comes back. */
int	source_get(struct kpod *, int secret, struct pin_str name,
	    struct source *src, struct pin_err *);
void	source_fini(struct source *);
static inline uint32_t
source_count(const struct source *s)
{
	return (s->n);
}
void	source_at(const struct source *, uint32_t, struct pin_str *key,
	    struct pin_str *value);
int	source_find(const struct source *, struct pin_str key,
	    struct pin_str *value);
char	*base64_decode(struct pin_str, size_t *len);	/* heap; NULL */

#endif
