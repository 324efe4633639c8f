#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Plugins that misbehave in the chain of a real server: one in a process of
# its own that dies in mid-call, one that answers later, one that refuses.
. tests/lib/faults.sh
need_cmd curl

conf "{ plugin = \"crash\"; file = \"$T/crash.so\";
    isolation = \"process\"; deadline = \"3s\"; },"
up_start --config "$CONF"
map fine
is 'a request goes through a plugin in its own process' "$CODE" 201
bg fill 10000000 -c 4 -s 600 -p calm
calm=$BG_PID
again() { e_k=$((${e_k:-0} + 1)); map "after$e_k"; [ "$CODE" = 201 ]; }
# Killed from outside, between and in calls. (Each pause is twice
# the last one, so not often.)
host_pid() { # the newest plugin host of this server, its grandchild
	for p in $(ps -o pid= --ppid "$UP_PID"); do
		ps -o pid= -o args= --ppid "$p"
	done | sed -n 's/^ *\([0-9]*\) .*plugin-host.*/\1/p' | tail -n 1
}
i=0
while [ $i -lt 3 ]; do
	i=$((i + 1))
	p=$(host_pid)
	kill -9 "$p" || break
	poll 10 again || break
	[ "$(host_pid)" != "$p" ] || break
done
is 'killed three times, the next request works each time' $i 3
for how in segv abort exit write; do
	map "c-$how" "\"annotations\":{\"pintle.test/crash\":\"$how\"}"
	if [ $how = write ]; then
		diag "descriptors closed: $CODE"
	else
		is "$how in mid-call: that request fails" "$CODE" 500
		like "... and says which plugin" "$(cat "$W/ans")" '*crash*'
	fi
	wait_for 10 again
done
wait_for 5 logged 'plugin.*crash\|crash.*plugin\|crash' 3
map spin '"annotations":{"pintle.test/crash":"spin"}'
like 'one that never answers: its deadline ends the call' "$CODE" '5??'
wait_for 10 again
kill "$calm" 2> /dev/null

conf "{ plugin = \"later\"; file = \"$T/later.so\";
    time = \"5ms\"; },"
kill -HUP "$UP_PID"
wait_for 10 logged 'configuration reloaded' 1
ok 'a plugin that answers later holds nobody up' fill 200 -c 16 -p later
like '... all came through' "$(out)" '200 0 *'
conf "{ plugin = \"refuse\"; file = \"$T/refuse.so\";
    reason = \"not today\"; },"
kill -HUP "$UP_PID"
wait_for 10 logged 'configuration reloaded' 2
map no
is 'a refusing plugin: 403' "$CODE" 403
like '... with its reason and its name' "$(cat "$W/ans")" '*not today*'
code() {
	api GET "$1" -o /dev/null -w '%{http_code}'
}
is '... and nothing was stored' \
    "$(code /api/v1/namespaces/default/configmaps/no)" 404
# One that never answers: watched only, it holds a request up for its
# deadline; in earnest it fails it; and it does not keep the server from ending.
loads=2
stuck() { # OPTIONS MORE
	rm -f "$W/go.held"
	conf "{ plugin = \"later\"; file = \"$T/later.so\";
	    hold = \"$W/go\"; $1 }, ${2:-}"
	loads=$((loads + 1))
	kill -HUP "$UP_PID"
	wait_for 10 logged 'configuration reloaded' $loads
}
stuck 'deadline = "200ms"; mode = "audit";'
map on
is 'given up where it only watches: the request goes on' "$CODE" 201
stuck 'deadline = "200ms"; mode = "audit";' "{ plugin = \"refuse\";
    file = \"$T/refuse.so\"; reason = \"asked next\"; },"
map next
like '... to the next plugin' "$CODE $(cat "$W/ans")" '403*asked next*'
stuck 'deadline = "200ms";'
map off
is 'given up in earnest: 504' "$CODE" 504
stuck 'deadline = "60s";'
bg map held
wait_for 10 test -e "$W/go.held"
up_stop
like 'a server that ends says that it does not wait for the plugin' \
    "$(cat "$UP_LOG")" '*calls into plugins have no answer yet*'

# A server that is killed leaves no process behind, not even one that loops.
conf "{ plugin = \"crash\"; file = \"$T/crash.so\";
    isolation = \"process\"; deadline = \"2s\"; },"
up_start --config "$CONF"
p=$(host_pid)
bg map last '"annotations":{"pintle.test/crash":"spin"}'
busy() { [ "$(ps -o stat= -p "$p" | cut -c 1)" = R ]; }
wait_for 10 busy
up_crash
wait_for 15 e_ended "$p"
done_testing
