#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# SIGKILL under load, again and again: what a client was told is stored is
# there after each start, and the start needs no help.
. tests/lib/faults.sh
need_cmd curl
cycles=$((20 * ${SCALE:-1}))
[ $cycles -le 200 ] || cycles=200
deadline $((60 + cycles * 4))

conf ''
: > "$W/acked"
i=0
while [ $i -lt $cycles ]; do
	i=$((i + 1))
	up_start --config "$CONF"
	bg fill 1000000 -c 8 -p "c$i" -s 30 -a "$W/acked"
	load=$BG_PID
	# At any moment of some hundred writes.
	want=$(($(wc -l < "$W/acked") + 20 + i * 37 % 400))
	enough() { [ "$(wc -l < "$W/acked")" -ge "$want" ]; }
	poll 20 enough || break
	up_crash
	wait "$load" 2> /dev/null
done
is "$cycles cycles" $i $cycles
up_start --config "$CONF"
api GET /api/v1/namespaces/default/configmaps |
    tr ',' '\n' | sed -n 's/.*"name":"\(c[0-9]*-[0-9]*\)".*/\1/p' |
    sort > "$W/there"
sort "$W/acked" > "$W/want"
diag "$(wc -l < "$W/want") acknowledged, $(wc -l < "$W/there") there"
is "none of the $(wc -l < "$W/want") that were acknowledged is missing" \
    "$(comm -23 "$W/want" "$W/there" | wc -l)" 0
# In flight at a kill: at most one a connection.
extra=$(comm -13 "$W/want" "$W/there" | wc -l)
ok 'nothing is there that nobody sent' [ "$extra" -le $((cycles * 8)) ]
up_stop
done_testing
