#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh -- make bench: the floors, each measured against its limit, and the
# reference server beside ours in the same run. Rounds alternate between the
# targets of a load, each round starts the server anew; medians. One row a
# figure: ours, the peer's, how many times better ours is, floor, aim, verdict.
# usage: run.sh [BUILD]     SECONDS_EACH=5 ROUNDS=3 CONF=conf/pintle.conf
#	BENCH="start idle create get list watch pods programs" (which loads)
#	KUBE_APISERVER=FILE ETCD=FILE: the reference; else from PATH; "": none
# Needs curl, wrk, nginx, kubectl; says what it skips. How to read it, and what
# the reference is given: docs/performance.md.
set -u
B=${1:-build}
B=$(cd "$B" && pwd) || exit 2
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
T=${SECONDS_EACH:-5}
ROUNDS=${ROUNDS:-3}
CONF=${CONF:-$ROOT/conf/pintle.conf}
KUBE_APISERVER=${KUBE_APISERVER-$(command -v kube-apiserver)}
ETCD=${ETCD-$(command -v etcd)}
PATH=$PATH:/usr/sbin:/sbin	# where an ordinary user has nginx
W=$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX") || exit 1
chmod 711 "$W"			# nginx's workers may be nobody
trap 'stop; rm -rf "$W"' EXIT
trap 'exit 130' INT TERM HUP

rows() { grep -v '^#' "$HERE/rows.def"; }
now_ms() { date +%s%N | sed 's/......$//'; }
calc() { awk "BEGIN { printf \"$1\", $2 }"; }	# FORMAT EXPRESSION

# shellcheck source=tests/bench/targets.sh
. "$HERE/targets.sh"

# ---- the loads ---------------------------------------------------------------
# load_NAME puts its target ($target, in round $round) under load and prints
# `KEY FIGURE` lines; the driver stops the server.

load_start() {
	launch "$target" "start$round" && echo "empty $took_ms" || return 1
	stop
	launch "$target" "start$round" && echo "again $took_ms"
}

load_idle() {
	start "$target" "idle$round" || return 1
	sleep 3			# what start-up left over
	a=$(cpu_ticks)
	sleep 10
	b=$(cpu_ticks)
	echo "rss $(calc %.1f "$(mem VmRSS) / 1024")"
	echo "cpu $(calc %.2f \
	    "($b - $a) / $(getconf CLK_TCK) / 10 * 100")"
}

wrk_run() {	# CONNECTIONS SCRIPT
	wrk -t1 -c"$1" -d"${T}s" --latency -s "$HERE/$2" "$URL" |
	    awk -v c="c$1." '/^RESULT/ { print c "rate", $2
		print c "p50", $3; print c "p99", $4; print c "errors", $5 }'
}
# The rounds fill one directory.
load_create() {
	start "$target" create || return 1
	RUN=r$round wrk_run 64 create.lua
	RUN=s$round wrk_run 1 create.lua
}

fill() {	# N: exactly so many pods
	"$B/tests/bench/fill" "$URL" "$CA" "$TOKEN" "$1" > "$W/fill"
}
# nginx has the pod as a file, from the first of the round, pintle.
load_get() {
	pods=/api/v1/namespaces/default/pods
	mkdir -p "$W/www$pods"
	start "$target" "get$round" || return 1
	[ "$target" = nginx ] || fill 1 || return 1
	[ "$target" != pintle ] || api GET $pods/fill-0 > "$W/www$pods/fill-0"
	WPATH=$pods/fill-0 wrk_run 64 get.lua
}

load_list() {
	start "$target" "list$round" && fill 10000 || return 1
	echo "size $(calc %.1f "$(api GET /api/v1/pods | wc -c) / 1e6")"
	before=$(mem RssAnon)
	for _ in 1 2 3; do
		curl -sk -A bench -H "Authorization: Bearer $TOKEN" \
		    -o /dev/null -w '%{time_total}\n' "$URL/api/v1/pods"
	done | awk '{ printf "time %.3f\n", $1 }'
	echo "anon $(calc %.1f "$before / 1024")"
	echo "growth $(calc %.1f "($(mem RssAnon) - $before) / 1024")"
}

load_watch() {
	start "$target" "watch$round" || return 1
	before=$(mem VmRSS)
	"$B/tests/bench/watchfan" "$URL" "$CA" "$TOKEN" \
	    1000 "$T" > "$W/fan" &
	fan=$!
	until grep -q '^# ' "$W/fan" || ! kill -0 $fan 2> /dev/null; do
		sleep 0.1
	done
	sleep $((T - 1))	# the last second is still under load
	after=$(mem VmRSS)
	wait $fan || return 1
	tail -n 1 "$W/fan" | awk '{ print "rate", $1; print "p99", $4 }'
	echo "each $(calc %.1f "($after - $before) * 1024 / 1000 / 1e3")"
}

# kubectl as the end-to-end tests have it; a cache of its own a directory.
k() {
	"$KUBECTL" --kubeconfig "$DIR/admin.kubeconfig" \
	    --cache-dir "$DIR/kubecache" "$@"
}
ready_pods() {
	k get pods -o "jsonpath={.items[*].status.conditions[?(@.type=='Ready')\
].status}" | tr ' ' '\n' | grep -c True
}
# As a person does it: apply, then wait for the Deployment to be there.
load_pods() {
	KUBECTL=$(sh "$ROOT/scripts/kubectl.sh") &&
	    start "$target" "pods$round" &&
	    k wait node --all --for=create --timeout=30s > /dev/null &&
	    k wait node --all --for=condition=Ready > /dev/null || return 1
	begun=$(now_ms)
	k apply -f "$HERE/hundred.yaml" > /dev/null &&
	    k wait deployment/hundred --timeout=60s > /dev/null \
	    --for='jsonpath={.status.readyReplicas}=100' || return 1
	echo "ready $(calc %.2f "($(now_ms) - $begun) / 1000")"
	[ "$(ready_pods)" = 100 ]
}

load_programs() {
	"$B/tests/bench/json" 2>&1 |
	    awk '$1 == "parse" { print "parse", $2; exit }'
	"$B/tests/bench/handshake" 2>&1 | sed -n 's/-only:/:/
	    s/^# \([a-z]*\):.*server alone \([0-9]*\)\/s.*/\1 \2/p'
}

# ---- the driver --------------------------------------------------------------

# What this load cannot do without and is not here.
lacks() {	# LOAD
	case $1 in
	create | get)
		command -v wrk > /dev/null || echo 'no wrk' ;;
	pods)	sh "$ROOT/scripts/kubectl.sh" > /dev/null 2> "$W/err" ||
		    cat "$W/err" ;;
	esac
}
# Ours, and all that its rows compare it with.
targets() {	# LOAD
	rows | awk -v l="$1" '$1 == l { print $7 }' | sort -ru |
	    { echo pintle; while read -r t; do
		[ "$t" = - ] || ! have "$t" || echo "$t"; done; }
}
measure() {	# LOAD
	for round in $(seq "$ROUNDS"); do
		for target in $(targets "$1"); do
			"load_$1" >> "$W/$target.$1" ||
			    echo '* failed' >> "$W/$target.$1"
			stop
		done
	done
}
# `-` when not measured, `failed` when a round gave nothing.
median() {	# TARGET LOAD KEY
	[ -f "$W/$1.$2" ] || { echo -; return; }
	awk -v k="$3" '$1 == k || $1 == "*" { print $2 }' "$W/$1.$2" | sort -g |
	    awk -v rounds="$ROUNDS" '{ v[NR] = $1; bad += $1 == "failed" } END {
	    print bad || NR < rounds ? "failed" : v[int((NR + 1) / 2)] }'
}
report() {	# LOAD
	rows | while read -r load key op floor aim unit peer label; do
		[ "$load" != "$1" ] || echo "$(median pintle "$1" "$key")" \
		    "$(median "$peer" "$1" "$key")" \
		    "$op" "$floor" "$aim" "$unit" "$label"
	done | awk '{
		ours = $1; peer = $2; op = $3; floor = $4; aim = $5
		unit = $6 == "-" ? "" : $6; label = $7
		for (i = 8; i <= NF; i++)
			label = label " " $i
		ratio = "-"
		if (ours + 0 > 0 && peer + 0 > 0)
			ratio = sprintf("%.2f", unit ~ "/s" ? ours / peer : \
			    peer / ours)
		got = op == "x" ? ratio : ours
		good = op == "<" ? got + 0 <= floor + 0 : got + 0 >= floor + 0
		verdict = good ? "ok" : "MISSED"
		if (op == "-" || got == "-")
			verdict = op == "-" ? "" : "SKIPPED"
		if (ours == "failed" || peer == "failed")
			verdict = "MISSED"
		printf "%-36s %8s %8s %-4s %7s  %s %-6s %-7s%s\n", label, ours,
		    peer, unit, ratio, op == "<" ? "<=" : \
		    op == "-" ? "  " : ">=", floor, aim, verdict
	}'
}

loads=${BENCH:-start idle create get list watch pods programs}
for load in $loads; do
	rows | grep -q "^${load}[[:space:]]" || {
		echo "run.sh: BENCH: there is no load '$load'" >&2
		exit 2
	}
done
prepare
printf '# %s cores, load %s, state on %s, %s rounds, %s s a load\n' \
    "$(getconf _NPROCESSORS_ONLN)" "$(cut -d' ' -f1 /proc/loadavg)" \
    "$(stat -f -c %T "$W")" "$ROUNDS" "$T"
if have reference; then
	echo "# reference: $("$KUBE_APISERVER" --version | head -n 1)," \
	    "$("$ETCD" --version | head -n 1)"
else
	echo "# reference: not measured: KUBE_APISERVER='$KUBE_APISERVER'" \
	    "ETCD='$ETCD': set both to programs (1.35, 3.6) to have it"
fi
printf '%-36s %8s %8s %-4s %7s  %-9s %s\n' '' ours peer '' better floor aim
for load in $loads; do
	why=$(lacks "$load")
	if [ -n "$why" ]; then
		echo "$load: SKIPPED: $why"
		continue
	fi
	measure "$load"
	report "$load" | tee -a "$W/report"
done
missed=$(grep -c 'MISSED$' "$W/report")
echo "$missed floors missed"
[ "$missed" -eq 0 ]
