/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_text.c -- the pieces that paths are made of: names in camel case,
 * media types, responses.
 * One thread a writer.
 * Contract: openapi_int.h. */
#include "core/apiserver/openapi_int.h"

#include <ctype.h>
#include <string.h>

/* The end that names of groups have and operations have not. */
static size_t
stem_len(const char *s)
{
	size_t n = strlen(s);

	if (n > 7 && strcmp(s + n - 7, ".k8s.io") == 0)
		n -= 7;
	return (n);
}

void
openapi_camel(struct openapi *a, const char *s, int upper)
{
	size_t n = stem_len(s), i;
	int up = upper;

	if (n == 0)
		pin_out_cstr(&a->o, upper ? "Core" : "core");
	for (i = 0; i < n; i++) {
		if (s[i] == '.') {
			up = 1;
			continue;
		}
		pin_out_char(&a->o, up ? (char)toupper((unsigned char)s[i]) :
		    s[i]);
		up = 0;
	}
}

void
openapi_tag(struct openapi *a, const struct pin_gv_row *gv, int version)
{
	pin_out_cstr(&a->o, "\"tags\":[\"");
	openapi_camel(a, pin_schema_str(a->sc, gv->group), 0);
	if (version)
		pin_out_printf(&a->o, "_%s",
		    pin_schema_str(a->sc, gv->version));
	pin_out_cstr(&a->o, "\"]");
}

/* What is spoken here. Protobuf is understood and not spoken, so no list
 * names it. */
static const char *const *
media_list(uint32_t media)
{
	static const char *const lists[][6] = {
		[OA_MEDIA_NONE] = { NULL },
		[OA_MEDIA_API] = { "application/json", "application/yaml" },
		[OA_MEDIA_STREAM] = { "application/json", "application/yaml",
		    "application/json;stream=watch" },
		[OA_MEDIA_ANY] = { "*/*" },
		[OA_MEDIA_LOG] = { "text/plain", "application/json",
		    "application/yaml" },
		[OA_MEDIA_JSON] = { "application/json" },
		[OA_MEDIA_JWKS] = { "application/jwk-set+json" },
		[OA_MEDIA_PATCH] = { "application/json-patch+json",
		    "application/merge-patch+json",
		    "application/strategic-merge-patch+json",
		    "application/apply-patch+yaml" },
	};

	return (lists[media]);
}

void
openapi_media(struct openapi *a, uint32_t media)
{
	const char *const *m = media_list(media);
	int n = 0;

	pin_out_char(&a->o, '[');
	for (; *m != NULL; m++)
		pin_out_printf(&a->o, "%s\"%s\"", n++ > 0 ? "," : "", *m);
	pin_out_char(&a->o, ']');
}

static void
put_schema(struct openapi *a, uint32_t type, uint32_t special)
{
	if (special != OA__COUNT)
		openapi_special_ref(a, special);
	else if (type != PIN_NONE)
		openapi_ref(a, type);
	else
		pin_out_cstr(&a->o, "{\"type\":\"string\"}");
}

void
openapi_content(struct openapi *a, uint32_t media, uint32_t type,
    uint32_t special)
{
	const char *const *m = media_list(media);
	int n = 0;

	if (a->version == 2) {
		pin_out_cstr(&a->o, "\"schema\":");
		put_schema(a, type, special);
		return;
	}
	pin_out_cstr(&a->o, "\"content\":{");
	for (; *m != NULL; m++) {
		pin_out_printf(&a->o, "%s\"%s\":{\"schema\":", n++ > 0 ? "," :
		    "", *m);
		put_schema(a, type, special);
		pin_out_char(&a->o, '}');
	}
	pin_out_char(&a->o, '}');
}

void
openapi_response(struct openapi *a, const char *code, const char *text,
    uint32_t media, uint32_t type, uint32_t special)
{
	pin_out_printf(&a->o, "\"%s\":{\"description\":\"%s\",", code, text);
	openapi_content(a, media, type, special);
	pin_out_cstr(&a->o, "},");
}
