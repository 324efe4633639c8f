/* SPDX-License-Identifier: BSD-2-Clause
 *
 * subpath.h -- the part of a volume that a container is given. Containers may
 * put links into volumes, and move them while another one starts: what is
 * mounted is what was looked at.
 * Work pool. Contract: Kubernetes' subPath: links count as long as they stay
 * in the volume; what is missing becomes a directory. */
#ifndef PINTLE_KUBELET_SUBPATH_H
#define PINTLE_KUBELET_SUBPATH_H

#include "core/kubelet/kubelet_int.h"

/* From here to subpath_drop, `out` is that very file or directory. base is
 * the volume, sub relative without "..". `at`: a name below DATA/run/subpath
 * that nobody else uses. */
int	subpath_hold(const struct kubelet *, const char *base, const char *sub,
	    const char *at, char out[KUBELET_PATH_MAX], struct pin_err *);
void	subpath_drop(const struct kubelet *, const char *at);
/* What an agent that was killed held. */
void	subpath_drop_all(const struct kubelet *);

/* subpath_linux.c, subpath_bsd.c. A file of any type, no link. */
int	subpath_os_open(int dir, const char *name);
/* 0; 1: not here, the path must do; or
 * negative, with errno. */
int	subpath_os_bind(int fd, const char *at);
/* Whatever is mounted there, all of it. */
void	subpath_os_unbind(const char *at);

#endif
