/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_int.h -- the writer of OpenAPI documents: what its three files
 * share. One writer makes one document, version 2 or 3.
 * One thread a writer. Contract: openapi.h. */
#ifndef PINTLE_OPENAPI_INT_H
#define PINTLE_OPENAPI_INT_H

#include "core/apiserver/apiserver.h"

/* Types without a row that a document refers to. */
enum { OA_QUANTITY, OA_INTORSTRING, OA_TIME, OA_MICROTIME, OA_DURATION,
    OA_RAW, OA_FIELDS, OA_JSON, OA_PATCH, OA__COUNT };

struct openapi {
	struct pin_out	 o;
	const struct pin_schema *sc;
	uint32_t	 version;	/* 2 or 3 */
	uint32_t	 special;	/* OA_... bits that are referred to */
	uint8_t		*need;		/* a type is referred to */
	uint32_t	*queue;		/* types still to look into */
	uint32_t	 nqueue, pad;
};

/* openapi_schema.c */
void	openapi_need(struct openapi *, uint32_t type);
void	openapi_ref(struct openapi *, uint32_t type);	/* {"$ref":...} */
void	openapi_special_ref(struct openapi *, uint32_t special);
void	openapi_schemas(struct openapi *);	/* members of schemas {...} */
uint32_t openapi_type(const struct openapi *, const char *name);

/* openapi_path.c: members of "paths" for one group version. */
void	openapi_paths(struct openapi *, const struct pin_gv_row *, int *n);

#endif
