/* SPDX-License-Identifier: BSD-2-Clause
 *
 * issuer.c -- see token.h.
 * Contract: RFC 7515 (compact serialization), RFC 7517, 7518 (ES256, RS256);
 * OpenID Connect Discovery 1.0, section 3, as far as tokens need it. */
#include "core/apiserver/token.h"

#include <stdlib.h>
#include <string.h>

#include "core/tls/tls.h"

#define KEY_FILE_MAX	(64u << 10)
#define DOCUMENT_MAX	(16u << 10)
#define SIGNATURE_MAX	1024		/* RSA of 8192 bits */

struct issuer {
	struct tls_key	*key;
	const char	*alg;
	char		 kid[64];
	char		*jwks;			/* the document */
	size_t		 jwks_len;
};

/* {"use":"sig",...,"kid":...,"alg":...} of one key. */
static int
make_jwks(struct issuer *is, struct pin_err *err)
{
	struct pin_out o, jwk;
	int rc;

	pin_out_init(&jwk, NULL, DOCUMENT_MAX);
	pin_out_init(&o, NULL, DOCUMENT_MAX);
	rc = tls_key_jwk(is->key, &jwk, err);
	if (rc == PIN_OK) {
		pin_out_printf(&o, "{\"keys\":[{\"use\":\"sig\",\"kid\":\"%s\""
		    ",\"alg\":\"%s\",", is->kid, is->alg);
		pin_out_put(&o, jwk.p, jwk.len);
		pin_out_cstr(&o, "}]}");
		rc = o.failed != PIN_OK ? pin_err_set(err, o.failed,
		    "key set") : PIN_OK;
	}
	pin_out_fini(&jwk);
	if (rc == PIN_OK) {
		is->jwks = pin_xstrndup(o.p, o.len);
		is->jwks_len = o.len;
	}
	pin_out_fini(&o);
	return (rc);
}

int
issuer_open(struct apiserver *srv, struct pin_err *err)
{
	struct issuer *is = pin_xcalloc(1, sizeof(*is));
	char *pem = NULL;
	size_t len;
	int rc;

	srv->issuer = is;
	rc = pin_path_slurp(srv->host, srv->pki->sa_key_path, KEY_FILE_MAX,
	    &pem, &len, err);
	if (rc == PIN_OK) {
		rc = tls_key_load(pem, &is->key, err);
		tls_wipe(pem, len);
		free(pem);
	}
	if (rc == PIN_OK)
		rc = tls_key_id(is->key, is->kid, sizeof(is->kid)) ==
		    PIN_OK ? PIN_OK : pin_err_set(err, PIN_ECONFIG, "key id");
	if (rc == PIN_OK) {
		is->alg = tls_key_alg(is->key);
		rc = make_jwks(is, err);
	}
	return (rc == PIN_OK ? rc : pin_err_wrap(err, "token key %s",
	    srv->pki->sa_key_path));
}

void
issuer_close(struct apiserver *srv)
{
	struct issuer *is = srv->issuer;

	srv->issuer = NULL;
	if (is == NULL)
		return;
	tls_key_free(&is->key);
	free(is->jwks);
	free(is);
}

const char *
issuer_name(const struct apiserver *srv)
{
	(void)srv;
	return (TOKEN_ISSUER);
}

/* ---- signing -------------------------------------------------------- */

static void
put_base64url(struct pin_out *o, const void *bytes, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *s = bytes;
	size_t i, k, left;
	uint32_t v;

	for (i = 0; i < n; i += 3) {
		left = n - i < 3 ? n - i : 3;
		for (v = 0, k = 0; k < 3; k++)
			v = v << 8 | (k < left ? s[i + k] : 0);
		for (k = 0; k <= left; k++)
			pin_out_char(o, set[v >> (18 - 6 * k) & 63]);
	}
}

int
issuer_sign(struct apiserver *srv, struct pin_arena *arena,
    struct pin_str claims, struct pin_str *token, struct pin_err *err)
{
	const struct issuer *is = srv->issuer;
	uint8_t sig[SIGNATURE_MAX];
	size_t sig_len = sizeof(sig), len;
	struct pin_out o;
	char *head;
	int rc;

	head = pin_arena_printf(arena, &len, "{\"alg\":\"%s\",\"kid\":\"%s\"}",
	    is->alg, is->kid);
	if (head == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	pin_out_init(&o, arena, PIN_AUTH_TOKEN_MAX);
	put_base64url(&o, head, len);
	pin_out_char(&o, '.');
	put_base64url(&o, claims.p, claims.len);
	if (o.failed != PIN_OK)
		return (pin_err_set(err, PIN_EINVAL, "the token would be "
		    "longer than %u bytes", PIN_AUTH_TOKEN_MAX));
	rc = tls_key_sign(is->key, o.p, o.len, sig, &sig_len, err);
	if (rc != PIN_OK)
		return (rc);
	pin_out_char(&o, '.');
	put_base64url(&o, sig, sig_len);
	if (o.failed != PIN_OK)
		return (pin_err_set(err, PIN_EINVAL, "the token would be "
		    "longer than %u bytes", PIN_AUTH_TOKEN_MAX));
	*token = (struct pin_str){ o.p, o.len };
	return (PIN_OK);
}

/* ---- documents ------------------------------------------------------ */

static int
configuration(struct request *r)
{
	struct apiserver *srv = r->srv;
	char where[96];
	struct pin_out o;

	if (srv->advertise[0] == '\0')
		pin_addr_print(&srv->bound, where, sizeof(where));
	pin_out_init(&o, r->arena, DOCUMENT_MAX);
	pin_out_printf(&o, "{\"issuer\":\"%s\",\"jwks_uri\":\"https://",
	    issuer_name(srv));
	if (srv->advertise[0] == '\0')
		pin_out_cstr(&o, where);
	else
		pin_out_printf(&o, strchr(srv->advertise, ':') != NULL ?
		    "[%s]:%u" : "%s:%u", srv->advertise, srv->bound.port);
	pin_out_printf(&o, "/openid/v1/jwks\",\"response_types_supported\":["
	    "\"id_token\"],\"subject_types_supported\":[\"public\"],"
	    "\"id_token_signing_alg_values_supported\":[\"%s\"]}",
	    srv->issuer->alg);
	return (reply_bytes(r, 200, "application/json", (struct pin_str){ o.p,
	    o.len }));
}

int
issuer_run(struct request *r)
{
	const struct issuer *is = r->srv->issuer;

	if (pin_str_prefix(r->info.path, "/.well-known/"))
		return (configuration(r));
	return (reply_bytes(r, 200, "application/jwk-set+json",
	    (struct pin_str){ is->jwks, is->jwks_len }));
}
