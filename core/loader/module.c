/* SPDX-License-Identifier: BSD-2-Clause
 *
 * module.c -- one shared object: read through one checked descriptor, copied
 * to DATA/run/plugins/SHA256-NAME.so, opened there, and its descriptor
 * compared with ours. Why a copy: libc finds a path it knows again without
 * reading the file, and overwriting a mapped file is SIGBUS. Equal bytes
 * share one handle.
 * Any thread. Contract: loader.h, docs/abi/plugin.md. */
#include "core/loader/loader_int.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config_int.h"

#define MODULE_MAGIC	0x6d6f6475u
#define FIRST_SIZE	(offsetof(struct pin_plugin, close) +	\
			    sizeof(pin_close_fn *))	/* host ABI 1.0 */

struct pin_module {
	uint32_t	 magic;
	uint32_t	 refs;		/* under owner's lock */
	struct pin__modules *owner;
	struct pin_module *next;
	void		*handle;
	const struct pin_plugin *plugin;
	char		*path;		/* what was opened */
	char		 hash[PIN_MODULE_HASH_HEX];
	uint32_t	 private;	/* owner is this module's alone */
};

void
pin__modules_init(struct pin__modules *ms, struct pin_host *host,
    const char *data)
{
	memset(ms, 0, sizeof(*ms));
	PIN_ASSERT(pthread_mutex_init(&ms->lock, NULL) == 0);
	ms->host = host;
	ms->data = data != NULL ? pin_xstrdup(data) : NULL;
}

void
pin__modules_fini(struct pin__modules *ms)
{
	free(ms->data);
	(void)pthread_mutex_destroy(&ms->lock);
}

/* ---- the copy ---------------------------------------------------- */

static int
dirs_make(const char *data, struct pin_err *err)
{
	static const char *const below[] = { "", "/run", "/run/plugins" };
	char path[PIN_ERR_TEXT_MAX];
	int n, rc = PIN_OK;

	for (size_t i = 0; rc == PIN_OK && i < PIN_LEN(below); i++) {
		n = snprintf(path, sizeof(path), "%s%s", data, below[i]);
		if (n < 0 || (size_t)n >= sizeof(path))
			return (pin_err_set(err, PIN_ECONFIG,
			    "the data directory's name is too long"));
		rc = pin__dir_make(path, err);
	}
	return (rc);
}

/* Is the copy of an earlier run there, whole and ours? */
static int
copy_is_there(const char *path, const unsigned char *bytes, size_t len)
{
	unsigned char *old;
	size_t old_len;
	int same;

	if (pin__file_read(path, 1, &old, &old_len, NULL) != PIN_OK)
		return (0);
	same = old_len == len && memcmp(old, bytes, len) == 0;
	free(old);
	return (same);
}

/* Sets m->path to where dlopen finds the bytes. */
static int
copy_make(struct pin_module *m, const char *name, const char *file,
    const unsigned char *bytes, size_t len, struct pin_err *err)
{
	struct pin__modules *ms = m->owner;
	size_t size;
	int rc;

	if (ms->data == NULL) {		/* dlopen searches for a bare name */
		m->path = strchr(file, '/') != NULL ? pin_xstrdup(file) :
		    pin__conf_join(".", file);
		return (PIN_OK);
	}
	size = strlen(ms->data) + sizeof(m->hash) + strlen(name) + 32;
	m->path = pin_xmalloc(size);
	(void)snprintf(m->path, size, "%s/run/plugins/%s-%s.so", ms->data,
	    m->hash, name);
	if (copy_is_there(m->path, bytes, len))
		return (PIN_OK);
	rc = dirs_make(ms->data, err);
	if (rc == PIN_OK)
		rc = pin_path_replace(ms->host, m->path, bytes, len,
		    PIN_FILE_PRIVATE, err);
	return (rc);
}

/* ---- the descriptor ---------------------------------------------- */

static int
abi_fits(uint32_t plugin, uint32_t host)
{
	return (PIN_ABI_MAJOR(plugin) == PIN_ABI_MAJOR(host) &&
	    PIN_ABI_MINOR(plugin) <= PIN_ABI_MINOR(host));
}

static int
abi_refuse(const char *what, uint32_t plugin, uint32_t host,
    struct pin_err *err)
{
	return (pin_err_set(err, PIN_EABI, "built for %s ABI %u.%u, this host "
	    "has %u.%u: build it again with this host's headers", what,
	    PIN_ABI_MAJOR(plugin), PIN_ABI_MINOR(plugin),
	    PIN_ABI_MAJOR(host), PIN_ABI_MINOR(host)));
}

static int
kind_check(const struct pin_plugin *p, uint32_t kind, struct pin_err *err)
{
	const struct pin_kind *k = pin_kind(p->kind);

	if (k == NULL)
		return (pin_err_set(err, PIN_EABI, "is of kind %u, which this "
		    "host does not know", p->kind));
	if (kind != PIN_KIND_NONE && kind != p->kind)
		return (pin_err_set(err, PIN_ECONFIG, "is a plugin of kind "
		    "%s, here one of kind %s is needed", k->word,
		    pin_kind(kind)->word));
	if (!abi_fits(p->kind_abi, k->abi))
		return (abi_refuse(k->word, p->kind_abi, k->abi, err));
	return (PIN_OK);
}

static int
option_check(const struct pin_option *o, struct pin_err *err)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	if (strspn(o->name, ok) != strlen(o->name) || o->name[0] == '\0' ||
	    strlen(o->name) > PIN_CONFIG_NAME_MAX)
		return (pin_err_set(err, PIN_ECONFIG, "its option '%.64s': a "
		    "name is small letters, digits and '-'", o->name));
	if (o->type < PIN_OPT_BOOL || o->type > PIN_OPT_STRINGS)
		return (pin_err_set(err, PIN_EABI, "its option '%s' has type "
		    "%u, which this host does not know", o->name, o->type));
	if (o->help == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "its option '%s' has "
		    "no help text", o->name));
	return (PIN_OK);
}

static int
options_check(const struct pin_option *o, struct pin_err *err)
{
	uint32_t n = 0;
	int rc = PIN_OK;

	for (; rc == PIN_OK && o != NULL && o->name != NULL; o++) {
		if (++n > PIN_MODULE_OPTIONS_MAX)
			return (pin_err_set(err, PIN_ELIMIT, "its option "
			    "table has more than %u rows, or no end",
			    PIN_MODULE_OPTIONS_MAX));
		rc = option_check(o, err);
	}
	return (rc);
}

/* In this order: each check protects the next. */
static int
plugin_check(const struct pin_plugin *p, uint32_t kind, const char *name,
    struct pin_err *err)
{
	int rc;

	if (p->magic != PIN_PLUGIN_MAGIC)
		return (pin_err_set(err, PIN_EABI, "its pin_plugin starts "
		    "with %08x, a plugin's with %08x", p->magic,
		    PIN_PLUGIN_MAGIC));
	if (p->size < FIRST_SIZE)
		return (pin_err_set(err, PIN_EABI, "its pin_plugin has %u "
		    "bytes, the first release's had %zu", p->size,
		    FIRST_SIZE));
	if (!abi_fits(p->host_abi, PIN_HOST_ABI))
		return (abi_refuse("host", p->host_abi, PIN_HOST_ABI, err));
	rc = kind_check(p, kind, err);
	if (rc != PIN_OK)
		return (rc);
	if (p->name == NULL || p->version == NULL || p->summary == NULL)
		return (pin_err_set(err, PIN_ECONFIG,
		    "has no name, version or summary"));
	if (strcmp(p->name, name) != 0)
		return (pin_err_set(err, PIN_ECONFIG, "calls itself '%.64s', "
		    "its file or the configuration '%s'", p->name, name));
	rc = pin__kind_check(p, PIN_SECTION__COUNT, err);
	if (rc == PIN_OK)
		rc = options_check(p->options, err);
	return (rc);
}

static int
handle_open(struct pin_module *m, uint32_t kind, const char *name,
    struct pin_err *err)
{
	const char *text;

	m->handle = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
	if (m->handle == NULL) {
		text = dlerror();
		return (pin_err_set(err, PIN_ECONFIG, "cannot be loaded: %s",
		    text != NULL ? text : "no reason given"));
	}
	m->plugin = dlsym(m->handle, "pin_plugin");
	if (m->plugin == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "not a plugin: it "
		    "does not export 'pin_plugin'"));
	return (plugin_check(m->plugin, kind, name, err));
}

/* ---- life -------------------------------------------------------- */

static void
module_free(struct pin_module *m)
{
	int resident;

	resident = m->plugin != NULL &&
	    m->plugin->magic == PIN_PLUGIN_MAGIC &&
	    (m->plugin->flags & PIN_PLUGIN_RESIDENT) != 0;
	if (m->handle != NULL && !resident)
		(void)dlclose(m->handle);
	free(m->path);
	m->magic = 0;
	free(m);
}

static struct pin_module *
module_find(struct pin__modules *ms, const char *hash)
{
	struct pin_module *m;

	for (m = ms->first; m != NULL; m = m->next)
		if (strcmp(m->hash, hash) == 0)
			break;
	return (m);
}

static int
hash_text(const unsigned char *bytes, size_t len, char *out,
    struct pin_err *err)
{
	unsigned char hash[32];

	if (pin__sha256(bytes, len, hash) != PIN_OK)
		return (pin_err_set(err, PIN_EINTERNAL, "SHA-256 failed"));
	for (size_t i = 0; i < sizeof(hash); i++)
		(void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
	return (PIN_OK);
}

/* Finds the bytes among what is open, or opens them. Lock held. */
static int
module_get(struct pin__modules *ms, const char *file, const char *hash,
    const unsigned char *bytes, size_t len, uint32_t kind, const char *name,
    struct pin_module **out, struct pin_err *err)
{
	struct pin_module *m = module_find(ms, hash);
	int rc;

	if (m != NULL) {
		rc = plugin_check(m->plugin, kind, name, err);
		if (rc == PIN_OK)
			m->refs++;
		*out = rc == PIN_OK ? m : NULL;
		return (rc);
	}
	m = pin_xcalloc(1, sizeof(*m));
	m->magic = MODULE_MAGIC;
	m->refs = 1;
	m->owner = ms;
	memcpy(m->hash, hash, sizeof(m->hash));
	rc = copy_make(m, name, file, bytes, len, err);
	if (rc == PIN_OK)
		rc = handle_open(m, kind, name, err);
	if (rc != PIN_OK) {
		module_free(m);
		return (rc);
	}
	m->next = ms->first;
	ms->first = m;
	*out = m;
	return (PIN_OK);
}

int
pin__module_open(struct pin__modules *ms, const char *file, uint32_t kind,
    const char *name, struct pin_module **out, struct pin_err *err)
{
	char hash[PIN_MODULE_HASH_HEX];
	unsigned char *bytes;
	size_t len;
	int rc;

	*out = NULL;
	rc = pin__file_read(file, 1, &bytes, &len, err);
	if (rc != PIN_OK)
		return (rc);
	rc = pin__elf_check(bytes, len, err);
	if (rc == PIN_OK)
		rc = hash_text(bytes, len, hash, err);
	if (rc == PIN_OK) {
		(void)pthread_mutex_lock(&ms->lock);
		rc = module_get(ms, file, hash, bytes, len, kind, name, out,
		    err);
		(void)pthread_mutex_unlock(&ms->lock);
	}
	free(bytes);
	if (rc != PIN_OK)
		(void)pin_err_wrap(err, "%s", file);
	return (rc);
}

int
pin_module_open(struct pin_host *host, const char *data, const char *file,
    uint32_t kind, const char *name, struct pin_module **out,
    struct pin_err *err)
{
	struct pin__modules *ms = pin_xcalloc(1, sizeof(*ms));
	int rc;

	pin__modules_init(ms, host, data);
	rc = pin__module_open(ms, file, kind, name, out, err);
	if (rc == PIN_OK) {
		(*out)->private = 1;
		return (PIN_OK);
	}
	pin__modules_fini(ms);
	free(ms);
	return (rc);
}

void
pin_module_put(struct pin_module **mp)
{
	struct pin_module *m = *mp, **at;
	struct pin__modules *ms;
	uint32_t private;

	PIN_VALID(m, MODULE_MAGIC);
	*mp = NULL;
	ms = m->owner;
	private = m->private;
	(void)pthread_mutex_lock(&ms->lock);
	if (--m->refs == 0) {
		for (at = &ms->first; *at != m; at = &(*at)->next)
			PIN_ASSERT(*at != NULL);
		*at = m->next;
		module_free(m);
	} else
		private = 0;
	(void)pthread_mutex_unlock(&ms->lock);
	if (!private)
		return;
	pin__modules_fini(ms);
	free(ms);
}

const struct pin_plugin *
pin_module_plugin(const struct pin_module *m)
{
	PIN_VALID(m, MODULE_MAGIC);
	return (m->plugin);
}

const char *
pin_module_path(const struct pin_module *m)
{
	PIN_VALID(m, MODULE_MAGIC);
	return (m->path);
}

const char *
pin_module_hash(const struct pin_module *m)
{
	PIN_VALID(m, MODULE_MAGIC);
	return (m->hash);
}
