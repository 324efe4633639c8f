/* SPDX-License-Identifier: BSD-2-Clause
 *
 * call -- one call into a plugin: answered now, later, too late, by a blocking
 * plugin, by one that only watches, by one that breaks the rules, and by one
 * in a process of its own that crashes.
 * Uses the test plugins. Contract: core/loader/{call,stage}.h. */
#include "loaded.h"

static const char pod[] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
    "\"metadata\":{\"name\":\"p\"}}";

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

	loaded_services = &fake;
	ps = loaded_open("admission = (\n"
	    "{ plugin = \"label\"; value = \"v\"; read = \"settings\"; },\n"
	    "{ plugin = \"refuse\"; reason = \"not today\"; }, \"later\",\n"
	    "\"blocking\", \"slow\",\n"
	    "{ plugin = \"label\"; name = \"lost\"; read = \"x\"; }, );");
	loaded_services = NULL;
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
		req_run(&q, ps, 5);
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
	pin_plugins_close(&ps);
}

static void
test_rules(void)
{
	struct pin_plugins *ps = loaded_open("admission = (\n"
	    "{ plugin = \"odd\"; verdict = 77; },\n"
	    "{ plugin = \"odd\"; name = \"odd2\"; dones = 2; } );");
	struct req q;

	CASE("a number that is no verdict is an error naming the plugin") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 0);
		CHECK_INT(q.verdict, PIN_EINTERNAL);
		CHECK(strstr(q.text, "odd answered 77") != NULL);
	}
	CASE("of an answer and two dones the first done counts, once") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 1);
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
	ps = loaded_open(conf);
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
		loaded_conf("admission = ( \"label\" );");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_OK);
		CHECK_UINT(pin_plugins_reap(ps), 1);
		CHECK_INT(atomic_load(&q.released), 0);
		CHECK_INT(atomic_load(&q2.released), 0);
	}
	CASE("the late answer is dropped, memory and plugin go") {
		loaded_file(hold, "", 0, 0644);
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

	ps = loaded_open("admission = (\n"
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
	struct pin_plugins *ps = loaded_open("admission = ( \"label\", "
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

/* ---- a process of its own ---------------------------------------- */

#define CRASH(how)	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\","	\
	"\"metadata\":{\"annotations\":{\"pintle.test/crash\":\"" how "\"}}}"

static atomic_int crashed, started;

static void
fake_event(void *arg, const char *section, const char *name,
    const char *reason, const char *text)
{
	(void)arg;
	(void)text;
	if (strcmp(section, "admission") != 0 || name[0] == '\0')
		return;
	if (strcmp(reason, "PluginCrashed") == 0)
		atomic_fetch_add(&crashed, 1);
	if (strcmp(reason, "PluginStarted") == 0)
		atomic_fetch_add(&started, 1);
}

static const struct pin_env_services isolated_services = {
	.read = fake_read, .event = fake_event,
};

static void
isolated_good(struct pin_plugins *ps)
{
	struct req q;

	CASE("an isolated plugin changes, warns, notes and reads as another") {
		q = (struct req){ .mutate = 1 };
		req_run(&q, ps, 0);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_STR(q.text, "");
		CHECK_UINT(q.patches, 1);
		CHECK_STR(q.warn, "labelled w");
		CHECK_STR(q.note, "read 11 bytes at 42");
	}
	CASE("an isolated plugin refuses with its text") {
		q = (struct req){ .json = "{\"metadata\":{\"annotations\":{"
		    "\"pintle.test/refuse\":\"no \\\"pods\\\" today\"}}}" };
		req_run(&q, ps, 0);
		CHECK_INT(q.verdict, PIN_REFUSE);
		CHECK_STR(q.text, "label: no \"pods\" today");
	}
	CASE("an isolated plugin may answer later") {
		q = (struct req){ .mutate = 0 };
		req_run(&q, ps, 1);
		CHECK_INT(q.verdict, PIN_ADMIT);
		CHECK_STR(q.note, "answered later");
	}
}

static void
isolated_crash(struct pin_plugins *ps, const char *json, const char *how)
{
	int crashes = atomic_load(&crashed), starts = atomic_load(&started);
	struct req q;

	CASE("%s in an isolated plugin is one failed call, by name", how) {
		q = (struct req){ .json = json };
		req_run(&q, ps, 2);
		CHECK_INT(q.verdict, PIN_EINTERNAL);
		CHECK_STR(q.text, "the process of plugin crash crashed "
		    "during this call");
		if (q.owed)
			WAIT(atomic_load(&q.released), 10000);
		CHECK_INT(atomic_load(&crashed), crashes + 1);
	}
	CASE("after %s the others go on, and it is started again", how) {
		q = (struct req){ .mutate = 1 };
		req_run(&q, ps, 0);
		CHECK_INT(q.verdict, PIN_ADMIT);
		WAIT(atomic_load(&started) > starts, 10000);
		q = (struct req){ .json = pod };
		req_run(&q, ps, 2);
		CHECK_INT(q.verdict, PIN_ADMIT);
	}
}

static void
test_isolated(void)
{
	struct pin_plugins *ps;
	struct pin_report r;
	struct req q;

	loaded_services = &isolated_services;
	ps = loaded_open("admission = ( { plugin = \"label\"; value = \"w\";\n"
	    "read = \"settings\"; isolation = \"process\"; },\n"
	    "{ plugin = \"later\"; isolation = \"process\"; },\n"
	    "{ plugin = \"crash\"; isolation = \"process\"; "
	    "deadline = \"2s\"; } );");
	isolated_good(ps);
	isolated_crash(ps, CRASH("segv"), "SIGSEGV");
	isolated_crash(ps, CRASH("abort"), "abort()");
	isolated_crash(ps, CRASH("exit"), "exit()");
	isolated_crash(ps, CRASH("write"), "closing every descriptor");
	CASE("an endless loop in an isolated plugin ends at its deadline") {
		int starts = atomic_load(&started);

		q = (struct req){ .json = CRASH("spin") };
		req_run(&q, ps, 2);
		CHECK_INT(q.verdict, PIN_ETIMEOUT);
		if (q.owed)
			WAIT(atomic_load(&q.released), 10000);
		WAIT(atomic_load(&started) > starts, 20000);
	}
	pin_plugins_close(&ps);
	loaded_services = NULL;
	loaded_conf("admission = (\n{ plugin = \"label\"; value = \"broken\"; "
	    "isolation = \"process\"; } );");
	ps = loaded_try(&r);
	OK(ps == NULL && loaded_says(&r, "conf:3: label does not start: "
	    "options: the value 'broken' is refused"),
	    "an isolated plugin that does not start says why");
	pin_report_fini(&r);
}

int
main(void)
{
	tap_deadline(120);
	loaded_init();
	test_calls();
	test_rules();
	test_late();
	test_modes();
	test_match();
	test_isolated();
	loaded_fini();
	return (tap_done());
}
