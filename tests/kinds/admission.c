/* SPDX-License-Identifier: BSD-2-Clause
 *
 * admission.c -- the contract of the kind `admission`, against every plugin
 * of it in the build: it opens and closes twice, its match table is sane, a
 * mutate that sees its own result changes nothing more, a refusal says why,
 * and four loops may call it at once.
 * Contract: pintle/admission.h. */
#include <glob.h>
#include <stdatomic.h>
#include <string.h>

#include "loaded.h"

#define LOOPS		4
#define ROUNDS		200
#define PLUGINS_MAX	64
#define ARENA_MAX	((size_t)4 << 20)

static char names[PLUGINS_MAX][64];
static int nnames;

/* ---- the cluster that plugins read ------------------------------------- */

static const struct stored {
	const char	*resource, *name, *json;
} cluster[] = {
	{ "namespaces", "default", "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"Namespace\",\"metadata\":{\"name\":\"default\"},\"status\":"
	    "{\"phase\":\"Active\"}}" },
	{ "serviceaccounts", "default", "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"ServiceAccount\",\"metadata\":{\"name\":\"default\","
	    "\"namespace\":\"default\"},\"imagePullSecrets\":[{\"name\":"
	    "\"s\"}]}" },
};

static int
cluster_read(void *arg, const char *group, const char *resource,
    struct pin_str ns, struct pin_str name, struct pin_buf **out,
    uint64_t *revision, struct pin_err *err)
{
	size_t i;

	(void)arg;
	(void)ns;
	for (i = 0; i < PIN_LEN(cluster) && *group == '\0'; i++)
		if (strcmp(resource, cluster[i].resource) == 0 &&
		    pin_str_is(name, cluster[i].name)) {
			*out = pin_buf_copy(cluster[i].json,
			    strlen(cluster[i].json));
			if (revision != NULL)
				*revision = 7;
			return (PIN_OK);
		}
	return (pin_err_set(err, PIN_ENOTFOUND, "%s \"" PIN_SFMT
	    "\" not found", resource, PIN_SARG(name)));
}

static int
cluster_view(void *arg, const char *group, const char *resource,
    pin_view_changed_fn *fn, void *fn_arg, void **view, struct pin_err *err)
{
	(void)arg;
	(void)group;
	(void)resource;
	(void)fn;
	(void)fn_arg;
	(void)err;
	*view = NULL;
	return (PIN_OK);
}

static void
cluster_unview(void *arg, void *view)
{
	(void)arg;
	(void)view;
}

static int
synced(void *arg, const void *view)
{
	(void)arg;
	(void)view;
	return (1);
}

static const struct pin_env_services services = { .read = cluster_read,
    .view_open = cluster_view, .view_close = cluster_unview,
    .view_synced = synced };

/* ---- objects ----------------------------------------------------------- */

static const struct sample {
	const char	*group, *resource, *kind, *ns, *json;
} samples[] = {
	{ "", "pods", "Pod", "default", "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"default\"},"
	    "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}" },
	{ "", "nodes", "Node", NULL, "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"Node\",\"metadata\":{\"name\":\"n\"},\"spec\":{}}" },
	{ "", "pods", "Pod", "nowhere", "{\"apiVersion\":\"v1\",\"kind\":"
	    "\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"nowhere\"},"
	    "\"spec\":{\"priorityClassName\":\"none\",\"containers\":[]}}" },
	{ "", "configmaps", "ConfigMap", "nowhere", "{\"apiVersion\":\"v1\","
	    "\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\","
	    "\"namespace\":\"nowhere\"}}" },
	{ "", "persistentvolumeclaims", "PersistentVolumeClaim", "default",
	    "{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\","
	    "\"metadata\":{\"name\":\"p\",\"namespace\":\"default\","
	    "\"finalizers\":[\"a/b\"]},\"spec\":{}}" },
	{ "", "persistentvolumes", "PersistentVolume", NULL, "{\"apiVersion\":"
	    "\"v1\",\"kind\":\"PersistentVolume\",\"metadata\":{\"name\":"
	    "\"p\"},\"spec\":{}}" },
	{ "", "namespaces", "Namespace", NULL, "{\"apiVersion\":\"v1\","
	    "\"kind\":\"Namespace\",\"metadata\":{\"name\":\"x\"}}" },
};

/* ---- one call, on a loop ----------------------------------------------- */

struct ask {
	struct pin_msg	 msg;
	struct pin_calls *calls;
	struct pin_stage *stage;
	const struct sample *of;
	int		 rounds;
	atomic_int	 done;
	int		 later, again, silent, odd;	/* what was wrong */
	int		 refused, admitted;
};

static void
later(void *arg, int verdict, const struct pin_err *err)
{
	struct ask *a = arg;

	(void)verdict;
	(void)err;
	a->later++;
}

static void
released(void *arg)
{
	(void)arg;
}

static void
judge(struct ask *a, struct pin_call *call, int verdict)
{
	const struct pin_err *err = pin_call_error(call);

	if (verdict == PIN_ADMIT)
		a->admitted++;
	else if (verdict == PIN_REFUSE || verdict < 0) {
		a->refused++;
		a->silent += err == NULL || err->text[0] == '\0' ||
		    err->code == PIN_OK;
	} else
		a->odd++;
}

static char *
print(const struct pin_obj *o)
{
	struct pin_out out;
	char *text;

	pin_out_init(&out, NULL, ARENA_MAX);
	pin_obj_write(o, pin_obj_root(o), &out);
	pin_out_char(&out, '\0');
	text = strdup(out.p);
	pin_out_fini(&out);
	if (text == NULL)
		BAIL("no memory");
	return (text);
}

static void
mutate_twice(struct ask *a, struct pin_call *call, struct pin_arena *arena,
    struct pin_admission_request *q, struct pin_obj *o)
{
	struct pin_patch *patch = pin_patch_new(arena);
	struct pin_err err = PIN_ERR_INIT;
	char *before, *after;
	int verdict = pin_stage_mutate(a->stage, call, UINT64_MAX, q, patch);

	judge(a, call, verdict);
	if (verdict != PIN_ADMIT)
		return;
	if (pin_patch_apply(patch, o, &err) != PIN_OK) {
		a->odd++;
		return;
	}
	before = print(o);
	patch = pin_patch_new(arena);
	verdict = pin_stage_mutate(a->stage, call, UINT64_MAX, q, patch);
	if (verdict != PIN_ADMIT || pin_patch_apply(patch, o, &err) != PIN_OK) {
		a->again++;
		free(before);
		return;
	}
	after = print(o);
	a->again += strcmp(before, after) != 0;
	free(before);
	free(after);
}

static void
once(struct ask *a)
{
	struct pin_arena *arena = pin_arena_new(ARENA_MAX);
	struct pin_call_owner owner = { arena, later, released, a };
	struct pin_call *call = pin_call_new(a->calls, &owner);
	struct pin_user user = { .size = sizeof(user),
	    .name = PIN_STR("someone") };
	struct pin_admission_request q = { .size = sizeof(q),
	    .operation = PIN_OP_CREATE, .group = pin_str(a->of->group),
	    .version = PIN_STR("v1"), .kind = pin_str(a->of->kind),
	    .resource = pin_str(a->of->resource),
	    .namespace = pin_str(a->of->ns), .name = PIN_STR("p"),
	    .user = &user };
	struct pin_obj *o;

	if (pin_obj_parse(arena, a->of->json, strlen(a->of->json), &o, NULL)
	    != PIN_OK)
		BAIL("%s", a->of->json);
	q.object = o;
	if (pin_stage_matches(a->stage, &q)) {
		if (pin_stage_has_mutate(a->stage))
			mutate_twice(a, call, arena, &q, o);
		if (pin_stage_has_validate(a->stage))
			judge(a, call, pin_stage_validate(a->stage, call,
			    UINT64_MAX, &q));
	}
	(void)pin_call_end(&call);
	pin_arena_free(&arena);
}

static void
on_loop(struct pin_msg *msg)
{
	struct ask *a = (struct ask *)(void *)msg;

	while (a->rounds-- > 0)
		once(a);
	atomic_store(&a->done, 1);
}

static void
post(struct ask *a, struct pin_loop *loop, struct pin_calls *calls,
    struct pin_stage *stage, const struct sample *of, int rounds)
{
	memset(a, 0, sizeof(*a));
	a->msg.fn = on_loop;
	a->calls = calls;
	a->stage = stage;
	a->of = of;
	a->rounds = rounds;
	pin_loop_post(loop, &a->msg);
}

/* ---- the contract ------------------------------------------------------ */

static void
find(void)
{
	char pattern[4096], *slash;
	glob_t g;
	size_t i;

	snprintf(pattern, sizeof(pattern), "%s/plugins/admission/*.so",
	    tap_build());
	if (glob(pattern, 0, NULL, &g) != 0)
		BAIL("no plugins: %s", pattern);
	for (i = 0; i < g.gl_pathc && nnames < PLUGINS_MAX; i++) {
		slash = strrchr(g.gl_pathv[i], '/') + 1;
		snprintf(names[nnames++], sizeof(names[0]), "%.*s",
		    (int)(strlen(slash) - 3), slash);
	}
	globfree(&g);
}

static struct pin_plugins *
open_with(const char *name)
{
	struct pin_plugins *ps;
	struct pin_report rep;
	char text[1024];

	snprintf(text, sizeof(text), "authentication = ( \"x509\" );\n"
	    "authorization = ( \"always-allow\" );\n"
	    "validation = ( \"builtin\" );\n"
	    "store = { plugin = \"memory\"; };\n"
	    "consensus = { plugin = \"solo\"; };\n"
	    "admission = ( \"%s\" );\n", name);
	loaded_text(text);
	loaded_services = &services;
	ps = loaded_try(&rep);
	if (ps == NULL)
		tap_diag("%s: %s", name, rep.n > 0 ? rep.line[0].text : "?");
	pin_report_fini(&rep);
	return (ps);
}

static void
contract(const char *name, struct pin_loop **loops, struct pin_calls **calls)
{
	static struct ask asks[LOOPS];
	struct pin_plugins *ps = open_with(name);
	struct pin_set *set;
	struct pin_stage *stage;
	size_t i, k;

	if (!OK(ps != NULL, "%s opens", name))
		return;
	set = pin_set_get(ps);
	stage = pin_set_chain(set, PIN_SECTION_ADMISSION)->stage[0];
	CASE("%s: idempotent, never silent, four loops at once", name) {
		CHECK(pin_stage_has_mutate(stage) ||
		    pin_stage_has_validate(stage));
		for (k = 0; k < PIN_LEN(samples); k++) {
			for (i = 0; i < LOOPS; i++)
				post(&asks[i], loops[i], calls[i], stage,
				    &samples[k], ROUNDS);
			for (i = 0; i < LOOPS; i++) {
				WAIT(atomic_load(&asks[i].done), 60000);
				CHECK_INT(asks[i].later, 0);
				CHECK_INT(asks[i].again, 0);
				CHECK_INT(asks[i].silent, 0);
				CHECK_INT(asks[i].odd, 0);
			}
		}
	}
	pin_set_put(&set);
	pin_plugins_close(&ps);
	ps = open_with(name);
	OK(ps != NULL, "%s opens again after it was closed", name);
	if (ps != NULL)
		pin_plugins_close(&ps);
}

int
main(void)
{
	struct pin_loop *loops[LOOPS];
	struct pin_calls *calls[LOOPS];
	struct pin_err err = PIN_ERR_INIT;
	int i;

	loaded_init();
	snprintf(loaded_dir, sizeof(loaded_dir), "%s/plugins", tap_build());
	find();
	for (i = 0; i < LOOPS; i++) {
		if (pin_loop_open(loaded_host, "asker", &loops[i], &err) !=
		    PIN_OK)
			BAIL("%s", err.text);
		calls[i] = pin_calls_new(loops[i]);
		if (pin_loop_start(loops[i], &err) != PIN_OK)
			BAIL("%s", err.text);
	}
	for (i = 0; i < nnames; i++)
		contract(names[i], loops, calls);
	for (i = 0; i < LOOPS; i++) {
		pin_loop_stop(loops[i]);
		pin_loop_close(&loops[i]);
		pin_calls_free(&calls[i]);
	}
	loaded_fini();
	return (tap_done());
}
