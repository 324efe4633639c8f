/* SPDX-License-Identifier: BSD-2-Clause
 *
 * message.c -- a container's last words: the file it may write them to
 * (terminationMessagePath), or, where its policy says so and it failed without
 * any, the end of its log.
 * Work pool. Contract: Kubernetes' terminationMessagePolicy. What is in the
 * file is the container's: it is looked at with care. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/kubelet/kubelet_int.h"

#define LOG_LINES	80
#define LOG_BYTES	2048
#define LOG_WINDOW	((size_t)256 << 10)	/* looked at for these */
#define POD_BYTES	12288		/* of all containers together */

void
message_path(const struct kpod *pod, const struct kcontainer *c,
    uint32_t attempt, char out[KUBELET_PATH_MAX])
{
	char rest[128];

	snprintf(rest, sizeof(rest), "%s/%u.message", c->name, attempt);
	pod_path(pod, out, rest);
}

/* Whoever runs in there writes it, root or not. */
int
message_make(const struct kpod *pod, const struct kcontainer *c,
    char path[KUBELET_PATH_MAX], struct pin_err *err)
{
	int fd;

	message_path(pod, c, c->attempt, path);
	(void)unlink(path);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
	    0666);
	if (fd < 0 || fchmod(fd, 0666) != 0) {
		int e = errno;

		if (fd >= 0)
			(void)close(fd);
		return (pin_err_os(err, PIN_EIO, e, "%s", path));
	}
	(void)close(fd);
	return (PIN_OK);
}

/* The last bytes of a regular file; never waits for one that is none. */
static size_t
tail(const char *path, char *out, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	size_t n = 0;
	ssize_t k;
	off_t at;

	if (fd < 0)
		return (0);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		at = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
		while (n < max && (k = pread(fd, out + n, max - n, at +
		    (off_t)n)) != 0)
			if (k > 0)
				n += (size_t)k;
			else if (errno != EINTR)
				break;
	}
	(void)close(fd);
	return (n);
}

/* "TIME STREAM F text": the text, with its end of line when it is whole. */
static size_t
log_line(char *line, size_t len, char *out)
{
	char *p = memchr(line, ' ', len), *end = line + len;
	int whole;

	p = p == NULL ? NULL : memchr(p + 1, ' ', (size_t)(end - p - 1));
	if (p == NULL || end - p < 3)
		return (0);
	whole = p[1] == 'F';
	p += p[2] == ' ' ? 3 : 2;
	len = (size_t)(end - p);
	memmove(out, p, len);
	if (whole)
		out[len++] = '\n';
	return (len);
}

static size_t
log_end(const char *path, char *out, size_t max)
{
	char *buf = pin_xmalloc(LOG_WINDOW), *p = buf, *end, *nl;
	size_t n = tail(path, buf, LOG_WINDOW), have = 0;
	uint32_t lines;

	end = buf + n;
	if (n == LOG_WINDOW) {		/* it may begin within a line */
		p = memchr(buf, '\n', n);
		p = p == NULL ? end : p + 1;
	}
	for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL;
	    p = nl + 1)
		have += log_line(p, (size_t)(nl - p), buf + have);
	for (p = buf + have, lines = 0; p > buf; p--)
		if (p[-1] == '\n' && lines++ == LOG_LINES)
			break;
	n = (size_t)(buf + have - p);
	if (n > LOG_BYTES) {
		p += n - LOG_BYTES;
		n = LOG_BYTES;
	}
	n = n < max ? n : max;
	memcpy(out, p, n);
	free(buf);
	return (n);
}

size_t
message_read(const struct kpod *pod, const struct kcontainer *c,
    uint32_t attempt, int failed, char out[KUBELET_MESSAGE_MAX])
{
	size_t max = pod->n > 0 ? POD_BYTES / pod->n : POD_BYTES, n;
	char path[KUBELET_PATH_MAX];

	if (max > KUBELET_MESSAGE_MAX)
		max = KUBELET_MESSAGE_MAX;
	message_path(pod, c, attempt, path);
	n = tail(path, out, max);
	if (n > 0 || !failed || !pin_str_is(pin_obj_str(pod->obj, pin_obj_get(
	    pod->obj, c->spec, "terminationMessagePolicy")),
	    "FallbackToLogsOnError"))
		return (n);
	container_log(pod, c->name, attempt, path);
	return (log_end(path, out, max));
}
