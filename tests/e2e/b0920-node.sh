#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The JavaScript client, unmodified: tests/clients/node.mjs says what.
. tests/lib/e2e.sh
. tests/clients/lib.sh
deadline 240

bring() {
	echo '{"private": true}' > "$C/package.json" &&
	    npm install --prefix "$C" --no-audit --no-fund \
	    @kubernetes/client-node@1.4.0
}
library node client-node-1.4.0 npm bring
need_cmd node
up_start
cp tests/clients/node.mjs "$C/program.mjs"
program node "$C/program.mjs"
up_stop
done_testing
