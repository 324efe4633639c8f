/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config -- a configuration file: what is read, and that every mistake is
 * named with its file and line, all of them at once.
 * No plugins here: their tables are unit/loader's.
 * Contract: core/config/config.h. */
#include "core/config/config.h"

#include <unistd.h>

#include "tap.h"

static char path[1024], inc[1024];

static void
put(const char *where, const char *text)
{
	FILE *f = fopen(where, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		BAIL("cannot write %s", where);
}

static struct pin_config *
load(const char *text, struct pin_report *r)
{
	struct pin_config *c;

	memset(r, 0, sizeof(*r));
	put(path, text);
	(void)pin_config_load(path, "/data", PIN_ROLE_ALL, &c, r);
	return (c);
}

/* Is there a message "FILE:line: ...what..."? */
static bool
says(const struct pin_report *r, int line, const char *what)
{
	char head[1200];

	(void)snprintf(head, sizeof(head), "%s:%d: ", path, line);
	for (uint32_t i = 0; i < r->n; i++)
		if (strncmp(r->line[i].text, head, strlen(head)) == 0 &&
		    strstr(r->line[i].text, what) != NULL)
			return (true);
	for (uint32_t i = 0; i < r->n; i++)
		tap_diag("message: %s", r->line[i].text);
	return (false);
}

#define MINIMAL	\
	"authentication = ( \"x509\" ); authorization = ( \"rbac\" );" \
	"store = \"lmdb\";\n"

static void
test_good(void)
{
	const struct pin_config_entry *e;
	struct pin_apiserver_config api;
	struct pin_report r;
	struct pin_config *c;

	c = load("authentication = (\n"
	    "\t{ plugin = \"x509\"; name = \"certs\"; deadline = \"2s\"; },\n"
	    "\t\"anonymous\",	# the last one\n"
	    ");\n"
	    "authorization = [ \"rbac\" ];\n"
	    "admission = ( { plugin = \"a\"; isolation = \"process\";\n"
	    "    mode = \"shadow\"; file = \"b.so\"; } /* , */ , );\n"
	    "store = { plugin = \"lmdb\"; };\n"
	    "apiserver = { listen = \"[::1]:7443\"; node-port-last = 31000;\n"
	    "  body-max = \"1Mi\"; pki = \"keys\"; watch-history = 2097152;\n"
	    "  log-level = \"debug\"; };\n", &r);
	CASE("a file exists that is missing where it must be there") {
		CHECK(c == NULL);
		CHECK(says(&r, 6, "b.so") || says(&r, 7, "b.so"));
	}
	pin_report_fini(&r);
	(void)snprintf(inc, sizeof(inc), "%s/b.so", tap_tmp());
	put(inc, "x");
	(void)pin_config_load(path, "/data", PIN_ROLE_ALL, &c, &r);
	if (c == NULL) {
		tap_diag("%s", r.line[0].text);
		BAIL("the good configuration does not load");
	}
	CASE("entries come in order with what the file says") {
		CHECK_UINT(pin_config_count(c, PIN_SECTION_AUTHENTICATION), 2);
		e = pin_config_entry(c, PIN_SECTION_AUTHENTICATION, 0);
		CHECK_STR(e->plugin, "x509");
		CHECK_STR(e->name, "certs");
		CHECK_UINT(e->deadline_ns, 2000000000);
		e = pin_config_entry(c, PIN_SECTION_AUTHENTICATION, 1);
		CHECK_STR(e->plugin, "anonymous");
		CHECK_STR(e->name, "anonymous");
		CHECK_UINT(e->deadline_ns, 10000000000);
		CHECK_UINT(e->mode, PIN_MODE_ENFORCE);
		e = pin_config_entry(c, PIN_SECTION_ADMISSION, 0);
		CHECK_UINT(e->mode, PIN_MODE_SHADOW);
		CHECK_UINT(e->isolation, PIN_ISOLATION_PROCESS);
		CHECK_STR(e->file, inc);
		CHECK_UINT(pin_config_count(c, PIN_SECTION_STORE), 1);
		CHECK_UINT(pin_config_count(c, PIN_SECTION_CONSENSUS), 0);
	}
	CASE("the API server's block has its types and its defaults") {
		pin_config_apiserver(c, &api);
		CHECK_STR(api.listen, "[::1]:7443");
		CHECK_UINT(api.port_first, 30000);
		CHECK_UINT(api.port_last, 31000);
		CHECK_UINT(api.body_max, 1 << 20);
		CHECK_UINT(api.ring_bytes, 2 << 20);
		CHECK_UINT(api.timeout_ms, 60000);
		CHECK_UINT(api.compact_ms, 300000);
		CHECK_UINT(api.log_level, 3);
		CHECK_STR(api.service_cidr, "10.96.0.0/16");
		CHECK(api.service_cidr6 == NULL);
		(void)snprintf(inc, sizeof(inc), "%s/keys", tap_tmp());
		CHECK_STR(api.pki, inc);
	}
	pin_config_put(&c);
	pin_report_fini(&r);
}

struct bad {
	const char	*what;		/* must hold */
	const char	*text;
	int		 line;
	const char	*message;
};

static const struct bad bads[] = {
	{ "a syntax error has its line", "\n\nauthentication = = 3;", 3,
	    "syntax error" },
	{ "an option twice has its line", MINIMAL "apiserver = {\n"
	    "listen = \"[::]:1\";\nlisten = \"[::]:2\"; };", 4, "duplicate" },
	{ "an unknown section is named, with those there are",
	    MINIMAL "admision = ();", 2, "unknown section 'admision': there "
	    "are consensus, store, authentication" },
	{ "an unknown option of a core block is named",
	    MINIMAL "apiserver = {\n lissten = 1; };", 3,
	    "unknown option 'lissten': apiserver has listen, " },
	{ "an option of a wrong type is named",
	    MINIMAL "apiserver = {\n\n listen = 6443; };", 4,
	    "listen must be a string" },
	{ "a number that is text is refused",
	    MINIMAL "apiserver = { front-threads = \"4\"; };", 2,
	    "front-threads must be an integer" },
	{ "a number out of range is refused with the range",
	    MINIMAL "apiserver = {\n front-threads = 65; };", 3,
	    "front-threads = 65: out of range, must be 0 to 64" },
	{ "a duration without a unit is refused",
	    MINIMAL "apiserver = { request-timeout = \"60\"; };", 2,
	    "request-timeout = \"60\": must be a duration like" },
	{ "a duration that is a number is refused",
	    MINIMAL "apiserver = { request-timeout = 60; };", 2,
	    "request-timeout must be a duration" },
	{ "a duration out of range is refused",
	    MINIMAL "apiserver = { request-timeout = \"20ms\"; };", 2,
	    "request-timeout = 20 ms: out of range, must be 1000 to" },
	{ "a size that overflows is refused",
	    MINIMAL "apiserver = { body-max = \"99999999999Ti\"; };", 2,
	    "body-max" },
	{ "a bad address is refused",
	    MINIMAL "apiserver = { listen = \"here\"; };", 2, "listen: " },
	{ "a bad range of addresses is refused",
	    MINIMAL "apiserver = { service-cidr = \"10.96.0.0/33\"; };", 2,
	    "service-cidr = \"10.96.0.0/33\": must be an IPv4 range" },
	{ "ports the wrong way round are refused",
	    MINIMAL "apiserver = {\n node-port-first = 40000; };", 3,
	    "node-port-first is above node-port-last" },
	{ "a word that is none of the levels is refused",
	    MINIMAL "apiserver = { log-level = \"loud\"; };", 2,
	    "must be one of error, warn, info, debug" },
	{ "a block where a list belongs is refused",
	    MINIMAL "admission = { plugin = \"a\"; };", 2,
	    "admission must be a list" },
	{ "a list where a block belongs is refused",
	    MINIMAL "apiserver = ( 1 );", 2, "apiserver must be a block" },
	{ "a number where a plugin belongs is refused",
	    MINIMAL "admission = ( \"a\",\n 3 );", 3, "an entry is" },
	{ "an entry without a plugin is refused",
	    MINIMAL "admission = ( { name = \"a\"; } );", 2,
	    "plugin is missing: which plugin" },
	{ "a plugin that is no string is refused",
	    MINIMAL "admission = ( { plugin = 7; } );", 2,
	    "plugin must be a string" },
	{ "a plugin's name cannot leave its folder",
	    MINIMAL "admission = ( \"../../evil\" );", 2,
	    "a plugin's name is a letter, then" },
	{ "an entry's own name is checked too",
	    MINIMAL "admission = ( { plugin = \"a\"; name = \"A b\"; } );", 2,
	    "name = \"A b\": must be" },
	{ "a duplicate name is refused and says where the first is",
	    MINIMAL "admission = ( \"a\",\n \"b\",\n \"a\" );", 4,
	    "'a' is already there" },
	{ "a last string has its own line, not that of what follows",
	    MINIMAL "admission = (\n \"a\",\n \"A\" # x\n\n );", 4,
	    "a plugin's name is" },
	{ "a last string with a comma too",
	    MINIMAL "admission = (\n \"a\",\n \"A\",\n\n );", 4,
	    "a plugin's name is" },
	{ "an unknown mode is refused with the modes",
	    MINIMAL "admission = ( { plugin = \"a\"; mode = \"no\"; } );", 2,
	    "must be one of enforce, warn, audit, shadow" },
	{ "a mode of a wrong type is refused",
	    MINIMAL "admission = ( { plugin = \"a\"; mode = 1; } );", 2,
	    "mode must be a string" },
	{ "an unknown isolation is refused with the words",
	    MINIMAL "admission = ( { plugin = \"a\"; isolation = \"vm\"; } );",
	    2, "must be one of none, process" },
	{ "a deadline out of range is refused",
	    MINIMAL "admission = ( { plugin = \"a\"; deadline = \"1h\"; } );",
	    2, "deadline = 3600000 ms: out of range" },
	{ "an include that is not there has the line that names it",
	    MINIMAL "\n@include \"nowhere.conf\"\n", 3, "nowhere.conf: No" },
	{ "a file that includes itself is refused",
	    "@include \"test.conf\"\n", 1, "does a file include itself?" },
};

static void
test_bad(void)
{
	struct pin_report r;
	struct pin_config *c;

	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		c = load(bads[i].text, &r);
		OK(c == NULL && r.errors > 0 &&
		    says(&r, bads[i].line, bads[i].message), "%s",
		    bads[i].what);
		pin_config_put(&c);
		pin_report_fini(&r);
	}
}

static bool
says_any(const struct pin_report *r, const char *what)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (strstr(r->line[i].text, what) != NULL)
			return (true);
	return (false);
}

static void
test_whole(void)
{
	struct pin_report r;
	struct pin_config *c;

	c = load("authentication = ();\nstore = \"lmdb\";\n", &r);
	CASE("an empty or missing chain of authentication or authorization "
	    "is refused") {
		CHECK(c == NULL);
		CHECK(says_any(&r, "authentication is empty: at least one"));
		CHECK(says_any(&r, "authorization is missing: at least one"));
		CHECK_UINT(r.errors, 2);
	}
	pin_report_fini(&r);
	c = load("authentication = ( \"x509\", \"anonymous\" );\n"
	    "authorization = ( \"always-allow\" );\nstore = \"lmdb\";\n", &r);
	CASE("always-allow switches anonymous off, with a warning") {
		CHECK(c != NULL);
		CHECK_UINT(r.errors, 0);
		CHECK_UINT(r.warnings, 1);
		CHECK(says(&r, 1, "anonymous is switched off"));
		CHECK(c != NULL && pin_config_entry(c,
		    PIN_SECTION_AUTHENTICATION, 1)->off);
	}
	pin_config_put(&c);
	pin_report_fini(&r);
	c = load("authentication = ( \"anonymous\" );\n"
	    "authorization = ( \"always-allow\" );\nstore = \"lmdb\";\n", &r);
	OK(c == NULL && says_any(&r, "authentication is empty"),
	    "a chain of nobody but an anonymous that is off is empty");
	pin_report_fini(&r);
	c = load("a = 1;\nb = 2;\napiserver = { c = 1; d = 2; "
	    "listen = 3; front-threads = 1000; };\nadmission = ( 1, 2 );\n",
	    &r);
	CASE("every mistake is reported, not only the first") {
		CHECK(c == NULL);
		CHECK_UINT(r.errors, 2 + 4 + 2 + 3);
	}
	pin_report_fini(&r);
}

static void
test_many(void)
{
	static char text[64 * 1024];
	struct pin_report r;
	struct pin_config *c;
	size_t at = 0;

	for (int i = 0; i < 500; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    "x%d = %d;\n", i, i);
	c = load(text, &r);
	CASE("500 mistakes are counted and PIN_REPORT_MAX of them kept") {
		CHECK(c == NULL);
		CHECK_UINT(r.errors, 500 + 3);
		CHECK_UINT(r.n, PIN_REPORT_MAX);
	}
	pin_report_fini(&r);
	at = (size_t)snprintf(text, sizeof(text), MINIMAL "admission = (");
	for (int i = 0; i < PIN_CONFIG_ENTRIES_MAX + 1; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
		    " \"p%d\",", i);
	(void)snprintf(text + at, sizeof(text) - at, " );");
	c = load(text, &r);
	OK(c == NULL && says(&r, 2, "at most 64 are allowed"),
	    "a chain that is too long is refused");
	pin_report_fini(&r);
}

static void
test_include(void)
{
	char want[1100];
	struct pin_report r;
	struct pin_config *c;

	(void)snprintf(inc, sizeof(inc), "%s/extra.conf", tap_tmp());
	put(inc, "# a chain's inside\n\"one\",\n\"two\",\n");
	c = load(MINIMAL "admission = (\n@include \"extra.conf\"\n"
	    "\"three\" );\n", &r);
	CASE("an included file stands where it is named") {
		CHECK(c != NULL);
		CHECK_UINT(r.errors, 0);
		if (c == NULL)
			continue;
		CHECK_UINT(pin_config_count(c, PIN_SECTION_ADMISSION), 3);
		(void)snprintf(want, sizeof(want), "%s:3", inc);
		CHECK_STR(pin_config_entry(c, PIN_SECTION_ADMISSION,
		    1)->where, want);
		(void)snprintf(want, sizeof(want), "%s:4", path);
		CHECK_STR(pin_config_entry(c, PIN_SECTION_ADMISSION,
		    2)->where, want);
	}
	pin_config_put(&c);
	pin_report_fini(&r);
	put(inc, "\napiserver = { listen = 1; };\n");
	c = load(MINIMAL "@include \"extra.conf\"\n", &r);
	(void)snprintf(want, sizeof(want), "%s:2: listen must be", inc);
	OK(c == NULL && says_any(&r, want),
	    "a mistake in an included file names that file");
	pin_report_fini(&r);
	c = load(MINIMAL "admission = ( \"a@include\", \"b,)\" );\n", &r);
	OK(c == NULL && says_any(&r, "\"b,)\""),
	    "a comma or an include inside a string is text");
	pin_report_fini(&r);
}

static void
test_shipped(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_report r = { 0 };
	struct pin_config *c = NULL;
	char *file = NULL;
	int rc;

	rc = pin_config_find(tap_build(), &file, &err);
	if (rc == PIN_OK)
		(void)pin_config_load(file, NULL, PIN_ROLE_ALL, &c, &r);
	CASE("the shipped configuration is found from the build and loads") {
		CHECK_INT(rc, PIN_OK);
		CHECK(c != NULL);
		CHECK_UINT(r.errors + r.warnings, 0);
		if (c == NULL)
			continue;
		CHECK_UINT(pin_config_count(c, PIN_SECTION_AUTHENTICATION), 4);
		CHECK_UINT(pin_config_count(c, PIN_SECTION_ADMISSION), 6);
	}
	if (r.n > 0)
		tap_diag("%s", r.line[0].text);
	pin_config_put(&c);
	pin_report_fini(&r);
	free(file);
	CASE("where nothing is, every place that was looked at is named") {
		rc = pin_config_find("/nonexistent/bin", &file, &err);
		if (rc == PIN_OK) {	/* Pintle is installed here */
			free(file);
			continue;
		}
		CHECK_INT(rc, PIN_ENOTFOUND);
		CHECK(strstr(err.text, "/nonexistent/bin/../conf") != NULL);
	}
}

int
main(void)
{
	(void)snprintf(path, sizeof(path), "%s/test.conf", tap_tmp());
	test_good();
	test_bad();
	test_whole();
	test_many();
	test_include();
	test_shipped();
	return (tap_done());
}
