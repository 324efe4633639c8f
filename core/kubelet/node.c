/* SPDX-License-Identifier: BSD-2-Clause
 *
 * node.c -- this machine as a Node: made by POST, told of every five minutes,
 * alive by a Lease every ten seconds. Until a controller does it, the agent
 * itself takes the taint not-ready off once it is Ready.
 * Loop; the work pool for what blocks. Contract: docs/node.md "Node". */
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/addrs.h"
#include "core/kubelet/kubelet_int.h"
#include "core/kubelet/version.h"
#include "core/os.h"
#include "lib/timefmt/timefmt.h"

#define NS	INT64_C(1000000000)
#define REGISTER_RETRY_MS	500

static const char *
arch(const char *machine)
{
	static const char *const map[][2] = {
		{ "x86_64", "amd64" }, { "amd64", "amd64" },
		{ "aarch64", "arm64" }, { "arm64", "arm64" },
		{ "i686", "386" }, { "i386", "386" }, { "armv7l", "arm" },
		{ "armv6l", "arm" }, { "riscv64", "riscv64" },
		{ "ppc64le", "ppc64le" }, { "s390x", "s390x" } };
	size_t i;

	for (i = 0; i < PIN_LEN(map); i++)
		if (strcmp(map[i][0], machine) == 0)
			return (map[i][1]);
	return (machine);
}

static void
labels(struct kubelet *k, struct pin_out *o)
{
	struct utsname u;
	char os[64];
	size_t i;

	if (uname(&u) < 0)
		return;
	snprintf(os, sizeof(os), "%s", u.sysname);
	for (i = 0; os[i] != '\0'; i++)
		os[i] = (char)tolower((unsigned char)os[i]);
	pin_out_printf(o, "\"labels\":{\"beta.kubernetes.io/arch\":\"%s\","
	    "\"beta.kubernetes.io/os\":\"%s\",\"kubernetes.io/arch\":\"%s\","
	    "\"kubernetes.io/hostname\":\"%s\",\"kubernetes.io/os\":\"%s\"}",
	    arch(u.machine), os, arch(u.machine), k->node, os);
}

/* First line of a small file, or what follows key= in it. */
static void
line_of(struct kubelet *k, const char *path, const char *key, char *out,
    size_t size)
{
	char *text, *p, *end;
	size_t len;

	out[0] = '\0';
	if (pin_path_slurp(k->host, path, 65536, &text, &len, NULL) !=
	    PIN_OK)
		return;
	p = key == NULL ? text : strstr(text, key);
	if (p != NULL) {
		p += key == NULL ? 0 : strlen(key);
		p += *p == '"';
		end = p + strcspn(p, "\"\n");
		*end = '\0';
		snprintf(out, size, "%s", p);
	}
	free(text);
}

static void
info(struct kubelet *k, struct pin_out *o)
{
	char machine[64], boot[64], image[128], os[64];
	struct utsname u;
	size_t i;

	if (uname(&u) < 0)
		return;
	line_of(k, "/etc/machine-id", NULL, machine, sizeof(machine));
	line_of(k, "/proc/sys/kernel/random/boot_id", NULL, boot,
	    sizeof(boot));
	line_of(k, "/etc/os-release", "PRETTY_NAME=", image, sizeof(image));
	snprintf(os, sizeof(os), "%s", u.sysname);
	for (i = 0; os[i] != '\0'; i++)
		os[i] = (char)tolower((unsigned char)os[i]);
	pin_out_printf(o, ",\"nodeInfo\":{\"machineID\":\"%s\",\"systemUUID\":"
	    "\"%s\",\"bootID\":\"%s\",\"kernelVersion\":\"%s\",\"osImage\":",
	    machine, machine, boot, u.release);
	pin_json_quote(o, (struct pin_str){ image[0] != '\0' ? image :
	    u.sysname, strlen(image[0] != '\0' ? image : u.sysname) });
	pin_out_printf(o, ",\"containerRuntimeVersion\":\"%s://1.0\","
	    "\"kubeletVersion\":\"%s\",\"kubeProxyVersion\":\"\","
	    "\"operatingSystem\":\"%s\",\"architecture\":\"%s\"}",
	    k->rt[0].name, KUBELET_VERSION, os, arch(u.machine));
}

/* Memory and disk as they are told: whole KiB. */
void
node_has(const struct kubelet *k, int64_t out[KRES__COUNT])
{
	long cpus = pin_os_cores(), pages = sysconf(_SC_PHYS_PAGES), page =
	    sysconf(_SC_PAGESIZE);
	struct statvfs v;

	out[KRES_CPU] = (cpus > 0 ? cpus : 1) * INT64_C(1000);
	out[KRES_MEMORY] = pages > 0 ? (int64_t)pages * page / 1024 * 1024 :
	    0;
	out[KRES_STORAGE] = statvfs(k->data, &v) == 0 ? (int64_t)v.f_blocks *
	    (int64_t)v.f_frsize / 1024 * 1024 : 0;
}

static void
resources(struct kubelet *k, struct pin_out *o)
{
	int64_t has[KRES__COUNT];
	int i;

	node_has(k, has);
	for (i = 0; i < 2; i++)
		pin_out_printf(o, "%s\"%s\":{\"cpu\":\"%lld\","
		    "\"ephemeral-storage\":\"%lldKi\",\"memory\":\"%lldKi\","
		    "\"pods\":\"%d\"}", i > 0 ? "," : "", i > 0 ?
		    "allocatable" : "capacity", (long long)has[KRES_CPU] /
		    1000, (long long)has[KRES_STORAGE] / 1024,
		    (long long)has[KRES_MEMORY] / 1024, KUBELET_PODS_MAX);
}

static void
condition(struct pin_out *o, const char *type, int status, const char *now,
    const char *since, const char *reason, const char *message)
{
	pin_out_printf(o, "%s{\"type\":\"%s\",\"status\":\"%s\","
	    "\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%s\","
	    "\"reason\":\"%s\",\"message\":\"%s\"}", strcmp(type,
	    "MemoryPressure") != 0 ? "," : "", type, status ? "True" :
	    "False", now, since, reason, message);
}

static void
status(struct kubelet *k, struct pin_out *o)
{
	int64_t now_s = pin_host_wall(k->host) / NS;
	char now[PIN_TIME_TEXT_MAX], since[PIN_TIME_TEXT_MAX], ip[64];
	uint32_t i;

	if (k->ready_since_s == 0)
		k->ready_since_s = now_s;
	pin_time_format(now_s, now);
	pin_time_format(k->ready_since_s, since);
	resources(k, o);
	pin_out_cstr(o, ",\"addresses\":[");
	for (i = 0; i < k->nips && i < 1; i++) {
		pin_addr_ip(&k->ips[i], ip);
		pin_out_printf(o, "{\"type\":\"InternalIP\",\"address\":"
		    "\"%s\"},", ip);
	}
	pin_out_printf(o, "{\"type\":\"Hostname\",\"address\":\"%s\"}],"
	    "\"conditions\":[", k->node);
	condition(o, "MemoryPressure", 0, now, since,
	    "KubeletHasSufficientMemory",
	    "kubelet has sufficient memory available");
	condition(o, "DiskPressure", 0, now, since,
	    "KubeletHasNoDiskPressure", "kubelet has no disk pressure");
	condition(o, "PIDPressure", 0, now, since,
	    "KubeletHasSufficientPID",
	    "kubelet has sufficient PID available");
	condition(o, "Ready", 1, now, since, "KubeletReady",
	    "kubelet is posting ready status");
	pin_out_printf(o, "],\"daemonEndpoints\":{\"kubeletEndpoint\":"
	    "{\"Port\":%u}}", k->log_port);
	info(k, o);
}

static int
send(struct kubelet *k, const char *method, const char *target,
    const char *type, struct pin_out *o, int *code, struct pin_err *err)
{
	struct api_answer a;
	int rc;

	if (o->failed != PIN_OK)
		return (pin_err_set(err, o->failed, "out of memory"));
	rc = api_ask(k, method, target, type, (struct pin_str){ o->p,
	    o->len }, &a, err);
	*code = a.status;
	if (rc == PIN_OK)
		rc = api_error(&a, err);
	api_answer_fini(&a);
	return (rc);
}

static int
register_node(struct kubelet *k, struct pin_err *err)
{
	struct pin_out o;
	int rc, code = 0;

	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	pin_out_printf(&o, "{\"apiVersion\":\"v1\",\"kind\":\"Node\","
	    "\"metadata\":{\"name\":\"%s\",\"annotations\":{\"volumes."
	    "kubernetes.io/controller-managed-attach-detach\":\"true\"},",
	    k->node);
	labels(k, &o);
	pin_out_cstr(&o, "},\"spec\":{},\"status\":{");
	status(k, &o);
	pin_out_cstr(&o, "}}");
	rc = send(k, "POST", "/api/v1/nodes", API_JSON, &o, &code, err);
	if (code == 409)
		rc = PIN_OK;
	pin_out_fini(&o);
	return (rc);
}

static int
patch_status(struct kubelet *k, struct pin_err *err)
{
	char target[320];
	struct pin_out o;
	int rc, code = 0;

	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	pin_out_cstr(&o, "{\"status\":{");
	status(k, &o);
	pin_out_cstr(&o, "}}");
	snprintf(target, sizeof(target), "/api/v1/nodes/%s/status", k->node);
	rc = send(k, "PATCH", target, API_STRATEGIC, &o, &code, err);
	pin_out_fini(&o);
	return (rc);
}

/* The list as it is without our taint, held to the version it was read at. */
static int
untaint(struct kubelet *k, struct pin_err *err)
{
	struct pin_obj *n;
	pin_node root, t;
	char target[320];
	struct pin_out o;
	int rc, found = 0, first = 1, code = 0;

	rc = api_get(k, &n, err, "/api/v1/nodes/%s", k->node);
	if (rc != PIN_OK)
		return (rc);
	root = pin_obj_root(n);
	str_copy(k->node_uid, sizeof(k->node_uid), pin_obj_str(n,
	    pin_obj_at(n, root, "metadata", "uid", NULL)));
	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	pin_out_printf(&o, "{\"metadata\":{\"resourceVersion\":\"" PIN_SFMT
	    "\",", PIN_SARG(pin_obj_str(n, pin_obj_at(n, root, "metadata",
	    "resourceVersion", NULL))));
	labels(k, &o);
	pin_out_cstr(&o, "},\"spec\":{\"taints\":[");
	for (t = pin_obj_first(n, pin_obj_at(n, root, "spec", "taints",
	    NULL)); t != 0; t = pin_obj_next(n, t)) {
		if (pin_str_is(pin_obj_str(n, pin_obj_get(n, t, "key")),
		    "node.kubernetes.io/not-ready")) {
			found = 1;
			continue;
		}
		if (!first)
			pin_out_char(&o, ',');
		first = 0;
		pin_obj_write(n, t, &o);
	}
	pin_out_cstr(&o, "]}}");
	snprintf(target, sizeof(target), "/api/v1/nodes/%s", k->node);
	if (found)
		rc = send(k, "PATCH", target, API_MERGE, &o, &code, err);
	pin_out_fini(&o);
	pin_obj_free(&n);
	return (rc);
}

static void
status_run(struct pin_work *w)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)w -
	    offsetof(struct kubelet, status_work));
	struct pin_err err = PIN_ERR_INIT;
	int rc = PIN_OK, first = !k->registered;

	if (!k->registered)
		rc = register_node(k, &err);
	if (rc == PIN_OK)
		rc = patch_status(k, &err);
	if (rc == PIN_OK)
		rc = untaint(k, &err);
	if (rc == PIN_OK) {
		k->registered = 1;
		if (first) {
			pin_log(k->host, PIN_LOG_INFO, "node %s is "
			    "registered and Ready", k->node);
			event_node(k, 0, "Starting", "Starting kubelet.");
			event_node(k, 0, "NodeReady", "Node %s status is "
			    "now: NodeReady", k->node);
		}
	} else {
		if (rc == PIN_ENOTFOUND)
			k->registered = 0;	/* somebody deleted it */
		if (!atomic_load(&k->stopping))
			pin_log(k->host, PIN_LOG_WARN, "node %s: %s",
			    k->node, err.text);
		k->ready_since_s = k->registered ? k->ready_since_s : 0;
	}
	k->status_busy = rc == PIN_OK ? 1 : 2;
}

static void
status_done(struct pin_work *w)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)w -
	    offsetof(struct kubelet, status_work));
	int failed = k->status_busy == 2;

	k->status_busy = 0;
	if (!atomic_load(&k->stopping))
		pin_timer_start(&k->status_timer, failed ?
		    REGISTER_RETRY_MS : KUBELET_STATUS_MS);
}

static void
status_due(struct pin_timer *t)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)t -
	    offsetof(struct kubelet, status_timer));

	if (k->status_busy)
		return;
	k->status_busy = 1;
	k->status_work.loop = k->loop;
	k->status_work.fn = status_run;
	k->status_work.done = status_done;
	pin_work_start(&k->status_work);
}

/* ---- lease ------------------------------------------------------------- */

#define LEASES	"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"

static void
lease_run(struct pin_work *w)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)w -
	    offsetof(struct kubelet, lease_work));
	struct pin_err err = PIN_ERR_INIT;
	char target[400], now[PIN_TIME_TEXT_MAX];
	struct pin_out o;
	int rc, code = 0;

	if (!k->registered || k->node_uid[0] == '\0')
		return;
	pin_microtime_format(pin_host_wall(k->host) / 1000, now);
	pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
	pin_out_printf(&o, "{\"spec\":{\"renewTime\":\"%s\","
	    "\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":%d}}", now,
	    k->node, KUBELET_LEASE_S);
	snprintf(target, sizeof(target), LEASES "/%s", k->node);
	rc = send(k, "PATCH", target, API_MERGE, &o, &code, &err);
	if (code == 404) {
		o.len = 0;
		pin_out_printf(&o, "{\"apiVersion\":\"coordination.k8s.io/v1"
		    "\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"%s\","
		    "\"namespace\":\"kube-node-lease\",\"ownerReferences\":"
		    "[{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":"
		    "\"%s\",\"uid\":\"%s\"}]},\"spec\":{\"renewTime\":\"%s\","
		    "\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":%d}}",
		    k->node, k->node, k->node_uid, now, k->node,
		    KUBELET_LEASE_S);
		err.code = PIN_OK;
		rc = send(k, "POST", LEASES, API_JSON, &o, &code, &err);
	}
	pin_out_fini(&o);
	if (rc != PIN_OK && !atomic_load(&k->stopping))
		pin_log(k->host, PIN_LOG_WARN, "lease: %s", err.text);
}

static void
lease_done(struct pin_work *w)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)w -
	    offsetof(struct kubelet, lease_work));

	k->lease_busy = 0;
	if (!atomic_load(&k->stopping))
		pin_timer_start(&k->lease_timer, k->registered ?
		    KUBELET_LEASE_MS : REGISTER_RETRY_MS);
}

static void
lease_due(struct pin_timer *t)
{
	struct kubelet *k = (struct kubelet *)(void *)((char *)t -
	    offsetof(struct kubelet, lease_timer));

	if (k->lease_busy)
		return;
	k->lease_busy = 1;
	k->lease_work.loop = k->loop;
	k->lease_work.fn = lease_run;
	k->lease_work.done = lease_done;
	pin_work_start(&k->lease_work);
}

void
node_start(struct kubelet *k)
{
	pin_timer_init(&k->status_timer, k->loop, status_due);
	pin_timer_init(&k->lease_timer, k->loop, lease_due);
	pin_timer_start(&k->status_timer, 0);
	pin_timer_start(&k->lease_timer, 100);
}

void
node_stop(struct kubelet *k)
{
	pin_timer_stop(&k->status_timer);
	pin_timer_stop(&k->lease_timer);
}
