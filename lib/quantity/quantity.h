/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quantity.h -- Kubernetes' resource.Quantity: an exact decimal number with
 * a suffix ("500m", "1.5Gi", "12e6") and its one canonical spelling.
 * Pure, any thread.
 * Contract: apimachinery's resource.Quantity, except that longer texts than
 * PIN_QUANTITY_IN_MAX and numbers of more digits than fit are refused. */
#ifndef PINTLE_QUANTITY_H
#define PINTLE_QUANTITY_H

#include <pintle/abi.h>
#include <pintle/err.h>

#define PIN_QUANTITY_TEXT_MAX	64	/* canonical text with its NUL */
#define PIN_QUANTITY_IN_MAX	48	/* bytes of a text that is parsed */

enum {
	PIN_QUANTITY_DECIMAL_SI = 0,	/* 12M */
	PIN_QUANTITY_BINARY_SI = 1,	/* 12Mi */
	PIN_QUANTITY_EXPONENT = 2,	/* 12e6 */
};

/* The value is sign * mag * 10^scale, mag little-endian. Zeroed memory is
 * the quantity 0. */
struct pin_quantity {
	uint32_t	mag[10];
	int32_t		scale;
	uint8_t		negative;
	uint8_t		format;
	uint8_t		kept;		/* `text` is the canonical form */
	uint8_t		pad;
	char		text[PIN_QUANTITY_TEXT_MAX];
};

/* PIN_EINVAL with the message the API answers with, PIN_ELIMIT. Space
 * around the text is ignored, as in JSON. */
PIN_API int	 pin_quantity_parse(struct pin_str, struct pin_quantity *,
    struct pin_err *);
/* NUL-terminated. PIN_ELIMIT when it does not fit. */
PIN_API int	 pin_quantity_format(const struct pin_quantity *,
    char out[PIN_QUANTITY_TEXT_MAX]);
/* Both: the canonical text of a text. PIN_OK, PIN_EINVAL or PIN_ELIMIT. */
PIN_API int	 pin_quantity_canon(struct pin_str in,
    char out[PIN_QUANTITY_TEXT_MAX]);

PIN_API void	 pin_quantity_set(struct pin_quantity *, int64_t value,
    int32_t scale, int format);
PIN_API int	 pin_quantity_sign(const struct pin_quantity *);
PIN_API int	 pin_quantity_cmp(const struct pin_quantity *,
    const struct pin_quantity *);
/* a += b, a -= b; a zero a takes the format of b. PIN_ELIMIT when the result
 * does not fit, a unchanged. */
PIN_API int	 pin_quantity_add(struct pin_quantity *a,
    const struct pin_quantity *b);
PIN_API int	 pin_quantity_sub(struct pin_quantity *a,
    const struct pin_quantity *b);
/* Rounded away from zero; INT64_MAX or -INT64_MAX when it does not fit. */
PIN_API int64_t	 pin_quantity_value(const struct pin_quantity *);
PIN_API int64_t	 pin_quantity_milli(const struct pin_quantity *);

#endif
