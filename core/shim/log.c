/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log.c -- see log.h.
 * Contract: log.h. */
#include "core/shim/log.h"

#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX	64

static int
open_file(struct shim_log *l)
{
	off_t at;

	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND, 0640);
	if (l->fd < 0 || fcntl(l->fd, F_SETFD, FD_CLOEXEC) != 0)
		return (-1);
	at = lseek(l->fd, 0, SEEK_END);
	l->size = at > 0 ? at : 0;
	return (0);
}

int
shim_log_open(struct shim_log *l, const char *path)
{
	memset(l, 0, sizeof(*l));
	l->path = path;
	return (open_file(l));
}

static void
turn_over(struct shim_log *l)
{
	char old[PATH_MAX];
	int n = snprintf(old, sizeof(old), "%s.1", l->path);

	if (n < 0 || (size_t)n >= sizeof(old) || rename(l->path, old) != 0)
		return;
	close(l->fd);
	(void)open_file(l);
}

static size_t
head(char out[HEAD_MAX], int stream, int whole)
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(out, HEAD_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(out + n, HEAD_MAX - n, ".%09ldZ %s %c ",
	    ts.tv_nsec, stream == 0 ? "stdout" : "stderr", whole ? 'F' : 'P');
	return (n);
}

/* One piece, whole or not: a disk that is full loses it, and no part of it
 * stays to spoil the next. The container goes on. */
static void
piece(struct shim_log *l, int stream, const char *p, size_t len, int whole)
{
	char h[HEAD_MAX], nl = '\n';
	size_t n = head(h, stream, whole);
	struct iovec v[3] = { { h, n }, { (void *)(uintptr_t)p, len },
	    { &nl, 1 } };
	ssize_t k;

	do
		k = writev(l->fd, v, 3);
	while (k < 0 && errno == EINTR);
	if (k > 0 && (size_t)k < n + len + 1 && ftruncate(l->fd, l->size) == 0)
		k = 0;
	if (k > 0)
		l->size += k;
	if (l->size > SHIM_LOG_MAX)
		turn_over(l);
}

ssize_t
shim_log_from(struct shim_log *l, int stream, int fd)
{
	size_t *len = &l->len[stream], at = 0, end;
	ssize_t n;
	char *nl, *p;

	if (l->part[stream] == NULL) {
		l->part[stream] = malloc(SHIM_LINE_MAX);
		if (l->part[stream] == NULL) {
			errno = EAGAIN;
			return (-1);
		}
	}
	p = l->part[stream];
	n = read(fd, p + *len, SHIM_LINE_MAX - *len);
	if (n <= 0)
		return (n);
	end = *len + (size_t)n;
	while (at < end && (nl = memchr(p + at, '\n', end - at)) != NULL) {
		piece(l, stream, p + at, (size_t)(nl - p) - at, 1);
		at = (size_t)(nl - p) + 1;
	}
	if (at == 0 && end == SHIM_LINE_MAX) {
		piece(l, stream, p, end, 0);
		at = end;
	}
	memmove(p, p + at, end - at);
	*len = end - at;
	return (n);
}

void
shim_log_close(struct shim_log *l)
{
	for (int i = 0; i < 2; i++) {
		if (l->len[i] > 0)
			piece(l, i, l->part[i], l->len[i], 0);
		free(l->part[i]);
	}
	close(l->fd);
}
