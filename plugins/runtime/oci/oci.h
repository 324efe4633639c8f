/* SPDX-License-Identifier: BSD-2-Clause
 *
 * oci.h -- between the files of the runtime plugin `oci`.
 * Threads: shims.h; what is here is set by open and read afterwards.
 * Contract: pintle/runtime.h; the OCI runtime specification 1.0. */
#ifndef OCI_H
#define OCI_H

#include "plugins/runtime/common/cgroup.h"
#include "plugins/runtime/common/pod.h"

#define OCI_CONFIG_MAX	((size_t)4 << 20)	/* bytes of config.json */
#define OCI_RUN_MS	20000			/* of `crun delete` */
#define OCI_OUTPUT_MAX	1024			/* what it says, kept */
#define OCI_ARGS_MAX	32
#define OCI_DEVICES_MAX	1024			/* of a privileged container */
#define OCI_PATH_MAX	SHIMS_PATH_MAX

enum { OCI_CRUN = 1, OCI_RUNC = 2, OCI_OTHER = 3 };

struct oci_program {
	char		*path;		/* NULL: none */
	uint32_t	 kind;
	int		 seccomp;	/* it can filter system calls */
};

struct oci {
	struct pin_env	*env;
	const char	*data;
	struct shims	 shims;		/* below DATA/run/oci */
	char		*state;		/* the program's, DATA/run/oci.state */
	struct oci_program program;
	struct oci_program runc;	/* for limits where crun gives none */
	struct cgroups	 cgroups;
	uint32_t	 devices;	/* a devices cgroup can be set */
	int		 seccomp_default; /* for pods that do not say */
};

/* One start, from open to running. */
struct oci_start {
	struct oci	*o;
	const struct pin_container *c;
	struct pin_arena *arena;
	struct image_info image;
	struct image_user user;
	const char *const *argv, *const *env;
	const struct oci_program *program;
	int		 limits;	/* resources are asked for, and given */
	int		 no_swap;	/* and memory is not swapped */
	int		 devices;	/* rules for devices are in force */
	pin_node	 pod_sec, sec;	/* securityContexts */
};

/* bundle.c: DIR/config.json. */
int	oci_bundle(const struct oci_start *, const char *dir,
	    struct pin_err *);

int	oci_pod_says(const struct oci_start *, const char *key);
int	oci_has_cap(const struct oci_start *, const char *cap);

/* run.c: a short command to its end. PIN_EIO: it failed, with its words. */
int	oci_run(const struct oci *, const char *const *argv,
	    struct pin_err *);
/* 1: it ends well and says `what`. */
int	oci_says(const struct oci *, const char *const *argv,
	    const char *what);
uint32_t oci_kind(const char *path);	/* OCI_CRUN... */
/* In PATH, or the path itself; heap; NULL: not there. */
char	*oci_find(const char *name);
/* Its lines "error ..." of a log, cut to one line; 0: none. */
int	oci_log_text(const char *path, char *out, size_t size);

/* oci_linux.c, oci_bsd.c */
/* Can the program set rules for devices? */
int	oci_os_devices(uint32_t cgroups, uint32_t kind);
/* dir/root shows the image, written to dir/upper. */
int	oci_os_mount(const char *image, const char *dir, int read_only,
	    struct pin_err *);
void	oci_os_unmount(const char *dir);
/* After fork, before exec: cgroup v2 where crun looks for it. */
void	oci_os_cgroup_view(void);
enum { OCI_SECCOMP_NONE, OCI_SECCOMP_DEFAULT, OCI_SECCOMP_ASKED };
int	oci_os_seccomp(const struct oci_start *);
/* seccomp_linux.c: the member "seccomp" of "linux", or nothing. */
void	oci_os_put_seccomp(const struct oci_start *, struct pin_out *);
/* Namespaces, mounts, masks, devices: the members of config.json but for
 * root, process, hostname. */
void	oci_os_config(const struct oci_start *, struct pin_out *);

#endif
