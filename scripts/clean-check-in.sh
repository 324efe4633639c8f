#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# clean-check-in.sh -- what clean-check.sh runs inside the minimal system: as
# root with nothing installed, and as a user when root has installed it.
# usage: clean-check-in.sh [user]
# `make up` must bring a ready node and a demo that answers, `make check` (of
# $STAGES, see below) pass.
set -u
: "${STAGES=deps build tidy unit kinds sim}"
: "${LISTEN:=127.0.0.1:16443}"
UP_SECS=900			# packages, build and start
CLUSTER_IPS=no			# they would change this machine's network
export STAGES LISTEN CLUSTER_IPS
cd "$(dirname "$0")/.." || exit 2
who=${1:-root}
bad=0
work=$(mktemp -d)

# A field of the kubeconfig, decoded, as a file for curl.
pem() { # FIELD
	sed -n "s/.*$1-data: *//p" "$kc" | base64 -d > "$work/$1.pem"
	echo "$work/$1.pem"
}
get() { # PATH
	curl -fsS --max-time 5 --cacert "$(pem certificate-authority)" \
	    --cert "$(pem client-certificate)" --key "$(pem client-key)" \
	    "https://$LISTEN$1"
}
node_ready() {
	get /api/v1/nodes | tr -d ' \n' | grep -q '"type":"Ready"' &&
	    get /api/v1/nodes | tr -d ' \n' |
	    sed 's/.*"conditions":\[\(.*\)\].*/\1/' | tr '{' '\n' |
	    grep '"Ready"' | grep -q '"status":"True"'
}
up_wait() { # PID CMD... : until CMD is true, while make up runs
	up_pid=$1
	shift
	until "$@" > "$work/until" 2>&1; do
		if ! kill -0 "$up_pid" 2> /dev/null ||
		    [ "$(date +%s)" -gt "$end" ]; then
			tail -n 40 "$work/up.log" "$work/until"
			return 1
		fi
		sleep 0.5
	done
}
up() {
	begin=$(date +%s)
	end=$((begin + UP_SECS))
	make up > "$work/up.log" 2>&1 &
	pid=$!
	kc=build/data/admin.kubeconfig
	up_wait $pid grep -q '^In another terminal' "$work/up.log" &&
	    up_wait $pid node_ready && grep '^hello from demo-' "$work/up.log"
	rc=$?
	[ $rc = 0 ] || cat "$work/up.log"
	echo "make up as $who: $(($(date +%s) - begin)) s"
	kill $pid			# make tells what it started
	wait $pid
	make down || rc=1
	return $rc
}
report() { # RC WHAT
	[ "$1" = 0 ] && echo "clean: ok: $2" && return
	echo "clean: FAILED: $2"
	bad=1
}

# All that must be there before: make itself.
command -v make > /dev/null || (apt-get update -q &&
    apt-get install -y -q --no-install-recommends make) > "$work/make.log" ||
    cat "$work/make.log"
up
report $? "make up as $who"
make check > "$work/check.log" 2>&1
rc=$?
grep -v '^ok ' "$work/check.log" | tail -n 60
report $rc "make check as $who, stages: ${STAGES:-all}"
rm -rf "$work"
if [ "$who" = root ]; then
	id pin-user > /dev/null 2>&1 || useradd -m pin-user
	rm -rf /home/pin-user/pintle
	rm -rf build
	cp -R . /home/pin-user/pintle
	chown -R pin-user /home/pin-user/pintle
	su pin-user -c 'exec sh ~/pintle/scripts/clean-check-in.sh user' ||
	    bad=1
fi
exit $bad
