/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loader.h -- from a configuration to running plugins. A manager (struct
 * pin_plugins) holds the current set (struct pin_set): every chain of one
 * generation. A request takes the set once and keeps it to its end, so a
 * reload never changes a request under way; the old set closes when its last
 * request has let go.
 * Threads: open, start, reload, reap and close on one control thread;
 * pin_set_get and put anywhere. Contract: docs/abi/plugin.md. */
#ifndef PIN_CORE_LOADER_H
#define PIN_CORE_LOADER_H

#include <stdatomic.h>

#include <pintle/auth.h>
#include <pintle/controller.h>
#include <pintle/scheduler.h>
#include <pintle/proxy.h>
#include <pintle/network.h>
#include <pintle/runtime.h>
#include <pintle/store.h>
#include <pintle/validation.h>
#include <pintle/view.h>

#include "core/config/config.h"

#define PIN_MODULE_BYTES_MAX	(64u << 20)	/* one .so */
#define PIN_MODULE_OPTIONS_MAX	64		/* rows of its table */
#define PIN_MODULE_HASH_HEX	65		/* with its NUL */
#define PIN_STAGE_BUDGET_NS	UINT64_C(10000000) /* a synchronous call */

struct pin_plugins;
struct pin_set;
struct pin_module;
struct pin_isolate;

/* ---- kinds, from kinds.def --------------------------------------- */

enum { PIN_SWAP_LIVE = 1, PIN_SWAP_RESTART = 2 };

struct pin_kind {
	const char	*word;		/* "auth": folder, header, page */
	uint32_t	 abi;
	uint32_t	 swap;
};

PIN_API const struct pin_kind *pin_kind(uint32_t kind);	/* NULL: none such */
PIN_API uint32_t pin_kind_find(const char *word);	/* PIN_KIND_NONE */

/* ---- one plugin, opened ------------------------------------------ */

struct pin_stage {
	uint32_t	 magic;
	uint32_t	 section;	/* PIN_SECTION_... */
	uint32_t	 mode;		/* PIN_MODE_... */
	uint32_t	 isolation;
	const char	*name;		/* in the configuration */
	const struct pin_plugin *plugin;
	const void	*ops;		/* cast to the kind's; PIN_HAS */
	void		*self;		/* NULL when isolated */
	uint64_t	 deadline_ns;	/* of a call that answers later */
	uint64_t	 budget_ns;	/* of one that does not; else logged */
	struct pin_set	*set;		/* NULL: of a kind that lives on */
	struct pin_env	*env;
	struct pin_conf	*conf;
	struct pin_module *module;
	struct pin_isolate *isolate;	/* NULL: in this process */
	const struct pin_config_entry *entry;
	struct pin_config *config;

	/* For /metrics and `why`; any thread. */
	atomic_uint_least64_t calls, errors, refusals, slow, timeouts;
	atomic_uint_least64_t logged_ns; /* last "over budget" line */
};

struct pin_chain {
	uint32_t	 n;
	uint32_t	 pad;
	struct pin_stage **stage;	/* in configured order */
};

/* ---- what a plugin may ask of the process ------------------------ */

/* pin_read and pin_view_* (view.h) go here. Called on any thread. A view is
 * the implementor's own struct; `changed` as in view.h. */
struct pin_env_services {
	void	*arg;
	int	(*read)(void *arg, const char *group, const char *resource,
		    struct pin_str ns, struct pin_str name,
		    PIN_OWN struct pin_buf **out, uint64_t *revision,
		    struct pin_err *);
	int	(*view_open)(void *arg, const char *group,
		    const char *resource, pin_view_changed_fn *changed,
		    void *changed_arg, PIN_OWN void **view, struct pin_err *);
	void	(*view_close)(void *arg, PIN_OWN void *view);
	int	(*view_synced)(void *arg, const void *view);
	/* Something an operator should see (an Event): "PluginCrashed",
	 * "PluginStarted". May be NULL; it is logged anyway. */
	void	(*event)(void *arg, const char *section, const char *name,
		    const char *reason, const char *text);
};

/* ---- life -------------------------------------------------------- */

struct pin_plugins_options {
	struct pin_host	*host;
	struct pin_loop	*loop;		/* where old sets are closed; NULL:
					 * whoever calls pin_plugins_reap */
	const char	*exe;		/* path of the program: isolation */
	const char	*dir;		/* KIND/NAME.so below it */
	const char	*data;		/* data directory; NULL: only checks,
					 * files are opened where they lie */
	const char	*config;	/* file */
	uint32_t	 roles;
	uint32_t	 pad;
};

/* Reads and checks everything, opens the kinds that live as long as the
 * process (consensus before store). Strings are copied. */
PIN_API int	 pin_plugins_open(const struct pin_plugins_options *,
    PIN_OWN struct pin_plugins **out, struct pin_report *);
/* Opens the rest: after this there is a set. `services` outlives the
 * manager; NULL: reads fail with PIN_EUNAVAIL. */
PIN_API int	 pin_plugins_start(struct pin_plugins *,
    const struct pin_env_services *services, struct pin_report *);
/* Reads the configuration again and switches in one step. On an error
 * nothing has changed and the report says why. */
PIN_API int	 pin_plugins_reload(struct pin_plugins *, struct pin_report *);
/* Closes sets nobody uses any more; returns how many still wait. */
PIN_API uint32_t pin_plugins_reap(struct pin_plugins *);
/* The loop is about to end: what closes from here on waits for reap. Any
 * thread. */
PIN_API void	 pin_plugins_detach(struct pin_plugins *);
/* After the loop has stopped and every request has let go. What a plugin
 * still owes an answer for is logged and stays as it is. */
PIN_API void	 pin_plugins_close(PIN_OWN struct pin_plugins **);

/* The configuration, before and without a set. Borrowed. */
PIN_API struct pin_config *pin_plugins_config(struct pin_plugins *);
/* The one plugin of a RESTART section; NULL: none configured. */
PIN_API struct pin_stage *pin_plugins_fixed(struct pin_plugins *,
    uint32_t section);
/* All of it, in configured order; lives as long as the manager. */
PIN_API const struct pin_chain *pin_plugins_fixed_chain(struct pin_plugins *,
    uint32_t section);

PIN_API struct pin_set *pin_set_get(struct pin_plugins *);
PIN_API struct pin_set *pin_set_ref(struct pin_set *);
PIN_API void	 pin_set_put(PIN_OWN struct pin_set **);	/* NULL ok */
PIN_API const struct pin_chain *pin_set_chain(const struct pin_set *,
    uint32_t section);
PIN_API uint64_t pin_set_generation(const struct pin_set *);
PIN_API struct pin_config *pin_set_config(const struct pin_set *);

/* ---- files ------------------------------------------------------- */

/* For the command line: checks and opens one file and nothing else; kind
 * PIN_KIND_NONE: any. Copies through data/run/plugins unless data is NULL. */
PIN_API int	 pin_module_open(struct pin_host *, const char *data,
    const char *file, uint32_t kind, const char *name,
    PIN_OWN struct pin_module **out, struct pin_err *);
PIN_API void	 pin_module_put(PIN_OWN struct pin_module **);
PIN_API const struct pin_plugin *pin_module_plugin(const struct pin_module *);
PIN_API const char *pin_module_path(const struct pin_module *); /* opened */
PIN_API const char *pin_module_hash(const struct pin_module *);

/* Where the running program lies, and where its plugins are: DIR/plugins in
 * a build tree, DIR/../lib/pintle/plugins, else as installed. Heap strings. */
PIN_API int	 pin_exe_path(const char *argv0, PIN_OWN char **out,
    struct pin_err *);
PIN_API char	*pin_plugin_dir(const char *exe);

#endif
