/* SPDX-License-Identifier: BSD-2-Clause
 *
 * path.c -- whole small files, and addresses as text: built from the host's
 * operations, so the same in both hosts. Keeps no state.
 * Any thread; the file functions block.
 * Contract: pintle/host.h. */
#include "core/host/host_int.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
pin__path_dir(const char *path, char *buf, size_t size, struct pin_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;

	if (slash == path)
		len = 1;		/* "/name" */
	if (len + 2 > size)
		return (pin_err_set(err, PIN_ELIMIT, "%s: path too long",
		    path));
	memcpy(buf, path, len);
	if (slash == NULL)
		buf[len++] = '.';
	buf[len] = '\0';
	return (PIN_OK);
}

int
pin_path_slurp(struct pin_host *h, const char *path, size_t max, char **out,
    size_t *len, struct pin_err *err)
{
	size_t cap, have = 0;
	struct pin_file *f = NULL;
	char *p = NULL, *bigger;
	int64_t n;
	int rc;

	*out = NULL;
	rc = pin_file_open(h, path, PIN_FILE_READ, &f, err);
	if (rc != PIN_OK)
		return (rc);
	n = pin_file_size(f, err);
	/* The size is a hint: files of /proc say 0. */
	cap = n > 0 && (uint64_t)n < max ? (size_t)n + 1 : 4096;
	for (;;) {
		if (cap > max)
			cap = max + 1;
		bigger = realloc(p, cap + 1);
		if (bigger == NULL) {
			rc = pin_err_set(err, PIN_ENOMEM, "%s: out of memory",
			    path);
			break;
		}
		p = bigger;
		n = pin_file_read(f, p + have, cap - have, have, err);
		if (n < 0) {
			rc = (int)n;
			break;
		}
		have += (size_t)n;
		if (have > max) {
			rc = pin_err_set(err, PIN_ELIMIT,
			    "%s: larger than %zu bytes", path, max);
			break;
		}
		if (have < cap)
			break;
		cap *= 2;
	}
	pin_file_close(&f);
	if (rc != PIN_OK) {
		free(p);
		return (rc);
	}
	p[have] = '\0';
	*out = p;
	if (len != NULL)
		*len = have;
	return (PIN_OK);
}

/* A leftover of a crash has the same name, so there is at most one. */
static int
replace_open(struct pin_host *h, const char *tmp, uint32_t flags,
    struct pin_file **f, struct pin_err *err)
{
	int rc;

	flags = (flags & PIN_FILE_PRIVATE) | PIN_FILE_WRITE | PIN_FILE_CREATE |
	    PIN_FILE_EXCL;
	rc = pin_file_open(h, tmp, flags, f, err);
	if (rc != PIN_EEXISTS)
		return (rc);
	rc = pin_path_unlink(h, tmp, err);
	if (rc != PIN_OK)
		return (rc);
	return (pin_file_open(h, tmp, flags, f, err));
}

/* Does the file hold this and nothing else? */
static int
holds(struct pin_host *h, const char *path, const void *p, size_t len)
{
	char *text = NULL;
	size_t have = 0;
	int same;

	same = pin_path_slurp(h, path, len, &text, &have, NULL) == PIN_OK &&
	    have == len && (len == 0 || memcmp(text, p, len) == 0);
	free(text);
	return (same);
}

int
pin_path_replace(struct pin_host *h, const char *path, const void *p,
    size_t len, uint32_t flags, struct pin_err *err)
{
	struct pin_iov iov = { p, len };
	char tmp[PIN_PATH_MAX], dir[PIN_PATH_MAX];
	struct pin_file *f = NULL;
	int n, rc;

	n = snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	if (n < 0 || (size_t)n >= sizeof(tmp))
		return (pin_err_set(err, PIN_ELIMIT, "%s: path too long",
		    path));
	rc = pin__path_dir(path, dir, sizeof(dir), err);
	if (rc == PIN_OK)
		rc = replace_open(h, tmp, flags, &f, err);
	if (rc == PIN_ENOSPACE && holds(h, path, p, len))
		return (PIN_OK);
	if (rc != PIN_OK)
		return (rc);
	rc = pin_file_write(f, &iov, 1, 0, err);
	if (rc == PIN_OK)
		rc = pin_file_sync(f, err);
	pin_file_close(&f);
	if (rc == PIN_OK)
		rc = pin_path_rename(h, tmp, path, err);
	if (rc != PIN_OK) {
		(void)pin_path_unlink(h, tmp, NULL);
		return (rc == PIN_ENOSPACE && holds(h, path, p, len) ?
		    PIN_OK : rc);
	}
	return (pin_path_sync(h, dir, err));
}

/* ---- addresses ------------------------------------------------------ */

static int
addr_bad(const char *text, const char *why, struct pin_err *err)
{
	return (pin_err_set(err, PIN_EINVAL, "address \"%.200s\": %s", text,
	    why));
}

static int
addr_port(const char *text, const char *p, uint16_t *port,
    struct pin_err *err)
{
	uint32_t v = 0;

	if (*p == '\0')
		return (addr_bad(text, "port missing", err));
	for (; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return (addr_bad(text, "port is not a number", err));
		v = v * 10 + (uint32_t)(*p - '0');
		if (v > UINT16_MAX)
			return (addr_bad(text, "port above 65535", err));
	}
	*port = (uint16_t)v;
	return (PIN_OK);
}

int
pin_addr_parse(const char *text, struct pin_addr *a, struct pin_err *err)
{
	const char *ip = text, *end, *colon;
	char buf[INET6_ADDRSTRLEN];
	size_t len;

	memset(a, 0, sizeof(*a));
	if (strncmp(text, "unix:", 5) == 0) {
		len = strlen(text + 5);
		if (len == 0 || len >= sizeof(a->path))
			return (addr_bad(text, len == 0 ? "path missing" :
			    "path longer than 107 bytes", err));
		a->family = 1;
		memcpy(a->path, text + 5, len + 1);
		return (PIN_OK);
	}
	a->family = 4;
	end = colon = strrchr(text, ':');
	if (text[0] == '[') {
		a->family = 6;
		ip++;
		end = strchr(text, ']');
		if (end == NULL || end[1] != ':')
			return (addr_bad(text, "want [IPV6]:PORT", err));
		colon = end + 1;
	}
	if (colon == NULL)
		return (addr_bad(text, "want IP:PORT", err));
	len = (size_t)(end - ip);
	if (len >= sizeof(buf))
		return (addr_bad(text, "not an IP address", err));
	memcpy(buf, ip, len);
	buf[len] = '\0';
	if (inet_pton(a->family == 4 ? AF_INET : AF_INET6, buf, a->ip) != 1)
		return (addr_bad(text, a->family == 4 ? "not an IPv4 address" :
		    "not an IPv6 address", err));
	return (addr_port(text, colon + 1, &a->port, err));
}

void
pin_addr_print(const struct pin_addr *a, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "?";

	if (a->family == 1)
		snprintf(buf, size, "unix:%s", a->path);
	else if (a->family == 4) {
		(void)inet_ntop(AF_INET, a->ip, ip, sizeof(ip));
		snprintf(buf, size, "%s:%u", ip, (unsigned int)a->port);
	} else if (a->family == 6) {
		(void)inet_ntop(AF_INET6, a->ip, ip, sizeof(ip));
		snprintf(buf, size, "[%s]:%u", ip, (unsigned int)a->port);
	} else
		snprintf(buf, size, "-");
}
