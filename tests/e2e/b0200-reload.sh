#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# 200 changes of the admission chain under load, none of them felt; a broken
# configuration changes nothing; signals that come faster than they can be
# served.
. tests/lib/faults.sh
deadline 120
need_cmd curl

LABEL="{ plugin = \"label\"; file = \"$T/label.so\"; },"
LATER="{ plugin = \"later\"; file = \"$T/later.so\"; time = \"2ms\"; },"
conf ''
up_start --config "$CONF"
bg fill 10000000 -c 8 -s 600 -p load
load=$BG_PID load_log=$BG_LOG
i=0
while [ $i -lt 200 ]; do
	i=$((i + 1))
	case $((i % 4)) in
	0)	conf '' ;;
	1)	conf "$LABEL" ;;
	2)	conf "$LABEL $LATER" ;;
	3)	conf "$LATER" ;;
	esac
	kill -HUP "$UP_PID"
	poll 10 logged 'configuration reloaded' $i || break
done
is '200 reloads were taken over, each' \
    "$(grep -c 'configuration reloaded' "$UP_LOG")" 200
conf "$LABEL { plugin = \"no-such\"; },"
kill -HUP "$UP_PID"
wait_for 10 logged 'not reloaded' 1
like 'a broken one is named with its line' "$(cat "$UP_LOG")" \
    "*pintle.conf:*unknown plugin 'no-such'*"
map kept
is 'the old chain goes on' "$CODE" 201

# As fast as signals go: the loop must not lose itself.
conf "$LABEL"
i=0
while [ $i -lt 500 ]; do kill -HUP "$UP_PID"; i=$((i + 1)); done
conf "{ plugin = \"refuse\"; file = \"$T/refuse.so\";
    reason = \"last word\"; },"
kill -HUP "$UP_PID"
refused() {	# another name each time: until it is, it is made
	e_k=$((${e_k:-0} + 1))
	map "r$e_k"
	[ "$CODE" = 403 ]
}
wait_for 20 refused
like 'what was refused says why' "$(cat "$W/ans")" '*last word*'
conf ''
kill -HUP "$UP_PID"
accepted() {
	e_k=$((${e_k:-0} + 1))
	map "back$e_k"
	[ "$CODE" = 201 ]
}
wait_for 20 accepted
kill "$load" 2> /dev/null
up_stop
# Only the refusing chain at the end may have refused.
is 'no other request failed under all of that' "$(grep '^fill:' "$load_log" |
    grep -vc 'last word')" 0
done_testing
