/* SPDX-License-Identifier: BSD-2-Clause
 *
 * warn_more.c -- the checks that look at more than one value: containers,
 * their ports and environment, services, jobs; and the forms of addresses.
 * Front loop. Contract: warn.h. */
#include "core/apiserver/warn.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static pin_node
get(const struct warn *w, pin_node n, const char *key)
{
	return (pin_obj_get(w->o, n, key));
}

static struct pin_str
text(const struct warn *w, pin_node n, const char *key)
{
	return (pin_obj_str(w->o, get(w, n, key)));
}

static int64_t
number(const struct warn *w, pin_node n, const char *key)
{
	int64_t v = 0;

	(void)pin_obj_i64(w->o, get(w, n, key), &v);
	return (v);
}

/* ---- environment ------------------------------------------------------ */

static int
contains(struct pin_str s, const char *part, size_t len)
{
	size_t i;

	for (i = 0; i + len <= s.len; i++)
		if (memcmp(s.p + i, part, len) == 0)
			return (1);
	return (0);
}

/* Does item n hide what was defined before, and not build on it? */
static int
hides(struct warn *w, pin_node n, struct pin_str name)
{
	struct pin_str value = text(w, n, "value");
	char *ref;

	if (get(w, n, "valueFrom") != 0)
		return (1);
	ref = pin_arena_printf(w->r->arena, NULL, "$(" PIN_SFMT ")",
	    PIN_SARG(name));
	return (ref == NULL || pin_str_is(value, ref) ||
	    !contains(value, ref, strlen(ref)));
}

void
warn_hidden_env(struct warn *w, pin_node list)
{
	const pin_node first = pin_obj_first(w->o, list);
	struct pin_str name;
	const struct warn_place *up = w->place;
	struct warn_place here = { up, NULL, 0, 0, 0 };
	uint32_t i = 0, k;
	pin_node n, m;

	for (n = first; n != 0 && i < WARN_COMPARE_MAX;
	    n = pin_obj_next(w->o, n), i++) {
		name = text(w, n, "name");
		for (m = first, k = 0; k < i; m = pin_obj_next(w->o, m), k++)
			if (pin_str_eq(name, text(w, m, "name")))
				break;
		if (k == i || !hides(w, n, name))
			continue;
		here.index = i;
		w->place = &here;
		warn_say(w, "hides previous definition of \"" PIN_SFMT
		    "\", which may be dropped when using apply",
		    PIN_SARG(name));
	}
	w->place = up;
}

/* ---- ports ------------------------------------------------------------ */

struct port {
	const char	*list;
	uint32_t	 container, index;
	pin_node	 n;
};

struct ports {
	struct warn	*w;
	char		 spec[WARN_PATH_MAX];	/* the path of the pod's spec */
	uint32_t	 n, max;
	struct port	 at[];
};

static size_t
count_ports(const struct warn *w, pin_node spec, const char *list)
{
	size_t count = 0;
	pin_node n;

	for (n = pin_obj_first(w->o, get(w, spec, list)); n != 0;
	    n = pin_obj_next(w->o, n))
		count += pin_obj_count(w->o, get(w, n, "ports"));
	return (count);
}

static void
collect(struct ports *ps, pin_node spec, const char *list)
{
	const struct pin_obj *o = ps->w->o;
	uint32_t c = 0, i;
	pin_node n, p;

	for (n = pin_obj_first(o, pin_obj_get(o, spec, list)); n != 0;
	    n = pin_obj_next(o, n), c++)
		for (p = pin_obj_first(o, pin_obj_get(o, n, "ports")), i = 0;
		    p != 0; p = pin_obj_next(o, p), i++)
			if (ps->n < ps->max)
				ps->at[ps->n++] = (struct port){ list, c, i,
				    p };
}

#define PORT_FMT	"%s.%s[%" PRIu32 "].ports[%" PRIu32 "]"
#define PORT_ARG(ps, p)	(ps)->spec, (p)->list, (p)->container, (p)->index

static void
compare_ports(struct ports *ps, const struct port *a, const struct port *b)
{
	struct warn *w = ps->w;
	struct pin_str ip = text(w, a->n, "hostIP"),
	    other = text(w, b->n, "hostIP");
	int64_t host = number(w, a->n, "hostPort"),
	    host2 = number(w, b->n, "hostPort");
	const char *what;

	if (number(w, a->n, "containerPort") != number(w, b->n,
	    "containerPort") || !pin_str_eq(text(w, a->n, "protocol"),
	    text(w, b->n, "protocol")))
		return;
	if (pin_str_eq(ip, other) && host == host2)
		what = "duplicate";
	else if (host == 0 || host2 == 0)
		what = "overlapping";
	else if (host == host2 && (ip.len == 0) != (other.len == 0))
		what = "dangerously ambiguous";
	else
		return;
	request_warn(w->r, PORT_FMT ": %s port definition with " PORT_FMT,
	    PORT_ARG(ps, a), what, PORT_ARG(ps, b));
}

static void
lonely_address(struct ports *ps, const struct port *p)
{
	struct warn *w = ps->w;
	struct pin_str ip = text(w, p->n, "hostIP");

	if (ip.len == 0 || number(w, p->n, "hostPort") != 0)
		return;
	request_warn(w->r, PORT_FMT ": hostIP set without hostPort: {Name:"
	    PIN_SFMT " HostPort:0 ContainerPort:%" PRId64 " Protocol:" PIN_SFMT
	    " HostIP:" PIN_SFMT "}", PORT_ARG(ps, p), PIN_SARG(text(w, p->n,
	    "name")), number(w, p->n, "containerPort"), PIN_SARG(text(w, p->n,
	    "protocol")), PIN_SARG(ip));
}

static void
compare_names(struct ports *ps, uint32_t i)
{
	struct pin_str name = text(ps->w, ps->at[i].n, "name");
	const struct port *a = &ps->at[i], *b;
	uint32_t k;

	for (k = 0; k < i && name.len > 0; k++) {
		b = &ps->at[k];
		if (!pin_str_eq(name, text(ps->w, b->n, "name")))
			continue;
		request_warn(ps->w->r, PORT_FMT ": duplicate port name \""
		    PIN_SFMT "\" with " PORT_FMT ", services and probes that "
		    "select ports by name will use " PORT_FMT, PORT_ARG(ps, a),
		    PIN_SARG(name), PORT_ARG(ps, b), PORT_ARG(ps, b));
		return;
	}
}

void
warn_ports(struct warn *w, pin_node spec)
{
	struct ports *ps;
	uint32_t i, k;
	size_t n = 0;

	n += count_ports(w, spec, "initContainers");
	n += count_ports(w, spec, "containers");
	n = n < WARN_COMPARE_MAX ? n : WARN_COMPARE_MAX;
	ps = n == 0 ? NULL : pin_arena_alloc(w->r->arena, sizeof(*ps) +
	    n * sizeof(ps->at[0]));
	if (ps == NULL)
		return;
	ps->w = w;
	warn_path(w, ps->spec);
	ps->n = 0;
	ps->max = (uint32_t)n;
	collect(ps, spec, "initContainers");
	collect(ps, spec, "containers");
	for (i = 0; i < ps->n; i++) {
		lonely_address(ps, &ps->at[i]);
		for (k = 0; k < i; k++)
			compare_ports(ps, &ps->at[i], &ps->at[k]);
	}
	for (i = 0; i < ps->n; i++)
		compare_names(ps, i);
}

/* ---- annotations that became members ---------------------------------- */

#define SECCOMP_TEXT	"non-functional in v1.27+; use the "		\
	"\"seccompProfile\" field instead"
#define SECCOMP		"container.seccomp.security.alpha.kubernetes.io/"
#define APPARMOR	"container.apparmor.security.beta.kubernetes.io/"

static pin_node
pod_spec(const struct warn *w)
{
	return (get(w, w->root, "spec"));
}

void
warn_seccomp_pod(struct warn *w, pin_node n)
{
	if (n != 0 && get(w, get(w, pod_spec(w), "securityContext"),
	    "seccompProfile") == 0)
		warn_say(w, "%s", SECCOMP_TEXT);
}

/* An annotation about a container: has the container the member? */
static void
about_container(struct warn *w, const char *head, const char *member,
    const char *say)
{
	static const char *const lists[] = { "initContainers", "containers" };
	size_t i, len = strlen(head);
	struct pin_str name;
	pin_node n;

	if (w->key.len < len || memcmp(w->key.p, head, len) != 0)
		return;
	name = (struct pin_str){ w->key.p + len, w->key.len - len };
	for (i = 0; i < PIN_LEN(lists); i++)
		for (n = pin_obj_first(w->o, get(w, pod_spec(w), lists[i]));
		    n != 0; n = pin_obj_next(w->o, n))
			if (pin_str_eq(name, text(w, n, "name")) &&
			    get(w, get(w, n, "securityContext"), member) == 0)
				warn_say(w, "%s", say);
}

void
warn_of_container(struct warn *w, pin_node n)
{
	if (n == 0)
		return;
	about_container(w, SECCOMP, "seccompProfile", SECCOMP_TEXT);
	about_container(w, APPARMOR, "appArmorProfile", "deprecated since "
	    "v1.30; use the \"appArmorProfile\" field instead");
}

/* ---- services, jobs --------------------------------------------------- */

void
warn_headless(struct warn *w, pin_node spec)
{
	if (!pin_str_is(text(w, spec, "type"), "ClusterIP") ||
	    !pin_str_is(text(w, spec, "clusterIP"), "None"))
		return;
	if (text(w, spec, "loadBalancerIP").len > 0)
		request_warn(w->r, "spec.loadBalancerIP is ignored for "
		    "headless services");
	if (pin_obj_count(w->o, get(w, spec, "externalIPs")) > 0)
		request_warn(w->r, "spec.externalIPs is ignored for headless "
		    "services");
	if (!pin_str_is(text(w, spec, "sessionAffinity"), "None"))
		request_warn(w->r, "spec.SessionAffinity is ignored for "
		    "headless services");
}

void
warn_external(struct warn *w, pin_node spec)
{
	int external = pin_str_is(text(w, spec, "type"), "ExternalName");

	if (external && pin_obj_count(w->o, get(w, spec, "externalIPs")) > 0)
		request_warn(w->r, "spec.externalIPs is ignored when "
		    "spec.type is \"ExternalName\"");
	if (!external && text(w, spec, "externalName").len > 0)
		request_warn(w->r, "spec.externalName is ignored when "
		    "spec.type is not \"ExternalName\"");
}

void
warn_indexed(struct warn *w, pin_node spec)
{
	if (pin_str_is(text(w, spec, "completionMode"), "Indexed") &&
	    number(w, spec, "completions") > 100000 &&
	    number(w, spec, "parallelism") > 10000)
		warn_say(w, "In Indexed Jobs with a number of completions "
		    "higher than 10^5 and a parallelism higher than 10^4, "
		    "Kubernetes might not be able to track completedIndexes "
		    "when a big number of indexes fail");
}

/* ---- addresses -------------------------------------------------------- */

/* a.b.c.d with zeros in front: what libraries read differently. 0: it is
 * something else, or as it should be. */
static int
plain_ipv4(const char *s, char out[INET6_ADDRSTRLEN])
{
	unsigned int part[4], i, zeros = 0;
	int used = 0;

	for (i = 0; i < 4; i++) {
		zeros |= s[0] == '0' && s[1] >= '0' && s[1] <= '9';
		if (s[0] < '0' || s[0] > '9' || sscanf(s, "%3u%n", &part[i],
		    &used) != 1 || part[i] > 255)
			return (0);
		s += used;
		if (*s++ != (i < 3 ? '.' : '\0'))
			return (0);
	}
	(void)snprintf(out, INET6_ADDRSTRLEN, "%u.%u.%u.%u", part[0], part[1],
	    part[2], part[3]);
	return (zeros != 0);
}

void
warn_address(struct warn *w, pin_node n)
{
	struct pin_str s = pin_obj_str(w->o, n);
	char in[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN];
	struct in6_addr a;
	int odd;

	if (s.len == 0 || s.len >= sizeof(in))
		return;
	memcpy(in, s.p, s.len);
	in[s.len] = '\0';
	odd = plain_ipv4(in, out);
	if (!odd && (inet_pton(AF_INET6, in, &a) != 1 ||
	    inet_ntop(AF_INET6, &a, out, sizeof(out)) == NULL))
		return;
	if (!odd && IN6_IS_ADDR_V4MAPPED(&a)) {
		odd = 1;
		(void)inet_ntop(AF_INET, &a.s6_addr[12], out, sizeof(out));
	}
	if (odd)
		warn_say(w, "non-standard IP address \"%s\" will be considered"
		    " invalid in a future Kubernetes release: use \"%s\"", in,
		    out);
	else if (strcmp(in, out) != 0)
		warn_say(w, "IPv6 address \"%s\" should be in RFC 5952 "
		    "canonical format (\"%s\")", in, out);
}
