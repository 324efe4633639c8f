/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_root.c -- the paths beside the resources: discovery's, the
 * version's and those of OpenID.
 * One thread a writer.
 * Contract: openapi_int.h. */
#include "core/apiserver/openapi_int.h"

#include <string.h>

static const struct {
	const char	*path;		/* NULL: made of the group */
	const char	*tag, *id;
	const char	*type;		/* NULL: a string */
	uint32_t	 media;
	uint32_t	 special;
	uint32_t	 consumes;
	uint32_t	 secure;	/* "schemes" is said in v2 */
} roots[OA_ROOT__COUNT] = {
	[OA_ROOT_API] = { "/api/", "core", "getCoreAPIVersions",
	    "meta.v1.APIVersions", OA_MEDIA_API, OA__COUNT, OA_MEDIA_API, 1 },
	[OA_ROOT_APIS] = { "/apis/", "apis", "getAPIVersions",
	    "meta.v1.APIGroupList", OA_MEDIA_API, OA__COUNT, OA_MEDIA_API, 1 },
	[OA_ROOT_GROUP] = { NULL, NULL, "APIGroup", "meta.v1.APIGroup",
	    OA_MEDIA_API, OA__COUNT, OA_MEDIA_API, 1 },
	[OA_ROOT_GV] = { NULL, NULL, "APIResources", "meta.v1.APIResourceList",
	    OA_MEDIA_API, OA__COUNT, OA_MEDIA_API, 1 },
	[OA_ROOT_VERSION] = { "/version/", "version", "getCodeVersion", NULL,
	    OA_MEDIA_JSON, OA_VERSION, OA_MEDIA_JSON, 1 },
	[OA_ROOT_ISSUER] = { "/.well-known/openid-configuration/",
	    "WellKnown", "getServiceAccountIssuerOpenIDConfiguration", NULL,
	    OA_MEDIA_JSON, OA__COUNT, OA_MEDIA_NONE, 1 },
	[OA_ROOT_KEYS] = { "/openid/v1/jwks/", "openid",
	    "getServiceAccountIssuerOpenIDKeyset", NULL, OA_MEDIA_JWKS,
	    OA__COUNT, OA_MEDIA_NONE, 1 },
};

static void
put_path(struct openapi *a, uint32_t which, const struct pin_gv_row *gv)
{
	const char *group;

	pin_out_printf(&a->o, "%s\"", a->npaths++ > 0 ? "," : "");
	if (roots[which].path != NULL) {
		pin_out_cstr(&a->o, roots[which].path);
	} else {
		group = pin_schema_str(a->sc, gv->group);
		pin_out_printf(&a->o, "/%s%s%s/", *group ? "apis" : "api",
		    *group ? "/" : "", group);
		if (which == OA_ROOT_GV)
			pin_out_printf(&a->o, "%s/",
			    pin_schema_str(a->sc, gv->version));
	}
	pin_out_cstr(&a->o, "\":{\"get\":{");
}

static void
put_name(struct openapi *a, uint32_t which, const struct pin_gv_row *gv)
{
	if (roots[which].path != NULL) {
		pin_out_printf(&a->o, "\"operationId\":\"%s\",\"tags\":"
		    "[\"%s\"]", roots[which].id, roots[which].tag);
		return;
	}
	pin_out_cstr(&a->o, "\"operationId\":\"get");
	openapi_camel(a, pin_schema_str(a->sc, gv->group), 1);
	if (which == OA_ROOT_GV)
		openapi_camel(a, pin_schema_str(a->sc, gv->version), 1);
	pin_out_printf(&a->o, "%s\",", roots[which].id);
	openapi_tag(a, gv, which == OA_ROOT_GV);
}

void
openapi_root(struct openapi *a, uint32_t which, const struct pin_gv_row *gv)
{
	uint32_t type = roots[which].type == NULL ? PIN_NONE :
	    openapi_type(a, roots[which].type);

	put_path(a, which, gv);
	if (a->version == 2) {
		if (roots[which].consumes != OA_MEDIA_NONE) {
			pin_out_cstr(&a->o, "\"consumes\":");
			openapi_media(a, roots[which].consumes);
			pin_out_char(&a->o, ',');
		}
		pin_out_cstr(&a->o, "\"produces\":");
		openapi_media(a, roots[which].media);
		pin_out_cstr(&a->o, ",\"schemes\":[\"https\"],");
	}
	put_name(a, which, gv);
	pin_out_cstr(&a->o, ",\"responses\":{");
	openapi_response(a, "200", "OK", roots[which].media, type,
	    roots[which].special);
	pin_out_cstr(&a->o, "\"401\":{\"description\":\"Unauthorized\"}}}}");
}
