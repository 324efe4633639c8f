/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bootstrap_rows.c -- first objects that are data: roles and bindings, flow
 * schemas and priority levels, API services. The rows come from
 * tools/bootstrap/record.py; here they become JSON.
 * Control thread. Contract: bootstrap.h. */
#include <string.h>

#include "core/apiserver/bootstrap_int.h"

#define ROW_MAX		(64u << 10)

enum { clusterroles, clusterrolebindings, roles, rolebindings,
    prioritylevelconfigurations, flowschemas, apiservices };

#define RBAC_LABEL	"'kubernetes.io/bootstrapping':'rbac-defaults'"
#define RBAC_NOTE	"'rbac.authorization.kubernetes.io/autoupdate':'true'"
#define FLOW_NOTE	"'apf.kubernetes.io/autoupdate-spec':'true'"
#define API_LABEL	"'kube-aggregator.kubernetes.io/automanaged':'onstart'"

static const struct {
	const char	*group, *resource, *labels, *annotations;
} kinds[] = {
#define RBAC(name)	[name] = { "rbac.authorization.k8s.io", #name,	\
	RBAC_LABEL, RBAC_NOTE }
#define FLOW(name)	[name] = { "flowcontrol.apiserver.k8s.io", #name, \
	"", FLOW_NOTE }
	RBAC(clusterroles), RBAC(clusterrolebindings), RBAC(roles),
	RBAC(rolebindings), FLOW(prioritylevelconfigurations),
	FLOW(flowschemas),
	[apiservices] = { "apiregistration.k8s.io", "apiservices", API_LABEL,
	    "" },
};

struct row {
	const char	*ns, *name, *labels, *members;
	uint32_t	 kind, pad;
};

#define X(kind, ns, name, labels, members)				\
	{ ns, name, labels, members, kind, 0 },
static const struct row rbac_rows[] = {
#include "core/apiserver/bootstrap_rbac.def"
};
static const struct row api_rows[] = {
#include "core/apiserver/bootstrap_api.def"
};
#undef X

/* ' is ", @ is the time. */
static void
put_text(struct pin_out *o, const char *s, const char *now)
{
	size_t n;

	for (; *s != '\0'; s += n) {
		n = strcspn(s, "'@");
		pin_out_put(o, s, n);
		if (s[n] == '\'')
			pin_out_char(o, '"');
		else if (s[n] == '@')
			pin_out_cstr(o, now);
		n += s[n] != '\0';
	}
}

static void
put_row(struct pin_out *o, const struct row *r, const char *now)
{
	const char *labels = kinds[r->kind].labels;
	int both = labels[0] != '\0' && r->labels[0] != '\0';

	put_text(o, "{'metadata':{'name':'", now);
	pin_out_cstr(o, r->name);
	if (r->ns[0] != '\0') {
		put_text(o, "','namespace':'", now);
		pin_out_cstr(o, r->ns);
	}
	put_text(o, "','labels':{", now);
	put_text(o, labels, now);
	put_text(o, both ? "," : "", now);
	put_text(o, r->labels, now);
	put_text(o, "},'annotations':{", now);
	put_text(o, kinds[r->kind].annotations, now);
	put_text(o, "}},", now);
	put_text(o, r->members, now);
	pin_out_char(o, '}');
}

typedef int put_fn(struct bootstrap *, const char *group, const char *version,
    const char *resource, struct pin_str json, struct pin_err *);

static int
put_rows(struct bootstrap *b, const struct row *rows, size_t n, put_fn *put,
    struct pin_err *err)
{
	struct pin_out o;
	size_t i;
	int rc = PIN_OK;

	pin_out_init(&o, NULL, ROW_MAX);
	for (i = 0; i < n && rc == PIN_OK; i++) {
		o.len = 0;
		put_row(&o, &rows[i], bootstrap_now(b));
		rc = o.failed != PIN_OK ? pin_err_set(err, o.failed,
		    "built-in %s", rows[i].name) : put(b,
		    kinds[rows[i].kind].group, "v1",
		    kinds[rows[i].kind].resource, (struct pin_str){ o.p,
		    o.len }, err);
	}
	pin_out_fini(&o);
	return (rc);
}

int
bootstrap_rbac(struct bootstrap *b, struct apiserver *srv,
    struct pin_err *err)
{
	(void)srv;
	return (put_rows(b, rbac_rows, PIN_LEN(rbac_rows), bootstrap_repair,
	    err));
}

int
bootstrap_api(struct bootstrap *b, struct apiserver *srv, struct pin_err *err)
{
	(void)srv;
	return (put_rows(b, api_rows, PIN_LEN(api_rows), bootstrap_put, err));
}
