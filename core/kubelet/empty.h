/* SPDX-License-Identifier: BSD-2-Clause
 *
 * empty.h -- emptyDir: a directory of the pod's own, on disk or in memory.
 * Work pool. Contract: Kubernetes' emptyDir; what a pod may not have here is
 * refused by name. */
#ifndef PINTLE_KUBELET_EMPTY_H
#define PINTLE_KUBELET_EMPTY_H

#include "core/kubelet/kubelet_int.h"

/* PIN_EINVALID: this node has no such medium. */
int	empty_refuse(const struct kpod *, pin_node volume, struct pin_err *);
/* gid: who shares it; -1: nobody is named. Made once; again, it is as its
 * containers left it. */
int	empty_make(const struct kpod *, pin_node volume, const char *dir,
	    int64_t gid, struct pin_err *);
/* What is mounted below pod directory DIR/volumes; before tree_remove. */
void	empty_release(const char *dir);

/* empty_linux.c, empty_bsd.c. Does the agent have memory to mount? */
int	empty_os_memory(void);
/* 0, also when it is mounted already; else negative, with errno. */
int	empty_os_mount(const char *dir, int64_t size, uint32_t mode,
	    int64_t gid);

#endif
