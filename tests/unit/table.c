/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table -- the built-in API: what finders find, and that rows are coherent.
 * Facts of the wire are spot-checked; the whole is compared by tests/golden.
 * One thread, no files.
 * Contract: core/api/table.h. */

#include "core/api/table.h"

#include <sys/wait.h>

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static const struct pin_schema *s;

static const struct pin_field_row *
field(const char *type, const char *name)
{
	struct pin_type t;

	if (!pin_type_find(s, type, &t))
		return (NULL);
	return (pin_type_field(t, name, strlen(name)));
}

static const char *
str(uint32_t off)
{
	return (pin_schema_str(s, off));
}

static void
test_types(void)
{
	struct pin_type t;
	const struct pin_field_row *f;

	CASE("types are found by name, fields by name, in canonical order") {
		CHECK(pin_type_find(s, "core.v1.Pod", &t));
		CHECK_STR(str(t.row->bare), "Pod");
		CHECK((t.row->flags & PIN_TF_TOP) != 0);
		CHECK_STR(str(pin_type_at(t, 0)->name), "kind");
		CHECK_STR(str(pin_type_at(t, 1)->name), "apiVersion");
		CHECK_STR(str(pin_type_at(t, 2)->name), "metadata");
		f = pin_type_field(t, "spec", 4);
		CHECK(f != NULL && pin_field_pos(t, f) == 3);
		CHECK_STR(str(pin_field_type(t, f).row->name),
		    "core.v1.PodSpec");
		CHECK(!pin_type_find(s, "core.v1.Pot", &t));
	}
	CASE("a prefix, a longer or empty name or other case is no field") {
		CHECK(pin_type_find(s, "core.v1.PodSpec", &t));
		CHECK(pin_type_field(t, "container", 9) == NULL);
		CHECK(pin_type_field(t, "containersX", 11) == NULL);
		CHECK(pin_type_field(t, "containersX", 10) != NULL);
		CHECK(pin_type_field(t, "Containers", 10) == NULL);
		CHECK(pin_type_field(t, "", 0) == NULL);
	}
}

static void
test_fields(void)
{
	const struct pin_field_row *f;

	CASE("a merge list has keys, list type and protobuf number") {
		f = field("core.v1.Container", "ports");
		CHECK(f != NULL);
		CHECK_INT(f->number, 6);
		CHECK_INT(f->shape, PIN_SHAPE_LIST);
		CHECK_INT(f->kind, PIN_F_OBJECT);
		CHECK_INT(f->list, PIN_LIST_MAP);
		CHECK_INT(pin_schema_nwords(s, f->keys), 2);
		CHECK_STR(str(pin_schema_word(s, f->keys, 0)), "containerPort");
		CHECK_STR(str(pin_schema_word(s, f->keys, 1)), "protocol");
		CHECK((f->flags & PIN_FF_PATCH_MERGE) != 0);
		CHECK_STR(str(f->patch_key), "containerPort");
	}
	CASE("presence follows the Go type") {
		CHECK_INT(field("core.v1.Container", "stdin")->presence,
		    PIN_P_OMIT);
		CHECK_INT(field("apps.v1.DeploymentSpec", "replicas")->presence,
		    PIN_P_KEEP);
		CHECK_INT(field("rbac.v1.Role", "rules")->presence,
		    PIN_P_ALWAYS);
		CHECK_INT(field("apps.v1.DeploymentSpec", "selector")->presence,
		    PIN_P_NULL);
		CHECK_INT(field("meta.v1.ObjectMeta",
		    "creationTimestamp")->presence, PIN_P_OMITZERO);
		CHECK_INT(field("core.v1.Pod", "status")->presence,
		    PIN_P_ALWAYS);
	}
	CASE("defaults, conditions and enums are there") {
		f = field("batch.v1.JobSpec", "backoffLimit");
		CHECK_STR(str(f->dflt), "6");
		CHECK_STR(str(f->dflt_else), "2147483647");
		CHECK(f->when != PIN_NONE);
		CHECK_INT(s->whens[f->when].op, PIN_WHEN_ABSENT);
		CHECK_STR(str(s->whens[f->when].field), "backoffLimitPerIndex");
		f = field("core.v1.Container", "imagePullPolicy");
		CHECK(pin_schema_has_word(s, f->enums, "IfNotPresent", 12));
		CHECK(!pin_schema_has_word(s, f->enums, "IfNot", 5));
		CHECK_INT(pin_schema_word(s, f->rules, 0),
		    PIN_RULE_PULL_POLICY);
		f = field("core.v1.NodeStatus", "allocatable");
		CHECK_STR(str(f->dflt_from), "capacity");
	}
}

static void
test_protobuf(void)
{
	const struct pin_pb_row *p;
	struct pin_type t;

	CASE("protobuf numbers lead to fields and to inlined messages") {
		CHECK(pin_type_find(s, "core.v1.Volume", &t));
		p = pin_type_pb(t, 1);
		CHECK(p != NULL && p->inlined == PIN_NONE);
		CHECK_STR(str(s->fields[p->field].name), "name");
		p = pin_type_pb(t, 2);
		CHECK(p != NULL && p->field == PIN_NONE);
		t = pin_schema_type(s, p->inlined);
		CHECK_STR(str(t.row->name), "core.v1.VolumeSource");
		CHECK(pin_type_find(s, "core.v1.Container", &t));
		p = pin_type_pb(t, 22);
		CHECK(p != NULL);
		if (p == NULL)
			continue;
		CHECK_STR(str(s->fields[p->field].name), "startupProbe");
		CHECK(pin_type_pb(t, 0) == NULL);
		CHECK(pin_type_pb(t, 18) != NULL);
		CHECK(pin_type_pb(t, 9999) == NULL);
		CHECK(pin_type_pb(t, 0xffffffffu) == NULL);
	}
	CASE("inlined structs are flattened for JSON") {
		CHECK(field("core.v1.Volume", "emptyDir") != NULL);
		CHECK(field("admissionregistration.v1.NamedRuleWithOperations",
		    "apiGroups") != NULL);
	}
}

static void
test_resources(void)
{
	const struct pin_res_row *r;
	const struct pin_sub_row *sub;

	CASE("66 resources in 22 group versions") {
		uint32_t i, n = 0;

		for (i = 0; i < s->ngvs; i++)
			n += s->gvs[i].nres != 0;
		CHECK_INT(n, 22);
		CHECK_INT(s->nresources, 66);
	}
	CASE("resources are found by plural and by kind, keys are upstream's") {
		r = pin_res_find(s, "", "v1", "nodes");
		CHECK(r != NULL && pin_res_by_kind(s, "", "v1", "Node") == r);
		CHECK_STR(str(r->key), "/registry/minions");
		CHECK((r->flags & PIN_RF_NAMESPACED) == 0);
		r = pin_res_find(s, "", "v1", "services");
		CHECK_STR(str(r->key), "/registry/services/specs");
		CHECK_INT(r->name_rule, PIN_NAME_LABEL1035);
		r = pin_res_find(s, "networking.k8s.io", "v1", "ingresses");
		CHECK_STR(str(r->key), "/registry/ingress");
		CHECK(pin_res_find(s, "apps", "v1", "pods") == NULL);
		CHECK(pin_res_find(s, "apps", "v2", "deployments") == NULL);
		CHECK(pin_res_by_kind(s, "", "", "Status") == NULL);
	}
	CASE("shared objects name the form that is stored") {
		r = pin_res_find(s, "events.k8s.io", "v1", "events");
		CHECK(&s->resources[r->store] ==
		    pin_res_find(s, "", "v1", "events"));
		CHECK_INT(r->convert, PIN_CONVERT_EVENT);
		r = pin_res_find(s, "autoscaling", "v1",
		    "horizontalpodautoscalers");
		CHECK(&s->resources[r->store] == pin_res_find(s, "autoscaling",
		    "v2", "horizontalpodautoscalers"));
	}
	CASE("subresources have a kind of their own") {
		r = pin_res_find(s, "apps", "v1", "deployments");
		sub = pin_res_sub(s, r, "scale");
		CHECK(sub != NULL);
		CHECK_STR(str(sub->gv), "autoscaling/v1");
		CHECK_STR(str(pin_schema_type(s, sub->type).row->name),
		    "autoscaling.v1.Scale");
		CHECK_INT(sub->verbs, PIN_VERB_GET | PIN_VERB_PATCH |
		    PIN_VERB_UPDATE);
		CHECK(pin_res_sub(s, r, "exec") == NULL);
	}
}

/* Every index in every row is in range, every field is found by its name. */
static void
test_coherent(void)
{
	const struct pin_field_row *f;
	struct pin_type t;
	uint32_t i, k, bad = 0;

	t.schema = s;
	for (i = 0; i < s->ntypes; i++) {
		t.row = &s->types[i];
		for (k = 0; k < t.row->nfields; k++) {
			f = pin_type_at(t, k);
			bad += f->name >= s->nstrings;
			bad += strlen(str(f->name)) != f->name_len;
			bad += pin_type_field(t, str(f->name),
			    f->name_len) != f;
			bad += (f->kind == PIN_F_OBJECT) !=
			    (f->ref < s->ntypes);
			bad += f->kind >= PIN_F__COUNT;
			bad += f->keys + s->words[f->keys] >= s->nwords;
			bad += f->enums + s->words[f->enums] >= s->nwords;
		}
	}
	OK(bad == 0, "every field row of %u types is coherent", s->ntypes);
	for (i = 0, bad = 0; i < s->nresources; i++) {
		bad += s->resources[i].type >= s->ntypes;
		bad += s->resources[i].store >= s->nresources;
		bad += s->resources[i].verbs == 0;
		if ((s->resources[i].verbs & PIN_VERB_WATCH) != 0)
			bad += *str(s->resources[i].key) != '/';
	}
	OK(bad == 0, "every resource row is coherent");
}

/* What apigen must say about a schema that is wrong, and where. */
static const struct {
	const char	*schema;
	const char	*says;
} mistakes[] = {
	{ "type X\n", ":1: a file starts with version or shared" },
	{ "shared a.b.v1\nfrob\n", ":2: unknown line \"frob\"" },
	{ "shared a.b.v1\ntype X\n\ta 1 Nope omit\n",
	    ":3: no type \"b.v1.Nope\"" },
	{ "shared a.b.v1\ntype X\n\ta 1 string omit\n\ta 2 bool omit\n",
	    ":2: b.v1.X has two members \"a\"" },
	{ "shared a.b.v1\ntype X\n\ta 1 string omit\n\tb 1 bool omit\n",
	    ":2: b.v1.X has number 1 twice" },
	{ "shared a.b.v1\ntype X\ntype X\n", "type b.v1.X is already at" },
	{ "shared a.b.v1\ntype X\n\ta 1 string sometimes\n",
	    ":3: unknown presence \"sometimes\"" },
	{ "shared a.b.v1\ntype X\n\ta 1 string omit frob\n",
	    ":3: unknown attribute \"frob\"" },
	{ "shared a.b.v1\ntype X\n\ta x string omit\n",
	    ":3: \"x\" is not a number" },
	{ "shared a.b.v1\ntype X\n\ta 0 string omit\n",
	    ":3: protobuf number 0 is out of range" },
	{ "shared a.b.v1\ntype X\n\ta 1 []X omit list=map:q\n",
	    "key q is no member of b.v1.X" },
	{ "shared a.b.v1\ntype X\n\ta 1 []X omit patch=merge:q\n",
	    "merge key q is no member of b.v1.X" },
	{ "shared a.b.v1\ntype X\n\ta 1 string omit from=z\n",
	    "from=z is no sibling" },
	{ "shared a.b.v1\ntype X\n\ta 1 string omit when=z:1 default=1\n",
	    "when=z is no sibling" },
	{ "shared a.b.v1\ntype X\n\ta 1 string omit rule=frob\n",
	    ":3: unknown rule \"frob\"" },
	{ "shared a.b.v1\ntype X\n\ta 1 string omit format=frob\n",
	    ":3: unknown format \"frob\"" },
	{ "shared a.b.v1\ntype X\n\t+ 1 X\n", "inlines deeper than" },
	{ "shared a.b.v1\ntype X\n\ta 1 string omit 'x\n",
	    ":3: quote is not closed" },
	{ "version g v1 a.b.v1\nresource xs X\n\tverbs eat\n",
	    ":3: unknown verb \"eat\"" },
	{ "version g v1 a.b.v1\nresource xs X\n\tsingular x\n\tverbs get\n"
	    "\tkey /x\n\tname path\n", ":2: no type \"X\"" },
	{ "version g v1 a.b.v1\ntype X\nresource xs X\n\tsingular x\n"
	    "\tverbs list\n\tkey /x\n\tname path\n",
	    ":3: verb list without a list" },
	{ "version g v1 a.b.v1\ntype X\nresource xs X\n\tsingular x\n"
	    "\tverbs get\n", ":3: want key and name" },
	{ "version g v1 a.b.v1\ntype X\nresource xs X\n"
	    "\tcolumn A string - 0 frob\n", ":4: unknown cell \"frob\"" },
};

/* Run tool DIR SCHEMA; its exit status, and what it said on stderr. */
static int
apigen(char *tool, char *dir, char *schema, char *said, size_t size)
{
	char *argv[] = { tool, dir, schema, NULL }, *env[] = { NULL };
	posix_spawn_file_actions_t fa;
	char log[64];
	size_t n = 0;
	pid_t pid;
	FILE *f;
	int status;

	snprintf(log, sizeof(log), "%s/said", dir);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, log,
	    O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (posix_spawn(&pid, tool, &fa, NULL, argv, env) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		BAIL("%s", tool);
	posix_spawn_file_actions_destroy(&fa);
	f = fopen(log, "r");
	if (f != NULL) {
		n = fread(said, 1, size - 1, f);
		fclose(f);
	}
	said[n] = '\0';
	unlink(log);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static void
test_mistakes(void)
{
	const char *build = getenv("PIN_BUILD");
	char dir[] = "/tmp/pin-apigen-XXXXXX", path[64], tool[512], said[1024];
	size_t i;
	FILE *f;
	int rc;

	if (build == NULL)
		build = "build";
	if (mkdtemp(dir) == NULL)
		BAIL("mkdtemp");
	snprintf(path, sizeof(path), "%s/x.schema", dir);
	snprintf(tool, sizeof(tool), "%s/tools/apigen", build);
	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		f = fopen(path, "w");
		if (f == NULL || fputs(mistakes[i].schema, f) < 0 ||
		    fclose(f) != 0)
			BAIL("%s", path);
		rc = apigen(tool, dir, path, said, sizeof(said));
		OK(rc == 1 && strncmp(said, path, strlen(path)) == 0 &&
		    strstr(said, mistakes[i].says) != NULL,
		    "apigen refuses with \"%s\"", mistakes[i].says);
	}
	unlink(path);
	rmdir(dir);
}

static void
test_speed(void)
{
	static const char *const name[] = {
		"containers", "volumes", "nodeName", "tolerations", "affinity",
		"terminationGracePeriodSeconds", "bogus", "schedulerName"
	};
	struct timespec a, b;
	struct pin_type t;
	size_t len[8];
	uint32_t i, hits = 0;
	double ns;

	pin_type_find(s, "core.v1.PodSpec", &t);
	for (i = 0; i < 8; i++)
		len[i] = strlen(name[i]);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < 8000000; i++)
		if (pin_type_field(t, name[i & 7], len[i & 7]) != NULL)
			hits++;
	clock_gettime(CLOCK_MONOTONIC, &b);
	ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 +
	    (double)(b.tv_nsec - a.tv_nsec)) / 8e6;
	OK(hits == 7000000, "a field look-up takes %.1f ns here", ns);
}

int
main(void)
{
	s = pin_schema_builtin();
	test_types();
	test_fields();
	test_protobuf();
	test_resources();
	test_coherent();
	test_mistakes();
	test_speed();
	return (tap_done());
}
