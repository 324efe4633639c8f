/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kubelet.h -- the node agent as a whole.
 * Thread: one control thread opens and closes it; it runs on a loop of its
 * own and the work pool. Contract: core/kubelet/README.md. */
#ifndef PINTLE_KUBELET_H
#define PINTLE_KUBELET_H

#include <pintle/host.h>

struct kubelet;

/* Strings are borrowed for the agent's life. */
struct kubelet_opts {
	struct pin_host	*host;
	const char	*exe, *plugins;		/* paths */
	const char	*data, *config;
	const char	*kubeconfig;
	const char	*server;		/* NULL: the kubeconfig's */
	const char	*node;
	int		 remote;	/* the API server is not on this
					 * data directory */
};

/* On an error *out may hold what was opened: close it all the same. */
int	kubelet_open(const struct kubelet_opts *, struct kubelet **out,
	    struct pin_err *);
/* Containers go on. */
void	kubelet_close(struct kubelet **);

#endif
