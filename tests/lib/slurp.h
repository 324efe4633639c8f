/* SPDX-License-Identifier: BSD-2-Clause
 *
 * slurp.h -- reading a whole data file into an object, for tests that replay
 * recorded cases.
 * Contract: the program ends (BAIL) when the file cannot be read. */
#ifndef PIN_TESTS_SLURP_H
#define PIN_TESTS_SLURP_H

#include <pintle/object.h>

/* path is relative to the source tree or absolute. Heap object. */
struct pin_obj	*slurp_json(const char *path);
char		*slurp_text(const char *path, size_t *len);

#endif
