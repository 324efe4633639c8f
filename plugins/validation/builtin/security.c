/* SPDX-License-Identifier: BSD-2-Clause
 *
 * security.c -- security contexts of pods and containers.
 * Front threads. Contract: upstream's core ValidateSecurityContext and
 * validatePodSpecSecurityContext. */
#include "plugins/validation/builtin/builtin.h"

#include <string.h>

#define APPARMOR_MAX	4095	/* PATH_MAX - 1 */
#define SYSCTL_MAX	253

static void
seccomp(struct v *v, pin_node owner)
{
	pin_node p = v_get(v, owner, "seccompProfile");
	struct pin_str type = v_str(v, p, "type");
	struct pin_out o;
	size_t back;

	if (!v_has(v, owner, "seccompProfile"))
		return;
	back = v_in(v, "seccompProfile");
	if (pin_str_is(type, "Localhost")) {
		if (!v_has(v, p, "localhostProfile"))
			v_required(v, "localhostProfile", "must be set when "
			    "seccomp type is Localhost");
		else
			v_format(v, "localhostProfile", v_str(v, p,
			    "localhostProfile"), "relative-path");
	} else if (v_has(v, p, "localhostProfile")) {
		pin_out_init(&o, NULL, V_VALUE_MAX);
		pin_out_cstr(&o, "{\"Type\":");
		pin_json_quote(&o, type);
		pin_out_cstr(&o, ",\"LocalhostProfile\":");
		pin_json_quote(&o, v_str(v, p, "localhostProfile"));
		pin_out_char(&o, '}');
		v_bad_text(v, "localhostProfile", (struct pin_str){ o.p,
		    o.len }, "can only be set when seccomp type is Localhost");
		pin_out_fini(&o);
	}
	v_out(v, back);
}

static void
apparmor(struct v *v, pin_node owner)
{
	pin_node p = v_get(v, owner, "appArmorProfile");
	struct pin_str s = v_str(v, p, "localhostProfile");
	size_t back;

	if (!v_has(v, owner, "appArmorProfile"))
		return;
	back = v_in(v, "appArmorProfile");
	if (v_is(v, p, "type", "Localhost")) {
		if (text_trim(s).len != s.len)
			v_bad_str(v, "localhostProfile", s, "must not be "
			    "padded with whitespace");
		else if (s.len == 0)
			v_required(v, "localhostProfile", "must be set when "
			    "AppArmor type is Localhost");
		if (s.len > APPARMOR_MAX)
			v_toolong(v, "localhostProfile", APPARMOR_MAX);
	} else if (v_has(v, p, "localhostProfile") &&
	    v_str(v, p, "type").len > 0) {
		v_bad_str(v, "localhostProfile", s, "can only be set when "
		    "AppArmor type is Localhost");
	}
	v_out(v, back);
}

/* ---- a container's ----------------------------------------------------- */

static int
adds(const struct v *v, pin_node sc, const char *capability)
{
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, v_get(v, sc, "capabilities"), "add"), n, i)
		if (pin_str_is(pin_obj_str(v->o, n), capability))
			return (1);
	return (0);
}

void
check_security(struct v *v, pin_node container, int host_users)
{
	pin_node sc = v_get(v, container, "securityContext");
	int64_t group = v_int(v, sc, "runAsGroup", 0);
	size_t back;

	if (!v_has(v, container, "securityContext"))
		return;
	back = v_in(v, "securityContext");
	if (group < 0 || group > INT32_MAX)
		v_bad_int(v, "runAsGroup", group, "must be between 0 and "
		    "2147483647, inclusive");
	if (host_users && v_is(v, sc, "procMount", "Unmasked"))
		v_bad_str(v, "procMount", PIN_STR("Unmasked"), "`hostUsers` "
		    "must be false to use `Unmasked`");
	seccomp(v, sc);
	if (pin_obj_type(v->o, v_get(v, sc, "allowPrivilegeEscalation")) ==
	    PIN_FALSE) {
		if (v_true(v, sc, "privileged"))
			v_bad_node(v, NULL, sc, "cannot set "
			    "`allowPrivilegeEscalation` to false and "
			    "`privileged` to true");
		if (adds(v, sc, "CAP_SYS_ADMIN"))
			v_bad_node(v, NULL, sc, "cannot set "
			    "`allowPrivilegeEscalation` to false and "
			    "`capabilities.Add` CAP_SYS_ADMIN");
	}
	apparmor(v, sc);
	v_out(v, back);
}

/* ---- a pod's ----------------------------------------------------------- */

static int
sysctl_char(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

/* Segments of [a-z0-9]([-_a-z0-9]*[a-z0-9])? joined by '.' or '/'. */
static int
sysctl_ok(struct pin_str s)
{
	char prev = '.', c;
	size_t i;

	for (i = 0; i < s.len; i++, prev = c) {
		c = s.p[i];
		if (c == '.' || c == '/') {
			if (!sysctl_char(prev))
				return (0);
		} else if (c == '-' || c == '_') {
			if (prev == '.' || prev == '/')
				return (0);
		} else if (!sysctl_char(c)) {
			return (0);
		}
	}
	return (s.len <= SYSCTL_MAX && sysctl_char(prev));
}

static int
sysctl_ns(struct pin_str s, const char *dots, const char *slashes)
{
	return (pin_str_prefix(s, dots) || pin_str_prefix(s, slashes));
}

static void
sysctls(struct v *v, pin_node spec, pin_node sc)
{
	size_t back = v_in(v, "sysctls"), item;
	struct v_set seen = { 0 };
	struct pin_str s;
	pin_node n;
	uint32_t i;

	V_EACH(v, v_get(v, sc, "sysctls"), n, i) {
		item = v_item(v, i);
		s = v_str(v, n, "name");
		if (s.len > 0 && !sysctl_ok(s))
			v_bad_str(v, "name", s, "must have at most 253 "
			    "characters and match regex ^([a-z0-9]([-_a-z0-9]*"
			    "[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])"
			    "?$");
		else if (s.len > 0 && v_set_add(&seen, s, n))
			v_duplicate(v, "name", s);
		if (v_true(v, spec, "hostNetwork") &&
		    sysctl_ns(s, "net.", "net/"))
			v_bad_str(v, "name", s, "may not be specified when "
			    "'hostNetwork' is true");
		if (v_true(v, spec, "hostIPC") && (sysctl_ns(s, "kernel.shm",
		    "kernel/shm") || sysctl_ns(s, "kernel.msg", "kernel/msg")
		    || sysctl_ns(s, "kernel.sem", "kernel/sem") ||
		    sysctl_ns(s, "fs.mqueue.", "fs/mqueue/")))
			v_bad_str(v, "name", s, "may not be specified when "
			    "'hostIPC' is true");
		v_out(v, item);
	}
	v_set_free(&seen);
	v_out(v, back);
}

/* At the path of the pod spec. */
void
check_pod_security(struct v *v, pin_node spec)
{
	pin_node sc = v_get(v, spec, "securityContext");
	struct pin_str policy = v_str(v, sc, "seLinuxChangePolicy");
	size_t back = v_in(v, "securityContext");

	if (v_true(v, spec, "shareProcessNamespace") &&
	    v_true(v, spec, "hostPID"))
		v_bad_node(v, "shareProcessNamespace", v_get(v, spec,
		    "shareProcessNamespace"), "ShareProcessNamespace and "
		    "HostPID cannot both be enabled");
	sysctls(v, spec, sc);
	seccomp(v, sc);
	apparmor(v, sc);
	if (v_has(v, sc, "seLinuxChangePolicy") &&
	    !v_word(policy, "MountOption Recursive"))
		v_unsupported(v, "seLinuxChangePolicy", policy,
		    "MountOption Recursive");
	v_out(v, back);
}
