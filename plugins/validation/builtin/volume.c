/* SPDX-License-Identifier: BSD-2-Clause
 *
 * volume.c -- the volumes of a pod spec.
 * Front threads. Contract: upstream's core ValidateVolumes. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

static void
mode(struct v *v, pin_node n, const char *member)
{
	int64_t m = v_int(v, n, member, 0);

	if (m < 0 || m > 0777)
		v_bad_int(v, member, m, "must be a number between 0 and 0777 "
		    "(octal), both inclusive");
}

/* Items of a secret or config map; paths: of a projection, else NULL. */
static void
items(struct v *v, pin_node src, struct v_set *paths, pin_node *twice)
{
	size_t back = v_in(v, "items"), item;
	struct pin_str path;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, src, "items"), n, i) {
		item = v_item(v, i);
		path = v_str(v, n, "path");
		v_local_path(v, "path", path);
		mode(v, n, "mode");
		if (paths != NULL && path.len > 0 &&
		    v_set_add(paths, path, n))
			*twice = n;
		v_out(v, item);
	}
	v_out(v, back);
}

/* ---- single sources ---------------------------------------------------- */

typedef void source_fn(struct v *, pin_node src, struct pod_spec *);

static void
empty_dir(struct v *v, pin_node src, struct pod_spec *p)
{
	(void)p;
	if (quantity_sign(v_str(v, src, "sizeLimit")) < 0)
		v_forbidden(v, "sizeLimit", "SizeLimit field must be a valid "
		    "resource quantity");
}

static void
host_path(struct v *v, pin_node src, struct pod_spec *p)
{
	struct pin_str path = v_str(v, src, "path");

	(void)p;
	if (text_backsteps(path))
		v_bad_str(v, "path", path, "must not contain '..'");
}

static void
secret(struct v *v, pin_node src, struct pod_spec *p)
{
	(void)p;
	mode(v, src, "defaultMode");
	items(v, src, NULL, NULL);
}

static void
named(struct v *v, pin_node src)
{
	if (v_str(v, src, "name").len == 0)
		v_required(v, "name", NULL);
}

static void
config_map(struct v *v, pin_node src, struct pod_spec *p)
{
	named(v, src);
	secret(v, src, p);
}

static void
nfs(struct v *v, pin_node src, struct pod_spec *p)
{
	(void)p;
	if (v_str(v, src, "path").len == 0)
		v_required(v, "path", NULL);
}

/* One file; upstream blames its list's owner. */
static void
downward_file(struct v *v, pin_node n)
{
	int field = v_has(v, n, "fieldRef"),
	    resource = v_has(v, n, "resourceFieldRef");

	if (v_str(v, n, "path").len == 0)
		v_required(v, "path", NULL);
	v_local_path(v, "path", v_str(v, n, "path"));
	if (field)
		check_field_ref(v, v_get(v, n, "fieldRef"), 1);
	else if (resource)
		check_resource_ref(v, v_get(v, n, "resourceFieldRef"), 1);
	else
		v_required(v, NULL, "one of fieldRef and resourceFieldRef is "
		    "required");
	if (field && resource)
		v_bad_str(v, NULL, PIN_STR("resource"), "fieldRef and "
		    "resourceFieldRef can not be specified simultaneously");
	mode(v, n, "mode");
}

static void
downward(struct v *v, pin_node src, struct pod_spec *p)
{
	pin_node n;
	uint32_t i;

	(void)p;
	mode(v, src, "defaultMode");
	V_EACH(v, v_get(v, src, "items"), n, i)
		downward_file(v, n);
}

static void
csi(struct v *v, pin_node src, struct pod_spec *p)
{
	struct pin_str driver = v_str(v, src, "driver"),
	    name = v_str(v, v_get(v, src, "nodePublishSecretRef"), "name");
	size_t back;

	(void)p;
	if (driver.len > 63)
		v_toolong(v, "driver", 63);
	if (!v_has(v, src, "nodePublishSecretRef"))
		return;
	back = v_in(v, "nodePublishSecretRef");
	if (name.len == 0)
		v_required(v, "name", NULL);
	v_out(v, back);
	if (name.len > 0)
		v_format(v, "name", name, "dns1123-subdomain");
}

static void
iscsi(struct v *v, pin_node src, struct pod_spec *p)
{
	struct pin_str iqn = v_str(v, src, "iqn");

	(void)p;
	if (iqn.len > 0 && !pin_str_prefix(iqn, "iqn") &&
	    !pin_str_prefix(iqn, "eui") && !pin_str_prefix(iqn, "naa"))
		v_bad_str(v, "iqn", iqn, "must be valid format starting with "
		    "iqn, eui, or naa");
	if ((v_true(v, src, "chapAuthDiscovery") ||
	    v_true(v, src, "chapAuthSession")) && !v_has(v, src, "secretRef"))
		v_required(v, "secretRef", NULL);
}

static void
azure_disk(struct v *v, pin_node src, struct pod_spec *p)
{
	struct pin_str uri = v_str(v, src, "diskURI");
	int managed = v_is(v, src, "kind", "Managed");

	(void)p;
	if (uri.len == 0)
		v_required(v, "diskURI", NULL);
	if (managed && !pin_str_prefix(uri, "/subscriptions/"))
		v_unsupported(v, "diskURI", uri, "/subscriptions/{sub-id}/"
		    "resourcegroups/{group-name}/providers/microsoft.compute/"
		    "disks/{disk-id}");
	else if (!managed && !pin_str_prefix(uri, "https://"))
		v_unsupported(v, "diskURI", uri, "https://{account-name}.blob."
		    "core.windows.net/{container-name}/{disk-name}.vhd");
}

static void
image(struct v *v, pin_node src, struct pod_spec *p)
{
	if (p->alone && v_str(v, src, "reference").len == 0)
		v_required(v, "reference", NULL);
}

static void
ephemeral(struct v *v, pin_node src, struct pod_spec *p)
{
	pin_node t = v_get(v, src, "volumeClaimTemplate");
	size_t back = v_in(v, "volumeClaimTemplate"), at;

	(void)p;
	if (v_has(v, src, "volumeClaimTemplate")) {
		at = v_in(v, "metadata");
		check_notes(v, v_get(v, t, "metadata"));
		v_out(v, at);
		(void)v_in(v, "spec");
		check_pvc_spec(v, v_get(v, t, "spec"));
	}
	v_out(v, back);
}

/* ---- projected --------------------------------------------------------- */

static const char twice_text[] = "conflicting duplicate paths";

static void
projected_items(struct v *v, pin_node s, const char *member,
    struct v_set *paths)
{
	pin_node src = v_get(v, s, member), twice = 0;
	size_t back;

	if (!v_has(v, s, member))
		return;
	back = v_in(v, member);
	named(v, src);
	items(v, src, paths, &twice);
	v_out(v, back);
	if (twice != 0)
		v_bad_str(v, NULL, v_str(v, src, "name"), "%s", twice_text);
}

static void
projected_token(struct v *v, pin_node s)
{
	pin_node src = v_get(v, s, "serviceAccountToken");
	int64_t secs = v_int(v, src, "expirationSeconds", 3600);
	size_t back;

	if (!v_has(v, s, "serviceAccountToken"))
		return;
	back = v_in(v, "serviceAccountToken");
	if (secs < 600)
		v_bad_int(v, "expirationSeconds", secs, "may not specify a "
		    "duration less than 10 minutes");
	if (secs > INT64_C(1) << 32)
		v_bad_int(v, "expirationSeconds", secs, "may not specify a "
		    "duration larger than 2^32 seconds");
	v_out(v, back);
}

static void
projected_source(struct v *v, pin_node s, struct v_set *paths)
{
	static const char *const kinds[] = { "secret", "configMap",
	    "downwardAPI", "serviceAccountToken", "clusterTrustBundle",
	    "podCertificate" };
	pin_node d = v_get(v, s, "downwardAPI"), n;
	uint32_t i, found = 0;
	size_t back, k;

	projected_items(v, s, "secret", paths);
	projected_items(v, s, "configMap", paths);
	back = v_in(v, "downwardAPI");
	V_EACH(v, v_get(v, d, "items"), n, i) {
		downward_file(v, n);
		if (v_set_add(paths, v_str(v, n, "path"), n))
			v_bad_str(v, NULL, v_str(v, n, "path"), "%s",
			    twice_text);
	}
	v_out(v, back);
	projected_token(v, s);
	for (k = 0; k < PIN_LEN(kinds); k++)
		found += (uint32_t)v_has(v, s, kinds[k]);
	if (found > 1)
		v_forbidden(v, NULL, "may not specify more than 1 volume type "
		    "per source");
}

static void
projected(struct v *v, pin_node src, struct pod_spec *p)
{
	struct v_set paths = { 0 };
	struct pin_str path;
	pin_node n, token;
	size_t back, item;
	uint32_t i;

	(void)p;
	mode(v, src, "defaultMode");
	V_EACH(v, v_get(v, src, "sources"), n, i) {
		back = v_in(v, "sources");
		item = v_item(v, i);
		projected_source(v, n, &paths);
		v_out(v, item);
		v_out(v, back);
		token = v_get(v, n, "serviceAccountToken");
		if (!v_has(v, n, "serviceAccountToken"))
			continue;
		path = v_str(v, token, "path");
		if (path.len == 0)
			v_required(v, "path", NULL);
		else
			v_local_path(v, "path", path);
	}
	v_set_free(&paths);
}

/* ---- the list ---------------------------------------------------------- */

/* Upstream's order; the first counts, others are too many. */
static const struct {
	const char	*member;
	source_fn	*check;		/* NULL: rows say it all */
} sources[] = {
	{ "emptyDir", empty_dir }, { "hostPath", host_path },
	{ "gitRepo", NULL }, { "gcePersistentDisk", NULL },
	{ "awsElasticBlockStore", NULL }, { "secret", secret },
	{ "nfs", nfs }, { "iscsi", iscsi }, { "glusterfs", NULL },
	{ "flocker", NULL }, { "persistentVolumeClaim", NULL },
	{ "rbd", NULL }, { "cinder", NULL }, { "cephfs", NULL },
	{ "quobyte", NULL }, { "downwardAPI", downward }, { "fc", NULL },
	{ "flexVolume", NULL }, { "configMap", config_map },
	{ "azureFile", NULL }, { "vsphereVolume", NULL },
	{ "photonPersistentDisk", NULL }, { "portworxVolume", NULL },
	{ "azureDisk", azure_disk }, { "storageos", NULL },
	{ "projected", projected }, { "scaleIO", NULL }, { "csi", csi },
	{ "ephemeral", ephemeral }, { "image", image },
};

static void
source(struct v *v, pin_node vol, struct pod_spec *p)
{
	uint32_t found = 0;
	size_t back, i;

	for (i = 0; i < PIN_LEN(sources); i++) {
		if (!v_has(v, vol, sources[i].member))
			continue;
		if (found++ > 0) {
			v_forbidden(v, sources[i].member, "may not specify "
			    "more than 1 volume type");
			continue;
		}
		if (sources[i].check == NULL)
			continue;
		back = v_in(v, sources[i].member);
		sources[i].check(v, v_get(v, vol, sources[i].member), p);
		v_out(v, back);
	}
	if (found == 0)
		v_required(v, NULL, "must specify a volume type");
}

static int
is_template(const struct v *v, const struct pod_spec *p, struct pin_str name)
{
	pin_node n;
	uint32_t i;

	V_EACH(v, p->templates, n, i)
		if (pin_str_eq(v_str(v, v_get(v, n, "metadata"), "name"),
		    name))
			return (1);
	return (0);
}

void
check_volumes(struct v *v, struct pod_spec *p)
{
	size_t back = v_in(v, "volumes"), item;
	struct pin_str name;
	uint32_t i, before, shift = 0;
	pin_node n;

	/* A claim template is a volume, and comes first. */
	V_EACH(v, p->templates, n, i)
		(void)v_set_add(&p->volumes, v_str(v, v_get(v, n, "metadata"),
		    "name"), 0);
	shift = pin_obj_count(v->o, p->templates);
	V_EACH(v, v_get(v, p->spec, "volumes"), n, i) {
		name = v_str(v, n, "name");
		if (p->templates != 0 && is_template(v, p, name)) {
			shift--;
			continue;
		}
		item = v_item(v, i + shift);
		before = pin_cause_count(v->causes);
		source(v, n, p);
		if (v_set_get(&p->volumes, name, NULL))
			v_duplicate(v, "name", name);
		/* One that is wrong is not there for its mounts. */
		if (pin_cause_count(v->causes) == before &&
		    text_is(name, "dns1123-label"))
			(void)v_set_add(&p->volumes, name, n);
		v_out(v, item);
	}
	v_out(v, back);
}
