/* SPDX-License-Identifier: BSD-2-Clause
 *
 * defaults_image.c -- names of images, as far as the default pull policy
 * must know them: is it one, and what is its tag?
 * Pure. Contract: the reference grammar of OCI distribution, and the rule
 * that what is no host name before the first '/' is part of the path. */
#include "rules_int.h"

#include <string.h>

#define NAME_MAX_LEN	255
#define TAG_MAX_LEN	128
#define DIGEST_HEX_MIN	32
#define ID_LEN		64	/* so many hexadecimal digits are no name */

static int
is_lower(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

static int
is_alnum(char c)
{
	return (is_lower(c) || (c >= 'A' && c <= 'Z'));
}

static int
is_hex(char c)
{
	return ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	    (c >= 'A' && c <= 'F'));
}

/* [a-z0-9]+ with '.', '_', '__' or any number of '-' between. */
static int
is_component(const char *p, const char *end)
{
	const char *from;

	if (p == end || !is_lower(*p) || !is_lower(end[-1]))
		return (0);
	for (; p < end; p++) {
		if (is_lower(*p))
			continue;
		from = p;
		while (!is_lower(*p) && *p == *from)
			p++;
		if (!is_lower(*p) || (*from != '-' && *from != '_' &&
		    *from != '.') || (*from == '.' && p - from > 1) ||
		    (*from == '_' && p - from > 2))
			return (0);
	}
	return (1);
}

static int
is_path(const char *p, const char *end)
{
	const char *slash;

	for (;; p = slash + 1) {
		slash = memchr(p, '/', (size_t)(end - p));
		if (!is_component(p, slash != NULL ? slash : end))
			return (0);
		if (slash == NULL)
			return (1);
	}
}

/* Labels of letters, digits and '-' joined by '.', and maybe a port. */
static int
is_host(const char *p, const char *end)
{
	const char *colon = memchr(p, ':', (size_t)(end - p)), *q;

	if (colon != NULL) {
		for (q = colon + 1; q < end; q++)
			if (*q < '0' || *q > '9')
				return (0);
		if (colon + 1 == end)
			return (0);
		end = colon;
	}
	if (p == end || !is_alnum(*p) || !is_alnum(end[-1]))
		return (0);
	for (q = p; q < end; q++)
		if (!is_alnum(*q) && ((*q != '.' && *q != '-') ||
		    (*q == '.' && (!is_alnum(q[-1]) || !is_alnum(q[1])))))
			return (0);
	return (1);
}

/* Is what stands before the first '/' a host? */
static int
names_host(const char *p, const char *slash)
{
	const char *q;

	if (slash - p == 9 && memcmp(p, "localhost", 9) == 0)
		return (1);
	for (q = p; q < slash; q++)
		if (*q == '.' || *q == ':' || (*q >= 'A' && *q <= 'Z'))
			return (1);
	return (0);
}

static int
is_tag(struct pin_str s)
{
	size_t i;

	if (s.len == 0 || s.len > TAG_MAX_LEN || s.p[0] == '.' ||
	    s.p[0] == '-')
		return (0);
	for (i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '.' &&
		    s.p[i] != '-')
			return (0);
	return (1);
}

/* ALGORITHM:HEX */
static int
is_digest(const char *p, const char *end)
{
	const char *colon = memchr(p, ':', (size_t)(end - p)), *q;

	if (colon == NULL || colon == p || !is_alnum(*p) ||
	    end - colon - 1 < DIGEST_HEX_MIN)
		return (0);
	for (q = p; q < colon; q++)
		if (!is_alnum(*q) && strchr("-_+.", *q) == NULL)
			return (0);
	for (q = colon + 1; q < end; q++)
		if (!is_hex(*q))
			return (0);
	return (1);
}

static int
is_id(struct pin_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!is_hex(s.p[i]) || (s.p[i] >= 'A' && s.p[i] <= 'F'))
			return (0);
	return (s.len == ID_LEN);
}

int
pin__image_tag(struct pin_str image, struct pin_str *tag)
{
	const char *p = image.p, *end = image.p + image.len, *at, *slash, *q;

	*tag = PIN_STR_NONE;
	if (image.len == 0 || is_id(image))
		return (0);
	at = memchr(p, '@', image.len);
	if (at != NULL) {
		if (!is_digest(at + 1, end))
			return (0);
		*tag = PIN_STR("");
		end = at;
	}
	for (q = end; q > p && q[-1] != ':' && q[-1] != '/'; )
		q--;
	if (q > p && q[-1] == ':') {
		tag->p = q;
		tag->len = (size_t)(end - q);
		if (!is_tag(*tag))
			return (0);
		end = q - 1;
	}
	if (end - p > NAME_MAX_LEN)
		return (0);
	slash = memchr(p, '/', (size_t)(end - p));
	if (slash != NULL && names_host(p, slash)) {
		if (!is_host(p, slash))
			return (0);
		p = slash + 1;
	}
	return (is_path(p, end));
}
