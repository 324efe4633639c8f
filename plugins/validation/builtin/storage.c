/* SPDX-License-Identifier: BSD-2-Clause
 *
 * storage.c -- claims, volumes, classes, attachments, CSI nodes and drivers.
 * Front threads. Contract: upstream's core and storage validation. */
#include "plugins/validation/builtin/builtin.h"

#include <ctype.h>
#include <string.h>

static pin_node
spec_of(const struct v *v)
{
	return (v_get(v, pin_obj_root(v->o), "spec"));
}

static pin_node
old_spec(const struct v *v)
{
	return (pin_obj_get(v->old, pin_obj_root(v->old), "spec"));
}

/* ---- PersistentVolumeClaim --------------------------------------------- */

static void
modes(struct v *v, pin_node spec)
{
	int alone = 0, others = 0;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, spec, "accessModes"), n, i) {
		alone |= pin_str_is(pin_obj_str(v->o, n), "ReadWriteOncePod");
		others |= v_word(pin_obj_str(v->o, n), "ReadWriteOnce "
		    "ReadOnlyMany ReadWriteMany");
	}
	if (alone && others)
		v_forbidden(v, "accessModes", "may not use ReadWriteOncePod "
		    "with other access modes");
}

static void
storage_request(struct v *v, pin_node spec)
{
	pin_node n = pin_obj_at(v->o, spec, "resources", "requests",
	    "storage", NULL);
	struct pin_str s = pin_obj_str(v->o, n);
	size_t back = v_in(v, "resources");

	(void)v_key(v, PIN_STR("storage"));
	if (n == 0)
		v_required(v, NULL, NULL);
	else if (quantity_sign(s) <= 0)
		v_bad_str(v, NULL, s, "must be greater than zero");
	v_out(v, back);
}

static void
data_source(struct v *v, pin_node spec, const char *member)
{
	static const char *const must[] = { "name", "kind" };
	pin_node ref = v_get(v, spec, member);
	struct pin_str group = v_str(v, ref, "apiGroup"),
	    kind = v_str(v, ref, "kind"), ns = v_str(v, ref, "namespace");
	size_t back, i;

	if (!v_has(v, spec, member))
		return;
	back = v_in(v, member);
	for (i = 0; i < PIN_LEN(must); i++)
		if (v_str(v, ref, must[i]).len == 0)
			v_required(v, must[i], NULL);
	if (group.len == 0 && !pin_str_is(kind, "PersistentVolumeClaim"))
		v_bad_str(v, NULL, kind, "must be 'PersistentVolumeClaim' when"
		    " referencing the default apiGroup");
	if (group.len > 0)
		v_format(v, "apiGroup", group, "dns1123-subdomain");
	if (ns.len > 0)
		v_format(v, "namespace", ns, "dns1123-label");
	v_out(v, back);
}

static void
both_sources(struct v *v, pin_node spec)
{
	static const char *const same[] = { "apiGroup", "kind", "name" };
	pin_node a = v_get(v, spec, "dataSource"),
	    b = v_get(v, spec, "dataSourceRef");
	int equal = 1;
	size_t i;

	if (!v_has(v, spec, "dataSource") || !v_has(v, spec, "dataSourceRef"))
		return;
	if (v_str(v, b, "namespace").len > 0) {
		v_bad_text(v, NULL, PIN_STR("{}"), "may not be specified when "
		    "dataSourceRef.namespace is specified");
		return;
	}
	for (i = 0; i < PIN_LEN(same); i++)
		equal &= pin_str_eq(v_str(v, a, same[i]), v_str(v, b,
		    same[i])) && v_has(v, a, same[i]) == v_has(v, b, same[i]);
	if (!equal)
		v_bad_text(v, NULL, PIN_STR("{}"), "must match "
		    "dataSourceRef");
}

/* At the path of the spec. */
void
check_pvc_spec(struct v *v, pin_node spec)
{
	struct pin_str class = v_str(v, spec, "volumeAttributesClassName");

	v_selector(v, "selector", v_get(v, spec, "selector"));
	modes(v, spec);
	storage_request(v, spec);
	data_source(v, spec, "dataSource");
	data_source(v, spec, "dataSourceRef");
	both_sources(v, spec);
	if (class.len > 0)
		v_format(v, "volumeAttributesClassName", class,
		    "dns1123-subdomain");
}

static int
claim_resources_same(const struct v *v, pin_node spec, pin_node was,
    int bound)
{
	pin_node now = v_get(v, spec, "resources"),
	    old = pin_obj_get(v->old, was, "resources");

	if (!v_same_but(v, now, old, "requests"))
		return (0);
	return (v_same_but(v, v_get(v, now, "requests"), pin_obj_get(v->old,
	    old, "requests"), bound ? "storage" : ""));
}

/* A class may be given to a claim that has none; its volume once. */
static int
claim_same(const struct v *v, pin_node spec, pin_node was, int bound)
{
	struct pin_str had = pin_obj_str(v->old, pin_obj_get(v->old, was,
	    "volumeName"));
	int classless = pin_obj_get(v->old, was, "storageClassName") == 0 &&
	    v_has(v, spec, "storageClassName");

	return (v_same_but(v, spec, was, "resources volumeName "
	    "storageClassName volumeAttributesClassName") &&
	    (had.len == 0 || v_kept(v, spec, was, "volumeName")) &&
	    (classless || v_kept(v, spec, was, "storageClassName")) &&
	    (bound || v_kept(v, spec, was, "volumeAttributesClassName")) &&
	    claim_resources_same(v, spec, was, bound));
}

static void
claim_fixed(struct v *v, pin_node spec)
{
	static const char *const way[] = { "resources", "requests" };
	pin_node was = old_spec(v), root = pin_obj_root(v->o), old_size;
	struct pin_str size, have, phase = v_str(v, v_get(v, root, "status"),
	    "phase");
	size_t back = v_in(v, "spec");

	if (!claim_same(v, spec, was, pin_str_is(phase, "Bound")))
		v_forbidden(v, NULL, "spec is immutable after creation except "
		    "resources.requests and volumeAttributesClassName for "
		    "bound claims\n");
	size = pin_obj_str(v->o, pin_obj_at(v->o, spec, way[0], way[1],
	    "storage", NULL));
	old_size = pin_obj_at(v->old, was, way[0], way[1], "storage", NULL);
	have = pin_obj_str(v->old, pin_obj_at(v->old, pin_obj_root(v->old),
	    "status", "capacity", "storage", NULL));
	if (size.len > 0 && old_size != 0 && quantity_cmp(size,
	    pin_obj_str(v->old, old_size)) < 0 && (have.len == 0 ?
	    quantity_sign(size) <= 0 : quantity_cmp(size, have) <= 0))
		v_forbidden(v, "resources.requests.storage", "field can not be"
		    " less than status.capacity");
	v_out(v, back);
	if (!v_kept(v, spec, was, "volumeMode"))
		v_immutable(v, "volumeMode", v_get(v, spec, "volumeMode"));
}

void
check_pvc(struct v *v)
{
	pin_node spec = spec_of(v);
	size_t back = v_in(v, "spec");

	check_pvc_spec(v, spec);
	v_out(v, back);
	if (v->old != NULL)
		claim_fixed(v, spec);
}

/* ---- PersistentVolume -------------------------------------------------- */

static const char volume_sources[] = "hostPath gcePersistentDisk "
    "awsElasticBlockStore glusterfs nfs rbd iscsi cinder cephfs fc flexVolume "
    "flocker azureFile vsphereVolume quobyte azureDisk photonPersistentDisk "
    "portworxVolume scaleIO local storageos csi";

static void
csi_volume(struct v *v, pin_node spec)
{
	struct pin_str driver = v_str(v, v_get(v, spec, "csi"), "driver");
	size_t back = v_in(v, "csi");

	if (driver.len > 63)
		v_toolong(v, "driver", 63);
	v_out(v, back);
}

static void
volume_source(struct v *v, pin_node spec)
{
	uint32_t found = 0, i;
	char member[64];
	pin_node n;

	V_EACH(v, spec, n, i) {
		struct pin_str k = pin_obj_key(v->o, n);

		if (!v_word(k, volume_sources) ||
		    pin_obj_type(v->o, n) == PIN_NULL)
			continue;
		if (found++ == 0)
			continue;
		memcpy(member, k.p, k.len);
		member[k.len] = '\0';
		v_forbidden(v, member, "may not specify more than 1 volume "
		    "type");
	}
	if (found == 0)
		v_required(v, NULL, "must specify a volume type");
}

static void
volume_spec(struct v *v, pin_node spec, int inlined)
{
	pin_node cap = v_get(v, spec, "capacity"), n;
	struct pin_str path = v_str(v, v_get(v, spec, "hostPath"), "path");
	size_t back, at;
	uint32_t i;

	if (inlined) {
		if (v_has(v, spec, "claimRef"))
			v_forbidden(v, "claimRef", "may not be specified in "
			    "the context of inline volumes");
		if (pin_obj_count(v->o, cap) > 0)
			v_forbidden(v, "capacity", "may not be specified in "
			    "the context of inline volumes");
		if (!v_has(v, spec, "csi"))
			v_required(v, "csi", "has to be specified in the "
			    "context of inline volumes");
	} else if (pin_obj_count(v->o, cap) == 0) {
		v_required(v, "capacity", NULL);
	}
	modes(v, spec);
	back = v_in(v, "capacity");
	V_EACH(v, cap, n, i) {
		at = v_key(v, pin_obj_key(v->o, n));
		if (quantity_sign(pin_obj_str(v->o, n)) <= 0)
			v_bad_str(v, NULL, pin_obj_str(v->o, n), "must be "
			    "greater than zero");
		v_out(v, at);
	}
	v_out(v, back);
	if (v_has(v, v_get(v, spec, "nodeAffinity"), "required")) {
		back = v_in(v, "nodeAffinity.required");
		check_node_selector(v, pin_obj_at(v->o, spec, "nodeAffinity",
		    "required", NULL), 0);
		v_out(v, back);
	}
	volume_source(v, spec);
	csi_volume(v, spec);
	if (v_has(v, spec, "local") && !v_has(v, v_get(v, spec,
	    "nodeAffinity"), "required"))
		v_required(v, "nodeAffinity", "Local volume requires node "
		    "affinity");
	if (pin_str_is(path, "/") && v_is(v, spec,
	    "persistentVolumeReclaimPolicy", "Recycle"))
		v_forbidden(v, "persistentVolumeReclaimPolicy", "may not be "
		    "'recycle' for a hostPath mount of '/'");
}

static void
volume_fixed(struct v *v, pin_node spec)
{
	pin_node was = old_spec(v), n;
	int same = 1;
	uint32_t i;

	V_EACH(v, spec, n, i)
		if (v_word(pin_obj_key(v->o, n), volume_sources))
			same &= v_same(v, n, pin_obj_getn(v->old, was,
			    pin_obj_key(v->o, n).p, pin_obj_key(v->o,
			    n).len));
	for (n = pin_obj_first(v->old, was); n != 0;
	    n = pin_obj_next(v->old, n))
		if (v_word(pin_obj_key(v->old, n), volume_sources))
			same &= v_same(v, pin_obj_getn(v->o, spec,
			    pin_obj_key(v->old, n).p, pin_obj_key(v->old,
			    n).len), n);
	if (!same)
		v_forbidden(v, "spec.persistentvolumesource",
		    "spec.persistentvolumesource is immutable after "
		    "creation\n");
	if (!v_kept(v, spec, was, "volumeMode"))
		v_immutable(v, "volumeMode", v_get(v, spec, "volumeMode"));
	if (pin_obj_get(v->old, was, "nodeAffinity") != 0 &&
	    !v_kept(v, spec, was, "nodeAffinity"))
		v_bad_node(v, "nodeAffinity", v_get(v, spec, "nodeAffinity"),
		    "field is immutable, except for updating from beta label "
		    "to GA");
}

void
check_pv(struct v *v)
{
	size_t back = v_in(v, "spec");

	volume_spec(v, spec_of(v), 0);
	v_out(v, back);
	if (v->old != NULL)
		volume_fixed(v, spec_of(v));
}

/* ---- classes ----------------------------------------------------------- */

#define NAME_MAX_LEN	1024

/* A qualified name in any case; what is wrong is said of the lower one. */
static void
provisioner(struct v *v, const char *member)
{
	struct pin_str s = v_str(v, pin_obj_root(v->o), member);
	char lower[NAME_MAX_LEN];
	struct pin_str low = { lower, 0 };
	size_t i;

	if (s.len == 0)
		return;
	if (s.len > sizeof(lower)) {
		v_format(v, member, s, "qualified-name");
		return;
	}
	for (i = 0; i < s.len; i++)
		lower[i] = (char)tolower((unsigned char)s.p[i]);
	low.len = s.len;
	v_format(v, member, low, "qualified-name");
}

static void
fixed_member(struct v *v, const char *member)
{
	if (v->old != NULL && !v_kept(v, pin_obj_root(v->o),
	    pin_obj_root(v->old), member))
		v_forbidden(v, member, "updates to %s are forbidden.",
		    member);
}

void
check_storageclass(struct v *v)
{
	pin_node root = pin_obj_root(v->o), n;
	size_t back, size = 0;
	uint32_t i;

	provisioner(v, "provisioner");
	V_EACH(v, v_get(v, root, "parameters"), n, i) {
		if (pin_obj_key(v->o, n).len == 0)
			v_bad_str(v, "parameters", PIN_STR(""), "field can not"
			    " be empty.");
		size += pin_obj_key(v->o, n).len + pin_obj_str(v->o, n).len;
	}
	if (i > 512)
		v_toolong(v, "Provisioner Parameters", 512);
	if (size > 256u << 10)
		v_toolong(v, "parameters", 256u << 10);
	back = v_in(v, "allowedTopologies");
	check_topology_terms(v, v_get(v, root, "allowedTopologies"));
	v_out(v, back);
	fixed_member(v, "parameters");
	fixed_member(v, "provisioner");
	fixed_member(v, "reclaimPolicy");
}

void
check_attributesclass(struct v *v)
{
	provisioner(v, "driverName");
	fixed_member(v, "driverName");
	if (v->old != NULL && !v_kept(v, pin_obj_root(v->o),
	    pin_obj_root(v->old), "parameters"))
		v_forbidden(v, "parameters", "updates to parameters are "
		    "forbidden.");
}

/* ---- VolumeAttachment, CSINode, CSIDriver ------------------------------ */

void
check_attachment(struct v *v)
{
	pin_node spec = spec_of(v), src = v_get(v, spec, "source");
	int inlined = v_has(v, src, "inlineVolumeSpec"),
	    named = v_has(v, src, "persistentVolumeName");
	size_t back = v_in(v, "spec");

	if (v_str(v, spec, "attacher").len > 63)
		v_toolong(v, "attacher", 63);
	(void)v_in(v, "source");
	if (!inlined && !named)
		v_required(v, NULL, "must specify exactly one of "
		    "inlineVolumeSpec and persistentVolumeName");
	else if (inlined && named)
		v_forbidden(v, NULL, "must specify exactly one of "
		    "inlineVolumeSpec and persistentVolumeName");
	else if (named && v_str(v, src, "persistentVolumeName").len == 0)
		v_required(v, "persistentVolumeName", "must specify non empty "
		    "persistentVolumeName");
	if (inlined) {
		(void)v_in(v, "inlineVolumeSpec");
		volume_spec(v, v_get(v, src, "inlineVolumeSpec"), 1);
	}
	v_out(v, back);
}

static void
csi_driver(struct v *v, pin_node d)
{
	struct v_set seen = { 0 };
	struct pin_str id = v_str(v, d, "nodeID");
	size_t back, item;
	pin_node n;
	uint32_t i;

	if (v_str(v, d, "name").len > 63)
		v_toolong(v, "name", 63);
	if (id.len > 256)
		v_bad_str(v, "nodeID", id, "must be 256 characters or less");
	back = v_in(v, "topologyKeys");
	V_EACH(v, v_get(v, d, "topologyKeys"), n, i) {
		item = v_item(v, i);
		if (v_set_add(&seen, pin_obj_str(v->o, n), n))
			v_duplicate(v, NULL, pin_obj_str(v->o, n));
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

void
check_csinode(struct v *v)
{
	pin_node list = v_get(v, spec_of(v), "drivers"), n, m;
	size_t back = v_in(v, "spec.drivers"), item;
	struct v_set seen = { 0 };
	uint32_t i;

	V_EACH(v, list, n, i) {
		item = v_item(v, i);
		csi_driver(v, n);
		if (v_set_add(&seen, v_str(v, n, "name"), n))
			v_duplicate(v, "name", v_str(v, n, "name"));
		v_out(v, item);
	}
	for (m = v->old == NULL ? 0 : pin_obj_first(v->old, pin_obj_get(v->old,
	    old_spec(v), "drivers")); m != 0; m = pin_obj_next(v->old, m)) {
		n = 0;
		if (v_set_get(&seen, pin_obj_str(v->old, pin_obj_get(v->old,
		    m, "name")), &n) && n != 0 && !v_same_but(v, n, m,
		    "allocatable"))
			v_immutable(v, NULL, n);
	}
	v_set_free(&seen);
	v_out(v, back);
}

void
check_csidriver(struct v *v)
{
	pin_node spec = spec_of(v), n;
	size_t back = v_in(v, "spec"), at, item;
	struct v_set seen = { 0 };
	int64_t secs;
	uint32_t i;

	at = v_in(v, "tokenRequests");
	V_EACH(v, v_get(v, spec, "tokenRequests"), n, i) {
		item = v_item(v, i);
		if (v_set_add(&seen, v_str(v, n, "audience"), n))
			v_duplicate(v, "audience", v_str(v, n, "audience"));
		if (pin_obj_i64(v->o, v_get(v, n, "expirationSeconds"),
		    &secs) && secs < 600)
			v_bad_int(v, "expirationSeconds", secs, "may not "
			    "specify a duration less than 10 minutes");
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, at);
	if (v->old != NULL && !v_kept(v, spec, old_spec(v),
	    "attachRequired"))
		v_immutable(v, "attachedRequired", v_get(v, spec,
		    "attachRequired"));
	v_out(v, back);
}
