# SPDX-License-Identifier: BSD-2-Clause
LIBS-lmdb = -llmdb
