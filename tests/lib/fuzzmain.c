/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzzmain -- main() of a fuzz target where there is no libFuzzer: replays
 * tests/fuzz/corpus/NAME, then FUZZ_RUNS cheap mutations of it (fixed seed).
 * One thread. The input at work lies in a mapped file, so it survives a crash.
 * Contract: as libFuzzer's; NAME FILE ... replays, --last that last input. */
#include <sys/types.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "tap.h"

#define FUZZ_INPUT_MAX	(64u * 1024)
#define FUZZ_FILES_MAX	4096
#define FUZZ_RUNS	2000
#define FUZZ_SEED	UINT64_C(0x9e3779b97f4a7c15)

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct input {
	uint8_t	*p;
	size_t	 len;
};

struct last {			/* what the mapped file holds */
	uint64_t len;
	uint8_t	 bytes[FUZZ_INPUT_MAX];
};

static struct input	 corpus[FUZZ_FILES_MAX];
static size_t		 ncorpus;
static struct last	*last;
static char		 last_path[512];

static uint64_t
rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (*s);
}

/* A block of exactly that size, so that a read past its end is seen. */
static void
run_one(const uint8_t *p, size_t len)
{
	uint8_t	*copy = malloc(len != 0 ? len : 1);

	if (copy == NULL)
		BAIL("out of memory");
	if (len != 0)
		memcpy(copy, p, len);
	if (last != NULL && p != last->bytes) {
		last->len = len;
		if (len != 0)
			memcpy(last->bytes, p, len);
	}
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void
load(const char *path)
{
	struct input	*in = &corpus[ncorpus];
	FILE		*f;

	if (ncorpus == FUZZ_FILES_MAX)
		BAIL("%s: more than %d inputs", path, FUZZ_FILES_MAX);
	if ((f = fopen(path, "rb")) == NULL)
		BAIL("%s: %s", path, strerror(errno));
	if ((in->p = malloc(FUZZ_INPUT_MAX)) == NULL)
		BAIL("out of memory");
	in->len = fread(in->p, 1, FUZZ_INPUT_MAX, f);
	fclose(f);
	ncorpus++;
}

static int
by_name(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

static void
load_folder(const char *dir)
{
	static char	*names[FUZZ_FILES_MAX];
	char		 path[1024];
	struct dirent	*de;
	struct stat	 st;
	DIR		*d;
	size_t		 i, n = 0;

	if ((d = opendir(dir)) == NULL)
		BAIL("%s: %s (a target needs a corpus)", dir, strerror(errno));
	while ((de = readdir(d)) != NULL && n < FUZZ_FILES_MAX)
		if (de->d_name[0] != '.')
			names[n++] = strdup(de->d_name);
	(void)closedir(d);
	qsort(names, n, sizeof(names[0]), by_name);
	for (i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			load(path);
		free(names[i]);
	}
}

static void
last_open(const char *name, bool keep)
{
	const char	*b = tap_build();
	int		 fd;

	(void)snprintf(last_path, sizeof(last_path), "%s/fuzz-%s.last", b,
	    name);
	fd = open(last_path, O_RDWR | O_CREAT | (keep ? 0 : O_TRUNC), 0666);
	if (fd < 0 || ftruncate(fd, sizeof(*last)) != 0)
		BAIL("%s: %s", last_path, strerror(errno));
	last = mmap(NULL, sizeof(*last), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	(void)close(fd);
	if (last == MAP_FAILED)
		BAIL("mmap %s: %s", last_path, strerror(errno));
}

/* Bytes that parsers love. */
static const char	 spice[] = "{}[]\",:\\/0-9.eEu\n\r\t #&*|>%\x80\xff";

static size_t
mutate(uint8_t *p, size_t len, uint64_t *s)
{
	size_t	 at, k, n = 1 + (size_t)(rnd(s) % 4);

	while (n-- > 0) {
		at = len != 0 ? (size_t)(rnd(s) % len) : 0;
		switch (rnd(s) % 6) {
		case 0:			/* cut */
			len = at;
			break;
		case 1:			/* flip a bit */
			if (len != 0)
				p[at] ^= (uint8_t)(1u << (rnd(s) % 8));
			break;
		case 2:			/* overwrite */
			if (len != 0)
				p[at] = (uint8_t)spice[rnd(s) %
				    (sizeof(spice) - 1)];
			break;
		case 3:			/* insert */
			if (len == FUZZ_INPUT_MAX)
				break;
			memmove(p + at + 1, p + at, len - at);
			p[at] = (uint8_t)spice[rnd(s) % (sizeof(spice) - 1)];
			len++;
			break;
		case 4:			/* drop */
			if (len == 0)
				break;
			memmove(p + at, p + at + 1, len - at - 1);
			len--;
			break;
		default:		/* repeat a piece */
			k = (size_t)(rnd(s) % 64);
			if (at + k > len || len + k > FUZZ_INPUT_MAX)
				break;
			memmove(p + at + k, p + at, len - at);
			len += k;
			break;
		}
	}
	return (len);
}

static void
mutations(long runs)
{
	static uint8_t	 buf[FUZZ_INPUT_MAX];
	const struct input *in;
	uint64_t	 s = FUZZ_SEED;
	size_t		 len;
	long		 i;

	for (i = 0; i < runs && ncorpus != 0; i++) {
		in = &corpus[rnd(&s) % ncorpus];
		len = in->len;
		if (len != 0)
			memcpy(buf, in->p, len);
		run_one(buf, mutate(buf, len, &s));
	}
}

int
main(int argc, char **argv)
{
	const char	*env = getenv("FUZZ_RUNS");
	const char	*name = strrchr(argv[0], '/');
	char		 dir[512];
	long		 runs = env != NULL ? atol(env) : FUZZ_RUNS;
	size_t		 i;
	int		 a;

	name = name != NULL ? name + 1 : argv[0];
	if (argc == 2 && strcmp(argv[1], "--last") == 0) {
		last_open(name, true);
		if (last->len > FUZZ_INPUT_MAX)
			BAIL("%s: not an input", last_path);
		run_one(last->bytes, (size_t)last->len);
		OK(true, "the last input passes now");
		return (tap_done());
	}
	for (a = 1; a < argc; a++)
		load(argv[a]);
	if (argc == 1) {
		(void)snprintf(dir, sizeof(dir), "tests/fuzz/corpus/%s", name);
		load_folder(dir);
		last_open(name, false);
		tap_diag("after a crash: %s --last", argv[0]);
	}
	run_one((const uint8_t *)"", 0);
	for (i = 0; i < ncorpus; i++)
		run_one(corpus[i].p, corpus[i].len);
	OK(ncorpus > 0, "%s stands %zu inputs of its corpus", name, ncorpus);
	if (argc == 1) {
		mutations(runs);
		OK(true, "%s stands %ld mutations of it", name, runs);
		(void)unlink(last_path);
	}
	for (i = 0; i < ncorpus; i++)
		free(corpus[i].p);
	return (tap_done());
}
