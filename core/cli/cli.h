/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cli.h -- the command line: one table of verbs, from which parsing, --help
 * and the usage errors come. A verb is a row in verbs.c and a function.
 * Main thread. Contract: exit codes below; what a program may parse goes to
 * standard output, everything else to standard error. */
#ifndef PIN_CORE_CLI_H
#define PIN_CORE_CLI_H

#include <signal.h>
#include <stdint.h>

#include <pintle/host.h>

#define PIN_FLAGS_MAX	16		/* of one verb */
#define PIN_WORDS_MAX	64		/* arguments that are no flags */

enum {
	PIN_EXIT_OK = 0,
	PIN_EXIT_FAILED = 1,	/* what was asked for did not work */
	PIN_EXIT_USAGE = 2,	/* the command line makes no sense */
	PIN_EXIT_AGAIN = 75,	/* it ran and could not go on: start again */
};

/* Tables end with a row whose name is NULL. */
struct pin_flag {
	const char	*name;		/* "config": --config FILE or =FILE */
	const char	*value;		/* "FILE"; NULL: a switch */
	const char	*help;
};

/* A parsed command line. */
struct pin_args {
	const struct pin_flag *flags;
	const char	*value[PIN_FLAGS_MAX];	/* a switch has "" */
	const char	*word[PIN_WORDS_MAX];
	uint32_t	 nwords;
	uint32_t	 pad;
	struct pin_host	*host;
	const char	*exe;		/* absolute path of the program */
};

/* NULL: not given. A name that is not in the table is a bug. */
PIN_API const char *pin_args_get(const struct pin_args *, const char *name);
/* --plugins, or where they are from the program; heap. */
PIN_API char	*pin_args_plugins(const struct pin_args *);
/* --config, or the shipped file; heap; NULL after a message. */
PIN_API char	*pin_args_config(const struct pin_args *);

typedef int pin_verb_fn(const struct pin_args *);	/* PIN_EXIT_... */

/* Serves until a signal of the set, which every thread blocks. data is the
 * absolute path of --data, made when it was missing. */
typedef int pin_role_fn(const struct pin_args *, const char *data,
    const char *config, const char *plugins, const sigset_t *,
    struct pin_err *);
/* The way into fn; says its error. PIN_EXIT_... */
int	pin_role(const struct pin_args *, pin_role_fn *fn);

struct pin_verb {
	const char	*name;		/* "plugin list" */
	const char	*words;		/* "FILE", "[FILE]", "" */
	const char	*summary;	/* one line; NULL: not shown */
	const char	*text;		/* more, for --help; may be NULL */
	const struct pin_flag *flags;	/* NULL: none */
	uint32_t	 min, max;	/* words */
	pin_verb_fn	*run;
};

extern const struct pin_verb pin_verbs[];	/* verbs.c; ends with NULL */

/* All of main. */
PIN_API int	 pin_cli_main(int argc, char **argv);

/* ---- the verbs that are here ------------------------------------- */

pin_verb_fn	pin_verb_plugin_list, pin_verb_plugin_info,
		pin_verb_plugin_check, pin_verb_config_check,
		pin_verb_config_options, pin_verb_plugin_host,
		pin_verb_version;

/* core/apiserver/role.c */
pin_verb_fn	pin_verb_up, pin_verb_apiserver;
/* core/apiserver/join.c */
pin_verb_fn	pin_verb_node_config;
/* core/kubelet/role.c, core/shim/verb.c */
pin_verb_fn	pin_verb_kubelet, pin_verb_shim;

/* core/image/verb.c */
pin_verb_fn	pin_verb_image_import, pin_verb_image_ls, pin_verb_image_rm;

/* Prints a report's lines on standard error, mistakes first. */
struct pin_report;
void		pin_cli_report(const struct pin_report *);
struct pin_option;
void		pin_cli_options(const struct pin_option *);

#endif
