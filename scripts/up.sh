#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# up.sh -- a whole node from the build folder, in the foreground; says what to
# try. usage: up.sh [ARG of `pintle up` ...]
# DATA=DIR (./build/data) keeps its state, LISTEN=ADDR:PORT (127.0.0.1:6443).
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
end=$(($(date +%s) + 60))
until grep -q '^ready https://' "$log"; do
	if ! kill -0 $pid 2> /dev/null; then
		cat "$log" >&2
		echo "up.sh: pintle ended before it was ready" >&2
		exit 1
	fi
	if [ "$(date +%s)" -ge $end ]; then
		tail -n 20 "$log" >&2
		echo "up.sh: not ready within 60 s, stopping" >&2
		kill $pid
		wait $pid
		exit 1
	fi
	sleep 0.1
done
kubectl=$(command -v kubectl || sh scripts/kubectl.sh 2> /dev/null ||
    echo kubectl)
cat <<TRY
$(grep '^ready https://' "$log" | head -n 1)
(log: $log; Ctrl-C stops it, the state stays)

In another terminal:

    export KUBECONFIG=$data/admin.kubeconfig
    $kubectl get nodes
    $kubectl create namespace shop
    $kubectl -n shop create configmap prices --from-literal=tea=3
    $kubectl -n shop get configmap prices -o yaml
    $kubectl -n shop create deployment web --image=host --replicas=2 -- \\
        sh -c 'while :; do sleep 60; done'
    $kubectl -n shop get pods -w

TRY
wait $pid
