/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fewfiles -- a process that is out of descriptors, or nearly.
 * One thread at a time. Contract: what is open stays so. */
#ifndef PIN_TESTS_FEWFILES_H
#define PIN_TESTS_FEWFILES_H

/* So many descriptors are left; -1: as many as before. */
void	 files_left(int n);

#endif
