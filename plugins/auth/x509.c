/* SPDX-License-Identifier: BSD-2-Clause
 *
 * x509 -- auth plugin: a client certificate names its user (common name) and
 * groups (organizations); its SHA-256 is the credential's id. The ids of the
 * last few certificates are kept: a connection asks at every request.
 * Front threads; the host has verified chain, time and usage.
 * Contract: pintle/auth.h; KEP-4193 (X509SHA256). */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <pintle/auth.h>

#include "core/tls/tls.h"

#define KEPT_MAX	32		/* certificates */
#define KEPT_BYTES_MAX	4096		/* of one, else it is hashed again */
#define ID_KEY		"authentication.kubernetes.io/credential-id"
#define ID_HEAD		"X509SHA256="
#define ID_LEN		(sizeof(ID_HEAD) - 1 + 64)

struct kept {
	uint8_t		*der;
	size_t		 len;
	char		 id[ID_LEN];
};

struct x509 {
	pthread_rwlock_t lock;
	struct kept	 kept[KEPT_MAX];
};

static pin_open_fn x509_open;
static pin_close_fn x509_close;
static pin_auth_authenticate_fn x509_authenticate;

static const struct pin_auth_ops x509_ops = {
	.size = sizeof(x509_ops),
	.authenticate = x509_authenticate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "x509", .version = "1.0",
	.summary = "users by client certificate: CN is the name, O the groups",
	.ops = &x509_ops,
	.open = x509_open, .close = x509_close,
};

static int
x509_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct x509 *x = pin_xcalloc(1, sizeof(*x));

	(void)env;
	(void)conf;
	(void)err;
	pthread_rwlock_init(&x->lock, NULL);
	*self = x;
	return (PIN_OK);
}

static void
x509_close(void *self)
{
	struct x509 *x = self;
	size_t i;

	for (i = 0; i < KEPT_MAX; i++)
		free(x->kept[i].der);
	pthread_rwlock_destroy(&x->lock);
	free(x);
}

/* A signature ends a certificate: its last bytes are as good as a hash. */
static struct kept *
place(struct x509 *x, struct pin_str der)
{
	uint32_t h = 0;

	memcpy(&h, der.p + der.len - sizeof(h), sizeof(h));
	return (&x->kept[h % KEPT_MAX]);
}

static int
find(struct x509 *x, struct pin_str der, char id[ID_LEN])
{
	struct kept *k = place(x, der);
	int hit;

	pthread_rwlock_rdlock(&x->lock);
	hit = k->der != NULL && k->len == der.len && memcmp(k->der, der.p,
	    der.len) == 0;
	if (hit)
		memcpy(id, k->id, ID_LEN);
	pthread_rwlock_unlock(&x->lock);
	return (hit);
}

static void
keep(struct x509 *x, struct pin_str der, const char id[ID_LEN])
{
	struct kept *k = place(x, der);
	uint8_t *copy = malloc(der.len);

	if (copy == NULL)
		return;
	memcpy(copy, der.p, der.len);
	pthread_rwlock_wrlock(&x->lock);
	free(k->der);
	k->der = copy;
	k->len = der.len;
	memcpy(k->id, id, ID_LEN);
	pthread_rwlock_unlock(&x->lock);
}

static void
make_id(struct pin_str der, char id[ID_LEN])
{
	static const char hex[] = "0123456789abcdef";
	char *p = id + sizeof(ID_HEAD) - 1;
	uint8_t hash[32];
	size_t i;

	memcpy(id, ID_HEAD, sizeof(ID_HEAD) - 1);
	tls_sha256(der.p, der.len, hash);
	for (i = 0; i < sizeof(hash); i++) {
		*p++ = hex[hash[i] >> 4];
		*p++ = hex[hash[i] & 15];
	}
}

static int
credential_id(struct x509 *x, struct pin_call *call, struct pin_str der,
    struct pin_user *out)
{
	struct pin_extra *e = pin_arena_alloc(pin_call_arena(call),
	    sizeof(*e) + ID_LEN);
	char *id = (char *)(e + 1);

	if (e == NULL)
		return (pin_err_set(pin_call_err(call), PIN_ENOMEM,
		    "out of memory"));
	if (der.len < 8 || der.len > KEPT_BYTES_MAX) {
		make_id(der, id);
	} else if (!find(x, der, id)) {
		make_id(der, id);
		keep(x, der, id);
	}
	e->key = PIN_STR(ID_KEY);
	e->value = (struct pin_str){ id, ID_LEN };
	out->extra = e;
	out->nextra = 1;
	return (PIN_AUTHN_YES);
}

static int
x509_authenticate(void *self, struct pin_call *call,
    const struct pin_credentials *creds, struct pin_user *out)
{
	if (!creds->has_cert)
		return (PIN_AUTHN_SKIP);
	if (creds->cert_cn.len == 0) {
		(void)pin_err_set(pin_call_err(call), PIN_EUNAUTH,
		    "the client certificate has no common name");
		return (PIN_AUTHN_NO);
	}
	if (creds->ncert_orgs > PIN_AUTH_GROUPS_MAX) {
		(void)pin_err_set(pin_call_err(call), PIN_EUNAUTH,
		    "the client certificate has more than %u organizations",
		    PIN_AUTH_GROUPS_MAX);
		return (PIN_AUTHN_NO);
	}
	out->name = creds->cert_cn;
	out->groups = creds->cert_orgs;
	out->ngroups = creds->ncert_orgs;
	if (creds->cert_der.len == 0)
		return (PIN_AUTHN_YES);
	return (credential_id(self, call, creds->cert_der, out));
}
