/* SPDX-License-Identifier: BSD-2-Clause
 *
 * schedkit.c -- see schedkit.h.
 * Threads and contract: schedkit.h. */
#include "schedkit.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_int.h"
#include "core/host/real.h"
#include "core/loader/loader_int.h"
#include "tap.h"

/* ---- plugins ----------------------------------------------------------- */

void
kit_policy_open(struct kit_policy *p, const char *name)
{
	static const struct pin_env_services *none;
	struct pin_err err = PIN_ERR_INIT;
	struct pin_report rep = { 0 };
	char path[4096];

	memset(p, 0, sizeof(*p));
	snprintf(path, sizeof(path), "%s/plugins/scheduler/%s.so",
	    tap_build(), name);
	p->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (p->handle == NULL)
		BAIL("%s", dlerror());
	p->plugin = dlsym(p->handle, "pin_plugin");
	if (p->plugin == NULL)
		BAIL("%s: no pin_plugin", path);
	p->env = pin__env_new(pin_host_real(), "scheduler", name, NULL,
	    &none);
	p->conf = pin__conf_new(p->plugin->options, "test");
	if (pin__conf_finish(p->conf, NULL, &rep) != PIN_OK)
		BAIL("%s: options", name);
	if (pin__plugin_open(p->plugin, p->env, p->conf, &p->self, &err) !=
	    PIN_OK)
		BAIL("%s: %s", name, err.text);
}

void
kit_policy_close(struct kit_policy *p)
{
	pin__plugin_close(p->plugin, p->self);
	pin__env_free(&p->env);
	pin_conf_free(&p->conf);
	dlclose(p->handle);
}

int64_t
kit_weight(const struct kit_policy *p)
{
	const struct pin_option *o;

	for (o = p->plugin->options; o != NULL && o->name != NULL; o++)
		if (strcmp(o->name, "weight") == 0)
			return (pin_conf_int(p->conf, "weight"));
	return (1);
}

/* ---- the scheduler ----------------------------------------------------- */

void
kit_policies(struct kit *k, const char *policies)
{
	struct sched_policy list[16];
	char name[64];
	uint32_t i;
	size_t n;

	for (i = 0; i < k->n; i++)
		kit_policy_close(&k->policy[i]);
	k->n = 0;
	while (*(policies += strspn(policies, " ")) != '\0') {
		n = strcspn(policies, " ");
		snprintf(name, sizeof(name), "%.*s", (int)n, policies);
		policies += n;
		kit_policy_open(&k->policy[k->n++], name);
	}
	for (i = 0; i < k->n; i++)
		list[i] = (struct sched_policy){
		    .name = k->policy[i].plugin->name,
		    .ops = k->policy[i].plugin->ops,
		    .self = k->policy[i].self,
		    .weight = kit_weight(&k->policy[i]) };
	sched_policies(k->s, list, k->n, k->now);
}

void
kit_open(struct kit *k, uint64_t seed, const char *policies)
{
	memset(k, 0, sizeof(*k));
	k->now = 1000 * KIT_S;
	k->s = sched_new(seed);
	kit_policies(k, policies);
}

void
kit_close(struct kit *k)
{
	uint32_t i;

	sched_free(&k->s);
	for (i = 0; i < k->n; i++)
		kit_policy_close(&k->policy[i]);
}

static struct pin_obj *
parsed(const char *json)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;

	if (pin_obj_parse(NULL, json, strlen(json), &o, &err) != PIN_OK)
		BAIL("%s: %s", json, err.text);
	return (o);
}

void
kit_node(struct kit *k, const char *name, const char *alloc,
    const char *labels, const char *spec)
{
	struct pin_obj *o;
	struct pin_buf *b;
	char json[4096];

	snprintf(json, sizeof(json), "{\"metadata\":{\"name\":\"%s\","
	    "\"labels\":{%s}},\"spec\":{%s},\"status\":{\"allocatable\":{%s}"
	    "}}", name, labels, spec, alloc);
	o = parsed(json);
	b = pin_buf_copy(json, strlen(json));
	sched_node_put(k->s, o, b, 0, b->len, k->now);
	pin_buf_put(&b);
	pin_obj_free(&o);
}

void
kit_pod_json(struct kit *k, const char *json)
{
	struct pin_obj *o = parsed(json);
	struct pin_buf *b = pin_buf_copy(json, strlen(json));

	sched_pod_put(k->s, o, b, 0, b->len, k->now);
	pin_buf_put(&b);
	pin_obj_free(&o);
}

void
kit_pod(struct kit *k, const char *name, const char *spec,
    const char *status)
{
	char json[8192];

	snprintf(json, sizeof(json), "{\"metadata\":{\"namespace\":\"ns\","
	    "\"name\":\"%s\",\"uid\":\"u-%s\"},\"spec\":{%s},\"status\":{%s}"
	    "}", name, name, spec, status);
	kit_pod_json(k, json);
}

void
kit_want(struct kit *k, const char *name, const char *requests)
{
	char spec[1024];

	snprintf(spec, sizeof(spec), "\"containers\":[{\"name\":\"c\","
	    "\"resources\":{\"requests\":{%s}}}]", requests);
	kit_pod(k, name, spec, "");
}

void
kit_gone(struct kit *k, const char *pod)
{
	sched_pod_remove(k->s, PIN_STR("ns"), pin_str(pod), k->now);
}

const char *
kit_next_held(struct kit *k)
{
	static char text[SCHED_MESSAGE_MAX + 300];

	if (!sched_next(k->s, k->now, &k->d))
		return ("");
	if (k->d.what == SCHED_BIND)
		snprintf(text, sizeof(text), PIN_SFMT " -> " PIN_SFMT,
		    PIN_SARG(k->d.name), PIN_SARG(k->d.node));
	else
		snprintf(text, sizeof(text), PIN_SFMT ": %s",
		    PIN_SARG(k->d.name), k->d.message);
	return (text);
}

void
kit_bound(struct kit *k, const char *pod, int how)
{
	char uid[256];

	snprintf(uid, sizeof(uid), "u-%s", pod);
	sched_bound(k->s, PIN_STR("ns"), pin_str(pod), pin_str(uid), how,
	    k->now);
}

const char *
kit_next(struct kit *k)
{
	const char *text = kit_next_held(k);
	char pod[256];

	if (text[0] != '\0' && k->d.what == SCHED_BIND) {
		snprintf(pod, sizeof(pod), PIN_SFMT, PIN_SARG(k->d.name));
		kit_bound(k, pod, SCHED_BOUND);
	}
	return (text);
}
