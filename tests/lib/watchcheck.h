/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchcheck -- judges a history of writes, lists and watches: does it keep
 * what the API promises? W1 ordered, W2 unique, W3 reliable, W4 atomic, W5
 * resumable, W6 bookmarks, W7 selection, W8 types, W9 errors, W10 initial
 * events, W11 slow watchers; A0 nothing from nowhere, A1 no way back, A2 one
 * winner. Pure: text in, verdict out. One thread.
 * Contract: the lines below; a line that cannot be read is refused too. */
#ifndef PIN_TESTS_WATCHCHECK_H
#define PIN_TESTS_WATCHCHECK_H

#include <stddef.h>
#include <stdint.h>

/* Words separated by one space; '-' is "none"; KEY is NAMESPACE/NAME; LABEL is
 * the value of the one label l; FLOOR is the highest revision its client knew
 * before it asked.
 *
 * W OP KEY REV BASE FLOOR LABEL VALUE	acknowledged write. OP: C create,
 *		U update (of revision BASE), P patch, D delete (REV 0)
 * M OP KEY LABEL VALUE		write whose outcome is unknown
 * O ID SINCE NS SELECTOR FLAGS FLOOR	a watch; SINCE '-': unset. NS '*': all.
 *		SELECTOR * l l=x l!=x !l l@x,y n=NAME. FLAGS: i initial events,
 *		b bookmarks, y SINCE is too young to be 410, s a slow reader
 * E ID A|M|D KEY REV LABEL VALUE	event
 * B ID REV 0|1			bookmark; 1: it ends the initial events
 * X ID CODE			error, as event or as status: the end
 * C ID end|cut			ended by the server in order | torn off
 * F ID REV			still open; everything up to REV was due
 * T ID MS			longest delay of an event of this watch
 * P MS				delays above this are refused
 * L EXACT NS SELECTOR FLOOR REV	a list (EXACT '-': newest), then
 * I KEY REV LABEL VALUE	its items */

struct watchcheck_result {
	char		 why[400];	/* the first breach, "W3 line 17:" */
	uint64_t	 writes, events, lists, watches, bookmarks, gone;
	uint64_t	 versions;	/* of all objects, deletions included */
};

/* 0: everything holds. */
int	watchcheck(const char *text, size_t len, struct watchcheck_result *);

#endif
