/* SPDX-License-Identifier: BSD-2-Clause
 *
 * token -- the auth plugin serviceaccount: which tokens it takes, from whom
 * it takes none, and that a token dies with what it is bound to.
 * Uses tests/lib/authenv. Contract: plugins/auth/serviceaccount. */
#include <inttypes.h>
#include <time.h>

#include "authenv.h"
#include "core/host/real.h"
#include "core/tls/tls.h"
#include "tap.h"

#define ISS	"https://kubernetes.default.svc.cluster.local"
#define AUD	"\"aud\":[\"" ISS "\"],"
#define ACCOUNT	"\"namespace\":\"ns\",\"serviceaccount\":{\"name\":\"sa\"," \
	"\"uid\":\"u1\"}"
#define GROUPS	"[system:serviceaccounts system:serviceaccounts:ns]"
#define WHO	"system:serviceaccount:ns:sa/u1 " GROUPS " {} <" ISS ">"
#define OBJ(uid) "{\"metadata\":{\"uid\":\"" uid "\"}}"
#define ASKS	20000

static struct ae sa;
static struct ae_answer a;
static struct tls_key *key, *other;
static const char *pub;
static int64_t now;

/* aud: with its comma, or "". */
static char *
make(const char *aud, const char *iss, const char *k8s, int64_t nbf,
    int64_t exp)
{
	char claims[2048];

	snprintf(claims, sizeof(claims), "{%s\"exp\":%" PRId64 ",\"iat\":%"
	    PRId64 ",\"iss\":\"%s\",\"kubernetes.io\":{%s},\"nbf\":%" PRId64
	    ",\"sub\":\"system:serviceaccount:ns:sa\"}", aud, now + exp, now +
	    nbf, iss, k8s, now + nbf);
	return (ae_token(key, NULL, claims));
}

static int
ask(char *token)
{
	ae_bearer(&sa, 0, token, &a);
	free(token);
	return (a.verdict);
}

static char *
plain(void)
{
	return (make(AUD, ISS, ACCOUNT, 0, 3600));
}

static void
test_good(void)
{
	CASE("a token is its account, in its groups") {
		CHECK_INT(ask(plain()), PIN_AUTHN_YES);
		CHECK_STR(a.text, WHO);
	}
	CASE("id, pod and node are told, sorted") {
		ae_put("", "pods", "ns", "p", OBJ("u2"));
		CHECK_INT(ask(make("\"jti\":\"j\"," AUD, ISS, ACCOUNT
		    ",\"pod\":{\"name\":\"p\",\"uid\":\"u2\"},\"node\":{"
		    "\"name\":\"n\",\"uid\":\"u3\"}", 0, 3600)),
		    PIN_AUTHN_YES);
#define EX	"authentication.kubernetes.io/"
		CHECK_STR(a.text, "system:serviceaccount:ns:sa/u1 " GROUPS
		    " {" EX "credential-id=JTI=j " EX "node-name=n " EX
		    "node-uid=u3 " EX "pod-name=p " EX "pod-uid=u2} <" ISS
		    ">");
		ae_put("", "pods", "ns", "p", NULL);
	}
	CASE("one audience may stand alone, and none is the server's own") {
		CHECK_INT(ask(make("\"aud\":\"" ISS "\",", ISS, ACCOUNT, 0,
		    3600)), PIN_AUTHN_YES);
		CHECK_STR(a.text, WHO);
		CHECK_INT(ask(make("", ISS, ACCOUNT, 0, 3600)),
		    PIN_AUTHN_YES);
		CHECK_STR(a.text, WHO);
	}
	CASE("past its warning a token is good, and it is noted") {
		CHECK_INT(ask(make(AUD, ISS, ACCOUNT ",\"warnafter\":1", 0,
		    3600)), PIN_AUTHN_YES);
	}
}

static void
test_audiences(void)
{
	static const struct pin_str want[] = { { "y", 1 }, { "x", 1 } };
	struct pin_credentials c = { .size = sizeof(c), .audiences = want,
	    .naudiences = 2 };
	char *t = make("\"aud\":[\"x\",\"z\"],", ISS, ACCOUNT, 0, 3600);

	CASE("a token for others is not for us") {
		ae_bearer(&sa, 0, t, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_NO);
		CHECK_STR(a.err, "token audiences [\"x\" \"z\"] is invalid "
		    "for the target audiences [\"" ISS "\"]");
	}
	CASE("asked for others, what is common is told") {
		c.bearer = pin_str(t);
		ae_who(&sa, 0, &c, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_YES);
		CHECK_STR(a.text, "system:serviceaccount:ns:sa/u1 " GROUPS
		    " {} <x>");
	}
	free(t);
}

static void
test_times(void)
{
	CASE("expired, with a minute of grace") {
		CHECK_INT(ask(make(AUD, ISS, ACCOUNT, -99, -50)),
		    PIN_AUTHN_YES);
		CHECK_INT(ask(make(AUD, ISS, ACCOUNT, -99, -70)),
		    PIN_AUTHN_NO);
		CHECK_STR(a.err, "service account token has expired");
	}
	CASE("not yet valid, with a minute of grace") {
		CHECK_INT(ask(make(AUD, ISS, ACCOUNT, 50, 3600)),
		    PIN_AUTHN_YES);
		CHECK_INT(ask(make(AUD, ISS, ACCOUNT, 70, 3600)),
		    PIN_AUTHN_NO);
		CHECK_STR(a.err, "service account token is not valid yet");
	}
	CASE("issued in the future") {
		char claims[512];

		snprintf(claims, sizeof(claims), "{" AUD "\"iat\":%" PRId64
		    ",\"iss\":\"" ISS "\",\"kubernetes.io\":{" ACCOUNT "}}",
		    now + 99);
		CHECK_INT(ask(ae_token(key, NULL, claims)), PIN_AUTHN_NO);
		CHECK_STR(a.err, "service account token is issued in the "
		    "future");
	}
}

/* ---- forgeries ------------------------------------------------------ */

#define SIGNATURE "go-jose/go-jose: error in cryptographic primitive"

static char *
changed(size_t back, char c)
{
	char *t = plain(), *p = t + strlen(t) - back;

	*p = *p == c ? 'B' : c;
	return (t);
}

static char *
body_changed(void)
{
	char *t = plain(), *dot = strrchr(t, '.');

	/* The last letters of the claims: the account's name. */
	dot[-8] = dot[-8] == 'a' ? 'b' : 'a';
	return (t);
}

static void
test_forged(void)
{
	static const char *const heads[] = { "{\"alg\":\"none\"}",
	    "{\"alg\":\"HS256\"}", "{\"alg\":\"RS256\"}", "{}",
	    "{\"alg\":\"ES256\",\"crit\":[\"x\"]}", "{\"alg\":7}" };
	char claims[512], *t;
	size_t i;

	snprintf(claims, sizeof(claims), "{" AUD "\"iss\":\"" ISS
	    "\",\"kubernetes.io\":{" ACCOUNT "}}");
	CASE("a changed signature is refused") {
		CHECK_INT(ask(changed(20, 'A')), PIN_AUTHN_NO);
		CHECK_STR(a.err, SIGNATURE);
	}
	CASE("changed claims are refused") {
		CHECK(ask(body_changed()) != PIN_AUTHN_YES);
	}
	CASE("a signature that is cut or long is refused") {
		t = plain();
		t[strlen(t) - 4] = '\0';
		CHECK_INT(ask(t), PIN_AUTHN_NO);
		t = plain();
		*(strrchr(t, '.') + 1) = '\0';
		CHECK_INT(ask(t), PIN_AUTHN_NO);
	}
	CASE("another key of the same kind is refused, named or not") {
		CHECK_INT(ask(ae_token(other, NULL, claims)), PIN_AUTHN_NO);
		CHECK_STR(a.err, "invalid signature, no keys found");
		CHECK_INT(ask(ae_token(other, "{\"alg\":\"ES256\"}", claims)),
		    PIN_AUTHN_NO);
		CHECK_STR(a.err, SIGNATURE);
	}
	for (i = 0; i < PIN_LEN(heads); i++)
		OK(ask(ae_token(key, heads[i], claims)) == PIN_AUTHN_NO,
		    "head %s is refused", heads[i]);
	CASE("a token of another issuer, or none at all, is not ours") {
		CHECK_INT(ask(make(AUD, "https://x", ACCOUNT, 0, 9)),
		    PIN_AUTHN_SKIP);
		CHECK_INT(ask(pin_xstrdup("abc")), PIN_AUTHN_SKIP);
		CHECK_INT(ask(pin_xstrdup("a.b.c")), PIN_AUTHN_SKIP);
		CHECK_INT(ask(pin_xstrdup("..")), PIN_AUTHN_SKIP);
		CHECK_INT(ask(pin_xstrdup("e30.e30.")), PIN_AUTHN_SKIP);
		CHECK_INT(ask(pin_xstrdup("")), PIN_AUTHN_SKIP);
	}
	CASE("a token that names nobody is refused") {
		CHECK_INT(ask(make(AUD, ISS, "\"namespace\":\"ns\"", 0, 9)),
		    PIN_AUTHN_NO);
	}
}

/* ---- life ----------------------------------------------------------- */

static const struct {
	const char	*word, *resource, *ns, *gone, *other;
} bound[] = {
	{ "pod", "pods", "ns", "service account token has been invalidated",
	    "pod UID (u9) does not match service account pod ref claim "
	    "(u2)" },
	{ "secret", "secrets", "ns", "service account token has been "
	    "invalidated", "secret UID (u9) does not match service account "
	    "secret ref claim (u2)" },
	{ "node", "nodes", "", "service account token has been invalidated",
	    "node UID (u9) does not match service account node ref claim "
	    "(u2)" },
};

static void
test_bound(size_t i)
{
	char k8s[256], *t;

	snprintf(k8s, sizeof(k8s), ACCOUNT ",\"%s\":{\"name\":\"b\","
	    "\"uid\":\"u2\"}", bound[i].word);
	ae_put("", bound[i].resource, bound[i].ns, "b", OBJ("u2"));
	t = make(AUD, ISS, k8s, 0, 3600);
	CASE("a token dies with its %s and does not come back",
	    bound[i].word) {
		ae_bearer(&sa, 0, t, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_YES);
		ae_put("", bound[i].resource, bound[i].ns, "b", NULL);
		ae_bearer(&sa, 0, t, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_NO);
		CHECK_STR(a.err, bound[i].gone);
		ae_put("", bound[i].resource, bound[i].ns, "b", OBJ("u9"));
		ae_bearer(&sa, 0, t, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_NO);
		CHECK_STR(a.err, bound[i].other);
	}
	CASE("a %s on its way out is good for a minute more",
	    bound[i].word) {
		char json[128], when[32];
		time_t at = (time_t)now - 30;
		struct tm tm;

		for (int k = 0; k < 2; k++, at -= 60) {
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ",
			    gmtime_r(&at, &tm));
			snprintf(json, sizeof(json), "{\"metadata\":{\"uid\":"
			    "\"u2\",\"deletionTimestamp\":\"%s\"}}", when);
			ae_put("", bound[i].resource, bound[i].ns, "b", json);
			ae_bearer(&sa, 0, t, &a);
			CHECK_INT(a.verdict, k == 0 ? PIN_AUTHN_YES :
			    PIN_AUTHN_NO);
		}
		ae_put("", bound[i].resource, bound[i].ns, "b", NULL);
	}
	free(t);
}

static void
test_life(void)
{
	char *t = plain();
	size_t i;

	CASE("a token dies with its account and does not come back") {
		ae_put("", "serviceaccounts", "ns", "sa", NULL);
		ae_bearer(&sa, 0, t, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_NO);
		CHECK_STR(a.err, "serviceaccounts \"sa\" not found");
		ae_put("", "serviceaccounts", "ns", "sa", OBJ("u7"));
		ae_bearer(&sa, 0, t, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_NO);
		CHECK_STR(a.err, "service account UID (u7) does not match "
		    "claim (u1)");
		ae_put("", "serviceaccounts", "ns", "sa", OBJ("u1"));
		ae_bearer(&sa, 0, t, &a);
		CHECK_INT(a.verdict, PIN_AUTHN_YES);
	}
	for (i = 0; i < PIN_LEN(bound); i++)
		test_bound(i);
	CASE("a pod's node is told and need not be there") {
		ae_put("", "pods", "ns", "b", OBJ("u2"));
		CHECK_INT(ask(make(AUD, ISS, ACCOUNT ",\"pod\":{\"name\":"
		    "\"b\",\"uid\":\"u2\"},\"node\":{\"name\":\"x\"}", 0,
		    3600)), PIN_AUTHN_YES);
		ae_put("", "pods", "ns", "b", NULL);
	}
	free(t);
}

/* ---- the cache ------------------------------------------------------ */

struct load {
	char		*token[24];
	int		 wrong[AE_LOOPS];
	uint64_t	 ns[AE_LOOPS];
};

static void
load_run(void *arg, int loop)
{
	struct load *l = arg;
	struct pin_credentials c = { .size = sizeof(c) };
	uint64_t t = pin_host_now(pin_host_real());
	int i;

	for (i = 0; i < 200; i++) {
		c.bearer = pin_str(l->token[(i + 7 * loop) % 24]);
		l->wrong[loop] += ae_who_here(&sa, loop, &c, NULL) !=
		    PIN_AUTHN_YES;
	}
	l->ns[loop] = (pin_host_now(pin_host_real()) - t) / 200;
}

static void
hot_run(void *arg, int loop)
{
	struct load *l = arg;
	struct pin_credentials c = { .size = sizeof(c),
	    .bearer = pin_str(l->token[0]) };
	uint64_t t = pin_host_now(pin_host_real());
	int i;

	for (i = 0; i < ASKS; i++)
		l->wrong[loop] += ae_who_here(&sa, loop, &c, NULL) !=
		    PIN_AUTHN_YES;
	l->ns[loop] = (pin_host_now(pin_host_real()) - t) / ASKS;
}

static void
test_cache(const char *opts)
{
	struct pin_err err = PIN_ERR_INIT;
	struct load l = { { NULL }, { 0 }, { 0 } };
	char aud[128];
	int i;

	if (ae_open(&sa, "serviceaccount", opts, NULL, &err) != PIN_OK)
		BAIL("%s: %s", opts, err.text);
	for (i = 0; i < 24; i++) {
		snprintf(aud, sizeof(aud), AUD "\"jti\":\"j%d\",", i);
		l.token[i] = make(aud, ISS, ACCOUNT, 0, 3600);
	}
	ae_all(load_run, &l);
	OK(l.wrong[0] + l.wrong[1] + l.wrong[2] + l.wrong[3] == 0,
	    "24 tokens on %d threads, %s: all known", AE_LOOPS,
	    strchr(opts, ' ') + 1);
	tap_diag("%llu us a token", (unsigned long long)l.ns[0] / 1000);
	if (strstr(opts, "cache=64") != NULL) {
		ae_one(hot_run, &l);
		OK(l.wrong[0] == 0 && l.ns[0] < 200000, "a known token is "
		    "not verified again");
		tap_diag("%llu ns", (unsigned long long)l.ns[0]);
	}
	for (i = 0; i < 24; i++)
		free(l.token[i]);
	ae_close(&sa);
}

int
main(void)
{
	static const char *const caches[] = { "cache=0", "cache=8",
	    "cache=64" };
	struct pin_err err = PIN_ERR_INIT;
	char opts[4200];
	size_t i;

	tap_deadline(120);
	ae_init();
	now = pin_host_wall(pin_host_real()) / 1000000000;
	other = ae_key("other.pub", &pub);
	key = ae_key("sa.pub", &pub);
	ae_put("", "serviceaccounts", "ns", "sa", OBJ("u1"));
	snprintf(opts, sizeof(opts), "key=%s", pub);
	if (ae_open(&sa, "serviceaccount", opts, NULL, &err) != PIN_OK)
		BAIL("serviceaccount: %s", err.text);
	test_good();
	test_audiences();
	test_times();
	test_forged();
	test_life();
	ae_close(&sa);
	for (i = 0; i < PIN_LEN(caches); i++) {
		snprintf(opts, sizeof(opts), "key=%s %s", pub, caches[i]);
		test_cache(opts);
	}
	tls_key_free(&key);
	tls_key_free(&other);
	ae_fini();
	return (tap_done());
}
