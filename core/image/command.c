/* SPDX-License-Identifier: BSD-2-Clause
 *
 * command.c -- the command line and the variables of a container: the pod's
 * command replaces entry point and arguments of the image, its args the
 * arguments only.
 * Keeps no state. Any thread.
 * Contract: image.h. */
#include "core/image/image_int.h"

#include <string.h>

#define PATH_DEFAULT	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:" \
	"/usr/bin:/sbin:/bin"

struct list {
	struct pin_arena *arena;
	const char	**v;
	uint32_t	 n, max;
};

static void
add(struct list *l, const char *s)
{
	if (l->n < l->max)
		l->v[l->n] = s;
	l->n++;
}

static void
add_all(struct list *l, const char *const *v)
{
	for (; v != NULL && *v != NULL; v++)
		add(l, *v);
}

static void
add_config(struct list *l, const struct image_info *info, const char *key)
{
	pin_node n = pin_obj_first(info->config, pin_obj_get(info->config,
	    info->run, key));
	struct pin_str s;

	for (; n != 0; n = pin_obj_next(info->config, n)) {
		s = pin_obj_str(info->config, n);
		add(l, pin_arena_strndup(l->arena, s.p != NULL ? s.p : "",
		    s.len));
	}
}

static int
list_open(struct list *l, struct pin_arena *a, struct pin_err *err)
{
	memset(l, 0, sizeof(*l));
	l->arena = a;
	l->max = IMAGE_ARGS_MAX;
	l->v = pin_arena_alloc(a, (l->max + 1) * sizeof(*l->v));
	return (l->v != NULL ? PIN_OK : pin_err_set(err, PIN_ENOMEM,
	    "out of memory"));
}

static int
list_end(struct list *l, const char *what, const char *const **out,
    struct pin_err *err)
{
	if (l->n > l->max)
		return (pin_err_set(err, PIN_ELIMIT, "more than %d %s",
		    IMAGE_ARGS_MAX, what));
	if (pin_arena_full(l->arena))
		return (pin_err_set(err, PIN_ENOMEM, "out of memory"));
	l->v[l->n] = NULL;
	*out = l->v;
	return (PIN_OK);
}

int
image_argv(struct pin_arena *a, const struct image_info *info,
    const char *const *command, const char *const *args,
    const char *const **out, struct pin_err *err)
{
	struct list l;
	int rc = list_open(&l, a, err);

	if (rc != PIN_OK)
		return (rc);
	if (command != NULL)
		add_all(&l, command);
	else
		add_config(&l, info, "Entrypoint");
	if (args != NULL)
		add_all(&l, args);
	else if (command == NULL)
		add_config(&l, info, "Cmd");
	if (l.n == 0)
		return (pin_err_set(err, PIN_EINVALID, "no command specified: "
		    "neither the container nor image %s has one",
		    info->name));
	return (list_end(&l, "arguments", out, err));
}

/* The variables before i that have the same name go. */
static void
keep_last(struct list *l)
{
	uint32_t keep = 0, i, j;
	size_t len;

	for (i = 0; i < l->n && i < l->max; i++) {
		len = l->v[i] != NULL ? strcspn(l->v[i], "=") + 1 : 0;
		for (j = 0; j < keep; j++)
			if (len > 0 && strncmp(l->v[j], l->v[i], len) == 0)
				break;
		l->v[j] = l->v[i];
		keep += j == keep;
	}
	if (l->n <= l->max)
		l->n = keep;
}

int
image_env(struct pin_arena *a, const struct image_info *info,
    const char *const *env, const char *const **out, struct pin_err *err)
{
	struct list l;
	int rc = list_open(&l, a, err);

	if (rc != PIN_OK)
		return (rc);
	add(&l, PATH_DEFAULT);
	add_config(&l, info, "Env");
	add_all(&l, env);
	if (!pin_arena_full(a))
		keep_last(&l);
	return (list_end(&l, "variables", out, err));
}
