/* SPDX-License-Identifier: BSD-2-Clause
 *
 * conf.c -- struct pin_conf: the checked values of one block, by the table of
 * the plugin (or of the host's own section) they belong to.
 * Immutable once made: any thread. Contract: plugin.h, config.h. */
#include "core/config/config_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct pin_option *
pin__option_find(const struct pin_option *options, const char *name)
{
	if (options == NULL)
		return (NULL);
	for (const struct pin_option *o = options; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return (o);
	return (NULL);
}

struct pin_conf *
pin__conf_new(const struct pin_option *options, const char *where)
{
	struct pin_conf *c = pin_xcalloc(1, sizeof(*c));

	c->magic = PIN_CONF_MAGIC;
	c->options = options;
	for (; options != NULL && options->name != NULL; options++)
		c->n++;
	c->value = pin_xcalloc(c->n + 1, sizeof(*c->value));
	c->where = pin_xstrdup(where);
	return (c);
}

void
pin_conf_free(struct pin_conf **cp)
{
	struct pin_conf *c = *cp;

	if (c == NULL)
		return;
	PIN_VALID(c, PIN_CONF_MAGIC);
	*cp = NULL;
	for (uint32_t i = 0; i < c->n; i++) {
		struct pin__value *v = &c->value[i];

		for (uint32_t k = 0; k < v->nitems; k++)
			free(v->items[k]);
		free(v->items);
		free(v->str);
		free(v->where);
	}
	free(c->value);
	free(c->where);
	c->magic = 0;
	free(c);
}

int
pin__conf_finish(struct pin_conf *c, const char *base, struct pin_report *r)
{
	uint32_t before = r->errors;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct pin_option *o = &c->options[i];
		struct pin__value *v = &c->value[i];

		if (!v->given && o->fallback != NULL)
			(void)pin__value_parse(v, o, o->fallback, base,
			    c->where, r);
		else if (!v->given && (o->flags & PIN_OPTF_REQUIRED) != 0)
			(void)pin_report_error(r, c->where,
			    "%s is missing: %s", o->name, o->help);
		if (v->given || o->fallback != NULL)
			(void)pin__value_check(v, o, v->where != NULL ?
			    v->where : c->where, r);
	}
	return (r->errors == before ? PIN_OK : PIN_ECONFIG);
}

/* ---- getters ----------------------------------------------------- */

/* The value called name if its type is in `types` (a bit per type). */
static const struct pin__value *
conf_value(const struct pin_conf *c, const char *name, uint32_t types)
{
	const struct pin_option *o;

	PIN_VALID(c, PIN_CONF_MAGIC);
	o = pin__option_find(c->options, name);
	PIN_ASSERT(o != NULL && "option is in the plugin's table");
	PIN_ASSERT((types & 1u << o->type) != 0 && "option has this type");
	return (&c->value[o - c->options]);
}

int
pin_conf_bool(const struct pin_conf *c, const char *name)
{
	return (conf_value(c, name, 1u << PIN_OPT_BOOL)->num != 0);
}

int64_t
pin_conf_int(const struct pin_conf *c, const char *name)
{
	return (conf_value(c, name, 1u << PIN_OPT_INT |
	    1u << PIN_OPT_DURATION | 1u << PIN_OPT_SIZE)->num);
}

const char *
pin_conf_string(const struct pin_conf *c, const char *name)
{
	return (conf_value(c, name, 1u << PIN_OPT_STRING |
	    1u << PIN_OPT_PATH)->str);
}

uint32_t
pin_conf_count(const struct pin_conf *c, const char *name)
{
	return (conf_value(c, name, 1u << PIN_OPT_STRINGS)->nitems);
}

const char *
pin_conf_item(const struct pin_conf *c, const char *name, uint32_t i)
{
	const struct pin__value *v;

	v = conf_value(c, name, 1u << PIN_OPT_STRINGS);
	PIN_ASSERT(i < v->nitems);
	return (v->items[i]);
}

const char *
pin_conf_where(const struct pin_conf *c, const char *name)
{
	const struct pin__value *v;

	if (name == NULL)
		return (c->where);
	v = conf_value(c, name, ~0u);
	return (v->where != NULL ? v->where : c->where);
}

/* ---- whole blocks ------------------------------------------------ */

static int
str_equal(const char *a, const char *b)
{
	return (a == b || (a != NULL && b != NULL && strcmp(a, b) == 0));
}

static int
value_equal(const struct pin__value *a, const struct pin__value *b)
{
	if (a->num != b->num || a->nitems != b->nitems ||
	    !str_equal(a->str, b->str))
		return (0);
	for (uint32_t i = 0; i < a->nitems; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return (0);
	return (1);
}

int
pin_conf_equal(const struct pin_conf *a, const struct pin_conf *b)
{
	if (a->n != b->n)
		return (0);
	for (uint32_t i = 0; i < a->n; i++)
		if (!str_equal(a->options[i].name, b->options[i].name) ||
		    !value_equal(&a->value[i], &b->value[i]))
			return (0);
	return (1);
}

/* A record is TYPE NAME LEN VALUE: 'n' a number, 's' a string, 'i' an item.
 * Counted, so that a value may hold any byte. */
static void
record_put(struct pin_out *out, char type, const char *name,
    const char *value)
{
	pin_out_printf(out, "%c %s %zu ", type, name, strlen(value));
	pin_out_cstr(out, value);
	pin_out_char(out, '\n');
}

void
pin_conf_text(const struct pin_conf *c, struct pin_out *out)
{
	char num[32];

	for (uint32_t i = 0; i < c->n; i++) {
		const struct pin_option *o = &c->options[i];
		const struct pin__value *v = &c->value[i];

		(void)snprintf(num, sizeof(num), "%" PRId64, v->num);
		if (v->str != NULL)
			record_put(out, 's', o->name, v->str);
		for (uint32_t k = 0; k < v->nitems; k++)
			record_put(out, 'i', o->name, v->items[k]);
		if (o->type != PIN_OPT_STRING && o->type != PIN_OPT_PATH &&
		    o->type != PIN_OPT_STRINGS)
			record_put(out, 'n', o->name, num);
	}
	pin_out_char(out, '\0');
}

/* One record into c; returns what follows it, NULL when it makes no sense. */
static const char *
record_get(struct pin_conf *c, const char *p)
{
	char name[PIN_CONFIG_NAME_MAX + 1], type;
	const struct pin_option *o;
	struct pin__value *v;
	char *value;
	size_t len;
	int used = 0;

	if (sscanf(p, "%c %63s %zu%n", &type, name, &len, &used) != 3 ||
	    p[used] != ' ' || strnlen(p + used + 1, len + 1) < len + 1)
		return (NULL);
	p += used + 1;
	o = pin__option_find(c->options, name);
	if (o == NULL || p[len] != '\n')
		return (NULL);
	v = &c->value[o - c->options];
	value = pin_xstrndup(p, len);
	v->given = 1;
	if (type == 'n')
		v->num = strtoll(value, NULL, 10);
	else if (type == 'i')
		pin__value_add(v, value);
	if (type == 's' && v->str == NULL)
		v->str = value;
	else
		free(value);
	return (p + len + 1);
}

struct pin_conf *
pin_conf_parse(const char *text, const struct pin_option *options,
    struct pin_report *r)
{
	struct pin_conf *c = pin__conf_new(options, "options");

	while (text != NULL && *text != '\0')
		text = record_get(c, text);
	if (text != NULL)
		return (c);
	(void)pin_report_error(r, NULL, "options handed over are damaged");
	pin_conf_free(&c);
	return (NULL);
}
