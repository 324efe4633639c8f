/* SPDX-License-Identifier: BSD-2-Clause
 *
 * real.h -- the host every program but a simulation runs on: libuv, POSIX.
 * Declares how to get it; what it does is pintle/host.h.
 * Any thread.
 * Contract: one per process, never closed, no threads until it needs them. */
#ifndef PIN_HOST_REAL_H
#define PIN_HOST_REAL_H

#include <pintle/host.h>

PIN_API struct pin_host *pin_host_real(void);
/* A connected stream socket that came from elsewhere, non-blocking; attach is
 * next. Its descriptor goes with it. */
PIN_API struct pin_sock *pin_sock_wrap(int fd);
/* Lines above this level are not formatted. Default PIN_LOG_INFO. */
PIN_API void	 pin_host_log_level(struct pin_host *, int level);

#endif
