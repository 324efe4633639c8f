/* SPDX-License-Identifier: BSD-2-Clause
 *
 * imagekit -- makes images for tests: layers entry by entry, well formed or
 * not, and docker archives and OCI layouts around them.
 * One thread. Contract: a failed fixture ends the test (tap_bail). */
#ifndef PIN_TESTS_IMAGEKIT_H
#define PIN_TESTS_IMAGEKIT_H

#include <stddef.h>
#include <sys/types.h>

#define IK_LAYERS_MAX	8

struct ik_tar;

struct ik_tar *ik_open(const char *path);
void	ik_file(struct ik_tar *, const char *name, const char *text,
	    mode_t mode);
void	ik_copy(struct ik_tar *, const char *name, const char *from,
	    mode_t mode);		/* a file of this machine */
void	ik_dir(struct ik_tar *, const char *name, mode_t mode);
void	ik_symlink(struct ik_tar *, const char *name, const char *to);
void	ik_hardlink(struct ik_tar *, const char *name, const char *to);
void	ik_node(struct ik_tar *, const char *name, mode_t, unsigned major,
	    unsigned minor);
void	ik_owner(struct ik_tar *, unsigned uid, unsigned gid); /* of the next */
void	ik_close(struct ik_tar *);

/* Digest of a file's bytes: 64 digits and NUL. */
void	ik_sha(const char *path, char hex[65]);

struct ik_image {
	const char	*name;		/* NULL: none */
	const char	*run;		/* the config's "config", JSON */
	const char	*layer[IK_LAYERS_MAX];	/* tar files; NULL ends */
	const char	*diff;		/* instead of the true diff_ids */
	const char	*blob;		/* "sha256:..." instead of layer 0's */
	int		 layout;	/* OCI, else docker */
	int		 modern;	/* docker, with blobs/sha256/ names */
	int		 nested;	/* OCI: an index in the index */
};

/* A tar archive. */
void	ik_archive(const char *path, const struct ik_image *);

#endif
