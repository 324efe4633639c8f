/* SPDX-License-Identifier: BSD-2-Clause
 *
 * logs.c -- see kubelet_int.h.
 * Contract: below. */
#include "core/kubelet/kubelet_int.h"

int
logs_open(struct kubelet *k, struct pin_err *err)
{
	(void)k;
	(void)err;
	return (PIN_OK);
}

void
logs_close(struct kubelet *k)
{
	(void)k;
}
