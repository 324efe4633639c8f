/* SPDX-License-Identifier: BSD-2-Clause
 *
 * storekit.c -- see storekit.h.
 * Main thread only.
 * Contract: storekit.h. */
#include "storekit.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/host/real.h"
#include "tap.h"

const struct sk_combo sk_combos[] = {
	{ "memory", NULL, 0 },
	{ "memory", "solo", 1 },
	{ "lmdb", "solo", 1 },
	{ NULL, NULL, 0 },
};

const struct sk_combo *sk_now;
static char dir[4096];
static int dirs;
struct se se;

void
sk_open_with(const char *opts)
{
	struct pin_err err = PIN_ERR_INIT;

	if (se_open(&se, pin_host_real(), sk_now->store, sk_now->cons, dir,
	    opts, &err) != PIN_OK || se_start(&se, &err) != PIN_OK)
		BAIL("%s+%s: %s", sk_now->store, sk_now->cons, err.text);
}

/* A store of its own. */
void
sk_fresh(const char *opts)
{
	struct pin_err err = PIN_ERR_INIT;

	snprintf(dir, sizeof(dir), "%s/%d", tap_tmp(), dirs++);
	if (pin_path_mkdir(pin_host_real(), dir, &err) != PIN_OK)
		BAIL("%s", err.text);
	sk_open_with(opts);
}

void
sk_reopen(const char *opts)
{
	se_close(&se);
	sk_open_with(opts);
}

const char *
sk_name(void)
{
	static char buf[64];

	snprintf(buf, sizeof(buf), "%s+%s", sk_now->store,
	    sk_now->cons != NULL ? sk_now->cons : "none");
	return (buf);
}

int
sk_is_get(const char *key, uint64_t at, const char *want)
{
	char *s = se_get(&se, key, at, NULL, NULL);
	int same = want == NULL ? s == NULL : s != NULL &&
	    strcmp(s, want) == 0;

	if (!same)
		tap_diag("%s at %" PRIu64 ": %s", key, at, s ? s : "(none)");
	free(s);
	return (same);
}

int
sk_is_range(const char *start, const char *end, uint64_t at, const char *want)
{
	char *s = se_range(&se, start, end, at, 0, NULL, NULL);
	int same = s != NULL && strcmp(s, want) == 0;

	if (!same)
		tap_diag("[%s,%s) at %" PRIu64 ": %s", start, end, at,
		    s ? s : "(error)");
	free(s);
	return (same);
}

int
sk_is_history(uint64_t first, uint64_t last, const char *prefix,
    const char *want)
{
	char *s = se_history(&se, first, last, prefix, NULL);
	int same = s != NULL && strcmp(s, want) == 0;

	if (!same)
		tap_diag("history %" PRIu64 "..%" PRIu64 ": %s", first, last,
		    s ? s : "(error)");
	free(s);
	return (same);
}

int
sk_get_rc(const char *key, uint64_t at)
{
	int rc;

	free(se_get(&se, key, at, NULL, &rc));
	return (rc);
}

int
sk_history_rc(uint64_t first, uint64_t last)
{
	int rc;

	free(se_history(&se, first, last, "", &rc));
	return (rc);
}

void
sk_kv_of(const char *key, struct pin_kv *kv)
{
	memset(kv, 0, sizeof(*kv));
	free(se_get(&se, key, 0, kv, NULL));
}

const char *
sk_dir(void)
{
	return (dir);
}

void
sk_each(void (*const *tests)(void), size_t n)
{
	struct pin_file *f = NULL;
	char path[4096];

	for (size_t i = 0; sk_combos[i].store != NULL; i++) {
		sk_now = &sk_combos[i];
		snprintf(path, sizeof(path), "%s/plugins/store/%s.so",
		    tap_build(), sk_now->store);
		if (pin_file_open(pin_host_real(), path, PIN_FILE_READ, &f,
		    NULL) != PIN_OK) {
			OK(0, "%s is there", path);
			continue;
		}
		pin_file_close(&f);
		for (size_t k = 0; k < n; k++)
			tests[k]();
	}
}
