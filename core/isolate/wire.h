/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wire.h -- what a server and the process of an isolated plugin say to each
 * other over two socket pairs, one for calls and one for the plugin's reads:
 * frames of a 16-byte head and flat fields. Both ends are the same program on
 * the same machine, so integers go as they are.
 * Pure but for send and receive. Contract: the order of fields is that of the
 * pin__put_... calls; everything received is checked. */
#ifndef PIN_CORE_ISOLATE_WIRE_H
#define PIN_CORE_ISOLATE_WIRE_H

#include <pintle/admission.h>
#include <pintle/host.h>

#define PIN_FRAME_MAGIC		0x70697066u
#define PIN_FRAME_MAX		(32u << 20)	/* bytes of one frame */
#define PIN_WIRE_FD		3		/* in the child: calls */
#define PIN_ASK_FD		4		/* and reads */
#define PIN_WIRE_AHEAD		8192		/* read at once */
#define PIN_WIRE_LIST_MAX	256		/* groups, extra, audiences */

enum {
	PIN_FRAME_OPEN = 1,		/* name, deadline ms, data, options */
	PIN_FRAME_OPENED = 2,		/* rc, text */
	PIN_FRAME_CALL = 3,		/* op, ms left, request */
	PIN_FRAME_ANSWER = 4,		/* verdict, code, text, patch, lines */
	PIN_FRAME_READ = 5,		/* group, resource, namespace, name */
	PIN_FRAME_VALUE = 6,		/* rc, text, revision, bytes */
};

struct pin__frame {
	uint32_t	magic;
	uint32_t	type;
	uint32_t	len;		/* of what follows */
	uint32_t	pad;
};

/* One end of the socket, and what was read from it ahead. One thread reads at
 * a time, one writes. */
struct pin__wire {
	int		 fd;		/* non-blocking */
	uint32_t	 at, len;	/* of buf */
	char		 buf[PIN_WIRE_AHEAD];
};

/* A reader of fields; sticky: once `bad`, everything is empty. */
struct pin__in {
	const char	*p;
	size_t		 len, at;
	int		 bad;
	int		 pad;
};

void		pin__put_u64(struct pin_out *, uint64_t);
void		pin__put_str(struct pin_out *, struct pin_str);
uint64_t	pin__get_u64(struct pin__in *);
/* Points into the frame; a NUL stands behind it. p is NULL for "none". */
struct pin_str	pin__get_str(struct pin__in *);

int		pin__put_request(struct pin_out *,
		    const struct pin_admission_request *);
/* Lists and objects are made in arena; strings point into the frame. */
int		pin__get_request(struct pin__in *, struct pin_arena *,
		    struct pin_admission_request *, struct pin_user *,
		    struct pin_err *);

/* deadline_ns 0: waits for ever. PIN_ECLOSED: the other end is gone;
 * PIN_ETIMEOUT. *payload is the heap's. */
int		pin__frame_send(struct pin_host *, struct pin__wire *,
		    uint32_t type,
		    const struct pin_out *payload, uint64_t deadline_ns,
		    struct pin_err *);
int		pin__frame_recv(struct pin_host *, struct pin__wire *,
		    uint32_t *type, PIN_OWN char **payload, size_t *len,
		    uint64_t deadline_ns, struct pin_err *);

/* Until one of the two has something to read: 0 or 1, calls first; or an
 * error, PIN_ETIMEOUT among them. */
int		pin__wire_wait(struct pin_host *, const struct pin__wire *calls,
		    const struct pin__wire *reads, uint64_t deadline_ns,
		    struct pin_err *);

/* ---- os_spawn.c -------------------------------------------------- */

/* `exe plugin-host KIND FILE` with the other ends of fd[0] as PIN_WIRE_FD and
 * of fd[1] as PIN_ASK_FD. */
int		pin__spawn(const char *exe, const char *kind,
		    const char *file, long *pid, int fd[2], struct pin_err *);
/* Kills what still runs after grace_ms and waits; writes how it ended:
 * "killed by signal 11". */
void		pin__reap(long pid, int grace_ms, char *how, size_t size);
/* In the child: everything above PIN_ASK_FD is closed, limits are set. */
void		pin__limits_set(void);

/* ---- confine_OS.c ------------------------------------------------ */

/* What this system offers against a process gaining or using rights. */
int		pin__confine(struct pin_err *);

#endif
