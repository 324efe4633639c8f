/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf.c -- is this a whole shared object? dlopen maps what the headers
 * promise; of a truncated file that is SIGBUS in the middle of a server, so
 * the promises are compared with the file's length first.
 * Pure. Contract: the ELF gABI; loader_int.h. */
#include "core/loader/elf_int.h"

#include <string.h>

#include "core/loader/loader_int.h"

#define PHDRS_MAX	256

uint64_t
pin__elf_field(const struct pin__elf *e, uint64_t at, unsigned size)
{
	uint64_t v = 0;

	PIN_ASSERT(size <= 8);
	if (at > e->len || size > e->len - at)
		return (0);
	for (unsigned i = 0; i < size; i++)
		v = v << 8 | e->p[at + (e->big ? i : size - 1 - i)];
	return (v);
}

uint64_t
pin__elf_word(const struct pin__elf *e, uint64_t base, unsigned at32,
    unsigned at64)
{
	return (pin__elf_field(e, base + (e->wide ? at64 : at32),
	    e->wide ? 8 : 4));
}

int
pin__elf_fits(const struct pin__elf *e, uint64_t at, uint64_t n,
    uint64_t size)
{
	return (at <= e->len && (size == 0 || n <= (e->len - at) / size));
}

static int
segments_check(const struct pin__elf *e, struct pin_err *err)
{
	uint64_t phoff = pin__elf_word(e, 0, 28, 32), off, size;
	uint64_t phnum = pin__elf_field(e, e->wide ? 56 : 44, 2);
	uint64_t phsize = pin__elf_field(e, e->wide ? 54 : 42, 2);

	if (phnum == 0 || phnum > PHDRS_MAX || phsize != (e->wide ? 56 : 32))
		return (pin_err_set(err, PIN_ECORRUPT,
		    "its program headers make no sense"));
	if (!pin__elf_fits(e, phoff, phnum, phsize))
		return (pin_err_set(err, PIN_ECORRUPT, "truncated: its "
		    "program headers are missing"));
	for (uint64_t i = 0; i < phnum; i++) {
		off = pin__elf_word(e, phoff + i * phsize, 4, 8);
		size = pin__elf_word(e, phoff + i * phsize, 16, 32);
		if (!pin__elf_fits(e, off, 1, size))
			return (pin_err_set(err, PIN_ECORRUPT, "truncated: "
			    "a segment ends at byte %llu, the file at %zu",
			    (unsigned long long)(off + size), e->len));
	}
	return (PIN_OK);
}

int
pin__elf_check(const unsigned char *p, size_t len, struct pin_err *err)
{
	struct pin__elf e = { p, len, 0, 0 };
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
	if (pin__elf_field(&e, 16, 2) != 3)	/* ET_DYN */
		return (pin_err_set(err, PIN_ECORRUPT,
		    "an ELF file, but not a shared object"));
	shoff = pin__elf_word(&e, 0, 32, 40);
	shnum = pin__elf_field(&e, e.wide ? 60 : 48, 2);
	shsize = pin__elf_field(&e, e.wide ? 58 : 46, 2);
	if (shnum != 0 && !pin__elf_fits(&e, shoff, shnum, shsize))
		return (pin_err_set(err, PIN_ECORRUPT, "truncated: its "
		    "section headers are missing (the file has %zu bytes)",
		    len));
	return (segments_check(&e, err));
}
