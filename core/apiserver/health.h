/* SPDX-License-Identifier: BSD-2-Clause
 *
 * health.h -- healthz, livez, readyz and their checks by name; metrics.
 * Front loop. Contract: upstream's formats: "[+]ping ok" lines with
 * ?verbose, Prometheus text. */
#ifndef PINTLE_HEALTH_H
#define PINTLE_HEALTH_H

#include "core/apiserver/apiserver.h"

int	health_run(struct request *);
int	metrics_run(struct request *);
const char *health_os(void);		/* "linux" */
const char *health_arch(void);		/* "amd64" */

#endif
