/* SPDX-License-Identifier: BSD-2-Clause
 *
 * authenv -- opens an auth plugin for tests, with a small cluster that exists
 * in memory only, and asks it from several loops at once, as fronts do.
 * Threads: ae_put from one thread at a time; ae_ask from any.
 * Contract: a helper that fails at what is not being tested ends the test. */
#ifndef PIN_TESTS_AUTHENV_H
#define PIN_TESTS_AUTHENV_H

#include <pintle/auth.h>

#include "core/loader/loader_int.h"

#define AE_LOOPS	4
#define AE_TEXT_MAX	2048

/* ---- the cluster ------------------------------------------------------ */

/* Stores an object (JSON) and tells the views; json NULL deletes it. ns "":
 * cluster scope. */
void	 ae_put(const char *group, const char *resource, const char *ns,
	    const char *name, const char *json);
void	 ae_clear(void);
int	 ae_views(void);		/* open views */
void	 ae_blind(int);			/* 1: plugins get no views, no reads */

/* ---- the plugin ------------------------------------------------------- */

struct ae {
	void		*handle;
	const struct pin_plugin *plugin;
	struct pin_env	*env;
	struct pin_conf	*conf;
	void		*self;
	struct pin_stage stage;
};

/* opts: "issuer=https://x cache=4", or NULL. What open said. */
int	 ae_open(struct ae *, const char *name, const char *opts,
	    const char *data, struct pin_err *);
void	 ae_close(struct ae *);

/* ---- questions -------------------------------------------------------- */

/* What came back, as text: "name/uid [g1 g2] {k=v} <aud>" of a user, or the
 * note of a decision; err: of a NO, a DENY, or an error. */
struct ae_answer {
	int		 verdict;
	char		 text[AE_TEXT_MAX];
	char		 err[AE_TEXT_MAX];
};

void	 ae_who(struct ae *, int loop, const struct pin_credentials *,
	    struct ae_answer *);
void	 ae_bearer(struct ae *, int loop, const char *token,
	    struct ae_answer *);
/* user: "name" or "name,group,group"; what: "verb group/resource/sub ns name"
 * ("-" for none), or "verb /path". */
void	 ae_may(struct ae *, int loop, const char *user, const char *what,
	    struct ae_answer *);
/* One line a rule. */
void	 ae_rules(struct ae *, int loop, const char *user, const char *ns,
	    struct ae_answer *);
/* Runs fn(arg, i) on loop i for each of the loops at once; waits for all. */
void	 ae_all(void (*fn)(void *arg, int loop), void *arg);
void	 ae_one(void (*fn)(void *arg, int loop), void *arg);	/* loop 0 */
/* Inside such a fn, without waiting: the questions above may not be asked
 * there, but these may. */
int	 ae_may_here(struct ae *, int loop, const struct pin_user *,
	    const struct pin_attributes *, struct ae_answer *);
int	 ae_who_here(struct ae *, int loop, const struct pin_credentials *,
	    struct ae_answer *);
void	 ae_user(const char *text, struct pin_user *, struct pin_str groups[16],
	    char *copy, size_t size);
void	 ae_attributes(const char *text, struct pin_attributes *, char *copy,
	    size_t size);

/* ---- tokens ----------------------------------------------------------- */

/* A fresh key pair; the public half goes to FILE in tap_tmp(), whose path is
 * returned (static). */
struct tls_key *ae_key(const char *file, const char **path);
/* HEAD "." CLAIMS "." signature in base64url; head NULL: the key's own.
 * Heap. */
char	*ae_token(struct tls_key *, const char *head, const char *claims);

void	 ae_init(void);			/* first; opens the loops */
void	 ae_fini(void);

#endif
