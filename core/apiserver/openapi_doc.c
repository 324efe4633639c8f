/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_doc.c -- whole OpenAPI documents: the one of version 2, and the
 * many of version 3 by their index.
 * One thread a writer.
 * Contract: openapi_int.h. */
#include "core/apiserver/openapi_int.h"

#include <pintle/err.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The version of the API that is described. */
#define API_VERSION	"1.35"
#define BEARER		"{\"BearerToken\":{\"in\":\"header\",\"name\":"	\
    "\"authorization\",\"type\":\"apiKey\"}}"

void
openapi_init(struct openapi *a, const struct pin_schema *sc, uint32_t version)
{
	memset(a, 0, sizeof(*a));
	a->sc = sc;
	a->version = version;
	pin_out_init(&a->o, NULL, OPENAPI_DOC_MAX);
	a->need = pin_xcalloc(sc->ntypes, 1);
	a->queue = pin_xcalloc(sc->ntypes, sizeof(*a->queue));
}

void
openapi_fini(struct openapi *a)
{
	pin_out_fini(&a->o);
	free(a->need);
	free(a->queue);
}

/* Is gv[i] the first served of its group? */
static int
first_of_group(const struct pin_schema *sc, uint32_t i)
{
	uint32_t k;

	if (sc->gvs[i].nres == 0 || *pin_schema_str(sc, sc->gvs[i].group) ==
	    '\0')
		return (0);
	for (k = 0; k < i; k++)
		if (sc->gvs[k].nres > 0 &&
		    sc->gvs[k].group == sc->gvs[i].group)
			return (0);
	return (1);
}

void
openapi_v2(struct openapi *a)
{
	static const uint32_t roots[] = { OA_ROOT_ISSUER, OA_ROOT_API,
	    OA_ROOT_APIS, OA_ROOT_KEYS, OA_ROOT_VERSION };
	const struct pin_schema *sc = a->sc;
	uint32_t i;

	pin_out_cstr(&a->o, "{\"swagger\":\"2.0\",\"info\":{\"title\":"
	    "\"Kubernetes\",\"version\":\"" API_VERSION "\"},\"paths\":{");
	for (i = 0; i < PIN_LEN(roots); i++)
		openapi_root(a, roots[i], NULL);
	for (i = 0; i < sc->ngvs; i++) {
		if (first_of_group(sc, i))
			openapi_root(a, OA_ROOT_GROUP, &sc->gvs[i]);
		if (sc->gvs[i].nres > 0)
			openapi_paths(a, &sc->gvs[i]);
	}
	pin_out_cstr(&a->o, "},\"definitions\":{");
	openapi_schemas(a);
	pin_out_cstr(&a->o, "},\"securityDefinitions\":" BEARER
	    ",\"security\":[{\"BearerToken\":[]}]}\n");
}

static void
v3_begin(struct openapi *a)
{
	pin_out_cstr(&a->o, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":"
	    "\"Kubernetes\",\"version\":\"" API_VERSION "\"},\"paths\":{");
}

static void
v3_end(struct openapi *a)
{
	size_t start;

	pin_out_cstr(&a->o, "},\"components\":{");
	start = a->o.len;
	if (a->nqueue > 0 || a->special != 0) {
		pin_out_cstr(&a->o, "\"schemas\":{");
		openapi_schemas(a);
		pin_out_char(&a->o, '}');
	}
	pin_out_printf(&a->o, "%s\"securitySchemes\":" BEARER "}}\n",
	    a->o.len > start ? "," : "");
}

/* The documents are: those of fixed names, then a group's, then those of its
 * versions. */
int
openapi_v3(const struct pin_schema *sc, uint32_t i, char name[160],
    struct openapi *a)
{
	static const struct {
		const char	*name;
		uint32_t	 root;
	} fixed[] = {
		{ ".well-known/openid-configuration", OA_ROOT_ISSUER },
		{ "api", OA_ROOT_API }, { "apis", OA_ROOT_APIS },
		{ "openid/v1/jwks", OA_ROOT_KEYS },
		{ "version", OA_ROOT_VERSION },
	};
	const char *group;
	uint32_t k, n = PIN_LEN(fixed);
	int whole = 0;

	for (k = 0; i >= n && k < sc->ngvs; k++) {
		whole = first_of_group(sc, k) && i == n;
		n += (uint32_t)first_of_group(sc, k);
		if (whole || (sc->gvs[k].nres > 0 && i == n++))
			break;
	}
	if (i >= PIN_LEN(fixed) && k == sc->ngvs)
		return (0);
	if (i < PIN_LEN(fixed)) {
		snprintf(name, 160, "%s", fixed[i].name);
	} else {
		group = pin_schema_str(sc, sc->gvs[k].group);
		snprintf(name, 160, "%s%s%s%s%s", *group ? "apis" : "api",
		    *group ? "/" : "", group, whole ? "" : "/", whole ? "" :
		    pin_schema_str(sc, sc->gvs[k].version));
	}
	if (a == NULL)
		return (1);
	v3_begin(a);
	if (i < PIN_LEN(fixed))
		openapi_root(a, fixed[i].root, NULL);
	else if (whole)
		openapi_root(a, OA_ROOT_GROUP, &sc->gvs[k]);
	else
		openapi_paths(a, &sc->gvs[k]);
	v3_end(a);
	return (1);
}
