/* SPDX-License-Identifier: BSD-2-Clause
 *
 * limits.h -- every queue, size, retry and batch of the host has its maximum
 * here, with the reason. Constants only.
 * Any thread.
 * Contract: a number that bounds anything is named, and named once. */
#ifndef PIN_LIMITS_H
#define PIN_LIMITS_H

/* ---- loops ---------------------------------------------------------- */

#define PIN_LOOP_NAME_MAX	16	/* with NUL: what Linux shows */
/* Messages run before sockets are looked at again. */
#define PIN_LOOP_MSGS_TURN	1024
/* Turns a stopped loop still makes while messages repost one another. */
#define PIN_LOOP_STOP_TURNS	1000
/* A delay above this (34 years) is this. */
#define PIN_TIMER_DELAY_MS_MAX	((uint64_t)1 << 40)

/* Stacks are reserved, not used; sanitizers need wider frames. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PIN_STACK_FACTOR	4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define PIN_STACK_FACTOR	4
#endif
#endif
#ifndef PIN_STACK_FACTOR
#define PIN_STACK_FACTOR	1
#endif
#define PIN_LOOP_STACK		((size_t)PIN_STACK_FACTOR * 512 << 10)
#define PIN_WORK_STACK		((size_t)PIN_STACK_FACTOR * 256 << 10)

/* Threads of the work pool, made when first needed. */
#define PIN_WORK_THREADS_MAX	4
/* One that had nothing to do for so long goes away. */
#define PIN_WORK_IDLE_MS	10000

/* ---- log ------------------------------------------------------------ */

#define PIN_LOG_LINE_MAX	2048	/* longer lines end in "..." */

/* ---- files ---------------------------------------------------------- */

#define PIN_FILE_IOV_MAX	64	/* pieces handed to the OS at once */
#define PIN_FILE_ZERO_CHUNK	((size_t)64 << 10)
#define PIN_PATH_MAX		4096	/* with NUL */

/* ---- sockets -------------------------------------------------------- */

#define PIN_SOCK_BACKLOG	1024
#define PIN_SOCK_ACCEPT_BATCH	64	/* accepted before others run */
/* Out of descriptors: accepting rests for so long. */
#define PIN_SOCK_ACCEPT_REST_MS	100

#endif
