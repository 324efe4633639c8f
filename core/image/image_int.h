/* SPDX-License-Identifier: BSD-2-Clause
 *
 * image_int.h -- what the files of core/image share: limits, digests, walks
 * inside a root, staged files, the list of images.
 * Threads: as image.h.
 * Contract: image.h. Nothing an archive says is used as a path of this
 * machine: blobs are named by their digests, files of layers are reached by
 * walks that resolve links inside the root. */
#ifndef PIN_IMAGE_INT_H
#define PIN_IMAGE_INT_H

#include <sys/types.h>

#include "core/image/image.h"

/* ---- limits ------------------------------------------------------------ */

#define IMAGE_JSON_MAX		((size_t)4 << 20)  /* manifest, config, index */
#define IMAGE_REFS_BYTES_MAX	((size_t)8 << 20)  /* refs.json */
#define IMAGE_REFS_MAX		4096		/* names in the store */
#define IMAGE_MEMBERS_MAX	8192		/* files of an archive */
#define IMAGE_ARCHIVE_MAX	((uint64_t)64 << 30) /* its bytes, unpacked */
#define IMAGE_LAYERS_MAX	512		/* of one image */
#define IMAGE_IN_ARCHIVE_MAX	256		/* images of one archive */
#define IMAGE_INDEX_DEPTH_MAX	4		/* an index in an index */
#define IMAGE_ROOT_BYTES_MAX	((uint64_t)64 << 30) /* of one root */
#define IMAGE_ROOT_FILES_MAX	4000000u
#define IMAGE_LINKS_MAX		40		/* symbolic links of one path */
#define IMAGE_XATTR_MAX		65536
#define IMAGE_LOCK_MS		60000		/* wait for another import */
#define IMAGE_PASSWD_MAX	((size_t)1 << 20)

#define IMAGE_HEX_MAX		65

/* ---- digest.c ---------------------------------------------------------- */

struct image__sha {
	uint64_t	 state[32];	/* the library's */
};

void	image__sha_init(struct image__sha *);
void	image__sha_add(struct image__sha *, const void *, size_t);
void	image__sha_end(struct image__sha *, char hex[IMAGE_HEX_MAX]);
/* The 64 digits of "sha256:..." that end at a NUL, or NULL. */
const char *image__digest_hex(const char *digest);

/* ---- walk.c ------------------------------------------------------------ */

/* Brings path (of an archive) into components joined by '/', no '.', none
 * empty; "" is the root. ".." and what is too long is refused. */
int	image__clean(const char *path, char out[IMAGE_PATH_MAX],
	    struct pin_err *);
/* Opens the directory in which the last component of a clean path is, links
 * on the way resolved inside the root; `make` makes what is missing. base
 * points into path. */
int	image__walk(int root, const char *path, int make, int *dir,
	    const char **base, struct pin_err *);
/* The same for a file to read, the last component resolved too. */
int	image__open(const char *root, const char *path, int *fd,
	    struct pin_err *);
/* Takes away whatever `name` in dir is. trash is an empty directory of the
 * same file system, empty again afterwards. */
int	image__remove_at(int dir, const char *name, int trash,
	    struct pin_err *);
int	image__remove_all(int dir, int trash, struct pin_err *); /* in dir */
int	image__empty(int trash, struct pin_err *);

/* ---- image_linux.c, image_bsd.c ---------------------------------------- */

/* All of the file system of fd is on disk. */
int	image__os_sync(int fd);
/* 0 or an errno; ENOTSUP where that is not kept. */
int	image__os_xattr(int fd, const char *name, const void *, size_t);

/* ---- stage.c ----------------------------------------------------------- */

struct image__file {			/* a file of the archive, copied */
	char		*name;		/* clean */
	char		*link;		/* clean; else NULL and: */
	char		 hex[IMAGE_HEX_MAX];
	uint64_t	 size;
	uint32_t	 number;	/* its name in the staging directory */
};

struct image__stage {
	struct pin_host	*host;
	const char	*file;		/* for messages */
	char		 dir[IMAGE_PATH_MAX];
	int		 dir_fd, source_fd;	/* -1: an archive, all read */
	struct image__file *files;
	uint32_t	 n, cap;
	uint64_t	 bytes;
};

int	image__stage_open(struct image__stage *, struct pin_host *,
	    const char *dir, const char *file, struct pin_err *);
void	image__stage_close(struct image__stage *);
/* NULL and PIN_ENOTFOUND in *rc, or another error; links are followed. */
const struct image__file *image__stage_get(struct image__stage *,
	    const char *name, int *rc, struct pin_err *);
int	image__stage_fd(struct image__stage *, const struct image__file *,
	    struct pin_err *);		/* to read; or negative */
int	image__stage_json(struct image__stage *, const struct image__file *,
	    struct pin_obj **, struct pin_err *);

/* ---- layer.c ----------------------------------------------------------- */

struct image__root {
	int		 fd, trash;
	uint64_t	 bytes;
	uint32_t	 files, skipped;	/* device nodes */
};

/* Puts the layer in fd (its file position at 0) over the root. diff: 64
 * digits its uncompressed bytes must have. */
int	image__layer_apply(struct image__root *, int fd, const char *diff,
	    struct pin_err *);

/* ---- store.c ----------------------------------------------------------- */

struct image__ref {
	char		*name, *id, *manifest;	/* manifest: may be "" */
	uint64_t	 size;
	int64_t		 imported_ns;
	struct pin_obj	*blobs;		/* array of digests; heap */
};

struct image__refs {
	struct image__ref *ref;
	uint32_t	 n, cap;
};

struct image__store {
	struct pin_host	*host;
	char		 dir[IMAGE_PATH_MAX];	/* DATA/images */
	struct pin_file	*lock;
};

int	image__store_open(struct image__store *, struct pin_host *,
	    const char *data, struct pin_err *);	/* made, locked */
void	image__store_close(struct image__store *);
int	image__path(char out[IMAGE_PATH_MAX], struct pin_err *,
	    const char *fmt, ...) PIN_PRINTF(3, 4);
int	image__refs_read(struct pin_host *, const char *dir,
	    struct image__refs *, struct pin_err *);
int	image__refs_write(struct pin_host *, const char *dir,
	    const struct image__refs *, struct pin_err *);
void	image__refs_fini(struct image__refs *);
/* Takes over the strings and blobs of *r. A ref of that name goes. */
int	image__refs_put(struct image__refs *, struct image__ref *r,
	    struct pin_err *);
void	image__ref_fini(struct image__ref *);
/* Takes away blobs, roots and leftovers that no ref needs. */
int	image__sweep(struct image__store *, const struct image__refs *,
	    struct pin_err *);

#endif
