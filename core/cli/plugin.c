/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plugin.c -- pintle plugin list, info, check: what there is, what it says
 * about itself, whether it would load.
 * Main thread. Contract: verbs.c. */
#include "core/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/loader/elf_plugin.h"
#include "core/loader/loader.h"

#define PATH_BYTES	4096
#define LIST_MAX	1024		/* files of one kind */

static const char *
type_word(uint32_t type)
{
	static const char *const words[] = {
		[PIN_OPT_BOOL] = "bool", [PIN_OPT_INT] = "int",
		[PIN_OPT_STRING] = "string", [PIN_OPT_PATH] = "path",
		[PIN_OPT_DURATION] = "duration", [PIN_OPT_SIZE] = "size",
		[PIN_OPT_STRINGS] = "strings",
	};

	return (type < PIN_LEN(words) && words[type] != NULL ? words[type] :
	    "?");
}

void
pin_cli_options(const struct pin_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		(void)printf("  %-20s %-9s ", o->name, type_word(o->type));
		if ((o->flags & PIN_OPTF_REQUIRED) != 0)
			(void)printf("%-16s ", "(required)");
		else
			(void)printf("%-16s ", o->fallback != NULL ?
			    o->fallback : "-");
		(void)printf("%s", o->help);
		if (o->min != 0 || o->max != 0)
			(void)printf(" [%lld to %lld%s]", (long long)o->min,
			    (long long)o->max, o->type == PIN_OPT_DURATION ?
			    " ms" : "");
		(void)printf("\n");
	}
}

/* "dir/name.so" -> "name"; heap. */
static char *
base_name(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash != NULL ? slash + 1 : file;
	size_t len = strlen(base);

	if (len > 3 && strcmp(base + len - 3, ".so") == 0)
		len -= 3;
	return (pin_xstrndup(base, len));
}

static int
fail(const struct pin_err *err)
{
	(void)fprintf(stderr, "pintle: %s\n", err->text);
	return (PIN_EXIT_FAILED);
}

/* ---- check ------------------------------------------------------- */

static int
check_file(struct pin_host *host, const char *file, uint32_t kind,
    struct pin_module **out, struct pin_err *err)
{
	char *name = base_name(file);
	int rc = pin_module_open(host, NULL, file, kind, name, out, err);

	free(name);
	return (rc);
}

int
pin_verb_plugin_check(const struct pin_args *a)
{
	struct pin_err err = PIN_ERR_INIT;
	const struct pin_plugin *p;
	struct pin_module *m;

	if (check_file(a->host, a->word[0], PIN_KIND_NONE, &m, &err) !=
	    PIN_OK)
		return (fail(&err));
	p = pin_module_plugin(m);
	(void)printf("%s: %s plugin %s %s would load\n", a->word[0],
	    pin_kind(p->kind)->word, p->name, p->version);
	pin_module_put(&m);
	return (PIN_EXIT_OK);
}

/* ---- list -------------------------------------------------------- */

struct names {
	uint32_t	 n;
	uint32_t	 pad;
	char		*name[LIST_MAX];
};

static int
name_take(void *arg, const char *name)
{
	struct names *ns = arg;
	size_t len = strlen(name);

	if (len < 4 || strcmp(name + len - 3, ".so") != 0)
		return (0);
	if (ns->n == LIST_MAX)
		return (1);
	ns->name[ns->n++] = pin_xstrdup(name);
	return (0);
}

static int
name_cmp(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static int
list_file(const struct pin_args *a, uint32_t kind, const char *file)
{
	struct pin_err err = PIN_ERR_INIT;
	const struct pin_plugin *p;
	struct pin_module *m;

	if (check_file(a->host, file, kind, &m, &err) != PIN_OK)
		return (fail(&err));
	p = pin_module_plugin(m);
	(void)printf("%s\t%s\t%s\t%s\n", pin_kind(kind)->word, p->name,
	    p->version, p->summary);
	pin_module_put(&m);
	return (PIN_EXIT_OK);
}

static int
list_kind(const struct pin_args *a, const char *dir, uint32_t kind)
{
	struct names ns = { 0 };
	char path[PATH_BYTES], file[PATH_BYTES];
	int rc = PIN_EXIT_OK;

	(void)snprintf(path, sizeof(path), "%s/%s", dir,
	    pin_kind(kind)->word);
	if (pin_path_list(a->host, path, name_take, &ns, NULL) != PIN_OK)
		return (PIN_EXIT_OK);		/* none of this kind */
	qsort(ns.name, ns.n, sizeof(ns.name[0]), name_cmp);
	for (uint32_t i = 0; i < ns.n; i++) {
		if ((size_t)snprintf(file, sizeof(file), "%s/%s", path,
		    ns.name[i]) >= sizeof(file))
			rc = PIN_EXIT_FAILED;
		else if (list_file(a, kind, file) != PIN_EXIT_OK)
			rc = PIN_EXIT_FAILED;
		free(ns.name[i]);
	}
	return (rc);
}

int
pin_verb_plugin_list(const struct pin_args *a)
{
	char *dir = pin_args_plugins(a);
	int rc = PIN_EXIT_OK;

	if (access(dir, X_OK) != 0) {
		(void)fprintf(stderr, "pintle: no plugins: %s is not there\n",
		    dir);
		rc = PIN_EXIT_FAILED;
	}
	for (uint32_t i = 1; i < PIN_KIND__COUNT; i++)
		if (list_kind(a, dir, i) != PIN_EXIT_OK)
			rc = PIN_EXIT_FAILED;
	free(dir);
	return (rc);
}

/* ---- info -------------------------------------------------------- */

/* A path as it is, else NAME or KIND/NAME among the plugins; heap. */
static char *
file_find(const struct pin_args *a, const char *name)
{
	char path[PATH_BYTES], *dir;
	int n = 0;

	if (access(name, F_OK) == 0)
		return (pin_xstrdup(name));
	dir = pin_args_plugins(a);
	if (strchr(name, '/') != NULL) {
		n = snprintf(path, sizeof(path), "%s/%s.so", dir, name);
		n = access(path, F_OK) == 0;
	}
	for (uint32_t i = 1; n == 0 && strchr(name, '/') == NULL &&
	    i < PIN_KIND__COUNT; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s/%s.so", dir,
		    pin_kind(i)->word, name);
		n = access(path, F_OK) == 0;
	}
	free(dir);
	return (pin_xstrdup(n ? path : name));
}

static void
info_print(const char *file, const struct pin_plugin *p)
{
	const struct pin_kind *k = pin_kind(p->kind);

	(void)printf("name:     %s\n", p->name);
	if (k != NULL)
		(void)printf("kind:     %s\n", k->word);
	else
		(void)printf("kind:     %u (this host does not know it)\n",
		    p->kind);
	(void)printf("version:  %s\n", p->version);
	(void)printf("summary:  %s\n", p->summary);
	(void)printf("abi:      host %u.%u, kind %u.%u",
	    PIN_ABI_MAJOR(p->host_abi), PIN_ABI_MINOR(p->host_abi),
	    PIN_ABI_MAJOR(p->kind_abi), PIN_ABI_MINOR(p->kind_abi));
	(void)printf(" (this host: %u.%u, %u.%u)\n",
	    PIN_ABI_MAJOR(PIN_HOST_ABI), PIN_ABI_MINOR(PIN_HOST_ABI),
	    k != NULL ? PIN_ABI_MAJOR(k->abi) : 0,
	    k != NULL ? PIN_ABI_MINOR(k->abi) : 0);
	(void)printf("flags:    %s%s%s\n",
	    (p->flags & PIN_PLUGIN_BLOCKING) != 0 ? "blocking " : "",
	    (p->flags & PIN_PLUGIN_RESIDENT) != 0 ? "resident" : "",
	    p->flags == 0 ? "none" : "");
	(void)printf("file:     %s\n", file);
	(void)printf("options:%s\n", p->options == NULL ? "  none" : "");
	pin_cli_options(p->options);
}

int
pin_verb_plugin_info(const struct pin_args *a)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_elf_plugin *ep;
	char *file = file_find(a, a->word[0]);
	int rc = PIN_EXIT_OK;

	if (pin_elf_plugin_open(file, &ep, &err) != PIN_OK)
		rc = fail(&err);
	else {
		info_print(file, pin_elf_plugin_get(ep));
		pin_elf_plugin_close(&ep);
	}
	free(file);
	return (rc);
}
