/* SPDX-License-Identifier: BSD-2-Clause
 *
 * namespace-lifecycle -- admission plugin: nothing is made in a namespace
 * that is missing or going away, and three namespaces never go away.
 * Reads one namespace a request. Front threads.
 * Contract: pintle/admission.h; upstream's NamespaceLifecycle. */
#include <pintle/admission.h>

static pin_open_fn lifecycle_open;
static pin_admission_mutate_fn lifecycle_admit;

static const struct pin_admission_match lifecycle_match[] = {
	{ "*", "*/*", PIN_OP_CREATE | PIN_OP_UPDATE | PIN_OP_DELETE |
	    PIN_OP_CONNECT, 0 },
	{ NULL, NULL, 0, 0 }
};

/* In the mutating pass, as upstream: before others look for things there. */
static const struct pin_admission_ops lifecycle_ops = {
	.size = sizeof(lifecycle_ops),
	.match = lifecycle_match,
	.mutate = lifecycle_admit,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "namespace-lifecycle", .version = "1.0",
	.summary = "refuses new objects in missing or terminating namespaces",
	.ops = &lifecycle_ops,
	.open = lifecycle_open,
};

static const char *const immortal[] = { "default", "kube-system",
    "kube-public" };

static int
lifecycle_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)conf;
	(void)err;
	*self = env;
	return (PIN_OK);
}

static int
is_namespace(const struct pin_admission_request *q)
{
	return (q->group.len == 0 && pin_str_is(q->resource, "namespaces"));
}

static int
terminating(struct pin_call *call, struct pin_buf *bytes)
{
	struct pin_obj *o;
	pin_node root;

	if (pin_obj_parse(pin_call_arena(call), (const char *)bytes->data,
	    bytes->len, &o, NULL) != PIN_OK)
		return (0);
	root = pin_obj_root(o);
	return (pin_str_is(pin_obj_str(o, pin_obj_at(o, root, "status",
	    "phase", NULL)), "Terminating") || pin_obj_at(o, root, "metadata",
	    "deletionTimestamp", NULL) != 0);
}

static int
check_namespace(struct pin_env *env, struct pin_call *call,
    const struct pin_admission_request *q)
{
	struct pin_buf *bytes = NULL;
	int rc, gone;

	rc = pin_read(env, "", "namespaces", PIN_STR_NONE, q->namespace,
	    &bytes, NULL, pin_call_err(call));
	if (rc == PIN_ENOTFOUND) {
		(void)pin_err_set(pin_call_err(call), PIN_ENOTFOUND,
		    "namespaces \"" PIN_SFMT "\" not found",
		    PIN_SARG(q->namespace));
		return (PIN_REFUSE);
	}
	if (rc != PIN_OK)
		return (rc);
	gone = q->operation == PIN_OP_CREATE && terminating(call, bytes);
	pin_buf_put(&bytes);
	if (!gone)
		return (PIN_ADMIT);
	(void)pin_err_set(pin_call_err(call), PIN_ETERMINATING, "unable to "
	    "create new content in namespace " PIN_SFMT " because it is being "
	    "terminated", PIN_SARG(q->namespace));
	return (PIN_REFUSE);
}

static int
lifecycle_admit(void *self, struct pin_call *call,
    const struct pin_admission_request *q, struct pin_patch *patch)
{
	size_t i;

	(void)patch;
	if (q->operation == PIN_OP_DELETE) {
		for (i = 0; is_namespace(q) && i < PIN_LEN(immortal); i++)
			if (pin_str_is(q->name, immortal[i])) {
				(void)pin_err_set(pin_call_err(call),
				    PIN_EFORBIDDEN, "this namespace may not be"
				    " deleted");
				return (PIN_REFUSE);
			}
		return (PIN_ADMIT);
	}
	if (q->namespace.len == 0 || is_namespace(q) ||
	    pin_str_is(q->group, "authorization.k8s.io"))
		return (PIN_ADMIT);
	return (check_namespace(self, call, q));
}
