/* SPDX-License-Identifier: BSD-2-Clause
 *
 * prepare.c -- what happens to objects of single kinds before they are
 * stored: a function for each PIN_PREPARE name, which resources' rows list.
 * Front loop. Contract: core/api/rules.def says what each does. */
#include "core/apiserver/strategy.h"

#include <stdio.h>
#include <string.h>

#include "core/apiserver/meta.h"

static pin_node
ensure(struct pin_obj *o, pin_node parent, const char *key)
{
	pin_node n = pin_obj_get(o, parent, key);

	return (pin_obj_type(o, n) == PIN_OBJECT ? n :
	    pin_obj_set_new(o, parent, key, PIN_OBJECT));
}

/* ---- Job --------------------------------------------------------------- */

#define UID_LABEL	"batch.kubernetes.io/controller-uid"
#define NAME_LABEL	"batch.kubernetes.io/job-name"

static int
job_create(struct request *r)
{
	struct pin_str uid = meta_str(r->obj, "uid"),
	    name = meta_str(r->obj, "name");
	const struct {
		const char	*key;
		struct pin_str	 value;
	} labels[] = { { UID_LABEL, uid }, { NAME_LABEL, name },
	    { "controller-uid", uid }, { "job-name", name } };
	struct pin_obj *o = r->obj;
	pin_node spec = ensure(o, pin_obj_root(o), "spec"), n, map;
	size_t i;

	if (pin_obj_true(o, pin_obj_get(o, spec, "manualSelector")))
		return (PIN_OK);
	n = ensure(o, ensure(o, ensure(o, spec, "template"), "metadata"),
	    "labels");
	for (i = 0; i < PIN_LEN(labels); i++)
		pin_obj_set_str(o, n, labels[i].key, labels[i].value);
	map = ensure(o, ensure(o, spec, "selector"), "matchLabels");
	pin_obj_set_str(o, map, UID_LABEL, uid);
	if (pin_obj_count(o, pin_obj_get(o, meta_node(o), "labels")) == 0)
		pin_obj_set_node(o, meta_node(o), PIN_STR("labels"), o, n);
	return (PIN_OK);
}

/* ---- CertificateSigningRequest ----------------------------------------- */

static void
put_extra(struct pin_obj *o, pin_node spec, const struct pin_user *u)
{
	pin_node map, list = 0;
	uint32_t i;

	map = pin_obj_set_new(o, spec, "extra", PIN_OBJECT);
	for (i = 0; i < u->nextra; i++) {
		char key[512];

		if (u->extra[i].key.len >= sizeof(key))
			continue;
		memcpy(key, u->extra[i].key.p, u->extra[i].key.len);
		key[u->extra[i].key.len] = '\0';
		list = pin_obj_get(o, map, key);
		if (list == 0)
			list = pin_obj_set_new(o, map, key, PIN_ARRAY);
		pin_obj_add_str(o, list, u->extra[i].value);
	}
}

/* Who asks is who is asked for, whatever was sent. */
static int
csr_create(struct request *r)
{
	static const char *const forged[] = { "username", "uid", "groups",
	    "extra" };
	struct pin_obj *o = r->obj;
	pin_node spec = ensure(o, pin_obj_root(o), "spec"), list;
	uint32_t i;
	size_t k;

	for (k = 0; k < PIN_LEN(forged); k++)
		pin_obj_unset(o, spec, forged[k]);
	pin_obj_set_str(o, spec, "username", r->user.name);
	if (r->user.uid.len > 0)
		pin_obj_set_str(o, spec, "uid", r->user.uid);
	if (r->user.ngroups > 0) {
		list = pin_obj_set_new(o, spec, "groups", PIN_ARRAY);
		for (i = 0; i < r->user.ngroups; i++)
			pin_obj_add_str(o, list, r->user.groups[i]);
	}
	if (r->user.nextra > 0)
		put_extra(o, spec, &r->user);
	return (PIN_OK);
}

static int
keep_spec(struct request *r)
{
	pin_node old = pin_obj_get(r->old, pin_obj_root(r->old), "spec");

	if (old != 0)
		pin_obj_set_node(r->obj, pin_obj_root(r->obj),
		    PIN_STR("spec"), r->old, old);
	return (PIN_OK);
}

/* ---- PersistentVolumeClaim, PersistentVolume --------------------------- */

static int
is_claim_source(const struct pin_obj *o, pin_node ref)
{
	struct pin_str kind = pin_obj_str(o, pin_obj_get(o, ref, "kind")),
	    group = pin_obj_str(o, pin_obj_get(o, ref, "apiGroup"));

	return ((pin_str_is(kind, "PersistentVolumeClaim") &&
	    group.len == 0) || (pin_str_is(kind, "VolumeSnapshot") &&
	    pin_str_is(group, "snapshot.storage.k8s.io")));
}

/* Of the two names of a source, the unset one is the other's copy. What the
 * old name could never say is dropped from it, as it always was. */
static int
claim_create(struct request *r)
{
	struct pin_obj *o = r->obj;
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec"),
	    src = pin_obj_get(o, spec, "dataSource"),
	    ref = pin_obj_get(o, spec, "dataSourceRef");

	if (src != 0 && ref == 0 && !is_claim_source(o, src)) {
		pin_obj_unset(o, spec, "dataSource");
		src = 0;
	}
	if (src != 0 && ref == 0)
		pin_obj_set_node(o, spec, PIN_STR("dataSourceRef"), o, src);
	else if (ref != 0 && src == 0 && pin_obj_str(o, pin_obj_get(o, ref,
	    "namespace")).len == 0)
		pin_obj_set_node(o, spec, PIN_STR("dataSource"), o, ref);
	return (PIN_OK);
}

static int
volume_create(struct request *r)
{
	pin_node status = ensure(r->obj, pin_obj_root(r->obj), "status");
	char now[40];

	meta_now(r, 0, now);
	pin_obj_set_str(r->obj, status, "phase", PIN_STR("Pending"));
	pin_obj_set_str(r->obj, status, "lastPhaseTransitionTime",
	    pin_str(now));
	return (PIN_OK);
}

/* ---- DaemonSet --------------------------------------------------------- */

#define GENERATION	"deprecated.daemonset.template.generation"

static void
put_generation(struct pin_obj *o, int64_t n)
{
	pin_node notes = ensure(o, meta_node(o), "annotations");
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	pin_obj_set_str(o, notes, GENERATION, pin_str(text));
}

static int
daemonset_create(struct request *r)
{
	put_generation(r->obj, 1);
	return (PIN_OK);
}

static int
daemonset_update(struct request *r)
{
	pin_node now = pin_obj_at(r->obj, pin_obj_root(r->obj), "spec",
	    "template", NULL), was = pin_obj_at(r->old, pin_obj_root(r->old),
	    "spec", "template", NULL);
	struct pin_str s = pin_obj_str(r->old, pin_obj_at(r->old,
	    pin_obj_root(r->old), "metadata", "annotations", GENERATION,
	    NULL));
	int64_t n = 0;
	size_t i;

	for (i = 0; i < s.len && i < 18 && s.p[i] >= '0' && s.p[i] <= '9';
	    i++)
		n = n * 10 + (s.p[i] - '0');
	put_generation(r->obj, n + !pin_obj_equal(r->obj, now, r->old, was));
	return (PIN_OK);
}

/* ---- the table --------------------------------------------------------- */

/* early: before the fields are managed; the others after admission, when the
 * object has its name and uid. */
static const struct prepare {
	int	(*early_create)(struct request *);
	int	(*early_update)(struct request *);
	int	(*create)(struct request *);
	int	(*update)(struct request *);
} prepares[PIN_PREPARE__COUNT] = {
	[PIN_PREPARE_POD] = { .create = pod_create, .update = pod_update },
	[PIN_PREPARE_JOB] = { .create = job_create },
	[PIN_PREPARE_CSR] = { .create = csr_create, .update = keep_spec },
	[PIN_PREPARE_NAMESPACE] = { .create = namespace_create,
	    .update = namespace_update },
	[PIN_PREPARE_CLAIM_SOURCE] = { .create = claim_create,
	    .update = claim_create },
	[PIN_PREPARE_VOLUME_STATUS] = { .create = volume_create },
	[PIN_PREPARE_DAEMONSET] = { .early_create = daemonset_create,
	    .early_update = daemonset_update },
};

int
prepare_run(struct request *r, int early)
{
	const struct pin_schema *sc = r->srv->schema;
	int (*fn)(struct request *);
	const struct prepare *p;
	uint32_t i, id;
	int rc;

	for (i = 0; i < pin_schema_nwords(sc, r->res->prepares); i++) {
		id = pin_schema_word(sc, r->res->prepares, i);
		PIN_ASSERT(id < PIN_PREPARE__COUNT);
		p = &prepares[id];
		if (r->operation == PIN_OP_CREATE)
			fn = early ? p->early_create : p->create;
		else
			fn = early ? p->early_update : p->update;
		rc = fn != NULL ? fn(r) : PIN_OK;
		if (rc != PIN_OK)
			return (rc);
	}
	return (PIN_OK);
}
