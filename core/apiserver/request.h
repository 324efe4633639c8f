/* SPDX-License-Identifier: BSD-2-Clause
 *
 * request.h -- one API request on its way through the pipeline: what was
 * asked, who asks, the objects it carries, and the step it is at.
 * Thread: the front loop of its exchange, from begin to end.
 * Contract: core/apiserver/README.md draws the way; pipeline.c has the
 * tables of steps. */
#ifndef PINTLE_REQUEST_H
#define PINTLE_REQUEST_H

#include <pintle/admission.h>
#include <pintle/store.h>

#include "core/api/conform.h"
#include "core/http/exchange.h"

struct apiserver;
struct front;

/* ---- what was asked ------------------------------------------------- */

/* As upstream's RequestInfo. Strings are decoded, in the request's arena. */
struct request_info {
	uint32_t	 is_resource;
	uint32_t	 verb_bit;	/* PIN_VERB_..., 0 for none of them */
	struct pin_str	 verb;		/* "get", "list", "deletecollection" */
	struct pin_str	 prefix;	/* "api" or "apis" */
	struct pin_str	 group, version, resource, subresource;
	struct pin_str	 namespace, name;
	struct pin_str	 path;		/* decoded */
};

/* Query parameters of all verbs, checked when they are read. */
struct request_options {
	struct pin_str	 label_selector, field_selector;
	struct pin_str	 resource_version, version_match, continue_token;
	struct pin_str	 field_manager, field_validation;
	struct pin_str	 propagation, timeout;
	struct pin_str	 dry_run_all;	/* ["All","x": what dryRun is */
	struct pin_str	 bad_list, bad_grace;	/* what is wrong with a
						 * number */
	uint32_t	 dry_run_bad;	/* something but All is among it */
	int64_t		 limit;
	int64_t		 timeout_s;	/* -1: not given */
	int64_t		 grace_s;	/* -1: not given */
	uint32_t	 watch, bookmarks, dry_run, pretty;
	int32_t		 send_initial;	/* -1 not given, 0, 1 */
	int32_t		 orphan;	/* orphanDependents: -1, 0, 1 */
	int32_t		 force;		/* -1, 0, 1 */
	uint32_t	 ignore_read_error;
};

/* How the answer is written. */
enum { OUT_JSON = 0, OUT_YAML = 1, OUT_TABLE = 2, OUT_META = 3,
    OUT_META_LIST = 4 };

struct output {
	uint32_t	 form;		/* OUT_... */
	uint32_t	 yaml;		/* form in YAML instead of JSON */
	uint32_t	 beta;		/* meta.k8s.io/v1beta1 wanted */
	uint32_t	 include;	/* Table: 0 Metadata, 1 None, 2
					 * Object */
};

/* ---- the request ---------------------------------------------------- */

struct request;

enum { STEP_NEXT = 0, STEP_WAIT = 1, STEP_DONE = 2 };

/* A step goes on (NEXT), waits for something that calls request_resume
 * (WAIT), or has answered (DONE: the request is gone). */
typedef int step_fn(struct request *);

struct step {
	const char	*name;		/* in decisions[] and /metrics */
	step_fn		*run;
};

/* What is invalid, when its causes are known: 422 of group, kind, name. */
struct refusal {
	struct pin_causes *causes;	/* NULL: none */
	struct pin_str	 group, kind, name;
	struct pin_str	 go_on;		/* continue token of a 410 */
};

#define REQUEST_WARNINGS_MAX	8
#define REQUEST_RETRIES_MAX	5	/* lost compare-and-swaps */

struct request {
	uint32_t	 magic;
	uint32_t	 step;		/* index in steps */
	const struct step *steps;
	struct exchange	*ex;
	struct apiserver *srv;
	struct front	*front;
	struct pin_arena *arena;	/* the exchange's */
	struct pin_set	*set;		/* plugin set this request began with */

	struct request_info info;
	struct request_options opt;
	struct output	 out;
	const struct pin_res_row *res;
	const struct pin_sub_row *sub;
	struct pin_user	 user;

	struct pin_str	 body;
	struct pin_obj	*options;	/* DeleteOptions and the like */
	struct pin_obj	*sent;		/* what the client sent, conformed */
	struct pin_obj	*old;		/* what is stored (canonical form) */
	struct pin_buf	*old_bytes;
	uint64_t	 old_rev;
	struct pin_obj	*obj;		/* what shall be stored */
	uint32_t	 operation;	/* PIN_OP_... */
	uint32_t	 retries;
	uint32_t	 patch_kind;	/* PIN_PATCH_..., 0: none */
	uint32_t	 generated;	/* the name was made from
					 * generateName */
	uint32_t	 changed;	/* not conformed yet */
	uint32_t	 committed;	/* a transaction was sent */
	uint32_t	 applied;	/* by server-side apply */
	uint32_t	 vanish;	/* a delete removes the key */
	uint32_t	 finish_step;	/* where another name is generated */
	uint32_t	 retry_step;	/* where a lost race begins again */
	struct pin_type	 type;		/* of obj and old: the resource's */
	struct pin_buf	*new_bytes;	/* obj as it shall be stored */
	uint64_t	 want_rev;	/* the client's resourceVersion, or 0 */
	struct pin_str	 key;		/* in the store */
	struct pin_str	 uid;		/* of the request: audit id */

	struct chain	*chain;		/* chain.c: the running chain */
	uint32_t	 pad2;
	uint32_t	 gone;		/* the client left */
	uint32_t	 flow;		/* priority level, seat taken */
	uint32_t	 nwarnings;
	struct pin_str	 warnings[REQUEST_WARNINGS_MAX];

	struct pin_msg	 msg;		/* to come back to the front */
	struct pin_txn_result result;	/* of the commit */
	struct pin_err	 err;
	struct refusal	 refusal;	/* with err PIN_EINVALID */
	uint32_t	 bare;		/* err is a 500 with a text alone */
	uint32_t	 pad3;
	struct request	*next;		/* in a queue of the front */
	uint64_t	 wait_revision, wait_until_ns;
	int		(*answer)(struct request *); /* instead of the object */
	void		*alloc;		/* what the strategy holds
					 * (addresses) */
	void		*verb;		/* the verb's own state */
};

/* ---- pipeline.c ----------------------------------------------------- */

extern const struct exchange_handler apiserver_handler;
void	request_run(struct request *);		/* from its current step */
void	request_resume(struct request *);	/* go on after a STEP_WAIT */
/* Replaces the steps still to come; the next one to run is steps[0]. */
int	request_steps(struct request *, const struct step *);
void	request_warn(struct request *, const char *fmt, ...) PIN_PRINTF(2, 3);

/* ---- route.c, query.c ----------------------------------------------- */

int	request_route(struct request *);	/* fills info and res */
int	request_query(struct request *, struct pin_err *);
/* Are the options valid? kind: "ListOptions", "CreateOptions", ... Otherwise
 * PIN_EINVALID, all causes in r->refusal. */
void	query_dry_run(struct request *, struct pin_str);
int	query_check(struct request *, const char *kind);
void	request_deprecated(struct request *);	/* may warn */
int	url_decode(struct pin_arena *, struct pin_str in, int plus,
	    struct pin_str *out);
/* Iterates "a=b&c=d": 1 while there is a pair, decoded. */
int	query_next(struct pin_arena *, struct pin_str *rest,
	    struct pin_str *name, struct pin_str *value);

/* ---- reply.c: answers; all return STEP_DONE -------------------------- */

int	reply_bytes(struct request *, int status, const char *type,
	    struct pin_str);
/* Takes the reference. */
int	reply_buf(struct request *, int status, const char *type,
	    PIN_OWN struct pin_buf *);
/* A Status of what r->err says, with details of this request. */
int	reply_error(struct request *);
int	reply_err(struct request *, int code, const char *fmt, ...)
    PIN_PRINTF(3, 4);
int	reply_causes(struct request *, struct pin_str kind_group,
	    struct pin_str kind, struct pin_str name,
	    const struct pin_causes *);
/* Into r->refusal and r->err, for reply_error; kind NULL: of the object. */
int	request_refuse(struct request *, const char *kind, int type,
	    const char *field, struct pin_str value, const char *detail);
/* A value as a cause shows it; in the request's arena. */
struct pin_str request_quoted(struct request *, struct pin_str);
/* An error that upstream knows no reason for: 500 and a text. */
int	request_bare(struct request *, const char *fmt, ...)
    PIN_PRINTF(2, 3);
/* {"kind":"Status","status":"Success","details":{...}}. */
int	reply_success(struct request *, struct pin_str uid);
/* A stored object of r->res: stored bytes and revision, in r->out's form. */
int	reply_object(struct request *, int status, struct pin_buf *bytes,
	    uint64_t revision);
/* An object that is nobody's stored bytes (reviews, scale), as it is. */
int	reply_obj(struct request *, int status, const struct pin_obj *);
/* Body of a Status in arena. */
struct pin_str status_body(struct request *, int code, struct pin_str message,
	    const struct pin_causes *);

/* ---- negotiate.c ---------------------------------------------------- */

/* Reads Accept into r->out; tables: are Table and metadata forms offered? */
int	negotiate(struct request *, int tables);
/* Decodes r->body by Content-Type into an object as it came (not conformed).
 * type: what protobuf may hold (checked against its kind). Errors are Status
 * ready: 400, 415. strict gets YAML and JSON duplicate reports. */
int	kind_known(struct request *, struct pin_str api_version,
	    struct pin_str kind);
int	body_known(struct request *);	/* Content-Type: 415 in r->err */
/* What a body must be: its apiVersion, and *kind. */
struct pin_str body_kind(struct request *, const char **kind);
struct pin_str version_part(struct pin_str api_version);
#define BODY_NOT_A	" cannot be handled as a "
int	body_decode(struct request *, PIN_OWN struct pin_obj **out,
	    struct pin_strict *);

/* ---- keys.c --------------------------------------------------------- */

/* "/registry/pods/ns/name"; name none: the prefix of a namespace or, both
 * none, of the resource; always ends with '/' then. */
struct pin_str	store_key(struct pin_arena *, const struct pin_schema *,
	    const struct pin_res_row *, struct pin_str ns,
	    struct pin_str name);
/* Which resource a stored key belongs to, and its names. */
const struct pin_res_row *key_resource(const struct apiserver *,
	    struct pin_str key, struct pin_str *ns, struct pin_str *name);
/* Bytes of `stored` with the revision put in; a new buf, or NULL. */
struct pin_buf *splice_revision(struct pin_buf *stored, uint64_t revision);
/* The same appended to out; drop: bytes of the head to leave out (list
 * items carry no apiVersion and kind). */
void	splice_write(struct pin_out *, struct pin_buf *stored,
	    uint64_t revision, int as_item);

/* r->patch_kind beside lib/patch's three. */
#define PATCH_APPLY	100

/* ---- body.c --------------------------------------------------------- */

/* Reports as fieldValidation wishes: warnings, or an error in r->err. */
int	body_strict(struct request *, const struct pin_strict *);
struct pin_type	request_type(const struct request *);	/* the resource's */

/* ---- meta.c --------------------------------------------------------- */

int	meta_create(struct request *);	/* uid, times, generation, name */
int	meta_update(struct request *);	/* what a client may not change */

#endif
