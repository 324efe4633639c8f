/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchcheck -- the judge of watch histories, judged: good histories pass,
 * and each broken promise is refused by its name.
 * One thread.
 * Contract: tests/lib/watchcheck.h. */
#include "tap.h"
#include "watchcheck.h"

/* Three objects, 10 to 17. a leaves x at 14 and is deleted at 17. */
#define WRITES \
	"W C d/a 10 0 9 x v1\n" \
	"W C d/b 11 0 10 y v2\n" \
	"W P d/a 12 0 11 x v3\n" \
	"W C e/c 13 0 12 x v4\n" \
	"W U d/a 14 12 13 y v5\n" \
	"W P d/b 15 0 14 - v6\n" \
	"W P e/c 16 0 15 x v7\n" \
	"W D d/a 0 0 16 - -\n"
/* Somebody who saw everything. */
#define ALL \
	"O 1 9 * * - 9\n" \
	"E 1 A d/a 10 x v1\n" \
	"E 1 A d/b 11 y v2\n" \
	"E 1 M d/a 12 x v3\n" \
	"E 1 A e/c 13 x v4\n" \
	"E 1 M d/a 14 y v5\n" \
	"E 1 M d/b 15 - v6\n" \
	"E 1 M e/c 16 x v7\n" \
	"E 1 D d/a 17 y v5\n" \
	"F 1 17\n"
#define BASE	WRITES ALL

static const struct {
	const char *what, *text;
} good[] = {
	{ "nothing at all", "" },
	{ "writes and one watcher of everything", BASE },
	{ "leaving a selection is DELETED, last matching state, new revision",
	    BASE "O 2 9 * l=x - 9\nE 2 A d/a 10 x v1\nE 2 M d/a 12 x v3\n"
	    "E 2 A e/c 13 x v4\nE 2 D d/a 14 x v3\nE 2 M e/c 16 x v7\n"
	    "F 2 17\n" },
	{ "entering a selection is ADDED",
	    BASE "O 2 11 d !l - 9\nE 2 A d/b 15 - v6\nF 2 17\n" },
	{ "one name, one namespace, a set, a negation",
	    BASE "O 2 12 * n=c - 9\nE 2 A e/c 13 x v4\nE 2 M e/c 16 x v7\n"
	    "F 2 17\nO 3 13 d l@x,y - 9\nE 3 M d/a 14 y v5\nE 3 D d/b 15 y "
	    "v2\nE 3 D d/a 17 y v5\nF 3 17\nO 4 12 d l!=x - 9\nE 4 A d/a 14 "
	    "y v5\nE 4 M d/b 15 - v6\nE 4 D d/a 17 y v5\nF 4 17\n" },
	{ "torn off in the middle, resumed from what was seen",
	    BASE "O 2 9 d * - 9\nE 2 A d/a 10 x v1\nC 2 cut\nO 3 10 d * y 10\n"
	    "E 3 A d/b 11 y v2\nE 3 M d/a 12 x v3\nC 3 end\n" },
	{ "bookmarks that keep their word",
	    BASE "O 2 9 * l=y b 9\nB 2 10 0\nE 2 A d/b 11 y v2\nB 2 13 0\n"
	    "E 2 A d/a 14 y v5\nE 2 D d/b 15 y v2\nB 2 16 0\nB 2 16 0\n"
	    "E 2 D d/a 17 y v5\nF 2 17\n" },
	{ "initial events with their bookmark",
	    BASE "O 2 - * l=x ib 12\nE 2 A d/a 12 x v3\nE 2 A e/c 13 x v4\n"
	    "B 2 13 1\nE 2 D d/a 14 x v3\nE 2 M e/c 16 x v7\nF 2 17\n" },
	{ "initial events of an empty selection",
	    BASE "O 2 - * l=z ib 17\nB 2 17 1\nF 2 17\n" },
	{ "initial events the old way",
	    BASE "O 2 - d * - 12\nE 2 A d/a 12 x v3\nE 2 A d/b 11 y v2\n"
	    "E 2 M d/a 14 y v5\nE 2 M d/b 15 - v6\nE 2 D d/a 17 y v5\n"
	    "F 2 17\n" },
	{ "410 for an old revision, and for a slow reader",
	    BASE "O 2 3 * * - 9\nX 2 410\nO 3 9 * * s 9\nE 3 A d/a 10 x v1\n"
	    "X 3 410\nT 3 7\n" },
	{ "a write of unknown outcome that happened, and one that did not",
	    BASE "M C d/n - v9\nM P d/b - v8\nO 2 17 d * - 9\n"
	    "E 2 A d/n 18 - v9\nF 2 18\n" },
	{ "an unknown delete that happened",
	    BASE "M D d/b - -\nO 2 17 d * - 9\nE 2 D d/b 18 - v6\n" },
	{ "lists, newest and exact",
	    BASE "L - * * 16 16\nI d/a 14 y v5\nI d/b 15 - v6\nI e/c 16 x v7\n"
	    "L 12 d l=x 16 12\nI d/a 12 x v3\nL - * * 17 17\nI d/b 15 - v6\n"
	    "I e/c 16 x v7\n" },
	{ "one revision of two objects, in any order",
	    "W C d/a 5 0 4 - v1\nW C d/b 5 0 4 - v2\nO 1 4 * * b 4\n"
	    "E 1 A d/b 5 - v2\nE 1 A d/a 5 - v1\nB 1 5 0\nF 1 5\n" },
	{ "delays below the limit", "P 100\n" BASE "T 1 99\n" },
};

static const struct {
	const char *which, *what, *text;
} bad[] = {
	{ "W1", "an older event after a newer one",
	    WRITES "O 1 9 * * - 9\nE 1 A d/a 10 x v1\nE 1 A d/b 11 y v2\n"
	    "E 1 M d/a 12 x v3\nE 1 A d/b 11 y v2\nE 1 D d/a 17 y v5\n" },
	{ "W1", "back to the first event",
	    BASE "O 2 9 d l=x - 9\nE 2 A d/a 10 x v1\nE 2 M d/a 12 x v3\n"
	    "E 2 A d/a 10 x v1\n" },
	{ "W2", "an event twice",
	    BASE "O 2 9 * * - 9\nE 2 A d/a 10 x v1\nE 2 A d/a 10 x v1\n" },
	{ "W2", "a deletion twice",
	    BASE "O 2 16 * * - 9\nE 2 D d/a 17 y v5\nE 2 D d/a 17 y v5\n" },
	{ "W3", "an event left out",
	    BASE "O 2 9 * * - 9\nE 2 A d/a 10 x v1\nE 2 M d/a 12 x v3\n" },
	{ "W3", "a deletion left out",
	    BASE "M C d/z - v9\nO 2 15 * * - 9\nE 2 M e/c 16 x v7\n"
	    "E 2 A d/z 18 - v9\n" },
	{ "W3", "the last one never comes",
	    BASE "O 2 15 * * - 9\nE 2 M e/c 16 x v7\nF 2 17\n" },
	{ "W3", "silence instead of 410",
	    BASE "O 2 9 * * - 9\nF 2 17\n" },
	{ "W3", "an acknowledged write nobody is shown",
	    BASE "W C d/z 18 0 17 - v9\nO 2 17 * * - 9\nF 2 18\n" },
	{ "W3", "an acknowledged delete nobody is shown",
	    WRITES "O 1 16 * * - 9\nF 1 17\n" },
	{ "W3", "events after the end",
	    BASE "O 2 15 * * - 9\nC 2 end\nE 2 M e/c 16 x v7\n" },
	{ "W4", "half a revision, then the next",
	    "W C d/a 5 0 4 - v1\nW C d/b 5 0 4 - v2\nW C d/c 6 0 5 - v3\n"
	    "O 1 4 * * - 4\nE 1 A d/b 5 - v2\nE 1 A d/c 6 - v3\n" },
	{ "W4", "half a revision, then its bookmark",
	    "W C d/a 5 0 4 - v1\nW C d/b 5 0 4 - v2\nO 1 4 * * b 4\n"
	    "E 1 A d/b 5 - v2\nB 1 5 0\n" },
	{ "W4", "half a revision, then an orderly end",
	    "W C d/a 5 0 4 - v1\nW C d/b 5 0 4 - v2\nO 1 4 * * - 4\n"
	    "E 1 A d/a 5 - v1\nC 1 end\n" },
	{ "W5", "410 for a revision just seen",
	    BASE "O 2 16 * * y 16\nX 2 410\n" },
	{ "W5", "410 for a revision just seen, filtered",
	    BASE "O 2 15 d l=y yb 16\nX 2 410\n" },
	{ "W3", "resumed with a gap",
	    BASE "O 2 9 * * - 9\nE 2 A d/a 10 x v1\nC 2 cut\nO 3 10 * * y 10\n"
	    "E 3 M d/a 12 x v3\n" },
	{ "W6", "a bookmark that overtakes an event",
	    BASE "O 2 15 * * b 9\nB 2 16 0\nE 2 M e/c 16 x v7\n" },
	{ "W6", "an event from before a bookmark",
	    BASE "O 2 12 * l=x b 9\nE 2 A e/c 13 x v4\nE 2 D d/a 14 x v3\n"
	    "B 2 15 0\nE 2 A e/c 13 x v4\n" },
	{ "W6", "a bookmark that goes back",
	    BASE "O 2 11 d n=zz b 9\nB 2 15 0\nB 2 14 0\n" },
	{ "W6", "a bookmark older than the watch",
	    BASE "O 2 16 * * b 9\nB 2 15 0\n" },
	{ "W6", "a bookmark nobody asked for",
	    BASE "O 2 17 * * - 9\nB 2 17 0\n" },
	{ "W7", "an object that is not selected",
	    BASE "O 2 10 * l=x - 9\nE 2 A d/b 11 y v2\n" },
	{ "W7", "another namespace",
	    BASE "O 2 12 d * - 9\nE 2 A e/c 13 x v4\n" },
	{ "W7", "left the selection, shown in its new state",
	    BASE "O 2 13 * l=x - 9\nE 2 D d/a 14 y v5\n" },
	{ "W1", "left the selection, at its old revision",
	    BASE "O 2 12 d l=x - 9\nE 2 D d/a 12 x v3\n" },
	{ "W7", "deleted, in a state it never had",
	    BASE "O 2 16 * * - 9\nE 2 D d/a 17 x v3\n" },
	{ "W7", "another name",
	    BASE "O 2 14 * n=a - 9\nE 2 M d/b 15 - v6\n" },
	{ "W8", "MODIFIED for what is new to the selection",
	    BASE "O 2 13 d l=y - 9\nE 2 M d/a 14 y v5\n" },
	{ "W8", "ADDED for what was there",
	    BASE "O 2 11 * * - 9\nE 2 A d/a 12 x v3\n" },
	{ "W8", "DELETED for what is still selected",
	    BASE "O 2 14 * * - 9\nE 2 D d/b 15 - v6\n" },
	{ "W8", "content of another revision",
	    BASE "O 2 11 * * - 9\nE 2 M d/a 12 x v1\n" },
	{ "W8", "a deletion of what was not there",
	    BASE "O 2 17 * * - 9\nE 2 D d/a 18 y v5\n" },
	{ "W9", "500 instead of 410", BASE "O 2 3 * * - 9\nX 2 500\n" },
	{ "W9", "504 for an old revision", BASE "O 2 3 * * - 9\nX 2 504\n" },
	{ "W10", "no bookmark after the initial events",
	    BASE "O 2 - d * ib 15\nE 2 A d/a 14 y v5\nE 2 A d/b 15 - v6\n"
	    "E 2 D d/a 17 y v5\n" },
	{ "W10", "two of them",
	    BASE "O 2 - d * ib 17\nE 2 A d/b 15 - v6\nB 2 17 1\nB 2 17 1\n" },
	{ "W10", "one though nobody asked",
	    BASE "O 2 17 d * b 17\nB 2 17 1\n" },
	{ "W10", "an object left out of the initial events",
	    BASE "O 2 - * * ib 15\nE 2 A d/a 14 y v5\nE 2 A e/c 13 x v4\n"
	    "B 2 15 1\n" },
	{ "W10", "a deleted object among the initial events",
	    BASE "O 2 - d * ib 17\nE 2 A d/a 14 y v5\nE 2 A d/b 15 - v6\n"
	    "B 2 17 1\n" },
	{ "W10", "a live event among the initial ones",
	    BASE "O 2 - d * ib 14\nE 2 A d/a 14 y v5\nE 2 M d/b 15 - v6\n"
	    "B 2 15 1\n" },
	{ "W10", "the old way, an object missing",
	    BASE "O 2 - * * - 15\nE 2 A d/a 14 y v5\nE 2 A e/c 13 x v4\n"
	    "F 2 17\n" },
	{ "W10", "the old way, a gap behind it",
	    BASE "O 2 - d * - 12\nE 2 A d/a 12 x v3\nE 2 A d/b 11 y v2\n"
	    "E 2 M d/b 15 - v6\nF 2 17\n" },
	{ "W11", "a slow watcher that is never cut",
	    BASE "O 2 9 * * s 9\nE 2 A d/a 10 x v1\n" },
	{ "W11", "a slow watcher without a word",
	    BASE "O 2 - * * s 9\n" },
	{ "W11", "a fast watcher that had to wait",
	    "P 100\n" BASE "T 1 101\n" },
	{ "W11", "another that had to wait",
	    "P 100\n" BASE "O 2 16 d l=y b 9\nE 2 D d/a 17 y v5\nT 2 5000\n" },
	{ "A0", "an object from nowhere",
	    BASE "O 2 17 * * - 9\nE 2 A d/q 18 - v9\n" },
	{ "A0", "a delete from nowhere",
	    BASE "O 2 17 * * - 9\nE 2 D d/b 18 - v6\n" },
	{ "A1", "initial events older than what was known",
	    BASE "O 2 - d l=x ib 15\nE 2 A d/a 12 x v3\nB 2 13 1\n" },
	{ "A1", "a list older than what was known",
	    BASE "L - d * 15 14\nI d/a 14 y v5\nI d/b 11 y v2\n" },
	{ "A1", "a write before an earlier one",
	    BASE "W P d/b 18 0 18 - v9\n" },
	{ "A2", "two updates of one revision both win",
	    "W C d/a 5 0 4 - v1\nW U d/a 6 5 5 - v2\nW U d/a 7 5 5 - v3\n" },
	{ "A2", "created over what was there",
	    "W C d/a 5 0 4 - v1\nW C d/a 6 0 5 - v2\n" },
	{ "A2", "changed after its deletion",
	    BASE "W P d/a 18 0 17 - v8\n" },
	{ "A3", "a list with an object missing",
	    BASE "L - * * 15 16\nI d/a 14 y v5\nI e/c 16 x v7\n" },
	{ "A3", "a list of two revisions",
	    BASE "L 14 * * 15 14\nI d/a 14 y v5\nI d/b 15 - v6\n"
	    "I e/c 13 x v4\n" },
	{ "A3", "a list at another revision",
	    BASE "L 12 d l=x 16 13\nI d/a 12 x v3\n" },
	{ "A3", "a list out of order",
	    BASE "L - * * 16 16\nI d/b 15 - v6\nI d/a 14 y v5\n"
	    "I e/c 16 x v7\n" },
	{ "line", "a line that is none", BASE "E 1 A\n" },
	{ "line", "an event of no watch", BASE "E 7 A d/a 10 x v1\n" },
};

int
main(void)
{
	struct watchcheck_result res;
	char want[16];
	size_t i;
	int rc;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		rc = watchcheck(good[i].text, strlen(good[i].text), &res);
		if (!OK(rc == 0, "accepted: %s", good[i].what))
			tap_diag("%s", res.why);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rc = watchcheck(bad[i].text, strlen(bad[i].text), &res);
		snprintf(want, sizeof(want), "%s ", bad[i].which);
		if (!OK(rc != 0 && strncmp(res.why, want, strlen(want)) == 0,
		    "refused, %s: %s", bad[i].which, bad[i].what))
			tap_diag("%s", rc == 0 ? "accepted" : res.why);
	}
	watchcheck(BASE, strlen(BASE), &res);
	CHECK_UINT(res.writes, 8);
	CHECK_UINT(res.events, 8);
	CHECK_UINT(res.versions, 8);
	return (tap_done());
}
