/* SPDX-License-Identifier: BSD-2-Clause
 *
 * probe.c -- what probes and hooks do, and what the environment and volumes
 * may tell of their own pod.
 * Front threads. Contract: upstream's core validateHandler,
 * validateObjectFieldSelector and validateContainerResourceFieldSelector. */
#include "plugins/validation/builtin/builtin.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* ---- handlers ---------------------------------------------------------- */

static int
header_ok(struct pin_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-')
			return (0);
	return (s.len > 0);
}

static void
http_get(struct v *v, pin_node h, int64_t grace)
{
	pin_node n;
	uint32_t i;

	(void)grace;
	v_port(v, "port", v_get(v, h, "port"));
	V_EACH(v, v_get(v, h, "httpHeaders"), n, i)
		if (!header_ok(v_str(v, n, "name")))
			v_bad_str(v, "httpHeaders", v_str(v, n, "name"),
			    "a valid HTTP header must consist of alphanumeric "
			    "characters or '-' (e.g. 'X-Header-Name', regex "
			    "used for validation is '[-A-Za-z0-9]+')");
}

static void
tcp_socket(struct v *v, pin_node h, int64_t grace)
{
	(void)grace;
	v_port(v, "port", v_get(v, h, "port"));
}

static void
nap(struct v *v, pin_node h, int64_t grace)
{
	int64_t s = v_int(v, h, "seconds", 0);

	if (s < 0 || s > grace)
		v_bad_int(v, NULL, s, "must be non-negative and less than "
		    "terminationGracePeriodSeconds (%" PRId64 ")", grace);
}

static const struct handler {
	const char	*member;
	void		(*check)(struct v *, pin_node, int64_t grace);
} handlers[] = {
	{ "exec",	NULL },
	{ "httpGet",	http_get },
	{ "tcpSocket",	tcp_socket },
	{ "grpc",	NULL },
	{ "sleep",	nap },
};

/* At the path of the probe or hook. */
void
check_probe_or_hook(struct v *v, pin_node p, int64_t grace)
{
	uint32_t found = 0;
	size_t i, back;

	for (i = 0; i < PIN_LEN(handlers); i++) {
		if (!v_has(v, p, handlers[i].member))
			continue;
		if (found++ > 0) {
			v_forbidden(v, handlers[i].member, "may not specify "
			    "more than 1 handler type");
			continue;
		}
		if (handlers[i].check == NULL)
			continue;
		back = v_in(v, handlers[i].member);
		handlers[i].check(v, v_get(v, p, handlers[i].member), grace);
		v_out(v, back);
	}
	if (found == 0)
		v_required(v, NULL, "must specify a handler type");
}

/* ---- fieldRef ---------------------------------------------------------- */

static const char known_labels[] = "metadata.annotations metadata.labels "
    "metadata.name metadata.namespace metadata.uid spec.nodeName "
    "spec.restartPolicy spec.serviceAccountName spec.schedulerName "
    "status.phase status.hostIP status.hostIPs status.podIP status.podIPs";
static const char env_labels[] = "metadata.name metadata.namespace "
    "metadata.uid spec.nodeName spec.serviceAccountName status.hostIP "
    "status.hostIPs status.podIP status.podIPs";
static const char volume_labels[] = "metadata.annotations metadata.labels "
    "metadata.name metadata.namespace metadata.uid";

/* "metadata.labels['KEY']": the path, and *key, or 0. */
static int
subscript(struct pin_str s, struct pin_str *path, struct pin_str *key)
{
	const char *open;
	size_t i;

	if (s.len < 5 || memcmp(s.p + s.len - 2, "']", 2) != 0)
		return (0);
	for (i = 0; i + 1 < s.len; i++) {
		open = s.p + i;
		if (open[0] != '[' || open[1] != '\'')
			continue;
		if (i + 2 > s.len - 2)
			return (0);
		*path = (struct pin_str){ s.p, i };
		*key = (struct pin_str){ s.p + i + 2, s.len - i - 4 };
		return (path->len > 0);
	}
	return (0);
}

/* Without its member; at the path of the selector's owner. */
void
check_field_ref(struct v *v, pin_node ref, int volume)
{
	struct pin_str api = v_str(v, ref, "apiVersion"),
	    path = v_str(v, ref, "fieldPath"), base, key;
	const char *allowed = volume ? volume_labels : env_labels;
	size_t back = v_in(v, "fieldRef");

	if (path.len == 0)
		v_required(v, "fieldPath", NULL);
	else if (!pin_str_is(api, "v1"))
		v_bad_str(v, "fieldPath", path, "error converting fieldPath: "
		    "unsupported pod version: " PIN_SFMT, PIN_SARG(api));
	else if (subscript(path, &base, &key) &&
	    v_word(base, "metadata.annotations metadata.labels"))
		v_format(v, NULL, key, "qualified-name");
	else if (subscript(path, &base, &key))
		v_bad_str(v, "fieldPath", path, "error converting fieldPath: "
		    "field label does not support subscript: " PIN_SFMT,
		    PIN_SARG(path));
	else if (!v_word(path, known_labels))
		v_bad_str(v, "fieldPath", path, "error converting fieldPath: "
		    "field label not supported: " PIN_SFMT, PIN_SARG(path));
	else if (!v_word(path, allowed))
		v_unsupported(v, "fieldPath", path, allowed);
	v_out(v, back);
}

/* ---- resourceFieldRef -------------------------------------------------- */

static const char resource_fields[] = "limits.cpu limits.ephemeral-storage "
    "limits.memory requests.cpu requests.ephemeral-storage requests.memory";
static const char round_divisors[] = "1 1k 1M 1G 1T 1P 1E 1Ki 1Mi 1Gi 1Ti 1Pi "
    "1Ei";

static void
divisor(struct v *v, pin_node ref, struct pin_str resource)
{
	struct pin_str d = v_str(v, ref, "divisor");
	const char *what;

	if (d.len == 0 || quantity_sign(d) == 0)
		return;
	if (v_word(resource, "limits.cpu requests.cpu")) {
		if (!v_word(d, "1m 1"))
			v_bad_str(v, "divisor", resource, "only divisor's "
			    "values 1m and 1 are supported with the cpu "
			    "resource");
		return;
	}
	if (v_word(resource, "limits.memory requests.memory"))
		what = "memory";
	else if (v_word(resource, "limits.ephemeral-storage "
	    "requests.ephemeral-storage"))
		what = "local ephemeral storage";
	else if (pin_str_prefix(resource, "limits.hugepages-") ||
	    pin_str_prefix(resource, "requests.hugepages-"))
		what = "hugepages";
	else
		return;
	if (!v_word(d, round_divisors))
		v_bad_str(v, "divisor", resource, "only divisor's values 1, "
		    "1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are "
		    "supported with the %s resource", what);
}

void
check_resource_ref(struct v *v, pin_node ref, int volume)
{
	struct pin_str resource = v_str(v, ref, "resource");
	size_t back = v_in(v, "resourceFieldRef");

	if (volume && v_str(v, ref, "containerName").len == 0)
		v_required(v, "containerName", NULL);
	else if (resource.len == 0)
		v_required(v, "resource", NULL);
	else if (!v_word(resource, resource_fields) &&
	    !pin_str_prefix(resource, "limits.hugepages-") &&
	    !pin_str_prefix(resource, "requests.hugepages-"))
		v_unsupported(v, "resource", resource, resource_fields);
	divisor(v, ref, resource);
	v_out(v, back);
}
