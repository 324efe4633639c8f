/* SPDX-License-Identifier: BSD-2-Clause
 *
 * verb.c -- pintle image import, ls, rm.
 * Main thread. Contract: core/cli/verbs.c. */
#include "core/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/image/image.h"

#define ID_SHOWN	13		/* as crictl */

static const char *
data_of(const struct pin_args *a)
{
	const char *data = pin_args_get(a, "data");

	if (data == NULL)
		data = getenv("PINTLE_DATA");
	if (data == NULL)
		fprintf(stderr, "pintle: --data DIR (or $PINTLE_DATA) is "
		    "needed: the one of `pintle up`\n");
	return (data);
}

static int
failed(const struct pin_err *err)
{
	fprintf(stderr, "pintle: %s\n", err->text);
	return (PIN_EXIT_FAILED);
}

static void
print_line(void *arg, const char *line)
{
	(void)arg;
	printf("%s\n", line);
}

int
pin_verb_image_import(const struct pin_args *a)
{
	struct image_import req = { .name = pin_args_get(a, "name"),
	    .said = print_line };
	struct pin_err err = PIN_ERR_INIT;
	const char *data = data_of(a);

	if (data == NULL)
		return (PIN_EXIT_USAGE);
	image_utf8();
	for (uint32_t i = 0; i < a->nwords; i++) {
		req.file = a->word[i];
		if (image_import(a->host, data, &req, &err) != PIN_OK)
			return (failed(&err));
	}
	return (PIN_EXIT_OK);
}

/* "4.26MB": three digits that count, thousands, as crictl shows it. */
static void
print_size(uint64_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double v = (double)size;
	size_t u = 0;

	while (v >= 1000 && u + 1 < PIN_LEN(units)) {
		v /= 1000;
		u++;
	}
	printf("%.3g%s\n", v, units[u]);
}

static void
print_row(void *arg, const struct image_row *r)
{
	const char *at = strchr(r->name, '@'), *slash = strrchr(r->name, '/');
	const char *colon = slash != NULL ? strchr(slash, ':') : NULL;
	int len = colon != NULL && (at == NULL || colon < at) ?
	    (int)(colon - r->name) : (int)strcspn(r->name, "@");

	(void)arg;
	printf("%-*.*s ", len < 48 ? 48 : len, len, r->name);
	printf("%-20s %-*.*s  ", at != NULL || colon == NULL ? "<none>" :
	    colon + 1, ID_SHOWN, ID_SHOWN, r->id + 7);
	print_size(r->size);
}

int
pin_verb_image_ls(const struct pin_args *a)
{
	struct pin_err err = PIN_ERR_INIT;
	const char *data = data_of(a);

	if (data == NULL)
		return (PIN_EXIT_USAGE);
	printf("%-48s %-20s %-13s  %s\n", "IMAGE", "TAG", "IMAGE ID", "SIZE");
	if (image_list(a->host, data, print_row, NULL, &err) != PIN_OK)
		return (failed(&err));
	return (PIN_EXIT_OK);
}

int
pin_verb_image_rm(const struct pin_args *a)
{
	struct pin_err err = PIN_ERR_INIT;
	const char *data = data_of(a);
	int rc = PIN_EXIT_OK;

	if (data == NULL)
		return (PIN_EXIT_USAGE);
	for (uint32_t i = 0; i < a->nwords; i++) {
		if (image_remove(a->host, data, a->word[i], &err) != PIN_OK)
			rc = failed(&err);
		else
			printf("removed %s\n", a->word[i]);
	}
	return (rc);
}
