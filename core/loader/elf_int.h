/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf_int.h -- fields of an ELF file, shared by elf.c and elf_plugin.c.
 * Pure. Contract: the ELF gABI. */
#ifndef PIN_CORE_ELF_INT_H
#define PIN_CORE_ELF_INT_H

#include <stddef.h>
#include <stdint.h>

/* A reader of fixed-width fields in the file's own byte order. */
struct pin__elf {
	const unsigned char *p;
	size_t		 len;
	int		 wide;		/* 64-bit */
	int		 big;		/* most significant byte first */
};

/* 0 outside the file. size: 1 to 8. */
uint64_t pin__elf_field(const struct pin__elf *, uint64_t at, unsigned size);
/* A word whose place (and size) differs between the two classes. */
uint64_t pin__elf_word(const struct pin__elf *, uint64_t base, unsigned at32,
	    unsigned at64);
/* Do n rows of size bytes at `at` lie inside the file? */
int	pin__elf_fits(const struct pin__elf *, uint64_t at, uint64_t n,
	    uint64_t size);

#endif
