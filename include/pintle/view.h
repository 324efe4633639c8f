/* SPDX-License-Identifier: BSD-2-Clause
 *
 * view.h -- how a plugin reads the cluster: point reads, and views, which
 * are told every change of one resource in revision order. In the API server
 * both read the store's memory; elsewhere the host keeps an informer.
 * Threads: reads from any thread, never blocking for long; `changed` runs
 * serially on a thread of the host's and must not block or call back.
 * Contract: values are the stored bytes (canonical JSON without
 * metadata.resourceVersion, which is passed beside them). */
#ifndef PINTLE_VIEW_H
#define PINTLE_VIEW_H

#include <pintle/object.h>
#include <pintle/plugin.h>

struct pin_view;

/* object is NULL for a deletion; before is NULL for a creation. Borrowed:
 * take a reference with pin_buf_get to keep them. */
struct pin_view_event {
	uint32_t	 size;
	uint32_t	 pad;
	uint64_t	 revision;
	struct pin_str	 namespace;	/* none for cluster scope */
	struct pin_str	 name;
	struct pin_buf	*object;
	struct pin_buf	*before;
};

typedef void pin_view_changed_fn(void *arg, const struct pin_view_event *);

/* Opens a view of GROUP/RESOURCE ("" is the core group). Everything that
 * exists is reported first, as creations, before this returns when the host
 * is an API server, else before pin_view_synced answers 1.
 * PIN_ENOTFOUND: no such resource. */
PIN_API int	 pin_view_open(struct pin_env *, const char *group,
    const char *resource, pin_view_changed_fn *, void *arg,
    PIN_OWN struct pin_view **, struct pin_err *);
/* No `changed` runs after this returns. */
PIN_API void	 pin_view_close(PIN_OWN struct pin_view **);
PIN_API int	 pin_view_synced(const struct pin_view *);

/* The newest committed object. PIN_ENOTFOUND when there is none. In the API
 * server this sees every write that was answered before the call. */
PIN_API int	 pin_read(struct pin_env *, const char *group,
    const char *resource, struct pin_str namespace, struct pin_str name,
    PIN_OWN struct pin_buf **out, uint64_t *revision, struct pin_err *);

#endif
