/* SPDX-License-Identifier: BSD-2-Clause
 *
 * container.c -- the containers of a pod spec: names, ports, environment,
 * mounts, devices.
 * Front threads. Contract: upstream's core validateContainers and
 * validateInitContainers. */
#include "plugins/validation/builtin/builtin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- ports ----------------------------------------------------------- */

static void
ports(struct v *v, pin_node c)
{
	size_t back = v_in(v, "ports"), item;
	struct v_set names = { 0 };
	struct pin_str name;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, c, "ports"), n, i) {
		name = v_str(v, n, "name");
		if (name.len > 0 && text_is(name, "port-name") &&
		    v_set_add(&names, name, n)) {
			item = v_item(v, i);
			v_duplicate(v, "name", name);
			v_out(v, item);
		}
	}
	v_set_free(&names);
	v_out(v, back);
}

#define HOST_PORT_TEXT	80

/* Conflicts between the host ports of `c`, remembered in seen. */
static void
host_ports(struct v *v, pin_node c, struct v_set *seen,
    struct pin_arena *arena)
{
	size_t back = v_in(v, "ports"), item;
	char text[HOST_PORT_TEXT];
	struct pin_str key, proto, ip;
	int64_t port;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, c, "ports"), n, i) {
		port = v_int(v, n, "hostPort", 0);
		if (port == 0)
			continue;
		proto = v_str(v, n, "protocol");
		ip = v_str(v, n, "hostIP");
		snprintf(text, sizeof(text), PIN_SFMT "/" PIN_SFMT "/%" PRId64,
		    PIN_SARG(proto), PIN_SARG(ip), port);
		key = pin_arena_str(arena, pin_str(text));
		if (!v_set_add(seen, key, n))
			continue;
		item = v_item(v, i);
		v_duplicate(v, "hostPort", key);
		v_out(v, item);
	}
	v_out(v, back);
}

/* ---- environment ------------------------------------------------------ */

static const char *const env_sources[] = { "fieldRef", "resourceFieldRef",
    "configMapKeyRef", "secretKeyRef", "fileKeyRef" };

static void
key_ref(struct v *v, pin_node from, const char *member)
{
	size_t back;

	if (!v_has(v, from, member))
		return;
	back = v_in(v, member);
	v_format(v, "name", v_str(v, v_get(v, from, member), "name"),
	    "dns1123-subdomain");
	v_out(v, back);
}

static void
file_key_ref(struct v *v, pin_node ref)
{
	size_t back = v_in(v, "fileKeyRef");
	struct pin_str s;

	if ((s = v_str(v, ref, "key")).len == 0)
		v_required(v, "key", NULL);
	else
		v_format(v, "key", s, "env-name");
	if ((s = v_str(v, ref, "volumeName")).len == 0)
		v_required(v, "volumeName", NULL);
	else
		v_format(v, "volumeName", s, "dns1123-label");
	if ((s = v_str(v, ref, "path")).len == 0)
		v_required(v, "path", NULL);
	else if (text_backsteps(s))
		v_bad_str(v, "path", s, "must not contain '..'");
	v_out(v, back);
}

static void
env_value_from(struct v *v, pin_node env)
{
	pin_node from = v_get(v, env, "valueFrom");
	uint32_t sources = 0;
	size_t back, i;

	if (!v_has(v, env, "valueFrom"))
		return;
	back = v_in(v, "valueFrom");
	for (i = 0; i < PIN_LEN(env_sources); i++)
		sources += (uint32_t)v_has(v, from, env_sources[i]);
	if (v_has(v, from, "fieldRef"))
		check_field_ref(v, v_get(v, from, "fieldRef"), 0);
	if (v_has(v, from, "resourceFieldRef"))
		check_resource_ref(v, v_get(v, from, "resourceFieldRef"), 0);
	key_ref(v, from, "configMapKeyRef");
	key_ref(v, from, "secretKeyRef");
	if (v_has(v, from, "fileKeyRef"))
		file_key_ref(v, v_get(v, from, "fileKeyRef"));
	if (sources == 0)
		v_bad_str(v, NULL, PIN_STR(""), "must specify one of: "
		    "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
		    "`secretKeyRef` or `fileKeyRef`");
	else if (v_str(v, env, "value").len > 0)
		v_bad_str(v, NULL, PIN_STR(""), "may not be specified when "
		    "`value` is not empty");
	else if (sources > 1)
		v_bad_str(v, NULL, PIN_STR(""), "may not have more than one "
		    "field specified at a time");
	v_out(v, back);
}

static void
env(struct v *v, pin_node c)
{
	size_t back = v_in(v, "env"), item;
	struct pin_str name;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, c, "env"), n, i) {
		item = v_item(v, i);
		name = v_str(v, n, "name");
		if (name.len > 0)
			v_format(v, "name", name, "env-name");
		env_value_from(v, n);
		v_out(v, item);
	}
	v_out(v, back);
}

static void
env_from_ref(struct v *v, pin_node from, const char *member)
{
	struct pin_str name;
	size_t back;

	if (!v_has(v, from, member))
		return;
	back = v_in(v, member);
	name = v_str(v, v_get(v, from, member), "name");
	if (name.len == 0)
		v_required(v, "name", NULL);
	else
		v_format(v, "name", name, "dns1123-subdomain");
	v_out(v, back);
}

static void
env_from(struct v *v, pin_node c)
{
	size_t back = v_in(v, "envFrom"), item;
	struct pin_str prefix;
	int sources;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, c, "envFrom"), n, i) {
		item = v_item(v, i);
		prefix = v_str(v, n, "prefix");
		if (prefix.len > 0)
			v_format(v, "prefix", prefix, "env-name");
		env_from_ref(v, n, "configMapRef");
		env_from_ref(v, n, "secretRef");
		sources = v_has(v, n, "configMapRef") +
		    v_has(v, n, "secretRef");
		v_out(v, item);
		if (sources == 0)
			v_bad_str(v, NULL, PIN_STR(""), "must specify one of: "
			    "`configMapRef` or `secretRef`");
		else if (sources > 1)
			v_bad_str(v, NULL, PIN_STR(""), "may not have more "
			    "than one field specified at a time");
	}
	v_out(v, back);
}

/* ---- mounts and devices ------------------------------------------------ */

/* Names and paths of a list: those of the other one must differ. */
struct places {
	struct v_set	 names, paths;
};

static void
places_of(struct v *v, pin_node list, const char *path, struct places *p)
{
	pin_node n;
	uint32_t i;

	V_EACH(v, list, n, i) {
		(void)v_set_add(&p->names, v_str(v, n, "name"), n);
		(void)v_set_add(&p->paths, v_str(v, n, path), n);
	}
}

static void
places_free(struct places *p)
{
	v_set_free(&p->names);
	v_set_free(&p->paths);
}

static void
read_only(struct v *v, pin_node m)
{
	struct pin_str rro = v_str(v, m, "recursiveReadOnly"),
	    prop = v_str(v, m, "mountPropagation");

	if (!v_has(v, m, "recursiveReadOnly") || pin_str_is(rro, "Disabled"))
		return;
	if (!v_word(rro, "Enabled IfPossible")) {
		v_unsupported(v, "recursiveReadOnly", rro,
		    "Disabled Enabled IfPossible");
		return;
	}
	if (!v_true(v, m, "readOnly"))
		v_forbidden(v, "recursiveReadOnly", "may only be specified "
		    "when readOnly is true");
	if (prop.len > 0 && !pin_str_is(prop, "None"))
		v_forbidden(v, "recursiveReadOnly", "may only be specified "
		    "when mountPropagation is None or not specified");
}

/* What upstream blames on the list and not on its item. */
static void
mount_options(struct v *v, pin_node c, pin_node m)
{
	struct pin_str path = v_str(v, m, "subPath");

	if (path.len > 0)
		v_format(v, "subPath", path, "relative-path");
	if ((path = v_str(v, m, "subPathExpr")).len > 0)
		v_format(v, "subPathExpr", path, "relative-path");
	if (v_is(v, m, "mountPropagation", "Bidirectional") && !v_true(v,
	    v_get(v, c, "securityContext"), "privileged"))
		v_forbidden(v, "mountPropagation", "Bidirectional mount "
		    "propagation is available only to privileged containers");
	read_only(v, m);
}

static void
mounts(struct v *v, pin_node c, const struct places *devices,
    const struct v_set *volumes)
{
	size_t back = v_in(v, "volumeMounts"), item;
	struct v_set seen = { 0 };
	struct pin_str name, path;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, c, "volumeMounts"), n, i) {
		item = v_item(v, i);
		name = v_str(v, n, "name");
		path = v_str(v, n, "mountPath");
		if (name.len == 0)
			v_required(v, "name", NULL);
		if (!v_set_get(volumes, name, NULL))
			v_notfound(v, "name", name, "%s", "");
		if (v_set_add(&seen, path, n))
			v_bad_str(v, "mountPath", path, "must be unique");
		if (v_set_get(&devices->names, name, NULL))
			v_bad_str(v, "name", name, "must not already exist in "
			    "volumeDevices");
		if (v_set_get(&devices->paths, path, NULL))
			v_bad_str(v, "mountPath", path, "must not already "
			    "exist as a path in volumeDevices");
		if (v_str(v, n, "subPath").len > 0 &&
		    v_str(v, n, "subPathExpr").len > 0)
			v_bad_str(v, "subPathExpr", v_str(v, n, "subPathExpr"),
			    "subPathExpr and subPath are mutually exclusive");
		v_out(v, item);
		mount_options(v, c, n);
	}
	v_set_free(&seen);
	v_out(v, back);
}

static void
device(struct v *v, pin_node n, const struct places *taken,
    struct places *seen, const struct v_set *volumes)
{
	struct pin_str name = v_str(v, n, "name"),
	    path = v_str(v, n, "devicePath");
	pin_node vol = 0;
	int known = v_set_get(volumes, name, &vol);

	if (name.len == 0)
		v_required(v, "name", NULL);
	else if (v_set_add(&seen->names, name, n))
		v_bad_str(v, "name", name, "must be unique");
	if (known && vol != 0 && !v_has(v, vol, "persistentVolumeClaim") &&
	    !v_has(v, vol, "ephemeral"))
		v_bad_str(v, "name", name, "can only use volume source type of"
		    " PersistentVolumeClaim or Ephemeral for block mode");
	if (!known)
		v_notfound(v, "name", name, "%s", "");
	if (text_backsteps(path))
		v_bad_str(v, "devicePath", path, "can not contain backsteps "
		    "('..')");
	else if (v_set_add(&seen->paths, path, n))
		v_bad_str(v, "devicePath", path, "must be unique");
	if (v_set_get(&taken->names, name, NULL))
		v_bad_str(v, "name", name, "must not already exist in "
		    "volumeMounts");
	if (v_set_get(&taken->paths, path, NULL))
		v_bad_str(v, "devicePath", path, "must not already exist as a "
		    "path in volumeMounts");
}

static void
mounts_and_devices(struct v *v, pin_node c, const struct v_set *volumes)
{
	struct places taken = { 0 }, devices = { 0 }, seen = { 0 };
	size_t back, item;
	pin_node n;
	uint32_t i;

	places_of(v, v_get(v, c, "volumeMounts"), "mountPath", &taken);
	places_of(v, v_get(v, c, "volumeDevices"), "devicePath", &devices);
	mounts(v, c, &devices, volumes);
	back = v_in(v, "volumeDevices");
	V_EACH(v, v_get(v, c, "volumeDevices"), n, i) {
		item = v_item(v, i);
		device(v, n, &taken, &seen, volumes);
		v_out(v, item);
	}
	v_out(v, back);
	places_free(&taken);
	places_free(&devices);
	places_free(&seen);
}

/* ---- the rest of one --------------------------------------------------- */

static void
resize_policy(struct v *v, pin_node c, pin_node spec)
{
	size_t back = v_in(v, "resizePolicy"), item;
	struct v_set seen = { 0 };
	struct pin_str name, policy;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, c, "resizePolicy"), n, i) {
		name = v_str(v, n, "resourceName");
		policy = v_str(v, n, "restartPolicy");
		if (v_set_add(&seen, name, n)) {
			item = v_item(v, i);
			v_duplicate(v, NULL, name);
			v_out(v, item);
		}
		if (name.len == 0)
			v_required(v, NULL, NULL);
		else if (!v_word(name, "cpu memory"))
			v_unsupported(v, NULL, name, "cpu memory");
		if (policy.len == 0)
			v_required(v, NULL, NULL);
		else if (!v_word(policy, "NotRequired RestartContainer"))
			v_unsupported(v, NULL, policy,
			    "NotRequired RestartContainer");
		if (v_is(v, spec, "restartPolicy", "Never") &&
		    !pin_str_is(policy, "NotRequired"))
			v_bad_str(v, NULL, policy, "must be 'NotRequired' when"
			    " `restartPolicy` is 'Never'");
	}
	v_set_free(&seen);
	v_out(v, back);
}

static void
restart_rules(struct v *v, pin_node c)
{
	size_t back, item, codes;
	struct pin_str s;
	pin_node n, e;
	uint32_t i;

	if (v_count(v, c, "restartPolicyRules") > 0 &&
	    v_str(v, c, "restartPolicy").len == 0)
		v_required(v, "restartPolicy", "must specify restartPolicy "
		    "when restart rules are used");
	if (v_count(v, c, "restartPolicyRules") > 20)
		v_toolong(v, "restartPolicyRules", 20);
	back = v_in(v, "restartPolicyRules");
	V_EACH(v, v_get(v, c, "restartPolicyRules"), n, i) {
		item = v_item(v, i);
		s = v_str(v, n, "action");
		if (!pin_str_is(s, "Restart"))
			v_unsupported(v, "action", s, "Restart");
		e = v_get(v, n, "exitCodes");
		if (!v_has(v, n, "exitCodes")) {
			v_required(v, "exitCodes", "must be specified");
			v_out(v, item);
			continue;
		}
		codes = v_in(v, "exitCodes");
		s = v_str(v, e, "operator");
		if (!v_word(s, "In NotIn"))
			v_unsupported(v, "operator", s, "In NotIn");
		if (v_count(v, e, "values") > 255)
			v_toolong(v, "values", 255);
		v_out(v, codes);
		v_out(v, item);
	}
	v_out(v, back);
}

static void
probe(struct v *v, pin_node c, const char *member, int64_t grace)
{
	pin_node p = v_get(v, c, member), wait;
	int readiness = strcmp(member, "readinessProbe") == 0;
	int64_t n;
	size_t back;

	if (!v_has(v, c, member))
		return;
	back = v_in(v, member);
	check_probe_or_hook(v, p, grace);
	wait = v_get(v, p, "terminationGracePeriodSeconds");
	if (pin_obj_i64(v->o, wait, &n)) {
		if (n <= 0)
			v_bad_int(v, "terminationGracePeriodSeconds", n,
			    "must be greater than 0");
		if (readiness)
			v_bad_int(v, "terminationGracePeriodSeconds", n,
			    "must not be set for readinessProbes");
	}
	n = v_int(v, p, "successThreshold", 0);
	if (!readiness && n != 1)
		v_bad_int(v, "successThreshold", n, "must be 1");
	v_out(v, back);
}

static void
lifecycle(struct v *v, pin_node c, pin_node spec, int64_t grace)
{
	static const char *const hooks[] = { "postStart", "preStop" };
	pin_node l = v_get(v, c, "lifecycle");
	size_t back = v_in(v, "lifecycle"), hook, i;

	for (i = 0; i < PIN_LEN(hooks); i++) {
		if (!v_has(v, l, hooks[i]))
			continue;
		hook = v_in(v, hooks[i]);
		check_probe_or_hook(v, v_get(v, l, hooks[i]), grace);
		v_out(v, hook);
	}
	if (v_has(v, l, "stopSignal") && !v_has(v, spec, "os"))
		v_forbidden(v, "stopSignal", "may not be set for containers "
		    "with empty `spec.os.name`");
	v_out(v, back);
}

static void
common(struct v *v, struct pod_spec *p, pin_node c)
{
	struct pin_str image = v_str(v, c, "image");

	ports(v, c);
	env(v, c);
	env_from(v, c);
	mounts_and_devices(v, c, &p->volumes);
	check_resources(v, v_get(v, c, "resources"), &p->claims);
	resize_policy(v, c, p->spec);
	check_security(v, c, p->host_users);
	if (p->alone && text_trim(image).len != image.len)
		v_bad_str(v, "image", image, "must not have leading or "
		    "trailing whitespace");
}

static void
watched(struct v *v, struct pod_spec *p, pin_node c)
{
	if (v_has(v, c, "lifecycle"))
		lifecycle(v, c, p->spec, p->grace);
	probe(v, c, "livenessProbe", p->grace);
	probe(v, c, "readinessProbe", p->grace);
	probe(v, c, "startupProbe", p->grace);
}

static void
unique(struct v *v, struct v_set *names, pin_node c)
{
	struct pin_str name = v_str(v, c, "name");

	if (v_set_add(names, name, c) && name.len > 0)
		v_duplicate(v, "name", name);
}

/* ---- the three lists --------------------------------------------------- */

static void
init_containers(struct v *v, struct pod_spec *p, struct v_set *names,
    struct pin_arena *arena)
{
	static const char *const no[] = { "lifecycle", "livenessProbe",
	    "readinessProbe", "startupProbe" };
	size_t back = v_in(v, "initContainers"), item, k;
	pin_node c;
	uint32_t i;

	V_EACH(v, v_get(v, p->spec, "initContainers"), c, i) {
		struct v_set seen = { 0 };
		int always = v_is(v, c, "restartPolicy", "Always");

		item = v_item(v, i);
		common(v, p, c);
		if (always && v_count(v, c, "restartPolicyRules") > 0)
			v_forbidden(v, "restartPolicyRules",
			    "restartPolicyRules are not allowed for init "
			    "containers with restart policy Always");
		else if (!always)
			restart_rules(v, c);
		unique(v, names, c);
		host_ports(v, c, &seen, arena);
		v_set_free(&seen);
		if (always)
			watched(v, p, c);
		for (k = 0; k < PIN_LEN(no) && !always; k++)
			if (v_has(v, c, no[k]))
				v_forbidden(v, no[k], "may not be set for init"
				    " containers without restartPolicy="
				    "Always");
		v_out(v, item);
	}
	v_out(v, back);
}

static void
ephemeral_containers(struct v *v, struct pod_spec *p, struct v_set *names)
{
	static const char *const no[] = { "ports", "livenessProbe",
	    "readinessProbe", "startupProbe", "lifecycle", "resizePolicy" };
	size_t back = v_in(v, "ephemeralContainers"), item, k;
	struct pin_str target;
	pin_node c;
	uint32_t i;

	V_EACH(v, v_get(v, p->spec, "ephemeralContainers"), c, i) {
		item = v_item(v, i);
		common(v, p, c);
		target = v_str(v, c, "targetContainerName");
		if (target.len > 0 && !v_set_get(names, target, NULL))
			v_notfound(v, "targetContainerName", target, "%s", "");
		for (k = 0; k < PIN_LEN(no); k++)
			if (v_has(v, c, no[k]))
				v_forbidden(v, no[k], "cannot be set for an "
				    "Ephemeral Container");
		v_out(v, item);
	}
	V_EACH(v, v_get(v, p->spec, "ephemeralContainers"), c, i) {
		item = v_item(v, i);
		unique(v, names, c);
		v_out(v, item);
	}
	v_out(v, back);
}

#define SCRATCH_MAX	((size_t)4 << 20)	/* texts of host ports */

void
check_containers(struct v *v, struct pod_spec *p)
{
	struct pin_arena *arena = pin_arena_new(SCRATCH_MAX);
	struct v_set names = { 0 }, seen = { 0 };
	size_t back = v_in(v, "containers"), item;
	pin_node c;
	uint32_t i;

	if (arena == NULL) {
		pin_cause_add(v->causes, PIN_CAUSE_INTERNAL, v->path,
		    PIN_STR_NONE, "out of memory");
		return;
	}
	V_EACH(v, v_get(v, p->spec, "containers"), c, i) {
		item = v_item(v, i);
		common(v, p, c);
		unique(v, &names, c);
		watched(v, p, c);
		restart_rules(v, c);
		v_out(v, item);
	}
	V_EACH(v, v_get(v, p->spec, "containers"), c, i) {
		item = v_item(v, i);
		host_ports(v, c, &seen, arena);
		v_out(v, item);
	}
	v_out(v, back);
	init_containers(v, p, &names, arena);
	ephemeral_containers(v, p, &names);
	v_set_free(&names);
	v_set_free(&seen);
	pin_arena_free(&arena);
}
