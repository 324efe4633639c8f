/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tap -- what a test program is written with: TAP on stdout, one line a claim.
 * Not a framework: main() calls your functions and returns tap_done().
 * Checks from several threads are safe; CASE and tap_done belong to main.
 * Contract: a false check never ends the program; SKIP ids: tests/SKIPS. */
#ifndef PIN_TESTS_TAP_H
#define PIN_TESTS_TAP_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#define TAP_FMT(f, a)	__attribute__((format(printf, f, a)))
#else
#define TAP_FMT(f, a)
#endif

/*
 *	int
 *	main(void)
 *	{
 *		OK(1 + 1 == 2, "small sums are right");
 *		CASE("a minority never elects") {
 *			CHECK(a == 1);		prints only when it fails
 *			CHECK_INT(b, 2);	shows both values
 *			CHECK_STR(s, "x");
 *		}
 *		SKIP("root", "makes a namespace");
 *		return (tap_done());
 *	}
 */

/* One result: the claim should say what must hold. Returns cond. */
#define OK(cond, ...) \
	tap_ok((cond) ? true : false, __FILE__, __LINE__, __VA_ARGS__)

/* A result made of any number of CHECKs; prints one line at its end. Leave it
 * with `continue` (never with break, goto or return). */
#define CASE(...) \
	for (int tap__i = tap_case_begin(__VA_ARGS__); tap__i != 0; \
	    tap__i = tap_case_end())

/* Inside a CASE a failed check fails the case; outside, each is a result. */
#define CHECK(cond) \
	tap_check((cond) ? true : false, __FILE__, __LINE__, #cond)
#define CHECK_INT(got, want) \
	tap_check_int((intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, \
	    #got)
#define CHECK_UINT(got, want) \
	tap_check_uint((uintmax_t)(got), (uintmax_t)(want), __FILE__, \
	    __LINE__, #got)
#define CHECK_STR(got, want) \
	tap_check_str((got), (want), __FILE__, __LINE__, #got)
#define CHECK_MEM(got, gotlen, want, wantlen) \
	tap_check_mem((got), (gotlen), (want), (wantlen), __FILE__, __LINE__, \
	    #got)

/* Polls until cond holds or ms have passed, then checks it. The only way to
 * wait in a test: for a state, with a deadline. */
#define WAIT(cond, ms) do { \
	uint64_t tap__end = tap_now_ms() + (uint64_t)(ms); \
	while (!(cond) && tap_now_ms() < tap__end) \
		tap_nap(); \
	CHECK(cond); \
} while (0)

/* A claim that cannot be examined here; id must be listed in tests/SKIPS. */
#define SKIP(id, ...)		tap_skip((id), __VA_ARGS__)
/* The whole program cannot run here: prints the plan and exits 0. */
#define SKIP_ALL(id, ...)	tap_skip_all((id), __VA_ARGS__)
/* Going on makes no sense (a fixture failed): exits 1. */
#define BAIL(...)		tap_bail(__VA_ARGS__)

bool	 tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
	    TAP_FMT(4, 5);
int	 tap_case_begin(const char *fmt, ...) TAP_FMT(1, 2);
int	 tap_case_end(void);
bool	 tap_check(bool cond, const char *file, int line, const char *expr);
bool	 tap_check_int(intmax_t got, intmax_t want, const char *file, int line,
	    const char *expr);
bool	 tap_check_uint(uintmax_t got, uintmax_t want, const char *file,
	    int line, const char *expr);
bool	 tap_check_str(const char *got, const char *want, const char *file,
	    int line, const char *expr);
bool	 tap_check_mem(const void *got, size_t gotlen, const void *want,
	    size_t wantlen, const char *file, int line, const char *expr);
void	 tap_skip(const char *id, const char *fmt, ...) TAP_FMT(2, 3);
_Noreturn void tap_skip_all(const char *id, const char *fmt, ...) TAP_FMT(2, 3);
_Noreturn void tap_bail(const char *fmt, ...) TAP_FMT(1, 2);
/* A remark ("# ..."), shown when the test fails. */
void	 tap_diag(const char *fmt, ...) TAP_FMT(1, 2);
/* Asks the runner for more time than its default, in seconds. */
void	 tap_deadline(unsigned int secs);
/* Prints the plan; the value is main's: 0 when everything held. */
int	 tap_done(void);

/* Runs a shell command to its end; its exit status (128 + signal when killed),
 * what it printed on stdout and stderr in out, cut to fit. */
int	 tap_sh(const char *cmd, char *out, size_t size);
/* How long the long forms run: $SCALE, else 1. */
unsigned long tap_scale(void);

uint64_t tap_now_ms(void);		/* monotonic */
void	 tap_nap(void);			/* 1 ms, between two looks */
const char *tap_build(void);		/* the build folder: plugins, pintle */
const char *tap_tmp(void);		/* a folder of this test's own */

#endif
