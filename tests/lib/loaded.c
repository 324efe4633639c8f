/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loaded.c -- see loaded.h. */
#include "loaded.h"

#include <unistd.h>

#include "core/host/real.h"

#define CHAINS	\
	"authentication = ( \"allow\" ); authorization = ( \"allow\" );" \
	"store = \"none\"; consensus = \"none\";\n"

char loaded_dir[1024], loaded_data[1024], loaded_path[1024];
static char exe[1024];
struct pin_host *loaded_host;
struct pin_loop *loaded_front[2];
struct pin_calls *loaded_calls[2];

void
loaded_file(const char *where, const void *text, size_t len, mode_t mode)
{
	FILE *f;

	(void)unlink(where);
	f = fopen(where, "w");
	if (f == NULL || fwrite(text, 1, len, f) != len || fclose(f) != 0 ||
	    chmod(where, mode) != 0)
		BAIL("cannot write %s", where);
}

void
loaded_text(const char *text)
{
	loaded_file(loaded_path, text, strlen(text), 0644);
}

void
loaded_conf(const char *admission)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), CHAINS "%s", admission);
	loaded_text(text);
}

const struct pin_env_services *loaded_services;

struct pin_plugins *
loaded_try(struct pin_report *r)
{
	struct pin_plugins_options o = { .host = loaded_host, .dir = loaded_dir,
	    .data = loaded_data, .config = loaded_path, .roles = PIN_ROLE_ALL,
	    .exe = exe };
	struct pin_plugins *ps;

	memset(r, 0, sizeof(*r));
	if (pin_plugins_open(&o, &ps, r) != PIN_OK)
		return (NULL);
	if (pin_plugins_start(ps, loaded_services, r) != PIN_OK)
		pin_plugins_close(&ps);
	return (ps);
}

struct pin_plugins *
loaded_open(const char *admission)
{
	struct pin_plugins *ps;
	struct pin_report r;

	loaded_conf(admission);
	ps = loaded_try(&r);
	if (ps == NULL)
		BAIL("%s does not load: %s", admission, r.line[0].text);
	pin_report_fini(&r);
	return (ps);
}

bool
loaded_says(const struct pin_report *r, const char *what)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (strstr(r->line[i].text, what) != NULL)
			return (true);
	for (uint32_t i = 0; i < r->n; i++)
		tap_diag("message: %s", r->line[i].text);
	return (false);
}

static const char pod[] = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\","
    "\"metadata\":{\"name\":\"p\"}}";

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

void
req_begin(struct req *q, pin_call_resume_fn *resume, void *arg)
{
	struct pin_call_owner owner = { NULL, resume, req_release, arg };
	struct pin_obj *obj;

	if (q->json == NULL)
		q->json = pod;
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

int
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

	req_begin(q, req_resume, q);
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
	q->calls = loaded_calls[0];
	q->stage = pin_set_chain(set, PIN_SECTION_ADMISSION)->stage[i];
	q->set = set;
	pin_loop_post(loaded_front[0], &q->msg);
}

/* One call into admission stage i, waited for. */
void
req_run(struct req *q, struct pin_plugins *ps, uint32_t i)
{
	req_post(q, ps, i);
	WAIT(atomic_load(&q->answered), 10000);
	pin_set_put(&q->set);
}


/* ---- life ------------------------------------------------------------ */

void
loaded_init(void)
{
	struct pin_err err = PIN_ERR_INIT;

	loaded_host = pin_host_real();
	pin_host_log_level(loaded_host, -1);
	(void)snprintf(loaded_dir, sizeof(loaded_dir), "%s/tests/plugins",
	    tap_build());
	(void)snprintf(loaded_data, sizeof(loaded_data), "%s/data",
	    tap_tmp());
	(void)snprintf(loaded_path, sizeof(loaded_path), "%s/test.conf",
	    tap_tmp());
	(void)snprintf(exe, sizeof(exe), "%s/pintle", tap_build());
	for (int i = 0; i < 2; i++) {
		if (pin_loop_open(loaded_host, i == 0 ? "front0" : "front1",
		    &loaded_front[i], &err) != PIN_OK)
			BAIL("%s", err.text);
		loaded_calls[i] = pin_calls_new(loaded_front[i]);
		if (pin_loop_start(loaded_front[i], &err) != PIN_OK)
			BAIL("%s", err.text);
	}
}

void
loaded_fini(void)
{
	for (int i = 0; i < 2; i++) {
		pin_loop_stop(loaded_front[i]);
		pin_loop_close(&loaded_front[i]);
		pin_calls_free(&loaded_calls[i]);
	}
}
