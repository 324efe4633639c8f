/* SPDX-License-Identifier: BSD-2-Clause
 *
 * chain.c -- one driver for all chains: call a stage, weigh its verdict, go
 * to the next; wait where a plugin answers later.
 * Front loop. Contract: chain.h. */
#include "core/apiserver/chain.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "core/apiserver/strategy.h"
#include "core/apiserver/verbs.h"
#include "core/loader/stage.h"

/* A step's result, or: ask the next stage. */
enum { CHAIN_CONTINUE = 100 };

struct chain_kind {
	uint32_t	 section;
	uint32_t	 pad;
	int		(*call)(struct request *, struct pin_stage *);
	int		(*weigh)(struct request *, int verdict);
	int		(*end)(struct request *);	/* nobody stopped it */
};

struct chain {
	struct pin_call	*call;
	const struct chain_kind *kind;
	const struct pin_chain *stages;
	uint32_t	 at, bad;
	uint32_t	 notes, pad;	/* those before this question */
	struct pin_user	 user;		/* authentication's answer */
	const struct pin_credentials *creds;
	const struct pin_user *asker;
	struct pin_attributes attr;
	struct pin_admission_request req;
	struct pin_patch *patch;
	chain_answer_fn	*answer;
	chain_whose_fn	*whose;
	struct pin_err	 err;		/* of a credential that was bad */
};

#define CHAIN_DEADLINE_NS	UINT64_C(30000000000)

static uint64_t
deadline(const struct request *r)
{
	return (r->ex->begun_ns + CHAIN_DEADLINE_NS);
}

/* A plugin that was given up may still read the object, which is changed in
 * place: from now on this request has another. */
static int
chain_renew(struct request *r)
{
	if (!pin_call_renew(&r->chain->call) || r->obj == NULL)
		return (PIN_OK);
	r->obj = pin_obj_copy(r->arena, r->obj);
	return (r->obj != NULL ? PIN_OK : PIN_ENOMEM);
}

static int
chain_go(struct request *r)
{
	struct chain *c = r->chain;
	int v, rc;

	for (; c->at < c->stages->n; c->at++) {
		v = c->kind->call(r, c->stages->stage[c->at]);
		if (v == PIN_LATER)
			return (STEP_WAIT);
		rc = v == CHAIN_CONTINUE ? v : c->kind->weigh(r, v);
		if (rc != CHAIN_CONTINUE)
			return (rc);
	}
	return (c->kind->end(r));
}

static void
chain_resume(void *arg, int verdict, const struct pin_err *err)
{
	struct request *r = arg;
	int rc;

	(void)err;			/* pin_call_error has it */
	rc = chain_renew(r) != PIN_OK ? reply_err(r, PIN_ENOMEM,
	    "out of memory") : r->chain->kind->weigh(r, verdict);
	if (rc == CHAIN_CONTINUE) {
		r->chain->at++;
		rc = chain_go(r);
	}
	if (rc == STEP_NEXT)
		request_resume(r);
}

/* A plugin that had been given up has answered: its request lay in the arena
 * that request_end kept from the exchange. */
static void
chain_release(void *arg)
{
	struct pin_arena *arena = ((struct request *)arg)->arena;

	pin_arena_free(&arena);
}

static int
chain_open(struct request *r)
{
	struct pin_call_owner owner = { .arena = r->arena,
	    .resume = chain_resume, .release = chain_release, .arg = r };

	if (r->chain != NULL)
		return (PIN_OK);
	r->chain = pin_arena_zalloc(r->arena, sizeof(*r->chain));
	if (r->chain == NULL)
		return (pin_err_set(&r->err, PIN_ENOMEM, "out of memory"));
	r->chain->call = pin_call_new(r->front->calls, &owner);
	return (PIN_OK);
}

static int
chain_start(struct request *r, const struct chain_kind *kind)
{
	r->chain->kind = kind;
	r->chain->at = 0;
	r->chain->stages = pin_set_chain(r->set, kind->section);
	return (chain_go(r));
}

void
chain_lines(struct request *r)
{
	const struct pin_call_line *line;
	uint32_t i, n;

	if (r->chain == NULL)
		return;
	n = pin_call_warnings(r->chain->call, &line);
	for (i = 0; i < n; i++)
		request_warn(r, PIN_SFMT, PIN_SARG(line[i].text));
}

int
chain_end(struct request *r)
{
	return (r->chain != NULL && pin_call_end(&r->chain->call));
}

/* ---- authentication ------------------------------------------------- */

static int
authn_call(struct request *r, struct pin_stage *s)
{
	struct chain *c = r->chain;

	memset(&c->user, 0, sizeof(c->user));
	c->user.size = sizeof(c->user);
	return (pin_stage_authenticate(s, c->call, deadline(r), c->creds,
	    &c->user));
}

/* Everyone who is somebody is in system:authenticated. */
static int
add_group(struct request *r, struct pin_user *u)
{
	struct pin_str *groups;
	uint32_t i;

	for (i = 0; i < u->ngroups; i++)
		if (pin_str_is(u->groups[i], "system:authenticated") ||
		    pin_str_is(u->groups[i], "system:unauthenticated"))
			return (PIN_OK);
	groups = pin_arena_alloc(r->arena, (u->ngroups + 1) *
	    sizeof(groups[0]));
	if (groups == NULL)
		return (PIN_ENOMEM);
	for (i = 0; i < u->ngroups; i++)
		groups[i] = u->groups[i];
	groups[u->ngroups++] = PIN_STR("system:authenticated");
	u->groups = groups;
	return (PIN_OK);
}

static int
authn_weigh(struct request *r, int verdict)
{
	struct chain *c = r->chain;

	if (verdict == PIN_AUTHN_YES) {
		if (add_group(r, &c->user) != PIN_OK)
			return (reply_err(r, PIN_ENOMEM, "out of memory"));
		if (c->whose != NULL)
			return (c->whose(r, &c->user, NULL));
		r->user = c->user;
		return (STEP_NEXT);
	}
	if (verdict != PIN_AUTHN_SKIP) {
		c->bad = 1;
		c->err = *pin_call_error(c->call);
	}
	return (CHAIN_CONTINUE);
}

static int
authn_end(struct request *r)
{
	if (r->chain->whose != NULL)
		return (r->chain->whose(r, NULL, &r->chain->err));
	return (reply_err(r, PIN_EUNAUTH, "Unauthorized"));
}

static const struct chain_kind authn = { PIN_SECTION_AUTHENTICATION, 0,
    authn_call, authn_weigh, authn_end };

static struct pin_str
keep(struct request *r, struct pin_str s)
{
	return (s.p == NULL ? s : pin_arena_str(r->arena, s));
}

/* What a plugin reads must not be the connection's: its answer may be given
 * up, and the connection goes on. */
static const struct pin_credentials *
creds_keep(struct request *r)
{
	struct pin_credentials *c = pin_arena_alloc(r->arena, sizeof(*c));
	struct pin_str *orgs;
	uint32_t i;

	if (c == NULL)
		return (NULL);
	*c = r->ex->head.creds;
	c->cert_cn = keep(r, c->cert_cn);
	c->cert_der = keep(r, c->cert_der);
	c->bearer = keep(r, c->bearer);
	c->peer_ip = keep(r, c->peer_ip);
	orgs = pin_arena_alloc(r->arena, c->ncert_orgs * sizeof(*orgs));
	for (i = 0; orgs != NULL && i < c->ncert_orgs; i++)
		orgs[i] = keep(r, c->cert_orgs[i]);
	c->cert_orgs = orgs;
	return (pin_arena_full(r->arena) ? NULL : c);
}

int
chain_authenticate(struct request *r)
{
	if (chain_open(r) != PIN_OK)
		return (reply_error(r));
	r->chain->creds = creds_keep(r);
	if (r->chain->creds == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	r->chain->whose = NULL;
	return (chain_start(r, &authn));
}

int
chain_whose(struct request *r, const struct pin_credentials *creds,
    chain_whose_fn *then)
{
	r->chain->creds = creds;
	r->chain->whose = then;
	memset(&r->chain->err, 0, sizeof(r->chain->err));
	return (chain_start(r, &authn));
}

/* ---- authorization -------------------------------------------------- */

static int
has_group(const struct pin_user *u, const char *group)
{
	uint32_t i;

	for (i = 0; i < u->ngroups; i++)
		if (pin_str_is(u->groups[i], group))
			return (1);
	return (0);
}

static int
authz_call(struct request *r, struct pin_stage *s)
{
	return (pin_stage_authorize(s, r->chain->call, deadline(r),
	    r->chain->asker, &r->chain->attr));
}

static struct pin_str
last_note(struct request *r)
{
	const struct pin_call_line *line;
	uint32_t n = pin_call_notes(r->chain->call, &line);

	return (n > r->chain->notes ? line[n - 1].text : PIN_STR_NONE);
}

static int
authz_weigh(struct request *r, int verdict)
{
	if (verdict == PIN_AUTHZ_ALLOW)
		return (r->chain->answer(r, 1, 0, last_note(r)));
	if (verdict == PIN_AUTHZ_DENY)
		return (r->chain->answer(r, 0, 1, last_note(r)));
	if (verdict < 0) {
		r->chain->bad = 1;
		r->chain->err = *pin_call_error(r->chain->call);
	}
	return (CHAIN_CONTINUE);
}

static int
authz_end(struct request *r)
{
	struct pin_str reason = last_note(r);

	if (r->chain->bad && reason.len == 0)
		reason = pin_str(r->chain->err.text);
	return (r->chain->answer(r, 0, 0, reason));
}

static const struct chain_kind authz = { PIN_SECTION_AUTHORIZATION, 0,
    authz_call, authz_weigh, authz_end };

int
chain_ask(struct request *r, const struct pin_user *who,
    const struct pin_attributes *attr, chain_answer_fn *then)
{
	const struct pin_call_line *line;
	struct chain *c = r->chain;

	c->asker = who;
	c->attr = *attr;
	c->answer = then;
	c->bad = 0;
	c->notes = pin_call_notes(c->call, &line);
	/* Upstream's privileged group passes before any authorizer. */
	if (has_group(who, "system:masters"))
		return (then(r, 1, 0, PIN_STR_NONE));
	return (chain_start(r, &authz));
}

static void
put_quoted(struct pin_out *o, const char *before, struct pin_str s)
{
	pin_out_cstr(o, before);
	pin_out_char(o, '"');
	pin_out_str(o, s);
	pin_out_char(o, '"');
}

/* 'pods "x" is forbidden: User "u" cannot get resource "pods" in API group ""
 * in the namespace "default"'. */
static int
forbidden(struct request *r, const struct pin_user *user,
    const struct pin_attributes *a, struct pin_str reason)
{
	struct pin_out o;

	pin_out_init(&o, r->arena, PIN_ERR_TEXT_MAX);
	if (a->is_resource) {
		pin_out_str(&o, a->resource);
		if (a->group.len > 0) {
			pin_out_char(&o, '.');
			pin_out_str(&o, a->group);
		}
		if (a->name.len > 0)
			put_quoted(&o, " ", a->name);
		pin_out_cstr(&o, " is ");
	}
	put_quoted(&o, "forbidden: User ", user->name);
	pin_out_cstr(&o, " cannot ");
	pin_out_str(&o, a->verb);
	if (a->is_resource) {
		put_quoted(&o, " resource ", a->resource);
		if (a->subresource.len > 0) {
			o.len--;	/* its closing quote */
			pin_out_char(&o, '/');
			pin_out_str(&o, a->subresource);
			pin_out_char(&o, '"');
		}
		put_quoted(&o, " in API group ", a->group);
		if (a->namespace.len > 0)
			put_quoted(&o, " in the namespace ", a->namespace);
		else
			pin_out_cstr(&o, " at the cluster scope");
	} else {
		put_quoted(&o, " path ", a->path);
	}
	if (reason.len > 0) {
		pin_out_cstr(&o, ": ");
		pin_out_str(&o, reason);
	}
	return (reply_err(r, PIN_EFORBIDDEN, PIN_SFMT,
	    PIN_SARG(((struct pin_str){ o.p, o.len }))));
}

static int
authorize_answer(struct request *r, int allowed, int denied,
    struct pin_str reason)
{
	(void)denied;
	if (allowed)
		return (STEP_NEXT);
	return (forbidden(r, &r->user, &r->chain->attr, reason));
}

int
chain_authorize(struct request *r)
{
	struct pin_attributes a = { .size = sizeof(a),
	    .is_resource = r->info.is_resource, .verb = r->info.verb,
	    .group = r->info.group, .version = r->info.version,
	    .resource = r->info.resource, .subresource = r->info.subresource,
	    .namespace = r->info.namespace, .name = r->info.name,
	    .path = r->info.path, .field_selector = r->opt.field_selector,
	    .label_selector = r->opt.label_selector };

	return (chain_ask(r, &r->user, &a, authorize_answer));
}

int
chain_rules(struct request *r, struct pin_str ns, pin_auth_rule_fn *emit,
    void *arg)
{
	const struct pin_chain *c = pin_set_chain(r->set,
	    PIN_SECTION_AUTHORIZATION);
	uint32_t i;
	int whole = 1, rc;

	for (i = 0; i < c->n; i++) {
		rc = pin_stage_rules(c->stage[i], r->chain->call, deadline(r),
		    &r->user, ns, emit, arg);
		whole &= rc == PIN_OK;
		(void)pin_call_renew(&r->chain->call);
	}
	return (whole);
}

/* ---- admission ------------------------------------------------------ */

static void
admission_request(struct request *r)
{
	struct pin_admission_request *q = &r->chain->req;
	/* A binding is made, whatever it does to its pod. */
	uint32_t op = pin_str_is(r->info.subresource, "binding") ?
	    PIN_OP_CREATE : r->operation;

	*q = (struct pin_admission_request){ .size = sizeof(*q),
	    .operation = op, .group = r->info.group,
	    .version = r->info.version,
	    .kind = pin_str(res_str(r, r->res->kind)),
	    .resource = r->info.resource, .subresource = r->info.subresource,
	    .namespace = r->info.namespace, .name = r->info.name,
	    .user = &r->user, .object = r->obj, .old_object =
	    op == PIN_OP_CREATE ? NULL : r->old, .options = r->options,
	    .dry_run = r->opt.dry_run, .uid = r->uid };
	if (r->operation == PIN_OP_DELETE)
		q->object = NULL;
}

static int
mutate_call(struct request *r, struct pin_stage *s)
{
	struct chain *c = r->chain;

	admission_request(r);
	if (!pin_stage_has_mutate(s) || !pin_stage_matches(s, &c->req))
		return (CHAIN_CONTINUE);
	c->patch = pin_patch_new(r->arena);
	if (c->patch == NULL)
		return (PIN_ENOMEM);
	return (pin_stage_mutate(s, c->call, deadline(r), &c->req, c->patch));
}

static int
refused(struct request *r)
{
	const struct pin_err *e = pin_call_error(r->chain->call);
	int code = e->code != PIN_OK ? e->code : PIN_EFORBIDDEN;
	struct pin_out o;

	if (code != PIN_EFORBIDDEN && code != PIN_ETERMINATING)
		return (reply_err(r, code, "%s", e->text));
	pin_out_init(&o, r->arena, PIN_ERR_TEXT_MAX);
	pin_out_str(&o, r->info.resource);
	if (r->info.group.len > 0) {
		pin_out_char(&o, '.');
		pin_out_str(&o, r->info.group);
	}
	put_quoted(&o, " ", r->info.name);
	pin_out_cstr(&o, " is forbidden: ");
	pin_out_cstr(&o, e->text);
	return (reply_err(r, code, PIN_SFMT,
	    PIN_SARG(((struct pin_str){ o.p, o.len }))));
}

static int
mutate_weigh(struct request *r, int verdict)
{
	if (verdict != PIN_ADMIT)
		return (refused(r));
	if (write_mutated(r, r->chain->patch) != PIN_OK)
		return (reply_error(r));
	return (CHAIN_CONTINUE);
}

static int
chain_passed(struct request *r)
{
	(void)r;
	return (STEP_NEXT);
}

static const struct chain_kind mutating = { PIN_SECTION_ADMISSION, 0,
    mutate_call, mutate_weigh, chain_passed };

/* As creds_keep, for what authenticators and impersonation made of them. */
static int
user_keep(struct request *r)
{
	struct pin_user *u = &r->user;
	struct pin_str *groups;
	struct pin_extra *extra;
	uint32_t i;

	groups = pin_arena_alloc(r->arena, (u->ngroups + 1) *
	    sizeof(*groups));
	extra = pin_arena_alloc(r->arena, (u->nextra + 1) * sizeof(*extra));
	if (groups == NULL || extra == NULL)
		return (PIN_ENOMEM);
	for (i = 0; i < u->ngroups; i++)
		groups[i] = keep(r, u->groups[i]);
	for (i = 0; i < u->nextra; i++) {
		extra[i].key = keep(r, u->extra[i].key);
		extra[i].value = keep(r, u->extra[i].value);
	}
	u->name = keep(r, u->name);
	u->uid = keep(r, u->uid);
	u->groups = groups;
	u->extra = extra;
	return (pin_arena_full(r->arena) ? PIN_ENOMEM : PIN_OK);
}

int
chain_mutate(struct request *r)
{
	if (user_keep(r) != PIN_OK)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	return (chain_start(r, &mutating));
}

static int
admit_call(struct request *r, struct pin_stage *s)
{
	struct chain *c = r->chain;

	admission_request(r);
	if (!pin_stage_has_validate(s) || !pin_stage_matches(s, &c->req))
		return (CHAIN_CONTINUE);
	return (pin_stage_validate(s, c->call, deadline(r), &c->req));
}

static int
admit_weigh(struct request *r, int verdict)
{
	return (verdict == PIN_ADMIT ? CHAIN_CONTINUE : refused(r));
}

static const struct chain_kind admitting = { PIN_SECTION_ADMISSION, 0,
    admit_call, admit_weigh, chain_passed };

int
chain_admit(struct request *r)
{
	return (chain_start(r, &admitting));
}

void
chain_validation(struct request *r, struct pin_causes *causes)
{
	const struct pin_chain *c = pin_set_chain(r->set,
	    PIN_SECTION_VALIDATION);
	uint32_t i;

	admission_request(r);
	for (i = 0; i < c->n; i++)
		if (pin_stage_matches(c->stage[i], &r->chain->req))
			pin_stage_check(c->stage[i], r->srv->host,
			    &r->chain->req, c->stage[i]->mode ==
			    PIN_MODE_ENFORCE ? causes :
			    pin_causes_new(r->arena));
}

/* ---- impersonation --------------------------------------------------- */

/* What the headers ask for, and the questions that allow it, asked in turn
 * (apiserver: endpoints/filters/impersonation). */
struct impersonation {
	struct pin_user	 user;
	struct pin_attributes ask[PIN_AUTH_GROUPS_MAX + PIN_AUTH_EXTRA_MAX];
	uint32_t	 n, at;
};

static void
ask_about(struct impersonation *im, const char *group, const char *resource,
    struct pin_str sub, struct pin_str name)
{
	struct pin_attributes *a = &im->ask[im->n++];

	*a = (struct pin_attributes){ .size = sizeof(*a), .is_resource = 1,
	    .verb = PIN_STR("impersonate"), .group = pin_str(group),
	    .version = PIN_STR("v1"), .resource = pin_str(resource),
	    .subresource = sub, .name = name };
}

static int
impersonate_ask(struct request *r);

static int
impersonate_answer(struct request *r, int allowed, int denied,
    struct pin_str reason)
{
	struct impersonation *im = r->verb;

	(void)denied;
	if (!allowed)
		return (forbidden(r, &r->user, &im->ask[im->at], reason));
	im->at++;
	return (impersonate_ask(r));
}

static int
impersonate_ask(struct request *r)
{
	struct impersonation *im = r->verb;

	if (im->at < im->n)
		return (chain_ask(r, &r->user, &im->ask[im->at],
		    impersonate_answer));
	r->user = im->user;
	r->verb = NULL;
	return (STEP_NEXT);
}

/* "system:serviceaccount:NS:NAME" asks about the account itself. */
static void
ask_user(struct impersonation *im, struct pin_str user)
{
	static const char head[] = "system:serviceaccount:";
	const char *colon;
	struct pin_str rest;

	if (pin_str_prefix(user, head)) {
		rest = (struct pin_str){ user.p + sizeof(head) - 1,
		    user.len - (sizeof(head) - 1) };
		colon = memchr(rest.p, ':', rest.len);
		if (colon != NULL) {
			ask_about(im, "", "serviceaccounts", PIN_STR_NONE,
			    (struct pin_str){ colon + 1, rest.len -
			    (size_t)(colon + 1 - rest.p) });
			im->ask[im->n - 1].namespace = (struct pin_str){
			    rest.p, (size_t)(colon - rest.p) };
			return;
		}
	}
	ask_about(im, "", "users", PIN_STR_NONE, user);
}

static struct pin_str
lowered(struct request *r, struct pin_str s)
{
	char *p = pin_arena_strndup(r->arena, s.p, s.len);
	size_t i;

	for (i = 0; p != NULL && i < s.len; i++)
		p[i] = (char)tolower((unsigned char)s.p[i]);
	return (p != NULL ? (struct pin_str){ p, s.len } : PIN_STR_NONE);
}

static int
impersonate_extra(struct request *r, struct impersonation *im)
{
	static const char head[] = "impersonate-extra-";
	const struct http_header *h = r->ex->head.headers;
	struct pin_extra *extra;
	struct pin_str key;
	uint32_t i;

	extra = pin_arena_zalloc(r->arena, PIN_AUTH_EXTRA_MAX *
	    sizeof(*extra));
	if (extra == NULL)
		return (PIN_ENOMEM);
	im->user.extra = extra;
	for (i = 0; i < r->ex->head.nheaders; i++) {
		if (h[i].name.len <= sizeof(head) - 1 ||
		    strncasecmp(h[i].name.p, head, sizeof(head) - 1) != 0)
			continue;
		if (im->user.nextra == PIN_AUTH_EXTRA_MAX)
			return (PIN_ELIMIT);
		key = (struct pin_str){ h[i].name.p + sizeof(head) - 1,
		    h[i].name.len - (sizeof(head) - 1) };
		key = lowered(r, key);
		extra[im->user.nextra++] = (struct pin_extra){
		    .key = key, .value = h[i].value };
		ask_about(im, "authentication.k8s.io", "userextras",
		    key, h[i].value);
	}
	return (PIN_OK);
}

static int
impersonate_groups(struct request *r, struct impersonation *im)
{
	struct pin_str g, *groups;
	uint32_t k;

	groups = pin_arena_zalloc(r->arena, PIN_AUTH_GROUPS_MAX *
	    sizeof(*groups));
	if (groups == NULL)
		return (PIN_ENOMEM);
	im->user.groups = groups;
	for (k = 0; (g = exchange_header_at(r->ex, "Impersonate-Group",
	    k)).p != NULL; k++) {
		if (im->user.ngroups == PIN_AUTH_GROUPS_MAX - 1)
			return (PIN_ELIMIT);
		groups[im->user.ngroups++] = g;
		ask_about(im, "", "groups", PIN_STR_NONE, g);
	}
	return (add_group(r, &im->user));
}

/* Who asks to have somebody's groups must say whose. */
static int
impersonate_nobody(struct request *r)
{
	static const struct {
		const char	*head, *kind, *gv;
	} asks[] = {
		{ "impersonate-group", "Group", "" },
		{ "impersonate-extra-", "UserExtra",
		    "authentication.k8s.io/v1" },
		{ "impersonate-uid", "UID", "authentication.k8s.io/v1" },
	};
	const struct http_header *h = r->ex->head.headers;
	struct pin_str key;
	struct pin_out o;
	size_t k, len;
	uint32_t i;

	pin_out_init(&o, r->arena, 64u << 10);
	for (k = 0; k < PIN_LEN(asks); k++)
		for (i = 0; i < r->ex->head.nheaders; i++) {
			len = strlen(asks[k].head);
			if (h[i].name.len < len || strncasecmp(h[i].name.p,
			    asks[k].head, len) != 0)
				continue;
			key = lowered(r, (struct pin_str){ h[i].name.p + len,
			    h[i].name.len - len });
			pin_out_printf(&o, "%s{%s  " PIN_SFMT "  %s  " PIN_SFMT
			    "}", o.len == 0 ? "" : " ", asks[k].kind,
			    PIN_SARG(h[i].value), asks[k].gv, PIN_SARG(key));
		}
	if (o.len == 0)
		return (STEP_NEXT);
	return (reply_err(r, PIN_EINVAL, "requested [" PIN_SFMT "] without "
	    "impersonating a user", PIN_SARG(((struct pin_str){ o.p,
	    o.len }))));
}

int
chain_impersonate(struct request *r)
{
	struct pin_str user = exchange_header(r->ex, "Impersonate-User"),
	    uid = exchange_header(r->ex, "Impersonate-Uid");
	struct impersonation *im;
	int rc;

	if (user.p == NULL)
		return (impersonate_nobody(r));
	im = pin_arena_zalloc(r->arena, sizeof(*im));
	if (im == NULL)
		return (reply_err(r, PIN_ENOMEM, "out of memory"));
	r->verb = im;
	im->user.size = sizeof(im->user);
	im->user.name = user;
	im->user.uid = uid;
	ask_user(im, user);
	rc = impersonate_groups(r, im);
	if (rc == PIN_OK)
		rc = impersonate_extra(r, im);
	if (rc != PIN_OK)
		return (reply_err(r, rc, "too many impersonated groups or "
		    "extra values"));
	if (uid.p != NULL)
		ask_about(im, "authentication.k8s.io", "uids", PIN_STR_NONE,
		    uid);
	return (impersonate_ask(r));
}
