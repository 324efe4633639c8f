#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A disk that fills up: writes are refused and say why, reads and watches go
# on, nothing acknowledged is lost, and with space all is well again, without
# a restart; and a restart needs none either.
. tests/lib/faults.sh
need_cmd curl
need_root 'mounting a small disk'
mkdir "$W/disk"
mount -t tmpfs -o size=160m pintle-test "$W/disk" 2> "$W/err" ||
    skip_all root "mounting a small disk: $(cat "$W/err")"
trap 'umount -l "$W/disk" 2> /dev/null; e_cleanup' EXIT
DATA=$W/disk/data

conf ''
up_start --config "$CONF"
: > "$W/acked"
fill 500 -c 4 -p before -a "$W/acked" > "$W/out"
bg curl -sN --cacert "$DATA/pki/ca.crt" -H "Authorization: Bearer $TOKEN" \
    "$UP_URL/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=300"
watch=$BG_LOG
# Everything that is left, but for a little.
left() { df --output=avail -k "$W/disk" | tail -n 1; }
dd if=/dev/zero of="$W/disk/filler" bs=1k count=$(($(left) - 512)) 2> /dev/null
full() {
	fill 2000 -c 4 -p "full$(date +%s%N)" -a "$W/acked" > "$W/fill.out" 2>&1
	! grep -q '^[0-9]* 0 ' "$W/fill.out"
}
wait_for 60 full
diag "$(cat "$W/fill.out")"
map one-more
like 'a write is refused with a server error' "$CODE" '5??'
like '... that names the reason' "$(cat "$W/ans")" '*space*'
is 'a read goes on' "$(api GET /api/v1/namespaces/default/configmaps/before-1 \
    -o /dev/null -w '%{http_code}')" 200
ok 'the server runs' kill -0 "$UP_PID"
is 'the watch is still open' "$(curl -sk -o /dev/null -w '%{http_code}' \
    "$UP_URL/livez")" 200
rm -f "$W/disk/filler"
again() { e_k=$((${e_k:-0} + 1)); map "again$e_k"; [ "$CODE" = 201 ]; }
wait_for 30 again
name=again$e_k
seen() { grep -q "\"name\":\"$name\"" "$watch"; }
wait_for 10 seen
up_stop
UP_ROLE=apiserver
UP_LISTEN='' up_start --config "$CONF"
api GET /api/v1/namespaces/default/configmaps | tr ',' '\n' |
    sed -n 's/.*"name":"\([a-z0-9]*-[0-9]*\)".*/\1/p' | sort > "$W/there"
sort "$W/acked" > "$W/want"
is 'nothing acknowledged is missing after a restart' \
    "$(comm -23 "$W/want" "$W/there" | wc -l)" 0

# Full again, and killed: it must start without the room it has not.
dd if=/dev/zero of="$W/disk/filler" bs=1k count=$(($(left) - 512)) 2> /dev/null
wait_for 60 full
kill -9 "$UP_PID"
wait "$UP_PID" 2> /dev/null
up_start --config "$CONF"
is 'killed on a full disk it starts there and is read' "$(api GET \
    /api/v1/namespaces/default/configmaps/before-1 -o /dev/null \
    -w '%{http_code}')" 200
rm -f "$W/disk/filler"
wait_for 30 again
up_stop
done_testing
