/* SPDX-License-Identifier: BSD-2-Clause
 *
 * serviceaccount -- admission plugin: a pod has a service account, which must
 * exist, and its token mounted unless it asks not to.
 * Reads one ServiceAccount a pod. Front threads.
 * Contract: pintle/admission.h; upstream's ServiceAccount; KEP-1205. */
#include <stdio.h>

#include <pintle/admission.h>

#define MOUNT_PATH	"/var/run/secrets/kubernetes.io/serviceaccount"
#define TOKEN_SECONDS	3607

static pin_open_fn account_open;
static pin_admission_mutate_fn account_mutate;

static const struct pin_admission_match account_match[] = {
	{ "", "pods", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops account_ops = {
	.size = sizeof(account_ops),
	.match = account_match,
	.mutate = account_mutate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "serviceaccount", .version = "1.0",
	.summary = "gives pods a service account and its token",
	.ops = &account_ops,
	.open = account_open,
};

static int
account_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)conf;
	(void)err;
	*self = env;
	return (PIN_OK);
}

static int
is_mirror(const struct pin_obj *o)
{
	return (pin_obj_at(o, pin_obj_root(o), "metadata", "annotations",
	    "kubernetes.io/config.mirror", NULL) != 0);
}

/* automountServiceAccountToken of the pod, else of the account, else yes. */
static int
automount(const struct pin_obj *pod, pin_node spec, const struct pin_obj *sa)
{
	pin_node n = pin_obj_get(pod, spec, "automountServiceAccountToken");

	if (n != 0)
		return (pin_obj_true(pod, n));
	n = pin_obj_get(sa, pin_obj_root(sa), "automountServiceAccountToken");
	return (n == 0 || pin_obj_true(sa, n));
}

static int
has_mount(const struct pin_obj *o, pin_node container)
{
	pin_node m;

	for (m = pin_obj_first(o, pin_obj_get(o, container, "volumeMounts"));
	    m != 0; m = pin_obj_next(o, m))
		if (pin_str_is(pin_obj_str(o, pin_obj_get(o, m, "mountPath")),
		    MOUNT_PATH))
			return (1);
	return (0);
}

/* Adds the mount to every container of a list that has none there. */
static int
mount_all(const struct pin_obj *o, pin_node spec, const char *list,
    const char *volume, struct pin_patch *patch)
{
	char where[96], json[256];
	pin_node c;
	uint32_t i = 0, n = 0;
	int len;

	len = snprintf(json, sizeof(json), "{\"name\":\"%s\",\"readOnly\":true"
	    ",\"mountPath\":\"" MOUNT_PATH "\"}", volume);
	for (c = pin_obj_first(o, pin_obj_get(o, spec, list)); c != 0;
	    c = pin_obj_next(o, c), i++) {
		if (has_mount(o, c))
			continue;
		n++;
		if (pin_obj_get(o, c, "volumeMounts") == 0) {
			snprintf(where, sizeof(where),
			    "/spec/%s/%u/volumeMounts", list, i);
			(void)pin_patch_set(patch, where, PIN_STR("[]"));
		}
		snprintf(where, sizeof(where), "/spec/%s/%u/volumeMounts/-",
		    list, i);
		(void)pin_patch_set(patch, where, (struct pin_str){ json,
		    (size_t)len });
	}
	return (n > 0);
}

static void
volume_name(struct pin_env *env, char out[32])
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	uint8_t rnd[5];
	size_t i;
	int n = snprintf(out, 32, "kube-api-access-");

	pin_host_random(pin_env_host(env), rnd, sizeof(rnd));
	for (i = 0; i < sizeof(rnd); i++)
		out[n++] = letters[rnd[i] % (sizeof(letters) - 1)];
	out[n] = '\0';
}

static void
mount_token(struct pin_env *env, const struct pin_obj *o, pin_node spec,
    struct pin_patch *patch)
{
	char name[32], json[640];
	int n, used;

	volume_name(env, name);
	used = mount_all(o, spec, "initContainers", name, patch);
	used |= mount_all(o, spec, "containers", name, patch);
	if (!used)
		return;
	n = snprintf(json, sizeof(json), "{\"name\":\"%s\",\"projected\":{"
	    "\"sources\":[{\"serviceAccountToken\":{\"expirationSeconds\":%d,"
	    "\"path\":\"token\"}},{\"configMap\":{\"name\":"
	    "\"kube-root-ca.crt\",\"items\":[{\"key\":\"ca.crt\",\"path\":"
	    "\"ca.crt\"}]}},{\"downwardAPI\":{\"items\":[{\"path\":"
	    "\"namespace\",\"fieldRef\":{\"apiVersion\":\"v1\",\"fieldPath\":"
	    "\"metadata.namespace\"}}]}}],\"defaultMode\":420}}", name,
	    TOKEN_SECONDS);
	if (pin_obj_get(o, spec, "volumes") == 0)
		(void)pin_patch_set(patch, "/spec/volumes", PIN_STR("[]"));
	(void)pin_patch_set(patch, "/spec/volumes/-", (struct pin_str){ json,
	    (size_t)n });
}

static void
pull_secrets(struct pin_call *call, const struct pin_obj *pod, pin_node spec,
    const struct pin_obj *sa, struct pin_patch *patch)
{
	pin_node list = pin_obj_get(sa, pin_obj_root(sa), "imagePullSecrets");
	struct pin_out o;

	if (pin_obj_count(sa, list) == 0 || pin_obj_count(pod,
	    pin_obj_get(pod, spec, "imagePullSecrets")) > 0)
		return;
	pin_out_init(&o, pin_call_arena(call), 65536);
	pin_obj_write(sa, list, &o);
	(void)pin_patch_set(patch, "/spec/imagePullSecrets",
	    (struct pin_str){ o.p, o.len });
}

static int
account_mutate(void *self, struct pin_call *call,
    const struct pin_admission_request *q, struct pin_patch *patch)
{
	const struct pin_obj *o = q->object;
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec");
	struct pin_str name = pin_obj_str(o, pin_obj_get(o, spec,
	    "serviceAccountName"));
	struct pin_buf *bytes = NULL;
	struct pin_obj *sa;
	int rc;

	if (is_mirror(o))
		return (PIN_ADMIT);
	if (name.len == 0) {
		name = PIN_STR("default");
		(void)pin_patch_set_str(patch, "/spec/serviceAccountName",
		    name);
		(void)pin_patch_set_str(patch, "/spec/serviceAccount", name);
	}
	rc = pin_read(self, "", "serviceaccounts", q->namespace, name, &bytes,
	    NULL, pin_call_err(call));
	if (rc == PIN_ENOTFOUND) {
		(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN,
		    "error looking up service account " PIN_SFMT "/" PIN_SFMT
		    ": serviceaccount \"" PIN_SFMT "\" not found",
		    PIN_SARG(q->namespace), PIN_SARG(name), PIN_SARG(name));
		return (PIN_REFUSE);
	}
	if (rc == PIN_OK)
		rc = pin_obj_parse(pin_call_arena(call),
		    (const char *)bytes->data, bytes->len, &sa,
		    pin_call_err(call));
	pin_buf_put(&bytes);
	if (rc != PIN_OK)
		return (rc);
	if (automount(o, spec, sa))
		mount_token(self, o, spec, patch);
	pull_secrets(call, o, spec, sa, patch);
	return (PIN_ADMIT);
}
