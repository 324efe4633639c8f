/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pki.h -- the cluster's keys and certificates, made on first start, and the
 * kubeconfig files that use them.
 * Thread: start-up. Contract: names and usages of kubeadm's PKI (kubernetes
 * docs, "PKI certificates and requirements"); ECDSA P-256. */
#ifndef PINTLE_PKI_H
#define PINTLE_PKI_H

#include <pintle/host.h>

#define PKI_CA_DAYS	3650
#define PKI_LEAF_DAYS	365
#define PKI_NAMES_MAX	32
#define PKI_PROXY_CONTEXT "proxy"	/* of a node's kubeconfig */
#define PKI_KUBELET_CLIENT "kube-apiserver-kubelet-client"

struct pki {
	char	*dir;
	char	*ca_cert_path, *server_cert_path, *server_key_path;
	char	*sa_key_path, *sa_pub_path;
	char	*kubelet_cert_path, *kubelet_key_path;	/* the server's, as a
							 * client of nodes */
	char	*ca_cert;		/* PEM */
	char	*ca_key;		/* PEM; wiped at close */
};

struct pki_names {
	const char	*node;
	const char	*ips[PKI_NAMES_MAX];	/* NULL-terminated */
};

/* Makes what is missing in dir and renews what runs out within 30 days or
 * lacks a name. Files appear whole (written aside, synced, renamed). */
int	pki_open(struct pin_host *, const char *dir, const struct pki_names *,
	    PIN_OWN struct pki **, struct pin_err *);
/* Only the authority, which must be there: to sign for others. */
int	pki_load(struct pin_host *, const char *dir, PIN_OWN struct pki **,
	    struct pin_err *);
void	pki_close(PIN_OWN struct pki **);
/* A client certificate and a kubeconfig around it, mode 0600; kept as it is
 * when it is valid and says the same server. org may be NULL. */
int	pki_kubeconfig(struct pin_host *, const struct pki *, const char *path,
	    const char *server, const char *user, const char *org,
	    struct pin_err *);
/* The same for a node agent: the current context is system:node:NODE's, with
 * a certificate that is the agent's as a server too, the other one is the
 * proxy's. kept: the keys stay in the directory too. */
int	pki_node_kubeconfig(struct pin_host *, const struct pki *,
	    const char *path, const char *server, const char *node, int kept,
	    struct pin_err *);

#endif
