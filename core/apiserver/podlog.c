/* SPDX-License-Identifier: BSD-2-Clause
 *
 * podlog.c -- the subresource pods/log: a stream from the pod's node agent,
 * handed on as it comes: over its UNIX socket when it is on the same data
 * directory, else over TLS at the address and port its Node says. The agent
 * is asked with HTTP/1.0, so the end of the connection is the end.
 * Front loop. Contract: kube-apiserver's messages; core/kubelet/logs.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/verbs.h"
#include "core/apiserver/podlog.h"
#include "core/apiserver/render.h"
#include "core/http/parse.h"
#include "core/tls/tls.h"

#define PODLOG_HEAD_MAX	4096
#define PODLOG_CHUNK	16384
#define PODLOG_ASK_MS	10000	/* until the agent has the question */
#define ATTEMPT_DIGITS	9		/* of an instance's number */
#define PREVIOUS_NONE	"previous terminated container \"" PIN_SFMT \
	"\" in pod \"" PIN_SFMT "\" not found"

struct podlog {
	struct request	*r;
	struct pin_sock	*sock;
	struct tls_conn	*tls;		/* NULL: the UNIX socket */
	int		 shaken;
	struct pin_timer timer;
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
	pin_timer_stop(&p->timer);
	if (p->tls != NULL)
		tls_close(&p->tls);
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
		snprintf(text, sizeof(text), PREVIOUS_NONE,
		    PIN_SARG(pin_str(p->container)),
		    PIN_SARG(p->r->info.name));
	else
		snprintf(text, sizeof(text), "the node agent: %s", why);
	(void)podlog_fail(p, PIN_EINVAL, text);
}

static void
podlog_end(struct podlog *p, int ok)
{
	struct request *r = p->r;
	char why[PIN_ERR_TEXT_MAX];

	if (!p->started) {
		if (p->status != 0 && p->status != 200) {
			p->head[p->head_len] = '\0';
			podlog_refused(p, strstr(p->head, "\r\n\r\n") + 4);
		} else {
			snprintf(why, sizeof(why), "the node agent does not "
			    "answer%s%s", r->err.text[0] != '\0' ? ": " : "",
			    r->err.text);
			(void)podlog_fail(p, PIN_EUNAVAIL, why);
		}
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

/* PIN_OK: all of the question is out; PIN_EAGAIN: *want. */
static int
podlog_ask(struct podlog *p, uint32_t *want)
{
	int64_t n;
	int rc;

	if (p->tls != NULL && !p->shaken) {
		rc = tls_handshake(p->tls, want, &p->r->err);
		if (rc != PIN_OK)
			return (rc);
		p->shaken = 1;
	}
	while (p->asked < p->ask_len) {
		*want = PIN_SOCK_WRITE;
		n = p->tls != NULL ? tls_write(p->tls, p->ask + p->asked,
		    p->ask_len - p->asked, want) : pin_sock_send(p->sock,
		    p->ask + p->asked, p->ask_len - p->asked);
		if (n < 0)
			return ((int)n);
		p->asked += (size_t)n;
	}
	return (p->tls != NULL ? tls_flush(p->tls, want) : PIN_OK);
}

static void
podlog_late(struct pin_timer *t)
{
	(void)podlog_fail((struct podlog *)(void *)((char *)t -
	    offsetof(struct podlog, timer)), PIN_ETIMEOUT, "the node agent "
	    "does not answer");
}

static void
podlog_ready(void *arg, struct pin_sock *sock, uint32_t events)
{
	uint32_t want = PIN_SOCK_READ;
	char buf[PODLOG_CHUNK];
	struct podlog *p = arg;
	int64_t n;
	int i, rc;

	(void)events;
	rc = podlog_ask(p, &want);
	if (rc == PIN_EAGAIN) {
		pin_sock_want(sock, want);
		return;
	}
	if (rc != PIN_OK) {
		podlog_end(p, 0);
		return;
	}
	pin_timer_stop(&p->timer);
	want = PIN_SOCK_READ;
	for (i = 0; !p->waiting && (i < 16 || (p->tls != NULL &&
	    tls_pending(p->tls) > 0)); i++) {
		n = p->tls != NULL ? tls_read(p->tls, buf, sizeof(buf),
		    &want) : pin_sock_recv(sock, buf, sizeof(buf));
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
	pin_sock_want(sock, p->waiting ? 0 : want);
}

void
podlog_credit(struct request *r)
{
	struct podlog *p = r->verb;

	p->waiting = 0;
	/* What TLS has decrypted already wakes no socket. */
	podlog_ready(p, p->sock, PIN_SOCK_READ);
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

static const char *const specs[] = { "containers", "initContainers",
    "ephemeralContainers", NULL };
static const char *const statuses[] = { "containerStatuses",
    "initContainerStatuses", NULL };

/* In one of the lists of `part`; 0: in none. */
static pin_node
find_container(const struct pin_obj *o, const char *part,
    const char *const *lists, struct pin_str name)
{
	pin_node n;

	for (; *lists != NULL; lists++)
		for (n = pin_obj_first(o, pin_obj_at(o, pin_obj_root(o), part,
		    *lists, NULL)); n != 0; n = pin_obj_next(o, n))
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
	if (find_container(o, "spec", specs, *name) == 0)
		return (pin_err_set(&r->err, PIN_EINVAL, "container "
		    PIN_SFMT " is not valid for pod " PIN_SFMT,
		    PIN_SARG(*name), PIN_SARG(r->info.name)));
	return (PIN_OK);
}

/* The instance before, as the status has it: its id ends with -ATTEMPT.
 * -1: there was none. */
static int64_t
last_attempt(const struct pin_obj *o, struct pin_str name)
{
	struct pin_str id = pin_obj_str(o, pin_obj_at(o, find_container(o,
	    "status", statuses, name), "lastState", "terminated",
	    "containerID", NULL));
	int64_t attempt = 0, unit = 1;
	size_t i;

	for (i = id.len; i > 0 && id.p[i - 1] >= '0' && id.p[i - 1] <= '9' &&
	    id.len - i < ATTEMPT_DIGITS; i--, unit *= 10)
		attempt += (id.p[i - 1] - '0') * unit;
	return (i > 0 && i < id.len && id.p[i - 1] == '-' ? attempt : -1);
}

static int
is_previous(struct request *r)
{
	struct pin_str rest = r->ex->head.query, key, value;
	int previous = 0;

	while (query_next(r->arena, &rest, &key, &value))
		if (pin_str_is(key, "previous"))
			previous = pin_str_is(value, "true") ||
			    pin_str_is(value, "1");
	return (previous);
}

/* ---- which agent ---------------------------------------------------- */

/* Address and port of its agent, as the Node says. */
static int
node_address(struct request *r, struct pin_str node, struct pin_addr *at)
{
	struct apiserver *srv = r->srv;
	struct pin_buf *bytes = NULL;
	char key[320], text[96];
	struct pin_obj *o = NULL;
	struct pin_str ip = PIN_STR_NONE;
	struct pin_kv kv;
	pin_node root, n;
	int64_t port = 0;
	int rc;

	snprintf(key, sizeof(key), "/registry/minions/" PIN_SFMT,
	    PIN_SARG(node));
	rc = srv->store->get(srv->store_self, pin_str(key), 0, &bytes, &kv,
	    &r->err);
	if (rc == PIN_ENOTFOUND)
		return (pin_err_set(&r->err, PIN_EUNAVAIL, "node " PIN_SFMT
		    " is not there", PIN_SARG(node)));
	if (rc == PIN_OK)
		rc = pin_obj_parse(r->arena, (const char *)bytes->data,
		    bytes->len, &o, &r->err);
	if (bytes != NULL)
		pin_buf_put(&bytes);
	if (rc != PIN_OK)
		return (rc);
	root = pin_obj_root(o);
	for (n = pin_obj_first(o, pin_obj_at(o, root, "status", "addresses",
	    NULL)); n != 0; n = pin_obj_next(o, n))
		if (ip.len == 0 && pin_str_is(pin_obj_str(o, pin_obj_get(o, n,
		    "type")), "InternalIP"))
			ip = pin_obj_str(o, pin_obj_get(o, n, "address"));
	(void)pin_obj_i64(o, pin_obj_at(o, root, "status", "daemonEndpoints",
	    "kubeletEndpoint", "Port", NULL), &port);
	if (ip.len == 0 || port <= 0)
		return (pin_err_set(&r->err, PIN_EUNAVAIL, "node " PIN_SFMT
		    " says no address and port of its agent",
		    PIN_SARG(node)));
	snprintf(text, sizeof(text), memchr(ip.p, ':', ip.len) != NULL ?
	    "[" PIN_SFMT "]:%lld" : PIN_SFMT ":%lld", PIN_SARG(ip),
	    (long long)port);
	return (pin_addr_parse(text, at, &r->err));
}

static int
podlog_connect(struct podlog *p, struct pin_str node)
{
	struct request *r = p->r;
	char text[PIN_ERR_TEXT_MAX];
	struct pin_addr at;
	int rc, is_own = pin_str_is(node, r->srv->node);

	if (is_own) {
		snprintf(text, sizeof(text), "unix:%s/run/kubelet.sock",
		    r->srv->data);
		rc = pin_addr_parse(text, &at, &r->err);
	} else
		rc = node_address(r, node, &at);
	if (rc == PIN_OK)
		rc = pin_sock_connect(r->ex->loop, &at, podlog_ready, p,
		    &p->sock, &r->err);
	if (rc == PIN_OK && !is_own) {
		snprintf(text, sizeof(text), PIN_SFMT, PIN_SARG(node));
		rc = tls_connect(r->srv->nodes_tls, p->sock, text, &p->tls,
		    &r->err);
	}
	return (rc);
}

int
podlog_run(struct request *r)
{
	char instance[24] = "";
	struct pin_str node, name;
	struct podlog *p;
	int64_t attempt;
	int n;

	if (choose(r, &name) != PIN_OK)
		return (reply_error(r));
	node = pin_obj_str(r->old, pin_obj_at(r->old, pin_obj_root(r->old),
	    "spec", "nodeName", NULL));
	if (node.len == 0)
		return (reply_err(r, PIN_EINVAL, "pod " PIN_SFMT " does not "
		    "have a host assigned", PIN_SARG(r->info.name)));
	if (is_previous(r)) {
		attempt = last_attempt(r->old, name);
		if (attempt < 0)
			return (reply_err(r, PIN_EINVAL, PREVIOUS_NONE,
			    PIN_SARG(name), PIN_SARG(r->info.name)));
		snprintf(instance, sizeof(instance), "/%lld",
		    (long long)attempt);
	}
	p = pin_xcalloc(1, sizeof(*p));
	p->r = r;
	pin_timer_init(&p->timer, r->ex->loop, podlog_late);
	pin_timer_start(&p->timer, PODLOG_ASK_MS);
	snprintf(p->container, sizeof(p->container), PIN_SFMT,
	    PIN_SARG(name));
	n = snprintf(p->ask, sizeof(p->ask), "GET /containerLogs/" PIN_SFMT
	    "/" PIN_SFMT "/%s%s?" PIN_SFMT " HTTP/1.0\r\n"
	    "Host: kubelet\r\n\r\n", PIN_SARG(r->info.namespace),
	    PIN_SARG(r->info.name), p->container, instance,
	    PIN_SARG(r->ex->head.query));
	if (n < 0 || (size_t)n >= sizeof(p->ask))
		return (podlog_fail(p, PIN_EINVAL, "the query is too long"));
	p->ask_len = (size_t)n;
	if (podlog_connect(p, node) != PIN_OK)
		return (podlog_fail(p, PIN_EUNAVAIL, r->err.text[0] != '\0' ?
		    r->err.text : "the node agent is not there"));
	r->verb = p;
	return (STEP_WAIT);
}
