/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loader -- files that must not load and why, options against a plugin's own
 * table, calls (now, later, too late, blocking, only watching), and changing
 * the set while requests run through it.
 * Uses the test plugins; two loops stand in for the API server's fronts.
 * Contract: core/loader/{loader,call,stage}.h. */
#include <sys/stat.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/host/real.h"
#include "core/loader/stage.h"
#include "tap.h"

#define CHAINS	\
	"authentication = ( \"allow\" ); authorization = ( \"allow\" );"	\
	"store = \"none\"; consensus = \"none\";\n"

static char dir[1024], data[1024], path[1024];
static struct pin_host *host;
static struct pin_loop *front[2];
static struct pin_calls *calls[2];

static void
put(const char *where, const void *text, size_t len, mode_t mode)
{
	FILE *f;

	(void)unlink(where);
	f = fopen(where, "w");
	if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) != 0 ||
	    chmod(where, mode) != 0)
		BAIL("cannot write %s", where);
}

static void
put_text(const char *text)
{
	put(path, text, strlen(text), 0644);
}

static bool
loaded(const char *so)
{
	void *handle = dlopen(so, RTLD_NOLOAD | RTLD_NOW);

	if (handle != NULL)
		(void)dlclose(handle);
	return (handle != NULL);
}

static void
configure(const char *admission)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), CHAINS "%s", admission);
	put_text(text);
}

static const struct pin_env_services *services;

static struct pin_plugins *
plugins_open(struct pin_report *r)
{
	struct pin_plugins_options o = { .host = host, .dir = dir,
	    .data = data, .config = path, .roles = PIN_ROLE_ALL,
	    .exe = "/nonexistent" };
	struct pin_plugins *ps;

	memset(r, 0, sizeof(*r));
	if (pin_plugins_open(&o, &ps, r) != PIN_OK)
		return (NULL);
	if (pin_plugins_start(ps, services, r) != PIN_OK)
		pin_plugins_close(&ps);
	return (ps);
}

static struct pin_plugins *
must_open(const char *admission)
{
	struct pin_plugins *ps;
	struct pin_report r;

	configure(admission);
	ps = plugins_open(&r);
	if (ps == NULL)
		BAIL("%s does not load: %s", admission, r.line[0].text);
	pin_report_fini(&r);
	return (ps);
}

static bool
says(const struct pin_report *r, const char *what)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (strstr(r->line[i].text, what) != NULL)
			return (true);
	for (uint32_t i = 0; i < r->n; i++)
		tap_diag("message: %s", r->line[i].text);
	return (false);
}

/* ---- files ------------------------------------------------------------------ */

struct refused {
	const char	*what;
	const char	*admission;
	const char	*message;
};

static const struct refused refusals[] = {
	{ "a plugin that is not there is unknown, and the file is named",
	    "admission = ( \"nowhere\" );", "unknown plugin 'nowhere': there "
	    "is no " },
	{ "another host ABI is refused, both versions named",
	    "admission = ( \"abi-host\" );", "built for host ABI 9.7, this "
	    "host has 1.0" },
	{ "a newer kind ABI is refused, both versions named",
	    "admission = ( \"abi-kind\" );", "built for admission ABI 1.42, "
	    "this host has 1.0" },
	{ "a wrong magic is refused", "admission = ( \"bad-magic\" );",
	    "starts with 12345678, a plugin's with 70696e74" },
	{ "a descriptor that is too short is refused",
	    "admission = ( \"short-size\" );", "has 24 bytes, the first" },
	{ "a plugin of another kind is refused, both kinds named",
	    "admission = ( \"wrong-kind\" );",
	    "of kind auth, here one of kind admission" },
	{ "a renamed file is refused, both names given",
	    "admission = ( \"wrong-name\" );",
	    "calls itself 'other-name', its file or the configuration "
	    "'wrong-name'" },
	{ "a file without the symbol is refused",
	    "admission = ( \"no-symbol\" );",
	    "does not export 'pin_plugin'" },
	{ "an option the plugin does not have is refused, with those it has",
	    "admission = ( { plugin = \"slow\";\n tiem = \"1s\"; } );",
	    "conf:3: unknown option 'tiem': slow has time" },
	{ "an option of another type than the plugin's table says is refused",
	    "admission = ( { plugin = \"label\"; count = \"x\"; } );",
	    "count must be an integer" },
	{ "a number outside the plugin's range is refused",
	    "admission = ( { plugin = \"label\"; count = 11; } );",
	    "count = 11: out of range, must be 1 to 10" },
	{ "a path that must exist is looked for beside the configuration",
	    "admission = ( { plugin = \"label\"; path = \"no/such\"; } );",
	    "/no/such\": No such file" },
	{ "an option a plugin needs is asked for",
	    "admission = ( \"refuse\" );", "reason is missing: told to" },
	{ "a plugin that does not start is named with what it said",
	    "admission = ( { plugin = \"label\";\n value = \"broken\"; } );",
	    "label does not start: " },
};

static void
test_refusals(void)
{
	struct pin_plugins *ps;
	struct pin_report r;

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		configure(refusals[i].admission);
		ps = plugins_open(&r);
		OK(ps == NULL && says(&r, refusals[i].message), "%s",
		    refusals[i].what);
		if (ps != NULL)
			pin_plugins_close(&ps);
		pin_report_fini(&r);
	}
	configure("admission = ( \"abi-host\", \"abi-kind\", \"nowhere\",\n"
	    "{ plugin = \"label\"; count = 11; room = \"x\"; } );");
	ps = plugins_open(&r);
	CASE("all plugins' mistakes are reported, not only the first") {
		CHECK(ps == NULL);
		CHECK_UINT(r.errors, 5);
	}
	pin_report_fini(&r);
	put_text("authentication = ( { plugin = \"allow\"; isolation = "
	    "\"process\"; } );\nauthorization = ( \"allow\" );"
	    "store = { plugin = \"none\"; mode = \"warn\"; };");
	ps = plugins_open(&r);
	CASE("what only some kinds can do is refused for the others") {
		CHECK(ps == NULL);
		CHECK(says(&r, "only admission plugins can run in a process"));
		CHECK(says(&r, "mode = \"warn\": a store plugin decides"));
	}
	pin_report_fini(&r);
	put_text("authentication = ( \"always-allow\" ); store = \"none\";"
	    "authorization = ( \"anonymous\" );");
	ps = plugins_open(&r);
	CASE("a plugin cannot stand in a chain it has no function for") {
		CHECK(ps == NULL);
		CHECK(says(&r, "always-allow does not authenticate"));
		CHECK(says(&r, "anonymous does not authorize"));
	}
	pin_report_fini(&r);
}

static int
try_file(const char *file, struct pin_err *err)
{
	struct pin_module *m;
	int rc;

	err->text[0] = '\0';
	rc = pin_module_open(host, data, file, PIN_KIND_ADMISSION, "label",
	    &m, err);
	if (rc == PIN_OK)
		pin_module_put(&m);
	return (rc);
}

static void
test_files(void)
{
	struct pin_err err = PIN_ERR_INIT;
	char file[1200], *so;
	size_t len, bad = 0;
	int rc;

	(void)snprintf(file, sizeof(file), "%s/admission/label.so", dir);
	if (pin_path_slurp(host, file, 1 << 24, &so, &len, &err) != PIN_OK)
		BAIL("%s", err.text);
	(void)snprintf(file, sizeof(file), "%s/label.so", tap_tmp());

	put(file, so, len, 0644);
	OK(try_file(file, &err) == PIN_OK, "a copy of a plugin loads: %s",
	    err.text);
	put(file, so, len, 0666);
	OK(try_file(file, &err) == PIN_ECONFIG && strstr(err.text,
	    "mode 666 lets everybody write it") != NULL,
	    "a file that everybody can write is refused");
	put(file, so, len, 0664);
	OK(try_file(file, &err) == PIN_ECONFIG && strstr(err.text,
	    "mode 664 lets its group write it") != NULL,
	    "a file that its group can write is refused");
	for (size_t n = 0; n < len; n += n < 4096 ? 61 : 397) {
		put(file, so, n, 0644);
		rc = try_file(file, &err);
		bad += rc == PIN_OK || err.text[0] == '\0';
	}
	OK(bad == 0, "a file cut off anywhere is refused, never mapped");
	put(file, "#!/bin/sh\n", 10, 0644);
	OK(try_file(file, &err) == PIN_ECORRUPT && strstr(err.text,
	    "not an ELF shared object") != NULL, "a script is refused");
	(void)unlink(file);
	OK(mkfifo(file, 0600) == 0 && try_file(file, &err) == PIN_ECONFIG &&
	    strstr(err.text, "not a regular file") != NULL,
	    "a FIFO is refused and not waited for");
	(void)unlink(file);
	if (geteuid() == 0) {
		put(file, so, len, 0644);
		OK(chown(file, 12345, 0) == 0 &&
		    try_file(file, &err) == PIN_ECONFIG && strstr(err.text,
		    "belongs to user 12345") != NULL,
		    "a file of another user is refused");
	} else
		SKIP("root", "a file of another user is refused");
	free(so);
}

static void
test_handles(void)
{
	struct pin_plugins *ps = must_open("admission = ( \"label\",\n"
	    "{ plugin = \"label\"; name = \"second\"; value = \"2\"; } );");
	struct pin_set *set = pin_set_get(ps);
	const struct pin_chain *ch = pin_set_chain(set,
	    PIN_SECTION_ADMISSION);
	char copy[2048];

	(void)snprintf(copy, sizeof(copy), "%s",
	    pin_module_path(ch->stage[0]->module));
	CASE("equal bytes share one handle, each entry has its own self") {
		CHECK_UINT(ch->n, 2);
		CHECK(ch->stage[0]->module == ch->stage[1]->module);
		CHECK(ch->stage[0]->self != ch->stage[1]->self);
		CHECK_STR(ch->stage[1]->name, "second");
	}
	CASE("what is opened is the copy named by its hash") {
		CHECK(strstr(copy, "/run/plugins/") != NULL);
		CHECK(strstr(copy, pin_module_hash(ch->stage[0]->module)) !=
		    NULL);
		CHECK(loaded(copy));
	}
	CASE("a store is opened with its consensus") {
		CHECK(pin_env_consensus(pin_plugins_fixed(ps,
		    PIN_SECTION_STORE)->env) != NULL);
		CHECK(pin_env_consensus(ch->stage[0]->env) == NULL);
	}
	pin_set_put(&set);
	pin_plugins_close(&ps);
}

/* ---- calls --------------------------------------------------------------------- */

static const char pod[] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
    "\"metadata\":{\"name\":\"p\"}}";

struct req {
	struct pin_msg	 msg;
	struct pin_calls *calls;
	struct pin_stage *stage;
	struct pin_set	*set;
	struct pin_arena *arena;
	struct pin_call	*call;
	struct pin_admission_request in;
	struct pin_patch *patch;
	uint64_t	 deadline_ns;
	int		 mutate, cancel;
	const char	*json;

	int		 verdict;
	int		 owed;		/* what pin_call_end said */
	uint32_t	 patches;
	char		 text[PIN_ERR_TEXT_MAX];
	char		 warn[PIN_CALL_LINE_BYTES], note[PIN_CALL_LINE_BYTES];
	struct pin_decision decision;
	atomic_int	 answered, released;
};

static void
line_copy(char *to, uint32_t n, const struct pin_call_line *line)
{
	to[0] = '\0';
	if (n > 0)
		(void)snprintf(to, PIN_CALL_LINE_BYTES, PIN_SFMT,
		    PIN_SARG(line[0].text));
}

static void
req_answer(struct req *q, int verdict)
{
	const struct pin_call_line *line;
	const struct pin_decision *d;
	uint32_t n;

	q->verdict = verdict;
	(void)snprintf(q->text, sizeof(q->text), "%s",
	    pin_call_error(q->call)->text);
	n = pin_call_warnings(q->call, &line);
	line_copy(q->warn, n, line);
	n = pin_call_notes(q->call, &line);
	line_copy(q->note, n, line);
	if (pin_call_decisions(q->call, &d) > 0)
		q->decision = d[0];
	q->owed = pin_call_end(&q->call);
	if (!q->owed) {
		q->patches = pin_patch_count(q->patch);
		pin_arena_free(&q->arena);
	}
	atomic_store(&q->answered, 1);
}

static void
req_resume(void *arg, int verdict, const struct pin_err *err)
{
	(void)err;
	req_answer(arg, verdict);
}

static void
req_release(void *arg)
{
	struct req *q = arg;

	pin_arena_free(&q->arena);
	atomic_store(&q->released, 1);
}

static void
req_begin(struct req *q)
{
	struct pin_call_owner owner = { NULL, req_resume, req_release, q };
	struct pin_obj *obj;

	q->arena = owner.arena = pin_arena_new(1 << 20);
	q->call = pin_call_new(q->calls, &owner);
	q->patch = pin_patch_new(q->arena);
	if (pin_obj_parse(q->arena, q->json, strlen(q->json), &obj, NULL) !=
	    PIN_OK)
		BAIL("cannot parse %s", q->json);
	q->in = (struct pin_admission_request){ .size = sizeof(q->in),
	    .operation = PIN_OP_CREATE, .version = PIN_STR("v1"),
	    .kind = PIN_STR("Pod"), .resource = PIN_STR("pods"),
	    .namespace = PIN_STR("default"), .name = PIN_STR("p"),
	    .object = obj };
}

static int
req_call(struct req *q)
{
	return (q->mutate ? pin_stage_mutate(q->stage, q->call,
	    q->deadline_ns, &q->in, q->patch) : pin_stage_validate(q->stage,
	    q->call, q->deadline_ns, &q->in));
}

static void
req_on_loop(struct pin_msg *msg)
{
	struct req *q = (struct req *)(void *)msg;
	int verdict;

	req_begin(q);
	verdict = req_call(q);
	if (verdict == PIN_LATER && q->cancel) {
		pin_call_cancel(q->call);
		req_answer(q, PIN_ECANCELED);
	} else if (verdict != PIN_LATER)
		req_answer(q, verdict);
}

static void
req_post(struct req *q, struct pin_plugins *ps, uint32_t i)
{
	struct pin_set *set = pin_set_get(ps);

	q->msg.fn = req_on_loop;
	q->calls = calls[0];
	q->stage = pin_set_chain(set, PIN_SECTION_ADMISSION)->stage[i];
	q->set = set;
	if (q->json == NULL)
		q->json = pod;
	pin_loop_post(front[0], &q->msg);
}

/* One call into admission stage i, waited for. */
static void
req_run(struct req *q, struct pin_plugins *ps, uint32_t i)
{
	req_post(q, ps, i);
	WAIT(atomic_load(&q->answered), 10000);
	pin_set_put(&q->set);
}

static int
fake_read(void *arg, const char *group, const char *resource,
    struct pin_str ns, struct pin_str name, struct pin_buf **out,
    uint64_t *revision, struct pin_err *err)
{
	(void)arg;
	if (group[0] != '\0' || strcmp(resource, "configmaps") != 0 ||
	    !pin_str_is(ns, "default") || !pin_str_is(name, "settings"))
		return (pin_err_set(err, PIN_ENOTFOUND, "no %s", resource));
	*out = pin_buf_copy("{\"data\":{}}", 11);
	*revision = 42;
	return (PIN_OK);
}

static void
test_calls(void)
{
	static const struct pin_env_services fake = { .read = fake_read };
	struct pin_plugins *ps;
	struct req q;

	services = &fake;
	ps = must_open("admission = (\n"
	    "{ plugin = \"label\"; value = \"v\"; read = \"settings\"; },\n"
	    "{ plugin = \"refuse\"; reason = \"not today\"; }, \"later\",\n"
	    "\"blocking\", \"slow\",\n"
	    "{ plugin = \"odd\"; verdict = 77; },\n"
	    "{ plugin = \"odd\"; name = \"odd2\"; dones = 2; },\n"
	    "{ plugin = \"label\"; name = \"lost\"; read = \"x\"; }, );");
	services = NULL;
	CASE("a mutating plugin answers at once, with a patch, a warning and "
	    "a note") {
		q = (struct req){ .mutate = 1 };
		req_run(&q, ps, 0);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_UINT(q.patches, 1);
		CHECK_STR(q.warn, "labelled v");
		CHECK_STR(q.note, "read 11 bytes at 42");
		CHECK_INT(q.decision.verdict, PIN_ADMIT);
		CHECK(q.decision.ns > 0);
	}
	CASE("a read that finds nothing is the call's error") {
		q = (struct req){ .mutate = 1 };
		req_run(&q, ps, 7);
		CHECK_INT(q.verdict, PIN_ENOTFOUND);
		CHECK_STR(q.text, "no configmaps");
	}
	CASE("a refusal comes with its text") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 1);
		CHECK_INT(q.verdict, PIN_REFUSE);
		CHECK_STR(q.text, "not today");
	}
	CASE("an answer from the plugin's own thread resumes the request") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 2);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_STR(q.note, "answered later");
		CHECK_INT(q.owed, 0);
	}
	CASE("a blocking plugin leaves the loop alone and answers") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 3);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_UINT(atomic_load(&q.decision.stage->slow), 0);
	}
	CASE("a synchronous call over its budget is counted") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 4);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_UINT(atomic_load(&q.decision.stage->slow), 1);
	}
	CASE("a number that is no verdict is an error naming the plugin") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 5);
		CHECK_INT(q.verdict, PIN_EINTERNAL);
		CHECK(strstr(q.text, "odd answered 77") != NULL);
	}
	CASE("of an answer and two dones the first done counts, once") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 6);
		CHECK_INT(q.verdict, PIN_REFUSE);
	}
	CASE("a request whose time is over reaches no plugin") {
		q = (struct req){ .deadline_ns = 1 };
		req_run(&q, ps, 1);
		CHECK_INT(q.verdict, PIN_ETIMEOUT);
	}
	pin_plugins_close(&ps);
}

static void
test_late(void)
{
	struct pin_plugins *ps;
	struct pin_report r;
	struct req q = { .mutate = 0 }, q2 = { .cancel = 1 };
	char conf[1300], hold[1100];

	memset(&r, 0, sizeof(r));
	(void)snprintf(hold, sizeof(hold), "%s/go", tap_tmp());
	(void)snprintf(conf, sizeof(conf), "admission = ( { plugin = "
	    "\"later\"; hold = \"%s\"; deadline = \"50ms\"; } );", hold);
	ps = must_open(conf);
	CASE("a plugin that does not answer in time is given up by name") {
		req_run(&q, ps, 0);
		CHECK_INT(q.verdict, PIN_ETIMEOUT);
		CHECK(strstr(q.text, "plugin later did not answer within") !=
		    NULL);
		CHECK_INT(q.owed, 1);
	}
	CASE("a call of a client that left is cancelled") {
		req_run(&q2, ps, 0);
		CHECK_INT(q2.verdict, PIN_ECANCELED);
		CHECK_INT(q2.owed, 1);
	}
	CASE("its memory and its plugin stay until the late answer") {
		configure("admission = ( \"label\" );");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_OK);
		CHECK_UINT(pin_plugins_reap(ps), 1);
		CHECK_INT(atomic_load(&q.released), 0);
		CHECK_INT(atomic_load(&q2.released), 0);
	}
	CASE("the late answer is dropped, memory and plugin go") {
		put(hold, "", 0, 0644);
		WAIT(atomic_load(&q.released) && atomic_load(&q2.released),
		    10000);
		WAIT(pin_plugins_reap(ps) == 0, 10000);
	}
	pin_report_fini(&r);
	pin_plugins_close(&ps);
}

static void
test_modes(void)
{
	struct pin_plugins *ps;
	struct req q;

	ps = must_open("admission = (\n"
	    "{ plugin = \"refuse\"; mode = \"warn\"; reason = \"a\"; },\n"
	    "{ plugin = \"refuse\"; name = \"b\"; mode = \"audit\"; "
	    "reason = \"b\"; },\n"
	    "{ plugin = \"refuse\"; name = \"c\"; mode = \"shadow\"; "
	    "reason = \"c\"; },\n"
	    "{ plugin = \"label\"; mode = \"audit\"; } );");
	CASE("mode warn admits and warns the client") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 0);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_STR(q.warn, "refuse would refuse: a");
		CHECK_INT(q.decision.verdict, PIN_REFUSE);
		CHECK_INT(q.decision.counted, PIN_ADMIT);
	}
	CASE("mode audit admits and notes it for the audit trail") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 1);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_STR(q.warn, "");
		CHECK_STR(q.note, "b would refuse: b");
	}
	CASE("mode shadow admits and only counts") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 2);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_STR(q.warn, "");
		CHECK_STR(q.note, "");
		CHECK_UINT(atomic_load(&q.decision.stage->refusals), 1);
	}
	CASE("a stage that only watches changes nothing") {
		q = (struct req){ .mutate = 1 };
		req_run(&q, ps, 3);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_UINT(q.patches, 0);
	}
	pin_plugins_close(&ps);
}

static void
test_match(void)
{
	struct pin_plugins *ps = must_open("admission = ( \"label\", "
	    "\"slow\" );");
	struct pin_set *set = pin_set_get(ps);
	struct pin_stage **st = pin_set_chain(set,
	    PIN_SECTION_ADMISSION)->stage;
	struct pin_admission_request q = { .operation = PIN_OP_CREATE,
	    .resource = PIN_STR("pods") };

	CASE("the table of matches decides what reaches a plugin") {
		CHECK(pin_stage_matches(st[0], &q));
		CHECK(pin_stage_matches(st[1], &q));
		q.subresource = PIN_STR("status");
		CHECK(!pin_stage_matches(st[0], &q));
		CHECK(pin_stage_matches(st[1], &q));
		q.subresource = PIN_STR_NONE;
		q.operation = PIN_OP_DELETE;
		CHECK(!pin_stage_matches(st[0], &q));
		q.operation = PIN_OP_CREATE;
		q.group = PIN_STR("apps");
		CHECK(!pin_stage_matches(st[0], &q));
		CHECK(pin_stage_has_mutate(st[0]));
		CHECK(!pin_stage_has_mutate(st[1]));
	}
	pin_set_put(&set);
	pin_plugins_close(&ps);
}

/* ---- reload ---------------------------------------------------------------------- */

static void
test_reload(void)
{
	struct pin_plugins *ps = must_open("admission = ( \"label\" );");
	struct pin_set *old = pin_set_get(ps), *set;
	struct pin_report r = { 0 };
	char copy[2048];

	(void)snprintf(copy, sizeof(copy), "%s", pin_module_path(
	    pin_set_chain(old, PIN_SECTION_ADMISSION)->stage[0]->module));
	CASE("a configuration that does not load leaves the old one running") {
		configure("admission = ( \"nowhere\",\n"
		    "{ plugin = \"label\"; value = \"broken\"; } );");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(says(&r, "conf:2: unknown plugin 'nowhere'"));
		pin_report_fini(&r);
		configure("admission = ( \"slow\",\n"
		    "{ plugin = \"label\"; value = \"broken\"; } );");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(says(&r, "conf:3: label does not start"));
		pin_report_fini(&r);
		set = pin_set_get(ps);
		CHECK(set == old);
		pin_set_put(&set);
	}
	CASE("a change of the store is refused while running") {
		put_text("authentication = ( \"allow\" ); authorization = "
		    "( \"allow\" );\nstore = { plugin = \"none\"; size = "
		    "4096; };\nconsensus = \"none\";");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(says(&r, "conf:2: store cannot be changed while "
		    "running: the process must be restarted"));
		CHECK_UINT(r.errors, 1);
		pin_report_fini(&r);
	}
	CASE("a removed consensus is a change too") {
		put_text("authentication = ( \"allow\" ); authorization = "
		    "( \"allow\" );\nstore = \"none\";");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(says(&r, "consensus cannot be changed"));
		pin_report_fini(&r);
	}
	CASE("a new set replaces the old in one step") {
		configure("admission = ( \"slow\" ); apiserver = { "
		    "listen = \"127.0.0.1:1\"; };");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_OK);
		CHECK(says(&r, "apiserver: changes take effect when"));
		pin_report_fini(&r);
		set = pin_set_get(ps);
		CHECK(set != old);
		CHECK(pin_set_generation(set) > pin_set_generation(old));
		CHECK_STR(pin_set_chain(set, PIN_SECTION_ADMISSION)->
		    stage[0]->name, "slow");
		pin_set_put(&set);
	}
	CASE("the old set lives on while a request uses it") {
		CHECK_UINT(pin_plugins_reap(ps), 1);
		CHECK(loaded(copy));
	}
	CASE("and is closed and unloaded after the last one") {
		pin_set_put(&old);
		CHECK_UINT(pin_plugins_reap(ps), 0);
		CHECK(!loaded(copy));
	}
	pin_plugins_close(&ps);
}

#define RELOADS	200

/* A client: one request after another, as fast as its loop can. */
struct client {
	struct req	 q;
	struct pin_plugins *ps;
	atomic_int	*stop;
	atomic_int	 over;
	uint64_t	 done, failed, torn;
	uint32_t	 at;		/* stage of the chain */
	char		 want[32];
};

static void	client_next(struct client *);

static void
client_resume(void *arg, int verdict, const struct pin_err *err)
{
	struct client *c = arg;

	(void)err;
	c->failed += verdict != PIN_ADMIT;
	c->at++;
	client_next(c);
}

static void
client_end(struct client *c)
{
	c->done++;
	c->failed += pin_call_end(&c->q.call) != 0;
	pin_arena_free(&c->q.arena);
	pin_set_put(&c->q.set);
}

/* The two stages of a set always come from one configuration. */
static void
client_begin(struct client *c)
{
	const struct pin_chain *ch;

	c->q.set = pin_set_get(c->ps);
	ch = pin_set_chain(c->q.set, PIN_SECTION_ADMISSION);
	c->torn += ch->n != 3 || strcmp(pin_conf_string(ch->stage[0]->conf,
	    "value"), pin_conf_string(ch->stage[2]->conf, "value")) != 0;
	c->at = 0;
	req_begin(&c->q);
	pin_call_end(&c->q.call);
	c->q.call = pin_call_new(c->q.calls, &(struct pin_call_owner){
	    c->q.arena, client_resume, req_release, c });
}

static void
client_next(struct client *c)
{
	const struct pin_chain *ch;
	int verdict;

	ch = pin_set_chain(c->q.set, PIN_SECTION_ADMISSION);
	while (c->at < ch->n) {
		c->q.stage = ch->stage[c->at];
		c->q.mutate = pin_stage_has_mutate(c->q.stage);
		verdict = req_call(&c->q);
		if (verdict == PIN_LATER)
			return;
		c->failed += verdict != PIN_ADMIT;
		c->at++;
	}
	client_end(c);
	if (atomic_load(c->stop))
		atomic_store(&c->over, 1);
	else
		pin_loop_post(c->q.calls == calls[0] ? front[0] : front[1],
		    &c->q.msg);
}

static void
client_on_loop(struct pin_msg *msg)
{
	struct client *c = (struct client *)(void *)msg;

	client_begin(c);
	client_next(c);
}

static void
reloads(struct pin_plugins *ps, uint64_t *failed)
{
	struct pin_report r = { 0 };
	char conf[256];

	for (int i = 0; i < RELOADS; i++) {
		(void)snprintf(conf, sizeof(conf), "admission = (\n"
		    "{ plugin = \"label\"; value = \"%d\"; },\n"
		    "{ plugin = \"later\"; time = \"0\"; },\n"
		    "{ plugin = \"label\"; name = \"z\"; value = \"%d\"; } "
		    ");", i, i);
		configure(conf);
		*failed += pin_plugins_reload(ps, &r) != PIN_OK;
		pin_report_fini(&r);
	}
}

static void
test_load(void)
{
	struct pin_plugins *ps = must_open("admission = ( \"label\", "
	    "\"later\", { plugin = \"label\"; name = \"z\"; } );");
	static struct client c[2];
	uint64_t failed = 0;
	atomic_int stop;

	atomic_init(&stop, 0);
	for (int i = 0; i < 2; i++) {
		c[i].ps = ps;
		c[i].stop = &stop;
		c[i].q.msg.fn = client_on_loop;
		c[i].q.calls = calls[i];
		c[i].q.json = pod;
		pin_loop_post(front[i], &c[i].q.msg);
	}
	reloads(ps, &failed);
	atomic_store(&stop, 1);
	CASE("%d reloads under load: no request fails or sees two sets",
	    RELOADS) {
		WAIT(atomic_load(&c[0].over) && atomic_load(&c[1].over),
		    10000);
		CHECK_UINT(failed, 0);
		CHECK_UINT(c[0].failed + c[1].failed, 0);
		CHECK_UINT(c[0].torn + c[1].torn, 0);
		CHECK(c[0].done > 0 && c[1].done > 0);
		CHECK_UINT(pin_plugins_reap(ps), 0);
	}
	tap_diag("%llu requests", (unsigned long long)(c[0].done +
	    c[1].done));
	pin_plugins_close(&ps);
}

int
main(void)
{
	struct pin_err err = PIN_ERR_INIT;

	tap_deadline(120);
	host = pin_host_real();
	pin_host_log_level(host, -1);
	(void)snprintf(dir, sizeof(dir), "%s/tests/plugins", tap_build());
	(void)snprintf(data, sizeof(data), "%s/data", tap_tmp());
	(void)snprintf(path, sizeof(path), "%s/test.conf", tap_tmp());
	for (int i = 0; i < 2; i++) {
		if (pin_loop_open(host, i == 0 ? "front0" : "front1",
		    &front[i], &err) != PIN_OK)
			BAIL("%s", err.text);
		calls[i] = pin_calls_new(front[i]);
		if (pin_loop_start(front[i], &err) != PIN_OK)
			BAIL("%s", err.text);
	}
	test_refusals();
	test_files();
	test_handles();
	test_calls();
	test_late();
	test_modes();
	test_match();
	test_reload();
	test_load();
	for (int i = 0; i < 2; i++) {
		pin_loop_stop(front[i]);
		pin_loop_close(&front[i]);
		pin_calls_free(&calls[i]);
	}
	return (tap_done());
}
