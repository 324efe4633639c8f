/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bootstrap_int.h -- the lists of first objects, one function a list.
 * Control thread. Contract: bootstrap.h. */
#ifndef PINTLE_BOOTSTRAP_INT_H
#define PINTLE_BOOTSTRAP_INT_H

#include "core/apiserver/bootstrap.h"

typedef int bootstrap_fn(struct bootstrap *, struct apiserver *,
    struct pin_err *);

extern bootstrap_fn *const bootstraps[];
extern const uint32_t nbootstraps;
extern bootstrap_fn *const bootstraps_late[];	/* after the listeners */
extern const uint32_t nbootstraps_late;

bootstrap_fn	bootstrap_rbac, bootstrap_api, bootstrap_auth_config,
	bootstrap_service_range, bootstrap_service;

#endif
