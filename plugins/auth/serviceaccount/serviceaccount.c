/* SPDX-License-Identifier: BSD-2-Clause
 *
 * serviceaccount -- auth plugin: bearer tokens that the API server signed for
 * a service account. The signature is checked once a token; that the account
 * and what the token is bound to still live, every time.
 * Front threads, several at once; a new token costs one signature check.
 * Contract: pintle/auth.h; KEP-1205, KEP-4193; upstream's order and words. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/tls/tls.h"
#include "plugins/auth/serviceaccount/account.h"

#define KEY_FILE_MAX	(64u << 10)
#define KEY_PATH_MAX	4096
#define ISSUER		"https://kubernetes.default.svc.cluster.local"

struct account {
	struct pin_env	*env;
	struct tls_key	*key;
	char		 kid[64];
	const char	*issuer;
	struct pin_str	*audiences;	/* the API server's */
	uint32_t	 naudiences;
	uint32_t	 pad;
	struct cache	*cache;
};

static pin_open_fn account_open;
static pin_close_fn account_close;
static pin_auth_authenticate_fn account_authenticate;

static const struct pin_auth_ops account_ops = {
	.size = sizeof(account_ops),
	.authenticate = account_authenticate,
};

static const struct pin_option account_options[] = {
	{ "key", PIN_OPT_PATH, PIN_OPTF_EXISTS, NULL,
	    "public key (PEM) that verifies; default DATA/pki/sa.pub", 0, 0 },
	{ "issuer", PIN_OPT_STRING, 0, ISSUER,
	    "whose tokens these are (claim iss)", 0, 0 },
	{ "audiences", PIN_OPT_STRINGS, 0, NULL,
	    "for whom tokens are good; default the issuer", 0, 0 },
	{ "cache", PIN_OPT_INT, 0, "1024",
	    "verified tokens to remember", 0, 65536 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "serviceaccount", .version = "1.0",
	.summary = "service accounts by signed token, bound to live objects",
	.options = account_options,
	.ops = &account_ops,
	.open = account_open, .close = account_close,
};

/* ---- life ----------------------------------------------------------- */

static int
load_key(struct account *ac, const struct pin_conf *conf, struct pin_err *err)
{
	const char *path = pin_conf_string(conf, "key"),
	    *data = pin_env_data(ac->env);
	char dflt[KEY_PATH_MAX], *pem = NULL;
	size_t len;
	int rc;

	if (path == NULL && data == NULL)
		return (PIN_OK);	/* only a check of the configuration */
	if (path == NULL) {
		snprintf(dflt, sizeof(dflt), "%s/pki/sa.pub", data);
		path = dflt;
	}
	rc = pin_path_slurp(pin_env_host(ac->env), path, KEY_FILE_MAX, &pem,
	    &len, err);
	if (rc != PIN_OK)
		return (rc);
	rc = tls_key_load(pem, &ac->key, err);
	tls_wipe(pem, len);
	free(pem);
	if (rc == PIN_OK && tls_key_id(ac->key, ac->kid, sizeof(ac->kid)) !=
	    PIN_OK)
		rc = pin_err_set(err, PIN_ECONFIG, "cannot name the key");
	return (rc == PIN_OK ? rc : pin_err_wrap(err, "%s", path));
}

static int
account_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct account *ac = pin_xcalloc(1, sizeof(*ac));
	uint32_t i, n = pin_conf_count(conf, "audiences");
	int rc;

	ac->env = env;
	ac->issuer = pin_conf_string(conf, "issuer");
	ac->naudiences = n > 0 ? n : 1;
	ac->audiences = pin_xcalloc(ac->naudiences, sizeof(*ac->audiences));
	ac->audiences[0] = pin_str(ac->issuer);
	for (i = 0; i < n; i++)
		ac->audiences[i] = pin_str(pin_conf_item(conf, "audiences",
		    i));
	ac->cache = cache_new((uint32_t)pin_conf_int(conf, "cache"));
	rc = load_key(ac, conf, err);
	if (rc != PIN_OK) {
		account_close(ac);
		return (rc);
	}
	*self = ac;
	return (PIN_OK);
}

static void
account_close(void *self)
{
	struct account *ac = self;

	cache_free(ac->cache);
	if (ac->key != NULL)
		tls_key_free(&ac->key);
	free(ac->audiences);
	free(ac);
}

/* ---- is it ours, and signed? ---------------------------------------- */

static int
refuse(struct pin_call *call, const char *why)
{
	(void)pin_err_set(pin_call_err(call), PIN_EUNAUTH, "%s", why);
	return (PIN_AUTHN_NO);
}

static int
verify(struct account *ac, struct pin_call *call, struct pin_str token,
    struct claims **out)
{
	struct pin_str kid;
	struct jwt j;

	if (!jwt_split(pin_call_arena(call), token, &j) ||
	    !pin_str_is(jwt_str(j.body, "iss"), ac->issuer))
		return (PIN_AUTHN_SKIP);
	kid = jwt_str(j.head, "kid");
	if (ac->key == NULL || (kid.len > 0 && !pin_str_is(kid, ac->kid)))
		return (refuse(call, "invalid signature, no keys found"));
	if (!pin_str_is(jwt_str(j.head, "alg"), tls_key_alg(ac->key)) ||
	    pin_obj_get(j.head, pin_obj_root(j.head), "crit") != 0 ||
	    tls_key_verify(ac->key, j.signed_part.p, j.signed_part.len, j.sig,
	    j.sig_len) != PIN_OK)
		return (refuse(call, "go-jose/go-jose: error in cryptographic "
		    "primitive"));
	*out = jwt_claims(j.body, pin_call_err(call));
	return (*out != NULL ? PIN_AUTHN_YES : PIN_AUTHN_NO);
}

/* ---- for whom, and when --------------------------------------------- */

static void
put_list(struct pin_out *o, const struct pin_str *list, uint32_t n)
{
	uint32_t i;

	pin_out_char(o, '[');
	for (i = 0; i < n; i++) {
		if (i > 0)
			pin_out_char(o, ' ');
		pin_json_quote(o, list[i]);
	}
	pin_out_char(o, ']');
}

static int
wrong_audience(struct pin_call *call, const struct pin_str *have, uint32_t n,
    const struct pin_str *want, uint32_t nwant)
{
	struct pin_out o;

	pin_out_init(&o, pin_call_arena(call), PIN_ERR_TEXT_MAX);
	pin_out_cstr(&o, "token audiences ");
	put_list(&o, have, n);
	pin_out_cstr(&o, " is invalid for the target audiences ");
	put_list(&o, want, nwant);
	pin_out_char(&o, '\0');
	return (refuse(call, o.failed == PIN_OK ? o.p : "token audiences are "
	    "invalid"));
}

/* The audiences of the token that are wanted: into out. */
static int
audiences(const struct account *ac, struct pin_call *call,
    const struct claims *c, const struct pin_credentials *creds,
    struct pin_user *out)
{
	const struct pin_str *have = c->audiences, *want = creds->audiences;
	uint32_t n = c->naudiences, nwant = creds->naudiences, i, k;
	struct pin_str *common;

	if (n == 0) {
		have = ac->audiences;
		n = ac->naudiences;
	}
	if (nwant == 0) {
		want = ac->audiences;
		nwant = ac->naudiences;
	}
	common = pin_arena_alloc(pin_call_arena(call), n * sizeof(*common));
	if (common == NULL)
		return (pin_err_set(pin_call_err(call), PIN_ENOMEM,
		    "out of memory"));
	for (i = 0; i < n; i++)
		for (k = 0; k < nwant; k++)
			if (pin_str_eq(have[i], want[k])) {
				common[out->naudiences++] = have[i];
				break;
			}
	out->audiences = common;
	return (out->naudiences > 0 ? PIN_AUTHN_YES : wrong_audience(call,
	    have, n, want, nwant));
}

static int
times(struct pin_call *call, const struct claims *c, int64_t now)
{
	if (c->nbf != 0 && now + ACCOUNT_LEEWAY_S < c->nbf)
		return (refuse(call, "service account token is not valid "
		    "yet"));
	if (c->exp != 0 && now - ACCOUNT_LEEWAY_S > c->exp)
		return (refuse(call, "service account token has expired"));
	if (c->iat != 0 && now + ACCOUNT_LEEWAY_S < c->iat)
		return (refuse(call, "service account token is issued in the "
		    "future"));
	if (c->warn != 0 && now > c->warn)
		pin_call_note(call, "authentication.k8s.io/stale-token: "
		    "subject: " PIN_SFMT ", seconds after warning threshold: %"
		    PRId64, PIN_SARG(c->subject), now - c->warn);
	return (PIN_AUTHN_YES);
}

/* ---- does it still live? -------------------------------------------- */

static const struct {
	const char	*resource, *word, *claim;
	int		 local;
} kinds[BOUND__COUNT] = {
	[BOUND_ACCOUNT] = { "serviceaccounts", "service account", "",
	    1 },
	[BOUND_POD] = { "pods", "pod", "pod ref ", 1 },
	[BOUND_SECRET] = { "secrets", "secret", "secret ref ", 1 },
	[BOUND_NODE] = { "nodes", "node", "node ref ", 0 },
};

static int
gone(struct pin_call *call, const struct claims *c, uint32_t kind, int found)
{
	struct pin_str name = c->ref[kind].name;

	if (kind != BOUND_ACCOUNT)
		return (refuse(call, "service account token has been "
		    "invalidated"));
	if (found)
		(void)pin_err_set(pin_call_err(call), PIN_EUNAUTH,
		    "service account " PIN_SFMT "/" PIN_SFMT " has been "
		    "deleted", PIN_SARG(c->namespace), PIN_SARG(name));
	else
		(void)pin_err_set(pin_call_err(call), PIN_EUNAUTH,
		    "serviceaccounts \"" PIN_SFMT "\" not found",
		    PIN_SARG(name));
	return (PIN_AUTHN_NO);
}

static int
other_uid(struct pin_call *call, const struct claims *c, uint32_t kind,
    struct pin_str uid)
{
	(void)pin_err_set(pin_call_err(call), PIN_EUNAUTH, "%s UID (" PIN_SFMT
	    ") does not match %s%sclaim (" PIN_SFMT ")", kinds[kind].word,
	    PIN_SARG(uid), kind != BOUND_ACCOUNT ? "service account " : "",
	    kinds[kind].claim, PIN_SARG(c->ref[kind].uid));
	return (PIN_AUTHN_NO);
}

/* An object may be on its way out for a while. Times of one form compare as
 * texts do. */
static int
is_deleted(struct account *ac, struct pin_str when)
{
	time_t t = (time_t)(pin_host_wall(pin_env_host(ac->env)) /
	    1000000000 - ACCOUNT_LEEWAY_S);
	char text[32];
	struct tm tm;

	return (when.len > 0 && gmtime_r(&t, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0 &&
	    pin_str_cmp(when, pin_str(text)) < 0);
}

/* What was read is the object that was meant, and not deleted. */
static int
check_object(struct account *ac, struct pin_call *call, struct claims *c,
    uint32_t kind, const struct pin_obj *o, uint64_t revision)
{
	pin_node meta = pin_obj_get(o, pin_obj_root(o), "metadata");
	struct pin_str uid = pin_obj_str(o, pin_obj_get(o, meta, "uid")),
	    when = pin_obj_str(o, pin_obj_get(o, meta, "deletionTimestamp"));

	if (!pin_str_eq(uid, c->ref[kind].uid))
		return (other_uid(call, c, kind, uid));
	if (is_deleted(ac, when))
		return (gone(call, c, kind, 1));
	if (when.len == 0)
		atomic_store_explicit(&c->seen[kind], revision,
		    memory_order_relaxed);
	return (PIN_AUTHN_YES);
}

static int
lives(struct account *ac, struct pin_call *call, struct claims *c,
    uint32_t kind)
{
	const struct ref *ref = &c->ref[kind];
	struct pin_buf *buf = NULL;
	struct pin_obj *o;
	uint64_t revision = 0;
	int rc;

	rc = pin_read(ac->env, "", kinds[kind].resource, kinds[kind].local ?
	    c->namespace : PIN_STR_NONE, ref->name, &buf, &revision,
	    pin_call_err(call));
	if (rc == PIN_ENOTFOUND)
		return (gone(call, c, kind, 0));
	if (rc != PIN_OK)
		return (rc);
	if (atomic_load_explicit(&c->seen[kind], memory_order_relaxed) ==
	    revision) {
		pin_buf_put(&buf);
		return (PIN_AUTHN_YES);
	}
	rc = pin_obj_parse(pin_call_arena(call), (const char *)buf->data,
	    buf->len, &o, pin_call_err(call));
	pin_buf_put(&buf);
	return (rc == PIN_OK ? check_object(ac, call, c, kind, o, revision) :
	    rc);
}

/* A pod's node is only told, not looked after. */
static int
all_live(struct account *ac, struct pin_call *call, struct claims *c)
{
	static const uint32_t order[] = { BOUND_ACCOUNT, BOUND_SECRET,
	    BOUND_POD, BOUND_NODE };
	size_t i;
	int rc = PIN_AUTHN_YES;

	for (i = 0; i < PIN_LEN(order) && rc == PIN_AUTHN_YES; i++) {
		if (c->ref[order[i]].name.len == 0 || (order[i] ==
		    BOUND_NODE && c->ref[BOUND_POD].name.len > 0))
			continue;
		rc = lives(ac, call, c, order[i]);
	}
	return (rc);
}

/* ---- the answer ----------------------------------------------------- */

static void
release(void *arg)
{
	claims_put(arg);
}

static int
check(struct account *ac, struct pin_call *call,
    const struct pin_credentials *creds, struct claims *c,
    struct pin_user *out)
{
	int64_t now = pin_host_wall(pin_env_host(ac->env)) / 1000000000;
	int rc;

	rc = audiences(ac, call, c, creds, out);
	if (rc == PIN_AUTHN_YES)
		rc = times(call, c, now);
	if (rc == PIN_AUTHN_YES)
		rc = all_live(ac, call, c);
	if (rc != PIN_AUTHN_YES)
		return (rc);
	out->name = c->user;
	out->uid = c->ref[BOUND_ACCOUNT].uid;
	out->groups = c->groups;
	out->ngroups = ACCOUNT_GROUPS;
	out->extra = c->extra;
	out->nextra = c->nextra;
	return (PIN_AUTHN_YES);
}

static int
account_authenticate(void *self, struct pin_call *call,
    const struct pin_credentials *creds, struct pin_user *out)
{
	struct account *ac = self;
	struct claims *c;
	uint8_t hash[32];
	int rc;

	if (creds->bearer.len == 0 || creds->bearer.len > PIN_AUTH_TOKEN_MAX)
		return (PIN_AUTHN_SKIP);
	tls_sha256(creds->bearer.p, creds->bearer.len, hash);
	c = cache_get(ac->cache, hash);
	if (c == NULL) {
		rc = verify(ac, call, creds->bearer, &c);
		if (rc != PIN_AUTHN_YES)
			return (rc);
		cache_put(ac->cache, hash, c);
	}
	/* What the answer points to lives as long as the call. */
	if (pin_arena_cleanup(pin_call_arena(call), release, c) != PIN_OK) {
		claims_put(c);
		return (pin_err_set(pin_call_err(call), PIN_ENOMEM,
		    "out of memory"));
	}
	rc = check(ac, call, creds, c, out);
	if (rc == PIN_AUTHN_NO)
		cache_drop(ac->cache, hash);
	return (rc);
}
