/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lastwords.c -- what a container says at its end: the file at its
 * terminationMessagePath, or the end of its log.
 * Work pool. Contract: Kubernetes': at most LAST_FILE bytes of the file; with
 * FallbackToLogsOnError, an empty file and an exit code, at most LAST_LINES
 * lines and LAST_LOG bytes. */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/kubelet/kubelet_int.h"

#define LAST_FILE	4096
#define LAST_LOG	2048
#define LAST_LINES	80
#define LAST_READ	32768		/* of the log, with its stamps */

void
lastwords_path(const struct kpod *pod, const char *container,
    uint32_t attempt, char out[KUBELET_PATH_MAX])
{
	char rest[128];

	snprintf(rest, sizeof(rest), "%s/%u.end", container, attempt);
	pod_path(pod, out, rest);
}

/* A file of its own for each instance; whoever it runs as may write it. */
int
lastwords_make(const struct kpod *pod, const struct kcontainer *c,
    char out[KUBELET_PATH_MAX], struct pin_err *err)
{
	int fd;

	lastwords_path(pod, c->name, c->attempt, out);
	fd = open(out, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return (pin_err_set(err, PIN_EIO, "%s cannot be made", out));
	(void)fchmod(fd, 0666);
	close(fd);
	return (PIN_OK);
}

/* Up to max bytes from the end or the beginning; how many. */
static size_t
slurp(const char *path, char *out, size_t max, int from_end)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return (0);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = pread(fd, out, max, from_end && st.st_size > (off_t)max ?
		    st.st_size - (off_t)max : 0);
	close(fd);
	return (n > 0 ? (size_t)n : 0);
}

/* Behind the stamp, the stream and the tag of a line in [p, end). */
static const char *
text_of(const char *p, const char *end)
{
	int i;

	for (i = 0; i < 3 && p != NULL; i++) {
		p = memchr(p, ' ', (size_t)(end - p));
		p = p != NULL ? p + 1 : NULL;
	}
	return (p != NULL ? p : end);
}

/* The last lines, in place of the file's bytes at buf; how many. */
static size_t
lines_of(char *buf, size_t len)
{
	size_t at = len, out = LAST_READ, n, lines = 0;
	const char *text;

	while (at > 0 && lines < LAST_LINES) {
		size_t begin = at - (buf[at - 1] == '\n'), end = begin;

		while (begin > 0 && buf[begin - 1] != '\n')
			begin--;
		if (begin == 0 && len == LAST_READ)
			break;		/* cut in two */
		text = text_of(buf + begin, buf + end);
		n = (size_t)(buf + end - text) + 1;
		if (LAST_READ - out + n > LAST_LOG)
			break;
		/* The line lies before `out`, or where it goes. */
		memmove(buf + out - n, text, n - 1);
		buf[out - 1] = '\n';
		out -= n;
		at = begin;
		lines++;
	}
	memmove(buf, buf + out, LAST_READ - out);
	return (LAST_READ - out);
}

/* 1: there is something to say, text of size bytes. */
int
lastwords(const struct kpod *pod, const struct kcontainer *c,
    uint32_t attempt, int exit_code, char *text, size_t size)
{
	const struct pin_obj *o = pod->obj;
	char path[KUBELET_PATH_MAX], *buf = pin_xmalloc(LAST_READ + 1);
	size_t n;

	lastwords_path(pod, c->name, attempt, path);
	n = slurp(path, buf, LAST_FILE, 0);
	if (n == 0 && exit_code != 0 && pin_str_is(pin_obj_str(o,
	    pin_obj_get(o, c->spec, "terminationMessagePolicy")),
	    "FallbackToLogsOnError")) {
		container_log(pod, c->name, attempt, path);
		n = slurp(path, buf, LAST_READ, 1);
		n = lines_of(buf, n);
	}
	str_copy(text, size, (struct pin_str){ buf, strnlen(buf, n) });
	free(buf);
	return (text[0] != '\0');
}
