/* SPDX-License-Identifier: BSD-2-Clause
 *
 * etc.c -- who a pod is and whom it asks for names: its host name, and the
 * hosts and resolv.conf its containers see, below DATA/pods/UID/etc.
 * Work pool. Contract: Kubernetes' hostAliases, dnsPolicy and dnsConfig
 * (docs/node.md "Names"). There is no DNS of the cluster yet: ClusterFirst is
 * Default. */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/kubelet/kubelet_int.h"

#define NODE_HOSTS	"/etc/hosts"
#define NODE_RESOLV	"/etc/resolv.conf"
#define NODE_FILE_MAX	((size_t)1 << 20)
#define CLUSTER_DOMAIN	"cluster.local"
#define SERVERS_MAX	3		/* what a resolver reads of them */
#define SEARCHES_MAX	32
#define SEARCH_BYTES	2048
#define OPTIONS_MAX	64
#define NAME_MAX_LEN	63		/* of a host: RFC 1123 */

static pin_node
spec_of(const struct kpod *pod)
{
	return (pin_obj_get(pod->obj, pin_obj_root(pod->obj), "spec"));
}

static struct pin_str
spec_str(const struct kpod *pod, const char *key)
{
	return (pin_obj_str(pod->obj, pin_obj_get(pod->obj, spec_of(pod),
	    key)));
}

static int
on_host_network(const struct kpod *pod)
{
	return (pin_obj_true(pod->obj, pin_obj_get(pod->obj, spec_of(pod),
	    "hostNetwork")));
}

/* ---- the host name ----------------------------------------------------- */

/* The short name; and in fqdn the whole one, "" where the pod has none. */
static void
names(const struct kpod *pod, char host[64], char fqdn[512])
{
	struct pin_str own = spec_str(pod, "hostnameOverride"),
	    name = spec_str(pod, "hostname"), sub = spec_str(pod,
	    "subdomain");
	size_t n;

	fqdn[0] = '\0';
	if (own.len > 0) {
		str_copy(host, 64, own);
		return;
	}
	str_copy(host, 64, name.len > 0 ? name : pin_str(pod->name));
	for (n = strlen(host); n > 0 && strchr("-.", host[n - 1]) != NULL;)
		host[--n] = '\0';	/* where it was cut */
	if (sub.len > 0)
		snprintf(fqdn, 512, "%s." PIN_SFMT ".%s.svc." CLUSTER_DOMAIN,
		    host, PIN_SARG(sub), pod->ns);
}

int
etc_hostname(const struct kpod *pod, char out[KUBELET_NAME_MAX],
    struct pin_err *err)
{
	char fqdn[512];

	if (on_host_network(pod) && gethostname(out, KUBELET_NAME_MAX) == 0) {
		out[KUBELET_NAME_MAX - 1] = '\0';
		return (PIN_OK);
	}
	names(pod, out, fqdn);
	if (fqdn[0] == '\0' || !pin_obj_true(pod->obj, pin_obj_get(pod->obj,
	    spec_of(pod), "setHostnameAsFQDN")))
		return (PIN_OK);
	if (strlen(fqdn) > NAME_MAX_LEN)
		return (pin_err_set(err, PIN_ENOTFOUND, "Failed to construct "
		    "FQDN from Pod hostname and cluster domain, FQDN %s is "
		    "too long (%d characters is the max)", fqdn,
		    NAME_MAX_LEN));
	snprintf(out, KUBELET_NAME_MAX, "%s", fqdn);
	return (PIN_OK);
}

/* ---- hosts ------------------------------------------------------------- */

static void
put_aliases(const struct kpod *pod, struct pin_out *out)
{
	const struct pin_obj *o = pod->obj;
	pin_node a = pin_obj_first(o, pin_obj_get(o, spec_of(pod),
	    "hostAliases")), n;

	if (a != 0)
		pin_out_cstr(out, "\n# Entries added by HostAliases.\n");
	for (; a != 0; a = pin_obj_next(o, a)) {
		pin_out_str(out, pin_obj_str(o, pin_obj_get(o, a, "ip")));
		for (n = pin_obj_first(o, pin_obj_get(o, a, "hostnames"));
		    n != 0; n = pin_obj_next(o, n)) {
			pin_out_char(out, '\t');
			pin_out_str(out, pin_obj_str(o, n));
		}
		pin_out_char(out, '\n');
	}
}

/* The node's own, for a pod that is as the node is. */
static void
hosts_of_node(const struct kpod *pod, struct pin_out *out)
{
	size_t len;
	char *text;

	pin_out_cstr(out, "# Kubernetes-managed hosts file (host network).\n");
	if (pin_path_slurp(pod->k->host, NODE_HOSTS, NODE_FILE_MAX, &text,
	    &len, NULL) == PIN_OK) {
		pin_out_put(out, text, len);
		free(text);
	}
}

static void
hosts_of_pod(const struct kpod *pod, struct pin_out *out)
{
	static const char *const lines[] = {
		"# Kubernetes-managed hosts file.", "127.0.0.1\tlocalhost",
		"::1\tlocalhost ip6-localhost ip6-loopback",
		"fe00::0\tip6-localnet", "fe00::0\tip6-mcastprefix",
		"fe00::1\tip6-allnodes", "fe00::2\tip6-allrouters",
	};
	char host[64], fqdn[512], ip[64];
	uint32_t i;

	for (i = 0; i < PIN_LEN(lines); i++)
		pin_out_printf(out, "%s\n", lines[i]);
	names(pod, host, fqdn);
	for (i = 0; i < pod->net.nips; i++) {
		pod_ip(pod, i, ip);
		pin_out_printf(out, fqdn[0] != '\0' ? "%s\t%s\t%s\n" :
		    "%s\t%s%s\n", ip, fqdn, host);
	}
}

/* ---- resolv.conf ------------------------------------------------------- */

struct words {
	uint32_t	 n, max, dropped, pad;
	struct pin_str	 w[OPTIONS_MAX];
};

struct resolv {
	struct words	 servers, searches, options;
};

static void
add(struct words *l, struct pin_str w)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (pin_str_eq(l->w[i], w))
			return;
	if (l->n < l->max)
		l->w[l->n++] = w;
	else
		l->dropped = 1;
}

static struct pin_str
word(const char **p, const char *end)
{
	struct pin_str w;

	while (*p < end && strchr(" \t\r", **p) != NULL)
		(*p)++;
	w.p = *p;
	while (*p < end && strchr(" \t\r", **p) == NULL)
		(*p)++;
	w.len = (size_t)(*p - w.p);
	return (w);
}

/* resolv.conf(5): the last search counts; options add up. */
static void
parse(const char *text, struct resolv *r)
{
	const char *end;
	struct words *to;
	struct pin_str w;

	for (; *text != '\0'; text = end + (*end == '\n')) {
		end = text + strcspn(text, "\n");
		w = word(&text, end);
		if (pin_str_is(w, "nameserver"))
			to = &r->servers;
		else if (pin_str_is(w, "search") || pin_str_is(w, "domain"))
			(to = &r->searches)->n = 0;
		else if (pin_str_is(w, "options"))
			to = &r->options;
		else
			continue;
		while ((w = word(&text, end)).len > 0)
			add(to, w);
	}
}

/* "ndots:5" and "ndots:2" are one option: the pod's stays. */
static void
option(struct resolv *r, struct pin_str name, char *text)
{
	struct words *l = &r->options;
	uint32_t i, n = 0;

	for (i = 0; i < l->n; i++) {
		const char *colon = memchr(l->w[i].p, ':', l->w[i].len);
		struct pin_str have = { l->w[i].p, colon == NULL ?
		    l->w[i].len : (size_t)(colon - l->w[i].p) };

		if (!pin_str_eq(have, name))
			l->w[n++] = l->w[i];
	}
	l->n = n;
	add(l, pin_str(text));
}

static void
configured(const struct kpod *pod, struct resolv *r, struct pin_arena *a)
{
	const struct pin_obj *o = pod->obj;
	pin_node c = pin_obj_get(o, spec_of(pod), "dnsConfig"), n;

	for (n = pin_obj_first(o, pin_obj_get(o, c, "nameservers")); n != 0;
	    n = pin_obj_next(o, n))
		add(&r->servers, pin_obj_str(o, n));
	for (n = pin_obj_first(o, pin_obj_get(o, c, "searches")); n != 0;
	    n = pin_obj_next(o, n))
		add(&r->searches, pin_obj_str(o, n));
	for (n = pin_obj_first(o, pin_obj_get(o, c, "options")); n != 0;
	    n = pin_obj_next(o, n)) {
		struct pin_str name = pin_obj_str(o, pin_obj_get(o, n,
		    "name")), value = pin_obj_str(o, pin_obj_get(o, n,
		    "value"));
		char *text = pin_arena_alloc(a, name.len + value.len + 2);

		if (text == NULL)
			return;
		snprintf(text, name.len + value.len + 2, PIN_SFMT "%s"
		    PIN_SFMT, PIN_SARG(name), value.len > 0 ? ":" : "",
		    PIN_SARG(value));
		option(r, name, text);
	}
}

static void
put_words(const struct words *l, const char *key, size_t limit,
    struct pin_out *out)
{
	size_t len = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		len += l->w[i].len + 1;
		if (len > limit + 1)
			break;
		pin_out_cstr(out, i == 0 ? key : "");
		pin_out_char(out, ' ');
		pin_out_str(out, l->w[i]);
	}
	if (len > 0)
		pin_out_char(out, '\n');
}

static void
resolv_conf(struct kpod *pod, struct pin_out *out)
{
	struct pin_arena *a = pin_arena_new(KUBELET_TEXT_MAX);
	struct resolv r = { .servers.max = SERVERS_MAX,
	    .searches.max = SEARCHES_MAX, .options.max = OPTIONS_MAX };
	char *text = NULL;
	size_t len;

	if (!pin_str_is(spec_str(pod, "dnsPolicy"), "None") &&
	    pin_path_slurp(pod->k->host, NODE_RESOLV, NODE_FILE_MAX, &text,
	    &len, NULL) == PIN_OK)
		parse(text, &r);
	configured(pod, &r, a);
	put_words(&r.searches, "search", SEARCH_BYTES, out);
	for (uint32_t i = 0; i < r.servers.n; i++)
		pin_out_printf(out, "nameserver " PIN_SFMT "\n",
		    PIN_SARG(r.servers.w[i]));
	put_words(&r.options, "options", SIZE_MAX - 1, out);
	if (r.servers.dropped || r.searches.dropped)
		event_pod(pod, NULL, 1, "DNSConfigForming", "%s limits were "
		    "exceeded, some have been omitted", r.servers.dropped ?
		    "Nameserver" : "Search Line");
	pin_arena_free(&a);
	free(text);
}

/* ---- both -------------------------------------------------------------- */

/* Replaced whole, and only when it says something else: what runs has it. */
static int
put_file(struct kpod *pod, const char *rest, const struct pin_out *out,
    char path[KUBELET_PATH_MAX], struct pin_err *err)
{
	char tmp[KUBELET_PATH_MAX + 8], *old;
	size_t len;
	FILE *f;
	int same, bad;

	pod_path(pod, path, rest);
	if (out->failed != PIN_OK)
		return (pin_err_set(err, out->failed, "%s", path));
	if (pin_path_slurp(pod->k->host, path, NODE_FILE_MAX, &old, &len,
	    NULL) == PIN_OK) {
		same = len == out->len && memcmp(old, out->p, len) == 0;
		free(old);
		if (same)
			return (PIN_OK);
	}
	snprintf(tmp, sizeof(tmp), "%s.new~", path);
	f = fopen(tmp, "we");
	if (f == NULL)
		return (pin_err_os(err, PIN_EIO, errno, "%s", tmp));
	bad = out->len > 0 && fwrite(out->p, out->len, 1, f) != 1;
	if (fclose(f) != 0 || bad || chmod(tmp, 0644) != 0 ||
	    rename(tmp, path) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "%s", path));
	return (PIN_OK);
}

int
etc_make(struct kpod *pod, char hosts[KUBELET_PATH_MAX],
    char resolv[KUBELET_PATH_MAX], struct pin_err *err)
{
	struct pin_out h, r;
	int rc;

	pod_path(pod, hosts, "etc");
	rc = dirs_make(hosts, 0755, err);
	pin_out_init(&h, NULL, KUBELET_TEXT_MAX);
	pin_out_init(&r, NULL, KUBELET_TEXT_MAX);
	if (on_host_network(pod))
		hosts_of_node(pod, &h);
	else
		hosts_of_pod(pod, &h);
	put_aliases(pod, &h);
	resolv_conf(pod, &r);
	if (rc == PIN_OK)
		rc = put_file(pod, "etc/hosts", &h, hosts, err);
	if (rc == PIN_OK)
		rc = put_file(pod, "etc/resolv.conf", &r, resolv, err);
	pin_out_fini(&h);
	pin_out_fini(&r);
	return (rc);
}
