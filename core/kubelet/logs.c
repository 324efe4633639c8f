/* SPDX-License-Identifier: BSD-2-Clause
 *
 * logs.c -- containers' logs over HTTP on DATA/run/kubelet.sock, mode 0700
 * of its directory, and for an API server elsewhere over TLS, where only that
 * server is answered: GET /containerLogs/NAMESPACE/POD/CONTAINER[/ATTEMPT]
 * (none: the newest) with the query of the subresource pods/log. Followed
 * files are looked at again every LOG_POLL_MS.
 * Loop. Contract: text/plain; the CRI's stamps are taken off unless asked
 * for; 404 when nothing was ever started. */
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/apiserver/pki.h"
#include "core/http/parse.h"
#include "core/http/server.h"
#include "core/kubelet/kubelet_int.h"
#include "core/tls/tls.h"
#include "lib/timefmt/timefmt.h"

#define LOG_POLL_MS	200
#define LOG_CHUNK	65536
#define LOG_STREAMS_MAX	64
#define LOG_GRACE_MS	500
#define LOG_AHEAD_MAX	16	/* files a slow reader may be behind */

struct stream {
	struct exchange	*ex;
	struct kubelet	*k;
	struct pin_timer timer;
	int		 fd;
	int		 next[LOG_AHEAD_MAX];	/* begun since, in order */
	int		 nnext;
	int		 follow, stamps, waiting;
	int64_t		 tail, limit;	/* -1: all */
	char		 since[PIN_TIME_TEXT_MAX];
	char		 uid[64], name[64];
	uint32_t	 attempt;
	size_t		 have;
	char		 part[LOG_CHUNK];
};

static void
answer(struct exchange *ex, int status, const char *text)
{
	struct pin_buf *b = pin_buf_copy(text, strlen(text));
	struct http_header h = { { "Content-Type", 12 }, { "text/plain",
	    10 } };

	ex->data = NULL;
	ex->ops->reply(ex, status, &h, 1, &b, b != NULL);
}

static void
stream_end(struct stream *s, int ok)
{
	struct exchange *ex = s->ex;

	pin_timer_stop(&s->timer);
	close(s->fd);
	while (s->nnext > 0)
		close(s->next[--s->nnext]);
	free(s);
	ex->data = NULL;
	ex->ops->finish(ex, ok);
}

/* Where the last n lines begin. */
static int64_t
tail_at(int fd, int64_t n)
{
	int64_t at = lseek(fd, 0, SEEK_END), lines = 0;
	char buf[4096];
	ssize_t k, i;

	while (at > 0) {
		size_t want = at < (int64_t)sizeof(buf) ? (size_t)at :
		    sizeof(buf);

		k = pread(fd, buf, want, (off_t)(at - (int64_t)want));
		if (k <= 0)
			return (0);
		for (i = k; i-- > 0;)
			if (buf[i] == '\n' && lines++ == n)
				return (at - k + i + 1);
		at -= k;
	}
	return (0);
}

/* One line of the file; "TIME STREAM F|P text". */
static void
put_line(struct stream *s, struct pin_out *o, const char *p, size_t len)
{
	const char *a = memchr(p, ' ', len), *b, *c;
	size_t n;

	if (a == NULL || (b = memchr(a + 1, ' ', len - (size_t)(a + 1 - p))) ==
	    NULL || (c = memchr(b + 1, ' ', len - (size_t)(b + 1 - p))) ==
	    NULL)
		return;
	n = strlen(s->since);
	if (n > 0 && strncmp(p, s->since, n - 1) < 0)
		return;
	if (s->stamps)
		pin_out_put(o, p, (size_t)(a - p) + 1);
	pin_out_put(o, c + 1, len - (size_t)(c + 1 - p));
	if (b[1] == 'F')
		pin_out_char(o, '\n');
}

/* 0: the stream has ended. */
static int
send_out(struct stream *s, struct pin_out *o)
{
	struct pin_buf *b;
	size_t n = o->len;
	int64_t credit;

	if (s->limit >= 0 && (int64_t)n > s->limit)
		n = (size_t)s->limit;
	if (s->limit >= 0)
		s->limit -= (int64_t)n;
	b = n > 0 ? pin_buf_copy(o->p, n) : NULL;
	pin_out_fini(o);
	if (b != NULL) {
		credit = s->ex->ops->send(s->ex, b, 0, n);
		pin_buf_put(&b);
		s->waiting = credit <= 0;
		if (credit == PIN_ECLOSED) {
			stream_end(s, 0);
			return (0);
		}
	}
	if (s->limit == 0) {
		stream_end(s, 1);
		return (0);
	}
	return (1);
}

/* May this instance still write? */
static int
is_live(const struct stream *s)
{
	struct kpod *pod = pods_find(s->k, s->uid, strlen(s->uid));
	char path[KUBELET_PATH_MAX];

	if (pod == NULL || pod->gone || !pod_runs(pod, s->name))
		return (0);
	snprintf(path, sizeof(path), "%s/pods/%s/%s/%u.log", s->k->data,
	    s->uid, s->name, s->attempt + 1);	/* a later one has a file */
	return (access(path, F_OK) != 0);
}

static int
same(int fd, const char *path)
{
	struct stat a, b;

	return (fd >= 0 && fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	    a.st_ino == b.st_ino && a.st_dev == b.st_dev);
}

/* The shim sets a full file aside as .1, over the one that was there, and
 * begins another. What is open is not lost to the reader, however slow: .1 is
 * opened too when it is not the one we know. */
static void
look_ahead(struct stream *s)
{
	int last = s->nnext > 0 ? s->next[s->nnext - 1] : s->fd, aside, fd;
	char path[KUBELET_PATH_MAX], old[KUBELET_PATH_MAX + 2];

	snprintf(path, sizeof(path), "%s/pods/%s/%s/%u.log", s->k->data,
	    s->uid, s->name, s->attempt);
	snprintf(old, sizeof(old), "%s.1", path);
	if (s->nnext + 2 > LOG_AHEAD_MAX || same(last, path))
		return;
	aside = open(old, O_RDONLY | O_CLOEXEC);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && (aside < 0 || same(aside, old))) {
		if (aside >= 0 && !same(last, old))
			s->next[s->nnext++] = aside;
		else if (aside >= 0)
			close(aside);
		s->next[s->nnext++] = fd;
		return;
	}
	if (aside >= 0)		/* again later: it is turned just now */
		close(aside);
	if (fd >= 0)
		close(fd);
}

/* What comes next, also of the files begun since. A file ends with a line. */
static ssize_t
read_on(struct stream *s)
{
	char *at = s->part + s->have;
	size_t room = sizeof(s->part) - s->have;
	ssize_t n;

	for (;;) {
		n = read(s->fd, at, room);
		if (n > 0 || s->nnext == 0)
			return (n);
		close(s->fd);
		s->fd = s->next[0];
		s->nnext--;
		memmove(s->next, s->next + 1, (size_t)s->nnext *
		    sizeof(s->next[0]));
	}
}

static void
pump(struct stream *s)
{
	int live = s->follow && is_live(s);	/* before the last read */
	struct pin_out o;
	char *nl, *p;
	ssize_t n;

	if (s->follow)
		look_ahead(s);
	while (!s->waiting) {
		n = read_on(s);
		if (n <= 0)
			break;
		s->have += (size_t)n;
		pin_out_init(&o, NULL, KUBELET_TEXT_MAX);
		for (p = s->part; (nl = memchr(p, '\n', s->have -
		    (size_t)(p - s->part))) != NULL; p = nl + 1)
			put_line(s, &o, p, (size_t)(nl - p));
		s->have -= (size_t)(p - s->part);
		memmove(s->part, p, s->have);
		if (s->have == sizeof(s->part))
			s->have = 0;		/* no line is that long */
		if (!send_out(s, &o))
			return;
	}
	s->ex->ops->flush(s->ex);
	if (live || (s->follow && s->waiting))
		pin_timer_start(&s->timer, LOG_POLL_MS);
	else if (!s->waiting)
		stream_end(s, 1);
}

static void
again(struct pin_timer *t)
{
	pump((struct stream *)(void *)((char *)t - offsetof(struct stream,
	    timer)));
}

/* ---- requests ------------------------------------------------------------ */

/* The newest instance that has a log. -1: none. */
static int64_t
newest(struct kubelet *k, const char *uid, const char *name)
{
	char path[KUBELET_PATH_MAX];
	int64_t best = -1, v;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/pods/%s/%s", k->data, uid, name);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (strstr(e->d_name, ".log") != NULL && (v = strtoll(
		    e->d_name, NULL, 10)) > best)
			best = v;
	if (d != NULL)
		closedir(d);
	return (best);
}

static int
truth(struct pin_str v)
{
	return (pin_str_is(v, "true") || pin_str_is(v, "1"));
}

static void
query(struct stream *s)
{
	struct pin_str rest = s->ex->head.query, key, val, text;
	char num[32];
	int64_t at;
	int bad;

	s->tail = s->limit = -1;
	while (http_query_next(&rest, &key, &val, &bad)) {
		if (http_unescape(s->ex->arena, val, 1, &text) != PIN_OK)
			continue;
		str_copy(num, sizeof(num), text);
		if (pin_str_is(key, "follow"))
			s->follow = truth(text);
		else if (pin_str_is(key, "timestamps"))
			s->stamps = truth(text);
		else if (pin_str_is(key, "tailLines"))
			s->tail = strtoll(num, NULL, 10);
		else if (pin_str_is(key, "limitBytes"))
			s->limit = strtoll(num, NULL, 10);
		else if (pin_str_is(key, "sinceSeconds"))
			(void)pin_time_format(pin_host_wall(s->k->host) /
			    1000000000 - strtoll(num, NULL, 10), s->since);
		else if (pin_str_is(key, "sinceTime") && pin_time_parse(text,
		    &at, NULL) == PIN_OK)
			(void)pin_time_format(at, s->since);
	}
}

static struct kpod *
by_names(struct kubelet *k, const char *ns, const char *name)
{
	struct kpod *pod = k->pods;

	while (pod != NULL && (strcmp(pod->ns, ns) != 0 || strcmp(pod->name,
	    name) != 0))
		pod = pod->next;
	return (pod);
}

/* Over TLS: the API server, by a certificate of its authority. */
static int
may_ask(const struct exchange *ex)
{
	return ((ex->head.flags & EXCHANGE_LOCAL) != 0 ||
	    (ex->head.creds.has_cert && pin_str_is(ex->head.creds.cert_cn,
	    PKI_KUBELET_CLIENT)));
}

static void
begin(void *arg, struct exchange *ex)
{
	char path[512], ns[64], name[256], cont[64], file[KUBELET_PATH_MAX];
	struct http_header h = { { "Content-Type", 12 }, { "text/plain",
	    10 } };
	struct kubelet *k = arg;
	struct stream *s;
	struct kpod *pod;
	uint32_t attempt = 0;
	int words;
	int64_t n;

	ex->data = NULL;
	if (!may_ask(ex)) {
		answer(ex, ex->head.creds.has_cert ? 403 : 401,
		    "only the API server may ask\n");
		return;
	}
	str_copy(path, sizeof(path), ex->head.path);
	words = sscanf(path, "/containerLogs/%63[^/]/%255[^/]/%63[a-z0-9-]/%u",
	    ns, name, cont, &attempt);
	if (!pin_str_is(ex->head.method, "GET") || words < 3) {
		answer(ex, 404, "404 page not found\n");
		return;
	}
	pod = by_names(k, ns, name);
	if (pod == NULL) {
		answer(ex, 404, "pod is not on this node\n");
		return;
	}
	s = pin_xcalloc(1, sizeof(*s));
	s->ex = ex;
	s->k = k;
	snprintf(s->uid, sizeof(s->uid), "%s", pod->uid);
	snprintf(s->name, sizeof(s->name), "%s", cont);
	pin_timer_init(&s->timer, k->loop, again);
	query(s);
	n = words == 4 ? (int64_t)attempt : newest(k, s->uid, cont);
	s->attempt = (uint32_t)n;
	container_log(pod, cont, s->attempt, file);
	s->fd = n < 0 ? -1 : open(file, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0) {
		free(s);
		answer(ex, 404, words == 4 ? "previous terminated container "
		    "not found" : "waiting to start");
		return;
	}
	if (s->tail >= 0)
		(void)lseek(s->fd, (off_t)tail_at(s->fd, s->tail), SEEK_SET);
	ex->data = s;
	ex->ops->start(ex, 200, &h, 1);
	pump(s);
}

static void
credit(struct exchange *ex)
{
	struct stream *s = ex->data;

	if (s == NULL)
		return;
	s->waiting = 0;
	pump(s);
}

static void
gone(struct exchange *ex)
{
	if (ex->data != NULL)
		stream_end(ex->data, 0);
}

/* On every address; which port, the Node says. */
static int
listen_tls(struct kubelet *k, const struct kubelet_opts *o,
    struct pin_err *err)
{
	struct pin_addr at = { .family = 4, .port = KUBELET_PORT }, bound;
	struct kubeconfig *kc = pin_xcalloc(1, sizeof(*kc));
	int rc;

	rc = kubeconfig_load(k->host, k->data, o->kubeconfig, NULL, kc, err);
	if (rc == PIN_OK)
		rc = tls_server_open(k->host, kc->cert, kc->key, kc->ca,
		    &k->log_tls, err);
	if (rc == PIN_OK) {
		rc = http_server_listen(k->http, &at, k->log_tls, &bound,
		    err);
		at.port = 0;
		if (rc == PIN_ELOCKED)
			rc = http_server_listen(k->http, &at, k->log_tls,
			    &bound, err);
		if (rc == PIN_OK)
			k->log_port = bound.port;
	}
	free(kc);
	return (rc);
}

int
logs_open(struct kubelet *k, const struct kubelet_opts *opts,
    struct pin_err *err)
{
	struct http_server_opts o = { .host = k->host, .fronts = &k->loop,
	    .nfronts = 1, .handler = &k->log_handler };
	struct pin_addr at, bound;
	char text[KUBELET_PATH_MAX];
	int rc;

	o.limits.connections_max = LOG_STREAMS_MAX;
	k->log_handler = (struct exchange_handler){ .begin = begin,
	    .credit = credit, .gone = gone, .arg = k };
	snprintf(text, sizeof(text), "unix:%s/run/kubelet.sock", k->data);
	rc = pin_addr_parse(text, &at, err);
	if (rc != PIN_OK) {
		pin_log(k->host, PIN_LOG_WARN, "no logs over the API: %s",
		    err->text);
		err->code = PIN_OK;
		return (PIN_OK);
	}
	(void)unlink(text + 5);		/* of an agent that was killed */
	rc = http_server_open(&o, &k->http, err);
	if (rc == PIN_OK)
		rc = http_server_listen(k->http, &at, NULL, &bound, err);
	if (rc == PIN_OK && opts->remote)
		rc = listen_tls(k, opts, err);
	return (rc);
}

void
logs_close(struct kubelet *k)
{
	http_server_close(&k->http, LOG_GRACE_MS);
	if (k->log_tls != NULL)
		tls_server_close(&k->log_tls);
}
