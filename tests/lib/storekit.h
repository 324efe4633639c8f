/* SPDX-License-Identifier: BSD-2-Clause
 *
 * storekit -- what the contract tests of the kind `store` share: each plugin
 * and consensus in turn, and short questions with a remark on a wrong answer.
 * Main thread only.
 * Contract: sk_each runs every test against every row of sk_combos. */
#ifndef PIN_TESTS_STOREKIT_H
#define PIN_TESTS_STOREKIT_H

#include "storeenv.h"

struct sk_combo {
	const char	*store, *cons;
	int		 lasts;		/* over a restart */
};

extern const struct sk_combo sk_combos[];
extern const struct sk_combo *sk_now;
extern struct se se;			/* the store under test */

void	 sk_each(void (*const *tests)(void), size_t n);
const char *sk_name(void);		/* "lmdb+solo" */
const char *sk_dir(void);
void	 sk_fresh(const char *opts);	/* a store of its own, started */
void	 sk_open_with(const char *opts);
void	 sk_reopen(const char *opts);
int	 sk_is_get(const char *key, uint64_t at, const char *want);
int	 sk_is_range(const char *start, const char *end, uint64_t at,
	    const char *want);
int	 sk_is_history(uint64_t first, uint64_t last, const char *prefix,
	    const char *want);
int	 sk_get_rc(const char *key, uint64_t at);
int	 sk_history_rc(uint64_t first, uint64_t last);
void	 sk_kv_of(const char *key, struct pin_kv *);

#endif
