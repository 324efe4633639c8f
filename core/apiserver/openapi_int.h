/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_int.h -- the writer of OpenAPI documents: what its files share.
 * One writer makes one document, version 2 or 3.
 * One thread a writer. Contract: openapi.h. */
#ifndef PINTLE_OPENAPI_INT_H
#define PINTLE_OPENAPI_INT_H

#include <pintle/arena.h>
#include <pintle/object.h>

#include "core/api/table.h"

#define OPENAPI_DOC_MAX		((size_t)32 << 20)
/* Of a document's JSON as protobuf: messages in messages. */
#define OPENAPI_PROTO_DEPTH_MAX	64

/* Types without a row that a document refers to. */
enum { OA_QUANTITY, OA_INTORSTRING, OA_TIME, OA_MICROTIME, OA_DURATION,
    OA_RAW, OA_FIELDS, OA_JSON, OA_PATCH, OA_VERSION, OA__COUNT };

struct openapi {
	struct pin_out	 o;
	const struct pin_schema *sc;
	uint32_t	 version;	/* 2 or 3 */
	uint32_t	 special;	/* OA_... bits that are referred to */
	uint8_t		*need;		/* a type is referred to */
	uint32_t	*queue;		/* types still to look into */
	uint32_t	 nqueue;
	uint32_t	 npaths;	/* written */
};

/* ---- openapi_doc.c: whole documents ---------------------------------- */

void	openapi_init(struct openapi *, const struct pin_schema *,
	    uint32_t version);
void	openapi_fini(struct openapi *);
void	openapi_v2(struct openapi *);
/* The i-th document of version 3: its name ("apis/apps/v1") and, when the
 * writer is not NULL, itself. 0: there is none. */
int	openapi_v3(const struct pin_schema *, uint32_t i, char name[160],
	    struct openapi *);

/* ---- openapi_schema.c ------------------------------------------------- */

void	openapi_need(struct openapi *, uint32_t type);
void	openapi_ref(struct openapi *, uint32_t type);	/* {"$ref":...} */
void	openapi_special_ref(struct openapi *, uint32_t special);
/* Members of schemas {...}; what they refer to follows them. */
void	openapi_schemas(struct openapi *);
uint32_t openapi_type(const struct openapi *, const char *name);

/* ---- openapi_words.c ---------------------------------------------------- */

/* What a type ("core.v1.Pod") or a member of it is, NULL: not said. */
const char *openapi_words(const char *type, const char *member);
/* The i-th row: for those who check them all. */
int	openapi_words_at(uint32_t i, const char **type, const char **member);

/* ---- openapi_path.c: members of "paths" ------------------------------- */

void	openapi_paths(struct openapi *, const struct pin_gv_row *);

/* ---- openapi_root.c: those of discovery, of the version, of OpenID ----- */

enum { OA_ROOT_API, OA_ROOT_APIS, OA_ROOT_GROUP, OA_ROOT_GV, OA_ROOT_VERSION,
    OA_ROOT_ISSUER, OA_ROOT_KEYS, OA_ROOT__COUNT };
/* gv: for GROUP and GV. */
void	openapi_root(struct openapi *, uint32_t which,
	    const struct pin_gv_row *gv);

/* ---- openapi_text.c: what all of them write --------------------------- */

/* "rbac.authorization.k8s.io" as RbacAuthorization, or rbacAuthorization;
 * core is "Core". */
void	openapi_camel(struct openapi *, const char *, int upper);
void	openapi_tag(struct openapi *, const struct pin_gv_row *, int version);

enum { OA_MEDIA_NONE, OA_MEDIA_API, OA_MEDIA_STREAM, OA_MEDIA_ANY,
    OA_MEDIA_LOG, OA_MEDIA_JSON, OA_MEDIA_JWKS, OA_MEDIA_PATCH };
/* In v2 a list of media types. */
void	openapi_media(struct openapi *, uint32_t media);
/* "200":{...}; type PIN_NONE: a string. special: OA_..., or OA__COUNT. */
void	openapi_response(struct openapi *, const char *code, const char *text,
	    uint32_t media, uint32_t type, uint32_t special);
/* In v3 "content":{...}, in v2 "schema":... */
void	openapi_content(struct openapi *, uint32_t media, uint32_t type,
	    uint32_t special);

/* ---- openapi_proto.c -------------------------------------------------- */

/* A v2 document as the message openapi.v2.Document. PIN_EINTERNAL: it has a
 * member that the message lacks. */
int	openapi_proto(struct pin_str json, struct pin_out *, struct pin_err *);

#endif
