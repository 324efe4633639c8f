/* SPDX-License-Identifier: BSD-2-Clause
 *
 * join.c -- the verb `node config`: signs, with the authority on this
 * machine, what a node agent elsewhere needs to join.
 * Thread: main. Contract: docs/node.md "A second node". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/apiserver/pki.h"
#include "core/cli/cli.h"
#include "core/host/addrs.h"

#define FILE_MAX	((size_t)1 << 20)
#define NAME_MAX_LEN	253

/* What goes into a certificate and a URL: a DNS subdomain. */
static int
is_node_name(const char *s)
{
	size_t n = strlen(s);

	return (n > 0 && n <= NAME_MAX_LEN && strspn(s,
	    "abcdefghijklmnopqrstuvwxyz0123456789-.") == n && s[0] != '-' &&
	    s[0] != '.' && s[n - 1] != '-' && s[n - 1] != '.');
}

/* Of DATA/admin.kubeconfig, which this program has written. */
static int
own_server(struct pin_host *host, const char *data, char out[256],
    struct pin_err *err)
{
	char path[PIN_ERR_TEXT_MAX], *text, *p;
	size_t len;
	int rc;

	snprintf(path, sizeof(path), "%s/admin.kubeconfig", data);
	rc = pin_path_slurp(host, path, FILE_MAX, &text, &len, err);
	if (rc != PIN_OK)
		return (rc);
	p = strstr(text, "server: ");
	if (p != NULL)
		snprintf(out, 256, "%.*s", (int)strcspn(p + 8, "\r\n"),
		    p + 8);
	else
		rc = pin_err_set(err, PIN_EINVAL, "%s names no server",
		    path);
	memset(text, 0, len);
	free(text);
	return (rc);
}

/* The agent takes no names: an address and a port. */
static int
check_server(const char *server, struct pin_err *err)
{
	struct pin_addr at;

	if (strncmp(server, "https://", 8) != 0 || pin_addr_parse(server + 8,
	    &at, err) != PIN_OK)
		return (pin_err_set(err, PIN_EINVAL, "server %s: "
		    "https://ADDRESS:PORT is needed", server));
	if (pin_addr_loopback(&at))
		fprintf(stderr, "pintle: note: %s is reached from this "
		    "machine only; --server says another\n", server);
	return (PIN_OK);
}

int
pin_verb_node_config(const struct pin_args *args)
{
	const char *node = args->word[0], *file = args->word[1];
	const char *data = pin_args_get(args, "data");
	const char *given = pin_args_get(args, "server");
	char dir[PIN_ERR_TEXT_MAX], server[256];
	struct pin_err err = PIN_ERR_INIT;
	struct pki *pki = NULL;
	int rc = PIN_OK;

	if (data == NULL) {
		fprintf(stderr, "pintle: --data DIR is needed: the API "
		    "server's\n");
		return (PIN_EXIT_USAGE);
	}
	if (!is_node_name(node)) {
		fprintf(stderr, "pintle: '%s' is no name for a node: lower "
		    "case letters, digits, '-' and '.'\n", node);
		return (PIN_EXIT_USAGE);
	}
	snprintf(dir, sizeof(dir), "%s/pki", data);
	if (given != NULL)
		snprintf(server, sizeof(server), "%s", given);
	else
		rc = own_server(args->host, data, server, &err);
	if (rc == PIN_OK)
		rc = check_server(server, &err);
	if (rc == PIN_OK)
		rc = pki_load(args->host, dir, &pki, &err);
	if (rc == PIN_OK)
		rc = pki_node_kubeconfig(args->host, pki, file, server, node,
		    0, &err);
	pki_close(&pki);
	if (rc != PIN_OK) {
		fprintf(stderr, "pintle: %s\n", err.text);
		return (PIN_EXIT_FAILED);
	}
	return (PIN_EXIT_OK);
}
