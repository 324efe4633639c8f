/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loader -- files that must not load and why, options against a plugin's own
 * table, and changing the set while requests run through it.
 * Uses the test plugins; two loops stand in for the API server's fronts.
 * Contract: core/loader/loader.h. */
#include <dlfcn.h>
#include <unistd.h>

#include "core/loader/elf_plugin.h"
#include "loaded.h"

static bool
loaded(const char *so)
{
	void *handle = dlopen(so, RTLD_NOLOAD | RTLD_NOW);

	if (handle != NULL)
		(void)dlclose(handle);
	return (handle != NULL);
}

/* ---- files ------------------------------------------------------- */

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
	    "host has 1." },
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
		loaded_conf(refusals[i].admission);
		ps = loaded_try(&r);
		OK(ps == NULL && loaded_says(&r, refusals[i].message), "%s",
		    refusals[i].what);
		if (ps != NULL)
			pin_plugins_close(&ps);
		pin_report_fini(&r);
	}
	loaded_conf("admission = ( \"abi-host\", \"abi-kind\", \"nowhere\",\n"
	    "{ plugin = \"label\"; count = 11; room = \"x\"; } );");
	ps = loaded_try(&r);
	CASE("all plugins' mistakes are reported, not only the first") {
		CHECK(ps == NULL);
		CHECK_UINT(r.errors, 5);
	}
	pin_report_fini(&r);
	loaded_text("authentication = ( { plugin = \"allow\"; isolation = "
	    "\"process\"; } );\nauthorization = ( \"allow\" );"
	    "store = { plugin = \"none\"; mode = \"warn\"; };");
	ps = loaded_try(&r);
	CASE("what only some kinds can do is refused for the others") {
		CHECK(ps == NULL);
		CHECK(loaded_says(&r, "only admission plugins can run in a"));
		CHECK(loaded_says(&r, "mode = \"warn\": a store plugin"));
	}
	pin_report_fini(&r);
	loaded_text("authentication = ( \"always-allow\" ); store = \"none\";"
	    "authorization = ( \"anonymous\" );");
	ps = loaded_try(&r);
	CASE("a plugin cannot stand in a chain it has no function for") {
		CHECK(ps == NULL);
		CHECK(loaded_says(&r, "always-allow does not authenticate"));
		CHECK(loaded_says(&r, "anonymous does not authorize"));
	}
	pin_report_fini(&r);
}

static int
try_file(const char *file, struct pin_err *err)
{
	struct pin_module *m;
	int rc;

	err->text[0] = '\0';
	rc = pin_module_open(loaded_host, loaded_data, file,
	    PIN_KIND_ADMISSION, "label", &m, err);
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

	(void)snprintf(file, sizeof(file), "%s/admission/label.so",
	    loaded_dir);
	if (pin_path_slurp(loaded_host, file, 1 << 24, &so, &len, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
	(void)snprintf(file, sizeof(file), "%s/label.so", tap_tmp());

	loaded_file(file, so, len, 0644);
	OK(try_file(file, &err) == PIN_OK, "a copy of a plugin loads: %s",
	    err.text);
	loaded_file(file, so, len, 0666);
	OK(try_file(file, &err) == PIN_ECONFIG && strstr(err.text,
	    "mode 666 lets everybody write it") != NULL,
	    "a file that everybody can write is refused");
	loaded_file(file, so, len, 0664);
	OK(try_file(file, &err) == PIN_ECONFIG && strstr(err.text,
	    "mode 664 lets its group write it") != NULL,
	    "a file that its group can write is refused");
	for (size_t n = 0; n < len; n += n < 4096 ? 61 : 397) {
		loaded_file(file, so, n, 0644);
		rc = try_file(file, &err);
		bad += rc == PIN_OK || err.text[0] == '\0';
	}
	OK(bad == 0, "a file cut off anywhere is refused, never mapped");
	loaded_file(file, "#!/bin/sh\n", 10, 0644);
	OK(try_file(file, &err) == PIN_ECORRUPT && strstr(err.text,
	    "not an ELF shared object") != NULL, "a script is refused");
	(void)unlink(file);
	OK(mkfifo(file, 0600) == 0 && try_file(file, &err) == PIN_ECONFIG &&
	    strstr(err.text, "not a regular file") != NULL,
	    "a FIFO is refused and not waited for");
	(void)unlink(file);
	if (geteuid() == 0) {
		loaded_file(file, so, len, 0644);
		OK(chown(file, 12345, 0) == 0 &&
		    try_file(file, &err) == PIN_ECONFIG && strstr(err.text,
		    "belongs to user 12345") != NULL,
		    "a file of another user is refused");
	} else
		SKIP("root", "a file of another user is refused");
	free(so);
}

/* Bytes changed by a small generator: the same ones in every run. */
static void
test_damage(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_elf_plugin *ep;
	char file[1200], *so, *bad;
	uint64_t seed = 1;
	size_t len, read = 0, silent = 0, near;

	(void)snprintf(file, sizeof(file), "%s/admission/label.so",
	    loaded_dir);
	if (pin_path_slurp(loaded_host, file, 1 << 24, &so, &len, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
	bad = malloc(len);
	(void)snprintf(file, sizeof(file), "%s/damaged.so", tap_tmp());
	for (int i = 0; i < 2000; i++) {
		memcpy(bad, so, len);
		near = i % 2 == 0 ? 1024 : len;	/* headers, or anywhere */
		for (int k = 0; k < 1 + i % 7; k++) {
			seed = seed * 6364136223846793005u +
			    1442695040888963407u;
			bad[(seed >> 33) % near] = (char)(seed >> 25);
		}
		loaded_file(file, bad, len, 0644);
		err.text[0] = '\0';
		if (pin_elf_plugin_open(file, &ep, &err) != PIN_OK) {
			silent += err.text[0] == '\0';
			continue;
		}
		read++;
		pin_elf_plugin_close(&ep);
	}
	OK(silent == 0 && read > 0 && read < 2000,
	    "a damaged file is read as data or refused with a reason");
	free(bad);
	free(so);
}

static void
test_handles(void)
{
	struct pin_plugins *ps = loaded_open("admission = ( \"label\",\n"
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

/* ---- reload ------------------------------------------------------ */

/* What may change only when the process starts again. */
static void
restart_changes(struct pin_plugins *ps)
{
	struct pin_report r = { 0 };

	CASE("a change of the store is refused while running") {
		loaded_text("authentication = ( \"allow\" ); authorization = "
		    "( \"allow\" );\nstore = { plugin = \"none\"; size = "
		    "4096; };\nconsensus = \"none\";");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(loaded_says(&r, "conf:2: store cannot be changed while "
		    "running: the process must be restarted"));
		CHECK_UINT(r.errors, 1);
		pin_report_fini(&r);
	}
	CASE("another file behind the same name is a change too") {
		char other[1200], conf[2048], *so;
		struct pin_err err = PIN_ERR_INIT;
		size_t len;

		(void)snprintf(other, sizeof(other), "%s/store/none.so",
		    loaded_dir);
		if (pin_path_slurp(loaded_host, other, 1 << 24, &so, &len,
		    &err) != PIN_OK)
			BAIL("%s", err.text);
		(void)snprintf(other, sizeof(other), "%s/none.so", tap_tmp());
		so[len] = 'x';		/* behind everything ELF knows of */
		loaded_file(other, so, len + 1, 0644);
		free(so);
		(void)snprintf(conf, sizeof(conf), "authentication = ( "
		    "\"allow\" ); authorization = ( \"allow\" ); store = { "
		    "plugin = \"none\"; file = \"%s\"; }; consensus = "
		    "\"none\";", other);
		loaded_text(conf);
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(loaded_says(&r, "store cannot be changed while"));
		pin_report_fini(&r);
	}
	CASE("a removed consensus is a change too") {
		loaded_text("authentication = ( \"allow\" ); authorization = "
		    "( \"allow\" );\nstore = \"none\";");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(loaded_says(&r, "consensus cannot be changed"));
		pin_report_fini(&r);
	}
}

static void
test_reload(void)
{
	struct pin_plugins *ps = loaded_open("admission = ( \"label\" );");
	struct pin_set *old = pin_set_get(ps), *set;
	struct pin_report r = { 0 };
	char copy[2048];

	(void)snprintf(copy, sizeof(copy), "%s", pin_module_path(
	    pin_set_chain(old, PIN_SECTION_ADMISSION)->stage[0]->module));
	CASE("a configuration that does not load leaves the old one running") {
		loaded_conf("admission = ( \"nowhere\",\n"
		    "{ plugin = \"label\"; value = \"broken\"; } );");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(loaded_says(&r, "conf:2: unknown plugin 'nowhere'"));
		pin_report_fini(&r);
		loaded_conf("admission = ( \"slow\",\n"
		    "{ plugin = \"label\"; value = \"broken\"; } );");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_ECONFIG);
		CHECK(loaded_says(&r, "conf:3: label does not start"));
		pin_report_fini(&r);
		set = pin_set_get(ps);
		CHECK(set == old);
		pin_set_put(&set);
	}
	restart_changes(ps);
	CASE("a new set replaces the old in one step") {
		loaded_conf("admission = ( \"slow\" ); apiserver = { "
		    "listen = \"127.0.0.1:1\"; };");
		CHECK_INT(pin_plugins_reload(ps, &r), PIN_OK);
		CHECK(loaded_says(&r, "apiserver: changes take effect when"));
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
	req_begin(&c->q, client_resume, c);
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
		pin_loop_post(loaded_front[c->q.calls != loaded_calls[0]],
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
		loaded_conf(conf);
		*failed += pin_plugins_reload(ps, &r) != PIN_OK;
		pin_report_fini(&r);
	}
}

static void
test_load(void)
{
	struct pin_plugins *ps = loaded_open("admission = ( \"label\", "
	    "\"later\", { plugin = \"label\"; name = \"z\"; } );");
	static struct client c[2];
	uint64_t failed = 0;
	atomic_int stop;

	atomic_init(&stop, 0);
	for (int i = 0; i < 2; i++) {
		c[i].ps = ps;
		c[i].stop = &stop;
		c[i].q.msg.fn = client_on_loop;
		c[i].q.calls = loaded_calls[i];
		pin_loop_post(loaded_front[i], &c[i].q.msg);
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
	tap_deadline(120);
	loaded_init();
	test_refusals();
	test_files();
	test_damage();
	test_handles();
	test_reload();
	test_load();
	loaded_fini();
	return (tap_done());
}
