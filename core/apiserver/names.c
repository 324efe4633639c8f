/* SPDX-License-Identifier: BSD-2-Clause
 *
 * names.c -- may an object have this name? One rule a resource.
 * Front loop. Contract: core/api/rules.def, PIN_NAME; upstream's messages. */
#include "core/apiserver/strategy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "core/apiserver/meta.h"

#define NAME		"metadata.name"
#define GENERATE	"metadata.generateName"
#define JOINED_MAX	600	/* FIRST.SECOND; longer ones are no names */

static void
bad_name(struct pin_causes *causes, const char *field, struct pin_str s,
    const char *why)
{
	struct pin_out o;

	pin_out_init(&o, NULL, (size_t)64 << 10);
	pin_cause_quote(&o, s);
	pin_cause_add(causes, PIN_CAUSE_INVALID, field, (struct pin_str){
	    o.failed == PIN_OK ? o.p : NULL, o.len }, "%s", why);
	pin_out_fini(&o);
}

static void
name_path(struct pin_causes *causes, const char *field, struct pin_str s)
{
	if (pin_str_is(s, ".") || pin_str_is(s, ".."))
		bad_name(causes, field, s, s.len == 1 ? "may not be '.'" :
		    "may not be '..'");
	if (s.len > 0 && memchr(s.p, '/', s.len) != NULL)
		bad_name(causes, field, s, "may not contain '/'");
	if (s.len > 0 && memchr(s.p, '%', s.len) != NULL)
		bad_name(causes, field, s, "may not contain '%'");
}

static void
name_ip(struct pin_causes *causes, const char *field, struct pin_str s)
{
	char text[INET6_ADDRSTRLEN + 1], again[INET6_ADDRSTRLEN], why[400];
	int family = s.len > 0 && memchr(s.p, ':', s.len) != NULL ?
	    AF_INET6 : AF_INET;
	unsigned char addr[16];

	snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(s));
	if (s.len >= sizeof(text) || inet_pton(family, text, addr) != 1) {
		snprintf(why, sizeof(why), "ParseAddr(\"%.300s\"): unable to "
		    "parse IP", text);
		bad_name(causes, field, s, why);
	} else if (inet_ntop(family, addr, again, sizeof(again)) == NULL ||
	    !pin_str_is(s, again)) {
		bad_name(causes, field, s, "must be a canonical format IP "
		    "address");
	}
}

/* Is it FIRST.GROUP, both of the spec? */
static int
is_joined(const struct pin_obj *o, struct pin_str s, struct pin_str first,
    char want[JOINED_MAX])
{
	struct pin_str group = pin_obj_str(o, pin_obj_at(o, pin_obj_root(o),
	    "spec", "group", NULL));

	snprintf(want, JOINED_MAX, "%.*s.%.*s", (int)(first.len < 256 ?
	    first.len : 256), first.len > 0 ? first.p : "",
	    (int)(group.len < 256 ? group.len : 256),
	    group.len > 0 ? group.p : "");
	return (pin_str_is(s, want));
}

static void
name_crd(struct request *r, struct pin_causes *causes, const char *field,
    struct pin_str s)
{
	char want[JOINED_MAX];

	pin_cause_format(causes, "dns1123-subdomain", field, s, NULL);
	if (!is_joined(r->obj, s, pin_obj_str(r->obj, pin_obj_at(r->obj,
	    pin_obj_root(r->obj), "spec", "names", "plural", NULL)), want))
		bad_name(causes, field, s, "must be spec.names.plural+\".\""
		    "+spec.group");
}

static void
name_apiservice(struct request *r, struct pin_causes *causes,
    const char *field, struct pin_str s)
{
	char want[JOINED_MAX], why[JOINED_MAX + 100];

	name_path(causes, field, s);
	if (is_joined(r->obj, s, pin_obj_str(r->obj, pin_obj_at(r->obj,
	    pin_obj_root(r->obj), "spec", "version", NULL)), want))
		return;
	snprintf(why, sizeof(why), "must be `spec.version+\".\"+spec.group`: "
	    "\"%s\"", want);
	bad_name(causes, field, s, why);
}

static void
check_name(struct request *r, struct pin_causes *causes, const char *field,
    struct pin_str s)
{
	switch (r->res->name_rule) {
	case PIN_NAME_NONE:
		return;
	case PIN_NAME_LABEL:
		pin_cause_format(causes, "dns1123-label", field, s, NULL);
		return;
	case PIN_NAME_LABEL1035:
		pin_cause_format(causes, "dns1035-label", field, s, NULL);
		return;
	case PIN_NAME_PATH:
		name_path(causes, field, s);
		return;
	case PIN_NAME_IP:
		name_ip(causes, field, s);
		return;
	case PIN_NAME_CRD:
		name_crd(r, causes, field, s);
		return;
	case PIN_NAME_APISERVICE:
		name_apiservice(r, causes, field, s);
		return;
	default:
		pin_cause_format(causes, "dns1123-subdomain", field, s, NULL);
	}
}

/* A prefix that ends in '-' is checked as if a letter came instead. */
static struct pin_str
as_prefix(struct pin_arena *arena, struct pin_str s)
{
	char *p;

	if (s.len < 2 || s.p[s.len - 1] != '-')
		return (s);
	p = pin_arena_strndup(arena, s.p, s.len);
	if (p == NULL)
		return (s);
	p[s.len - 2] = 'a';
	return ((struct pin_str){ p, s.len - 1 });
}

void
strategy_names(struct request *r, struct pin_causes *causes)
{
	struct pin_str name = meta_str(r->obj, "name"),
	    base = meta_str(r->obj, "generateName");

	if (r->operation != PIN_OP_CREATE)
		return;
	if (base.len > 0)
		check_name(r, causes, GENERATE, as_prefix(r->arena, base));
	if (name.len == 0 && r->res->name_rule != PIN_NAME_NONE)
		pin_cause_add(causes, PIN_CAUSE_REQUIRED, NAME, PIN_STR_NONE,
		    "name or generateName is required");
	else if (name.len > 0)
		check_name(r, causes, NAME, name);
}
