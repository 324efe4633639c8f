/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plugins.c -- the manager: the current set, the plugins that live as long as
 * the process, reload, and the sets that wait for their last request.
 *
 *	current ---> set 3 (refs: 1 + requests)
 *	fixed   ---> store, consensus (belong to no set once started)
 *	dead    ---> set 1 -> NULL	closed by reap, on the control thread
 *
 * Threads: as loader.h says; `lock` guards current, refs, waiting and dead.
 * Contract: loader.h. */
#include "core/loader/loader_int.h"

#include <stdlib.h>
#include <string.h>

#define PLUGINS_MAGIC	0x706c7567u

struct pin_plugins {
	uint32_t	 magic;
	uint32_t	 reap_posted;
	struct pin_host	*host;
	struct pin_loop	*loop;
	char		*exe, *dir, *data, *path;
	uint32_t	 roles;
	uint32_t	 waiting;	/* sets replaced and still in use */
	uint64_t	 generation;
	const struct pin_env_services *services;
	struct pin__modules modules;
	pthread_mutex_t	 lock;
	struct pin_set	*current;
	struct pin_set	*made;		/* between open and start */
	struct pin_set	*dead;
	struct pin_chain fixed[PIN_SECTION__COUNT];
	struct pin_msg	 reap_msg;
};

static void
maker_init(struct pin__maker *mk, struct pin_plugins *ps)
{
	mk->modules = &ps->modules;
	mk->host = ps->host;
	mk->exe = ps->exe;
	mk->dir = ps->dir;
	mk->data = ps->data;
	mk->services = &ps->services;
	mk->roles = ps->roles;
}

static char *
dup_or_null(const char *s)
{
	return (s != NULL ? pin_xstrdup(s) : NULL);
}

static void
reap_on_loop(struct pin_msg *msg)
{
	struct pin_plugins *ps = (struct pin_plugins *)(void *)((char *)msg -
	    offsetof(struct pin_plugins, reap_msg));

	(void)pin_plugins_reap(ps);
}

/* ---- kinds that live on ------------------------------------------ */

static int
is_fixed(uint32_t section)
{
	const struct pin_kind *k = pin_kind(pin_section(section)->kind);

	return (k != NULL && k->swap == PIN_SWAP_RESTART);
}

/* The stages of RESTART kinds change hands, from the set to the manager. */
static void
fixed_take(struct pin_plugins *ps, struct pin_set *set)
{
	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++) {
		if (!is_fixed(i))
			continue;
		ps->fixed[i] = set->chain[i];
		memset(&set->chain[i], 0, sizeof(set->chain[i]));
	}
}

static void
fixed_close(struct pin_plugins *ps)
{
	for (uint32_t i = PIN_SECTION__COUNT; i-- > 0;) {
		struct pin_chain *ch = &ps->fixed[i];

		while (ch->n > 0)
			pin__stage_free(&ch->stage[--ch->n]);
		free(ch->stage);
	}
}

static int
fixed_same(const struct pin_chain *a, const struct pin_chain *b)
{
	const struct pin_stage *x, *y;

	if (a->n != b->n)
		return (0);
	for (uint32_t i = 0; i < a->n; i++) {
		x = a->stage[i];
		y = b->stage[i];
		if (x->module != y->module ||
		    strcmp(x->plugin->name, y->plugin->name) != 0 ||
		    !pin_conf_equal(x->conf, y->conf))
			return (0);
	}
	return (1);
}

/* Refuses a change of a RESTART section; what the new set loaded for it is
 * only there to be compared. */
static int
fixed_check(struct pin_plugins *ps, struct pin_set *set,
    struct pin_report *r)
{
	uint32_t before = r->errors;

	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++) {
		struct pin_chain *ch = &set->chain[i];

		if (!is_fixed(i))
			continue;
		if (!fixed_same(&ps->fixed[i], ch))
			(void)pin_report_error(r, ch->n > 0 ?
			    ch->stage[0]->entry->where :
			    pin_config_path(set->config), "%s cannot be "
			    "changed while running: the process must be "
			    "restarted", pin_section(i)->name);
		while (ch->n > 0)
			pin__stage_free(&ch->stage[--ch->n]);
	}
	return (r->errors == before ? PIN_OK : PIN_ECONFIG);
}

/* ---- life -------------------------------------------------------- */

static struct pin_plugins *
plugins_new(const struct pin_plugins_options *o)
{
	struct pin_plugins *ps = pin_xcalloc(1, sizeof(*ps));

	ps->magic = PLUGINS_MAGIC;
	ps->host = o->host;
	ps->loop = o->loop;
	ps->exe = dup_or_null(o->exe);
	ps->dir = pin_xstrdup(o->dir);
	ps->data = dup_or_null(o->data);
	ps->path = pin_xstrdup(o->config);
	ps->roles = o->roles;
	ps->reap_msg.fn = reap_on_loop;
	PIN_ASSERT(pthread_mutex_init(&ps->lock, NULL) == 0);
	pin__modules_init(&ps->modules, o->host, o->data);
	return (ps);
}

static struct pin_set *
set_load(struct pin_plugins *ps, struct pin_report *r)
{
	struct pin_config *config;
	struct pin__maker mk;
	struct pin_set *set;

	if (pin_config_load(ps->path, ps->data, ps->roles, &config, r) !=
	    PIN_OK)
		return (NULL);
	maker_init(&mk, ps);
	set = pin__set_new(&mk, config, r);
	pin_config_put(&config);
	if (set != NULL) {
		set->manager = ps;
		set->generation = ++ps->generation;
	}
	return (set);
}

int
pin_plugins_open(const struct pin_plugins_options *o,
    struct pin_plugins **out, struct pin_report *r)
{
	struct pin_plugins *ps = plugins_new(o);
	struct pin__maker mk;
	int rc = PIN_ECONFIG;

	*out = NULL;
	maker_init(&mk, ps);
	ps->made = set_load(ps, r);
	if (ps->made != NULL && ps->data != NULL)
		rc = pin__set_open(ps->made, &mk, PIN_SWAP_RESTART, r);
	else if (ps->made != NULL)
		rc = PIN_OK;		/* checked, and that was all */
	if (rc != PIN_OK) {
		pin_plugins_close(&ps);
		return (rc);
	}
	fixed_take(ps, ps->made);
	*out = ps;
	return (PIN_OK);
}

static void
set_publish(struct pin_plugins *ps, struct pin_set *set)
{
	struct pin_set *old;

	(void)pthread_mutex_lock(&ps->lock);
	old = ps->current;
	ps->current = set;
	if (old != NULL)
		ps->waiting++;
	(void)pthread_mutex_unlock(&ps->lock);
	pin_set_put(&old);
}

int
pin_plugins_start(struct pin_plugins *ps,
    const struct pin_env_services *services, struct pin_report *r)
{
	struct pin__maker mk;
	int rc;

	PIN_VALID(ps, PLUGINS_MAGIC);
	PIN_ASSERT(ps->made != NULL && ps->data != NULL);
	ps->services = services;
	maker_init(&mk, ps);
	rc = pin__set_open(ps->made, &mk, PIN_SWAP_LIVE, r);
	if (rc != PIN_OK)
		return (rc);
	set_publish(ps, ps->made);
	ps->made = NULL;
	return (PIN_OK);
}

/* The host's own blocks are read at start only. */
static void
blocks_warn(const struct pin_config *old, const struct pin_config *new,
    struct pin_report *r)
{
	const struct pin_conf *conf;

	for (uint32_t i = 0; i < PIN_SECTION__COUNT; i++) {
		if (pin_section(i)->shape != PIN_FORM_BLOCK)
			continue;
		conf = pin_config_block(new, i);
		if (!pin_conf_equal(pin_config_block(old, i), conf))
			pin_report_warn(r, pin_conf_where(conf, NULL),
			    "%s: changes take effect when the process starts "
			    "again", pin_section(i)->name);
	}
}

int
pin_plugins_reload(struct pin_plugins *ps, struct pin_report *r)
{
	struct pin__maker mk;
	struct pin_set *set;
	int rc;

	PIN_VALID(ps, PLUGINS_MAGIC);
	PIN_ASSERT(ps->current != NULL);
	(void)pin_plugins_reap(ps);
	set = set_load(ps, r);
	if (set == NULL)
		return (PIN_ECONFIG);
	maker_init(&mk, ps);
	rc = fixed_check(ps, set, r);
	if (rc == PIN_OK)
		rc = pin__set_open(set, &mk, PIN_SWAP_LIVE, r);
	if (rc != PIN_OK) {
		pin__set_free(&set);
		return (rc);
	}
	blocks_warn(ps->current->config, set->config, r);
	set_publish(ps, set);
	return (PIN_OK);
}

uint32_t
pin_plugins_reap(struct pin_plugins *ps)
{
	struct pin_set *set;
	uint32_t waiting;

	PIN_VALID(ps, PLUGINS_MAGIC);
	for (;;) {
		(void)pthread_mutex_lock(&ps->lock);
		set = ps->dead;
		if (set != NULL) {
			ps->dead = set->next;
			ps->waiting--;
		}
		ps->reap_posted = 0;
		waiting = ps->waiting;
		(void)pthread_mutex_unlock(&ps->lock);
		if (set == NULL)
			return (waiting);
		pin__set_free(&set);
	}
}

void
pin_plugins_detach(struct pin_plugins *ps)
{
	PIN_VALID(ps, PLUGINS_MAGIC);
	(void)pthread_mutex_lock(&ps->lock);
	ps->loop = NULL;
	(void)pthread_mutex_unlock(&ps->lock);
}

void
pin_plugins_close(struct pin_plugins **pp)
{
	struct pin_plugins *ps = *pp;
	uint32_t left;

	PIN_VALID(ps, PLUGINS_MAGIC);
	*pp = NULL;
	pin_plugins_detach(ps);
	if (ps->made != NULL)
		pin__set_free(&ps->made);
	set_publish(ps, NULL);
	left = pin_plugins_reap(ps);
	if (left > 0) {
		/* Its code may still run: it and what it uses must stay. */
		pin_log(ps->host, PIN_LOG_ERROR, "plugins: %u set%s not "
		    "closed: a plugin still owes an answer", left,
		    left == 1 ? "" : "s");
		return;
	}
	fixed_close(ps);
	pin__modules_fini(&ps->modules);
	(void)pthread_mutex_destroy(&ps->lock);
	free(ps->exe);
	free(ps->dir);
	free(ps->data);
	free(ps->path);
	ps->magic = 0;
	free(ps);
}

/* ---- asking ------------------------------------------------------ */

struct pin_config *
pin_plugins_config(struct pin_plugins *ps)
{
	PIN_VALID(ps, PLUGINS_MAGIC);
	return (ps->current != NULL ? ps->current->config :
	    ps->made->config);
}

const struct pin_chain *
pin_plugins_fixed_chain(struct pin_plugins *ps, uint32_t section)
{
	PIN_VALID(ps, PLUGINS_MAGIC);
	PIN_ASSERT(is_fixed(section));
	return (&ps->fixed[section]);
}

struct pin_stage *
pin_plugins_fixed(struct pin_plugins *ps, uint32_t section)
{
	PIN_VALID(ps, PLUGINS_MAGIC);
	PIN_ASSERT(is_fixed(section));
	return (ps->fixed[section].n > 0 ? ps->fixed[section].stage[0] :
	    NULL);
}

struct pin_set *
pin_set_get(struct pin_plugins *ps)
{
	struct pin_set *set;

	(void)pthread_mutex_lock(&ps->lock);
	set = ps->current;
	PIN_ASSERT(set != NULL);
	set->refs++;
	(void)pthread_mutex_unlock(&ps->lock);
	return (set);
}

struct pin_set *
pin_set_ref(struct pin_set *set)
{
	struct pin_plugins *ps = set->manager;

	(void)pthread_mutex_lock(&ps->lock);
	PIN_ASSERT(set->refs > 0);
	set->refs++;
	(void)pthread_mutex_unlock(&ps->lock);
	return (set);
}

void
pin_set_put(struct pin_set **sp)
{
	struct pin_set *set = *sp;
	struct pin_plugins *ps;

	*sp = NULL;
	if (set == NULL)
		return;
	ps = set->manager;
	(void)pthread_mutex_lock(&ps->lock);
	PIN_ASSERT(set->refs > 0);
	if (--set->refs == 0) {
		set->next = ps->dead;
		ps->dead = set;
		/* Under the lock, or the loop might be gone by then. */
		if (ps->loop != NULL && !ps->reap_posted) {
			ps->reap_posted = 1;
			pin_loop_post(ps->loop, &ps->reap_msg);
		}
	}
	(void)pthread_mutex_unlock(&ps->lock);
}
