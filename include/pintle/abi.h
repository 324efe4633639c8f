/* SPDX-License-Identifier: BSD-2-Clause
 *
 * abi.h -- the words every other public header is built from: visibility,
 * version numbers, assertions, ownership marks. Includes libc only.
 * Any thread. Contract: docs/abi/README.md. */
#ifndef PINTLE_ABI_H
#define PINTLE_ABI_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PIN_API			__attribute__((visibility("default")))
#define PIN_PRINTF(f, a)	__attribute__((format(printf, f, a)))
#define PIN_NORETURN		__attribute__((noreturn))
#define PIN_USE_RESULT		__attribute__((warn_unused_result))
#define PIN_LIKELY(x)		__builtin_expect(!!(x), 1)
#define PIN_UNLIKELY(x)		__builtin_expect(!!(x), 0)
#else
#define PIN_API
#define PIN_PRINTF(f, a)
#define PIN_NORETURN
#define PIN_USE_RESULT
#define PIN_LIKELY(x)		(x)
#define PIN_UNLIKELY(x)		(x)
#endif

/* The callee becomes the owner of this argument, or the caller of this
 * result. Everything unmarked is borrowed until the call returns. */
#define PIN_OWN

/* An ABI number: equal major, and a plugin's minor not above the host's. */
#define PIN_ABI(major, minor)	((uint32_t)(major) << 16 | (uint32_t)(minor))
#define PIN_ABI_MAJOR(abi)	((abi) >> 16)
#define PIN_ABI_MINOR(abi)	((abi) & 0xffffu)

/* True when the ops table at `ops` is long enough to hold `field`, as its
 * owner saw it, and sets it. Ops tables only grow at their end. */
#define PIN_HAS(ops, field)						\
	((ops)->size >= offsetof(__typeof__(*(ops)), field) +		\
	    sizeof((ops)->field) && (ops)->field != NULL)

/* A bug of ours, never an answer to input. Compiled into every build. */
#define PIN_ASSERT(x)							\
	(PIN_LIKELY(x) ? (void)0 : pin_assert_failed(#x, __FILE__,	\
	    __LINE__))
PIN_API PIN_NORETURN void pin_assert_failed(const char *expr,
    const char *file, int line);

/* Guards against a wrong or stale pointer: every opaque struct starts with
 * `uint32_t magic`, set by its constructor and cleared when it dies. */
#define PIN_VALID(p, m)	PIN_ASSERT((p) != NULL && (p)->magic == (m))

#define PIN_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* Bytes with a length; not NUL-terminated unless a function says so. */
struct pin_str {
	const char	*p;
	size_t		 len;
};

#define PIN_STR(lit)	((struct pin_str){ (lit), sizeof(lit) - 1 })
#define PIN_STR_NONE	((struct pin_str){ NULL, 0 })
#define PIN_SFMT	"%.*s"
#define PIN_SARG(s)	(int)(s).len, (s).p != NULL ? (s).p : ""

PIN_API struct pin_str	pin_str(const char *cstr);	/* NULL: none */
PIN_API int		pin_str_eq(struct pin_str, struct pin_str);
PIN_API int		pin_str_is(struct pin_str, const char *cstr);
PIN_API int		pin_str_cmp(struct pin_str, struct pin_str);
PIN_API int		pin_str_prefix(struct pin_str, const char *cstr);

/* Small allocations: a failure aborts the process, its supervisor restarts
 * it. Sizes an outsider can choose use malloc or an arena and PIN_ENOMEM. */
PIN_API void	*pin_xmalloc(size_t size);
PIN_API void	*pin_xcalloc(size_t n, size_t size);
PIN_API void	*pin_xrealloc(void *p, size_t size);
PIN_API char	*pin_xstrdup(const char *s);
PIN_API char	*pin_xstrndup(const char *s, size_t len);

#endif
