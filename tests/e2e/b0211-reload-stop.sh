#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A stop after a reload, with a request from before it: the old chain is
# closed when the last of its requests ends, which is after the loop that
# would close it.
. tests/lib/faults.sh
need_cmd curl
LABEL="{ plugin = \"label\"; file = \"$T/label.so\"; },"
conf "$LABEL"
UP_ROLE=apiserver
up_start --config "$CONF"
map first
bg curl -sN --cacert "$DATA/pki/ca.crt" -H "Authorization: Bearer $TOKEN" \
    "$UP_URL/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=300"
watch=$BG_LOG
seen() { grep -q '"name":"first"' "$watch"; }
wait_for 10 seen
conf ''
kill -HUP "$UP_PID"
wait_for 10 logged 'configuration reloaded' 1
kill -TERM "$UP_PID"
ok 'it stops' poll 20 e_ended "$UP_PID"
wait "$UP_PID"
is '... with a good word' $? 0
diag "$(cat "$UP_LOG")"
done_testing
