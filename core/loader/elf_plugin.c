/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf_plugin.c -- `pin_plugin` out of a file, without dlopen: segments are
 * copied to where they would be mapped, relocations that need no other object
 * are applied, and pointers are then offsets into that image. Every offset is
 * checked against the image; the file is not trusted.
 * Any thread. Contract: elf_plugin.h, the ELF gABI. */
#include "core/loader/elf_plugin.h"

#include <stdlib.h>
#include <string.h>

#include "core/loader/elf_int.h"
#include "core/loader/loader_int.h"

#define ELF_PLUGIN_MAGIC	0x656c6670u
#define SECTIONS_MAX	65535
#define SHT_RELA	4
#define SHT_DYNSYM	11
#define PT_LOAD		1

struct pin_elf_plugin {
	uint32_t	 magic;
	uint32_t	 pad;
	unsigned char	*image;		/* span bytes and a NUL */
	size_t		 span;
	struct pin_plugin plugin;
	struct pin_option option[PIN_MODULE_OPTIONS_MAX + 1];
};

/* ---- the image --------------------------------------------------- */

static int
broken(struct pin_err *err, const char *what)
{
	return (pin_err_set(err, PIN_ECORRUPT, "%s", what));
}

struct segment {
	uint64_t	off, at, file, mem;
};

/* Program header i; returns its type. */
static uint64_t
segment_get(const struct pin__elf *e, uint64_t i, struct segment *s)
{
	uint64_t base = pin__elf_word(e, 0, 28, 32) + i *
	    pin__elf_field(e, e->wide ? 54 : 42, 2);

	s->off = pin__elf_word(e, base, 4, 8);
	s->at = pin__elf_word(e, base, 8, 16);
	s->file = pin__elf_word(e, base, 16, 32);
	s->mem = pin__elf_word(e, base, 20, 40);
	return (pin__elf_field(e, base, 4));
}

static int
image_make(struct pin_elf_plugin *ep, const struct pin__elf *e,
    struct pin_err *err)
{
	uint64_t n = pin__elf_field(e, e->wide ? 56 : 44, 2);
	struct segment s;

	for (uint64_t i = 0; i < n; i++) {
		if (segment_get(e, i, &s) != PT_LOAD)
			continue;
		if (s.at > PIN_MODULE_BYTES_MAX ||
		    s.mem > PIN_MODULE_BYTES_MAX || s.file > s.mem)
			return (broken(err, "its segments make no sense"));
		if (s.at + s.mem > ep->span)
			ep->span = (size_t)(s.at + s.mem);
	}
	ep->image = calloc(1, ep->span + 1);
	if (ep->image == NULL)
		return (pin_err_set(err, PIN_ENOMEM, "no memory"));
	for (uint64_t i = 0; i < n; i++)	/* elf_check saw off, file */
		if (segment_get(e, i, &s) == PT_LOAD)
			memcpy(ep->image + s.at, e->p + s.off,
			    (size_t)s.file);
	return (PIN_OK);
}

/* ---- sections ---------------------------------------------------- */

struct table {
	uint64_t	off, size, row, link;
};

static int
section_get(const struct pin__elf *e, uint64_t i, uint64_t *type,
    struct table *t)
{
	uint64_t base = pin__elf_word(e, 0, 32, 40) + i *
	    pin__elf_field(e, e->wide ? 58 : 46, 2);

	*type = pin__elf_field(e, base + 4, 4);
	t->off = pin__elf_word(e, base, 16, 24);
	t->size = pin__elf_word(e, base, 20, 32);
	t->link = pin__elf_field(e, base + (e->wide ? 40 : 24), 4);
	t->row = pin__elf_word(e, base, 36, 56);
	return (*type != 8 && pin__elf_fits(e, t->off, 1, t->size));
}

static int
symbols_find(const struct pin__elf *e, struct table *syms,
    struct table *names)
{
	uint64_t n = pin__elf_field(e, e->wide ? 60 : 48, 2), type;

	for (uint64_t i = 0; i < n; i++)
		if (section_get(e, i, &type, syms) && type == SHT_DYNSYM)
			return (syms->row == (e->wide ? 24 : 16) &&
			    syms->link < n &&
			    section_get(e, syms->link, &type, names));
	return (0);
}

/* Value of symbol i; 0 when it is another object's. */
static uint64_t
symbol_value(const struct pin__elf *e, const struct table *syms, uint64_t i)
{
	uint64_t at = syms->off + i * syms->row;

	if (i >= syms->size / syms->row ||
	    pin__elf_field(e, at + (e->wide ? 6 : 14), 2) == 0)
		return (0);
	return (pin__elf_word(e, at, 4, 8));
}

static int
name_is(const struct pin__elf *e, const struct table *names, uint64_t at,
    const char *want)
{
	size_t len = strlen(want) + 1;

	return (at < names->size && len <= names->size - at &&
	    memcmp(e->p + names->off + at, want, len) == 0);
}

static uint64_t
symbol_find(const struct pin__elf *e, const struct table *syms,
    const struct table *names, const char *want)
{
	for (uint64_t i = 1; i < syms->size / syms->row; i++)
		if (name_is(e, names, pin__elf_field(e, syms->off + i *
		    syms->row, 4), want))
			return (symbol_value(e, syms, i));
	return (0);
}

/* Rows with an addend: what they point to, relative to address 0. (Rows
 * without one keep it in place, where the copied segment already has it.) */
static void
relocate(struct pin_elf_plugin *ep, const struct pin__elf *e,
    const struct table *rela, const struct table *syms)
{
	uint64_t at, info, value, row = e->wide ? 24 : 12;
	size_t word = e->wide ? 8 : 4;
	uint32_t narrow;

	if (rela->row != row)
		return;
	for (uint64_t i = 0; i < rela->size / row; i++) {
		at = pin__elf_word(e, rela->off + i * row, 0, 0);
		info = pin__elf_word(e, rela->off + i * row, 4, 8);
		value = pin__elf_word(e, rela->off + i * row, 8, 16) +
		    symbol_value(e, syms, info >> (e->wide ? 32 : 8));
		if (at > ep->span || word > ep->span - at)
			continue;
		narrow = (uint32_t)value;
		memcpy(ep->image + at, e->wide ? (void *)&value :
		    (void *)&narrow, word);
	}
}

static void
relocate_all(struct pin_elf_plugin *ep, const struct pin__elf *e,
    const struct table *syms)
{
	uint64_t n = pin__elf_field(e, e->wide ? 60 : 48, 2), type;
	struct table t;

	for (uint64_t i = 0; i < n; i++)
		if (section_get(e, i, &type, &t) && type == SHT_RELA)
			relocate(ep, e, &t, syms);
}

/* ---- the descriptor ---------------------------------------------- */

/* A pointer of the image as a pointer of ours, `size` bytes behind it. */
static const void *
deref(const struct pin_elf_plugin *ep, const void *p, size_t size)
{
	uintptr_t at = (uintptr_t)p;

	if (at == 0 || at > ep->span || size > ep->span - at)
		return (NULL);
	return (ep->image + at);
}

/* The image ends with a NUL of ours, so that every string ends. */
static const char *
text(const struct pin_elf_plugin *ep, const char *p)
{
	return (deref(ep, p, 1));
}

static int
options_read(struct pin_elf_plugin *ep, struct pin_err *err)
{
	const struct pin_option *from = ep->plugin.options;
	const void *row;
	uint32_t n;

	ep->plugin.options = NULL;
	for (n = 0; from != NULL; n++, from++) {
		struct pin_option *o = &ep->option[n];

		row = deref(ep, from, sizeof(*from));
		if (row == NULL || n == PIN_MODULE_OPTIONS_MAX)
			return (broken(err, "its option table has no end"));
		memcpy(o, row, sizeof(*o));
		o->name = text(ep, o->name);
		o->help = text(ep, o->help);
		o->fallback = text(ep, o->fallback);
		if (o->name == NULL)
			break;
		if (o->help == NULL)
			o->help = "";
	}
	if (n > 0)
		ep->plugin.options = ep->option;
	return (PIN_OK);
}

static int
descriptor_read(struct pin_elf_plugin *ep, uint64_t at, struct pin_err *err)
{
	struct pin_plugin *p = &ep->plugin;
	const void *raw;

	raw = at == 0 ? NULL : deref(ep, (const void *)(uintptr_t)at,
	    sizeof(*p));
	if (raw == NULL)
		return (pin_err_set(err, PIN_ECONFIG, "not a plugin: it "
		    "does not export 'pin_plugin'"));
	memcpy(p, raw, sizeof(*p));
	if (p->magic != PIN_PLUGIN_MAGIC || p->size < sizeof(*p))
		return (pin_err_set(err, PIN_EABI, "its pin_plugin starts "
		    "with %08x and has %u bytes, a plugin's with %08x and "
		    "%zu", p->magic, p->size, PIN_PLUGIN_MAGIC, sizeof(*p)));
	if (PIN_ABI_MAJOR(p->host_abi) != PIN_ABI_MAJOR(PIN_HOST_ABI))
		return (pin_err_set(err, PIN_EABI, "built for host ABI %u.%u, "
		    "this host has %u.%u", PIN_ABI_MAJOR(p->host_abi),
		    PIN_ABI_MINOR(p->host_abi), PIN_ABI_MAJOR(PIN_HOST_ABI),
		    PIN_ABI_MINOR(PIN_HOST_ABI)));
	p->ops = NULL;
	p->open = NULL;
	p->close = NULL;
	p->name = text(ep, p->name);
	p->version = text(ep, p->version);
	p->summary = text(ep, p->summary);
	if (p->name == NULL || p->version == NULL || p->summary == NULL)
		return (broken(err, "has no name, version or summary"));
	return (options_read(ep, err));
}

static int
plugin_read(struct pin_elf_plugin *ep, const unsigned char *bytes,
    size_t len, struct pin_err *err)
{
	static const uint16_t one = 1;
	struct pin__elf e = { bytes, len, 0, 0 };
	struct table syms, names;
	int rc;

	rc = pin__elf_check(bytes, len, err);
	if (rc != PIN_OK)
		return (rc);
	e.wide = bytes[4] == 2;
	e.big = bytes[5] == 2;
	if (e.big == *(const unsigned char *)&one)
		return (broken(err, "built for the other byte order"));
	if (!symbols_find(&e, &syms, &names))
		return (broken(err, "has no table of dynamic symbols"));
	rc = image_make(ep, &e, err);
	if (rc != PIN_OK)
		return (rc);
	relocate_all(ep, &e, &syms);
	return (descriptor_read(ep, symbol_find(&e, &syms, &names,
	    "pin_plugin"), err));
}

int
pin_elf_plugin_open(const char *file, struct pin_elf_plugin **out,
    struct pin_err *err)
{
	struct pin_elf_plugin *ep;
	unsigned char *bytes;
	size_t len;
	int rc;

	*out = NULL;
	rc = pin__file_read(file, 0, &bytes, &len, err);
	if (rc != PIN_OK)
		return (rc);
	ep = pin_xcalloc(1, sizeof(*ep));
	ep->magic = ELF_PLUGIN_MAGIC;
	rc = plugin_read(ep, bytes, len, err);
	free(bytes);
	if (rc == PIN_OK)
		*out = ep;
	else {
		pin_elf_plugin_close(&ep);
		(void)pin_err_wrap(err, "%s", file);
	}
	return (rc);
}

const struct pin_plugin *
pin_elf_plugin_get(const struct pin_elf_plugin *ep)
{
	PIN_VALID(ep, ELF_PLUGIN_MAGIC);
	return (&ep->plugin);
}

void
pin_elf_plugin_close(struct pin_elf_plugin **epp)
{
	struct pin_elf_plugin *ep = *epp;

	PIN_VALID(ep, ELF_PLUGIN_MAGIC);
	*epp = NULL;
	free(ep->image);
	ep->magic = 0;
	free(ep);
}
