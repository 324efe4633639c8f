# SPDX-License-Identifier: BSD-2-Clause
#
# e2e.sh -- what an end-to-end test is written with. Sourced, never run:
#
#	#!/bin/sh
#	# SPDX-License-Identifier: BSD-2-Clause
#	. tests/lib/e2e.sh
#	up_start
#	ok 'a namespace can be made' k create namespace shop
#	wait_for 30 k get serviceaccount default -n shop
#	is 'it is there' "$(k get ns shop -o name)" namespace/shop
#	done_testing
#
# Works in a folder of its own, $W; everything that up_start or bg started is
# stopped at the end, by pid. Never sleep a fixed time: wait_for a state.

set -u
: "${PIN_BUILD:=$PWD/build}"
PINTLE=$PIN_BUILD/pintle
[ -n "${TMPDIR:-}" ] || TMPDIR=/tmp
W=$(mktemp -d "$TMPDIR/e2e.XXXXXX") || exit 1
E_N=0 E_BAD=0 E_PIDS='' UP_PID='' UP_URL='' KUBECTL_BIN=${KUBECTL_BIN:-}
E_PORT=$((20000 + $$ % 9000))
UP_DEADLINE=60			# seconds until `ready`
STOP_DEADLINE=20		# seconds from SIGTERM to the end

e_cleanup() {
	e_rc=$?
	trap - EXIT INT TERM HUP
	for e_p in $E_PIDS; do kill "$e_p" 2> /dev/null; done
	for e_p in $E_PIDS; do
		e_end=$(($(date +%s) + STOP_DEADLINE))
		while kill -0 "$e_p" 2> /dev/null; do
			if [ "$(date +%s)" -ge $e_end ]; then
				echo "# $e_p did not stop, killed"
				kill -9 "$e_p" 2> /dev/null
				break
			fi
			sleep 0.05
		done
		wait "$e_p" 2> /dev/null
	done
	if [ "${KEEP:-}" = 1 ]; then
		echo "# kept: $W"
	else
		# What pods that were left have mounted.
		[ ! -r /proc/mounts ] || grep -o " $W/[^ ]*" /proc/mounts |
		    sort -r | while read -r e_m; do umount -l "$e_m"; done
		rm -rf "$W"
	fi
	exit $e_rc
}
trap e_cleanup EXIT
trap 'exit 130' INT TERM HUP

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}
e_result() { # GOOD(0|1) CLAIM
	E_N=$((E_N + 1))
	if [ "$1" = 0 ]; then
		echo "ok $E_N - $2"
	else
		E_BAD=$((E_BAD + 1))
		echo "not ok $E_N - $2"
	fi
	return "$1"
}
# ok CLAIM CMD...: the command must succeed. What it printed is in $W/out.
ok() {
	e_claim=$1
	shift
	if "$@" > "$W/out" 2>&1; then
		e_result 0 "$e_claim"
	else
		diag "exit $?: $*"
		diag "$(head -c 4000 "$W/out")"
		e_result 1 "$e_claim"
	fi
}
# fails CLAIM CMD...: the command must fail (how: like CLAIM "$(out)" PATTERN).
fails() {
	e_claim=$1
	shift
	if "$@" > "$W/out" 2>&1; then
		diag "succeeded: $*"
		diag "$(head -c 4000 "$W/out")"
		e_result 1 "$e_claim"
	else
		e_result 0 "$e_claim"
	fi
}
out() { # what the last ok, fails or wait_for command printed
	cat "$W/out"
}
# is CLAIM GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		e_result 0 "$1"
	else
		diag "got  '$2'"
		diag "want '$3'"
		e_result 1 "$1"
	fi
}
# like CLAIM GOT PATTERN (of case: `like 'says so' "$x" '*forbidden*'`)
like() {
	# shellcheck disable=SC2254
	case $2 in
	$3)	e_result 0 "$1" ;;
	*)	diag "got  '$2'"
		diag "like '$3'"
		e_result 1 "$1" ;;
	esac
}
# poll SECONDS CMD...: until it succeeds; says nothing, the status is the answer
poll() {
	e_end=$(($(date +%s) + $1))
	shift
	until "$@" > "$W/out" 2>&1; do
		[ "$(date +%s)" -lt $e_end ] || return 1
		sleep 0.1
	done
}
# wait_for SECONDS CMD...: a claim that it succeeds within that time.
wait_for() {
	e_secs=$1
	shift
	if poll "$e_secs" "$@"; then
		e_result 0 "within $e_secs s: $*"
	else
		diag "$(head -c 4000 "$W/out")"
		e_result 1 "within $e_secs s: $*"
	fi
}
# gives WANT CMD...: whether it prints just that; made for wait_for:
#	wait_for 30 gives Running k get pod a -o 'jsonpath={.status.phase}'
gives() {
	e_want=$1
	shift
	e_got=$("$@" 2>&1)
	printf '%s\n' "$e_got"
	[ "$e_got" = "$e_want" ]
}
skip() { # ID REASON
	E_N=$((E_N + 1))
	echo "ok $E_N # SKIP $1: $2"
}
skip_all() { # ID REASON
	echo "1..0 # SKIP $1: $2"
	exit 0
}
bail() {
	echo "Bail out! $*"
	exit 1
}
deadline() { # SECONDS: this test needs longer than the runner's default
	echo "# deadline $1"
}
done_testing() {
	echo "1..$E_N"
	[ "$E_BAD" = 0 ] && [ "$E_N" -gt 0 ]
	exit $?
}

need_root() {
	[ "$(id -u)" = 0 ] || skip_all root "${1:-it} needs root"
}
need_cmd() { # CMD: its name is the id of the skip
	command -v "$1" > /dev/null || skip_all "$1" "no $1 in PATH"
}

# bg CMD...: in the background, stopped at the end; sets BG_PID and BG_LOG.
# A function puts $E_EXEC before its last program: then BG_PID is that one's,
# and ending it leaves nothing running.
E_EXEC=
bg() {
	E_BG=$((${E_BG:-0} + 1))
	BG_LOG=$W/bg$E_BG.log
	E_EXEC=exec
	"$@" > "$BG_LOG" 2>&1 &
	BG_PID=$!
	E_EXEC=
	E_PIDS="$BG_PID $E_PIDS"
}
# A port that nobody listens on, in PORT.
port() {
	while :; do
		E_PORT=$((E_PORT + 1))
		if command -v ss > /dev/null; then
			[ -z "$(ss -Hltn "sport = :$E_PORT" 2> /dev/null)" ] &&
			    break
		else
			break
		fi
	done
	PORT=$E_PORT
}
e_ready() {
	UP_URL=$(sed -n 's/^ready \(https:[^ ]*\).*/\1/p' "$UP_LOG" | head -n 1)
	[ -n "$UP_URL" ] || ! kill -0 "$UP_PID" 2> /dev/null
}
# Tests change nothing of this machine's network: the shipped configuration
# without cluster IPs, and the same for one that was made from it. A test that
# is in a network of its own (own_network) says CLUSTER_IPS=1.
e_config() { # ARG...: the file to use, in E_CONFIG; '': the one in ARGs
	E_CONFIG=$W/e2e.conf
	while [ $# -gt 0 ]; do
		if [ "$1" = --config ]; then
			E_CONFIG=''
			[ "${2#"$W"/}" = "$2" ] || e_no_cluster_ips "$2" "$2"
		fi
		shift
	done
	[ -z "$E_CONFIG" ] || e_no_cluster_ips conf/pintle.conf "$E_CONFIG"
}
e_no_cluster_ips() { # FROM TO
	e_from='cluster-ips = true'
	[ "${CLUSTER_IPS:-}" != 1 ] || e_from='no such line'
	sed "s/$e_from/cluster-ips = false/" "$1" > "$W/e2e.conf.new" &&
	    cat "$W/e2e.conf.new" > "$2"
}
# own_network: the rest of this test in a network namespace of its own, with
# one address, 192.0.2.10. First of all in a test that needs it.
own_network() {
	[ -z "${E_OWN_NETWORK:-}" ] || return 0
	need_root 'a network of its own'
	need_cmd unshare
	need_cmd ip
	unshare -n true 2> /dev/null || skip_all netns 'no network namespaces'
	need_kubectl		# what must be fetched is fetched out here
	rm -rf "$W"
	export E_OWN_NETWORK=1 KUBECTL_BIN
	exec unshare -n sh -c 'ip link set lo up &&
	    ip link add eth0 type veth peer name far0 &&
	    ip addr add 192.0.2.10/24 dev eth0 && ip link set eth0 up &&
	    ip link set far0 up && ip route add default dev eth0 &&
	    exec sh "$0"' "$1"
}
# up_start [ARG...]: `pintle up` on $W/data (DATA=... another), waits for ready.
# UP_ROLE=apiserver: another verb. Sets UP_PID, UP_URL, KUBECONFIG; a second
# call after up_stop continues.
up_start() {
	[ -x "$PINTLE" ] || bail "no $PINTLE: make first"
	: "${DATA:=$W/data}"
	[ -n "${UP_LISTEN:-}" ] || { port; UP_LISTEN=127.0.0.1:$PORT; }
	UP_LOG=$W/up.log
	: > "$UP_LOG"
	e_config "$@"
	"$PINTLE" "${UP_ROLE:-up}" --data "$DATA" --listen "$UP_LISTEN" \
	    ${E_CONFIG:+--config "$E_CONFIG"} "$@" > "$UP_LOG" 2>&1 &
	UP_PID=$!
	E_PIDS="$UP_PID $E_PIDS"
	UP_URL=''
	poll "$UP_DEADLINE" e_ready
	if [ -z "$UP_URL" ]; then
		diag "$(tail -n 40 "$UP_LOG")"
		bail "pintle up was not ready within $UP_DEADLINE s, or ended"
	fi
	KUBECONFIG=$DATA/admin.kubeconfig
	export KUBECONFIG
}
e_ended() {
	! kill -0 "$1" 2> /dev/null
}
# no_node: the shipped configuration as $W/pintle.conf without a runtime and a
# network, so that this machine is no node itself.
no_node() {
	sed -e '/^runtimes = /,/^);/d' -e '/^network = /d' conf/pintle.conf \
	    > "$W/pintle.conf"
}
# up_stop: SIGTERM; a claim that it ends cleanly.
up_stop() {
	kill "$UP_PID"
	poll "$STOP_DEADLINE" e_ended "$UP_PID" || kill -9 "$UP_PID"
	wait "$UP_PID"
	is 'pintle up stops cleanly on SIGTERM' $? 0
	e_forget
}
e_forget() { # a number that may soon be somebody else's
	e_left=''
	for e_p in $E_PIDS; do
		[ "$e_p" = "$UP_PID" ] || e_left="$e_left $e_p"
	done
	E_PIDS=$e_left
}
# up_crash: SIGKILL, as a power cut would for the process.
up_crash() {
	kill -9 "$UP_PID"
	wait "$UP_PID" 2> /dev/null
	e_forget
}
# k ARG...: kubectl 1.35 against the started node.
k() {
	need_kubectl
	"$KUBECTL_BIN" --cache-dir "$W/kubecache" "$@"
}
need_kubectl() {
	[ -n "$KUBECTL_BIN" ] && return 0
	KUBECTL_BIN=$(sh scripts/kubectl.sh 2> "$W/kubectl.err") ||
	    skip_all kubectl "$(cat "$W/kubectl.err")"
}
# client kubectl-1.22 | helm: its path in CLIENT, else the test is skipped.
client() {
	CLIENT=$(sh scripts/kubectl.sh "$1" 2> "$W/kubectl.err") ||
	    skip_all "$1" "$(cat "$W/kubectl.err")"
}
# api METHOD PATH [CURL-ARG...]: the bare API as admin, through curl.
api() {
	e_m=$1 e_p=$2
	shift 2
	e_creds
	curl -sS --max-time 30 --cacert "$W/ca.pem" --cert "$W/cert.pem" \
	    --key "$W/key.pem" -A e2e -X "$e_m" "$@" "$UP_URL$e_p"
}
e_creds() {
	[ -s "$W/key.pem" ] && [ "$W/key.pem" -nt "$KUBECONFIG" ] && return 0
	e_b64 certificate-authority-data > "$W/ca.pem"
	e_b64 client-certificate-data > "$W/cert.pem"
	e_b64 client-key-data > "$W/key.pem"
}
e_b64() { # KEY of the kubeconfig
	sed -n "s/^ *$1: *\"\\{0,1\\}\\([A-Za-z0-9+\\/=]*\\).*/\\1/p" \
	    "$KUBECONFIG" | head -n 1 | openssl base64 -d -A
}
