/* SPDX-License-Identifier: BSD-2-Clause
 *
 * real_int.h -- what the files of the real host share: its loop and socket.
 * For real_*.c only.
 * Threads: as in pintle/host.h.
 * Contract: core/host/host_int.h. */
#ifndef PIN_HOST_REAL_INT_H
#define PIN_HOST_REAL_INT_H

#include "core/host/host_int.h"

#include <pthread.h>
#include <uv.h>

struct pin__real_sock;

struct pin__real_loop {
	struct pin_loop		 base;

	/* Written by any thread. */
	struct pin_msg *_Atomic	 posted;	/* newest first */
	_Atomic int		 sleeping;	/* 1: wake it by async */
	_Atomic int		 stop;
	_Atomic uint32_t	 posters;	/* inside post or stop */

	/* The loop's own. */
	struct pin_msg		*batch;		/* taken, oldest first */
	uint32_t		 works;		/* in the pool */
	uint32_t		 nsocks;
	struct pin__real_sock	*dirty;		/* interest to be applied */
	uint64_t		 armed_ns;	/* the uv timer; PIN__NEVER */
	uv_loop_t		 uv;
	uv_async_t		 wake;
	uv_timer_t		 timer;

	pthread_t		 thread;
	int			 has_thread;
};

/* At the top of every callback of libuv: we do not sleep, so posting to us
 * need not wake us. */
static inline void
pin__real_awake(struct pin__real_loop *l)
{
	if (atomic_load_explicit(&l->sleeping, memory_order_relaxed) != 0)
		atomic_store_explicit(&l->sleeping, 0, memory_order_relaxed);
}

void	 pin__real_post(struct pin_loop *, struct pin_msg *);
void	 pin__real_work_start(struct pin_work *);
/* A thread that blocks all signals; NULL when it is to be detached. */
int	 pin__real_thread(pthread_t *, size_t stack, void *(*fn)(void *),
	    void *arg, struct pin_err *);
/* Before each wait: interest that changed during the turn. */
void	 pin__real_sock_flush(struct pin__real_loop *);
/* At close: the loop lets go of the sockets that were left on it. */
void	 pin__real_sock_orphan(uv_handle_t *);


int	 pin__real_file_open(struct pin_host *, const char *, uint32_t,
	    struct pin_file **, struct pin_err *);
void	 pin__real_file_close(struct pin_file *);
int64_t	 pin__real_file_read(struct pin_file *, void *, size_t, uint64_t,
	    struct pin_err *);
int	 pin__real_file_write(struct pin_file *, const struct pin_iov *,
	    uint32_t, uint64_t, struct pin_err *);
int	 pin__real_file_sync(struct pin_file *, struct pin_err *);
int	 pin__real_file_truncate(struct pin_file *, uint64_t, struct pin_err *);
int	 pin__real_file_reserve(struct pin_file *, uint64_t, struct pin_err *);
int64_t	 pin__real_file_size(struct pin_file *, struct pin_err *);
int	 pin__real_file_lock(struct pin_file *, struct pin_err *);
int	 pin__real_path_rename(struct pin_host *, const char *, const char *,
	    struct pin_err *);
int	 pin__real_path_unlink(struct pin_host *, const char *,
	    struct pin_err *);
int	 pin__real_path_mkdir(struct pin_host *, const char *,
	    struct pin_err *);
int	 pin__real_path_sync(struct pin_host *, const char *, struct pin_err *);
int	 pin__real_path_move(struct pin_host *, const char *, const char *,
	    struct pin_err *);
int	 pin__real_path_list(struct pin_host *, const char *,
	    int (*)(void *, const char *), void *, struct pin_err *);

int	 pin__real_sock_listen(struct pin_loop *, const struct pin_addr *,
	    pin_sock_accept_fn *, void *, struct pin_sock **,
	    struct pin_err *);
int	 pin__real_sock_connect(struct pin_loop *, const struct pin_addr *,
	    pin_sock_ready_fn *, void *, struct pin_sock **, struct pin_err *);
int	 pin__real_sock_attach(struct pin_sock *, struct pin_loop *,
	    pin_sock_ready_fn *, void *, struct pin_err *);
void	 pin__real_sock_want(struct pin_sock *, uint32_t);
int64_t	 pin__real_sock_recv(struct pin_sock *, void *, size_t);
int64_t	 pin__real_sock_send(struct pin_sock *, const void *, size_t);
void	 pin__real_sock_shutdown(struct pin_sock *);
void	 pin__real_sock_close(struct pin_sock *);
void	 pin__real_sock_peer(struct pin_sock *, struct pin_addr *);
void	 pin__real_sock_local(struct pin_sock *, struct pin_addr *);
int	 pin__real_sock_cred(struct pin_sock *, uint32_t *, uint32_t *);
int	 pin__real_dgram_open(struct pin_loop *, const struct pin_addr *,
	    int is_connect, pin_sock_ready_fn *, void *, struct pin_sock **,
	    struct pin_err *);
int64_t	 pin__real_dgram_recv(struct pin_sock *, void *, size_t,
	    struct pin_addr *);
int64_t	 pin__real_dgram_send(struct pin_sock *, const void *, size_t,
	    const struct pin_addr *);

#endif
