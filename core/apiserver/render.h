/* SPDX-License-Identifier: BSD-2-Clause
 *
 * render.h -- a stored object in the form a client asked for: as stored,
 * converted, as YAML, as Table or as metadata only.
 * Front loop. Contract: apimachinery meta/v1 Table, PartialObjectMetadata. */
#ifndef PINTLE_RENDER_H
#define PINTLE_RENDER_H

#include "core/apiserver/apiserver.h"
#include "lib/yaml/yaml.h"

#define RENDER_MAX	(64u << 20)	/* bytes of one whole answer */

/* Are the stored bytes the answer (JSON, no conversion)? */
int	render_is_plain(const struct request *);
/* One object, as the whole answer. */
int	render_one(struct request *, struct pin_buf *, uint64_t revision,
	    struct pin_out *);
/* The list around items: head up to and with "[", tail after the items. */
struct render_list {
	uint64_t	 revision;
	struct pin_str	 continue_token;
	int64_t		 remaining;	/* -1: not said */
	uint32_t	 nitems;
	uint32_t	 pad;
};
void	render_list_head(struct request *, const struct render_list *,
	    struct pin_out *);
int	render_list_item(struct request *, struct render_list *,
	    struct pin_buf *, uint64_t revision, struct pin_out *);
void	render_list_tail(struct request *, struct pin_out *);
/* The object of a watch event; first: the Table's first event carries the
 * columns. */
int	render_event(struct request *, const char *type, struct pin_buf *,
	    uint64_t revision, int first, struct pin_out *);
/* A stored object parsed and converted to r->res, in arena. */
int	render_parse(struct request *, struct pin_arena *, struct pin_buf *,
	    struct pin_obj **);

/* reply.c */
/* Does the client take gzip? */
int	reply_gzips(struct request *);
void	reply_start(struct request *, const char *type);
/* The same; gzip: what follows has gone through one. */
void	reply_start_as(struct request *, const char *type, int gzip);
int	reply_finish(struct request *, int ok);
int	reply_out(struct request *, int status, struct pin_out *);
/* JSON that a client may keep: an ETag, Vary: Accept. type NULL: the
 * aggregated discovery's. Takes the reference; bytes NULL: 304. */
int	reply_etag(struct request *, int status, const char *type,
	    const char *etag, PIN_OWN struct pin_buf *);
/* The same with all that caches are told; what is NULL is not. cache must be
 * static. */
struct reply_keep {
	const char	*etag;		/* quoted */
	const char	*cache;		/* Cache-Control; never NULL */
	const char	*expires;
	const char	*location;
};
int	reply_kept(struct request *, int status, const char *type,
	    const struct reply_keep *, PIN_OWN struct pin_buf *);

#endif
