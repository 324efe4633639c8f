/* SPDX-License-Identifier: BSD-2-Clause
 *
 * openapi_words.c -- the sentence about a type or a member of it.
 * Pure; any thread. Contract: openapi_int.h. */
#include "core/apiserver/openapi_int.h"

#include <string.h>

static const struct words {
	const char	*type, *member, *text;
} words[] = {
#define W(type, member, text)	{ type, member, text },
#include "core/apiserver/openapi_words.def"
#undef W
};

static int
words_cmp(const struct words *w, const char *type, const char *member)
{
	int d = strcmp(w->type, type);

	return (d != 0 ? d : strcmp(w->member, member));
}

static const char *
find(const char *type, const char *member)
{
	size_t from = 0, to = PIN_LEN(words), mid;
	int d;

	while (from < to) {
		mid = from + (to - from) / 2;
		d = words_cmp(&words[mid], type, member);
		if (d == 0)
			return (words[mid].text);
		if (d < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return (NULL);
}

const char *
openapi_words(const char *type, const char *member)
{
	const char *text = find(type, member);

	return (text != NULL || *member == '\0' ? text : find("", member));
}

int
openapi_words_at(uint32_t i, const char **type, const char **member)
{
	if (i >= PIN_LEN(words))
		return (0);
	*type = words[i].type;
	*member = words[i].member;
	return (1);
}
