/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stall -- how busy the machine was meanwhile: a thread computes a little now
 * and then, and looks how long that took. For limits in milliseconds that are
 * meant for a machine of one's own.
 * One at a time. Contract: 1 on an idle machine. */
#ifndef PIN_TESTS_STALL_H
#define PIN_TESTS_STALL_H

void	 stall_start(void);
/* How many times longer than alone the slowest look took, 1 to 20. */
unsigned stall_stop(void);

#endif
