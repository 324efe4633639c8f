/* SPDX-License-Identifier: BSD-2-Clause
 *
 * yaml.h -- YAML text to struct pin_obj and back, as sigs.k8s.io/yaml does
 * it: YAML 1.1 scalars, the first document only, keys as strings.
 * Pure, any thread.
 * Contract: messages are the reference's, "yaml: line 3: ..."; a caller
 * that wants its longer form wraps them. */
#ifndef PINTLE_YAML_H
#define PINTLE_YAML_H

#include <pintle/object.h>

#define PIN_YAML_DEPTH_MAX	PIN_OBJ_DEPTH_MAX

/* In arena, or the heap when arena is NULL. An empty text is null. Of equal
 * keys the last one counts and is the only one kept. PIN_EINVAL, PIN_ELIMIT,
 * PIN_ENOMEM. */
PIN_API int	 pin_yaml_parse(struct pin_arena *, const char *text,
    size_t len, PIN_OWN struct pin_obj **out, struct pin_err *);
/* The same; what a strict reader would refuse (equal keys) is written to
 * `strict` in the reference's words, nothing when there is nothing. */
PIN_API int	 pin_yaml_parse_strict(struct pin_arena *, const char *text,
    size_t len, struct pin_out *strict, PIN_OWN struct pin_obj **out,
    struct pin_err *);
/* Block style, keys sorted, as kubectl -o yaml. Sets out->failed. */
PIN_API void	 pin_yaml_write(const struct pin_obj *, pin_node,
    struct pin_out *);

#endif
