/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tidy_selftest -- tidy sees each breach that it knows, and no other.
 * Writes one bad file a rule and gives it to the tool. One thread.
 * Contract: tools/tidy.c. */
#include "tap.h"

#define GOOD	"/* SPDX-License-Identifier: BSD-2-Clause */\n"

static const struct {
	const char	*breach;	/* NULL: none */
	const char	*text;
} files[] = {
	{ NULL, GOOD "int\nf(void)\n{\n\treturn (0);\n}\n" },
	{ NULL, GOOD "/* strcpy(a, b) */ const char *s = \"gets(\";\n" },
	{ NULL, GOOD "int\nf(void)\n{\n\tgoto out;\nout:\n\treturn (0);\n}\n" },
	{ "no SPDX", "int x;\n" },
	{ "no newline", GOOD "int x;" },
	{ "blanks at the end", GOOD "int x; \n" },
	{ "strcpy: use", GOOD "int\nf(void)\n{\n\tstrcpy(a, b);\n}\n" },
	{ "__linux__", GOOD "#if defined(__linux__)\n#endif\n" },
	{ "constructor", GOOD "__attribute__((constructor)) void f(void);\n" },
	{ "goto again", GOOD "int\nf(void)\n{\nagain:\n\tgoto again;\n}\n" },
	{ "int f(void) {", GOOD "int f(void) {\n}\n" },
	{ "81 columns", GOOD "int xxxxxxxxx1xxxxxxxxx2xxxxxxxxx3xxxxxxxxx4x"
	    "xxxxxxxx5xxxxxxxxx6xxxxxxxxx7xxxxxx;\n" },
	{ "71 lines", NULL },
	{ "801 lines", NULL },
};

static void
fill(FILE *f, size_t i)
{
	int	 n;

	fputs(GOOD, f);
	if (strcmp(files[i].breach, "71 lines") == 0) {
		fputs("int\nf(void)\n{\n", f);
		for (n = 0; n < 69; n++)
			fputs("\t;\n", f);
		fputs("}\n", f);
	} else
		for (n = 0; n < 800; n++)
			fputs("\n", f);
}

/* What tidy says about the i-th file. */
static const char *
tidy(size_t i)
{
	static char	 out[4096];
	char		 path[512], cmd[1600];
	FILE		*f;

	(void)snprintf(path, sizeof(path), "%s/t.c", tap_tmp());
	if ((f = fopen(path, "w")) == NULL)
		BAIL("%s: %s", path, strerror(errno));
	if (files[i].text != NULL)
		fputs(files[i].text, f);
	else
		fill(f, i);
	fclose(f);
	(void)snprintf(cmd, sizeof(cmd),
	    "echo %s | %s/tools/tidy | grep '/t.c:'", path, tap_build());
	(void)tap_sh(cmd, out, sizeof(out));
	return (out);
}

int
main(void)
{
	const char	*said;
	size_t		 i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		said = tidy(i);
		CASE("tidy says: %s", files[i].breach != NULL ?
		    files[i].breach : "nothing") {
			if (files[i].breach == NULL)
				CHECK_STR(said, "");
			else if (!CHECK(strstr(said, files[i].breach) != NULL))
				tap_diag("%s", said);
			else	/* one breach, one line */
				CHECK(strchr(said, '\n') ==
				    said + strlen(said) - 1);
		}
	}
	return (tap_done());
}
