/* SPDX-License-Identifier: BSD-2-Clause
 *
 * source.c -- see source.h.
 * Contract: source.h. */
#include "core/kubelet/source.h"

#include <stdlib.h>
#include <string.h>

static int
digit(int c)
{
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (c - '0' + 52);
	return (c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1);
}

/* Either alphabet. Heap, NUL-terminated; NULL: it is not base64. */
char *
base64_decode(struct pin_str s, size_t *len)
{
	char *out = pin_xmalloc(s.len / 4 * 3 + 4);
	uint32_t v = 0, bits = 0;
	size_t i, n = 0;
	int d;

	for (i = 0; i < s.len && s.p[i] != '='; i++) {
		d = digit((unsigned char)s.p[i]);
		if (d < 0) {
			free(out);
			return (NULL);
		}
		v = (v << 6 | (uint32_t)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits & 255);
		}
	}
	out[n] = '\0';
	*len = n;
	return (out);
}

static void
add(struct source *s, const struct pin_obj *o, pin_node map, int coded)
{
	pin_node n = pin_obj_first(o, map);
	struct source_item *it;
	struct pin_str v;

	for (; n != 0; n = pin_obj_next(o, n)) {
		s->item = pin_xrealloc(s->item, (s->n + 1) *
		    sizeof(*s->item));
		it = &s->item[s->n];
		v = pin_obj_str(o, n);
		it->len = v.len;
		it->value = coded ? base64_decode(v, &it->len) :
		    pin_xstrndup(v.p != NULL ? v.p : "", v.len);
		if (it->value == NULL)
			continue;
		it->key = pin_xstrndup(pin_obj_key(o, n).p,
		    pin_obj_key(o, n).len);
		s->n++;
	}
}

int
source_get(struct kpod *pod, int secret, struct pin_str name,
    struct source *s, struct pin_err *err)
{
	struct pin_obj *o;
	pin_node root;
	int rc;

	memset(s, 0, sizeof(*s));
	rc = api_get(pod->k, &o, err, "/api/v1/namespaces/%s/%s/" PIN_SFMT,
	    pod->ns, secret ? "secrets" : "configmaps", PIN_SARG(name));
	if (rc != PIN_OK)
		return (rc);
	root = pin_obj_root(o);
	add(s, o, pin_obj_get(o, root, "data"), secret);
	if (!secret)
		add(s, o, pin_obj_get(o, root, "binaryData"), 1);
	pin_obj_free(&o);
	return (PIN_OK);
}

void
source_fini(struct source *s)
{
	uint32_t i;

	for (i = 0; i < s->n; i++) {
		memset(s->item[i].value, 0, s->item[i].len);
		free(s->item[i].key);
		free(s->item[i].value);
	}
	free(s->item);
	memset(s, 0, sizeof(*s));
}

void
source_at(const struct source *s, uint32_t i, struct pin_str *key,
    struct pin_str *value)
{
	*key = (struct pin_str){ s->item[i].key, strlen(s->item[i].key) };
	*value = (struct pin_str){ s->item[i].value, s->item[i].len };
}

int
source_find(const struct source *s, struct pin_str key,
    struct pin_str *value)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (pin_str_is(key, s->item[i].key)) {
			*value = (struct pin_str){ s->item[i].value,
			    s->item[i].len };
			return (1);
		}
	return (0);
}
