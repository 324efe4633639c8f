/* SPDX-License-Identifier: BSD-2-Clause
 *
 * storeenv -- opens a store and a consensus plugin for tests, without a
 * configuration file, and waits for their answers.
 * Threads: the calls that wait may be used from several at once.
 * Contract: a helper that fails at what is not being tested ends the test. */
#ifndef PIN_TESTS_STOREENV_H
#define PIN_TESTS_STOREENV_H

#include <pthread.h>
#include <stdatomic.h>

#include <pintle/store.h>

struct se_plugin {
	void		*handle;
	const struct pin_plugin *plugin;
	struct pin_env	*env;
	struct pin_conf	*conf;
	void		*self;
};

struct se {
	struct pin_host	*host;
	const char	*data;
	struct se_plugin store, cons;
	const struct pin_store_ops *ops;
	const struct pin_consensus_ops *cops;	/* NULL: none */
	int		 started;
	atomic_int	 fatal;		/* times the sink heard of it */
	struct pin_err	 fatal_err;
	/* What the sink got; set before se_start. */
	pin_store_committed_fn *committed;
	void		*committed_arg;
};

/* opts: "store.ring=1Mi consensus.segment=64Ki", or NULL. cons: NULL for
 * none. Opens, does not start. */
int	 se_open(struct se *, struct pin_host *, const char *store,
	    const char *cons, const char *data, const char *opts,
	    struct pin_err *);
int	 se_start(struct se *, struct pin_err *);
void	 se_stop(struct se *);
void	 se_close(struct se *);		/* stops first */

/* One transaction, waited for. Keys and values are text. */
struct se_txn {
	struct pin_cmp	 cmps[PIN_TXN_OPS_MAX];
	struct pin_op	 ops[PIN_TXN_OPS_MAX];
	uint32_t	 ncmps, nops;
};
void	 se_cmp(struct se_txn *, const char *key, uint64_t mod_rev);
void	 se_put_op(struct se_txn *, const char *key, const char *value);
void	 se_del_op(struct se_txn *, const char *key);
/* Gives back the values; the result's err is not kept. */
int	 se_run(struct se *, struct se_txn *, struct pin_txn_result *);

/* Revision of the write, or a negative error. */
int64_t	 se_put(struct se *, const char *key, const char *value);
int64_t	 se_put_ttl(struct se *, const char *key, const char *value,
	    uint32_t ttl_s);
int64_t	 se_put_len(struct se *, const char *key, size_t len, uint32_t seed);
int64_t	 se_cas(struct se *, const char *key, const char *value,
	    uint64_t mod_rev);
int64_t	 se_del(struct se *, const char *key);
int	 se_compact(struct se *, uint64_t revision);
/* "value" as a heap string, NULL when there is none; *rc may be NULL. */
char	*se_get(struct se *, const char *key, uint64_t at, struct pin_kv *,
	    int *rc);
/* "a=1,b=2" of a range; NULL on error. */
char	*se_range(struct se *, const char *start, const char *end,
	    uint64_t at, uint64_t limit, struct pin_range_result *, int *rc);
/* "4:a=1,5:-a,..." of history. */
char	*se_history(struct se *, uint64_t first, uint64_t last,
	    const char *prefix, int *rc);
uint64_t se_revision(struct se *);
void	 se_status(struct se *, struct pin_store_status *);

/* The value se_put_len writes. */
void	 se_fill(char *p, size_t len, uint32_t seed);

#endif
