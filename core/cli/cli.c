/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cli.c -- finds the verb, parses its flags by its table, prints help.
 * Main thread. Contract: cli.h. */
#include "core/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config.h"
#include "core/host/real.h"
#include "core/loader/loader.h"

#define SLOTS	48	/* columns before a summary */

/* ---- help -------------------------------------------------------- */

static void
verb_line(FILE *f, const struct pin_verb *v)
{
	char head[SLOTS];

	(void)snprintf(head, sizeof(head), "%s %s", v->name, v->words);
	(void)fprintf(f, "  pintle %-28s %s\n", head, v->summary);
}

/* Every verb whose name starts with the word `group`; NULL: all. */
static int
help_list(FILE *f, const char *group)
{
	size_t len = group != NULL ? strlen(group) : 0;
	int shown = 0;

	for (const struct pin_verb *v = pin_verbs; v->name != NULL; v++) {
		if (v->summary == NULL || (group != NULL &&
		    (strncmp(v->name, group, len) != 0 ||
		    v->name[len] != ' ')))
			continue;
		if (shown++ == 0)
			(void)fprintf(f, "usage:\n");
		verb_line(f, v);
	}
	return (shown);
}

static void
help_all(FILE *f)
{
	(void)fprintf(f, "pintle: a Kubernetes API whose every decision is a "
	    "plugin\n\n");
	(void)help_list(f, NULL);
	(void)fprintf(f, "\npintle VERB --help says more. Exit codes: %d "
	    "fine, %d it did not work,\n%d the command line makes no "
	    "sense.\n", PIN_EXIT_OK, PIN_EXIT_FAILED, PIN_EXIT_USAGE);
}

static void
help_verb(FILE *f, const struct pin_verb *v)
{
	char head[SLOTS];

	(void)fprintf(f, "usage: pintle %s%s%s%s\n", v->name,
	    v->flags != NULL ? " [options]" : "",
	    v->words[0] != '\0' ? " " : "", v->words);
	if (v->summary != NULL)
		(void)fprintf(f, "\n%s\n", v->summary);
	if (v->text != NULL)
		(void)fprintf(f, "\n%s", v->text);
	(void)fprintf(f, "\n");
	for (const struct pin_flag *o = v->flags; o != NULL &&
	    o->name != NULL; o++) {
		(void)snprintf(head, sizeof(head), "%s %s", o->name,
		    o->value != NULL ? o->value : "");
		(void)fprintf(f, "  --%-18s %s\n", head, o->help);
	}
	(void)fprintf(f, "  --%-18s %s\n", "help", "this text");
}

/* ---- parsing ----------------------------------------------------- */

/* How many words of argv are the verb's name; 0: it is another. */
static int
verb_words(const struct pin_verb *v, int argc, char **argv)
{
	const char *p = v->name;
	size_t len;
	int i;

	for (i = 0; *p != '\0'; i++) {
		len = strcspn(p, " ");
		if (i == argc || strncmp(argv[i], p, len) != 0 ||
		    argv[i][len] != '\0')
			return (0);
		p += len + (p[len] == ' ');
	}
	return (i);
}

static int
usage(const struct pin_verb *v, const char *what, const char *arg)
{
	(void)fprintf(stderr, "pintle %s: %s%s\nTry: pintle %s --help\n",
	    v->name, what, arg, v->name);
	return (PIN_EXIT_USAGE);
}

/* One "--name[=value]" and, if it needs one, the argument after it. Returns
 * how many it took; 0 after a message. */
static int
flag_parse(const struct pin_verb *v, struct pin_args *a, char **argv)
{
	const char *name = argv[0] + 2, *eq = strchr(name, '=');
	size_t len = eq != NULL ? (size_t)(eq - name) : strlen(name);
	uint32_t i;

	for (i = 0; v->flags != NULL && v->flags[i].name != NULL; i++)
		if (strlen(v->flags[i].name) == len &&
		    strncmp(v->flags[i].name, name, len) == 0)
			break;
	PIN_ASSERT(i < PIN_FLAGS_MAX);
	if (v->flags == NULL || v->flags[i].name == NULL)
		return (usage(v, "unknown option ", argv[0]), 0);
	if (a->value[i] != NULL)
		return (usage(v, "given twice: ", argv[0]), 0);
	if (v->flags[i].value == NULL) {
		if (eq != NULL)
			return (usage(v, "takes no value: ", argv[0]), 0);
		a->value[i] = "";
		return (1);
	}
	a->value[i] = eq != NULL ? eq + 1 : argv[1];
	if (a->value[i] == NULL || a->value[i][0] == '\0')
		return (usage(v, "needs a value: ", argv[0]), 0);
	return (eq != NULL ? 1 : 2);
}

/* PIN_EXIT_OK, PIN_EXIT_USAGE after a message, or -1: help was printed. */
static int
args_parse(const struct pin_verb *v, int argc, char **argv,
    struct pin_args *a)
{
	int flags = 1, n;

	for (int i = 0; i < argc; i += n) {
		n = 1;
		if (flags && (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)) {
			help_verb(stdout, v);
			return (-1);
		}
		if (flags && strcmp(argv[i], "--") == 0)
			flags = 0;
		else if (flags && argv[i][0] == '-' && argv[i][1] != '\0') {
			if (argv[i][1] != '-')
				return (usage(v, "unknown option ", argv[i]));
			n = flag_parse(v, a, argv + i);
			if (n == 0)
				return (PIN_EXIT_USAGE);
		} else if (a->nwords == v->max || a->nwords == PIN_WORDS_MAX)
			return (usage(v, "not expected: ", argv[i]));
		else
			a->word[a->nwords++] = argv[i];
	}
	if (a->nwords < v->min)
		return (usage(v, "missing: ", v->words));
	return (PIN_EXIT_OK);
}

const char *
pin_args_get(const struct pin_args *a, const char *name)
{
	for (uint32_t i = 0; a->flags != NULL && a->flags[i].name != NULL;
	    i++)
		if (strcmp(a->flags[i].name, name) == 0)
			return (a->value[i]);
	PIN_ASSERT(0 && "flag is in the verb's table");
	return (NULL);
}

char *
pin_args_plugins(const struct pin_args *a)
{
	const char *dir = pin_args_get(a, "plugins");

	return (dir != NULL ? pin_xstrdup(dir) : pin_plugin_dir(a->exe));
}

char *
pin_args_config(const struct pin_args *a)
{
	const char *given = pin_args_get(a, "config");
	struct pin_err err = PIN_ERR_INIT;
	char *bin, *out = NULL;

	if (given != NULL)
		return (pin_xstrdup(given));
	bin = pin_xstrdup(a->exe);
	*strrchr(bin, '/') = '\0';
	if (pin_config_find(bin, &out, &err) != PIN_OK)
		(void)fprintf(stderr, "pintle: %s\n", err.text);
	free(bin);
	return (out);
}

/* ---- main -------------------------------------------------------- */

static int
verb_run(const struct pin_verb *v, const char *argv0, int argc, char **argv)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_args a = { .flags = v->flags };
	char *exe;
	int rc;

	rc = args_parse(v, argc, argv, &a);
	if (rc != PIN_EXIT_OK)
		return (rc < 0 ? PIN_EXIT_OK : rc);
	if (pin_exe_path(argv0, &exe, &err) != PIN_OK) {
		(void)fprintf(stderr, "pintle: %s\n", err.text);
		return (PIN_EXIT_FAILED);
	}
	a.host = pin_host_real();
	a.exe = exe;
	rc = v->run(&a);
	free(exe);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "pintle: standard output: write "
		    "error\n");
		return (rc != PIN_EXIT_OK ? rc : PIN_EXIT_FAILED);
	}
	return (rc);
}

/* The first word names a group of verbs, or nothing. */
static int
no_verb(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	int help = argc > 2 && (strcmp(argv[2], "--help") == 0 ||
	    strcmp(argv[2], "-h") == 0);

	if (word == NULL) {
		help_all(stderr);
		return (PIN_EXIT_USAGE);
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	    strcmp(word, "help") == 0) {
		help_all(stdout);
		return (PIN_EXIT_OK);
	}
	if (help_list(help ? stdout : stderr, word) > 0)
		return (help ? PIN_EXIT_OK : PIN_EXIT_USAGE);
	(void)fprintf(stderr, "pintle: no verb '%s'\nTry: pintle --help\n",
	    word);
	return (PIN_EXIT_USAGE);
}

int
pin_cli_main(int argc, char **argv)
{
	int n;

	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		argv[1] += 2;
	for (const struct pin_verb *v = pin_verbs; v->name != NULL; v++) {
		n = verb_words(v, argc - 1, argv + 1);
		if (n > 0)
			return (verb_run(v, argv[0], argc - 1 - n,
			    argv + 1 + n));
	}
	return (no_verb(argc, argv));
}
