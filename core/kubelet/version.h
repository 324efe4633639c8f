/* SPDX-License-Identifier: BSD-2-Clause
 *
 * version.h -- the version of Kubernetes whose kubelet this agent is like.
 * Contract: semantic, as kubectl shows it in the column VERSION. */
#ifndef PINTLE_KUBELET_VERSION_H
#define PINTLE_KUBELET_VERSION_H

#include "build_info.h"

#define KUBELET_VERSION	"v1.35.4+pintle." PIN_VERSION

#endif
