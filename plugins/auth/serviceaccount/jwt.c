/* SPDX-License-Identifier: BSD-2-Clause
 *
 * jwt.c -- a token taken apart, and its claims in one block of memory.
 * Pure but for the heap. Contract: account.h; RFC 7515 section 7.1: three
 * parts in base64url without padding. */
#include <stdlib.h>
#include <string.h>

#include "plugins/auth/serviceaccount/account.h"

/* ---- the three parts ------------------------------------------------ */

static int
digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (c - '0' + 52);
	return (c == '-' ? 62 : c == '_' ? 63 : -1);
}

/* NULL: not base64url. Bits left over at the end are not looked at. */
static uint8_t *
decode(struct pin_arena *a, struct pin_str in, size_t *len)
{
	uint8_t *out = pin_arena_alloc(a, in.len / 4 * 3 + 3);
	uint32_t bits = 0, have = 0;
	size_t i, n = 0;
	int d;

	if (out == NULL || in.len % 4 == 1)
		return (NULL);
	for (i = 0; i < in.len; i++) {
		d = digit(in.p[i]);
		if (d < 0)
			return (NULL);
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	*len = n;
	return (out);
}

static int
parse_part(struct pin_arena *a, struct pin_str part, struct pin_obj **out)
{
	uint8_t *text;
	size_t len;

	text = decode(a, part, &len);
	return (text != NULL && pin_obj_parse(a, (const char *)text, len, out,
	    NULL) == PIN_OK && pin_obj_type(*out, pin_obj_root(*out)) ==
	    PIN_OBJECT);
}

int
jwt_split(struct pin_arena *a, struct pin_str token, struct jwt *j)
{
	const char *dot1, *dot2, *end = token.p + token.len;

	dot1 = token.len > 0 ? memchr(token.p, '.', token.len) : NULL;
	dot2 = dot1 != NULL ? memchr(dot1 + 1, '.', (size_t)(end - dot1 -
	    1)) : NULL;
	if (dot2 == NULL)
		return (0);
	j->signed_part = (struct pin_str){ token.p, (size_t)(dot2 -
	    token.p) };
	if (!parse_part(a, (struct pin_str){ dot1 + 1, (size_t)(dot2 - dot1 -
	    1) }, &j->body) || !parse_part(a, (struct pin_str){ token.p,
	    (size_t)(dot1 - token.p) }, &j->head))
		return (0);
	j->sig = decode(a, (struct pin_str){ dot2 + 1, (size_t)(end - dot2 -
	    1) }, &j->sig_len);
	return (j->sig != NULL);
}

struct pin_str
jwt_str(const struct pin_obj *o, const char *key)
{
	pin_node n = pin_obj_get(o, pin_obj_root(o), key);

	return (pin_obj_type(o, n) == PIN_STRING ? pin_obj_str(o, n) :
	    PIN_STR_NONE);
}

/* ---- claims --------------------------------------------------------- */

struct block {
	char		*p;		/* NULL: only measure */
	size_t		 len;
	const struct pin_obj *o;
};

static void *
take(struct block *b, size_t n)
{
	size_t at = b->len;

	b->len += (n + 7) & ~(size_t)7;
	return (b->p != NULL ? b->p + at : NULL);
}

/* a and b joined. */
static struct pin_str
put2(struct block *b, const char *first, struct pin_str s)
{
	size_t n = strlen(first);
	char *p = take(b, n + s.len);

	if (p != NULL && n > 0)
		memcpy(p, first, n);
	if (p != NULL && s.len > 0)
		memcpy(p + n, s.p, s.len);
	return ((struct pin_str){ p, n + s.len });
}

static struct pin_str
put(struct block *b, pin_node n)
{
	return (put2(b, "", pin_obj_type(b->o, n) == PIN_STRING ?
	    pin_obj_str(b->o, n) : PIN_STR_NONE));
}

/* "aud" is a string or a list of them. */
static void
put_audiences(struct block *b, struct claims *c)
{
	pin_node n = pin_obj_get(b->o, pin_obj_root(b->o), "aud"), m;
	struct pin_str *list, s;
	uint32_t count;

	count = pin_obj_type(b->o, n) == PIN_STRING ? 1 : pin_obj_count(b->o,
	    n);
	if (count > ACCOUNT_AUDIENCES_MAX)
		count = ACCOUNT_AUDIENCES_MAX;
	list = take(b, count * sizeof(*list));
	c->audiences = list;
	m = pin_obj_type(b->o, n) == PIN_STRING ? n : pin_obj_first(b->o, n);
	for (c->naudiences = 0; c->naudiences < count;
	    c->naudiences++, m = pin_obj_next(b->o, m)) {
		s = put(b, m);
		if (list != NULL)
			list[c->naudiences] = s;
	}
}

/* Numbers with a fraction are cut, as NumericDate allows them. */
static int64_t
number(const struct pin_obj *o, pin_node n)
{
	int64_t i = 0;
	double d;

	if (pin_obj_i64(o, n, &i))
		return (i);
	return (pin_obj_f64(o, n, &d) && d > 0 && d < 9e15 ? (int64_t)d : 0);
}

static void
add_extra(struct claims *c, const char *key, struct pin_str value)
{
	if (value.len == 0)
		return;
	c->extra[c->nextra].key = pin_str(key);
	c->extra[c->nextra++].value = value;
}

/* Sorted by key, as a map is printed. */
static void
put_user(struct block *b, struct claims *c)
{
	const struct ref *pod = &c->ref[BOUND_POD], *node = &c->ref[BOUND_NODE];
	struct pin_str s;
	char *p;

	s = put2(b, "system:serviceaccount:", c->namespace);
	p = take(b, s.len + 1 + c->ref[BOUND_ACCOUNT].name.len);
	c->user = (struct pin_str){ p, s.len + 1 +
	    c->ref[BOUND_ACCOUNT].name.len };
	if (p != NULL) {
		memcpy(p, s.p, s.len);
		p[s.len] = ':';
		memcpy(p + s.len + 1, c->ref[BOUND_ACCOUNT].name.p,
		    c->ref[BOUND_ACCOUNT].name.len);
	}
	c->groups[0] = PIN_STR("system:serviceaccounts");
	c->groups[1] = put2(b, "system:serviceaccounts:", c->namespace);
	add_extra(c, "authentication.kubernetes.io/credential-id",
	    c->jti.len > 0 ? put2(b, "JTI=", c->jti) : PIN_STR_NONE);
	add_extra(c, "authentication.kubernetes.io/node-name", node->name);
	if (node->name.len > 0)
		add_extra(c, "authentication.kubernetes.io/node-uid",
		    node->uid);
	if (pod->name.len == 0 || pod->uid.len == 0)
		return;
	add_extra(c, "authentication.kubernetes.io/pod-name", pod->name);
	add_extra(c, "authentication.kubernetes.io/pod-uid", pod->uid);
}

static void
fill(struct block *b, struct claims *scratch)
{
	static const char *const words[BOUND__COUNT] = { "serviceaccount",
	    "pod", "secret", "node" };
	pin_node root = pin_obj_root(b->o), k8s, n;
	struct claims *c = take(b, sizeof(*c));
	uint32_t i;

	if (c == NULL)
		c = scratch;
	memset(c, 0, sizeof(*c));
	atomic_init(&c->refs, 1);
	k8s = pin_obj_get(b->o, root, "kubernetes.io");
	c->namespace = put(b, pin_obj_get(b->o, k8s, "namespace"));
	c->subject = put(b, pin_obj_get(b->o, root, "sub"));
	c->jti = put(b, pin_obj_get(b->o, root, "jti"));
	for (i = 0; i < BOUND__COUNT; i++) {
		n = pin_obj_get(b->o, k8s, words[i]);
		c->ref[i].name = put(b, pin_obj_get(b->o, n, "name"));
		c->ref[i].uid = put(b, pin_obj_get(b->o, n, "uid"));
	}
	put_audiences(b, c);
	c->exp = number(b->o, pin_obj_get(b->o, root, "exp"));
	c->nbf = number(b->o, pin_obj_get(b->o, root, "nbf"));
	c->iat = number(b->o, pin_obj_get(b->o, root, "iat"));
	c->warn = number(b->o, pin_obj_get(b->o, k8s, "warnafter"));
	put_user(b, c);
}

struct claims *
jwt_claims(const struct pin_obj *body, struct pin_err *err)
{
	struct block b = { NULL, 0, body };
	struct claims scratch, *c;

	fill(&b, &scratch);
	b.p = malloc(b.len);
	b.len = 0;
	if (b.p == NULL) {
		(void)pin_err_set(err, PIN_ENOMEM, "out of memory");
		return (NULL);
	}
	fill(&b, &scratch);
	c = (struct claims *)(void *)b.p;
	if (c->namespace.len > 0 && c->ref[BOUND_ACCOUNT].name.len > 0)
		return (c);
	(void)pin_err_set(err, PIN_EUNAUTH, "the token names no service "
	    "account");
	claims_put(c);
	return (NULL);
}

void
claims_put(struct claims *c)
{
	if (c != NULL && atomic_fetch_sub(&c->refs, 1) == 1)
		free(c);
}
