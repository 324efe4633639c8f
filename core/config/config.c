/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config.c -- a configuration file, through libconfig (nothing newer than
 * 1.5), into sections, entries and the host's own blocks. Goes on after a
 * mistake, so that one run names them all; only a syntax error ends it.
 * Loading thread; the result is immutable. Contract: config.h. */
#include "core/config/config_int.h"

#include <libconfig.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAGIC	0x70636667u

struct chain {
	uint32_t		 n;
	uint32_t		 pad;
	struct pin_config_entry	*entry;
};

struct pin_config {
	uint32_t	 magic;
	atomic_uint	 refs;
	char		*path;
	char		*data;		/* NULL: not known */
	config_t	 file;
	struct pin__text text;
	struct chain	 chain[PIN_SECTION__COUNT];
	struct pin_conf	*block[PIN_SECTION__COUNT];
};

/* What the reading functions hand around. */
struct reader {
	struct pin_config *c;
	struct pin_report *r;
	uint32_t	 section;
	uint32_t	 pad;
};

static const struct pin_section sections[PIN_SECTION__COUNT] = {
#define SECTION(sym, n, k, s, ro, need)					\
	[PIN_SECTION_##sym] = { .name = n, .kind = PIN_KIND_##k,	\
	    .shape = PIN_FORM_##s, .role = PIN_ROLE_##ro, .needed = need },
#include "core/config/sections.def"
#undef SECTION
};

/* Options of every entry, whatever its plugin. */
static const struct pin_option common[] = {
	{ "plugin", PIN_OPT_STRING, PIN_OPTF_REQUIRED, NULL,
	    "which plugin", 0, 0 },
	{ "name", PIN_OPT_STRING, 0, NULL,
	    "what messages call it; default: the plugin's name", 0, 0 },
	{ "file", PIN_OPT_PATH, PIN_OPTF_EXISTS, NULL,
	    "a .so elsewhere", 0, 0 },
	{ "isolation", PIN_OPT_STRING, 0, "none",
	    "none, or process: in a process of its own", 0, 0 },
	{ "mode", PIN_OPT_STRING, 0, "enforce",
	    "enforce, warn, audit or shadow", 0, 0 },
	{ "deadline", PIN_OPT_DURATION, 0, "10s",
	    "of one call that answers later", 1, 600000 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

/* The host's own blocks: their tables, and what a table cannot say. */
static const struct {
	const struct pin_option	*options;
	int			(*check)(const struct pin_conf *,
				    struct pin_report *);
} blocks[PIN_SECTION__COUNT] = {
	[PIN_SECTION_APISERVER] = { pin_apiserver_options,
	    pin__apiserver_check },
};

static const char *const mode_names[] = {
	[PIN_MODE_ENFORCE] = "enforce", [PIN_MODE_WARN] = "warn",
	[PIN_MODE_AUDIT] = "audit", [PIN_MODE_SHADOW] = "shadow",
};

static const char *const isolation_names[] = {
	[PIN_ISOLATION_NONE] = "none", [PIN_ISOLATION_PROCESS] = "process",
};

const struct pin_section *
pin_section(uint32_t section)
{
	PIN_ASSERT(section < PIN_SECTION__COUNT);
	return (&sections[section]);
}

const struct pin_option *
pin_section_options(uint32_t section)
{
	PIN_ASSERT(section < PIN_SECTION__COUNT);
	return (blocks[section].options);
}

const struct pin_option *
pin_entry_options(void)
{
	return (common);
}

const char *
pin_mode_name(uint32_t mode)
{
	PIN_ASSERT(mode < PIN_LEN(mode_names));
	return (mode_names[mode]);
}

/* ---- values ------------------------------------------------------ */

/* "FILE:LINE" of a setting. */
static void
where_of(const struct pin_config *c, const config_setting_t *s, char *buf,
    size_t size)
{
	pin__text_where(&c->text, config_setting_source_line(s), buf, size);
}

static int
strings_read(const config_setting_t *s, struct pin__value *v)
{
	int n = config_setting_length(s);
	const char *item;

	if ((!config_setting_is_list(s) && !config_setting_is_array(s)) ||
	    n > PIN_CONF_ITEMS_MAX)
		return (-1);
	for (int i = 0; i < n; i++) {
		item = config_setting_get_string_elem(s, i);
		if (item == NULL)
			return (-1);
		pin__value_add(v, item);
	}
	return (0);
}

/* The setting's value as the option wants it; -1: another type. */
static int
value_read(struct reader *rd, const config_setting_t *s,
    const struct pin_option *o, struct pin__value *v)
{
	const char *text;
	char *base;
	int type = config_setting_type(s), rc;

	if (o->type == PIN_OPT_STRINGS)
		return (strings_read(s, v));
	if (type == CONFIG_TYPE_BOOL && o->type == PIN_OPT_BOOL) {
		v->num = config_setting_get_bool(s);
		return (0);
	}
	if ((type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) &&
	    (o->type == PIN_OPT_INT || o->type == PIN_OPT_SIZE)) {
		v->num = type == CONFIG_TYPE_INT ? config_setting_get_int(s) :
		    config_setting_get_int64(s);
		return (0);
	}
	if (type != CONFIG_TYPE_STRING || o->type == PIN_OPT_BOOL ||
	    o->type == PIN_OPT_INT)
		return (-1);
	text = config_setting_get_string(s);
	base = pin__conf_dir(pin__text_file(&rd->c->text,
	    config_setting_source_line(s)));
	rc = pin__value_parse(v, o, text, base, v->where, rd->r);
	free(base);
	return (rc == PIN_OK ? 0 : 1);	/* 1: already reported */
}

static void
member_read(struct reader *rd, const config_setting_t *s,
    const struct pin_option *o, struct pin__value *v)
{
	char where[PIN_ERR_TEXT_MAX];

	where_of(rd->c, s, where, sizeof(where));
	v->where = pin_xstrdup(where);
	v->given = 1;
	if (value_read(rd, s, o, v) < 0)
		(void)pin_report_error(rd->r, where, "%s must be %s", o->name,
		    pin__type_name(o->type));
}

/* The names a table has, for "unknown option" messages. */
static void
names_print(const struct pin_option *options, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (; options != NULL && options->name != NULL; options++) {
		int n = snprintf(buf + at, size - at, "%s%s",
		    at > 0 ? ", " : "", options->name);

		if (n < 0 || (size_t)n >= size - at)
			return;
		at += (size_t)n;
	}
}

static void
unknown(struct reader *rd, const config_setting_t *s, const char *whose,
    const struct pin_option *options)
{
	char where[PIN_ERR_TEXT_MAX], names[512];

	where_of(rd->c, s, where, sizeof(where));
	names_print(options, names, sizeof(names));
	(void)pin_report_error(rd->r, where, "unknown option '%s': %s has %s",
	    config_setting_name(s), whose, names[0] != '\0' ? names :
	    "no options of its own");
}

/* The members of group that `options` names, into a new conf. Members that
 * are in neither `options` nor `others` are mistakes. */
static struct pin_conf *
group_read(struct reader *rd, const config_setting_t *group,
    const struct pin_option *options, const struct pin_option *others,
    const char *where, const char *whose)
{
	struct pin_conf *conf = pin__conf_new(options, where);
	const struct pin_option *o;
	const config_setting_t *s;

	for (int i = 0; group != NULL && i < config_setting_length(group);
	    i++) {
		s = config_setting_get_elem(group, (unsigned)i);
		o = pin__option_find(options, config_setting_name(s));
		if (o != NULL)
			member_read(rd, s, o, &conf->value[o - options]);
		else if (whose != NULL && pin__option_find(others,
		    config_setting_name(s)) == NULL)
			unknown(rd, s, whose, options);
	}
	return (conf);
}

/* ---- entries ----------------------------------------------------- */

/* Becomes a file's name, so nothing but [a-z0-9.-], a letter first. */
static int
name_ok(const char *s)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strlen(s);

	return (s[0] >= 'a' && s[0] <= 'z' && len <= PIN_CONFIG_NAME_MAX &&
	    strspn(s, ok) == len);
}

static uint32_t
word_read(struct reader *rd, const struct pin_conf *conf, const char *option,
    const char *const *words, uint32_t n)
{
	const char *got = pin_conf_string(conf, option);
	char list[128] = "";

	if (got == NULL)
		return (0);	/* of a wrong type: reported */
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(got, words[i]) == 0)
			return (i);
		(void)snprintf(list + strlen(list), sizeof(list) -
		    strlen(list), "%s%s", i > 0 ? ", " : "", words[i]);
	}
	(void)pin_report_error(rd->r, pin_conf_where(conf, option),
	    "%s = \"%s\": must be one of %s", option, got, list);
	return (0);
}

static char *
dup_or_null(const char *s)
{
	return (s != NULL ? pin_xstrdup(s) : NULL);
}

/* A read block becomes the chain's next entry. */
static void
entry_add(struct reader *rd, const struct pin_conf *conf,
    const config_setting_t *setting)
{
	struct chain *ch = &rd->c->chain[rd->section];
	struct pin_config_entry *e = &ch->entry[ch->n];
	const char *name = pin_conf_string(conf, "name");

	e->plugin = dup_or_null(pin_conf_string(conf, "plugin"));
	if (e->plugin == NULL)
		return;		/* reported as missing, or of a wrong type */
	ch->n++;
	e->section = rd->section;
	e->name = pin_xstrdup(name != NULL ? name : e->plugin);
	e->file = dup_or_null(pin_conf_string(conf, "file"));
	e->where = pin_xstrdup(conf->where);
	e->setting = setting;
	e->deadline_ns = (uint64_t)pin_conf_int(conf, "deadline") * 1000000;
	e->isolation = word_read(rd, conf, "isolation", isolation_names,
	    PIN_LEN(isolation_names));
	e->mode = word_read(rd, conf, "mode", mode_names,
	    PIN_LEN(mode_names));
	if (!name_ok(e->plugin))
		(void)pin_report_error(rd->r, conf->where, "plugin = \"%s\": "
		    "a plugin's name is a letter, then letters, digits and "
		    "'-', all small", e->plugin);
	if (name != NULL && !name_ok(name))
		(void)pin_report_error(rd->r, conf->where, "name = \"%s\": "
		    "must be a letter, then letters, digits and '-', all "
		    "small", name);
}

static void
entry_read(struct reader *rd, const config_setting_t *s)
{
	const config_setting_t *group = NULL;
	struct pin_conf *conf;
	struct pin__value *v;
	char where[PIN_ERR_TEXT_MAX];

	where_of(rd->c, s, where, sizeof(where));
	if (config_setting_type(s) == CONFIG_TYPE_GROUP)
		group = s;
	else if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		(void)pin_report_error(rd->r, where, "%s: an entry is "
		    "\"NAME\" or { plugin = \"NAME\"; ... }",
		    sections[rd->section].name);
		return;
	}
	conf = group_read(rd, group, common, NULL, where, NULL);
	if (group == NULL) {
		v = &conf->value[0];		/* plugin */
		v->str = pin_xstrdup(config_setting_get_string(s));
		v->given = 1;
	}
	(void)pin__conf_finish(conf, NULL, rd->r);
	entry_add(rd, conf, group);
	pin_conf_free(&conf);
}

static void
list_read(struct reader *rd, const config_setting_t *s)
{
	int n = config_setting_length(s);
	char where[PIN_ERR_TEXT_MAX];

	where_of(rd->c, s, where, sizeof(where));
	if (!config_setting_is_list(s) && !config_setting_is_array(s)) {
		(void)pin_report_error(rd->r, where, "%s must be a list: "
		    "( \"a\", { plugin = \"b\"; ... } )",
		    sections[rd->section].name);
		return;
	}
	if (n > PIN_CONFIG_ENTRIES_MAX) {
		(void)pin_report_error(rd->r, where, "%s has %d entries, at "
		    "most %d are allowed", sections[rd->section].name, n,
		    PIN_CONFIG_ENTRIES_MAX);
		return;
	}
	for (int i = 0; i < n; i++)
		entry_read(rd, config_setting_get_elem(s, (unsigned)i));
}

/* ---- sections ---------------------------------------------------- */

static void
block_read(struct reader *rd, const config_setting_t *s)
{
	const struct pin_section *sec = &sections[rd->section];
	char where[PIN_ERR_TEXT_MAX];
	struct pin_conf *conf;
	uint32_t before;

	(void)snprintf(where, sizeof(where), "%s", rd->c->path);
	if (s != NULL)
		where_of(rd->c, s, where, sizeof(where));
	if (s != NULL && !config_setting_is_group(s)) {
		(void)pin_report_error(rd->r, where, "%s must be a block: "
		    "{ option = value; ... }", sec->name);
		s = NULL;
	}
	before = rd->r->errors;
	conf = group_read(rd, s, blocks[rd->section].options, NULL, where,
	    sec->name);
	(void)pin__conf_finish(conf, rd->c->data, rd->r);
	if (rd->r->errors == before)
		(void)blocks[rd->section].check(conf, rd->r);
	rd->c->block[rd->section] = conf;
}

static void
section_read(struct reader *rd, const config_setting_t *s)
{
	struct chain *ch = &rd->c->chain[rd->section];

	if (sections[rd->section].shape != PIN_FORM_BLOCK)
		ch->entry = pin_xcalloc(PIN_CONFIG_ENTRIES_MAX,
		    sizeof(*ch->entry));
	switch (sections[rd->section].shape) {
	case PIN_FORM_LIST:
		if (s != NULL)
			list_read(rd, s);
		break;
	case PIN_FORM_ONE:
		if (s != NULL)
			entry_read(rd, s);
		break;
	default:
		block_read(rd, s);
	}
}

static uint32_t
section_find(const char *name)
{
	uint32_t i;

	for (i = 0; i < PIN_SECTION__COUNT; i++)
		if (strcmp(sections[i].name, name) == 0)
			break;
	return (i);
}

static void
unknown_sections(struct reader *rd)
{
	const config_setting_t *root = config_root_setting(&rd->c->file), *s;
	char where[PIN_ERR_TEXT_MAX], names[512] = "";

	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++)
		(void)snprintf(names + strlen(names), sizeof(names) -
		    strlen(names), "%s%s", i > 0 ? ", " : "",
		    sections[i].name);
	for (int i = 0; i < config_setting_length(root); i++) {
		s = config_setting_get_elem(root, (unsigned)i);
		if (section_find(config_setting_name(s)) < PIN_SECTION__COUNT)
			continue;
		where_of(rd->c, s, where, sizeof(where));
		(void)pin_report_error(rd->r, where, "unknown section '%s': "
		    "there are %s", config_setting_name(s), names);
	}
}

/* ---- what only the whole file shows ------------------------------ */

static void
check_duplicates(struct reader *rd)
{
	const struct chain *ch = &rd->c->chain[rd->section];

	for (uint32_t i = 0; i < ch->n; i++)
		for (uint32_t k = 0; k < i; k++) {
			if (strcmp(ch->entry[i].name, ch->entry[k].name) != 0)
				continue;
			(void)pin_report_error(rd->r, ch->entry[i].where,
			    "%s: '%s' is already there (%s); give one of them "
			    "a name of its own", sections[rd->section].name,
			    ch->entry[i].name, ch->entry[k].where);
			break;
		}
}

static struct pin_config_entry *
entry_of(struct pin_config *c, uint32_t section, const char *plugin)
{
	struct chain *ch = &c->chain[section];

	for (uint32_t i = 0; i < ch->n; i++)
		if (strcmp(ch->entry[i].plugin, plugin) == 0)
			return (&ch->entry[i]);
	return (NULL);
}

/* As kube-apiserver does: who may do everything must at least have a name. */
static void
check_anonymous(struct reader *rd)
{
	struct pin_config_entry *anon, *allow;

	anon = entry_of(rd->c, PIN_SECTION_AUTHENTICATION, "anonymous");
	allow = entry_of(rd->c, PIN_SECTION_AUTHORIZATION, "always-allow");
	if (anon == NULL || allow == NULL)
		return;
	anon->off = 1;
	pin_report_warn(rd->r, anon->where, "anonymous is switched off: "
	    "always-allow (%s) would let it do everything", allow->where);
}

static uint32_t
entries_on(const struct chain *ch)
{
	uint32_t on = 0;

	for (uint32_t i = 0; i < ch->n; i++)
		on += !ch->entry[i].off;
	return (on);
}

static void
check_needed(struct reader *rd, uint32_t roles)
{
	const struct pin_section *sec = &sections[rd->section];

	if (!sec->needed || (sec->role & roles) == 0 ||
	    entries_on(&rd->c->chain[rd->section]) > 0)
		return;
	(void)pin_report_error(rd->r, rd->c->path, "%s is %s: at least one "
	    "plugin is needed", sec->name,
	    config_lookup(&rd->c->file, sec->name) == NULL ? "missing" :
	    "empty");
}

static void
config_read_sections(struct reader *rd, uint32_t roles)
{
	unknown_sections(rd);
	for (rd->section = 0; rd->section < PIN_SECTION__COUNT; rd->section++) {
		section_read(rd, config_lookup(&rd->c->file,
		    sections[rd->section].name));
		check_duplicates(rd);
	}
	check_anonymous(rd);
	for (rd->section = 0; rd->section < PIN_SECTION__COUNT; rd->section++)
		check_needed(rd, roles);
}

/* ---- life -------------------------------------------------------- */

static int
config_parse(struct pin_config *c, struct pin_report *r)
{
	char where[PIN_ERR_TEXT_MAX];

	if (pin__text_read(&c->text, c->path, r) != PIN_OK)
		return (PIN_ECONFIG);
	if (config_read_string(&c->file, c->text.p) == CONFIG_TRUE)
		return (PIN_OK);
	pin__text_where(&c->text, (uint32_t)config_error_line(&c->file),
	    where, sizeof(where));
	return (pin_report_error(r, where, "%s",
	    config_error_text(&c->file)));
}

int
pin_config_load(const char *path, const char *data, uint32_t roles,
    struct pin_config **out, struct pin_report *r)
{
	uint32_t before = r->errors;
	struct reader rd = { 0 };
	struct pin_config *c;

	*out = NULL;
	c = pin_xcalloc(1, sizeof(*c));
	c->magic = CONFIG_MAGIC;
	atomic_init(&c->refs, 1);
	c->path = pin_xstrdup(path);
	c->data = dup_or_null(data);
	config_init(&c->file);
	rd.c = c;
	rd.r = r;
	if (config_parse(c, r) == PIN_OK)
		config_read_sections(&rd, roles);
	if (r->errors != before) {
		pin_config_put(&c);
		return (PIN_ECONFIG);
	}
	*out = c;
	return (PIN_OK);
}

struct pin_config *
pin_config_get(struct pin_config *c)
{
	PIN_VALID(c, CONFIG_MAGIC);
	atomic_fetch_add(&c->refs, 1);
	return (c);
}

static void
chain_fini(struct chain *ch)
{
	for (uint32_t i = 0; i < ch->n; i++) {
		struct pin_config_entry *e = &ch->entry[i];

		free((char *)(uintptr_t)e->plugin);
		free((char *)(uintptr_t)e->name);
		free((char *)(uintptr_t)e->file);
		free((char *)(uintptr_t)e->where);
	}
	free(ch->entry);
}

void
pin_config_put(struct pin_config **cp)
{
	struct pin_config *c = *cp;

	*cp = NULL;
	if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	PIN_VALID(c, CONFIG_MAGIC);
	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++) {
		chain_fini(&c->chain[i]);
		pin_conf_free(&c->block[i]);
	}
	config_destroy(&c->file);
	pin__text_fini(&c->text);
	free(c->path);
	free(c->data);
	c->magic = 0;
	free(c);
}

const char *
pin_config_path(const struct pin_config *c)
{
	return (c->path);
}

uint32_t
pin_config_count(const struct pin_config *c, uint32_t section)
{
	PIN_VALID(c, CONFIG_MAGIC);
	PIN_ASSERT(section < PIN_SECTION__COUNT);
	return (c->chain[section].n);
}

const struct pin_config_entry *
pin_config_entry(const struct pin_config *c, uint32_t section, uint32_t i)
{
	PIN_ASSERT(i < pin_config_count(c, section));
	return (&c->chain[section].entry[i]);
}

const struct pin_conf *
pin_config_block(const struct pin_config *c, uint32_t section)
{
	PIN_VALID(c, CONFIG_MAGIC);
	PIN_ASSERT(pin_section(section)->shape == PIN_FORM_BLOCK);
	return (c->block[section]);
}

struct pin_conf *
pin_config_conf(const struct pin_config *c, const struct pin_config_entry *e,
    const struct pin_option *options, struct pin_report *r)
{
	struct reader rd = { (struct pin_config *)(uintptr_t)c, r, e->section,
	    0 };
	uint32_t before = r->errors;
	struct pin_conf *conf;

	PIN_VALID(c, CONFIG_MAGIC);
	conf = group_read(&rd, e->setting, options, common, e->where,
	    e->plugin);
	(void)pin__conf_finish(conf, c->data, r);
	if (r->errors != before)
		pin_conf_free(&conf);
	return (conf);
}
