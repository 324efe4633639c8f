/* SPDX-License-Identifier: BSD-2-Clause
 *
 * warn.c -- which objects are looked at, how a row's path is walked, and the
 * checks that need only the value they find.
 * Front loop. Recursion is bounded by the brackets of a row. Contract:
 * warn.h. */
#include "core/apiserver/warn.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/api/conform.h"
#include "core/apiserver/meta.h"
#include "lib/quantity/quantity.h"

enum {
	WARN_POD = 1, WARN_NAME = 2, WARN_STATEFULSET = 4, WARN_VOLUME = 8,
	WARN_CLAIM = 16, WARN_SERVICE = 32, WARN_NODE = 64,
	WARN_ENDPOINTS = 128, WARN_SLICE = 256, WARN_INGRESS = 512,
	WARN_CSIDRIVER = 1024, WARN_CLASS = 2048, WARN_RUNTIME = 4096,
	WARN_CAPACITY = 8192, WARN_JOB = 16384, WARN_CRON = 32768,
};

/* Who is looked at when it is made, and when it changes; `grown`: pods below
 * only when the generation grew. */
static const struct {
	const char	*group, *resource, *template;
	uint32_t	 create, update, grown;
} looked[] = {
#define TEMPLATE	"spec.template"
	{ "", "pods", "", WARN_POD | WARN_NAME, 0, 0 },
	{ "", "podtemplates", "template", WARN_POD, 0, WARN_POD },
	{ "", "replicationcontrollers", TEMPLATE, WARN_POD | WARN_NAME, 0,
	    WARN_POD },
	{ "apps", "deployments", TEMPLATE, WARN_POD | WARN_NAME, 0,
	    WARN_POD },
	{ "apps", "replicasets", TEMPLATE, WARN_POD | WARN_NAME, 0,
	    WARN_POD },
	{ "apps", "daemonsets", TEMPLATE, WARN_POD, 0, WARN_POD },
	{ "apps", "statefulsets", TEMPLATE, WARN_POD | WARN_STATEFULSET,
	    WARN_STATEFULSET, WARN_POD },
	{ "batch", "jobs", TEMPLATE, WARN_POD | WARN_NAME | WARN_JOB, 0,
	    WARN_POD | WARN_JOB },
	{ "batch", "cronjobs", "spec.jobTemplate." TEMPLATE,
	    WARN_POD | WARN_NAME | WARN_CRON, 0, WARN_POD | WARN_CRON },
#undef TEMPLATE
#define BOTH(group, resource, who)					\
	{ group, resource, "", who, who, 0 }
	BOTH("", "persistentvolumes", WARN_VOLUME),
	BOTH("", "persistentvolumeclaims", WARN_CLAIM),
	BOTH("", "services", WARN_SERVICE),
	BOTH("", "nodes", WARN_NODE),
	BOTH("", "endpoints", WARN_ENDPOINTS),
	BOTH("discovery.k8s.io", "endpointslices", WARN_SLICE),
	BOTH("storage.k8s.io", "storageclasses", WARN_CLASS),
	BOTH("storage.k8s.io", "csistoragecapacities", WARN_CAPACITY),
	BOTH("node.k8s.io", "runtimeclasses", WARN_RUNTIME),
#undef BOTH
	{ "networking.k8s.io", "ingresses", "", WARN_INGRESS, 0, 0 },
	{ "storage.k8s.io", "csidrivers", "", WARN_CSIDRIVER, 0, 0 },
};

/* Places before p, then p: no deeper than a row has steps. */
static size_t
put_path(const struct warn_place *p, char *to, size_t room)
{
	size_t n = p->up != NULL ? put_path(p->up, to, room) : 0, more;

	if (p->name == NULL)
		more = (size_t)snprintf(to + n, room - n, "[%u]", p->index);
	else
		more = (size_t)snprintf(to + n, room - n, "%s%.*s%s",
		    p->key ? "[" : n > 0 ? "." : "", p->len < WARN_PATH_MAX ?
		    (int)p->len : WARN_PATH_MAX, p->name, p->key ? "]" : "");
	return (more < room - n ? n + more : room - 1);
}

void
warn_path(const struct warn *w, char out[WARN_PATH_MAX])
{
	out[0] = '\0';
	if (w->place != NULL)
		(void)put_path(w->place, out, WARN_PATH_MAX);
}

void
warn_say(struct warn *w, const char *fmt, ...)
{
	char path[WARN_PATH_MAX], text[PIN_ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	warn_path(w, path);
	request_warn(w->r, "%s: %s", path, text);
}

/* ---- checks ---------------------------------------------------------- */

static void
warn_present(struct warn *w, pin_node n)
{
	if (n != 0)
		warn_say(w, "%s", w->text);
}

/* Sources that no release has any more, in a pod's volume or a volume's spec,
 * and their names inside of upstream. */
static void
warn_volume(struct warn *w, pin_node n)
{
	static const char old[] = "deprecated in v1.11, non-functional in "
	    "v1.16+", gone22[] = "deprecated in v1.22, non-functional in "
	    "v1.25+", gone28[] = "deprecated in v1.28, non-functional in "
	    "v1.31+";
	static const struct {
		const char	*member, *name, *text;
		int		 pods;		/* of pods only */
	} sources[] = {
		{ "photonPersistentDisk", NULL, old, 0 },
		{ "gitRepo", NULL, "deprecated in v1.11, and disabled by "
		    "default in v1.33+", 1 },
		{ "scaleIO", NULL, "deprecated in v1.16, non-functional in "
		    "v1.22+", 0 },
		{ "flocker", NULL, gone22, 1 },
		{ "storageos", "storageOS", gone22, 0 },
		{ "quobyte", NULL, gone22, 1 },
		{ "glusterfs", NULL, "deprecated in v1.25, non-functional in "
		    "v1.26+", 0 },
		{ "cephfs", NULL, gone28, 0 },
		{ "rbd", NULL, gone28, 0 },
	};
	const struct warn_place *up = w->place;
	struct warn_place here = { up, NULL, 0, 0, 0 };
	int pv = pin_str_is(w->r->info.resource, "persistentvolumes");
	pin_node m;
	size_t i;

	w->place = &here;
	for (m = pin_obj_first(w->o, n); m != 0; m = pin_obj_next(w->o, m))
		for (i = 0; i < PIN_LEN(sources); i++) {
			if (!pin_str_is(pin_obj_key(w->o, m),
			    sources[i].member) || (pv && sources[i].pods))
				continue;
			here.name = sources[i].name != NULL ?
			    sources[i].name : sources[i].member;
			here.len = (uint32_t)strlen(here.name);
			warn_say(w, "%s", sources[i].text);
		}
	w->place = up;
}

static void
warn_missing(struct warn *w, pin_node n)
{
	if (n == 0)
		warn_say(w, "%s", w->text);
}

/* The text says it all. */
static void
warn_alone(struct warn *w, pin_node n)
{
	if (n != 0)
		request_warn(w->r, "%s", w->text);
}

static void
warn_negative(struct warn *w, pin_node n)
{
	int64_t v;

	if (pin_obj_i64(w->o, n, &v) && v < 0)
		warn_say(w, "%s", w->text);
}

static void
warn_recycle(struct warn *w, pin_node n)
{
	if (pin_str_is(pin_obj_str(w->o, n), "Recycle"))
		warn_say(w, "%s", w->text);
}

static void
warn_fqdn(struct warn *w, pin_node n)
{
	if (w->r->operation == PIN_OP_CREATE &&
	    pin_str_is(pin_obj_str(w->o, n), "FQDN"))
		request_warn(w->r, "spec.addressType: FQDN endpoints are "
		    "deprecated");
}

static void
warn_prefer_close(struct warn *w, pin_node n)
{
	if (pin_str_is(pin_obj_str(w->o, n), "PreferClose"))
		warn_say(w, "\"PreferClose\" is deprecated; use "
		    "\"PreferSameZone\"");
}

static void
warn_tokens(struct warn *w, pin_node n)
{
	pin_node spec = pin_obj_get(w->o, w->root, "spec");

	if (pin_obj_count(w->o, n) > 0 && pin_obj_get(w->o, spec,
	    "serviceAccountTokenInSecrets") == 0)
		request_warn(w->r, "%s", w->text);
}

static void
warn_fraction(struct warn *w, pin_node n)
{
	struct pin_str s = pin_obj_str(w->o, n);
	struct pin_quantity q;

	if (n != 0 && pin_quantity_parse(s, &q, NULL) == PIN_OK &&
	    pin_quantity_milli(&q) % 1000 != 0)
		warn_say(w, "fractional byte value \"" PIN_SFMT "\" is "
		    "invalid, must be an integer", PIN_SARG(s));
}

/* Under the path that upstream says: without the claim's spec, or in another
 * spelling. */
static void
warn_claim_template(struct warn *w, pin_node n)
{
	static const char *const lists[] = { "requests", "limits" };
	const struct warn_place *up = w->place;
	struct warn_place at[4] = { { up, "Spec", 4, 0, 0 },
	    { &at[0], "resources", 9, 0, 0 }, { &at[1], NULL, 0, 0, 0 },
	    { &at[2], "storage", 7, 0, 1 } };
	pin_node res = pin_obj_at(w->o, n, "spec", "resources", NULL);
	size_t i;

	if (w->r->operation == PIN_OP_CREATE)
		at[1].up = up;
	w->place = &at[3];
	for (i = 0; i < PIN_LEN(lists); i++) {
		at[2].name = lists[i];
		at[2].len = (uint32_t)strlen(lists[i]);
		warn_fraction(w, pin_obj_at(w->o, res, lists[i], "storage",
		    NULL));
	}
	w->place = up;
}

/* An earlier item of the list has the same value. */
static void
warn_duplicate(struct warn *w, pin_node n)
{
	struct pin_str s = pin_obj_str(w->o, n);
	pin_node m;
	uint32_t i;

	if (w->at >= WARN_COMPARE_MAX)
		return;
	for (m = w->seen, i = 0; i < w->at; m = pin_obj_next(w->o, m), i++)
		if (pin_str_eq(s, pin_obj_str(w->o, pin_obj_get(w->o, m,
		    w->text)))) {
			warn_say(w, "duplicate %s \"" PIN_SFMT "\"", w->text,
			    PIN_SARG(s));
			return;
		}
}

static void
warn_empty_name(struct warn *w, pin_node n)
{
	if (pin_obj_str(w->o, n).len == 0)
		warn_say(w, "invalid empty name \"\"");
}

static const struct {
	const char	*key, *text;
} old_labels[] = {
	{ "beta.kubernetes.io/arch", "deprecated since v1.14; use "
	    "\"kubernetes.io/arch\" instead" },
	{ "beta.kubernetes.io/os", "deprecated since v1.14; use "
	    "\"kubernetes.io/os\" instead" },
	{ "failure-domain.beta.kubernetes.io/region", "deprecated since "
	    "v1.17; use \"topology.kubernetes.io/region\" instead" },
	{ "failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; "
	    "use \"topology.kubernetes.io/zone\" instead" },
	{ "beta.kubernetes.io/instance-type", "deprecated since v1.17; use "
	    "\"node.kubernetes.io/instance-type\" instead" },
	{ "app.kubernetes.io/created-by", "deprecated since v1.9" },
	{ "scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since "
	    "v1.22; use Taints and Tolerations instead" },
	{ "node-role.kubernetes.io/master", "use "
	    "\"node-role.kubernetes.io/control-plane\" instead" },
};

static const char *
old_label(struct pin_str key)
{
	size_t i;

	for (i = 0; i < PIN_LEN(old_labels); i++)
		if (pin_str_is(key, old_labels[i].key))
			return (old_labels[i].text);
	return (NULL);
}

static void
warn_label_key(struct warn *w, pin_node n)
{
	const char *text = old_label(w->key);

	if (n != 0 && text != NULL)
		warn_say(w, "%s", text);
}

static void
warn_label_value(struct warn *w, pin_node n)
{
	struct pin_str s = pin_obj_str(w->o, n);
	const char *text = old_label(s);

	if (text != NULL)
		warn_say(w, PIN_SFMT " is %s", PIN_SARG(s), text);
}

static void
warn_label_member(struct warn *w, pin_node n)
{
	const char *text = old_label(pin_obj_str(w->o, n));

	if (text != NULL)
		warn_say(w, "%s", text);
}

static void
warn_label_map(struct warn *w, pin_node n)
{
	const char *text;
	pin_node m;

	for (m = pin_obj_first(w->o, n); m != 0; m = pin_obj_next(w->o, m)) {
		text = old_label(pin_obj_key(w->o, m));
		if (text != NULL)
			warn_say(w, "%s", text);
	}
}

/* The name is made into pods' names: a label is recommended. */
static void
warn_label_name(struct warn *w, pin_node n)
{
	struct pin_causes *causes = pin_causes_new(w->r->arena);
	const struct pin_cause *c;
	struct pin_out o;
	const char *text;
	uint32_t i;

	if (causes == NULL || pin_cause_format(causes, "dns1123-label",
	    "", pin_obj_str(w->o, n), "\t") == 0)
		return;
	pin_out_init(&o, w->r->arena, PIN_ERR_TEXT_MAX);
	for (i = 0; (c = pin_causes_at(causes, i)) != NULL; i++) {
		text = memchr(c->message.p, '\t', c->message.len);
		if (text == NULL)
			continue;
		pin_out_cstr(&o, i > 0 ? " " : "");
		pin_out_put(&o, text + 1, (size_t)(c->message.p +
		    c->message.len - text - 1));
	}
	warn_say(w, "this is used in %s, which can result in surprising "
	    "behavior; a DNS label is recommended: [" PIN_SFMT "]",
	    pin_str_is(w->r->info.resource, "pods") ? "the Pod's hostname" :
	    "Pod names and hostnames", PIN_SARG(((struct pin_str){ o.p,
	    o.len })));
}

/* ---- rows ------------------------------------------------------------- */

static const struct warn_row {
	uint32_t	 who, pad;
	const char	*path;
	warn_check_fn	*check;
	const char	*text;
} rows[] = {
#define W(who, path, check, text)					\
	{ WARN_##who, 0, path, warn_##check, text },
#include "core/apiserver/warn.def"
#undef W
};

#define STEPS_MAX	8	/* members of a row's path between brackets */

/* strcspn(p, ".[{"), which makes a table first. */
static inline size_t
member_len(const char *p)
{
	size_t n = 0;

	while (p[n] != '\0' && p[n] != '.' && p[n] != '[' && p[n] != '{')
		n++;
	return (n);
}

static void visit(struct warn *, const struct warn_row *, pin_node,
    const char *, const struct warn_place *);

/* [] and {}: each of them. */
static void
visit_all(struct warn *w, const struct warn_row *row, pin_node n,
    const char *p, const struct warn_place *up)
{
	struct warn_place here = { up, NULL, 0, 0, 0 };
	int list = *p == '[';
	uint32_t i = 0;
	pin_node m;

	if (pin_obj_type(w->o, n) != (list ? PIN_ARRAY : PIN_OBJECT))
		return;
	for (m = pin_obj_first(w->o, n); m != 0; m = pin_obj_next(w->o, m),
	    i++) {
		if (i == 0)
			w->seen = m;
		w->at = here.index = i;
		if (!list) {
			w->key = pin_obj_key(w->o, m);
			here.name = w->key.p;
			here.len = (uint32_t)w->key.len;
			here.key = 1;
		}
		visit(w, row, m, p + 2, &here);
	}
}

static void
visit(struct warn *w, const struct warn_row *row, pin_node n, const char *p,
    const struct warn_place *up)
{
	struct warn_place steps[STEPS_MAX];
	uint32_t i;
	size_t len;

	for (i = 0; *p != '\0'; p += len, i++) {
		if ((*p == '[' || *p == '{') && p[1] == *p + 2) {
			visit_all(w, row, n, p, up);
			return;
		}
		PIN_ASSERT(i < STEPS_MAX);
		steps[i] = (struct warn_place){ up, p, 0, 0, *p == '{' };
		steps[i].name += *p == '.' || *p == '{';
		p = steps[i].name;
		len = steps[i].key ? strcspn(p, "}") : member_len(p);
		steps[i].len = (uint32_t)len;
		up = &steps[i];
		n = pin_obj_getn(w->o, n, p, len);
		len += (size_t)steps[i].key;
		if (pin_obj_type(w->o, n) == PIN_NULL)
			n = 0;
		if (n == 0 && p[len] != '\0')
			return;
	}
	w->place = up;
	row->check(w, n);
}

/* The first two steps of a path, which rows that follow each other share. */
struct stem {
	struct warn_place	 one, two;
	const char		*path;		/* of its first row */
	size_t			 len;
	pin_node		 root, n;	/* where it leads; 0: nowhere */
};

/* The length of two steps; 0 when p has less or another form. */
static size_t
stem_len(const char *p)
{
	size_t len = member_len(p);

	if (p[len] != '.')
		return (0);
	len++;
	return (len + member_len(p + len));
}

static void
stem_set(struct stem *s, const struct warn *w, const char *p, size_t len,
    const struct warn_place *up)
{
	size_t first = member_len(p);

	if (s->path != NULL && s->root == w->root && s->len == len &&
	    memcmp(s->path, p, len) == 0)
		return;
	s->path = p;
	s->len = len;
	s->root = w->root;
	s->one = (struct warn_place){ up, p, (uint32_t)first, 0, 0 };
	s->two = (struct warn_place){ &s->one, p + first + 1,
	    (uint32_t)(len - first - 1), 0, 0 };
	s->n = pin_obj_getn(w->o, pin_obj_getn(w->o, w->root, p, first),
	    s->two.name, s->two.len);
	if (pin_obj_type(w->o, s->n) == PIN_NULL)
		s->n = 0;
}

/* below: where the pod template is. */
static void
run(struct warn *w, uint32_t who, const char *below)
{
	const struct warn_place in_pod = { NULL, below,
	    (uint32_t)strlen(below), 0, 0 }, *up;
	const pin_node top = pin_obj_root(w->o);
	struct stem stem = { .path = NULL };
	pin_node pod = top;
	const char *p = below;
	size_t i, len;

	for (; *p != '\0'; p += len + (p[len] == '.')) {
		len = member_len(p);
		pod = pin_obj_getn(w->o, pod, p, len);
	}
	for (i = 0; i < PIN_LEN(rows); i++) {
		if ((rows[i].who & who) == 0)
			continue;
		up = rows[i].who == WARN_POD && *below != '\0' ? &in_pod :
		    NULL;
		w->text = rows[i].text;
		w->root = rows[i].who == WARN_POD ? pod : top;
		len = stem_len(rows[i].path);
		if (len == 0) {
			visit(w, &rows[i], w->root, rows[i].path, up);
			continue;
		}
		stem_set(&stem, w, rows[i].path, len, up);
		if (stem.n != 0 || rows[i].path[len] == '\0')
			visit(w, &rows[i], stem.n, rows[i].path + len,
			    &stem.two);
	}
}

/* Has the write changed what the kind counts? */
static int
grew(const struct request *r)
{
	int64_t now = 0, was = 0;

	(void)pin_obj_i64(r->obj, pin_obj_get(r->obj, meta_node(r->obj),
	    "generation"), &now);
	(void)pin_obj_i64(r->old, pin_obj_get(r->old, meta_node(r->old),
	    "generation"), &was);
	return (now != was);
}

void
warn_object(struct request *r)
{
	struct warn w;
	uint32_t who;
	size_t i;

	if (r->info.subresource.len > 0)
		return;
	for (i = 0; i < PIN_LEN(looked); i++)
		if (pin_str_is(r->info.resource, looked[i].resource) &&
		    pin_str_is(r->info.group, looked[i].group))
			break;
	if (i == PIN_LEN(looked))
		return;
	who = looked[i].create;
	if (r->operation == PIN_OP_UPDATE)
		who = looked[i].update | (grew(r) ? looked[i].grown : 0);
	if (who == 0)
		return;
	memset(&w, 0, sizeof(w));
	w.r = r;
	w.o = r->obj;
	run(&w, who, looked[i].template);
}
