/* SPDX-License-Identifier: BSD-2-Clause
 *
 * upserver -- `pintle up` as a child of a test: started, killed, started
 * again on the same directory.
 * One server a struct; nothing is known of the API.
 * One thread.
 * Contract: a server that does not start ends the test (tap_bail). */
#ifndef PIN_TESTS_UPSERVER_H
#define PIN_TESTS_UPSERVER_H

#include <sys/types.h>

struct upserver {
	pid_t		 pid;		/* 0: none */
	char		 dir[256];	/* data, log, configuration, tokens */
	char		 url[96];	/* https://ADDR:PORT */
	char		 ca[300];
	char		 token[64];
	unsigned	 port;
};

/* In a new folder of the test's. settings: what goes into apiserver = {}. */
void	upserver_make(struct upserver *, const char *settings);
void	upserver_start(struct upserver *);	/* returns at once */
/* 1: it has said that it is ready. */
int	upserver_ready(struct upserver *);
void	upserver_kill(struct upserver *);	/* SIGKILL, and gone */
/* SIGTERM; its status as waitpid tells, -1: it did not end in time. */
int	upserver_stop(struct upserver *);
/* The log's end, as remarks. */
void	upserver_diag(const struct upserver *);

#endif
