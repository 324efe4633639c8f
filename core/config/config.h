/* SPDX-License-Identifier: BSD-2-Clause
 *
 * config.h -- a configuration file, read and checked: what the host's own
 * blocks say, and which plugins stand in which section, in order.
 * A struct pin_config is immutable and refcounted: any thread. Loading: one
 * thread. Contract: docs/configuration.md. */
#ifndef PIN_CORE_CONFIG_H
#define PIN_CORE_CONFIG_H

#include <pintle/arena.h>
#include <pintle/plugin.h>

#define PIN_CONFIG_ENTRIES_MAX	64	/* of one section */
#define PIN_REPORT_MAX		64	/* messages kept; the rest is counted */
#define PIN_CONFIG_NAME_MAX	63	/* of a plugin or an entry */
#define PIN_CONFIG_DEADLINE_MS	10000	/* of a later or isolated call */

/* ---- messages about a configuration ------------------------------ */

/* Everything found, not only the first thing. Zeroed: empty. */
struct pin_report {
	uint32_t	 errors;	/* all, also those not kept */
	uint32_t	 warnings;
	uint32_t	 n;		/* kept */
	uint32_t	 pad;
	struct pin_report_line {
		char		*text;	/* "FILE:LINE: what" */
		uint32_t	 is_warning;
		uint32_t	 pad;
	} line[PIN_REPORT_MAX];
};

/* where may be NULL. error returns PIN_ECONFIG. */
PIN_API int	 pin_report_error(struct pin_report *, const char *where,
    const char *fmt, ...) PIN_PRINTF(3, 4);
PIN_API void	 pin_report_warn(struct pin_report *, const char *where,
    const char *fmt, ...) PIN_PRINTF(3, 4);
PIN_API void	 pin_report_fini(struct pin_report *);

/* ---- sections ---------------------------------------------------- */

enum {
	PIN_ROLE_APISERVER = 1,
	PIN_ROLE_CONTROLLERS = 2,	/* controller-manager */
	PIN_ROLE_SCHEDULER = 4,
	PIN_ROLE_PROXY = 8,
	PIN_ROLE_KUBELET = 16,
	PIN_ROLE_ALL = 0xff,
};

enum {
#define SECTION(sym, name, kind, shape, role, needed)	PIN_SECTION_##sym,
#include "core/config/sections.def"
#undef SECTION
	PIN_SECTION__COUNT
};

enum { PIN_FORM_LIST = 1, PIN_FORM_ONE = 2, PIN_FORM_BLOCK = 3 };

struct pin_section {
	const char	*name;
	uint32_t	 kind;		/* PIN_KIND_...; NONE for a BLOCK */
	uint32_t	 shape;
	uint32_t	 role;
	uint32_t	 needed;
};

PIN_API const struct pin_section *pin_section(uint32_t section);
/* The table of a BLOCK; and what every plugin's entry understands. */
PIN_API const struct pin_option *pin_section_options(uint32_t section);
PIN_API const struct pin_option *pin_entry_options(void);

/* ---- entries ----------------------------------------------------- */

enum { PIN_ISOLATION_NONE = 0, PIN_ISOLATION_PROCESS = 1 };

/* Only enforce changes an outcome. The others run the plugin, drop what it
 * decides and tell: warn the client, audit the audit trail, shadow only the
 * counters. */
enum { PIN_MODE_ENFORCE = 0, PIN_MODE_WARN = 1, PIN_MODE_AUDIT = 2,
    PIN_MODE_SHADOW = 3 };

PIN_API const char *pin_mode_name(uint32_t mode);

/* One plugin in a section, as the file says. */
struct pin_config_entry {
	uint32_t	 section;
	uint32_t	 isolation;
	uint32_t	 mode;
	uint32_t	 off;		/* switched off by another line */
	uint64_t	 deadline_ns;
	const char	*plugin;	/* "rbac" */
	const char	*name;		/* the same unless the file says */
	const char	*file;		/* absolute; NULL: where plugins are */
	const char	*where;		/* "FILE:LINE" */
	const void	*setting;	/* config.c's own; NULL: bare string */
};

struct pin_config;

/* Reads path. data: directory that relative defaults start from; may be
 * NULL. Every mistake goes into the report; PIN_ECONFIG when there was one,
 * and then *out is NULL. Options of plugins are checked by pin_config_conf,
 * since their tables are in the plugins. */
PIN_API int	 pin_config_load(const char *path, const char *data,
    uint32_t roles, PIN_OWN struct pin_config **out, struct pin_report *);
PIN_API struct pin_config *pin_config_get(struct pin_config *);
PIN_API void	 pin_config_put(PIN_OWN struct pin_config **); /* NULL ok */
PIN_API const char *pin_config_path(const struct pin_config *);

PIN_API uint32_t pin_config_count(const struct pin_config *,
    uint32_t section);
PIN_API const struct pin_config_entry *pin_config_entry(
    const struct pin_config *, uint32_t section, uint32_t i);

/* A host's own block; when the file has none, every value is its default. */
PIN_API const struct pin_conf *pin_config_block(const struct pin_config *,
    uint32_t section);

/* The entry's options by the plugin's table (NULL: it has none). NULL when
 * the report got an error. `options` must outlive the result. */
PIN_API struct pin_conf *pin_config_conf(const struct pin_config *,
    const struct pin_config_entry *, const struct pin_option *options,
    struct pin_report *);
/* The same from "name=value" lines, as a plugin's child process gets them:
 * values as pin_conf_text writes them, nothing looked up on disk. */
PIN_API struct pin_conf *pin_conf_parse(const char *text,
    const struct pin_option *options, struct pin_report *);
PIN_API void	 pin_conf_text(const struct pin_conf *, struct pin_out *);
PIN_API int	 pin_conf_equal(const struct pin_conf *,
    const struct pin_conf *);
PIN_API void	 pin_conf_free(PIN_OWN struct pin_conf **);	/* NULL ok */

/* The shipped file, found from the directory the program is in: ../conf of
 * a build tree, ../etc/pintle of an installation, else where `make install`
 * puts it. *out is the heap's; PIN_ENOTFOUND names every place looked at. */
PIN_API int	 pin_config_find(const char *bindir, PIN_OWN char **out,
    struct pin_err *);

/* ---- the API server's block, typed ------------------------------- */

extern const struct pin_option pin_apiserver_options[];

struct pin_apiserver_config {
	const char	*listen;	/* "ADDR:PORT" */
	const char	*advertise;	/* NULL: chosen */
	const char	*pki;		/* directory; NULL: DATA/pki */
	const char	*service_cidr;
	const char	*service_cidr6;	/* NULL: single stack */
	uint16_t	 port_first, port_last;		/* node ports */
	uint32_t	 fronts;	/* 0: min(cores, 4) */
	uint32_t	 workers;	/* 0: chosen */
	uint32_t	 log_level;	/* PIN_LOG_... */
	uint64_t	 timeout_ms;	/* of a request that is not long */
	uint64_t	 watch_min_ms;
	uint64_t	 compact_ms;	/* 0: never */
	uint64_t	 event_ttl_ms;
	uint64_t	 body_max;	/* bytes */
	uint64_t	 body_budget;	/* bytes of all bodies at once */
	uint64_t	 ring_bytes;	/* watch history in memory */
	uint32_t	 connections_max;
	uint32_t	 inflight_read, inflight_write;
};

/* Strings live as long as the configuration. */
PIN_API void	 pin_config_apiserver(const struct pin_config *,
    struct pin_apiserver_config *out);

#endif
