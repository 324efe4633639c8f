/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host_int.h -- the table of host operations and the heads its objects share.
 * Two rows fill it: real_*.c and sim_*.c. For the files of this folder only.
 * Threads: as in pintle/host.h.
 * Contract: host.c checks arguments and threads; an implementation trusts. */
#ifndef PIN_HOST_INT_H
#define PIN_HOST_INT_H

#include <pintle/host.h>

#include <stdarg.h>
#include <stdatomic.h>

#include "core/limits.h"

#define PIN__HOST_MAGIC	0x70486f73u
#define PIN__LOOP_MAGIC	0x704c6f6fu
#define PIN__FILE_MAGIC	0x7046696cu
#define PIN__SOCK_MAGIC	0x70536f63u

#define PIN__MS		((uint64_t)1000000)	/* ns */
#define PIN__SEC	((uint64_t)1000000000)

struct pin__host_ops {
	uint64_t (*now)(struct pin_host *);
	int64_t	 (*wall)(struct pin_host *);
	void	 (*random)(struct pin_host *, void *, size_t);
	void	 (*log_line)(struct pin_host *, const char *, size_t);

	int	 (*loop_open)(struct pin_host *, struct pin_loop **,
		    struct pin_err *);
	int	 (*loop_start)(struct pin_loop *, struct pin_err *);
	void	 (*loop_run)(struct pin_loop *);
	void	 (*loop_stop)(struct pin_loop *);
	void	 (*loop_close)(struct pin_loop *);
	void	 (*loop_post)(struct pin_loop *, struct pin_msg *);
	void	 (*work_start)(struct pin_work *);

	int	 (*file_open)(struct pin_host *, const char *, uint32_t,
		    struct pin_file **, struct pin_err *);
	void	 (*file_close)(struct pin_file *);
	int64_t	 (*file_read)(struct pin_file *, void *, size_t, uint64_t,
		    struct pin_err *);
	int	 (*file_write)(struct pin_file *, const struct pin_iov *,
		    uint32_t, uint64_t, struct pin_err *);
	int	 (*file_sync)(struct pin_file *, struct pin_err *);
	int	 (*file_truncate)(struct pin_file *, uint64_t,
		    struct pin_err *);
	int	 (*file_reserve)(struct pin_file *, uint64_t,
		    struct pin_err *);
	int64_t	 (*file_size)(struct pin_file *, struct pin_err *);
	int	 (*file_lock)(struct pin_file *, struct pin_err *);
	int	 (*path_rename)(struct pin_host *, const char *, const char *,
		    struct pin_err *);
	int	 (*path_unlink)(struct pin_host *, const char *,
		    struct pin_err *);
	int	 (*path_mkdir)(struct pin_host *, const char *,
		    struct pin_err *);
	int	 (*path_sync)(struct pin_host *, const char *,
		    struct pin_err *);
	int	 (*path_list)(struct pin_host *, const char *,
		    int (*)(void *, const char *), void *, struct pin_err *);
	/* NULL: rename and sync will do, descriptors never run out. */
	int	 (*path_move)(struct pin_host *, const char *, const char *,
		    struct pin_err *);

	int	 (*sock_listen)(struct pin_loop *, const struct pin_addr *,
		    pin_sock_accept_fn *, void *, struct pin_sock **,
		    struct pin_err *);
	int	 (*sock_connect)(struct pin_loop *, const struct pin_addr *,
		    pin_sock_ready_fn *, void *, struct pin_sock **,
		    struct pin_err *);
	int	 (*sock_attach)(struct pin_sock *, struct pin_loop *,
		    pin_sock_ready_fn *, void *, struct pin_err *);
	void	 (*sock_want)(struct pin_sock *, uint32_t);
	int64_t	 (*sock_recv)(struct pin_sock *, void *, size_t);
	int64_t	 (*sock_send)(struct pin_sock *, const void *, size_t);
	void	 (*sock_shutdown)(struct pin_sock *);
	void	 (*sock_close)(struct pin_sock *);
	void	 (*sock_peer)(struct pin_sock *, struct pin_addr *);
	void	 (*sock_local)(struct pin_sock *, struct pin_addr *);
	int	 (*sock_cred)(struct pin_sock *, uint32_t *, uint32_t *);
	/* Datagrams; NULL: there are none. */
	int	 (*dgram_open)(struct pin_loop *, const struct pin_addr *,
		    int is_connect, pin_sock_ready_fn *, void *,
		    struct pin_sock **, struct pin_err *);
	int64_t	 (*dgram_recv)(struct pin_sock *, void *, size_t,
		    struct pin_addr *);
	int64_t	 (*dgram_send)(struct pin_sock *, const void *, size_t,
		    const struct pin_addr *);
};

struct pin_host {
	uint32_t			 magic;
	_Atomic int			 log_level;
	const struct pin__host_ops	*ops;
};

/* A hierarchical wheel of doubly linked timers, one tick a millisecond:
 * start, restart and stop are O(1) and allocate nothing. A link is two
 * uint64_t that hold addresses of links: next, previous. */
#define PIN__WHEEL_LEVELS	7
#define PIN__WHEEL_SLOTS	64

struct pin__wheel {
	uint64_t	 tick;		/* all up to here have been taken out */
	uint64_t	 occupied[PIN__WHEEL_LEVELS];
	uint64_t	 slots[PIN__WHEEL_LEVELS * PIN__WHEEL_SLOTS][2];
	uint64_t	 due[2];	/* taken out, not yet run */
	uint64_t	 running[2];	/* the part of them now being run */
};

#define PIN__NEVER	UINT64_MAX

void	 pin__wheel_init(struct pin__wheel *, uint64_t now_ns);
void	 pin__wheel_link(struct pin__wheel *, struct pin_timer *);
void	 pin__wheel_unlink(struct pin__wheel *, struct pin_timer *);
/* When to look again, or PIN__NEVER. Never later than the next timer. */
uint64_t pin__wheel_next(const struct pin__wheel *);
/* Runs what is due, in order; returns how many. */
uint32_t pin__wheel_run(struct pin__wheel *, uint64_t now_ns);

enum { PIN__LOOP_NEW, PIN__LOOP_RUNNING, PIN__LOOP_DONE };

struct pin_loop {
	uint32_t		 magic;
	_Atomic int		 state;
	struct pin_host		*host;
	uint32_t		 nhooks;
	struct {
		void		(*fn)(void *);
		void		*arg;
	} hooks[PIN_LOOP_HOOKS_MAX];
	struct pin__wheel	 wheel;
	char			 name[PIN_LOOP_NAME_MAX];
};

struct pin_file {
	uint32_t		 magic;
	int			 failed;	/* a sync failed: for ever */
	struct pin_host		*host;
	char			*path;
};

struct pin_sock {
	uint32_t		 magic;
	uint32_t		 want;
	struct pin_host		*host;
	struct pin_loop		*loop;		/* NULL: not attached */
	pin_sock_ready_fn	*ready;
	pin_sock_accept_fn	*accept;	/* a listening socket */
	void			*arg;
};

/* The loop this thread is running, if any. */
extern _Thread_local struct pin_loop *pin__loop_current;

void	 pin__loop_hooks(struct pin_loop *);
/* Formats and escapes one line: time, level, text, newline. */
size_t	 pin__log_format(char *buf, size_t size, int64_t wall_ns, int level,
	    const char *fmt, va_list);
/* The directory a path's name stands in, cut into buf. */
int	 pin__path_dir(const char *path, char *buf, size_t size,
	    struct pin_err *);

#endif
