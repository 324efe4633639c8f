/* SPDX-License-Identifier: BSD-2-Clause
 *
 * auth.c -- the contract of the kind `auth`, against every plugin of it.
 * Contract: pintle/auth.h, plugins/auth/README.md. */
#include <inttypes.h>

#include "authenv.h"
#include "core/host/real.h"
#include "core/tls/tls.h"
#include "tap.h"

#define ISS	"https://kubernetes.default.svc.cluster.local"
#define GROUP	"rbac.authorization.k8s.io"
#define OPENS	20
#define ASKS	2000
#define CHANGES	300
#define NOISE	2000

static char good_token[2048], bad_token[2048], options[2][4200];
static char *long_token;
static const struct pin_str orgs[] = { { "o1", 2 }, { "o2", 2 } };

static const struct fixture {
	const char	*name;
	const char	*opts;
	/* Who is known, by what, and what is bad: NULL, the plugin does not
	 * authenticate, or calls nothing bad. */
	struct pin_credentials good, bad;
	const char	*user;
	int		 has_bad;
	/* What is allowed to `user,group` and what is not. */
	const char	*asker, *yes, *no;
	int		 needs_world;
} fixtures[] = {
	{ .name = "x509", .good = { .has_cert = 1, .cert_cn = { "u", 1 },
	    .cert_orgs = orgs, .ncert_orgs = 2, .cert_der = { "certificate",
	    11 } }, .user = "u/ [o1 o2] {authentication.kubernetes.io/"
	    "credential-id=X509SHA256=03d66dd08835c1ca",
	    .bad = { .has_cert = 1 }, .has_bad = 1 },
	{ .name = "token-file", .opts = options[0],
	    .good = { .bearer = { "secret", 6 } }, .user = "ann/7 [g1 g2]" },
	{ .name = "serviceaccount", .opts = options[1],
	    .good = { .bearer = { good_token, 0 } },
	    .bad = { .bearer = { bad_token, 0 } }, .has_bad = 1,
	    .user = "system:serviceaccount:ns:sa/u1 [system:serviceaccounts "
	    "system:serviceaccounts:ns]", .needs_world = 1 },
	{ .name = "anonymous", .user = "system:anonymous/ "
	    "[system:unauthenticated]" },
	{ .name = "rbac", .asker = "ann,g", .yes = "get -/pods ns",
	    .no = "delete -/pods ns", .needs_world = 1 },
	{ .name = "always-allow", .asker = "ann,g", .yes = "get -/pods ns" },
};

static struct ae ae;
static struct ae_answer a;

/* Buffers are filled in at start: their length is known here only. */
static struct pin_credentials
creds_of(const struct pin_credentials *c)
{
	struct pin_credentials out = *c;

	out.size = sizeof(out);
	if (out.bearer.p != NULL)
		out.bearer.len = strlen(out.bearer.p);
	return (out);
}

static void
open_it(const struct fixture *f)
{
	struct pin_err err = PIN_ERR_INIT;

	if (ae_open(&ae, f->name, f->opts, NULL, &err) != PIN_OK)
		BAIL("%s: %s", f->name, err.text);
}

/* ---- what it says of itself ----------------------------------------- */

static void
test_table(const struct fixture *f)
{
	const struct pin_plugin *p;
	const struct pin_auth_ops *ops;
	const struct pin_option *o;

	open_it(f);
	p = ae.plugin;
	ops = p->ops;
	CASE("%s: its table is whole", f->name) {
		CHECK_STR(p->name, f->name);
		CHECK_INT(p->kind, PIN_KIND_AUTH);
		CHECK_INT(p->kind_abi, PIN_AUTH_ABI);
		CHECK(p->summary != NULL && p->version != NULL);
		CHECK(PIN_HAS(ops, authenticate) || PIN_HAS(ops, authorize));
		CHECK(!PIN_HAS(ops, rules) || PIN_HAS(ops, authorize));
		for (o = p->options; o != NULL && o->name != NULL; o++)
			CHECK(o->help != NULL && strcmp(o->name, "name") != 0
			    && strcmp(o->name, "file") != 0);
	}
	ae_close(&ae);
}

/* ---- verdicts ------------------------------------------------------- */

static void
test_authn(const struct fixture *f)
{
	struct pin_credentials none = { .size = sizeof(none) },
	    good = creds_of(&f->good), bad = creds_of(&f->bad);

	if (f->user == NULL)
		return;
	open_it(f);
	CASE("%s: YES to whom it knows", f->name) {
		ae_who(&ae, 0, &good, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_YES);
		CHECK(strncmp(a.text, f->user, strlen(f->user)) == 0);
	}
	if (f->has_bad)
		CASE("%s: NO, with a reason, to what is its own and bad",
		    f->name) {
			ae_who(&ae, 0, &bad, &a);
			CHECK_INT(a.verdict, PIN_AUTHN_NO);
			CHECK(a.err[0] != '\0');
		}
	CASE("%s: SKIP of what is another's", f->name) {
		if (good.bearer.len > 0 || good.has_cert)
			ae_who(&ae, 0, &none, &a);
		else
			ae_bearer(&ae, 0, "foreign", &a);
		CHECK_INT(a.verdict, PIN_AUTHN_SKIP);
		CHECK_STR(a.err, "");
	}
	CASE("%s: the longest token is no trouble", f->name) {
		ae_bearer(&ae, 0, long_token, &a);
		CHECK(a.verdict == PIN_AUTHN_SKIP ||
		    a.verdict == PIN_AUTHN_NO);
	}
	ae_close(&ae);
}

static void
test_authz(const struct fixture *f)
{
	if (f->asker == NULL)
		return;
	open_it(f);
	CASE("%s: ALLOW what is allowed", f->name) {
		ae_may(&ae, 0, f->asker, f->yes, &a);
		CHECK_INT(a.verdict, PIN_AUTHZ_ALLOW);
	}
	if (f->no != NULL)
		CASE("%s: never an error to what is not", f->name) {
			ae_may(&ae, 0, f->asker, f->no, &a);
			CHECK(a.verdict == PIN_AUTHZ_ABSTAIN ||
			    a.verdict == PIN_AUTHZ_DENY);
			ae_may(&ae, 0, "nobody", f->yes, &a);
			CHECK(a.verdict == PIN_AUTHZ_ABSTAIN ||
			    a.verdict == PIN_AUTHZ_DENY);
		}
	CASE("%s: questions about nothing are answered", f->name) {
		ae_may(&ae, 0, "", "get", &a);
		CHECK(a.verdict >= 0);
		ae_may(&ae, 0, "", "get -/", &a);
		CHECK(a.verdict >= 0);
	}
	if (((const struct pin_auth_ops *)ae.plugin->ops)->rules != NULL)
		CASE("%s: its rules hold what it allows", f->name) {
			ae_rules(&ae, 0, f->asker, "ns", &a);
			CHECK_INT(a.verdict, PIN_OK);
			CHECK(strstr(a.text, "pods") != NULL ||
			    strstr(a.text, "*") != NULL);
		}
	ae_close(&ae);
}

/* ---- noise ---------------------------------------------------------- */

struct noise {
	const struct fixture *f;
	int		 wrong[AE_LOOPS];
};

static uint32_t
next(uint32_t *seed)
{
	*seed = *seed * UINT32_C(1103515245) + 12345;
	return (*seed >> 8);
}

/* Tokens like the good one with bytes changed, cut and doubled. */
static void
noise_run(void *arg, int loop)
{
	struct noise *n = arg;
	struct pin_credentials c = { .size = sizeof(c) };
	uint32_t seed = 42 + (uint32_t)loop, i, k, changes;
	size_t len = strlen(good_token);
	char *text = pin_xmalloc(len + 1);
	int v;

	for (i = 0; i < NOISE; i++) {
		memcpy(text, good_token, len + 1);
		/* Signatures cost a lot; the head is enough to break most. */
		changes = 1 + next(&seed) % 4;
		for (k = 0; k < changes; k++)
			text[next(&seed) % 60] = (char)next(&seed);
		c.bearer = (struct pin_str){ text, i % 2 ? len :
		    1 + next(&seed) % len };
		v = ae_who_here(&ae, loop, &c, NULL);
		n->wrong[loop] += v != PIN_AUTHN_SKIP && v != PIN_AUTHN_NO &&
		    memcmp(text, good_token, len) != 0;
	}
	free(text);
}

static void
test_noise(const struct fixture *f)
{
	struct noise n = { f, { 0 } };

	if (f->user == NULL)
		return;
	open_it(f);
	ae_all(noise_run, &n);
	OK(n.wrong[0] + n.wrong[1] + n.wrong[2] + n.wrong[3] == 0,
	    "%s: %d broken tokens are nobody, on %d threads", f->name,
	    NOISE * AE_LOOPS, AE_LOOPS);
	ae_close(&ae);
}

/* ---- threads and changes -------------------------------------------- */

struct load {
	const struct fixture *f;
	int		 wrong[AE_LOOPS];
	int		 errors[AE_LOOPS];
};

static void
change(const struct fixture *f, int i)
{
	if (strcmp(f->name, "rbac") == 0) {
		ae_put(GROUP, "roles", "ns", "other", i % 2 ? "{\"rules\":["
		    "{\"verbs\":[\"x\"]}]}" : NULL);
		ae_put(GROUP, "clusterroles", "", "r2", i % 2 ?
		    "{\"metadata\":{\"labels\":{\"k\":\"1\"}},\"rules\":["
		    "{\"verbs\":[\"x\"]}]}" : NULL);
		ae_put(GROUP, "rolebindings", "ns", "b2", i % 2 ?
		    "{\"roleRef\":{\"kind\":\"ClusterRole\",\"name\":\"r2\"},"
		    "\"subjects\":[{\"kind\":\"User\",\"name\":\"ann\"}]}" :
		    NULL);
	} else if (strcmp(f->name, "serviceaccount") == 0) {
		ae_put("", "serviceaccounts", "ns", "sa",
		    "{\"metadata\":{\"uid\":\"u1\"}}");
	}
}

/* Loop 0 changes the world, the others ask what must not change. */
static void
load_run(void *arg, int loop)
{
	struct load *l = arg;
	const struct fixture *f = l->f;
	struct pin_credentials good = creds_of(&f->good);
	struct pin_str groups[16];
	struct pin_attributes at;
	struct pin_user u;
	char c1[256], c2[256];
	int i, v;

	if (loop == 0) {
		for (i = 1; i <= 2 * CHANGES; i++)
			change(f, i);
		return;
	}
	for (i = 0; i < ASKS; i++) {
		if (f->user != NULL) {
			v = ae_who_here(&ae, loop, &good, NULL);
			l->wrong[loop] += v != PIN_AUTHN_YES;
			l->errors[loop] += v < 0;
		}
		if (f->asker == NULL)
			continue;
		ae_user(f->asker, &u, groups, c1, sizeof(c1));
		ae_attributes(f->yes, &at, c2, sizeof(c2));
		v = ae_may_here(&ae, loop, &u, &at, NULL);
		l->wrong[loop] += v != PIN_AUTHZ_ALLOW;
		if (f->no == NULL)
			continue;
		ae_attributes(f->no, &at, c2, sizeof(c2));
		v = ae_may_here(&ae, loop, &u, &at, NULL);
		l->wrong[loop] += v == PIN_AUTHZ_ALLOW;
		l->errors[loop] += v < 0;
	}
}

static void
test_load(const struct fixture *f)
{
	struct load l = { f, { 0 }, { 0 } };

	open_it(f);
	ae_all(load_run, &l);
	CASE("%s: %d threads get the same answers while the world changes",
	    f->name, AE_LOOPS - 1) {
		CHECK_INT(l.wrong[1] + l.wrong[2] + l.wrong[3], 0);
		CHECK_INT(l.errors[1] + l.errors[2] + l.errors[3], 0);
	}
	ae_close(&ae);
}

/* ---- life ----------------------------------------------------------- */

static void
test_life(const struct fixture *f)
{
	struct pin_err err = PIN_ERR_INIT;
	struct ae second;
	int i, rc;

	CASE("%s: opens and closes %d times and leaves nothing", f->name,
	    OPENS) {
		for (i = 0; i < OPENS; i++) {
			open_it(f);
			ae_close(&ae);
		}
		CHECK_INT(ae_views(), 0);
	}
	CASE("%s: two of it live side by side, as a reload wants", f->name) {
		open_it(f);
		rc = ae_open(&second, f->name, f->opts, NULL, &err);
		CHECK_INT(rc, PIN_OK);
		ae_close(&ae);
		if (rc == PIN_OK)
			ae_close(&second);
		CHECK_INT(ae_views(), 0);
	}
	if (!f->needs_world)
		return;
	CASE("%s: without a cluster it fails or answers with an error",
	    f->name) {
		ae_blind(1);
		rc = ae_open(&ae, f->name, f->opts, NULL, &err);
		if (rc == PIN_OK) {
			struct pin_credentials good = creds_of(&f->good);

			ae_who(&ae, 0, &good, &a);
			CHECK(a.verdict < 0);
			CHECK(a.err[0] != '\0');
			ae_close(&ae);
		} else {
			CHECK_INT(rc, PIN_EUNAVAIL);
			CHECK(ae.self == NULL && err.text[0] != '\0');
		}
		ae_blind(0);
	}
}

/* ---- fixtures ------------------------------------------------------- */

static void
make_tokens(void)
{
	const char *pub;
	struct tls_key *key = ae_key("sa.pub", &pub);
	char claims[1024], *t;

	snprintf(options[1], sizeof(options[1]), "key=%s", pub);
	snprintf(claims, sizeof(claims), "{\"aud\":[\"" ISS "\"],\"exp\":%"
	    PRId64 ",\"iss\":\"" ISS "\",\"kubernetes.io\":{\"namespace\":"
	    "\"ns\",\"serviceaccount\":{\"name\":\"sa\",\"uid\":\"u1\"}}}",
	    pin_host_wall(pin_host_real()) / 1000000000 + 3600);
	t = ae_token(key, NULL, claims);
	snprintf(good_token, sizeof(good_token), "%s", t);
	snprintf(bad_token, sizeof(bad_token), "%s", t);
	bad_token[strlen(t) - 30] = t[strlen(t) - 30] == 'A' ? 'B' : 'A';
	free(t);
	tls_key_free(&key);
	long_token = pin_xmalloc(PIN_AUTH_TOKEN_MAX + 1);
	memset(long_token, 'e', PIN_AUTH_TOKEN_MAX);
	long_token[100] = long_token[200] = '.';
	long_token[PIN_AUTH_TOKEN_MAX] = '\0';
}

static void
make_world(void)
{
	static const char tokens[] = "secret,ann,7,\"g1,g2\"\n";
	struct pin_err err = PIN_ERR_INIT;
	char path[4096];

	snprintf(path, sizeof(path), "%s/tokens", tap_tmp());
	if (pin_path_replace(pin_host_real(), path, tokens, strlen(tokens), 0,
	    &err) != PIN_OK)
		BAIL("%s", err.text);
	snprintf(options[0], sizeof(options[0]), "path=%s", path);
	ae_put("", "serviceaccounts", "ns", "sa",
	    "{\"metadata\":{\"uid\":\"u1\"}}");
	ae_put(GROUP, "roles", "ns", "other", "{\"rules\":[]}");
	ae_put(GROUP, "clusterroles", "", "r2", "{\"rules\":[]}");
	ae_put(GROUP, "rolebindings", "ns", "b2", "{\"roleRef\":{\"kind\":"
	    "\"Role\",\"name\":\"other\"},\"subjects\":[{\"kind\":\"User\","
	    "\"name\":\"ann\"}]}");
	ae_put(GROUP, "clusterroles", "", "agg", "{\"aggregationRule\":{"
	    "\"clusterRoleSelectors\":[{\"matchLabels\":{\"k\":\"1\"}}]}}");
	ae_put(GROUP, "clusterroles", "", "r", "{\"rules\":[{\"verbs\":["
	    "\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\"]}]}");
	ae_put(GROUP, "clusterrolebindings", "", "agg", "{\"roleRef\":{"
	    "\"kind\":\"ClusterRole\",\"name\":\"agg\"},\"subjects\":[{"
	    "\"kind\":\"Group\",\"name\":\"g\"}]}");
	ae_put(GROUP, "rolebindings", "ns", "b", "{\"roleRef\":{\"kind\":"
	    "\"ClusterRole\",\"name\":\"r\"},\"subjects\":[{\"kind\":"
	    "\"Group\",\"name\":\"g\"}]}");
}

int
main(void)
{
	size_t i;

	tap_deadline(240);
	ae_init();
	make_tokens();
	make_world();
	for (i = 0; i < PIN_LEN(fixtures); i++) {
		test_table(&fixtures[i]);
		test_authn(&fixtures[i]);
		test_authz(&fixtures[i]);
		test_noise(&fixtures[i]);
		test_load(&fixtures[i]);
		test_life(&fixtures[i]);
	}
	free(long_token);
	ae_fini();
	return (tap_done());
}
