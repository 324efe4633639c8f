/* SPDX-License-Identifier: BSD-2-Clause
 *
 * podlog.c -- the subresource pods/log: a stream from the node agent on the
 * same data directory, over its UNIX socket, handed on as it comes. The
 * agent is asked with HTTP/1.0, so the end of the connection is the end.
 * Front loop. Contract: kube-apiserver's messages; core/kubelet/logs.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/verbs.h"
#include "core/apiserver/podlog.h"
#include "core/apiserver/render.h"
#include "core/http/parse.h"

#define PODLOG_HEAD_MAX	4096
#define PODLOG_CHUNK	16384

struct podlog {
	struct request	*r;
	struct pin_sock	*sock;
	char		 ask[2048];
	size_t		 ask_len, asked;
	char		 head[PODLOG_HEAD_MAX];
	size_t		 head_len;
	int		 status;	/* 0: the head is not whole */
	int		 started, waiting;
	char		 container[64];
};

static void
podlog_free(struct podlog *p)
{
	if (p->sock != NULL)
		pin_sock_close(&p->sock);
	p->r->verb = NULL;
	free(p);
}

static int
podlog_fail(struct podlog *p, int code, const char *text)
{
	struct request *r = p->r;

	podlog_free(p);
	return (reply_err(r, code, "%s", text));
}

/* What the agent said instead of a log. */
static void
podlog_refused(struct podlog *p, const char *why)
{
	char text[512];

	if (strncmp(why, "waiting", 7) == 0)
		snprintf(text, sizeof(text), "container \"%s\" in pod \""
		    PIN_SFMT "\" is waiting to start: ContainerCreating",
		    p->container, PIN_SARG(p->r->info.name));
	else if (strncmp(why, "previous", 8) == 0)
		snprintf(text, sizeof(text), "previous terminated container "
		    "\"%s\" in pod \"" PIN_SFMT "\" not found", p->container,
		    PIN_SARG(p->r->info.name));
	else
		snprintf(text, sizeof(text), "the node agent: %s", why);
	(void)podlog_fail(p, PIN_EINVAL, text);
}

static void
podlog_end(struct podlog *p, int ok)
{
	struct request *r = p->r;

	if (!p->started) {
		if (p->status != 0 && p->status != 200) {
			p->head[p->head_len] = '\0';
			podlog_refused(p, strstr(p->head, "\r\n\r\n") + 4);
		} else
			(void)podlog_fail(p, PIN_EUNAVAIL, "the node agent "
			    "does not answer");
		return;
	}
	podlog_free(p);
	(void)reply_finish(r, ok);
}

/* 0: no more now. */
static int
podlog_put(struct podlog *p, const char *bytes, size_t len)
{
	struct exchange *ex = p->r->ex;
	struct pin_buf *b;
	int64_t credit;

	if (!p->started) {
		p->started = 1;
		reply_start(p->r, "text/plain");
	}
	b = len > 0 ? pin_buf_copy(bytes, len) : NULL;
	if (b == NULL)
		return (1);
	credit = ex->ops->send(ex, b, 0, len);
	pin_buf_put(&b);
	p->waiting = credit <= 0;
	return (!p->waiting);
}

/* 0: the end was reached. */
static int
podlog_bytes(struct podlog *p, const char *bytes, size_t len)
{
	size_t room = sizeof(p->head) - 1 - p->head_len, used, all;
	char *end;

	if (p->status == 200) {
		(void)podlog_put(p, bytes, len);
		return (1);
	}
	all = p->head_len;
	used = len < room ? len : room;
	memcpy(p->head + p->head_len, bytes, used);
	p->head_len += used;
	p->head[p->head_len] = '\0';
	end = strstr(p->head, "\r\n\r\n");
	if (end == NULL)
		return (p->head_len < sizeof(p->head) - 1);
	if (p->status == 0)
		p->status = atoi(p->head + 9);
	if (p->status != 200)
		return (1);
	used = (size_t)(end + 4 - p->head) - all;
	(void)podlog_put(p, bytes + used, len - used);
	return (1);
}

static void
podlog_ready(void *arg, struct pin_sock *sock, uint32_t events)
{
	char buf[PODLOG_CHUNK];
	struct podlog *p = arg;
	int64_t n;
	int i;

	(void)events;
	while (p->asked < p->ask_len) {
		n = pin_sock_send(sock, p->ask + p->asked, p->ask_len -
		    p->asked);
		if (n == PIN_EAGAIN) {
			pin_sock_want(sock, PIN_SOCK_WRITE);
			return;
		}
		if (n < 0) {
			podlog_end(p, 0);
			return;
		}
		p->asked += (size_t)n;
	}
	for (i = 0; i < 16 && !p->waiting; i++) {
		n = pin_sock_recv(sock, buf, sizeof(buf));
		if (n == PIN_EAGAIN)
			break;
		if (n == 0 && p->status == 200 && !p->started)
			(void)podlog_put(p, "", 0);
		if (n <= 0 || !podlog_bytes(p, buf, (size_t)n)) {
			podlog_end(p, n == 0);
			return;
		}
	}
	if (p->started)
		p->r->ex->ops->flush(p->r->ex);
	pin_sock_want(sock, p->waiting ? 0 : PIN_SOCK_READ);
}

void
podlog_credit(struct request *r)
{
	struct podlog *p = r->verb;

	p->waiting = 0;
	pin_sock_want(p->sock, PIN_SOCK_READ);
}

void
podlog_gone(struct request *r)
{
	struct podlog *p = r->verb;
	int started = p->started;

	podlog_free(p);
	if (started)
		(void)reply_finish(r, 0);
	else
		(void)reply_err(r, PIN_ECANCELED, "the client left");
}

/* ---- which container ---------------------------------------------- */

static pin_node
find_container(const struct pin_obj *o, struct pin_str name)
{
	static const char *const lists[] = { "containers", "initContainers",
	    "ephemeralContainers" };
	size_t i;
	pin_node n;

	for (i = 0; i < PIN_LEN(lists); i++)
		for (n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o),
		    "spec", lists[i], NULL)); n != 0; n = pin_obj_next(o, n))
			if (pin_str_eq(pin_obj_str(o, pin_obj_get(o, n,
			    "name")), name))
				return (n);
	return (0);
}

static int
choose(struct request *r, struct pin_str *name)
{
	const struct pin_obj *o = r->old;
	pin_node list = pin_obj_at(o, pin_obj_root(o), "spec", "containers",
	    NULL), n;
	struct pin_str rest = r->ex->head.query, key, value;
	char names[512] = "";
	size_t len = 0;
	int k;

	name->len = 0;
	while (query_next(r->arena, &rest, &key, &value))
		if (pin_str_is(key, "container"))
			*name = value;
	if (name->len == 0 && pin_obj_count(o, list) == 1)
		*name = pin_obj_str(o, pin_obj_get(o, pin_obj_first(o, list),
		    "name"));
	if (name->len == 0) {
		for (n = pin_obj_first(o, list); n != 0 && len <
		    sizeof(names); n = pin_obj_next(o, n)) {
			k = snprintf(names + len, sizeof(names) - len, "%s"
			    PIN_SFMT, len > 0 ? " " : "", PIN_SARG(pin_obj_str(
			    o, pin_obj_get(o, n, "name"))));
			len += k > 0 ? (size_t)k : 0;
		}
		return (pin_err_set(&r->err, PIN_EINVAL, "a container name "
		    "must be specified for pod " PIN_SFMT ", choose one of: "
		    "[%s]", PIN_SARG(r->info.name), names));
	}
	if (find_container(o, *name) == 0)
		return (pin_err_set(&r->err, PIN_EINVAL, "container "
		    PIN_SFMT " is not valid for pod " PIN_SFMT,
		    PIN_SARG(*name), PIN_SARG(r->info.name)));
	return (PIN_OK);
}

int
podlog_run(struct request *r)
{
	struct pin_str node, name;
	struct podlog *p;
	struct pin_addr at;
	char path[PIN_ERR_TEXT_MAX];
	int n;

	if (choose(r, &name) != PIN_OK)
		return (reply_error(r));
	node = pin_obj_str(r->old, pin_obj_at(r->old, pin_obj_root(r->old),
	    "spec", "nodeName", NULL));
	if (node.len == 0)
		return (reply_err(r, PIN_EINVAL, "pod " PIN_SFMT " does not "
		    "have a host assigned", PIN_SARG(r->info.name)));
	if (!pin_str_is(node, r->srv->node))
		return (reply_err(r, PIN_EINTERNAL, "logs of node " PIN_SFMT
		    ": only those of this server's own node can be read",
		    PIN_SARG(node)));
	snprintf(path, sizeof(path), "unix:%s/run/kubelet.sock",
	    r->srv->data);
	p = pin_xcalloc(1, sizeof(*p));
	p->r = r;
	snprintf(p->container, sizeof(p->container), PIN_SFMT,
	    PIN_SARG(name));
	n = snprintf(p->ask, sizeof(p->ask), "GET /containerLogs/" PIN_SFMT
	    "/" PIN_SFMT "/%s?" PIN_SFMT " HTTP/1.0\r\nHost: kubelet\r\n\r\n",
	    PIN_SARG(r->info.namespace), PIN_SARG(r->info.name),
	    p->container, PIN_SARG(r->ex->head.query));
	if (n < 0 || (size_t)n >= sizeof(p->ask))
		return (podlog_fail(p, PIN_EINVAL, "the query is too long"));
	p->ask_len = (size_t)n;
	if (pin_addr_parse(path, &at, &r->err) != PIN_OK ||
	    pin_sock_connect(r->ex->loop, &at, podlog_ready, p, &p->sock,
	    &r->err) != PIN_OK)
		return (podlog_fail(p, PIN_EUNAVAIL, "the node agent is not "
		    "there"));
	r->verb = p;
	return (STEP_WAIT);
}
