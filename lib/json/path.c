/* SPDX-License-Identifier: BSD-2-Clause
 *
 * path.c -- "spec.nodeName", "metadata.labels[a.b/c]": compiled once, walked
 * often. A segment that meets an array is an index into it.
 * Pure. Contract: pintle/object.h. */
#include "json_int.h"

#include <string.h>

static int
bad(struct pin_err *err, const char *path, size_t at, const char *what)
{
	return (pin_err_set(err, PIN_EINVAL, "path \"%s\": %s at byte %zu",
	    path, what, at));
}

/* One segment at p; returns the byte behind it, NULL when it is empty. */
static const char *
segment(const char *p, struct pin_str *seg)
{
	const char *end;

	if (*p == '[') {
		seg->p = p + 1;
		end = strchr(p, ']');
		if (end == NULL || end == p + 1)
			return (NULL);
		seg->len = (size_t)(end - seg->p);
		return (end + 1);
	}
	seg->p = p;
	seg->len = strcspn(p, ".[]");
	return (seg->len != 0 ? p + seg->len : NULL);
}

int
pin_path_compile(const char *path, struct pin_path *out, struct pin_err *err)
{
	size_t len = strlen(path);
	const char *p, *q;

	memset(out, 0, sizeof(*out));
	if (len >= sizeof(out->text))
		return (pin_err_set(err, PIN_ELIMIT, "path of %zu bytes, "
		    "%zu are allowed", len, sizeof(out->text) - 1));
	memcpy(out->text, path, len + 1);
	for (p = out->text; *p != '\0'; p = q) {
		if (out->n == PIN_PATH_SEGS_MAX)
			return (pin_err_set(err, PIN_ELIMIT, "path \"%s\": "
			    "more than %d segments", path,
			    PIN_PATH_SEGS_MAX));
		q = segment(p, &out->seg[out->n]);
		if (q == NULL)
			return (bad(err, path, (size_t)(p - out->text),
			    "empty or open segment"));
		out->n++;
		if (*q == ']')
			return (bad(err, path, (size_t)(q - out->text),
			    "stray \"]\""));
		if (*q == '.' && (*++q == '\0' || *q == '['))
			return (bad(err, path, (size_t)(q - out->text),
			    "empty segment"));
		else if (*q != '\0' && *q != '[' && q[-1] == ']')
			return (bad(err, path, (size_t)(q - out->text),
			    "\".\" or \"[\" expected"));
	}
	if (out->n == 0)
		return (bad(err, path, 0, "empty path"));
	return (PIN_OK);
}

static pin_node
element(const struct pin_obj *o, pin_node array, struct pin_str seg)
{
	uint32_t i = 0;
	pin_node n;
	size_t k;

	if (seg.len == 0 || seg.len > 9)
		return (0);
	for (k = 0; k < seg.len; k++) {
		if (seg.p[k] < '0' || seg.p[k] > '9')
			return (0);
		i = i * 10 + (uint32_t)(seg.p[k] - '0');
	}
	for (n = pin_obj_first(o, array); n != 0 && i != 0; i--)
		n = pin_obj_next(o, n);
	return (n);
}

pin_node
pin_path_get(const struct pin_obj *o, pin_node n, const struct pin_path *path)
{
	uint32_t i;

	for (i = 0; i < path->n && n != 0; i++) {
		if (pin_obj_type(o, n) == PIN_ARRAY)
			n = element(o, n, path->seg[i]);
		else
			n = pin_obj_getn(o, n, path->seg[i].p,
			    path->seg[i].len);
	}
	return (n);
}
