/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host.h -- everything that is not pure: clock, random, log, files, sockets,
 * timers, loops and their messages. Two implementations behind one table:
 * the real one (libuv, POSIX) and the simulated one (seeded, virtual time,
 * a disk that remembers what was never synced), chosen by the process.
 * Threads: each function says which; "loop" means the loop's own thread.
 * Contract: nothing outside core/host and os_*.c calls the OS for these. */
#ifndef PINTLE_HOST_H
#define PINTLE_HOST_H

#include <pintle/err.h>

struct pin_host;
struct pin_loop;
struct pin_file;
struct pin_sock;

/* ---- clock, random, log: any thread --------------------------------- */

PIN_API uint64_t pin_host_now(struct pin_host *);	/* monotonic, ns */
PIN_API int64_t	 pin_host_wall(struct pin_host *);	/* UNIX time, ns */
PIN_API void	 pin_host_random(struct pin_host *, void *buf, size_t len);

enum { PIN_LOG_ERROR = 0, PIN_LOG_WARN = 1, PIN_LOG_INFO = 2,
    PIN_LOG_DEBUG = 3 };
/* One line, no trailing newline; control bytes are escaped. */
PIN_API void	 pin_log(struct pin_host *, int level, const char *fmt, ...)
    PIN_PRINTF(3, 4);

/* ---- loops ---------------------------------------------------------- */

/* A loop is one thread of execution: it runs messages, timers and socket
 * events one after another. The simulator interleaves all loops in one
 * thread, by seed. */

/* A message lies in memory of its sender, in at most one queue at a time;
 * whoever owns the memory bounds the number. fn runs on the loop and may
 * free or repost the message. */
struct pin_msg {
	struct pin_msg	*next;
	void		(*fn)(struct pin_msg *);
};

PIN_API int	 pin_loop_open(struct pin_host *, const char *name,
    PIN_OWN struct pin_loop **, struct pin_err *);
PIN_API int	 pin_loop_start(struct pin_loop *, struct pin_err *);
				/* on a thread of its own */
PIN_API void	 pin_loop_run(struct pin_loop *);
				/* on the calling thread, until stop */
PIN_API void	 pin_loop_stop(struct pin_loop *);	/* any thread */
/* Stops and waits for the thread; queued messages have run, also those that
 * came after it ended. Not from the loop. */
PIN_API void	 pin_loop_close(PIN_OWN struct pin_loop **);
PIN_API struct pin_host *pin_loop_host(struct pin_loop *);
PIN_API const char *pin_loop_name(const struct pin_loop *);
PIN_API int	 pin_loop_here(const struct pin_loop *);  /* own thread? */
				/* A loop that does not run is anyone's. */
#define PIN_ASSERT_LOOP(l)	PIN_ASSERT(pin_loop_here(l))

/* Any thread; never fails, never blocks; FIFO per sender. Waking a sleeping
 * loop costs one system call, posting to a busy one none. */
PIN_API void	 pin_loop_post(struct pin_loop *, struct pin_msg *);
/* fn(arg) runs on the loop each time it has drained its queue and is about
 * to wait, and under a load that never lets it drain after a bounded number
 * of messages: the place where batches are closed. Loop or before start. At
 * most PIN_LOOP_HOOKS_MAX. */
#define PIN_LOOP_HOOKS_MAX	8
PIN_API void	 pin_loop_hook(struct pin_loop *, void (*fn)(void *),
    void *arg);

/* Timers lie in their owner's memory. Loop only. */
struct pin_timer {
	struct pin_loop	*loop;
	void		(*fn)(struct pin_timer *);
	uint64_t	 due_ns;	/* 0: stopped */
	uint64_t	 priv[2];
};

PIN_API void	 pin_timer_init(struct pin_timer *, struct pin_loop *,
    void (*fn)(struct pin_timer *));
/* Once, after delay_ms; starting a running timer moves it. */
PIN_API void	 pin_timer_start(struct pin_timer *, uint64_t delay_ms);
PIN_API void	 pin_timer_stop(struct pin_timer *);

/* Blocking work: fn runs on the work pool, then done on the loop. */
struct pin_work {
	struct pin_msg	 msg;		/* the host's while in flight */
	struct pin_loop	*loop;
	void		(*fn)(struct pin_work *);
	void		(*done)(struct pin_work *);
};

PIN_API void	 pin_work_start(struct pin_work *);	/* loop */

/* ---- files: any thread, one thread a file at a time; may block ------- */

enum {
	PIN_FILE_READ = 1,
	PIN_FILE_WRITE = 2,
	PIN_FILE_CREATE = 4,
	PIN_FILE_EXCL = 8,		/* with CREATE: must not exist */
	PIN_FILE_TRUNC = 16,
	PIN_FILE_PRIVATE = 32,		/* mode 0600, else 0644 */
};

struct pin_iov {
	const void	*p;
	size_t		 len;
};

PIN_API int	 pin_file_open(struct pin_host *, const char *path,
    uint32_t flags, PIN_OWN struct pin_file **, struct pin_err *);
PIN_API void	 pin_file_close(PIN_OWN struct pin_file **);
/* Bytes read, short only at end of file; or a negative error. */
PIN_API int64_t	 pin_file_read(struct pin_file *, void *, size_t len,
    uint64_t at, struct pin_err *);
/* All or an error; after an error the range is undefined. */
PIN_API int	 pin_file_write(struct pin_file *, const struct pin_iov *,
    uint32_t n, uint64_t at, struct pin_err *);
/* fdatasync. After PIN_EIO the file must not be trusted or synced again
 * (the pages are marked clean): the caller stops. */
PIN_API int	 pin_file_sync(struct pin_file *, struct pin_err *);
PIN_API int	 pin_file_truncate(struct pin_file *, uint64_t size,
    struct pin_err *);
/* Allocates blocks for [0, size) and extends the file, so that later syncs
 * write data only; where the OS cannot, writes zeros. */
PIN_API int	 pin_file_reserve(struct pin_file *, uint64_t size,
    struct pin_err *);
PIN_API int64_t	 pin_file_size(struct pin_file *, struct pin_err *);
/* Exclusive advisory lock, not waited for: PIN_ELOCKED. */
PIN_API int	 pin_file_lock(struct pin_file *, struct pin_err *);

PIN_API int	 pin_path_rename(struct pin_host *, const char *from,
    const char *to, struct pin_err *);
PIN_API int	 pin_path_unlink(struct pin_host *, const char *path,
    struct pin_err *);
/* Makes the directory, mode 0700; fine when it exists. */
PIN_API int	 pin_path_mkdir(struct pin_host *, const char *path,
    struct pin_err *);
/* fsync of the directory: creations, renames and unlinks in it last. */
PIN_API int	 pin_path_sync(struct pin_host *, const char *dir,
    struct pin_err *);
/* Calls fn with every name but . and .. until it returns nonzero. */
PIN_API int	 pin_path_list(struct pin_host *, const char *dir,
    int (*fn)(void *arg, const char *name), void *arg, struct pin_err *);
/* Whole small file into the heap, NUL-terminated; PIN_ELIMIT past max. */
PIN_API int	 pin_path_slurp(struct pin_host *, const char *path,
    size_t max, PIN_OWN char **out, size_t *len, struct pin_err *);
/* Temporary name, write, sync, rename, sync directory. */
PIN_API int	 pin_path_replace(struct pin_host *, const char *path,
    const void *, size_t len, uint32_t flags, struct pin_err *);

/* ---- stream sockets: loop only -------------------------------------- */

/* Readiness, as poll(2): the owner reads and writes when told, so TLS keeps
 * its own buffers and a slow peer costs none of ours. */
enum { PIN_SOCK_READ = 1, PIN_SOCK_WRITE = 2 };

struct pin_addr {
	uint16_t	family;		/* 4, 6, or 1: UNIX path */
	uint16_t	port;		/* host byte order */
	uint8_t		ip[16];		/* network byte order, v4 in 0..3 */
	char		path[108];
};

typedef void pin_sock_ready_fn(void *arg, struct pin_sock *, uint32_t events);
typedef void pin_sock_accept_fn(void *arg, PIN_OWN struct pin_sock *);

PIN_API int	 pin_addr_parse(const char *text, struct pin_addr *,
    struct pin_err *);		/* "127.0.0.1:6443", "[::1]:0", "unix:/p" */
PIN_API void	 pin_addr_print(const struct pin_addr *, char *, size_t);

/* accept runs on the loop for each connection; the socket is not yet bound
 * to a loop: pin_sock_attach, there or on another loop, does that. */
PIN_API int	 pin_sock_listen(struct pin_loop *, const struct pin_addr *,
    pin_sock_accept_fn *, void *arg, PIN_OWN struct pin_sock **,
    struct pin_err *);
PIN_API int	 pin_sock_connect(struct pin_loop *, const struct pin_addr *,
    pin_sock_ready_fn *, void *arg, PIN_OWN struct pin_sock **,
    struct pin_err *);		/* writable once connected */
PIN_API int	 pin_sock_attach(struct pin_sock *, struct pin_loop *,
    pin_sock_ready_fn *, void *arg, struct pin_err *);
/* Which events to be told of from now on; level-triggered; 0 pauses. A new
 * connection wants WRITE, an attached socket nothing. A connection that failed
 * is told as writable, and send or recv say PIN_ECLOSED. */
PIN_API void	 pin_sock_want(struct pin_sock *, uint32_t events);
/* Bytes moved; 0 from recv is end of stream; PIN_EAGAIN; PIN_ECLOSED. */
PIN_API int64_t	 pin_sock_recv(struct pin_sock *, void *, size_t);
PIN_API int64_t	 pin_sock_send(struct pin_sock *, const void *, size_t);
PIN_API void	 pin_sock_shutdown(struct pin_sock *);	/* write side */
/* No callback comes after this returns. Any loop when never attached. */
PIN_API void	 pin_sock_close(PIN_OWN struct pin_sock **);
PIN_API void	 pin_sock_peer(struct pin_sock *, struct pin_addr *);
PIN_API void	 pin_sock_local(struct pin_sock *, struct pin_addr *);
/* UNIX sockets: peer's user id and process id; 0, or PIN_EINVAL on TCP. */
PIN_API int	 pin_sock_cred(struct pin_sock *, uint32_t *uid,
    uint32_t *pid);

/* ---- datagram sockets: loop only; since 1.1 -------------------------- */

/* ready is told of READ at once. The simulated host has none: PIN_EUNAVAIL.
 * connect: one peer only; that nobody is there is PIN_ECLOSED, and the socket
 * may go on. pin_sock_want, local and close as above. */
PIN_API int	 pin_dgram_bind(struct pin_loop *, const struct pin_addr *,
    pin_sock_ready_fn *, void *arg, PIN_OWN struct pin_sock **,
    struct pin_err *);
PIN_API int	 pin_dgram_connect(struct pin_loop *, const struct pin_addr *,
    pin_sock_ready_fn *, void *arg, PIN_OWN struct pin_sock **,
    struct pin_err *);
/* One datagram, what does not fit is lost; its length, also 0. from may be
 * NULL. */
PIN_API int64_t	 pin_dgram_recv(struct pin_sock *, void *, size_t,
    struct pin_addr *from);
/* to: NULL on a connected one. PIN_EAGAIN: it is lost, as on the way. */
PIN_API int64_t	 pin_dgram_send(struct pin_sock *, const void *, size_t,
    const struct pin_addr *to);

#endif
