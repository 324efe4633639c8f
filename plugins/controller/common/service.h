/* SPDX-License-Identifier: BSD-2-Clause
 *
 * service.h -- Services and the pods they select, for those who list them.
 * Pure. Contract: core/v1 Service. */
#ifndef CONTROLLER_SERVICE_H
#define CONTROLLER_SERVICE_H

#include "meta.h"

#define SERVICE_HEADLESS	"service.kubernetes.io/headless"
#define SERVICE_TRIGGER		"endpoints.kubernetes.io/" \
				"last-change-trigger-time"

/* Has a selector, and is no alias: its addresses are ours to list. */
int	service_is_ours(const struct pin_obj *svc);
int	service_selects(const struct pin_obj *svc, const struct pin_obj *pod);
/* None, or not there yet. */
int	service_is_headless(const struct pin_obj *svc);
/* The number a port has at this pod; 0: it has no port of that name. */
int64_t	service_port(const struct pin_obj *svc, pin_node port,
	    const struct pin_obj *pod);
/* Its name beneath the Service's; none: none. */
struct pin_str	service_hostname(const struct pin_obj *svc,
	    const struct pin_obj *pod);
int	service_ip_is_six(struct pin_str ip);
/* When the pod became ready, or ceased to be. */
struct pin_str	service_pod_time(const struct pin_obj *pod);
/* {kind: Pod, ...} as member `key`. */
void	service_put_ref(struct pin_obj *, pin_node, const char *key,
	    const struct pin_obj *pod);
/* The Service's labels, without the one that says headless unless it is. */
pin_node service_put_labels(const struct pin_obj *svc, struct pin_obj *,
	    pin_node meta);
/* When what the object says became true; none: the annotation goes. */
void	service_put_trigger(struct pin_obj *, pin_node meta,
	    struct pin_str time);
/* The map of a row of pods: the Services in row `index` that select it, or
 * did. */
void	service_map_pod(struct pin_reconcile *, uint32_t index,
	    const struct pin_obj *object, const struct pin_obj *before,
	    struct pin_keys *);

#endif
