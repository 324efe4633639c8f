#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Port 0 is any free port, and from then on the same one: what was written into
# kubeconfigs stays true over a crash of the control plane and over restarts.
. tests/lib/e2e.sh
need_cmd curl
no_node
UP_LISTEN=127.0.0.1:0
up_start --config "$W/pintle.conf"
url=$UP_URL
unlike() { [ "$1" != "$2" ]; }
ok 'a port was chosen' unlike "${url##*:}" 0
code() { api GET /api/v1/namespaces -o /dev/null -w '%{http_code}'; }
is 'the kubeconfig leads to it' "$(code)" 200
p=$(ps -o pid= --ppid "$UP_PID" | head -n 1)
kill -9 "$p"
ready() { [ "$(grep -c '^ready ' "$UP_LOG")" -ge "$1" ]; }
wait_for 30 ready 2
is 'after a crash it is the same one' \
    "$(sed -n 's/^ready //p' "$UP_LOG" | sort -u)" "$url"
is 'the kubeconfig leads to it still' "$(code)" 200
up_stop
up_start --config "$W/pintle.conf"
is 'and after a restart' "$UP_URL" "$url"
up_stop

# Somebody else has it.
other=$W/other
"$PINTLE" apiserver --data "$other" --listen "127.0.0.1:${url##*:}" \
    --config "$W/pintle.conf" > "$W/other.log" 2>&1 &
E_PIDS="$! $E_PIDS"
wait_for 30 grep -q '^ready' "$W/other.log"
up_start --config "$W/pintle.conf"
ok 'one that is taken is left alone' unlike "$UP_URL" "$url"
like '... and the log says so' "$(cat "$UP_LOG")" \
    '*the port of the last start is not free*'
is '... and the kubeconfig leads to the new one' "$(code)" 200
up_stop
done_testing
