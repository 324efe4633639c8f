#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Bad input on the wire, to the real server: what two HTTP parsers could read
# differently, and clients that are slow in every direction
# (tests/lib/badinput.py). What a body may hold wrong: tests/golden/errors.
. tests/lib/faults.sh
. tests/clients/lib.sh
deadline 240
need_cmd python3

conf ''
UP_ROLE=apiserver
up_start --config "$CONF"
program python3 tests/lib/badinput.py "${UP_URL#https://}" \
    "$DATA/pki/ca.crt" "$TOKEN" "$UP_PID"
# One byte above 3 MiB; exactly as many are read (errors/largest.json).
head -c 3145729 /dev/zero | tr '\0' ' ' > "$W/large"
like 'a body of 3 MiB and a byte' "$(api POST \
    /api/v1/namespaces/default/configmaps -H 'Content-Type: application/json' \
    --data-binary "@$W/large")" '*"message":"Request entity too large: limit '\
'is 3145728","reason":"RequestEntityTooLarge"*"code":413*'
is 'the server is healthy' "$(api GET /readyz)" ok
up_stop
done_testing
