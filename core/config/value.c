/* SPDX-License-Identifier: BSD-2-Clause
 *
 * value.c -- the text of one option becomes a value of its type.
 * Pure but for PIN_OPTF_EXISTS, which looks at the disk.
 * Loading thread. Contract: config_int.h. */
#include "core/config/config_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct unit {
	const char	*name;
	int64_t		 factor;
};

static const struct unit durations[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
	{ "d", 86400000 }, { NULL, 0 }
};

static const struct unit sizes[] = {
	{ "", 1 }, { "Ki", INT64_C(1) << 10 }, { "Mi", INT64_C(1) << 20 },
	{ "Gi", INT64_C(1) << 30 }, { "Ti", INT64_C(1) << 40 }, { "k", 1000 },
	{ "M", 1000000 }, { "G", INT64_C(1000000000) }, { NULL, 0 }
};

static const char *const type_names[] = {
	[PIN_OPT_BOOL] = "true or false",
	[PIN_OPT_INT] = "an integer",
	[PIN_OPT_STRING] = "a string",
	[PIN_OPT_PATH] = "a path (a string)",
	[PIN_OPT_DURATION] = "a duration like \"30s\", \"5m\"",
	[PIN_OPT_SIZE] = "a size like 4096 or \"16Mi\"",
	[PIN_OPT_STRINGS] = "a list of strings",
};

const char *
pin__type_name(uint32_t type)
{
	return (type < PIN_LEN(type_names) && type_names[type] != NULL ?
	    type_names[type] : "a type this host does not know");
}

char *
pin__conf_join(const char *base, const char *path)
{
	size_t len;
	char *out;

	if (base == NULL || path[0] == '/')
		return (pin_xstrdup(path));
	len = strlen(base) + strlen(path) + 2;
	out = pin_xmalloc(len);
	(void)snprintf(out, len, "%s/%s", base, path);
	return (out);
}

char *
pin__conf_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return (pin_xstrdup("."));
	return (pin_xstrndup(path, slash == path ? 1 :
	    (size_t)(slash - path)));
}

/* "90", "1h" (one number, one unit): 0, or -1 when it is not that. */
static int
number_parse(const char *text, const struct unit *units, int64_t *out)
{
	const struct unit *u;
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || errno != 0 || text[0] == ' ' || text[0] == '+')
		return (-1);
	if (units == NULL) {
		*out = n;
		return (*end == '\0' ? 0 : -1);
	}
	if (n < 0)
		return (-1);
	if (n == 0 && *end == '\0') {
		*out = 0;
		return (0);
	}
	for (u = units; u->name != NULL; u++) {
		if (strcmp(end, u->name) != 0)
			continue;
		if (n > INT64_MAX / u->factor)
			return (-1);
		*out = n * u->factor;
		return (0);
	}
	return (-1);
}

void
pin__value_add(struct pin__value *v, const char *item)
{
	v->items = pin_xrealloc(v->items, (v->nitems + 1) * sizeof(char *));
	v->items[v->nitems++] = pin_xstrdup(item);
}

/* "a, b": items of a default in an options table. */
static int
items_parse(struct pin__value *v, const char *text)
{
	static const char space[] = " \t";
	const char *end;
	char *item;
	size_t len;

	while (*text != '\0') {
		text += strspn(text, space);
		end = text + strcspn(text, ",");
		len = (size_t)(end - text);
		while (len > 0 && strchr(space, text[len - 1]) != NULL)
			len--;
		if (len == 0 || v->nitems == PIN_CONF_ITEMS_MAX)
			return (-1);
		item = pin_xstrndup(text, len);
		pin__value_add(v, item);
		free(item);
		text = *end == ',' ? end + 1 : end;
	}
	return (0);
}

static int
bool_parse(const char *text, int64_t *out)
{
	*out = strcmp(text, "true") == 0;
	return (*out || strcmp(text, "false") == 0 ? 0 : -1);
}

int
pin__value_parse(struct pin__value *v, const struct pin_option *o,
    const char *text, const char *base, const char *where,
    struct pin_report *r)
{
	int bad = 0;

	switch (o->type) {
	case PIN_OPT_BOOL:
		bad = bool_parse(text, &v->num);
		break;
	case PIN_OPT_INT:
		bad = number_parse(text, NULL, &v->num);
		break;
	case PIN_OPT_DURATION:
		bad = number_parse(text, durations, &v->num);
		break;
	case PIN_OPT_SIZE:
		bad = number_parse(text, sizes, &v->num);
		break;
	case PIN_OPT_STRING:
		v->str = pin_xstrdup(text);
		break;
	case PIN_OPT_PATH:
		v->str = pin__conf_join(base, text);
		break;
	case PIN_OPT_STRINGS:
		bad = items_parse(v, text);
		break;
	default:
		bad = -1;
	}
	if (!bad)
		return (PIN_OK);
	return (pin_report_error(r, where, "%s = \"%s\": must be %s", o->name,
	    text, pin__type_name(o->type)));
}

static int
is_number(uint32_t type)
{
	return (type == PIN_OPT_INT || type == PIN_OPT_DURATION ||
	    type == PIN_OPT_SIZE);
}

int
pin__value_check(const struct pin__value *v, const struct pin_option *o,
    const char *where, struct pin_report *r)
{
	static const char *const units[] = {
		[PIN_OPT_INT] = "", [PIN_OPT_DURATION] = " ms",
		[PIN_OPT_SIZE] = " bytes",
	};

	if (is_number(o->type) && (o->min != 0 || o->max != 0) &&
	    (v->num < o->min || v->num > o->max))
		return (pin_report_error(r, where, "%s = %" PRId64 "%s: out of"
		    " range, must be %" PRId64 " to %" PRId64 "%s", o->name,
		    v->num, units[o->type], o->min, o->max, units[o->type]));
	if (o->type == PIN_OPT_PATH && (o->flags & PIN_OPTF_EXISTS) != 0 &&
	    v->str != NULL && access(v->str, R_OK) != 0)
		return (pin_report_error(r, where, "%s = \"%s\": %s", o->name,
		    v->str, strerror(errno)));
	return (PIN_OK);
}
