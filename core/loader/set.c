/* SPDX-License-Identifier: BSD-2-Clause
 *
 * set.c -- a set: every chain of one generation of the configuration. Made in
 * two steps: load and check everything (runs no plugin code), then open.
 * Control thread. Contract: loader_int.h. */
#include "core/loader/loader_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SET_MAGIC	0x70736574u

/* DIR/KIND/NAME.so, or where the entry says. */
static char *
entry_file(const struct pin__maker *mk, const struct pin_config_entry *e)
{
	const char *word = pin_kind(pin_section(e->section)->kind)->word;
	size_t size;
	char *path;

	if (e->file != NULL)
		return (pin_xstrdup(e->file));
	size = strlen(mk->dir) + strlen(word) + strlen(e->plugin) + 6;
	path = pin_xmalloc(size);
	(void)snprintf(path, size, "%s/%s/%s.so", mk->dir, word, e->plugin);
	return (path);
}

static void
report_open(struct pin_report *r, const struct pin_config_entry *e,
    const char *file, const struct pin_err *err)
{
	if (err->code == PIN_ENOTFOUND)
		(void)pin_report_error(r, e->where, "unknown plugin '%s': "
		    "there is no %s", e->plugin, file);
	else
		(void)pin_report_error(r, e->where, "%s", err->text);
}

/* What an entry asks of its plugin that not every plugin can do. */
static int
entry_check(const struct pin_config_entry *e, const struct pin_plugin *p,
    struct pin_report *r)
{
	struct pin_err err = PIN_ERR_INIT;

	if (pin__kind_check(p, e->section, &err) != PIN_OK)
		return (pin_report_error(r, e->where, "%s", err.text));
	if (e->isolation == PIN_ISOLATION_PROCESS &&
	    p->kind != PIN_KIND_ADMISSION)
		return (pin_report_error(r, e->where, "isolation = "
		    "\"process\": only admission plugins can run in a process "
		    "of their own, %s is of kind %s", e->plugin,
		    pin_kind(p->kind)->word));
	if (e->mode != PIN_MODE_ENFORCE &&
	    pin_kind(p->kind)->swap == PIN_SWAP_RESTART)
		return (pin_report_error(r, e->where, "mode = \"%s\": a %s "
		    "plugin decides nothing that could be only watched",
		    pin_mode_name(e->mode), pin_kind(p->kind)->word));
	return (PIN_OK);
}

static struct pin_stage *
stage_new(const struct pin__maker *mk, struct pin_config *c,
    const struct pin_config_entry *e, struct pin_report *r)
{
	struct pin_stage *st = pin_xcalloc(1, sizeof(*st));
	struct pin_err err = PIN_ERR_INIT;
	char *file = entry_file(mk, e);

	st->magic = PIN_STAGE_MAGIC;
	st->section = e->section;
	st->name = e->name;
	st->mode = e->mode;
	st->isolation = e->isolation;
	st->deadline_ns = e->deadline_ns;
	st->budget_ns = PIN_STAGE_BUDGET_NS;
	st->entry = e;
	st->config = pin_config_get(c);	/* name and entry are in there */
	if (pin__module_open(mk->modules, file,
	    pin_section(e->section)->kind, e->plugin, &st->module,
	    &err) != PIN_OK)
		report_open(r, e, file, &err);
	free(file);
	if (st->module == NULL)
		goto fail;
	st->plugin = pin_module_plugin(st->module);
	st->ops = st->plugin->ops;
	if (entry_check(e, st->plugin, r) != PIN_OK)
		goto fail;
	st->conf = pin_config_conf(c, e, st->plugin->options, r);
	if (st->conf != NULL)
		return (st);
fail:
	pin__stage_free(&st);
	return (NULL);
}

void
pin__stage_free(struct pin_stage **sp)
{
	struct pin_stage *st = *sp;

	PIN_VALID(st, PIN_STAGE_MAGIC);
	*sp = NULL;
	if (st->isolate != NULL)
		pin__isolate_close(&st->isolate);
	else if (st->env != NULL)		/* it was opened */
		pin__plugin_close(st->plugin, st->self);
	if (st->env != NULL)
		pin__env_free(&st->env);
	pin_conf_free(&st->conf);
	if (st->module != NULL)
		pin_module_put(&st->module);
	pin_config_put(&st->config);
	st->magic = 0;
	free(st);
}

static void
chain_new(struct pin_set *set, const struct pin__maker *mk, uint32_t section,
    struct pin_report *r)
{
	struct pin_chain *ch = &set->chain[section];
	uint32_t n = pin_config_count(set->config, section);
	const struct pin_config_entry *e;
	struct pin_stage *st;

	ch->stage = pin_xcalloc(n + 1, sizeof(*ch->stage));
	for (uint32_t i = 0; i < n; i++) {
		e = pin_config_entry(set->config, section, i);
		st = e->off ? NULL : stage_new(mk, set->config, e, r);
		if (st == NULL)
			continue;
		if (pin_kind(st->plugin->kind)->swap == PIN_SWAP_LIVE)
			st->set = set;
		ch->stage[ch->n++] = st;
	}
}

struct pin_set *
pin__set_new(const struct pin__maker *mk, struct pin_config *config,
    struct pin_report *r)
{
	struct pin_set *set = pin_xcalloc(1, sizeof(*set));
	uint32_t before = r->errors;

	set->magic = SET_MAGIC;
	set->refs = 1;
	set->config = pin_config_get(config);
	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++)
		if (pin_section(i)->kind != PIN_KIND_NONE &&
		    (pin_section(i)->role & mk->roles) != 0)
			chain_new(set, mk, i, r);
	if (r->errors != before)
		pin__set_free(&set);
	return (set);
}

static int
stage_open(struct pin_set *set, struct pin_stage *st,
    const struct pin__maker *mk, struct pin_report *r)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_env *env;
	int rc;

	env = pin__env_new(mk->host, pin_section(st->section)->name,
	    st->name, mk->data, mk->services);
	if (st->section == PIN_SECTION_STORE &&
	    set->chain[PIN_SECTION_CONSENSUS].n > 0) {
		struct pin_stage *co =
		    set->chain[PIN_SECTION_CONSENSUS].stage[0];

		env->own.ops = co->ops;
		env->own.self = co->self;
		env->consensus = &env->own;
	}
	st->env = env;
	if (st->isolation == PIN_ISOLATION_PROCESS)
		rc = pin__isolate_open(mk, st, &err);
	else
		rc = pin__plugin_open(st->plugin, env, st->conf, &st->self,
		    &err);
	if (rc == PIN_OK)
		return (PIN_OK);
	pin__env_free(&st->env);
	return (pin_report_error(r, st->entry->where, "%s does not start: %s",
	    st->name, err.text[0] != '\0' ? err.text : pin_err_text(rc)));
}

/* Newest first, back to nothing open. */
static void
set_close(struct pin_set *set, uint32_t swap)
{
	for (uint32_t i = PIN_SECTION__COUNT; i-- > 0;) {
		struct pin_chain *ch = &set->chain[i];

		while (ch->n > 0 && pin_kind(pin_section(i)->kind)->swap ==
		    swap)
			pin__stage_free(&ch->stage[--ch->n]);
	}
}

int
pin__set_open(struct pin_set *set, const struct pin__maker *mk,
    uint32_t swap, struct pin_report *r)
{
	uint32_t before = r->errors;

	PIN_VALID(set, SET_MAGIC);
	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++) {
		struct pin_chain *ch = &set->chain[i];

		for (uint32_t k = 0; k < ch->n; k++)
			if (pin_kind(ch->stage[k]->plugin->kind)->swap == swap)
				(void)stage_open(set, ch->stage[k], mk, r);
	}
	if (r->errors == before)
		return (PIN_OK);
	set_close(set, swap);
	return (PIN_ECONFIG);
}

void
pin__set_free(struct pin_set **sp)
{
	struct pin_set *set = *sp;

	PIN_VALID(set, SET_MAGIC);
	*sp = NULL;
	set_close(set, PIN_SWAP_LIVE);
	set_close(set, PIN_SWAP_RESTART);
	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++)
		free(set->chain[i].stage);
	pin_config_put(&set->config);
	set->magic = 0;
	free(set);
}

const struct pin_chain *
pin_set_chain(const struct pin_set *set, uint32_t section)
{
	PIN_VALID(set, SET_MAGIC);
	PIN_ASSERT(section < PIN_SECTION__COUNT);
	return (&set->chain[section]);
}

uint64_t
pin_set_generation(const struct pin_set *set)
{
	PIN_VALID(set, SET_MAGIC);
	return (set->generation);
}

struct pin_config *
pin_set_config(const struct pin_set *set)
{
	PIN_VALID(set, SET_MAGIC);
	return (set->config);
}
