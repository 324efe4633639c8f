/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf.c -- is this a whole shared object? dlopen maps what the headers
 * promise; of a truncated file that is SIGBUS in the middle of a server, so
 * the promises are compared with the file's length first.
 * Pure. Contract: the ELF gABI; loader_int.h. */
#include "core/loader/loader_int.h"

#include <string.h>

#define PHDRS_MAX	256

/* A reader of fixed-width fields in the file's own byte order. */
struct elf {
	const unsigned char *p;
	size_t		 len;
	int		 wide;		/* 64-bit */
	int		 big;		/* most significant byte first */
};

static uint64_t
field(const struct elf *e, size_t at, unsigned size)
{
	uint64_t v = 0;

	PIN_ASSERT(size <= 8);
	if (at > e->len || size > e->len - at)
		return (0);
	for (unsigned i = 0; i < size; i++)
		v = v << 8 | e->p[at + (e->big ? i : size - 1 - i)];
	return (v);
}

/* A field whose place and size differ between the two classes. */
static uint64_t
word(const struct elf *e, size_t base, size_t at32, size_t at64)
{
	return (field(e, base + (e->wide ? at64 : at32), e->wide ? 8 : 4));
}

static int
table_fits(const struct elf *e, uint64_t at, uint64_t n, uint64_t size)
{
	return (at <= e->len && n * size <= e->len - at);
}

static int
segments_check(const struct elf *e, struct pin_err *err)
{
	uint64_t phoff = word(e, 0, 28, 32), off, size;
	uint64_t phnum = field(e, e->wide ? 56 : 44, 2);
	uint64_t phsize = field(e, e->wide ? 54 : 42, 2);

	if (phnum == 0 || phnum > PHDRS_MAX || phsize != (e->wide ? 56 : 32))
		return (pin_err_set(err, PIN_ECORRUPT,
		    "its program headers make no sense"));
	if (!table_fits(e, phoff, phnum, phsize))
		return (pin_err_set(err, PIN_ECORRUPT, "truncated: its "
		    "program headers are missing"));
	for (uint64_t i = 0; i < phnum; i++) {
		off = word(e, phoff + i * phsize, 4, 8);
		size = word(e, phoff + i * phsize, 16, 32);
		if (!table_fits(e, off, 1, size))
			return (pin_err_set(err, PIN_ECORRUPT, "truncated: "
			    "a segment ends at byte %llu, the file at %zu",
			    (unsigned long long)(off + size), e->len));
	}
	return (PIN_OK);
}

int
pin__elf_check(const unsigned char *p, size_t len, struct pin_err *err)
{
	struct elf e = { p, len, 0, 0 };
	uint64_t shoff, shnum, shsize;

	if (len < 64 || memcmp(p, "\177ELF", 4) != 0 || p[4] < 1 || p[4] > 2 ||
	    p[5] < 1 || p[5] > 2)
		return (pin_err_set(err, PIN_ECORRUPT,
		    "not an ELF shared object"));
	e.wide = p[4] == 2;
	e.big = p[5] == 2;
	if (e.wide != (sizeof(void *) == 8))
		return (pin_err_set(err, PIN_ECORRUPT, "built for %d bits, "
		    "this host has %d", e.wide ? 64 : 32,
		    (int)sizeof(void *) * 8));
	if (field(&e, 16, 2) != 3)	/* ET_DYN */
		return (pin_err_set(err, PIN_ECORRUPT,
		    "an ELF file, but not a shared object"));
	shoff = word(&e, 0, 32, 40);
	shnum = field(&e, e.wide ? 60 : 48, 2);
	shsize = field(&e, e.wide ? 58 : 46, 2);
	if (shnum != 0 && !table_fits(&e, shoff, shnum, shsize))
		return (pin_err_set(err, PIN_ECORRUPT, "truncated: its "
		    "section headers are missing (the file has %zu bytes)",
		    len));
	return (segments_check(&e, err));
}
