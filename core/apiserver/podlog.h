/* SPDX-License-Identifier: BSD-2-Clause
 *
 * podlog.h -- the subresource pods/log.
 * Front loop. Contract: verbs.h. */
#ifndef PINTLE_PODLOG_H
#define PINTLE_PODLOG_H

#include "core/apiserver/apiserver.h"

int	podlog_run(struct request *);	/* after write_load */
void	podlog_credit(struct request *);
void	podlog_gone(struct request *);

#endif
