/* SPDX-License-Identifier: BSD-2-Clause
 *
 * validation.h -- is a well-formed, defaulted object legal? Structure (types,
 * required fields, enums, formats) is checked by core from the schema before
 * these run; a validation plugin adds rules between fields and over time.
 * Threads: front threads, several at once; pure: no reads, no blocking.
 * Contract: upstream's field.ErrorList, one cause an error. */
#ifndef PINTLE_VALIDATION_H
#define PINTLE_VALIDATION_H

#include <pintle/admission.h>

#define PIN_VALIDATION_ABI	PIN_ABI(1, 0) /* history:
					       * docs/abi/validation.md */

/* upstream's field.ErrorType, and the causes' reasons. */
#define PIN_CAUSE_MAP(X)						\
	X(REQUIRED, "FieldValueRequired", "Required value")		\
	X(INVALID, "FieldValueInvalid", "Invalid value")		\
	X(NOTSUPPORTED, "FieldValueNotSupported", "Unsupported value")	\
	X(DUPLICATE, "FieldValueDuplicate", "Duplicate value")		\
	X(FORBIDDEN, "FieldValueForbidden", "Forbidden")		\
	X(TOOLONG, "FieldValueTooLong", "Too long")			\
	X(TOOMANY, "FieldValueTooMany", "Too many")			\
	X(NOTFOUND, "FieldValueNotFound", "Not found")			\
	X(TYPEINVALID, "FieldValueTypeInvalid", "Invalid value")	\
	X(INTERNAL, "InternalError", "Internal error")

enum {
	PIN_CAUSE_NONE = 0,
#define X(sym, reason, text)	PIN_CAUSE_##sym,
	PIN_CAUSE_MAP(X)
#undef X
	PIN_CAUSE__COUNT
};

struct pin_causes;

/* field: "spec.containers[0].image". value: how the bad value is printed
 * after the type (Go's %q for a string, plain for a number), or none.
 * detail: the rest of the sentence. Copied. */
PIN_API void	 pin_cause_add(struct pin_causes *, int type,
    const char *field, struct pin_str value, const char *detail, ...)
    PIN_PRINTF(5, 6);
PIN_API uint32_t pin_cause_count(const struct pin_causes *);
/* Adds all that is wrong with value as a string of the format of that name
 * ("dns1123-label", "qualified-name", "ip", ...: core/api/rules.def), each
 * sentence after `before` (may be NULL). Answers how many; causes NULL only
 * counts. */
PIN_API uint32_t pin_cause_format(struct pin_causes *, const char *format,
    const char *field, struct pin_str value, const char *before);
/* A string as values are printed: Go's %q. */
PIN_API void	 pin_cause_quote(struct pin_out *, struct pin_str);

typedef void pin_validation_check_fn(void *self,
    const struct pin_admission_request *, struct pin_causes *);

struct pin_validation_ops {
	uint32_t		 size;
	uint32_t		 pad;
	const struct pin_admission_match *match;
	pin_validation_check_fn	*check;		/* required */
};

#endif
