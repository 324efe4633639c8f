/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bundle.c -- config.json of one container: what is the same on every OS.
 * Work pool. Contract: OCI runtime specification 1.0, config.md. */
#include "oci.h"

#include <stdio.h>
#include <string.h>

/* What containerd gives a container that asks for nothing. */
static const char *const caps_default[] = {
	"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW",
	"SETGID", "SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE",
	"SYS_CHROOT", "KILL", "AUDIT_WRITE",
};

static const char *const caps_all[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID",
	"KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
	"SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
	"AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE",
	"MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
	"PERFMON", "BPF", "CHECKPOINT_RESTORE",
};

/* Is cap in a list of the pod, with or without "CAP_", or as "ALL"? */
static int
listed(const struct pin_obj *o, pin_node list, const char *cap, int *all)
{
	pin_node n;

	*all = 0;
	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n)) {
		struct pin_str s = pin_obj_str(o, n);

		if (pin_str_prefix(s, "CAP_")) {
			s.p += 4;
			s.len -= 4;
		}
		*all |= pin_str_is(s, "ALL");
		if (pin_str_is(s, cap))
			return (1);
	}
	return (0);
}

static int
is_default(const char *cap)
{
	for (size_t i = 0; i < PIN_LEN(caps_default); i++)
		if (strcmp(caps_default[i], cap) == 0)
			return (1);
	return (0);
}

/* As containerd reads add and drop: a named one wins over ALL. */
int
oci_has_cap(const struct oci_start *s, const char *cap)
{
	const struct pin_obj *o = s->c->pod;
	pin_node caps = o != NULL ? pin_obj_get(o, s->sec, "capabilities") : 0;
	int add_all = 0, drop_all = 0, add = 0, drop = 0;

	if (s->c->privileged)
		return (1);
	if (o != NULL) {
		add = listed(o, pin_obj_get(o, caps, "add"), cap, &add_all);
		drop = listed(o, pin_obj_get(o, caps, "drop"), cap,
		    &drop_all);
	}
	/* Device nodes nobody restricts would open the node's disks. */
	if (strcmp(cap, "MKNOD") == 0 && !s->devices)
		return (0);
	if (drop)
		return (0);
	return (add || add_all || (is_default(cap) && !drop_all));
}

/* Is spec.KEY true? */
int
oci_pod_says(const struct oci_start *s, const char *key)
{
	const struct pin_obj *o = s->c->pod;

	return (o != NULL && pin_obj_true(o, pin_obj_at(o, pin_obj_root(o),
	    "spec", key, NULL)));
}

static void
put_caps(const struct oci_start *s, struct pin_out *out, const char *set)
{
	uint32_t n = 0;

	pin_out_printf(out, "\"%s\":[", set);
	for (size_t i = 0; i < PIN_LEN(caps_all); i++)
		if (oci_has_cap(s, caps_all[i]))
			pin_out_printf(out, "%s\"CAP_%s\"", n++ > 0 ? "," : "",
			    caps_all[i]);
	pin_out_char(out, ']');
}

static void
put_strings(struct pin_out *out, const char *const *v)
{
	pin_out_char(out, '[');
	for (size_t i = 0; v[i] != NULL; i++) {
		if (i > 0)
			pin_out_char(out, ',');
		pin_json_quote(out, pin_str(v[i]));
	}
	pin_out_char(out, ']');
}

/* The image's groups of the user, then the pod's. */
static void
put_groups(const struct oci_start *s, struct pin_out *out)
{
	const struct pin_obj *o = s->c->pod;
	uint32_t n = 0;
	int64_t gid;
	pin_node at;

	pin_out_cstr(out, ",\"additionalGids\":[");
	for (uint32_t i = 0; i < s->user.ngroups; i++)
		pin_out_printf(out, "%s%u", n++ > 0 ? "," : "",
		    s->user.groups[i]);
	if (o != NULL && pin_obj_i64(o, pin_obj_get(o, s->pod_sec, "fsGroup"),
	    &gid))
		pin_out_printf(out, "%s%lld", n++ > 0 ? "," : "",
		    (long long)gid);
	at = o != NULL ? pin_obj_first(o, pin_obj_get(o, s->pod_sec,
	    "supplementalGroups")) : 0;
	for (; at != 0; at = pin_obj_next(o, at))
		if (pin_obj_i64(o, at, &gid))
			pin_out_printf(out, "%s%lld", n++ > 0 ? "," : "",
			    (long long)gid);
	pin_out_char(out, ']');
}

static void
put_process(const struct oci_start *s, struct pin_out *out)
{
	const struct pin_container *c = s->c;
	const struct pin_obj *config = s->image.config;
	struct pin_str dir = pin_obj_str(config, pin_obj_get(config,
	    s->image.run, "WorkingDir"));
	pin_node esc = c->pod != NULL ? pin_obj_get(c->pod, s->sec,
	    "allowPrivilegeEscalation") : 0;

	pin_out_printf(out, "\"process\":{\"terminal\":false,\"user\":{"
	    "\"uid\":%u,\"gid\":%u", s->user.uid, s->user.gid);
	put_groups(s, out);
	pin_out_cstr(out, "},\"args\":");
	put_strings(out, s->argv);
	pin_out_cstr(out, ",\"env\":");
	put_strings(out, s->env);
	pin_out_cstr(out, ",\"cwd\":");
	pin_json_quote(out, c->workdir != NULL && c->workdir[0] != '\0' ?
	    pin_str(c->workdir) : dir.len > 0 && dir.p[0] == '/' ? dir :
	    PIN_STR("/"));
	pin_out_cstr(out, ",\"capabilities\":{");
	put_caps(s, out, "bounding");
	pin_out_char(out, ',');
	put_caps(s, out, "effective");
	pin_out_char(out, ',');
	put_caps(s, out, "permitted");
	pin_out_printf(out, "},\"noNewPrivileges\":%s}", esc != 0 &&
	    pin_obj_type(c->pod, esc) == PIN_FALSE ? "true" : "false");
}

int
oci_bundle(const struct oci_start *s, const char *dir, struct pin_err *err)
{
	char path[OCI_PATH_MAX];
	struct pin_out out;
	int rc;

	pin_out_init(&out, NULL, OCI_CONFIG_MAX);
	pin_out_cstr(&out, "{\"ociVersion\":\"1.0.0\",");
	put_process(s, &out);
	pin_out_printf(&out, ",\"root\":{\"path\":\"root\",\"readonly\":%s}",
	    s->c->read_only_root ? "true" : "false");
	if (s->c->hostname != NULL && !oci_pod_says(s, "hostNetwork")) {
		pin_out_cstr(&out, ",\"hostname\":");
		pin_json_quote(&out, pin_str(s->c->hostname));
	}
	oci_os_config(s, &out);
	pin_out_cstr(&out, "}\n");
	snprintf(path, sizeof(path), "%s/config.json", dir);
	rc = out.failed != PIN_OK ? pin_err_set(err, out.failed, "command and "
	    "environment are too long") : pin_path_replace(
	    pin_env_host(s->o->env), path, out.p, out.len, PIN_FILE_PRIVATE,
	    err);
	pin_out_fini(&out);
	return (rc);
}
