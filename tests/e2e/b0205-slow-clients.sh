#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Clients that stop in the middle of things: half a TLS greeting, a list read
# a byte at a time, a body that does not come. Others do not notice.
. tests/lib/faults.sh
need_kubectl
need_cmd curl

conf ''
up_start --config "$CONF"
ok 'a load on its own' fill 3000 -c 8 -p alone
alone=$(out | cut -d' ' -f6)
# 2,000 pods of something to read slowly: 20 readers at 1 KB a second.
ok 'something to read' "$FILL" "$UP_URL" "$DATA/pki/ca.crt" "$TOKEN" 2000 -p pod
e_creds
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	bg curl -s --limit-rate 1k --cacert "$W/ca.pem" --cert "$W/cert.pem" \
	    --key "$W/key.pem" -o /dev/null --max-time 120 "$UP_URL/api/v1/pods"
	# A body of which only a part comes.
	mkfifo "$W/body$i"
	# (Open at both ends, or opening it would wait.)
	bg sh -c 'exec 3<> "$0"; exec curl -s --max-time 120 "$@" -T "$0"' \
	    "$W/body$i" --cacert "$W/ca.pem" --cert "$W/cert.pem" --key \
	    "$W/key.pem" -H 'Content-Type: application/json' -H \
	    'Content-Length: 100000' -o /dev/null -X POST \
	    "$UP_URL/api/v1/namespaces/default/configmaps"
done
ok 'the same load beside 300 silent, 40 slow clients' \
    fill 3000 -c 8 -p beside -x 300
like '... none fails' "$(out)" '3000 0 *'
beside=$(out | cut -d' ' -f6)
diag "p99 $alone ms alone, $beside ms beside them"
# A shared machine is noisy; being held up would be seconds.
ok '... and none waits for them' awk -v a="$alone" -v b="$beside" \
    'BEGIN { exit !(b < 10 * a + 100) }'
is 'the server answers' "$(api GET /readyz)" ok
up_stop
done_testing
