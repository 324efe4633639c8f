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

#endif
