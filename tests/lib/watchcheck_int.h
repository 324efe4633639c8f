/* SPDX-License-Identifier: BSD-2-Clause
 *
 * watchcheck_int.h -- what reading (watchcheck_read.c), the truth
 * (watchcheck_truth.c) and the judgement (watchcheck.c) share.
 * One thread.
 * Contract: watchcheck.h. */
#ifndef PIN_TESTS_WATCHCHECK_INT_H
#define PIN_TESTS_WATCHCHECK_INT_H

#include "watchcheck.h"

#define WC_NONE		UINT32_MAX	/* '-' */
#define WC_UNSET	UINT64_MAX	/* SINCE '-' */
#define WC_GROUP_MAX	256		/* objects of one revision */

enum { WC_INITIAL = 1, WC_BOOKMARKS = 2, WC_YOUNG = 4, WC_SLOW = 8 };

struct wc_record {			/* one line */
	char		 kind;		/* the first letter */
	char		 type;		/* of a write, of an event, of an end */
	uint32_t	 line;
	uint32_t	 id;		/* watch, or list */
	uint32_t	 key, label, value;	/* words */
	uint64_t	 rev, base, floor;	/* rev: also code, ms */
};

struct wc_select {
	uint32_t	 ns, name;	/* WC_NONE: any */
	char		 op;		/* '*' 'l' '=' '!' (!=) 'x' (!l) '@' */
	uint32_t	 n;
	uint32_t	 values[8];
};

struct wc_stream {			/* a watch or a list */
	uint32_t	 id, line;
	uint32_t	 flags, open;
	uint64_t	 since, floor, exact, rev;
	struct wc_select select;
	uint32_t	*at;		/* its records, in order */
	uint32_t	 n, cap;
};

struct wc_version {
	uint64_t	 rev;
	uint32_t	 key, label, value;
	uint32_t	 prev;		/* index of the key's one before */
	uint32_t	 line;
	uint8_t		 deleted, acked;
};

struct wc_key {
	uint32_t	 word, ns, name;
	uint32_t	 first, n;	/* in by_key */
};

struct wc {
	struct watchcheck_result *res;
	int		 bad;
	char		**words;
	uint32_t	 nwords, words_cap, *hash, hash_size;
	struct wc_record *rec;
	uint32_t	 nrec, rec_cap;
	struct wc_stream *watches, *lists;
	uint32_t	 nwatches, watches_cap, nlists, lists_cap;
	struct wc_key	*keys;		/* by word */
	struct wc_version *ver;		/* by revision, then key */
	uint32_t	 nver, ver_cap;
	uint32_t	*by_key;	/* versions of a key, by revision */
	uint32_t	*key_order;	/* words that are keys, ascending */
	uint32_t	 nkeys;
	uint64_t	 delay_max;
};

void	wc_bad(struct wc *, const char *which, uint32_t line, const char *fmt,
	    ...);
void	wc_read(struct wc *, const char *text, size_t len);
void	wc_truth(struct wc *);
/* The version of key at rev, or WC_NONE. */
uint32_t wc_at(const struct wc *, uint32_t key, uint64_t rev);
/* The newest version of key at or before rev, or WC_NONE. */
uint32_t wc_as_of(const struct wc *, uint32_t key, uint64_t rev);
/* Is this version there, and selected? */
int	wc_selected(const struct wc *, const struct wc_select *, uint32_t ver);
const char *wc_word(const struct wc *, uint32_t);
void	wc_fini(struct wc *);

#endif
