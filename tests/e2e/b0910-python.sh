#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The Python client, unmodified: tests/clients/python.py says what.
. tests/lib/e2e.sh
. tests/clients/lib.sh
deadline 240

bring() {
	python3 -m pip install -q --target "$C" kubernetes==37.0.2
}
library python kubernetes-37.0.2 python3 bring
up_start
PYTHONPATH=$C PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE
program python3 tests/clients/python.py
up_stop
done_testing
