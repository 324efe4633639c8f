/* SPDX-License-Identifier: BSD-2-Clause
 *
 * runtime-class -- admission plugin: what a pod's RuntimeClass adds to it:
 * overhead, node selector, tolerations. A class that is not there refuses it.
 * Front threads. Contract: pintle/admission.h; upstream's RuntimeClass, KEP-688
 * (overhead). */
#include <string.h>

#include <pintle/admission.h>

static pin_open_fn class_open;
static pin_close_fn class_close;
static pin_admission_mutate_fn class_mutate;
static pin_admission_validate_fn class_validate;

static const struct pin_admission_match class_match[] = {
	{ "", "pods", PIN_OP_CREATE, 0 },
	{ NULL, NULL, 0, 0 }
};

static const struct pin_admission_ops class_ops = {
	.size = sizeof(class_ops),
	.match = class_match,
	.mutate = class_mutate,
	.validate = class_validate,
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "runtime-class", .version = "1.0",
	.summary = "puts what a pod's RuntimeClass asks for into the pod",
	.ops = &class_ops,
	.open = class_open, .close = class_close,
};

static int
class_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	(void)conf;
	(void)err;
	*self = env;
	return (PIN_OK);
}

static void
class_close(void *self)
{
	(void)self;
}

static int
refuse(struct pin_call *call, const char *why)
{
	(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN, "pod rejected: "
	    "%s", why);
	return (PIN_REFUSE);
}

/* NULL in *out: the pod names none. */
static int
class_of(struct pin_env *env, struct pin_call *call,
    const struct pin_admission_request *q, struct pin_obj **out)
{
	struct pin_str name = pin_obj_str(q->object, pin_obj_at(q->object,
	    pin_obj_root(q->object), "spec", "runtimeClassName", NULL));
	struct pin_err *err = pin_call_err(call);
	struct pin_buf *bytes = NULL;
	int rc;

	*out = NULL;
	if (name.len == 0)
		return (PIN_OK);
	rc = pin_read(env, "node.k8s.io", "runtimeclasses", PIN_STR_NONE,
	    name, &bytes, NULL, err);
	if (rc == PIN_OK)
		rc = pin_obj_parse(pin_call_arena(call),
		    (const char *)bytes->data, bytes->len, out, err);
	pin_buf_put(&bytes);
	if (rc != PIN_ENOTFOUND)
		return (rc);
	(void)pin_err_set(err, PIN_EFORBIDDEN, "pod rejected: RuntimeClass \""
	    PIN_SFMT "\" not found", PIN_SARG(name));
	return (PIN_REFUSE);
}

/* ---- overhead ---------------------------------------------------------- */

/* Both canonical, so that equal quantities are equal texts. */
static int
same_map(const struct pin_obj *a, pin_node am, const struct pin_obj *b,
    pin_node bm)
{
	struct pin_str key;
	pin_node n;

	if (pin_obj_count(a, am) != pin_obj_count(b, bm))
		return (0);
	for (n = pin_obj_first(a, am); n != 0; n = pin_obj_next(a, n)) {
		key = pin_obj_key(a, n);
		if (!pin_str_eq(pin_obj_str(a, n), pin_obj_str(b,
		    pin_obj_getn(b, bm, key.p, key.len))))
			return (0);
	}
	return (1);
}

static int
put_overhead(struct pin_call *call, const struct pin_obj *pod,
    const struct pin_obj *class, struct pin_patch *patch)
{
	pin_node want = pin_obj_at(class, pin_obj_root(class), "overhead",
	    "podFixed", NULL), have = pin_obj_at(pod, pin_obj_root(pod),
	    "spec", "overhead", NULL);
	struct pin_out out;

	if (want == 0)
		return (PIN_ADMIT);
	if (pin_obj_count(pod, have) > 0)
		return (same_map(class, want, pod, have) ? PIN_ADMIT :
		    refuse(call, "Pod's Overhead doesn't match RuntimeClass's "
		    "defined Overhead"));
	pin_out_init(&out, pin_call_arena(call), PIN_OBJ_TEXT_MAX);
	pin_obj_write(class, want, &out);
	(void)pin_patch_set(patch, "/spec/overhead", (struct pin_str){ out.p,
	    out.len });
	return (PIN_ADMIT);
}

/* ---- scheduling -------------------------------------------------------- */

static int
put_selector(struct pin_call *call, const struct pin_obj *pod,
    const struct pin_obj *class, struct pin_patch *patch)
{
	pin_node want = pin_obj_at(class, pin_obj_root(class), "scheduling",
	    "nodeSelector", NULL), have = pin_obj_at(pod, pin_obj_root(pod),
	    "spec", "nodeSelector", NULL), n, h;
	struct pin_str key, add = PIN_STR_NONE;
	struct pin_out out;

	if (pin_obj_count(class, want) == 0)
		return (PIN_ADMIT);
	pin_out_init(&out, pin_call_arena(call), PIN_OBJ_TEXT_MAX);
	pin_out_char(&out, '{');
	for (h = pin_obj_first(pod, have); h != 0; h = pin_obj_next(pod, h)) {
		pin_json_quote(&out, pin_obj_key(pod, h));
		pin_out_char(&out, ':');
		pin_json_quote(&out, pin_obj_str(pod, h));
		pin_out_char(&out, ',');
	}
	for (n = pin_obj_first(class, want); n != 0;
	    n = pin_obj_next(class, n)) {
		key = pin_obj_key(class, n);
		h = pin_obj_getn(pod, have, key.p, key.len);
		if (h != 0 && !pin_str_eq(pin_obj_str(pod, h),
		    pin_obj_str(class, n))) {
			(void)pin_err_set(pin_call_err(call), PIN_EFORBIDDEN,
			    "conflict: runtimeClass.scheduling.nodeSelector["
			    PIN_SFMT "] = " PIN_SFMT "; pod.spec.nodeSelector["
			    PIN_SFMT "] = " PIN_SFMT, PIN_SARG(key),
			    PIN_SARG(pin_obj_str(class, n)), PIN_SARG(key),
			    PIN_SARG(pin_obj_str(pod, h)));
			return (PIN_REFUSE);
		}
		if (h != 0)
			continue;
		add = key;
		pin_json_quote(&out, key);
		pin_out_char(&out, ':');
		pin_json_quote(&out, pin_obj_str(class, n));
		pin_out_char(&out, ',');
	}
	out.p[out.len - 1] = '}';		/* the last comma */
	if (add.len > 0)
		(void)pin_patch_set(patch, "/spec/nodeSelector",
		    (struct pin_str){ out.p, out.len });
	return (PIN_ADMIT);
}

struct toleration {
	const struct pin_obj *o;
	pin_node	 at;
	struct pin_str	 key, op, value, effect;
	int64_t		 seconds;
	int		 for_ever;
};

static struct toleration
toleration(const struct pin_obj *o, pin_node at)
{
	struct toleration t = { .o = o, .at = at };

	t.key = pin_obj_str(o, pin_obj_get(o, at, "key"));
	t.op = pin_obj_str(o, pin_obj_get(o, at, "operator"));
	if (t.op.len == 0)
		t.op = PIN_STR("Equal");
	t.value = pin_obj_str(o, pin_obj_get(o, at, "value"));
	t.effect = pin_obj_str(o, pin_obj_get(o, at, "effect"));
	t.for_ever = !pin_obj_i64(o, pin_obj_get(o, at, "tolerationSeconds"),
	    &t.seconds);
	return (t);
}

/* Does a tolerate whatever b does? */
static int
covers(const struct toleration *a, const struct toleration *b)
{
	int exists = pin_str_is(a->op, "Exists");

	if (!pin_str_eq(a->key, b->key) && (a->key.len > 0 || !exists))
		return (0);
	if (!pin_str_eq(a->effect, b->effect) && a->effect.len > 0)
		return (0);
	if (pin_str_is(a->effect, "NoExecute") && !a->for_ever &&
	    (b->for_ever || b->seconds > a->seconds))
		return (0);
	return (exists || (pin_str_eq(a->op, b->op) && pin_str_eq(a->value,
	    b->value)));
}

static int
equal(const struct toleration *a, const struct toleration *b)
{
	return (covers(a, b) && covers(b, a));
}

/* Those of the pod, then those of the class, without what another covers. */
static void
put_tolerations(struct pin_call *call, const struct pin_obj *pod,
    const struct pin_obj *class, struct pin_patch *patch)
{
	pin_node of_pod = pin_obj_at(pod, pin_obj_root(pod), "spec",
	    "tolerations", NULL), of_class = pin_obj_at(class,
	    pin_obj_root(class), "scheduling", "tolerations", NULL), n;
	uint32_t np = pin_obj_count(pod, of_pod), max = np +
	    pin_obj_count(class, of_class), i, k, kept = 0;
	struct toleration *t;
	struct pin_out out;

	if (max == np)
		return;
	t = pin_arena_alloc(pin_call_arena(call), max * sizeof(*t));
	if (t == NULL)
		return;
	i = 0;
	for (n = pin_obj_first(pod, of_pod); n != 0; n = pin_obj_next(pod, n))
		t[i++] = toleration(pod, n);
	for (n = pin_obj_first(class, of_class); n != 0;
	    n = pin_obj_next(class, n))
		t[i++] = toleration(class, n);
	pin_out_init(&out, pin_call_arena(call), PIN_OBJ_TEXT_MAX);
	for (i = 0; i < max; i++) {
		for (k = 0; k < max; k++)
			if (k != i && covers(&t[k], &t[i]) && (k < i ||
			    !equal(&t[k], &t[i])))
				break;
		if (k < max)
			continue;
		pin_out_char(&out, kept++ == 0 ? '[' : ',');
		pin_obj_write(t[i].o, t[i].at, &out);
	}
	pin_out_char(&out, ']');
	(void)pin_patch_set(patch, "/spec/tolerations", (struct pin_str){
	    out.p, out.len });
}

/* ---- callbacks --------------------------------------------------------- */

static int
class_mutate(void *self, struct pin_call *call,
    const struct pin_admission_request *q, struct pin_patch *patch)
{
	struct pin_obj *class;
	int rc = class_of(self, call, q, &class);

	if (rc != PIN_OK || class == NULL)
		return (rc);
	rc = put_overhead(call, q->object, class, patch);
	if (rc == PIN_ADMIT)
		rc = put_selector(call, q->object, class, patch);
	if (rc == PIN_ADMIT)
		put_tolerations(call, q->object, class, patch);
	return (rc);
}

static int
class_validate(void *self, struct pin_call *call,
    const struct pin_admission_request *q)
{
	pin_node have = pin_obj_at(q->object, pin_obj_root(q->object), "spec",
	    "overhead", NULL), want = 0;
	struct pin_obj *class;
	int rc = class_of(self, call, q, &class);

	if (rc != PIN_OK)
		return (rc);
	if (class != NULL)
		want = pin_obj_at(class, pin_obj_root(class), "overhead",
		    "podFixed", NULL);
	if (want == 0)
		return (have == 0 ? PIN_ADMIT : refuse(call, "Pod Overhead "
		    "set without corresponding RuntimeClass defined "
		    "Overhead"));
	return (same_map(class, want, q->object, have) ? PIN_ADMIT :
	    refuse(call, "Pod's Overhead doesn't match RuntimeClass's defined "
	    "Overhead"));
}
