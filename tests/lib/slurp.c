/* SPDX-License-Identifier: BSD-2-Clause
 *
 * slurp.c -- whole files, from the current folder or the source tree above
 * the build folder.
 * Contract: tests/lib/slurp.h. */
#include "slurp.h"
#include "tap.h"

static FILE *
open_near(const char *path)
{
	char full[1024];
	FILE *f = fopen(path, "r");

	if (f != NULL || path[0] == '/')
		return (f);
	snprintf(full, sizeof(full), "%s/../%s", tap_build(), path);
	return (fopen(full, "r"));
}

char *
slurp_text(const char *path, size_t *len)
{
	FILE *f = open_near(path);
	char *p = NULL;
	size_t cap = 0, n = 0, got;

	if (f == NULL)
		BAIL("%s: %s", path, strerror(errno));
	do {
		if (n + 1 >= cap) {
			cap = cap == 0 ? 65536 : cap * 2;
			p = pin_xrealloc(p, cap);
		}
		got = fread(p + n, 1, cap - n - 1, f);
		n += got;
	} while (got > 0);
	fclose(f);
	p[n] = '\0';
	*len = n;
	return (p);
}

struct pin_obj *
slurp_json(const char *path)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_obj *o = NULL;
	size_t len;
	char *p = slurp_text(path, &len);

	if (pin_obj_parse(NULL, p, len, &o, &err) != PIN_OK)
		BAIL("%s: %s", path, err.text);
	free(p);
	return (o);
}
