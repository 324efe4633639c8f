/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf_plugin.h -- a plugin's descriptor, read out of its file as data: nothing
 * is mapped executable and none of its code runs, so the file may be anybody's.
 * Any thread. Contract: below. */
#ifndef PIN_CORE_ELF_PLUGIN_H
#define PIN_CORE_ELF_PLUGIN_H

#include <pintle/plugin.h>

struct pin_elf_plugin;

PIN_API int	 pin_elf_plugin_open(const char *file,
    PIN_OWN struct pin_elf_plugin **out, struct pin_err *);
/* Its ops, open and close are NULL. */
PIN_API const struct pin_plugin *pin_elf_plugin_get(
    const struct pin_elf_plugin *);
PIN_API void	 pin_elf_plugin_close(PIN_OWN struct pin_elf_plugin **);

#endif
