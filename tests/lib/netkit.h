/* SPDX-License-Identifier: BSD-2-Clause
 *
 * netkit.h -- servers and clients on loopback, for tests of what is between
 * them. Threads: a backend's own. A call that cannot do its part bails out.
 * Contract: below. */
#ifndef PIN_TEST_NETKIT_H
#define PIN_TEST_NETKIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define NET_WAIT_MS	5000

/* *port 0: any, which is said then. -1: it is taken. */
int	listen_at(uint16_t *port);
uint16_t free_port(void);	/* one that nobody listens on */
int	dial(uint16_t port);	/* -1: refused */

struct backend {
	char		 id, pad[3];
	int		 fd;
	uint16_t	 port;
	atomic_uint	 accepted;
	pthread_t	 thread;
};

/* TCP: says its id, echoes, and after the end says 'E'. */
void	backend_open(struct backend *);
/* UDP: answers every datagram with its id. */
void	datagrams_open(struct backend *, char id);

int	udp_open(uint16_t *port);	/* a client; *port: its own */
char	udp_ask(int fd, uint16_t port);	/* who answers there; 0: nobody */
/* Of who asked any of the backends last. */
uint16_t udp_seen_port(void);
int	udp_is_free(uint16_t port);

/* For tests in sh: `serve ADDR PORT WORD` is an HTTP server that answers
 * everything with WORD, `serve-udp` the same with datagrams, both until they
 * are killed; `ask-udp ADDR PORT [FROM-PORT]` prints what it is answered. */
int	net_program(int argc, char **argv);

#endif
