/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image.h -- the node's images: imported from archives, kept unpacked, found
 * by the name a pod uses. Nothing is fetched from a network.
 * Threads: any; import and remove lock the store, which other processes see
 * too, and may block for long; the rest reads files.
 * Contract: docs/images.md. What is under images/roots is complete, verified
 * and never changed; a name is either there with all of it, or not there. */
#ifndef PINTLE_IMAGE_H
#define PINTLE_IMAGE_H

#include <pintle/host.h>
#include <pintle/object.h>

#define IMAGE_NAME_MAX		512	/* a normalised name, with NUL */
#define IMAGE_ID_MAX		72	/* "sha256:" and 64 digits, with NUL */
#define IMAGE_PATH_MAX		4096	/* with NUL */
#define IMAGE_GROUPS_MAX	64
#define IMAGE_ARGS_MAX		4096	/* of one container, or its variables */

struct image_info {
	char		 name[IMAGE_NAME_MAX];	/* docker.io/library/x:latest */
	char		 id[IMAGE_ID_MAX];	/* digest of the config */
	char		 resolved[IMAGE_NAME_MAX + IMAGE_ID_MAX];
				/* what a pod's imageID says */
	char		 root[IMAGE_PATH_MAX];	/* the file system, read only */
	uint64_t	 size;			/* of its layers as imported */
	struct pin_obj	*config;		/* the config, whole; heap */
	pin_node	 run;	/* its "config": Entrypoint, Cmd... */
	uint32_t	 pad;
};

/* A name as a pod has it: "x", "x:1", "host:5000/a/b@sha256:...", or the id.
 * PIN_EINVALID: no such name can be. PIN_ENOTFOUND. On an error nothing is to
 * be given back. */
PIN_API int	 image_find(struct pin_host *, const char *data,
    const char *name, struct image_info *, struct pin_err *);
PIN_API void	 image_info_fini(struct image_info *);
/* name as it is kept: registry, repository and tag or digest written out. */
PIN_API int	 image_name(const char *name, char out[IMAGE_NAME_MAX],
    struct pin_err *);

/* As long as a hold is there, the image's root stays: one per container id.
 * Holding twice or releasing what is not held is fine. */
PIN_API int	 image_hold(struct pin_host *, const char *data, const char *id,
    const char *holder, struct pin_err *);
PIN_API void	 image_release(struct pin_host *, const char *data,
    const char *id, const char *holder);

/* ---- what a container of it runs --------------------------------------- */

/* Both lists end in NULL; strings live as long as arena, info and the
 * arguments. PIN_EINVALID: there is nothing to run. */
PIN_API int	 image_argv(struct pin_arena *, const struct image_info *,
    const char *const *command, const char *const *args,
    const char *const **out, struct pin_err *);
/* The image's variables, then env; of one name the last stays. There is always
 * a PATH. */
PIN_API int	 image_env(struct pin_arena *, const struct image_info *,
    const char *const *env, const char *const **out, struct pin_err *);

struct image_user {
	uint32_t	 uid, gid;
	uint32_t	 ngroups, pad;
	uint32_t	 groups[IMAGE_GROUPS_MAX];
	char		 home[IMAGE_PATH_MAX];	/* "/" when unknown */
};

/* Who the container is: uid and gid when >= 0, else the image's User, else
 * root; names and groups from the image's own /etc/passwd and /etc/group. */
PIN_API int	 image_user(const struct image_info *, int64_t uid, int64_t gid,
    struct image_user *, struct pin_err *);

/* ---- the store --------------------------------------------------------- */

struct image_import {
	const char	*file;		/* a tar, or a layout's directory */
	const char	*name;		/* for one that has none; or NULL */
	void		(*said)(void *arg, const char *line);	/* or NULL */
	void		*arg;
};

/* libarchive turns UTF-8 paths into the locale's: let that be UTF-8, in the
 * whole process (uselocale is not everywhere). Before there are threads. */
PIN_API void	 image_utf8(void);
PIN_API int	 image_import(struct pin_host *, const char *data,
    const struct image_import *, struct pin_err *);

struct image_row {
	const char	*name, *id;
	uint64_t	 size;
	int64_t		 imported_ns;
};

PIN_API int	 image_list(struct pin_host *, const char *data,
    void (*emit)(void *arg, const struct image_row *), void *arg,
    struct pin_err *);
/* A name takes away that name, an id all its names; with the last one goes
 * the image. PIN_ELOCKED: a container still holds it, named in the text. */
PIN_API int	 image_remove(struct pin_host *, const char *data,
    const char *name, struct pin_err *);

/* Takes the directory `name` in `in` away with all that is in it, however
 * deep, by way of `in`/.trash.NAME. Links are not followed, but mounts are:
 * there must be none. Fine when it is not there. */
#define IMAGE_TRASH		".trash."
PIN_API int	 image_tree_remove(const char *in, const char *name,
    struct pin_err *);

#endif
