#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# up.sh -- a whole node from the build folder, in the foreground: starts it,
# deploys a demo, shows that it answers, says what to try next.
# usage: up.sh [ARG of `pintle up` ...]
# DATA=DIR (./build/data) keeps its state, LISTEN=ADDR:PORT (127.0.0.1:6443),
# DEMO=no leaves the demo out.
set -u
cd "$(dirname "$0")/.." || exit 2
data=${DATA:-$PWD/build/data}
listen=${LISTEN:-127.0.0.1:6443}
[ -x build/pintle ] || {
	echo 'up.sh: no build/pintle: make first' >&2
	exit 2
}
mkdir -p "$data" || exit 2
log=$data/up.log
: > "$log"

build/pintle up --data "$data" --listen "$listen" "$@" > "$log" 2>&1 &
pid=$!
trap 'kill $pid 2> /dev/null; wait $pid; exit' INT TERM HUP
# until SECONDS WHAT CMD...: CMD has come true, or says what did not.
until_true() {
	end=$(($(date +%s) + $1))
	what=$2
	shift 2
	until "$@" > /dev/null 2>&1; do
		if ! kill -0 $pid 2> /dev/null; then
			cat "$log" >&2
			echo 'up.sh: pintle has ended' >&2
			exit 1
		fi
		if [ "$(date +%s)" -ge $end ]; then
			tail -n 20 "$log" >&2
			echo "up.sh: $what: not in time" >&2
			return 1
		fi
		sleep 0.1
	done
}
until_true 60 'the API' grep -q '^ready https://' "$log" || {
	kill $pid
	wait $pid
	exit 1
}
KUBECONFIG=$data/admin.kubeconfig
export KUBECONFIG
kubectl=$(command -v kubectl || sh scripts/kubectl.sh 2> /dev/null || :)

answers() { curl -fsS --max-time 2 "http://127.0.0.1:30080/"; }
demo() {
	until_true 30 'a ready node' sh -c "'$kubectl' get nodes |
	    grep -q ' Ready'" || return 1
	"$kubectl" apply -f examples/demo/host.yaml || return 1
	until_true 60 'the demo' answers || return 1
	echo
	echo "\$ curl http://127.0.0.1:30080/"
	answers
}
grep '^ready https://' "$log" | head -n 1
if [ "${DEMO:-yes}" = yes ] && [ -n "$kubectl" ]; then
	demo || echo 'up.sh: the demo does not answer; the node goes on' >&2
fi
cat <<TRY

(log: $log; Ctrl-C stops the node, its state stays)
In another terminal:

    export KUBECONFIG=$KUBECONFIG
    ${kubectl:-kubectl} get nodes,pods -o wide
    ${kubectl:-kubectl} scale deployment demo --replicas=0
    ${kubectl:-kubectl} logs deployment/demo
    ${kubectl:-kubectl} explain deployment.spec.strategy
    ${kubectl:-kubectl} auth can-i --list

TRY
wait $pid
