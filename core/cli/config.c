/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config.c -- pintle config check, config options, version.
 * Main thread. Contract: verbs.c. */
#include "core/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build_info.h"
#include "core/cli/cli.h"
#include "core/loader/loader.h"

void
pin_cli_report(const struct pin_report *r)
{
	for (uint32_t warnings = 0; warnings < 2; warnings++)
		for (uint32_t i = 0; i < r->n; i++)
			if (r->line[i].is_warning == warnings)
				(void)fprintf(stderr, "%s: %s\n", warnings ?
				    "warning" : "error", r->line[i].text);
	if (r->errors + r->warnings > r->n)
		(void)fprintf(stderr, "error: and %u more\n",
		    r->errors + r->warnings - r->n);
}

static void
section_print(const struct pin_config *c, uint32_t section)
{
	uint32_t n = pin_config_count(c, section);
	const struct pin_config_entry *e;

	(void)printf("%s:", pin_section(section)->name);
	for (uint32_t i = 0; i < n; i++) {
		e = pin_config_entry(c, section, i);
		(void)printf(" %s", e->name);
		if (strcmp(e->name, e->plugin) != 0)
			(void)printf("=%s", e->plugin);
		if (e->mode != PIN_MODE_ENFORCE)
			(void)printf("(%s)", pin_mode_name(e->mode));
		if (e->off)
			(void)printf("(off)");
	}
	(void)printf("%s\n", n == 0 ? " none" : "");
}

static void
config_print(const struct pin_config *c)
{
	(void)printf("%s: fine\n", pin_config_path(c));
	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++)
		if (pin_section(i)->shape != PIN_FORM_BLOCK)
			section_print(c, i);
}

static int
config_check(const struct pin_args *a, const char *file)
{
	char *dir = pin_args_plugins(a);
	struct pin_plugins_options o = { .host = a->host, .dir = dir,
	    .exe = a->exe, .config = file, .roles = PIN_ROLE_ALL };
	struct pin_report r = { 0 };
	struct pin_plugins *ps;
	int rc;

	rc = pin_plugins_open(&o, &ps, &r);
	pin_cli_report(&r);
	if (rc == PIN_OK) {
		config_print(pin_plugins_config(ps));
		pin_plugins_close(&ps);
	}
	pin_report_fini(&r);
	free(dir);
	return (rc == PIN_OK ? PIN_EXIT_OK : PIN_EXIT_FAILED);
}

int
pin_verb_config_check(const struct pin_args *a)
{
	char *file;
	int rc;

	if (a->nwords > 0 && pin_args_get(a, "config") != NULL) {
		(void)fprintf(stderr, "pintle config check: FILE and "
		    "--config FILE are the same; give one\n");
		return (PIN_EXIT_USAGE);
	}
	file = a->nwords > 0 ? pin_xstrdup(a->word[0]) : pin_args_config(a);
	if (file == NULL)
		return (PIN_EXIT_FAILED);
	rc = config_check(a, file);
	free(file);
	return (rc);
}

int
pin_verb_config_options(const struct pin_args *a)
{
	const struct pin_section *s;
	uint32_t shown = 0;

	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++) {
		s = pin_section(i);
		if (a->nwords > 0 && strcmp(a->word[0], s->name) != 0)
			continue;
		shown++;
		(void)printf("%s:%s\n", s->name, s->shape ==
		    PIN_FORM_BLOCK ? "" : s->shape == PIN_FORM_LIST ?
		    "  a list of plugins" : "  one plugin");
		pin_cli_options(pin_section_options(i));
	}
	if (shown > 0) {
		(void)printf("every plugin's entry:\n");
		pin_cli_options(pin_entry_options());
	}
	if (shown > 0)
		return (PIN_EXIT_OK);
	(void)fprintf(stderr, "pintle config options: no section '%s'\n",
	    a->word[0]);
	return (PIN_EXIT_FAILED);
}

int
pin_verb_version(const struct pin_args *a)
{
	(void)a;
	(void)printf("pintle %s\nhost ABI %u.%u\n", PIN_VERSION,
	    PIN_ABI_MAJOR(PIN_HOST_ABI), PIN_ABI_MINOR(PIN_HOST_ABI));
	for (uint32_t i = 1; i < PIN_KIND__COUNT; i++)
		(void)printf("%s ABI %u.%u\n", pin_kind(i)->word,
		    PIN_ABI_MAJOR(pin_kind(i)->abi),
		    PIN_ABI_MINOR(pin_kind(i)->abi));
	if (PIN_BUILD_DROPPED[0] != '\0')
		(void)printf("built without: %s\n", PIN_BUILD_DROPPED);
	return (PIN_EXIT_OK);
}
