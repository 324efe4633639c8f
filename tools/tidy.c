/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tidy -- the form of the sources as a test: one TAP result a rule, one remark
 * with file and line for each breach. Names of files come on stdin.
 * Knows C only as far as comments, strings, identifiers and column-0 braces.
 * Contract: the two tables below; what needs a compiler is in tools/tidy.sh. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	R_LINE, R_FUNC, R_FILE, R_SPDX, R_SPACE, R_OSIF, R_CALL, R_CTOR,
	R_GOTO, R_BRACE, R__COUNT
};

static struct rule {
	const char	*claim;
	long		 limit;
	long		 breaches;
} rules[R__COUNT] = {
	[R_LINE] = { "no line but of a .def is wider than %ld columns", 80, 0 },
	[R_FUNC] = { "no function is longer than %ld lines", 70, 0 },
	[R_FILE] = { "no file is longer than %ld lines", 800, 0 },
	[R_SPDX] = { "the licence is named in the first %ld lines", 3, 0 },
	[R_SPACE] = { "no line ends in blanks, every file in a newline", 0, 0 },
	[R_OSIF] = { "no #if on an OS outside the files named for it", 0, 0 },
	[R_CALL] = { "no banned function is called", 0, 0 },
	[R_CTOR] = { "nothing runs by being loaded (constructors)", 0, 0 },
	[R_GOTO] = { "goto goes forward only", 0, 0 },
	[R_BRACE] = { "the brace of a function has its own line", 0, 0 },
};

static const struct ban {
	const char	*name;
	const char	*below;		/* only in files below this, or all */
	const char	*instead;
} bans[] = {
	{ "strcpy", "", "snprintf, memcpy with a length" },
	{ "strcat", "", "snprintf" },
	{ "sprintf", "", "snprintf" },
	{ "vsprintf", "", "vsnprintf" },
	{ "gets", "", "fgets" },
	{ "strtok", "", "strcspn" },
	{ "system", "", "posix_spawn through the host" },
	{ "popen", "", "posix_spawn through the host" },
	{ "alloca", "", "an arena" },
	{ "tmpnam", "", "mkstemp" },
	{ "mktemp", "", "mkstemp" },
	{ "sleep", "", "a timer of the host; in tests WAIT" },
	{ "usleep", "", "a timer of the host; in tests WAIT" },
	{ "nanosleep", "tests/unit/", "WAIT" },
	{ "nanosleep", "tests/kinds/", "WAIT" },
	{ "nanosleep", "tests/sim/", "the simulated clock" },
};

static const char *const	 os_macros[] = {
	"__linux__", "__linux", "__gnu_linux__", "__GLIBC__", "__FreeBSD__",
	"__NetBSD__", "__OpenBSD__", "__DragonFly__", "__APPLE__", "_WIN32",
	"__unix__", "BSD",
};

static const char *const	 os_names[] = {
	"_linux.", "_freebsd.", "_netbsd.", "_openbsd.", "_bsd.",
};

/* Limits of this tool. */
#define TIDY_FILE_MAX	(4u * 1024 * 1024)
#define TIDY_LABELS_MAX	64
#define TIDY_NAME_MAX	128

struct source {
	const char	*path;
	char		*text;		/* as it is */
	char		*code;		/* blanks for comments and strings */
	size_t		 len;
	long		 lines;
	bool		 is_c;
};

static void
breach(int rule, const char *path, long line, const char *fmt, ...)
{
	va_list	 ap;

	rules[rule].breaches++;
	printf("# %s:%ld: ", path, line);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static bool
has_suffix(const char *s, const char *suffix)
{
	size_t	 n = strlen(s), m = strlen(suffix);

	return (n >= m && strcmp(s + n - m, suffix) == 0);
}

static bool
ident(char c)
{
	return (isalnum((unsigned char)c) || c == '_');
}

/* code = text with every comment, string and character constant blanked. */
static void
strip(struct source *s)
{
	char	*c = s->code, quote = 0;
	size_t	 i;
	bool	 block = false, line = false;

	memcpy(c, s->text, s->len + 1);
	for (i = 0; i < s->len; i++) {
		if (c[i] == '\n') {
			line = false;
			quote = 0;
		} else if (block || line) {
			if (block && c[i] == '*' && s->text[i + 1] == '/') {
				c[i++] = ' ';
				block = false;
			}
			c[i] = ' ';
		} else if (quote != 0) {
			if (c[i] == quote)
				quote = 0;
			else if (c[i] == '\\' && s->text[i + 1] != '\n' &&
			    i + 1 < s->len)
				c[i++] = ' ';
			c[i] = ' ';
		} else if (c[i] == '/' && s->text[i + 1] == '*') {
			block = true;
			c[i++] = ' ';
			c[i] = ' ';
		} else if (c[i] == '/' && s->text[i + 1] == '/') {
			line = true;
			c[i] = ' ';
		} else if (c[i] == '"' || c[i] == '\'') {
			quote = c[i];
			c[i] = ' ';
		}
	}
}

/* Rows of data may be wide. */
static bool
may_be_wide(const char *path)
{
	return (has_suffix(path, ".def"));
}

static void
check_lines(const struct source *s)
{
	const char	*p, *end;
	long		 col, n = 0;
	bool		 spdx = false;

	for (p = s->text; *p != '\0'; p = *end != '\0' ? end + 1 : end) {
		if ((end = strchr(p, '\n')) == NULL) {
			end = p + strlen(p);
			breach(R_SPACE, s->path, n + 1, "no newline");
		}
		n++;
		if (end > p && (end[-1] == ' ' || end[-1] == '\t' ||
		    end[-1] == '\r'))
			breach(R_SPACE, s->path, n, "blanks at the end");
		if (n <= rules[R_SPDX].limit && end - p > 24 &&
		    memchr(p, 'S', (size_t)(end - p)) != NULL &&
		    strncmp(strchr(p, 'S'), "SPDX-License-Identifier: ",
		    25) == 0)
			spdx = true;
		for (col = 0; p < end; p++) {
			if (*p == '\t')
				col += 8 - col % 8;
			else if (((unsigned char)*p & 0xc0) != 0x80)
				col++;
		}
		if (col > rules[R_LINE].limit && !may_be_wide(s->path))
			breach(R_LINE, s->path, n, "%ld columns", col);
	}
	if (!spdx)
		breach(R_SPDX, s->path, 1, "no SPDX-License-Identifier");
	if (n > rules[R_FILE].limit)
		breach(R_FILE, s->path, n, "%ld lines", n);
}

static bool
os_file(const char *path)
{
	size_t	 i;

	for (i = 0; i < sizeof(os_names) / sizeof(os_names[0]); i++)
		if (strstr(path, os_names[i]) != NULL)
			return (true);
	return (false);
}

/* One identifier of the stripped text, and whether a '(' follows. */
static void
check_ident(const struct source *s, const char *p, size_t n, long line)
{
	const char	*q = p + n;
	size_t		 i;

	q += strspn(q, " \t");
	if (*q != '(' || (p > s->code && (p[-1] == '.' || p[-1] == '>')))
		return;
	for (i = 0; i < sizeof(bans) / sizeof(bans[0]); i++)
		if (strlen(bans[i].name) == n &&
		    memcmp(bans[i].name, p, n) == 0 &&
		    strncmp(s->path, bans[i].below,
		    strlen(bans[i].below)) == 0)
			breach(R_CALL, s->path, line, "%s: use %s",
			    bans[i].name, bans[i].instead);
}

static void
check_if(const struct source *s, const char *p, const char *end, long line)
{
	const char	*q;
	size_t		 i, n;

	for (q = p; q < end; q++) {
		if (!ident(*q) || (q > p && ident(q[-1])))
			continue;
		for (n = 0; ident(q[n]); n++)
			;
		for (i = 0; i < sizeof(os_macros) / sizeof(os_macros[0]); i++)
			if (strlen(os_macros[i]) == n &&
			    memcmp(os_macros[i], q, n) == 0)
				breach(R_OSIF, s->path, line, "%s",
				    os_macros[i]);
	}
}

static void
check_tokens(const struct source *s)
{
	const char	*p, *end, *q;
	long		 line = 0;
	size_t		 n;

	for (p = s->code; *p != '\0'; p = *end != '\0' ? end + 1 : end) {
		line++;
		end = p + strcspn(p, "\n");
		q = p + strspn(p, " \t");
		if (*q == '#' && !os_file(s->path)) {
			q += 1 + strspn(q + 1, " \t");
			if (strncmp(q, "if", 2) == 0 ||
			    strncmp(q, "elif", 4) == 0)
				check_if(s, q, end, line);
		}
		for (q = p; q < end; q += n) {
			for (n = 0; ident(q[n]); n++)
				;
			if (n == 0) {
				n = 1;
				continue;
			}
			check_ident(s, q, n, line);
			if (((n == 11 && memcmp(q, "constructor", 11) == 0) ||
			    (n == 15 && memcmp(q, "__constructor__", 15) == 0)))
				breach(R_CTOR, s->path, line, "constructor");
		}
	}
}

/* A backward goto: its label was defined earlier in the same function. */
static void
check_goto(const struct source *s, const char *p, const char *end, long line,
    char (*labels)[TIDY_NAME_MAX], size_t *nlabels)
{
	const char	*q = p + strspn(p, " \t");
	size_t		 i, n;

	for (n = 0; ident(q[n]); n++)
		;
	if (n != 0 && n < TIDY_NAME_MAX && q[n] == ':' && q[n + 1] != ':' &&
	    !(n == 7 && memcmp(q, "default", 7) == 0) &&
	    *nlabels < TIDY_LABELS_MAX)
		(void)snprintf(labels[(*nlabels)++], TIDY_NAME_MAX, "%.*s",
		    (int)n, q);
	for (; q + 5 < end; q++) {
		if (memcmp(q, "goto ", 5) != 0 || (q > p && ident(q[-1])))
			continue;
		for (n = 0; ident(q[5 + n]); n++)
			;
		for (i = 0; i < *nlabels; i++)
			if (strlen(labels[i]) == n &&
			    memcmp(labels[i], q + 5, n) == 0)
				breach(R_GOTO, s->path, line, "goto %s",
				    labels[i]);
	}
}

/* In our style only a function has a '{' in column 0. */
static void
check_functions(const struct source *s)
{
	static char	 labels[TIDY_LABELS_MAX][TIDY_NAME_MAX];
	const char	*p, *end;
	size_t		 nlabels = 0, n;
	long		 line = 0, began = 0;

	for (p = s->code; *p != '\0'; p = *end != '\0' ? end + 1 : end) {
		line++;
		end = p + strcspn(p, "\n");
		n = (size_t)(end - p);
		while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
			n--;
		if (*p == '{' && n == 1) {
			began = line;
			nlabels = 0;
		} else if (*p == '}' && began != 0) {
			if (line - began + 1 > rules[R_FUNC].limit)
				breach(R_FUNC, s->path, began, "%ld lines",
				    line - began + 1);
			began = 0;
		} else if (began != 0)
			check_goto(s, p, end, line, labels, &nlabels);
		else if (n > 3 && ident(*p) && memcmp(p + n - 3, ") {",
		    3) == 0)
			breach(R_BRACE, s->path, line, "%.*s", (int)n, p);
	}
}

static void
check_file(const char *path)
{
	struct source	 s = { .path = path };
	FILE		*f;

	s.is_c = has_suffix(path, ".c") || has_suffix(path, ".h");
	s.text = calloc(1, TIDY_FILE_MAX + 2);
	s.code = calloc(1, TIDY_FILE_MAX + 2);
	if (s.text == NULL || s.code == NULL ||
	    (f = fopen(path, "rb")) == NULL) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
	s.len = fread(s.text, 1, TIDY_FILE_MAX, f);
	fclose(f);
	s.text[s.len] = '\0';
	if (strlen(s.text) != s.len)
		breach(R_SPACE, path, 1, "a NUL byte, or over %u bytes",
		    TIDY_FILE_MAX);
	check_lines(&s);
	if (s.is_c) {
		strip(&s);
		check_tokens(&s);
		check_functions(&s);
	}
	free(s.text);
	free(s.code);
}

int
main(void)
{
	char	 path[1024], claim[256];
	size_t	 n;
	long	 files = 0;
	int	 i, bad = 0;

	while (fgets(path, sizeof(path), stdin) != NULL) {
		n = strcspn(path, "\n");
		path[n] = '\0';
		if (n == 0)
			continue;
		check_file(path);
		files++;
	}
	for (i = 0; i < R__COUNT; i++) {
		(void)snprintf(claim, sizeof(claim), rules[i].claim,
		    rules[i].limit);
		printf("%sok %d - %s\n", rules[i].breaches != 0 ? "not " : "",
		    i + 1, claim);
		bad += rules[i].breaches != 0;
	}
	printf("1..%d\n# %ld files\n", R__COUNT, files);
	return (bad != 0 || files == 0);
}
