/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ref.c -- names of images, written out: registry, repository, tag or digest.
 * The grammar is that of distribution's references.
 * Keeps no state. Any thread.
 * Contract: image.h. */
#include "core/image/image_int.h"

#include <stdio.h>
#include <string.h>

#define REPO_MAX	255		/* registry and repository */
#define TAG_MAX		128

static int
lower(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

static int
alnum(char c)
{
	return (lower(c) || (c >= 'A' && c <= 'Z'));
}

/* a-b.c_d__e: words joined by one '.', one or two '_', or any '-'. */
static int
component_ok(const char *p, size_t len)
{
	size_t i = 0, n;

	while (i < len) {
		if (!lower(p[i]))
			return (0);
		while (i < len && lower(p[i]))
			i++;
		if (i == len)
			return (1);
		n = i;
		while (i < len && p[i] == p[n] && strchr("._-", p[i]) != NULL)
			i++;
		if (i == n || (p[n] == '.' && i - n > 1) ||
		    (p[n] == '_' && i - n > 2))
			return (0);
	}
	return (0);
}

static int
path_ok(const char *p, size_t len)
{
	const char *end = p + len, *slash;

	for (;;) {
		slash = memchr(p, '/', (size_t)(end - p));
		if (!component_ok(p, (size_t)((slash != NULL ? slash : end) -
		    p)))
			return (0);
		if (slash == NULL)
			return (1);
		p = slash + 1;
	}
}

/* Is the first component a registry, as docker sees it? */
static int
is_domain(const char *p, size_t len)
{
	if (len == 9 && memcmp(p, "localhost", 9) == 0)
		return (1);
	for (size_t i = 0; i < len; i++)
		if (p[i] == '.' || p[i] == ':' || (p[i] >= 'A' && p[i] <= 'Z'))
			return (1);
	return (0);
}

static int
domain_ok(const char *p, size_t len)
{
	size_t i = 0, colon;

	if (len > 0 && p[0] == '[')
		while (i < len && p[i] != ']')
			i++;
	for (; i < len && p[i] != ':'; i++)
		if (!alnum(p[i]) && strchr("-.]", p[i]) == NULL)
			return (0);
	colon = i;
	for (i += colon < len; i < len; i++)
		if (p[i] < '0' || p[i] > '9')
			return (0);
	return (colon > 0 && colon + 1 != len && p[0] != '.' && p[0] != '-');
}

static int
tag_ok(const char *p, size_t len)
{
	if (len == 0 || len > TAG_MAX || (!alnum(p[0]) && p[0] != '_'))
		return (0);
	for (size_t i = 1; i < len; i++)
		if (!alnum(p[i]) && strchr("_.-", p[i]) == NULL)
			return (0);
	return (1);
}

static int
bad(const char *name, const char *why, struct pin_err *err)
{
	return (pin_err_set(err, PIN_EINVALID, "couldn't parse image name "
	    "\"%.300s\": invalid reference format%s%s", name, why != NULL ?
	    ": " : "", why != NULL ? why : ""));
}

int
image_name(const char *name, char out[IMAGE_NAME_MAX], struct pin_err *err)
{
	const char *at = strchr(name, '@'), *tag = NULL, *slash, *path = name;
	const char *domain = "docker.io", *colon, *p;
	size_t end = at != NULL ? (size_t)(at - name) : strlen(name);
	size_t dlen = 9, plen;
	int n;

	slash = memchr(name, '/', end);
	if (slash != NULL && is_domain(name, (size_t)(slash - name))) {
		domain = name;
		dlen = (size_t)(slash - name);
		path = slash + 1;
		if (!domain_ok(domain, dlen))
			return (bad(name, NULL, err));
		if (dlen == 15 && memcmp(domain, "index.docker.io", 15) == 0) {
			domain += 6;
			dlen = 9;
		}
	}
	plen = end - (size_t)(path - name);
	colon = memchr(path, ':', plen);
	if (colon != NULL) {
		tag = colon + 1;
		plen = (size_t)(colon - path);
		if (!tag_ok(tag, (size_t)(name + end - tag)))
			return (bad(name, NULL, err));
	}
	for (p = path; p < path + plen; p++)
		if (*p >= 'A' && *p <= 'Z')
			return (bad(name, "repository name must be lowercase",
			    err));
	if (!path_ok(path, plen) || (at != NULL &&
	    image__digest_hex(at + 1) == NULL))
		return (bad(name, NULL, err));
	if (dlen + 9 + plen > REPO_MAX)
		return (bad(name, "repository name must not be more than 255 "
		    "characters", err));
	n = snprintf(out, IMAGE_NAME_MAX, "%.*s/%s%.*s%s%.*s", (int)dlen,
	    domain, dlen == 9 && memcmp(domain, "docker.io", 9) == 0 &&
	    memchr(path, '/', plen) == NULL ? "library/" : "", (int)plen,
	    path, at != NULL ? "" : ":", at != NULL ? 0 : tag != NULL ?
	    (int)(name + end - tag) : 6, tag != NULL ? tag : "latest");
	if (at != NULL && n > 0 && (size_t)n < IMAGE_NAME_MAX)
		n += snprintf(out + n, IMAGE_NAME_MAX - (size_t)n, "%s", at);
	if (n < 0 || n >= IMAGE_NAME_MAX)
		return (bad(name, "too long", err));
	return (PIN_OK);
}
