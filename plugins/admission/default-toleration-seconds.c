/* SPDX-License-Identifier: BSD-2-Clause
 *
 * default-toleration-seconds -- admission plugin: a pod stays for a while on
 * a node that is not ready or not reachable, unless it says otherwise.
 * Stateless but for its options. Front threads.
 * Contract: pintle/admission.h; upstream's DefaultTolerationSeconds. */
#include <stdio.h>
#include <stdlib.h>

#include <pintle/admission.h>

#define NOT_READY	"node.kubernetes.io/not-ready"
#define UNREACHABLE	"node.kubernetes.io/unreachable"

struct tolerations {
	char	json[2][192];
	size_t	len[2];
};

static pin_open_fn tolerations_open;
static pin_close_fn tolerations_close;
static pin_admission_mutate_fn tolerations_mutate;

static const struct pin_option tolerations_options[] = {
	{ "not-ready-seconds", PIN_OPT_INT, 0, "300",
	    "how long on a node that is not ready", 0, 0 },
	{ "unreachable-seconds", PIN_OPT_INT, 0, "300",
	    "how long on a node that cannot be reached", 0, 0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

static const struct pin_admission_match tolerations_match[] = {
	{ "", "pods", PIN_OP_CREATE | PIN_OP_UPDATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops tolerations_ops = {
	.size = sizeof(tolerations_ops),
	.match = tolerations_match,
	.mutate = tolerations_mutate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "default-toleration-seconds", .version = "1.0",
	.summary = "tolerates not-ready and unreachable nodes for a while",
	.options = tolerations_options,
	.ops = &tolerations_ops,
	.open = tolerations_open, .close = tolerations_close,
};

static const char *const keys[2] = { NOT_READY, UNREACHABLE };

static int
tolerations_open(struct pin_env *env, const struct pin_conf *conf,
    void **self, struct pin_err *err)
{
	static const char *const names[2] = { "not-ready-seconds",
	    "unreachable-seconds" };
	struct tolerations *t = pin_xcalloc(1, sizeof(*t));
	size_t i;

	(void)env;
	(void)err;
	for (i = 0; i < 2; i++)
		t->len[i] = (size_t)snprintf(t->json[i], sizeof(t->json[i]),
		    "{\"key\":\"%s\",\"operator\":\"Exists\",\"effect\":"
		    "\"NoExecute\",\"tolerationSeconds\":%lld}", keys[i],
		    (long long)pin_conf_int(conf, names[i]));
	*self = t;
	return (PIN_OK);
}

static void
tolerations_close(void *self)
{
	free(self);
}

static int
tolerates(const struct pin_obj *o, pin_node list, const char *key)
{
	struct pin_str k, effect;
	pin_node n;

	for (n = pin_obj_first(o, list); n != 0; n = pin_obj_next(o, n)) {
		k = pin_obj_str(o, pin_obj_get(o, n, "key"));
		effect = pin_obj_str(o, pin_obj_get(o, n, "effect"));
		if ((k.len == 0 || pin_str_is(k, key)) && (effect.len == 0 ||
		    pin_str_is(effect, "NoExecute")))
			return (1);
	}
	return (0);
}

static int
tolerations_mutate(void *self, struct pin_call *call,
    const struct pin_admission_request *q, struct pin_patch *patch)
{
	const struct tolerations *t = self;
	const struct pin_obj *o = q->object;
	pin_node list = pin_obj_at(o, pin_obj_root(o), "spec", "tolerations",
	    NULL);
	int made = list != 0;
	size_t i;

	(void)call;
	for (i = 0; i < 2; i++) {
		if (tolerates(o, list, keys[i]))
			continue;
		if (!made)
			(void)pin_patch_set(patch, "/spec/tolerations",
			    PIN_STR("[]"));
		made = 1;
		(void)pin_patch_set(patch, "/spec/tolerations/-",
		    (struct pin_str){ t->json[i], t->len[i] });
	}
	return (PIN_ADMIT);
}
