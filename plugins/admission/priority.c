/* SPDX-License-Identifier: BSD-2-Clause
 *
 * priority -- admission plugin: a pod's priority comes from its class.
 * Keeps the global default class from a view. Front threads.
 * Contract: pintle/admission.h; upstream's Priority. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <pintle/admission.h>

struct priority {
	struct pin_env	*env;
	struct pin_view	*view;
	pthread_rwlock_t lock;
	struct pin_buf	*deflt;		/* the global default class, or NULL */
	char		 name[256];	/* its name */
};

static pin_open_fn priority_open;
static pin_close_fn priority_close;
static pin_admission_mutate_fn priority_mutate;
static pin_admission_validate_fn priority_validate;
static pin_view_changed_fn priority_changed;

static const struct pin_admission_match priority_match[] = {
	{ "", "pods", PIN_OP_CREATE, 0 },
	{ "scheduling.k8s.io", "priorityclasses", PIN_OP_CREATE |
	    PIN_OP_UPDATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops priority_ops = {
	.size = sizeof(priority_ops),
	.match = priority_match,
	.mutate = priority_mutate,
	.validate = priority_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "priority", .version = "1.0",
	.summary = "resolves priorityClassName; one global default at most",
	.ops = &priority_ops,
	.open = priority_open, .close = priority_close,
};

static int
priority_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	struct priority *p = pin_xcalloc(1, sizeof(*p));
	int rc;

	(void)conf;
	p->env = env;
	pthread_rwlock_init(&p->lock, NULL);
	rc = pin_view_open(env, "scheduling.k8s.io", "priorityclasses",
	    priority_changed, p, &p->view, err);
	if (rc != PIN_OK) {
		pthread_rwlock_destroy(&p->lock);
		free(p);
		return (rc);
	}
	*self = p;
	return (PIN_OK);
}

static void
priority_close(void *self)
{
	struct priority *p = self;

	pin_view_close(&p->view);
	pin_buf_put(&p->deflt);
	pthread_rwlock_destroy(&p->lock);
	free(p);
}

static int
is_default(const struct pin_obj *o)
{
	return (pin_obj_true(o, pin_obj_get(o, pin_obj_root(o),
	    "globalDefault")));
}

static void
priority_changed(void *arg, const struct pin_view_event *ev)
{
	struct priority *p = arg;
	struct pin_obj *o = NULL;
	int deflt = 0;

	if (ev->object != NULL && pin_obj_parse(NULL,
	    (const char *)ev->object->data, ev->object->len, &o, NULL) ==
	    PIN_OK)
		deflt = is_default(o);
	pthread_rwlock_wrlock(&p->lock);
	if (deflt) {
		pin_buf_put(&p->deflt);
		p->deflt = pin_buf_get(ev->object);
		snprintf(p->name, sizeof(p->name), PIN_SFMT,
		    PIN_SARG(ev->name));
	} else if (p->deflt != NULL && pin_str_is(ev->name, p->name)) {
		pin_buf_put(&p->deflt);
	}
	pthread_rwlock_unlock(&p->lock);
	if (o != NULL)
		pin_obj_free(&o);
}

static struct pin_buf *
default_class(struct priority *p)
{
	struct pin_buf *b;

	pthread_rwlock_rdlock(&p->lock);
	b = p->deflt != NULL ? pin_buf_get(p->deflt) : NULL;
	pthread_rwlock_unlock(&p->lock);
	return (b);
}

static void
set_int(struct pin_patch *patch, const char *where, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)v);

	(void)pin_patch_set(patch, where, (struct pin_str){ text, (size_t)n });
}

/* What the class says goes into the pod. */
static int
apply(struct pin_call *call, const struct pin_admission_request *q,
    const struct pin_obj *class, struct pin_patch *patch)
{
	const struct pin_obj *o = q->object;
	pin_node spec = pin_obj_get(o, pin_obj_root(o), "spec");
	struct pin_str policy = PIN_STR("PreemptLowerPriority"), asked;
	int64_t value = 0, have;

	if (class != NULL) {
		pin_obj_i64(class, pin_obj_get(class, pin_obj_root(class),
		    "value"), &value);
		asked = pin_obj_str(class, pin_obj_get(class,
		    pin_obj_root(class), "preemptionPolicy"));
		if (asked.len > 0)
			policy = asked;
	}
	if (pin_obj_i64(o, pin_obj_get(o, spec, "priority"), &have) &&
	    have != value) {
		(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN, "the "
		    "integer value of priority (%lld) must not be provided in "
		    "pod spec; priority admission controller computed %lld "
		    "from the given PriorityClass name", (long long)have,
		    (long long)value);
		return (PIN_REFUSE);
	}
	asked = pin_obj_str(o, pin_obj_get(o, spec, "preemptionPolicy"));
	if (asked.len > 0 && !pin_str_eq(asked, policy)) {
		(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN, "the "
		    "string value of PreemptionPolicy (" PIN_SFMT ") must not "
		    "be provided in pod spec; priority admission controller "
		    "computed " PIN_SFMT " from the given PriorityClass name",
		    PIN_SARG(asked), PIN_SARG(policy));
		return (PIN_REFUSE);
	}
	if (pin_obj_get(o, spec, "priority") == 0)
		set_int(patch, "/spec/priority", value);
	if (asked.len == 0)
		(void)pin_patch_set_str(patch, "/spec/preemptionPolicy",
		    policy);
	return (PIN_ADMIT);
}

static int
priority_mutate(void *self, struct pin_call *call,
    const struct pin_admission_request *q, struct pin_patch *patch)
{
	struct priority *p = self;
	struct pin_buf *bytes = NULL;
	struct pin_obj *class = NULL;
	struct pin_str name;
	int rc = PIN_OK;

	if (!pin_str_is(q->resource, "pods"))
		return (PIN_ADMIT);
	name = pin_obj_str(q->object, pin_obj_at(q->object,
	    pin_obj_root(q->object), "spec", "priorityClassName", NULL));
	if (name.len == 0) {
		bytes = default_class(p);
	} else {
		rc = pin_read(p->env, "scheduling.k8s.io", "priorityclasses",
		    PIN_STR_NONE, name, &bytes, NULL, pin_call_err(call));
		if (rc == PIN_ENOTFOUND) {
			(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN,
			    "no PriorityClass with name " PIN_SFMT
			    " was found", PIN_SARG(name));
			return (PIN_REFUSE);
		}
	}
	if (rc == PIN_OK && bytes != NULL)
		rc = pin_obj_parse(pin_call_arena(call),
		    (const char *)bytes->data, bytes->len, &class,
		    pin_call_err(call));
	pin_buf_put(&bytes);
	if (rc != PIN_OK)
		return (rc);
	if (name.len == 0 && class != NULL)
		(void)pin_patch_set_str(patch, "/spec/priorityClassName",
		    pin_obj_str(class, pin_obj_at(class, pin_obj_root(class),
		    "metadata", "name", NULL)));
	return (apply(call, q, class, patch));
}

static int
priority_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *q)
{
	struct priority *p = self;
	int clash;

	if (!pin_str_is(q->resource, "priorityclasses") ||
	    !is_default(q->object))
		return (PIN_ADMIT);
	pthread_rwlock_rdlock(&p->lock);
	clash = p->deflt != NULL && !pin_str_is(q->name, p->name);
	if (clash)
		(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN,
		    "PriorityClass %s is already marked as default. Only one "
		    "default can exist", p->name);
	pthread_rwlock_unlock(&p->lock);
	return (clash ? PIN_REFUSE : PIN_ADMIT);
}
