/* SPDX-License-Identifier: BSD-2-Clause
 *
 * rbac -- the auth plugin rbac: what the built-in roles allow, with the
 * reasons the reference server gives; roles and bindings that come, change
 * and go; what a decision costs.
 * Uses tests/lib/authenv. Contract: plugins/auth/rbac. */
#include "authenv.h"
#include "core/host/real.h"
#include "tap.h"

#define GROUP		"rbac.authorization.k8s.io"
#define ASKS		200000
#define COST_MAX_NS	20000		/* 10 times what is wanted: slow
					 * machines and sanitizers */

static struct ae rbac;
static struct ae_answer a;

/* ---- the built-in roles --------------------------------------------- */

static const struct {
	const char	*resource, *ns, *name, *labels, *members;
} rows[] = {
#define X(kind, ns, name, labels, members)				\
	{ #kind, ns, name, labels, members },
#include "core/apiserver/bootstrap_rbac.def"
#undef X
};

static void
put_json(const char *resource, const char *ns, const char *name,
    const char *labels, const char *members)
{
	static char json[128u << 10];
	char *p;

	if (snprintf(json, sizeof(json), "{'metadata':{'name':'%s',"
	    "'labels':{%s}},%s}", name, labels, members) >=
	    (int)sizeof(json))
		BAIL("%s is too large", name);
	for (p = json; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	ae_put(GROUP, resource, ns, name, json);
}

static void
put_builtin(void)
{
	size_t i;

	for (i = 0; i < PIN_LEN(rows); i++)
		put_json(rows[i].resource, rows[i].ns, rows[i].name,
		    rows[i].labels, rows[i].members);
}

static void
del(const char *resource, const char *ns, const char *name)
{
	ae_put(GROUP, resource, ns, name, NULL);
}

static int
may(const char *user, const char *what)
{
	ae_may(&rbac, 0, user, what, &a);
	return (a.verdict == PIN_AUTHZ_ALLOW);
}

#define SA	"system:serviceaccount:kube-system:"
#define BY(b, r, s)	"RBAC: allowed by ClusterRoleBinding \"" b "\" of "  \
	"ClusterRole \"" r "\" to " s
#define SELF(n)	BY(n, n, "User \"" n "\"")
#define CTL(n)	BY("system:controller:" n, "system:controller:" n,	     \
	"ServiceAccount \"" n "/kube-system\"")

/* As the reference answers; NULL: no. */
static const struct {
	const char	*user, *what, *reason;
} golden[] = {
	{ "bob,g", "create -/pods/exec", NULL },
	{ "system:kube-scheduler", "create -/pods/binding",
	    SELF("system:kube-scheduler") },
	{ "system:kube-scheduler", "get -/pods/status", NULL },
	{ "system:kube-scheduler", "delete -/nodes", NULL },
	{ "system:kube-scheduler", "get coordination.k8s.io/leases "
	    "kube-system kube-scheduler", SELF("system:kube-scheduler") },
	{ "system:kube-scheduler", "get coordination.k8s.io/leases "
	    "kube-system other", "RBAC: allowed by RoleBinding "
	    "\"system::leader-locking-kube-scheduler/kube-system\" of Role "
	    "\"system::leader-locking-kube-scheduler\" to User "
	    "\"system:kube-scheduler\"" },
	{ "system:kube-scheduler", "get coordination.k8s.io/leases "
	    "default other", NULL },
	{ "system:kube-controller-manager", "create -/serviceaccounts/token",
	    SELF("system:kube-controller-manager") },
	{ SA "job-controller", "create -/pods z", CTL("job-controller") },
	{ SA "job-controller", "update batch/jobs/status",
	    CTL("job-controller") },
	{ SA "namespace-controller", "deletecollection x.y/jobs",
	    CTL("namespace-controller") },
	{ SA "horizontal-pod-autoscaler", "update any.group/foo/scale",
	    CTL("horizontal-pod-autoscaler") },
	{ SA "horizontal-pod-autoscaler", "update any.group/foo/status",
	    NULL },
	{ SA "bootstrap-signer", "get -/secrets kube-system", "RBAC: allowed "
	    "by RoleBinding \"system:controller:bootstrap-signer/kube-system\""
	    " of Role \"system:controller:bootstrap-signer\" to "
	    "ServiceAccount \"bootstrap-signer/kube-system\"" },
	{ SA "bootstrap-signer", "get -/secrets default", NULL },
	{ "a,system:monitoring", "get /metrics/slis", BY("system:monitoring",
	    "system:monitoring", "Group \"system:monitoring\"") },
	{ "a,system:monitoring", "get /secret", NULL },
	{ "a,system:authenticated", "create authorization.k8s.io/"
	    "selfsubjectaccessreviews", BY("system:basic-user",
	    "system:basic-user", "Group \"system:authenticated\"") },
	{ "a,system:authenticated", "get /apis/foo", BY("system:discovery",
	    "system:discovery", "Group \"system:authenticated\"") },
	{ "a,system:authenticated", "post /apis/foo", NULL },
	{ "system:anonymous,system:unauthenticated", "get /healthz",
	    BY("system:public-info-viewer", "system:public-info-viewer",
	    "Group \"system:unauthenticated\"") },
	{ "root,system:masters", "any any/thing/at all here",
	    BY("cluster-admin", "cluster-admin", "Group \"system:masters\"") },
};

static void
test_builtin(void)
{
	size_t i;

	for (i = 0; i < PIN_LEN(golden); i++)
		CASE("%s: %s: %s", golden[i].user, golden[i].what,
		    golden[i].reason != NULL ? "yes" : "no") {
			CHECK_INT(may(golden[i].user, golden[i].what),
			    golden[i].reason != NULL);
			CHECK_STR(a.text, golden[i].reason != NULL ?
			    golden[i].reason : "");
		}
	CASE("the rules of a user are told") {
		ae_rules(&rbac, 1, "x,system:authenticated", "default", &a);
		CHECK_INT(a.verdict, PIN_OK);
		CHECK(strstr(a.text, "create groups authorization.k8s.io "
		    "resources selfsubjectaccessreviews,"
		    "selfsubjectrulesreviews\n") != NULL);
		CHECK(strstr(a.text, "get paths /healthz,/livez,/readyz,"
		    "/version,/version/\n") != NULL);
		CHECK(strstr(a.text, "*") != NULL);	/* /api/ and star */
	}
}

/* ---- rules ---------------------------------------------------------- */

#define USER(n)	"'subjects':[{'kind':'User','apiGroup':'" GROUP "'," \
	"'name':'" n "'}]"
#define REF(k, n)	"'roleRef':{'kind':'" k "','name':'" n "'}"

static void
bind_user(const char *binding, const char *role)
{
	char text[512];

	snprintf(text, sizeof(text), REF("ClusterRole", "%s") ","
	    USER("u"), role);
	put_json("clusterrolebindings", "", binding, "", text);
}

static const struct {
	const char	*rule;
	const char	*what;
	int		 yes;
} matches[] = {
	{ "'verbs':['*'],'apiGroups':['*'],'resources':['*']",
	    "x y/z/w ns n", 1 },
	{ "'verbs':['*'],'apiGroups':['*'],'resources':['*']", "get /x", 0 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['pods']",
	    "get -/pods", 1 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['pods']",
	    "list -/pods", 0 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['pods']",
	    "get apps/pods", 0 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['pods']",
	    "get -/pods/log", 0 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['*/log']",
	    "get -/pods/log", 1 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['*/log']",
	    "get -/pods", 0 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['*/log']",
	    "get -/pods/xlog", 0 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['pods/*']",
	    "get -/pods/log", 0 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['pods'],"
	    "'resourceNames':['a']", "get -/pods - a", 1 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['pods'],"
	    "'resourceNames':['a']", "get -/pods", 0 },
	{ "'verbs':['get'],'apiGroups':[''],'resources':['pods'],"
	    "'resourceNames':['*']", "get -/pods - a", 0 },
	{ "'verbs':['get'],'nonResourceURLs':['/a','/b/*','/c*']",
	    "get /a", 1 },
	{ "'verbs':['get'],'nonResourceURLs':['/a','/b/*','/c*']",
	    "get /a/b", 0 },
	{ "'verbs':['get'],'nonResourceURLs':['/a','/b/*','/c*']",
	    "get /b/x/y", 1 },
	{ "'verbs':['get'],'nonResourceURLs':['/a','/b/*','/c*']",
	    "get /b", 0 },
	{ "'verbs':['get'],'nonResourceURLs':['/a','/b/*','/c*']",
	    "get /cd", 1 },
	{ "'verbs':['get'],'nonResourceURLs':['*']", "get /any", 1 },
	{ "'verbs':['get'],'nonResourceURLs':['*']", "get -/pods", 0 },
	{ "'verbs':[],'apiGroups':['*'],'resources':['*']", "get -/pods", 0 },
};

static void
test_matches(void)
{
	char rules[512];
	size_t i;

	bind_user("m", "m");
	for (i = 0; i < PIN_LEN(matches); i++) {
		snprintf(rules, sizeof(rules), "'rules':[{%s}]",
		    matches[i].rule);
		put_json("clusterroles", "", "m", "", rules);
		OK(may("u", matches[i].what) == matches[i].yes,
		    "{%s}: %s: %s", matches[i].rule, matches[i].what,
		    matches[i].yes ? "yes" : "no");
	}
	del("clusterroles", "", "m");
	del("clusterrolebindings", "", "m");
}

/* ---- what comes and goes -------------------------------------------- */

static void
test_missing(void)
{
	CASE("a role that is not there is named, each once") {
		bind_user("lost", "nope");
		bind_user("lost2", "nope");
		put_json("rolebindings", "ns", "lost3", "",
		    REF("Role", "gone") "," USER("u"));
		CHECK(!may("u", "get -/pods"));
		CHECK_STR(a.text, "RBAC: clusterrole." GROUP " \"nope\" not "
		    "found");
		CHECK(!may("u", "get -/pods ns"));
		CHECK_STR(a.text, "RBAC: [clusterrole." GROUP " \"nope\" not "
		    "found, role." GROUP " \"gone\" not found]");
		ae_rules(&rbac, 0, "u", "ns", &a);
		CHECK_INT(a.verdict, PIN_ENOTFOUND);
	}
	CASE("a role that comes later is found, one that goes is lost") {
		put_json("clusterroles", "", "nope", "", "'rules':[{'verbs':["
		    "'get'],'apiGroups':[''],'resources':['pods']}]");
		CHECK(may("u", "get -/pods"));
		put_json("clusterroles", "", "nope", "", "'rules':null");
		CHECK(!may("u", "get -/pods"));
		CHECK_STR(a.text, "");
		del("clusterroles", "", "nope");
		del("clusterrolebindings", "", "lost");
		del("clusterrolebindings", "", "lost2");
		del("rolebindings", "ns", "lost3");
		CHECK(!may("u", "get -/pods"));
		CHECK_STR(a.text, "");
	}
}

static void
test_scopes(void)
{
	CASE("a role binding counts in its namespace only") {
		put_json("rolebindings", "ns", "b", "", REF("ClusterRole",
		    "system:kube-scheduler") "," USER("u"));
		CHECK(may("u", "create -/pods/binding ns"));
		CHECK(!may("u", "create -/pods/binding ns2"));
		CHECK(!may("u", "create -/pods/binding"));
	}
	CASE("its subjects follow the binding, accounts default to its own "
	    "namespace") {
		put_json("rolebindings", "ns", "b", "", REF("ClusterRole",
		    "system:kube-scheduler") ",'subjects':[{'kind':'Group',"
		    "'name':'g'},{'kind':'ServiceAccount','name':'sa'},{"
		    "'kind':'ServiceAccount','name':'sb','namespace':'o'},{"
		    "'kind':'Robot','name':'u'}]");
		CHECK(!may("u", "create -/pods/binding ns"));
		CHECK(may("x,y,g", "create -/pods/binding ns"));
		CHECK(may("system:serviceaccount:ns:sa",
		    "create -/pods/binding ns"));
		CHECK_STR(a.text, "RBAC: allowed by RoleBinding \"b/ns\" of "
		    "ClusterRole \"system:kube-scheduler\" to ServiceAccount "
		    "\"sa/ns\"");
		CHECK(!may("system:serviceaccount:ns:sb",
		    "create -/pods/binding ns"));
		CHECK(may("system:serviceaccount:o:sb",
		    "create -/pods/binding ns"));
	}
	CASE("the first subject that applies is the one that is named") {
		put_json("rolebindings", "ns", "b", "", REF("ClusterRole",
		    "system:kube-scheduler") ",'subjects':[{'kind':'Group',"
		    "'name':'g2'},{'kind':'Group','name':'g1'},{'kind':"
		    "'User','name':'u'}]");
		CHECK(may("u,g1,g2", "create -/pods/binding ns"));
		CHECK(strstr(a.text, "to Group \"g2\"") != NULL);
		del("rolebindings", "ns", "b");
		CHECK(!may("u,g1,g2", "create -/pods/binding ns"));
	}
}

static void
test_aggregation(void)
{
	CASE("view, edit and admin gather what is labelled for them") {
		put_json("rolebindings", "ns", "v", "", REF("ClusterRole",
		    "admin") "," USER("u"));
		CHECK(may("u", "list -/configmaps ns"));
		CHECK(!may("u", "list w.io/widgets ns"));
		put_json("clusterroles", "", "w", "'" GROUP
		    "/aggregate-to-view':'true'", "'rules':[{'verbs':['list'],"
		    "'apiGroups':['w.io'],'resources':['widgets']}]");
		CHECK(may("u", "list w.io/widgets ns"));
		CHECK_STR(a.text, "RBAC: allowed by RoleBinding \"v/ns\" of "
		    "ClusterRole \"admin\" to User \"u\"");
		put_json("clusterroles", "", "w", "'" GROUP
		    "/aggregate-to-view':'no'", "'rules':[{'verbs':['list'],"
		    "'apiGroups':['w.io'],'resources':['widgets']}]");
		CHECK(!may("u", "list w.io/widgets ns"));
	}
	CASE("roles that gather each other do no harm") {
		put_json("clusterroles", "", "x", "'k':'1'",
		    "'aggregationRule':{'clusterRoleSelectors':[{"
		    "'matchLabels':{'k':'1'}}]},'rules':[]");
		put_json("clusterroles", "", "y", "'k':'1'",
		    "'aggregationRule':{'clusterRoleSelectors':[{"
		    "'matchExpressions':[{'key':'k','operator':'Exists'}]}]},"
		    "'rules':[{'verbs':['a'],'apiGroups':['b'],'resources':["
		    "'c']}]");
		bind_user("x", "x");
		CHECK(may("u", "a b/c"));
		del("clusterroles", "", "y");
		CHECK(!may("u", "a b/c"));
		del("clusterroles", "", "x");
		del("clusterroles", "", "w");
		del("clusterrolebindings", "", "x");
		del("rolebindings", "ns", "v");
	}
}

/* ---- cost ----------------------------------------------------------- */

struct cost {
	const char	*user, *what;
	uint64_t	 ns[AE_LOOPS];
	int		 wrong[AE_LOOPS];
};

static void
cost_run(void *arg, int loop)
{
	struct cost *c = arg;
	char copy[512], copy2[512];
	struct pin_str groups[16];
	struct pin_attributes at;
	struct pin_user u;
	uint64_t t;
	int i, bad = 0;

	ae_user(c->user, &u, groups, copy, sizeof(copy));
	ae_attributes(c->what, &at, copy2, sizeof(copy2));
	t = pin_host_now(pin_host_real());
	for (i = 0; i < ASKS / AE_LOOPS; i++)
		bad += ae_may_here(&rbac, loop, &u, &at, NULL) !=
		    PIN_AUTHZ_ALLOW;
	c->ns[loop] = pin_host_now(pin_host_real()) - t;
	c->wrong[loop] = bad;
}

static void
test_cost(void)
{
	static const char *const asks[][2] = {
		{ SA "job-controller,system:serviceaccounts,"
		    "system:serviceaccounts:kube-system,system:authenticated",
		    "create -/pods default" },
		{ "system:kube-controller-manager,system:authenticated",
		    "update coordination.k8s.io/leases kube-system "
		    "kube-controller-manager" },
	};
	struct cost c;
	uint64_t all;
	size_t i;

	for (i = 0; i < PIN_LEN(asks); i++) {
		c = (struct cost){ asks[i][0], asks[i][1], { 0 }, { 0 } };
		ae_all(cost_run, &c);
		all = c.ns[0];
		OK(c.wrong[0] + c.wrong[1] + c.wrong[2] + c.wrong[3] == 0,
		    "%s: the same on %d threads at once", asks[i][1],
		    AE_LOOPS);
		ae_one(cost_run, &c);
		OK(c.ns[0] / (ASKS / AE_LOOPS) < COST_MAX_NS, "%s decides in "
		    "no more than %d us", asks[i][1], COST_MAX_NS / 1000);
		tap_diag("%llu ns a decision, call and note included; %llu "
		    "with %d threads", (unsigned long long)(c.ns[0] / (ASKS /
		    AE_LOOPS)), (unsigned long long)(all / (ASKS / AE_LOOPS)),
		    AE_LOOPS);
	}
}

int
main(void)
{
	struct pin_err err = PIN_ERR_INIT;

	ae_init();
	put_builtin();
	if (ae_open(&rbac, "rbac", NULL, NULL, &err) != PIN_OK)
		BAIL("rbac: %s", err.text);
	test_builtin();
	test_matches();
	test_missing();
	test_scopes();
	test_aggregation();
	test_cost();
	ae_close(&rbac);
	OK(ae_views() == 0, "every view is closed");
	ae_fini();
	return (tap_done());
}
