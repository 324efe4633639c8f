/* SPDX-License-Identifier: BSD-2-Clause
 *
 * api.c -- the client, for threads that may wait: a call is handed to the
 * loop, its answer back.
 * Work pool. Contract: kubelet_int.h, core/client/client.h. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kubelet/kubelet_int.h"

struct asked {
	struct pin_msg	 msg;
	struct client_call call;
	struct kubelet	*k;
	pthread_mutex_t	 lock;
	pthread_cond_t	 cond;
	int		 ended;
	struct client_answer answer;
};

static void
asked_done(struct client_call *call, const struct client_answer *a)
{
	struct asked *q = call->arg;

	pthread_mutex_lock(&q->lock);
	q->answer = *a;
	if (a->buf != NULL)
		(void)pin_buf_get(a->buf);
	q->ended = 1;
	pthread_cond_signal(&q->cond);
	pthread_mutex_unlock(&q->lock);
}

static void
asked_start(struct pin_msg *msg)
{
	struct asked *q = (struct asked *)(void *)((char *)msg -
	    offsetof(struct asked, msg));
	struct client_answer none = { .rc = PIN_ECANCELED };

	if (q->k->client == NULL)
		asked_done(&q->call, &none);
	else
		client_start(q->k->client, &q->call);
}

int
api_ask(struct kubelet *k, const char *method, const char *target,
    const char *type, struct pin_str body, struct api_answer *out,
    struct pin_err *err)
{
	struct asked q = { .k = k };

	memset(out, 0, sizeof(*out));
	q.msg.fn = asked_start;
	q.call.method = (struct pin_str){ method, strlen(method) };
	q.call.target = (struct pin_str){ target, strlen(target) };
	if (type != NULL)
		q.call.type = (struct pin_str){ type, strlen(type) };
	q.call.body = body;
	q.call.timeout_ms = KUBELET_CALL_MS;
	q.call.done = asked_done;
	q.call.arg = &q;
	pthread_mutex_init(&q.lock, NULL);
	pthread_cond_init(&q.cond, NULL);
	pin_loop_post(k->loop, &q.msg);
	pthread_mutex_lock(&q.lock);
	while (!q.ended)
		pthread_cond_wait(&q.cond, &q.lock);
	pthread_mutex_unlock(&q.lock);
	pthread_mutex_destroy(&q.lock);
	pthread_cond_destroy(&q.cond);
	out->status = q.answer.status;
	out->buf = q.answer.buf;
	if (out->buf != NULL)
		out->body = (struct pin_str){ (const char *)out->buf->data +
		    q.answer.off, q.answer.len };
	if (q.answer.rc == PIN_OK)
		return (PIN_OK);
	return (pin_err_set(err, q.answer.rc, "%s %s: %s", method, target,
	    pin_err_text(q.answer.rc)));
}

void
api_answer_fini(struct api_answer *a)
{
	pin_buf_put(&a->buf);
	memset(a, 0, sizeof(*a));
}

static int
code_of(int status)
{
	switch (status) {
	case 400: return (PIN_EINVAL);
	case 401: return (PIN_EUNAUTH);
	case 403: return (PIN_EFORBIDDEN);
	case 404: return (PIN_ENOTFOUND);
	case 409: return (PIN_ECONFLICT);
	case 410: return (PIN_EGONE);
	case 422: return (PIN_EINVALID);
	case 429: return (PIN_EBUSY);
	default: return (PIN_EUNAVAIL);
	}
}

int
api_error(const struct api_answer *a, struct pin_err *err)
{
	struct pin_obj *o = NULL;
	struct pin_str text = { NULL, 0 };

	if (a->status >= 200 && a->status < 300)
		return (PIN_OK);
	if (a->body.len > 0 && pin_obj_parse(NULL, a->body.p, a->body.len, &o,
	    NULL) == PIN_OK)
		text = pin_obj_str(o, pin_obj_get(o, pin_obj_root(o),
		    "message"));
	if (text.len > 0)
		(void)pin_err_set(err, code_of(a->status), PIN_SFMT,
		    PIN_SARG(text));
	else
		(void)pin_err_set(err, code_of(a->status), "the API server "
		    "answered %d", a->status);
	pin_obj_free(&o);
	return (code_of(a->status));
}

int
api_get(struct kubelet *k, struct pin_obj **out, struct pin_err *err,
    const char *fmt, ...)
{
	struct api_answer a;
	char target[1024];
	va_list ap;
	int rc, n;

	*out = NULL;
	va_start(ap, fmt);
	n = vsnprintf(target, sizeof(target), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(target))
		return (pin_err_set(err, PIN_ELIMIT, "name too long"));
	rc = api_ask(k, "GET", target, NULL, (struct pin_str){ NULL, 0 }, &a,
	    err);
	if (rc == PIN_OK)
		rc = api_error(&a, err);
	if (rc == PIN_OK)
		rc = pin_obj_parse(NULL, a.body.p, a.body.len, out, err);
	api_answer_fini(&a);
	return (rc);
}
