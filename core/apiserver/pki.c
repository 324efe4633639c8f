/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pki.c -- see pki.h.
 * Contract: pki.h. */
#include "core/apiserver/pki.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/tls/tls.h"

#define PEM_MAX		(64u << 10)
#define KUBECONFIG_MAX	(256u << 10)

static char *
path_of(const char *dir, const char *file)
{
	size_t n = strlen(dir) + strlen(file) + 2;
	char *p = pin_xmalloc(n);

	snprintf(p, n, "%s/%s", dir, file);
	return (p);
}

static int
save(struct pin_host *host, const char *path, const char *text, int private,
    struct pin_err *err)
{
	return (pin_path_replace(host, path, text, strlen(text),
	    private ? PIN_FILE_PRIVATE : 0, err));
}

static int
load(struct pin_host *host, const char *path, char **out)
{
	size_t len;

	*out = NULL;
	return (pin_path_slurp(host, path, PEM_MAX, out, &len, NULL));
}

static int64_t
now_s(struct pin_host *host)
{
	return (pin_host_wall(host) / 1000000000);
}

static void
wipe(char **pem)
{
	if (*pem != NULL)
		tls_wipe(*pem, strlen(*pem));
	free(*pem);
	*pem = NULL;
}

/* The certificate authority: made once, never replaced. */
static int
open_ca(struct pin_host *host, struct pki *p, struct pin_err *err)
{
	struct tls_cert_spec spec = { .flags = TLS_CERT_CA,
	    .days = PKI_CA_DAYS, .cn = "kubernetes" };
	char *key_path = path_of(p->dir, "ca.key");
	int rc = PIN_OK;

	if (load(host, p->ca_cert_path, &p->ca_cert) != PIN_OK ||
	    load(host, key_path, &p->ca_key) != PIN_OK) {
		free(p->ca_cert);
		p->ca_cert = NULL;
		wipe(&p->ca_key);
		rc = tls_cert_make(host, &spec, NULL, NULL, &p->ca_cert,
		    &p->ca_key, err);
		/* The key first: a certificate without its key would stay. */
		if (rc == PIN_OK)
			rc = save(host, key_path, p->ca_key, 1, err);
		if (rc == PIN_OK)
			rc = save(host, p->ca_cert_path, p->ca_cert, 0, err);
	}
	free(key_path);
	return (rc);
}

static int
open_leaf(struct pin_host *host, const struct pki *p,
    const struct tls_cert_spec *spec, const char *cert_path,
    const char *key_path, struct pin_err *err)
{
	char *cert, *key;
	int rc = PIN_OK;

	if (load(host, cert_path, &cert) != PIN_OK ||
	    load(host, key_path, &key) != PIN_OK ||
	    !tls_cert_covers(cert, spec, now_s(host))) {
		rc = tls_cert_make(host, spec, p->ca_cert, p->ca_key, &cert,
		    &key, err);
		if (rc == PIN_OK)
			rc = save(host, key_path, key, 1, err);
		if (rc == PIN_OK)
			rc = save(host, cert_path, cert, 0, err);
	}
	free(cert);
	wipe(&key);
	return (rc);
}

static int
open_server(struct pin_host *host, const struct pki *p,
    const struct pki_names *names, struct pin_err *err)
{
	const char *dns[] = { "localhost", "kubernetes", "kubernetes.default",
	    "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	    names->node, NULL };
	struct tls_cert_spec spec = { .flags = TLS_CERT_SERVER,
	    .days = PKI_LEAF_DAYS, .cn = "kube-apiserver", .dns = dns,
	    .ips = names->ips };

	return (open_leaf(host, p, &spec, p->server_cert_path,
	    p->server_key_path, err));
}

/* By what name nodes know the server when it asks them. */
static int
open_kubelet_client(struct pin_host *host, const struct pki *p,
    struct pin_err *err)
{
	struct tls_cert_spec spec = { .flags = TLS_CERT_CLIENT,
	    .days = PKI_LEAF_DAYS, .cn = PKI_KUBELET_CLIENT };

	return (open_leaf(host, p, &spec, p->kubelet_cert_path,
	    p->kubelet_key_path, err));
}

static int
open_sa(struct pin_host *host, const struct pki *p, struct pin_err *err)
{
	char *key, *pub;
	int rc = PIN_OK;

	if (load(host, p->sa_key_path, &key) == PIN_OK &&
	    load(host, p->sa_pub_path, &pub) == PIN_OK) {
		wipe(&key);
		free(pub);
		return (PIN_OK);
	}
	wipe(&key);
	rc = tls_key_make(host, &key, &pub, err);
	if (rc != PIN_OK)
		return (rc);
	rc = save(host, p->sa_key_path, key, 1, err);
	if (rc == PIN_OK)
		rc = save(host, p->sa_pub_path, pub, 0, err);
	wipe(&key);
	free(pub);
	return (rc);
}

static struct pki *
pki_new(const char *dir)
{
	struct pki *p = pin_xcalloc(1, sizeof(*p));

	p->dir = pin_xstrdup(dir);
	p->ca_cert_path = path_of(dir, "ca.crt");
	p->server_cert_path = path_of(dir, "apiserver.crt");
	p->server_key_path = path_of(dir, "apiserver.key");
	p->sa_key_path = path_of(dir, "sa.key");
	p->sa_pub_path = path_of(dir, "sa.pub");
	p->kubelet_cert_path = path_of(dir, "apiserver-kubelet-client.crt");
	p->kubelet_key_path = path_of(dir, "apiserver-kubelet-client.key");
	return (p);
}

int
pki_load(struct pin_host *host, const char *dir, PIN_OWN struct pki **out,
    struct pin_err *err)
{
	struct pki *p = pki_new(dir);
	char *key_path = path_of(dir, "ca.key");
	int rc = PIN_OK;

	if (load(host, p->ca_cert_path, &p->ca_cert) != PIN_OK ||
	    load(host, key_path, &p->ca_key) != PIN_OK)
		rc = pin_err_set(err, PIN_ENOTFOUND, "%s and ca.key beside "
		    "it cannot be read: is the API server's data there?",
		    p->ca_cert_path);
	free(key_path);
	if (rc == PIN_OK)
		*out = p;
	else
		pki_close(&p);
	return (rc);
}

int
pki_open(struct pin_host *host, const char *dir, const struct pki_names *names,
    PIN_OWN struct pki **out, struct pin_err *err)
{
	struct pki *p = pki_new(dir);
	int rc;

	rc = pin_path_mkdir(host, dir, err);
	if (rc == PIN_OK)
		rc = open_ca(host, p, err);
	if (rc == PIN_OK)
		rc = open_server(host, p, names, err);
	if (rc == PIN_OK)
		rc = open_kubelet_client(host, p, err);
	if (rc == PIN_OK)
		rc = open_sa(host, p, err);
	if (rc != PIN_OK) {
		pki_close(&p);
		return (pin_err_wrap(err, "keys in %s", dir));
	}
	*out = p;
	return (PIN_OK);
}

void
pki_close(PIN_OWN struct pki **pp)
{
	struct pki *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	wipe(&p->ca_key);
	free(p->ca_cert);
	free(p->dir);
	free(p->ca_cert_path);
	free(p->server_cert_path);
	free(p->server_key_path);
	free(p->sa_key_path);
	free(p->sa_pub_path);
	free(p->kubelet_cert_path);
	free(p->kubelet_key_path);
	free(p);
}

/* ---- kubeconfig ----------------------------------------------------- */

static void
put_base64(struct pin_out *o, const char *s)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(s), i, k, left;
	uint32_t v;

	for (i = 0; i < n; i += 3) {
		left = n - i < 3 ? n - i : 3;
		for (v = 0, k = 0; k < 3; k++)
			v = v << 8 | (k < left ? (unsigned char)s[i + k] : 0);
		for (k = 0; k < 4; k++)
			pin_out_char(o, k <= left ?
			    set[v >> (18 - 6 * k) & 63] : '=');
	}
}

/* Somebody a kubeconfig speaks for. */
struct identity {
	const char	*context, *user;
	const char	*host;		/* a server by that name too; or NULL */
	char		*cert, *key;		/* PEM, heap */
};

static void
identity_fini(struct identity *id)
{
	free(id->cert);
	wipe(&id->key);
}

/* Kept below the keys' directory, or made for the one who asks and kept
 * nowhere. */
static int
identity_make(struct pin_host *host, const struct pki *p, int kept,
    const char *org, struct identity *id, struct pin_err *err)
{
	const char *orgs[] = { org, NULL }, *names[] = { id->host, NULL };
	struct tls_cert_spec spec = { .flags = TLS_CERT_CLIENT |
	    (id->host != NULL ? TLS_CERT_SERVER : 0), .days = PKI_LEAF_DAYS,
	    .cn = id->user, .orgs = orgs, .dns = names };
	char file[128], *cert_path, *key_path;
	size_t i;
	int rc;

	if (!kept)
		return (tls_cert_make(host, &spec, p->ca_cert, p->ca_key,
		    &id->cert, &id->key, err));
	snprintf(file, sizeof(file), "%s.crt", id->user);
	for (i = 0; file[i] != '\0'; i++)
		if (file[i] == ':' || file[i] == '/')
			file[i] = '-';
	cert_path = path_of(p->dir, file);
	memcpy(strrchr(file, '.'), ".key", 5);
	key_path = path_of(p->dir, file);
	rc = open_leaf(host, p, &spec, cert_path, key_path, err);
	if (rc == PIN_OK && (load(host, cert_path, &id->cert) != PIN_OK ||
	    load(host, key_path, &id->key) != PIN_OK))
		rc = pin_err_set(err, PIN_EIO, "cannot read back %s",
		    cert_path);
	free(cert_path);
	free(key_path);
	return (rc);
}

/* The first identity is the current one. */
static int
kubeconfig(struct pin_out *o, const struct pki *p, const char *server,
    const struct identity *id, uint32_t n, struct pin_err *err)
{
	uint32_t i;

	pin_out_init(o, NULL, KUBECONFIG_MAX);
	pin_out_printf(o, "apiVersion: v1\nkind: Config\nclusters:\n"
	    "- name: pintle\n  cluster:\n    server: %s\n"
	    "    certificate-authority-data: ", server);
	put_base64(o, p->ca_cert);
	pin_out_cstr(o, "\nusers:\n");
	for (i = 0; i < n; i++) {
		pin_out_printf(o, "- name: %s\n  user:\n"
		    "    client-certificate-data: ", id[i].user);
		put_base64(o, id[i].cert);
		pin_out_cstr(o, "\n    client-key-data: ");
		put_base64(o, id[i].key);
		pin_out_char(o, '\n');
	}
	pin_out_cstr(o, "contexts:\n");
	for (i = 0; i < n; i++)
		pin_out_printf(o, "- name: %s\n  context:\n"
		    "    cluster: pintle\n    user: %s\n", id[i].context,
		    id[i].user);
	pin_out_printf(o, "current-context: %s\n", id[0].context);
	return (o->failed != PIN_OK ? pin_err_set(err, o->failed,
	    "kubeconfig") : PIN_OK);
}

static int
kubeconfig_save(struct pin_host *host, const struct pki *p, const char *path,
    const char *server, const struct identity *id, uint32_t n,
    struct pin_err *err)
{
	struct pin_out o;
	int rc;

	rc = kubeconfig(&o, p, server, id, n, err);
	if (rc == PIN_OK)
		rc = pin_path_replace(host, path, o.p, o.len,
		    PIN_FILE_PRIVATE, err);
	tls_wipe(o.p, o.len);
	pin_out_fini(&o);
	return (rc);
}

int
pki_kubeconfig(struct pin_host *host, const struct pki *p, const char *path,
    const char *server, const char *user, const char *org, struct pin_err *err)
{
	struct identity id = { .context = "pintle", .user = user };
	int rc;

	rc = identity_make(host, p, 1, org, &id, err);
	if (rc == PIN_OK)
		rc = kubeconfig_save(host, p, path, server, &id, 1, err);
	identity_fini(&id);
	return (rc);
}

int
pki_node_kubeconfig(struct pin_host *host, const struct pki *p,
    const char *path, const char *server, const char *node, int kept,
    struct pin_err *err)
{
	char user[300];
	struct identity id[] = { { .context = "pintle", .user = user,
	    .host = node },
	    { .context = PKI_PROXY_CONTEXT, .user = "system:kube-proxy" } };
	int rc;

	snprintf(user, sizeof(user), "system:node:%s", node);
	rc = identity_make(host, p, kept, "system:nodes", &id[0], err);
	if (rc == PIN_OK)
		rc = identity_make(host, p, kept, NULL, &id[1], err);
	if (rc == PIN_OK)
		rc = kubeconfig_save(host, p, path, server, id, 2, err);
	identity_fini(&id[0]);
	identity_fini(&id[1]);
	return (rc);
}
