/* SPDX-License-Identifier: BSD-2-Clause
 *
 * validation.c -- the contract of the kind `validation`, against every plugin
 * of it in the build: sane tables, opens and closes twice, objects of any
 * shape do not trip it, it changes nothing, the same object gives the same
 * causes, and four threads may ask at once.
 * Contract: pintle/validation.h. What builtin says: tests/kinds/refusals.c. */
#include <dlfcn.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <pintle/validation.h>

#include "core/api/conform.h"
#include "core/loader/loader_int.h"
#include "tap.h"

#define THREADS		4
#define ARENA_MAX	((size_t)8 << 20)

/* Every member of a wrong type or missing: a plugin runs after the rows, but
 * trusts them with nothing. */
static const char *const shapes[] = {
	"{}", "{\"metadata\":null,\"spec\":null}",
	"{\"metadata\":[],\"spec\":[[]],\"data\":7}",
	"{\"metadata\":{\"labels\":[1],\"annotations\":\"x\",\"finalizers\":"
	    "{},\"ownerReferences\":[null,3]},\"spec\":{\"containers\":{},"
	    "\"volumes\":[null],\"selector\":5,\"template\":[],\"ports\":"
	    "\"x\",\"rules\":[[]],\"metrics\":[{}],\"limits\":[1]}}",
	"{\"metadata\":{\"name\":\"x\"},\"spec\":{\"containers\":[{},null,"
	    "{\"ports\":[{}],\"env\":[{\"valueFrom\":{}}],\"resources\":"
	    "{\"limits\":{\"cpu\":\"\"},\"requests\":{\"\":\"1\"}},"
	    "\"volumeMounts\":[{}],\"livenessProbe\":{}}],\"volumes\":[{},"
	    "{\"name\":\"v\",\"projected\":{\"sources\":[{}]}}],"
	    "\"affinity\":{\"nodeAffinity\":{\"requiredDuringScheduling"
	    "IgnoredDuringExecution\":{}}},\"schedule\":\"*/0 - , / *\","
	    "\"clusterIPs\":[\"\"],\"type\":\"\"},\"subsets\":[{}],"
	    "\"rules\":[{}],\"webhooks\":[{}],\"roleRef\":{},\"endpoints\":"
	    "[{\"addresses\":[\"\"]}]}",
};

struct asking {
	const struct pin_validation_ops *ops;
	void		*self;
	int		 differed, changed;
	uint32_t	 causes;
};

static void
request(struct pin_admission_request *q, const struct pin_res_row *res,
    const struct pin_obj *o, const struct pin_obj *old)
{
	static const struct pin_user user = { .size = sizeof(user) };
	const struct pin_schema *sc = pin_schema_builtin();
	const struct pin_gv_row *gv = &sc->gvs[res->gv];

	*q = (struct pin_admission_request){ .size = sizeof(*q),
	    .operation = old != NULL ? PIN_OP_UPDATE : PIN_OP_CREATE,
	    .group = pin_str(pin_schema_str(sc, gv->group)),
	    .version = pin_str(pin_schema_str(sc, gv->version)),
	    .kind = pin_str(pin_schema_str(sc, res->kind)),
	    .resource = pin_str(pin_schema_str(sc, res->plural)),
	    .name = PIN_STR("x"), .user = &user, .object = o,
	    .old_object = old };
}

static int
same_causes(const struct pin_causes *a, const struct pin_causes *b)
{
	const struct pin_cause *x, *y;
	uint32_t i;

	for (i = 0; (x = pin_causes_at(a, i)) != NULL; i++) {
		y = pin_causes_at(b, i);
		if (y == NULL || x->type != y->type ||
		    !pin_str_eq(x->field, y->field) ||
		    !pin_str_eq(x->message, y->message))
			return (0);
	}
	return (pin_causes_at(b, i) == NULL);
}

/* Each shape as every resource, on create and on update. */
static void
ask_all(struct asking *a)
{
	const struct pin_schema *sc = pin_schema_builtin();
	struct pin_arena *arena = pin_arena_new(ARENA_MAX);
	struct pin_admission_request q;
	struct pin_causes *first, *again;
	struct pin_obj *o, *copy, *old;
	uint32_t r;
	size_t i;

	for (i = 0; i < PIN_LEN(shapes); i++) {
		if (pin_obj_parse(arena, shapes[i], strlen(shapes[i]), &o,
		    NULL) != PIN_OK || pin_obj_parse(arena, shapes[(i + 1) %
		    PIN_LEN(shapes)], strlen(shapes[(i + 1) %
		    PIN_LEN(shapes)]), &old, NULL) != PIN_OK)
			BAIL("%s", shapes[i]);
		copy = pin_obj_copy(arena, o);
		for (r = 0; r < sc->nresources * 2; r++) {
			request(&q, &sc->resources[r / 2], o, r % 2 != 0 ?
			    old : NULL);
			first = pin_causes_new(arena);
			again = pin_causes_new(arena);
			if (first == NULL || again == NULL)
				break;
			a->ops->check(a->self, &q, first);
			a->ops->check(a->self, &q, again);
			a->differed += !same_causes(first, again);
			a->causes += pin_cause_count(first);
		}
		a->changed += !pin_obj_equal(o, pin_obj_root(o), copy,
		    pin_obj_root(copy));
	}
	pin_arena_free(&arena);
}

static void *
thread(void *arg)
{
	ask_all(arg);
	return (NULL);
}

static void
match_table(const struct pin_validation_ops *ops, const char *name)
{
	const struct pin_admission_match *m;
	int n = 0;

	CASE("%s: every row of its match table can match", name) {
		for (m = ops->match; m->resource != NULL; m++, n++) {
			CHECK(m->group != NULL && m->resource[0] != '\0');
			CHECK((m->operations & ~(uint32_t)(PIN_OP_CREATE |
			    PIN_OP_UPDATE | PIN_OP_DELETE)) == 0);
			CHECK(m->operations != 0);
		}
		CHECK(n > 0);
	}
}

static void
contract(const char *path)
{
	const struct pin_plugin *p;
	struct asking asks[THREADS];
	pthread_t t[THREADS];
	struct pin_err err = PIN_ERR_INIT;
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL), *self = NULL;
	int i;

	if (so == NULL)
		BAIL("%s", dlerror());
	p = dlsym(so, "pin_plugin");
	CASE("%s: opens and closes, twice", p->name) {
		CHECK_INT(p->kind, PIN_KIND_VALIDATION);
		for (i = 0; i < 2; i++) {
			self = NULL;
			CHECK_INT(pin__plugin_open(p, NULL, NULL, &self,
			    &err), PIN_OK);
			pin__plugin_close(p, self);
		}
		self = NULL;
		CHECK_INT(pin__plugin_open(p, NULL, NULL, &self, &err), PIN_OK);
	}
	match_table(p->ops, p->name);
	CASE("%s: any shape, no change, the same causes, four threads",
	    p->name) {
		memset(asks, 0, sizeof(asks));
		for (i = 0; i < THREADS; i++) {
			asks[i].ops = p->ops;
			asks[i].self = self;
			CHECK_INT(pthread_create(&t[i], NULL, thread,
			    &asks[i]), 0);
		}
		for (i = 0; i < THREADS; i++) {
			pthread_join(t[i], NULL);
			CHECK_INT(asks[i].differed, 0);
			CHECK_INT(asks[i].changed, 0);
			CHECK_UINT(asks[i].causes, asks[0].causes);
		}
		CHECK(asks[0].causes > 0);
	}
	pin__plugin_close(p, self);
}

int
main(void)
{
	char pattern[4096];
	glob_t g;
	size_t i;

	tap_deadline(120);
	snprintf(pattern, sizeof(pattern), "%s/plugins/validation/*.so",
	    tap_build());
	if (glob(pattern, 0, NULL, &g) != 0)
		BAIL("no plugins: %s", pattern);
	for (i = 0; i < g.gl_pathc; i++)
		contract(g.gl_pathv[i]);
	globfree(&g);
	return (tap_done());
}
