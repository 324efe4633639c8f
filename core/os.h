/* SPDX-License-Identifier: BSD-2-Clause
 *
 * os.h -- what POSIX does not say: one interface, one os_NAME.c per system,
 * chosen by make. Nothing here knows of loops or hosts.
 * Any thread. May block where the function's twin in the OS does.
 * Contract: 0 or a number on success, -errno on failure. */
#ifndef PIN_OS_H
#define PIN_OS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct iovec;

void	 pin_os_thread_name(const char *name);	/* of the calling thread */
long	 pin_os_cores(void);		/* processors that run, at least 1 */
int	 pin_os_random(void *buf, size_t len);
ssize_t	 pin_os_pwritev(int fd, const struct iovec *, int n, off_t at);
/* Blocks for [0, size) and the size with them; -EOPNOTSUPP where only
 * writing zeros would do. */
int	 pin_os_fallocate(int fd, off_t size);
/* Exclusive, not waited for; -EWOULDBLOCK. */
int	 pin_os_lock(int fd);
/* A stream socket, non-blocking, close-on-exec. */
int	 pin_os_socket(int family);
/* The same for datagrams. */
int	 pin_os_dgram(int family);
int	 pin_os_accept(int fd, void *sockaddr, size_t *len);
int	 pin_os_peercred(int fd, uint32_t *uid, uint32_t *pid);

#endif
