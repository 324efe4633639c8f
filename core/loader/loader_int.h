/* SPDX-License-Identifier: BSD-2-Clause
 *
 * loader_int.h -- what the files of core/loader (and core/isolate) share.
 * Contract: loader.h. Threads as there. */
#ifndef PIN_CORE_LOADER_INT_H
#define PIN_CORE_LOADER_INT_H

#include <pthread.h>

#include <pintle/host.h>

#include "core/loader/loader.h"

#define PIN_STAGE_MAGIC		0x73746167u
#define PIN_ENV_MAGIC		0x656e7620u

/* ---- kinds.c ----------------------------------------------------- */

/* The ops table holds what its kind requires, and what `section` asks for
 * (an authentication plugin authenticates). section PIN_SECTION__COUNT: any. */
int	pin__kind_check(const struct pin_plugin *, uint32_t section,
	    struct pin_err *);

/* ---- os_file.c, elf.c, sha256.c ---------------------------------- */

/* The bytes of a file that only root or we could have written, through one
 * descriptor. Heap. */
/* owned = 0: anybody's. */
int	pin__file_read(const char *file, int owned, PIN_OWN unsigned char **,
	    size_t *len, struct pin_err *);
int	pin__dir_make(const char *path, struct pin_err *);
int	pin__elf_check(const unsigned char *, size_t len, struct pin_err *);
int	pin__sha256(const void *, size_t len, unsigned char out[32]);

/* ---- module.c ---------------------------------------------------- */

struct pin__modules {
	pthread_mutex_t	 lock;
	struct pin_host	*host;
	char		*data;		/* NULL: open files where they lie */
	struct pin_module *first;
};

void	pin__modules_init(struct pin__modules *, struct pin_host *,
	    const char *data);
void	pin__modules_fini(struct pin__modules *);
int	pin__module_open(struct pin__modules *, const char *file,
	    uint32_t kind, const char *name, struct pin_module **,
	    struct pin_err *);

/* ---- env.c ------------------------------------------------------- */

struct pin_env {
	uint32_t	 magic;
	uint32_t	 pad;
	struct pin_host	*host;
	char		*name;
	char		*data;
	char		*prefix;	/* of log lines: "admission priority" */
	const struct pin_env_services *const *services;
	const struct pin_consensus *consensus;	/* NULL or own */
	struct pin_consensus own;
};

struct pin_env *pin__env_new(struct pin_host *, const char *section,
	    const char *name, const char *data,
	    const struct pin_env_services *const *services);
void	pin__env_free(PIN_OWN struct pin_env **);
/* Plugins may come without open, without close. */
int	pin__plugin_open(const struct pin_plugin *, struct pin_env *,
	    const struct pin_conf *, PIN_OWN void **self, struct pin_err *);
void	pin__plugin_close(const struct pin_plugin *, PIN_OWN void *self);

/* ---- exe.c ------------------------------------------------------- */

int	pin__exe_search(const char *argv0, PIN_OWN char **out,
	    struct pin_err *);

/* ---- set.c ------------------------------------------------------- */

struct pin_set {
	uint32_t	 magic;
	uint32_t	 refs;		/* under the manager's lock */
	uint64_t	 generation;
	struct pin_plugins *manager;
	struct pin_config *config;
	struct pin_chain chain[PIN_SECTION__COUNT];
	struct pin_set	*next;		/* among the dead */
};

/* What a set is made with. */
struct pin__maker {
	struct pin__modules *modules;
	struct pin_host	*host;
	const char	*exe, *dir, *data;
	const struct pin_env_services *const *services;
	uint32_t	 roles;
	uint32_t	 pad;
};

/* Loads and checks every entry, opens none. NULL: the report says why. */
struct pin_set *pin__set_new(const struct pin__maker *, struct pin_config *,
	    struct pin_report *);
/* Opens the stages of kinds with this swap, in section order; on an error
 * those it opened are closed again. */
int	pin__set_open(struct pin_set *, const struct pin__maker *,
	    uint32_t swap, struct pin_report *);
/* Closes what is open, newest first. */
void	pin__set_free(PIN_OWN struct pin_set **);
void	pin__stage_free(PIN_OWN struct pin_stage **);

/* ---- core/isolate ------------------------------------------------ */

int	pin__isolate_open(const struct pin__maker *, struct pin_stage *,
	    struct pin_err *);
void	pin__isolate_close(PIN_OWN struct pin_isolate **);

#endif
