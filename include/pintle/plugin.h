/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plugin.h -- what a plugin is: one shared object that exports one const,
 * `pin_plugin`. Loading it runs none of its code, so `pintle plugin info`
 * only reads. The options table is parser, checker and documentation.
 * Threads: open and close run on the thread that loads the configuration;
 * a kind's header says where its callbacks run.
 * Contract: docs/abi/README.md. History: docs/abi/plugin.md. */
#ifndef PINTLE_PLUGIN_H
#define PINTLE_PLUGIN_H

#include <pintle/call.h>
#include <pintle/host.h>

#define PIN_PLUGIN_MAGIC	0x70696e74u		/* "pint" */
#define PIN_HOST_ABI		PIN_ABI(1, 1)

enum {
	PIN_KIND_NONE = 0,
#define KIND(sym, dir, abi, many, swap)	PIN_KIND_##sym,
#include <pintle/kinds.def>
#undef KIND
	PIN_KIND__COUNT
};

/* ---- options -------------------------------------------------------- */

enum {
	PIN_OPT_BOOL = 1,		/* true | false */
	PIN_OPT_INT = 2,		/* 64-bit, with min and max */
	PIN_OPT_STRING = 3,
	PIN_OPT_PATH = 4,		/* relative to the file that names it */
	PIN_OPT_DURATION = 5,		/* "1s", "5m"; kept as milliseconds */
	PIN_OPT_SIZE = 6,		/* 4096, "16Mi"; kept as bytes */
	PIN_OPT_STRINGS = 7,		/* ( "a", "b" ) */
};

enum {
	PIN_OPTF_REQUIRED = 1,
	PIN_OPTF_EXISTS = 2,		/* PATH: the file must be there */
};

/* Tables end with a row whose name is NULL. */
struct pin_option {
	const char	*name;
	uint32_t	 type;
	uint32_t	 flags;
	const char	*fallback;	/* as written in a file; NULL: none */
	const char	*help;		/* one line */
	int64_t		 min, max;	/* INT, DURATION, SIZE; 0,0: any */
};

/* The checked values of one plugin's block. Lives until close returns.
 * Asking for an option that is not in the table is a bug: it aborts. */
struct pin_conf;

PIN_API int	 pin_conf_bool(const struct pin_conf *, const char *name);
PIN_API int64_t	 pin_conf_int(const struct pin_conf *, const char *name);
				/* INT, DURATION (ms) and SIZE (bytes) */
PIN_API const char *pin_conf_string(const struct pin_conf *,
    const char *name);		/* STRING and PATH; NULL when not given */
PIN_API uint32_t pin_conf_count(const struct pin_conf *, const char *name);
PIN_API const char *pin_conf_item(const struct pin_conf *, const char *name,
    uint32_t i);
/* "file:line" of the option or of the block, for messages. */
PIN_API const char *pin_conf_where(const struct pin_conf *,
    const char *name);

/* ---- the process a plugin lives in ---------------------------------- */

/* What the host lends to one opened plugin: its name in the configuration,
 * the node's data directory, the clock and the store of views (view.h). */
struct pin_env;

PIN_API struct pin_host *pin_env_host(struct pin_env *);
PIN_API const char *pin_env_name(struct pin_env *);	/* "rbac" */
PIN_API const char *pin_env_data(struct pin_env *);	/* data directory */
PIN_API void	 pin_env_log(struct pin_env *, int level, const char *fmt,
    ...) PIN_PRINTF(3, 4);

/* ---- the descriptor ------------------------------------------------- */

enum {
	PIN_PLUGIN_BLOCKING = 1,	/* callbacks run on the work pool */
	PIN_PLUGIN_RESIDENT = 2,	/* never dlclose: it made threads */
};

/* conf: checked against `options`. *self is handed to every callback of the
 * kind's ops. On error *self stays NULL and nothing is left behind. */
typedef int pin_open_fn(struct pin_env *, const struct pin_conf *,
    PIN_OWN void **self, struct pin_err *);
/* Every call has returned and every PIN_LATER is done. */
typedef void pin_close_fn(PIN_OWN void *self);

struct pin_plugin {
	uint32_t	 magic;		/* these six protect the rest */
	uint32_t	 size;		/* sizeof, as the plugin saw it */
	uint32_t	 host_abi;
	uint32_t	 kind;
	uint32_t	 kind_abi;
	uint32_t	 flags;		/* PIN_PLUGIN_... */
	const char	*name;		/* equals the file's name */
	const char	*version;
	const char	*summary;	/* one line, no full stop */
	const struct pin_option *options;	/* NULL: none */
	const void	*ops;		/* the kind's table, size first */
	/* Either may be NULL. Without open, self is NULL. */
	pin_open_fn	*open;
	pin_close_fn	*close;
};

#define PIN_PLUGIN_HEAD(sym)						\
	.magic = PIN_PLUGIN_MAGIC, .size = sizeof(struct pin_plugin),	\
	.host_abi = PIN_HOST_ABI, .kind = PIN_KIND_##sym,		\
	.kind_abi = PIN_##sym##_ABI

extern PIN_API const struct pin_plugin pin_plugin;

#endif
