#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# More clients than the process may have descriptors: they are turned away,
# and what is there already goes on, the log's next file above all.
. tests/lib/faults.sh
SERVER=$PINTLE
PINTLE=$W/few
cat > "$PINTLE" <<C
#!/bin/sh
ulimit -n 256
exec "$SERVER" "\$@"
C
chmod 755 "$PINTLE"

conf ''
sed 's/plugin = "solo";/& segment = "64Ki";/' "$CONF" > "$CONF.few"
up_start --config "$CONF.few"
bg fill 1000000 -c 2 -s 10 -p load -a "$W/made"
load=$BG_PID log=$BG_LOG
both() { grep -q load-0 "$W/made" && grep -q load-1 "$W/made"; }
wait_for 10 both
bg fill 1000000 -c 1 -s 60 -x 400 -p quiet
full() { ! api GET /readyz > "$W/out"; }
wait_for 15 full
ok 'the load ends well' wait "$load"
diag "$(cat "$log")"
like '... and nothing of it was refused' "$(cat "$log")" '[0-9]* 0 *'
ok 'nobody had to wait for a descriptor' sh -c "! grep 'open files' '$UP_LOG'"
kill "$BG_PID" 2> /dev/null
again() { [ "$(api GET /readyz)" = ok ]; }
wait_for 20 again
up_stop
done_testing
