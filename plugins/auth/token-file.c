/* SPDX-License-Identifier: BSD-2-Clause
 *
 * token-file -- auth plugin: bearer tokens from a file, one a line:
 * token,user,uid[,"group1,group2"]. Read when opened; a reload reads again.
 * Without `path` it knows nobody. Front threads, read-only.
 * Contract: pintle/auth.h; upstream's --token-auth-file format. */
#include <stdlib.h>
#include <string.h>

#include <pintle/auth.h>

#define FILE_MAX	(4u << 20)
#define FIELDS_MAX	4

struct token {
	char		*token, *name, *uid;
	struct pin_str	*groups;
	uint32_t	 ngroups;
};

struct token_file {
	char		*text;		/* what everything points into */
	struct token	*tokens;
	uint32_t	 n;
};

static pin_open_fn token_open;
static pin_close_fn token_close;
static pin_auth_authenticate_fn token_authenticate;

static const struct pin_auth_ops token_ops = {
	.size = sizeof(token_ops),
	.authenticate = token_authenticate,
};

static const struct pin_option token_options[] = {
	{ "path", PIN_OPT_PATH, PIN_OPTF_EXISTS, NULL,
	    "token,user,uid,\"groups\" a line", 0, 0 },
	{ NULL, 0, 0, NULL, NULL, 0, 0 }
};

const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(AUTH),
	.name = "token-file", .version = "1.0",
	.summary = "users by bearer token from a file",
	.options = token_options,
	.ops = &token_ops,
	.open = token_open, .close = token_close,
};

/* Cuts one CSV field off *p: plain, or in quotes that hold no quote. NULL at
 * the end of the line or when a quote is left open. */
static char *
field(char **p)
{
	char *s = *p, *end;

	if (s == NULL || *s == '\0')
		return (NULL);
	if (*s == '"') {
		end = strchr(++s, '"');
		if (end == NULL)
			return (NULL);
		*end++ = '\0';
		*p = *end == ',' ? end + 1 : end;
		return (s);
	}
	end = s + strcspn(s, ",");
	*p = *end == ',' ? end + 1 : end;
	*end = '\0';
	return (s);
}

static void
split_groups(struct token *t, char *list)
{
	char *p = list, *end;

	t->groups = pin_xcalloc(PIN_AUTH_GROUPS_MAX, sizeof(t->groups[0]));
	while (*p != '\0' && t->ngroups < PIN_AUTH_GROUPS_MAX) {
		p += strspn(p, " ,");
		end = p + strcspn(p, ",");
		if (end > p)
			t->groups[t->ngroups++] = (struct pin_str){ p,
			    (size_t)(end - p) };
		p = end;
	}
}

static int
parse_line(struct token_file *f, char *line, const char *where, uint32_t no,
    struct pin_err *err)
{
	char *v[FIELDS_MAX] = { NULL };
	struct token *t;
	uint32_t i;

	line[strcspn(line, "\r")] = '\0';
	if (line[0] == '\0' || line[0] == '#')
		return (PIN_OK);
	for (i = 0; i < FIELDS_MAX; i++)
		v[i] = field(&line);
	if (v[0] == NULL || v[0][0] == '\0' || v[1] == NULL ||
	    v[1][0] == '\0' || v[2] == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "%s:%u: needs token,"
		    "user,uid and perhaps \"groups\"", where, no));
	f->tokens = pin_xrealloc(f->tokens, (f->n + 1) * sizeof(*f->tokens));
	t = &f->tokens[f->n++];
	memset(t, 0, sizeof(*t));
	t->token = v[0];
	t->name = v[1];
	t->uid = v[2];
	if (v[3] != NULL)
		split_groups(t, v[3]);
	return (PIN_OK);
}

static int
token_open(struct pin_env *env, const struct pin_conf *conf, void **self,
    struct pin_err *err)
{
	const char *path = pin_conf_string(conf, "path");
	struct token_file *f = pin_xcalloc(1, sizeof(*f));
	char *line, *next;
	uint32_t no = 0;
	size_t len;
	int rc = PIN_OK;

	if (path != NULL)
		rc = pin_path_slurp(pin_env_host(env), path, FILE_MAX,
		    &f->text, &len, err);
	for (line = f->text; rc == PIN_OK && line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		rc = parse_line(f, line, path, ++no, err);
	}
	if (rc != PIN_OK) {
		token_close(f);
		return (rc);
	}
	*self = f;
	return (PIN_OK);
}

static void
token_close(void *self)
{
	struct token_file *f = self;
	uint32_t i;

	for (i = 0; i < f->n; i++)
		free(f->tokens[i].groups);
	free(f->tokens);
	free(f->text);
	free(f);
}

/* Every token is looked at, each to its end, so that the time says nothing. */
static int
same(struct pin_str a, const char *b)
{
	size_t n = strlen(b), i;
	unsigned char diff = a.len != n;

	for (i = 0; i < a.len && n > 0; i++)
		diff |= (unsigned char)(a.p[i] ^ b[i % n]);
	return (diff == 0);
}

static int
token_authenticate(void *self, struct pin_call *call,
    const struct pin_credentials *creds, struct pin_user *out)
{
	const struct token_file *f = self;
	const struct token *t, *hit = NULL;
	uint32_t i;

	(void)call;
	if (creds->bearer.len == 0)
		return (PIN_AUTHN_SKIP);
	for (i = 0; i < f->n; i++) {
		t = &f->tokens[i];
		if (same(creds->bearer, t->token))
			hit = t;
	}
	if (hit == NULL)
		return (PIN_AUTHN_SKIP);
	out->name = pin_str(hit->name);
	out->uid = pin_str(hit->uid);
	out->groups = hit->groups;
	out->ngroups = hit->ngroups;
	return (PIN_AUTHN_YES);
}
