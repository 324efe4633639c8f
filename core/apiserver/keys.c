/* SPDX-License-Identifier: BSD-2-Clause
 *
 * keys.c -- store keys as upstream spells them, and the one place where a
 * revision is put into stored bytes.
 * Pure; any thread.
 * Contract: a stored value starts with apiVersion, kind and "metadata":{ and
 * has no metadata.resourceVersion (docs/architecture.md, section 5). */
#include "core/apiserver/apiserver.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char meta_open[] = "\"metadata\":{";
#define META_OPEN_LEN	(sizeof(meta_open) - 1)
#define HEAD_MAX	256	/* apiVersion and kind of any resource */

const char *
res_group(const struct apiserver *srv, const struct pin_res_row *res)
{
	return (S(srv, srv->schema->gvs[res->gv].group));
}

const char *
res_version(const struct apiserver *srv, const struct pin_res_row *res)
{
	return (S(srv, srv->schema->gvs[res->gv].version));
}

struct pin_str
store_key(struct pin_arena *arena, const struct pin_schema *schema,
    const struct pin_res_row *res, struct pin_str ns, struct pin_str name)
{
	struct pin_str prefix = pin_str(pin_schema_str(schema, res->key));
	char *p, *q;

	PIN_ASSERT(prefix.len > 1);	/* never the whole registry */
	if ((res->flags & PIN_RF_NAMESPACED) == 0)
		ns = PIN_STR_NONE;
	p = q = pin_arena_alloc(arena, prefix.len + ns.len + name.len + 2);
	if (p == NULL)
		return (PIN_STR_NONE);
	memcpy(q, prefix.p, prefix.len);
	q += prefix.len;
	*q++ = '/';
	if (ns.len > 0) {
		memcpy(q, ns.p, ns.len);
		q += ns.len;
		*q++ = '/';
	}
	if (name.len > 0) {
		memcpy(q, name.p, name.len);
		q += name.len;
	}
	return ((struct pin_str){ p, (size_t)(q - p) });
}

/* The longest matching prefix wins: /registry/services/specs against
 * /registry/services. Resources number some seventy, so a scan would do for
 * a request; the commit path asks once an event and keeps the table sorted
 * by nothing but first use. */
const struct pin_res_row *
key_resource(const struct apiserver *srv, struct pin_str key,
    struct pin_str *ns, struct pin_str *name)
{
	const struct pin_schema *sc = srv->schema;
	const struct pin_res_row *res;
	const char *slash;
	struct pin_str rest;
	uint32_t i;
	size_t n;

	for (i = 0; i < sc->nresources; i++) {
		res = &sc->resources[i];
		if (res->key == 0 || res->store != i)
			continue;
		n = strlen(S(srv, res->key));
		if (key.len <= n + 1 || key.p[n] != '/' ||
		    memcmp(key.p, S(srv, res->key), n) != 0)
			continue;
		rest = (struct pin_str){ key.p + n + 1, key.len - n - 1 };
		*ns = PIN_STR_NONE;
		*name = rest;
		slash = memchr(rest.p, '/', rest.len);
		if ((res->flags & PIN_RF_NAMESPACED) != 0) {
			if (slash == NULL)
				continue;
			*ns = (struct pin_str){ rest.p,
			    (size_t)(slash - rest.p) };
			*name = (struct pin_str){ slash + 1,
			    rest.len - ns->len - 1 };
		} else if (slash != NULL) {
			continue;
		}
		return (res);
	}
	return (NULL);
}

/* Where the revision goes: just after "metadata":{ */
static const char *
revision_place(const struct pin_buf *b)
{
	const char *p = (const char *)b->data, *end, *q;

	end = p + (b->len < HEAD_MAX ? b->len : HEAD_MAX);
	for (q = p; q + META_OPEN_LEN <= end; q++) {
		q = memchr(q, '"', (size_t)(end - q));
		if (q == NULL || q + META_OPEN_LEN > end)
			break;
		if (memcmp(q, meta_open, META_OPEN_LEN) == 0)
			return (q + META_OPEN_LEN);
	}
	return (NULL);
}

static size_t
revision_member(char out[48], uint64_t revision, char after)
{
	return ((size_t)snprintf(out, 48, "\"resourceVersion\":\"%" PRIu64
	    "\"%s", revision, after == '}' ? "" : ","));
}

struct pin_buf *
splice_revision(struct pin_buf *stored, uint64_t revision)
{
	const char *place = revision_place(stored);
	struct pin_buf *b;
	char member[48];
	size_t head, n;

	if (place == NULL || revision == 0)	/* 0: of a dry run */
		return (pin_buf_get(stored));
	n = revision_member(member, revision, *place);
	head = (size_t)(place - (const char *)stored->data);
	b = pin_buf_new(stored->len + n);
	if (b == NULL)
		return (NULL);
	memcpy(b->data, stored->data, head);
	memcpy(b->data + head, member, n);
	memcpy(b->data + head + n, stored->data + head, stored->len - head);
	return (b);
}

void
splice_write(struct pin_out *out, struct pin_buf *stored, uint64_t revision,
    int as_item)
{
	const char *p = (const char *)stored->data;
	const char *place = revision_place(stored), *from = p;
	char member[48];

	if (place == NULL) {
		pin_out_put(out, p, stored->len);
		return;
	}
	if (as_item) {
		pin_out_char(out, '{');
		from = place - META_OPEN_LEN;
	}
	pin_out_put(out, from, (size_t)(place - from));
	pin_out_put(out, member, revision_member(member, revision, *place));
	pin_out_put(out, place, stored->len - (size_t)(place - p));
}
