/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wire -- a blocking client for raw bytes, and commands of the shell.
 * What was heard is in one buffer, so one connection is listened to at a time.
 * One thread. Contract: waits end after WIRE_MS. */
#ifndef PIN_TESTS_WIRE_H
#define PIN_TESTS_WIRE_H

#include <stddef.h>

#include <pintle/host.h>

#define WIRE_MS		10000
#define WIRE_MAX	(4u << 20)

extern char	 wire_got[WIRE_MAX];	/* NUL-terminated */
extern size_t	 wire_len;

int	wire_dial(const struct pin_addr *);	/* UNIX or IPv4 */
void	wire_say(int fd, const void *, size_t);
void	wire_text(int fd, const char *);
void	wire_clear(void);
/* 1: more in wire_got, 0: the end, -1: nothing within ms. */
int	wire_hear(int fd, int ms);
/* From a clear buffer to the end; 0: the peer never closed. */
int	wire_all(int fd);
/* Until the text is in wire_got; 0: it never was. */
int	wire_until(int fd, const char *text);
/* "200 404": the statuses in wire_got. */
const char *wire_statuses(void);

/* Runs a command of sh; what it wrote is in out. The exit status or -1. */
int	sh_run(const char *cmd, char *out, size_t max);
/* Starts one and does not wait; the descriptor its output can be read from is
 * returned and nobody needs to. */
int	sh_start(const char *cmd, int *pid);
int	sh_wait(int fd, int pid);

#endif
