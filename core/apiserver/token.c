/* SPDX-License-Identifier: BSD-2-Clause
 *
 * token.c -- the subresource serviceaccounts/token: a token for an account,
 * perhaps bound to the life of a pod, a secret or a node.
 * Front loop. Contract: authentication.k8s.io/v1 TokenRequest, KEP-1205,
 * KEP-4193; the order of upstream's refusals. */
#include "core/apiserver/token.h"

#include <inttypes.h>
#include <string.h>

#include "core/apiserver/meta.h"
#include "core/apiserver/review.h"
#include "core/apiserver/verbs.h"
#include "lib/timefmt/timefmt.h"

#define AUTHENTICATION	"authentication.k8s.io"
#define SECONDS_DEFAULT	3600
#define SECONDS_MIN	600
#define SECONDS_MAX	(INT64_C(1) << 32)
/* What a kubelet asks for: clients that never read the file again go on for
 * a year, and are told. */
#define SECONDS_WARN	3607
#define SECONDS_EXTENDED (INT64_C(365) * 24 * 3600)
#define CLAIMS_MAX	(PIN_AUTH_TOKEN_MAX)

struct bound {
	const char	*word;		/* "pod"; NULL: not bound */
	struct pin_str	 name, uid;
	struct pin_str	 node, node_uid; /* of a pod */
};

struct token {
	struct pin_str	 uid;		/* of the account */
	struct bound	 bound;
	const struct pin_str *auds;
	uint32_t	 nauds, pad;
	int64_t		 now_s, want_s, life_s, warn_s;
};

/* ---- refusals ------------------------------------------------------- */

/* From here on errors speak of another object than the account. */
static int
conflict(struct request *r, const char *group, const char *kind,
    struct pin_str name, const char *what, struct pin_str theirs,
    struct pin_str ours, const char *tail)
{
	r->info.group = pin_str(group);
	r->info.resource = pin_str(kind);
	r->info.name = name;
	return (reply_err(r, PIN_ECONFLICT, "the UID in the %s (" PIN_SFMT
	    ") does not match the UID %s" PIN_SFMT "%s", what,
	    PIN_SARG(theirs), ours.len > 0 ? "of the service account (" :
	    "in record", PIN_SARG(ours), tail));
}

static int
invalid(struct request *r, struct pin_str name, const struct pin_causes *c)
{
	r->info.group = PIN_STR(AUTHENTICATION);
	return (reply_causes(r, PIN_STR(AUTHENTICATION),
	    PIN_STR("TokenRequest"), name, c));
}

/* A name, when it is given, is that of the path. */
static int
check_name(struct request *r, struct pin_causes *causes)
{
	struct pin_str name = meta_str(r->sent, "name");

	if (name.len > 0 && !pin_str_eq(name, r->info.name))
		pin_cause_add(causes, PIN_CAUSE_INVALID, "metadata.name",
		    review_quote(r, name), "must match the service account "
		    "name if specified");
	return (pin_cause_count(causes) == 0);
}

static int
check_seconds(struct request *r, const struct token *t,
    struct pin_causes *causes)
{
	char *text = pin_arena_printf(r->arena, NULL, "%" PRId64, t->want_s);

	if (t->want_s < SECONDS_MIN)
		pin_cause_add(causes, PIN_CAUSE_INVALID,
		    "spec.expirationSeconds", pin_str(text), "may not specify "
		    "a duration less than 10 minutes");
	if (t->want_s > SECONDS_MAX)
		pin_cause_add(causes, PIN_CAUSE_INVALID,
		    "spec.expirationSeconds", pin_str(text), "may not specify "
		    "a duration larger than 2^32 seconds");
	return (pin_cause_count(causes) == 0);
}

/* ---- what a token is bound to --------------------------------------- */

static int
read_object(struct request *r, const char *resource, struct pin_str ns,
    struct pin_str name, struct pin_obj **out)
{
	const struct pin_env_services *s = &r->srv->services;
	struct pin_buf *buf = NULL;
	int rc;

	rc = s->read(s->arg, "", resource, ns, name, &buf, NULL, &r->err);
	if (rc == PIN_OK)
		rc = pin_obj_parse(r->arena, (const char *)buf->data,
		    buf->len, out, &r->err);
	pin_buf_put(&buf);
	if (rc == PIN_ENOTFOUND)
		return (pin_err_set(&r->err, rc, "%s \"" PIN_SFMT "\" not "
		    "found", resource, PIN_SARG(name)));
	return (rc);
}

/* The node a bound pod runs on; it may be gone. */
static int
read_node(struct request *r, struct bound *b, const struct pin_obj *pod)
{
	struct pin_obj *node;
	int rc;

	b->node = pin_arena_str(r->arena, pin_obj_str(pod, pin_obj_at(pod,
	    pin_obj_root(pod), "spec", "nodeName", NULL)));
	if (b->node.len == 0)
		return (PIN_OK);
	rc = read_object(r, "nodes", PIN_STR_NONE, b->node, &node);
	if (rc == PIN_OK)
		b->node_uid = meta_str(node, "uid");
	else if (rc == PIN_ENOTFOUND)
		r->err.code = rc = PIN_OK;
	return (rc);
}

static const struct {
	const char	*kind, *word, *resource;
	int		 local;
} bindable[] = {
	{ "Pod", "pod", "pods", 1 },
	{ "Secret", "secret", "secrets", 1 },
	{ "Node", "node", "nodes", 0 },
};

/* Group and version as Go prints a GroupVersionKind. */
static int
not_bindable(struct request *r, struct pin_str version, struct pin_str kind)
{
	return (reply_err(r, PIN_EINVAL, "cannot bind token to object of type "
	    "%s" PIN_SFMT ", Kind=" PIN_SFMT, memchr(version.p != NULL ?
	    version.p : "", '/', version.len) == NULL ? "/" : "",
	    PIN_SARG(version), PIN_SARG(kind)));
}

static int
bind_token(struct request *r, struct token *t)
{
	struct pin_str kind = review_str3(r, "spec", "boundObjectRef", "kind"),
	    version = review_str3(r, "spec", "boundObjectRef", "apiVersion"),
	    uid = review_str3(r, "spec", "boundObjectRef", "uid");
	struct bound *b = &t->bound;
	struct pin_obj *o;
	size_t i;

	if (pin_obj_type(r->sent, pin_obj_at(r->sent, pin_obj_root(r->sent),
	    "spec", "boundObjectRef", NULL)) != PIN_OBJECT)
		return (STEP_NEXT);
	for (i = 0; i < PIN_LEN(bindable); i++)
		if (pin_str_is(kind, bindable[i].kind))
			break;
	if (i == PIN_LEN(bindable) || memchr(version.p != NULL ? version.p :
	    "", '/', version.len) != NULL)
		return (not_bindable(r, version, kind));
	b->name = pin_arena_str(r->arena, review_str3(r, "spec",
	    "boundObjectRef", "name"));
	if (read_object(r, bindable[i].resource, bindable[i].local ?
	    r->info.namespace : PIN_STR_NONE, b->name, &o) != PIN_OK)
		return (reply_error(r));
	b->word = bindable[i].word;
	b->uid = meta_str(o, "uid");
	if (i == 0 && !pin_str_eq(r->info.name, pin_obj_str(o, pin_obj_at(o,
	    pin_obj_root(o), "spec", "serviceAccountName", NULL))))
		return (reply_err(r, PIN_EINVAL, "cannot bind token for "
		    "serviceaccount \"" PIN_SFMT "\" to pod running with "
		    "different serviceaccount name.",
		    PIN_SARG(r->info.name)));
	if (i == 0 && read_node(r, b, o) != PIN_OK)
		return (reply_error(r));
	if (uid.len > 0 && !pin_str_eq(uid, b->uid))
		return (conflict(r, "", bindable[i].kind, b->name,
		    "bound object reference", uid, PIN_STR_NONE, ". The "
		    "object might have been deleted and then recreated"));
	return (STEP_NEXT);
}

/* ---- claims --------------------------------------------------------- */

static void
put_string(struct pin_out *o, const char *before, struct pin_str s)
{
	pin_out_cstr(o, before);
	pin_json_quote(o, s);
}

static void
put_ref(struct pin_out *o, const char *key, struct pin_str name,
    struct pin_str uid)
{
	pin_out_printf(o, ",\"%s\":{", key);
	put_string(o, "\"name\":", name);
	if (uid.len > 0)
		put_string(o, ",\"uid\":", uid);
	pin_out_char(o, '}');
}

/* Sorted by name. */
static void
put_kubernetes(struct pin_out *o, const struct request *r,
    const struct token *t)
{
	const struct bound *b = &t->bound;

	put_string(o, "{\"namespace\":", r->info.namespace);
	if (b->node.len > 0)
		put_ref(o, "node", b->node, b->node_uid);
	if (b->word != NULL)
		put_ref(o, b->word, b->name, b->uid);
	put_ref(o, "serviceaccount", r->info.name, t->uid);
	if (t->warn_s > 0)
		pin_out_printf(o, ",\"warnafter\":%" PRId64, t->now_s +
		    t->warn_s);
	pin_out_char(o, '}');
}

static struct pin_str
claims(struct request *r, const struct token *t)
{
	struct pin_out o;
	char jti[37];
	uint32_t i;

	meta_uuid(r->srv->host, jti);
	pin_out_init(&o, r->arena, CLAIMS_MAX);
	for (i = 0; i < t->nauds; i++)
		put_string(&o, i == 0 ? "{\"aud\":[" : ",", t->auds[i]);
	pin_out_printf(&o, "],\"exp\":%" PRId64 ",\"iat\":%" PRId64
	    ",\"iss\":\"%s\",\"jti\":\"%s\",\"kubernetes.io\":", t->now_s +
	    t->life_s, t->now_s, issuer_name(r->srv), jti);
	put_kubernetes(&o, r, t);
	pin_out_printf(&o, ",\"nbf\":%" PRId64 ",\"sub\":\""
	    "system:serviceaccount:" PIN_SFMT ":" PIN_SFMT "\"}", t->now_s,
	    PIN_SARG(r->info.namespace), PIN_SARG(r->info.name));
	return (o.failed == PIN_OK ? (struct pin_str){ o.p, o.len } :
	    PIN_STR_NONE);
}

/* ---- the request ---------------------------------------------------- */

static void
read_spec(struct request *r, struct token *t)
{
	pin_node root = pin_obj_root(r->sent), spec;
	struct pin_str *own;

	spec = pin_obj_get(r->sent, root, "spec");
	t->now_s = pin_host_wall(r->srv->host) / 1000000000;
	t->want_s = SECONDS_DEFAULT;
	pin_obj_i64(r->sent, pin_obj_get(r->sent, spec, "expirationSeconds"),
	    &t->want_s);
	t->life_s = t->want_s;
	t->auds = review_list(r, pin_obj_get(r->sent, spec, "audiences"),
	    &t->nauds);
	if (t->nauds > 0)
		return;
	own = pin_arena_alloc(r->arena, sizeof(*own));
	if (own == NULL)
		return;
	*own = pin_str(issuer_name(r->srv));
	t->auds = own;
	t->nauds = 1;
}

/* A pod's token of the usual life is good for longer, with a warning. */
static void
extend(struct request *r, struct token *t)
{
	uint32_t i;

	if (t->bound.word == NULL || strcmp(t->bound.word, "pod") != 0 ||
	    t->want_s != SECONDS_WARN)
		return;
	for (i = 0; i < t->nauds; i++)
		if (!pin_str_is(t->auds[i], issuer_name(r->srv)))
			return;
	t->warn_s = t->want_s;
	t->life_s = SECONDS_EXTENDED;
}

static int
answer(struct request *r, const struct token *t, struct pin_str jwt)
{
	pin_node meta = meta_ensure(r->sent), spec, list, status;
	struct pin_obj *o = r->sent;
	char text[PIN_TIME_TEXT_MAX];
	uint32_t i;

	pin_obj_set_str(o, meta, "name", r->info.name);
	pin_obj_set_str(o, meta, "namespace", r->info.namespace);
	pin_obj_set_str(o, meta, "uid", t->uid);
	pin_time_format(t->now_s, text);
	pin_obj_set_str(o, meta, "creationTimestamp", pin_str(text));
	spec = pin_obj_get(o, pin_obj_root(o), "spec");
	if (pin_obj_type(o, spec) != PIN_OBJECT)
		spec = pin_obj_set_new(o, pin_obj_root(o), "spec",
		    PIN_OBJECT);
	list = pin_obj_set_new(o, spec, "audiences", PIN_ARRAY);
	for (i = 0; i < t->nauds; i++)
		pin_obj_add_str(o, list, t->auds[i]);
	pin_obj_set_i64(o, spec, "expirationSeconds", t->want_s);
	if (t->bound.word == NULL)
		pin_obj_set_new(o, spec, "boundObjectRef", PIN_NULL);
	status = review_status(r);
	pin_obj_set_str(o, status, "token", jwt);
	pin_time_format(t->now_s + t->want_s, text);
	pin_obj_set_str(o, status, "expirationTimestamp", pin_str(text));
	return (review_answer(r));
}

int
token_run(struct request *r)
{
	struct pin_causes *causes = pin_causes_new(r->arena);
	struct pin_str uid = meta_str(r->sent, "uid"), jwt, text;
	struct token t = { .want_s = 0 };
	int rc;

	if (causes == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	if (meta_namespace(r, r->sent) != PIN_OK)
		return (reply_error(r));
	if (!check_name(r, causes))
		return (invalid(r, r->info.name, causes));
	if (object_load(r) != PIN_OK)
		return (reply_error(r));
	t.uid = meta_str(r->old, "uid");
	if (uid.len > 0 && !pin_str_eq(uid, t.uid))
		return (conflict(r, AUTHENTICATION, "TokenRequest",
		    r->info.name, "token request", uid, t.uid, ")"));
	read_spec(r, &t);
	if (!check_seconds(r, &t, causes))
		return (invalid(r, PIN_STR_NONE, causes));
	rc = bind_token(r, &t);
	if (rc != STEP_NEXT)
		return (rc);
	extend(r, &t);
	text = claims(r, &t);
	if (text.p == NULL)
		return (reply_err(r, PIN_EINVAL, "the token would be too "
		    "long"));
	if (issuer_sign(r->srv, r->arena, text, &jwt, &r->err) != PIN_OK)
		return (reply_error(r));
	return (answer(r, &t, jwt));
}
