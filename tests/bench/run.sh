#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh -- make bench: the floors, each measured against its limit or against
# a peer in the same run. Three alternating rounds, medians; the shipped
# configuration (TLS, rbac, durability on) with one token added for the load
# generator. Prints one row a floor: name, figure, floor, aim, ok or MISSED.
# Needs wrk, curl and nginx; says what it skips.
# usage: run.sh [BUILD]     SECONDS_EACH=5 ROUNDS=3 BENCH="start idle create
# get list watch programs" (which) CONF=conf/pintle.conf. How to read it:
# docs/performance.md.
set -u
B=${1:-build}
B=$(cd "$B" && pwd) || exit 2
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
T=${SECONDS_EACH:-5}
ROUNDS=${ROUNDS:-3}
CONF=${CONF:-$ROOT/conf/pintle.conf}
W=$(mktemp -d) || exit 1
TOKEN=bench-$$
export TOKEN
pid= npid= missed=0
trap 'stop_server; [ -z "$npid" ] || kill "$npid" 2>/dev/null; rm -rf "$W"' \
    EXIT
trap 'exit 130' INT TERM

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# row NAME FIGURE OP FLOOR AIM UNIT
row() {
	awk -v n="$1" -v f="$2" -v op="$3" -v fl="$4" -v aim="$5" -v u="$6" '
	BEGIN {
		ok = f ~ /^[0-9.]+$/ &&
		    (op == ">" ? f + 0 >= fl + 0 : f + 0 <= fl + 0)
		printf "%-44s %12s %-8s floor %s %s  aim %s  %s\n", n, f, u,
		    op == ">" ? ">=" : "<=", fl, aim, ok ? "ok" : "MISSED"
		exit !ok }' || missed=$((missed + 1))
}
med() { cut -d' ' -f"$2" "$1" | median; }	# FILE COLUMN
calc() { awk "BEGIN { printf \"$1\", $2 }"; }	# FORMAT EXPRESSION
skip() { printf '%-44s SKIPPED: %s\n' "$1" "$2"; }

free_port() {
	p=$((20000 + $$ % 20000))
	while curl -s -o /dev/null --max-time 1 "http://127.0.0.1:$p/"
	    [ $? -ne 7 ]; do
		p=$((p + 1))
	done
	echo $p
}

conf() {
	# Nothing of this machine's network is changed.
	sed -e "s|plugin = \"token-file\";|& path = \"$W/tokens\";|" \
	    -e 's/cluster-ips = true/cluster-ips = false/' "$CONF" \
	    > "$W/pintle.conf"
	printf '%s,bench,1,"system:masters"\n' "$TOKEN" > "$W/tokens"
	chmod 600 "$W/tokens"
}

# start_server DIR: sets pid (of the process that serves) and URL.
start_server() {
	DIR=$1
	: > "$W/out"
	"$B/pintle" up --data "$1" --listen "127.0.0.1:$PORT" \
	    --config "$W/pintle.conf" > "$W/out" 2> "$W/err" &
	pid=$!
	n=0
	until grep -q '^ready ' "$W/out"; do
		n=$((n + 1))
		if [ $n -gt 1000 ] || ! kill -0 $pid 2>/dev/null; then
			cat "$W/err" >&2
			echo "run.sh: the server does not start" >&2
			exit 1
		fi
		sleep 0.01
	done
	URL=https://127.0.0.1:$PORT
	# Pods need their namespace's service account.
	api POST /api/v1/namespaces/default/serviceaccounts \
	    '{"apiVersion":"v1","kind":"ServiceAccount",
	    "metadata":{"name":"default"}}'
}
stop_server() {
	[ -z "$pid" ] || { kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; }
	pid=
}
api() {
	curl -sk -A bench -X "$1" -H "Authorization: Bearer $TOKEN" \
	    -H 'Content-Type: application/json' ${3:+-d "$3"} "$URL$2" \
	    -o "${4:-/dev/null}"
}
# All processes of the node: the one started and its children.
family() { echo "$pid"; ps -o pid= --ppid "$pid"; }
mem() {		# FIELD of /proc/PID/status, summed, in kB
	for p in $(family); do
		awk -v f="$1:" '$1 == f { print $2 }' "/proc/$p/status" \
		    2>/dev/null
	done | awk '{ s += $1 } END { print s + 0 }'
}
cpu_ticks() {
	for p in $(family); do
		awk '{ print $14 + $15 }' "/proc/$p/stat" 2>/dev/null
	done | awk '{ s += $1 } END { print s + 0 }'
}
now_ms() { date +%s%N | sed 's/......$//'; }
wrk_run() {	# CONNECTIONS SCRIPT: "rate p50 p99 errors"
	wrk -t1 -c"$1" -d"${T}s" --latency -s "$2" "$URL" |
	    awk '/^RESULT/ { print $2, $3, $4, $5 }'
}

# ---- the rows ------------------------------------------------------------

answers() {
	[ "$(curl -sk -o /dev/null -w '%{http_code}' -H \
	    "Authorization: Bearer $TOKEN" \
	    "https://127.0.0.1:$PORT/api/v1/namespaces/default")" = 200 ]
}
first_answer() {	# DIR: milliseconds from exec to the first 200
	s=$(now_ms)
	"$B/pintle" up --data "$1" --listen "127.0.0.1:$PORT" \
	    --config "$W/pintle.conf" > "$W/out" 2> "$W/err" &
	pid=$!
	until answers 2> /dev/null; do
		kill -0 $pid 2> /dev/null && continue
		cat "$W/err" >&2
		echo failed
		return
	done
	e=$(now_ms)
	stop_server
	echo $((e - s))
}

bench_start() {
	for i in $(seq "$ROUNDS"); do
		first_answer "$W/e$i"
	done > "$W/m"
	row "first answer, empty directory" "$(med "$W/m" 1)" '<' 500 100 ms
	for i in $(seq "$ROUNDS"); do first_answer "$W/e1"; done > "$W/m"
	row "first answer, existing directory" "$(med "$W/m" 1)" '<' 200 100 ms
}

bench_idle() {
	start_server "$W/idle"
	sleep 3		# what start-up left over
	a=$(cpu_ticks)
	sleep 10
	b=$(cpu_ticks)
	row "idle memory, all processes (RSS)" \
	    "$(calc %.1f "$(mem VmRSS) / 1024")" '<' 40 32 MiB
	row "idle CPU of a core" "$(calc %.2f \
	    "($b - $a) / $(getconf CLK_TCK) / 10 * 100")" '<' 0.5 0.5 %
	stop_server
}

bench_create() {
	: > "$W/c64"; : > "$W/c1"
	start_server "$W/create"
	for i in $(seq "$ROUNDS"); do
		RUN=r$i wrk_run 64 "$HERE/create.lua" >> "$W/c64"
		RUN=s$i wrk_run 1 "$HERE/create.lua" >> "$W/c1"
	done
	stop_server
	row "create pod, 64 connections, durable" "$(med "$W/c64" 1)" \
	    '>' 4000 10000 /s
	row "  p99" "$(med "$W/c64" 3)" '<' 40 15 ms
	row "  errors" "$(med "$W/c64" 4)" '<' 0 0 ""
	row "create pod, one connection, p50" "$(med "$W/c1" 2)" '<' 0.9 0.5 ms
}

nginx_conf() {	# PORT
	cat <<-N
	worker_processes auto; pid $W/ngx/pid; error_log $W/ngx/err;
	daemon off;
	events { worker_connections 512; }
	http {
		access_log off; keepalive_requests 1000000000;
		types { application/json json; }
		client_body_temp_path $W/ngx; proxy_temp_path $W/ngx;
		fastcgi_temp_path $W/ngx; uwsgi_temp_path $W/ngx;
		scgi_temp_path $W/ngx;
		server {
			listen 127.0.0.1:$1 ssl; root $W/www;
			ssl_certificate $W/get/pki/apiserver.crt;
			ssl_certificate_key $W/get/pki/apiserver.key;
		}
	}
	N
}

# Both with a process or thread a core, the same key, the same client.
bench_get() {
	command -v nginx >/dev/null ||
	    { skip "GET pod against nginx" "no nginx"; return; }
	start_server "$W/get"
	pod=/api/v1/namespaces/default/pods/fill-0
	fill 1
	mkdir -p "$W/www" "$W/ngx"
	api GET $pod '' "$W/www/pod.json"
	nginx_conf $((PORT + 1)) > "$W/ngx/conf"
	chmod -R a+rX "$W"
	nginx -c "$W/ngx/conf" 2>/dev/null & npid=$!
	: > "$W/g"; : > "$W/n"
	for i in $(seq "$ROUNDS"); do
		WPATH=$pod wrk_run 64 "$HERE/get.lua" >> "$W/g"
		(unset TOKEN; URL=https://127.0.0.1:$((PORT + 1))
		WPATH=/pod.json wrk_run 64 "$HERE/get.lua") >> "$W/n"
	done
	kill $npid; wait $npid 2>/dev/null; npid=
	stop_server
	g=$(med "$W/g" 1) n=$(med "$W/n" 1)
	printf '%-44s %12s /s  (nginx %s /s, %s bytes, p99 %s ms)\n' \
	    "GET pod, 64 connections" "$g" "$n" \
	    "$(wc -c < "$W/www/pod.json")" "$(med "$W/g" 3)"
	row "  against nginx serving that file" "$(calc %.2f "$g / $n")" \
	    '>' 0.35 0.5 x
}

# fill N: exactly N pods.
fill() {
	"$B/tests/bench/fill" "$URL" "$DIR/pki/ca.crt" "$TOKEN" "$1" \
	    > "$W/fill" || exit 1
}

bench_list() {
	start_server "$W/list"
	fill 10000
	api GET /api/v1/pods '' "$W/list.json"
	before=$(mem RssAnon)
	row "10,000 pods stored, anonymous memory" \
	    "$(calc %.1f "$before / 1024")" '<' 90 60 MB
	for i in $(seq "$ROUNDS"); do
		curl -sk -A bench -H "Authorization: Bearer $TOKEN" \
		    "$URL/api/v1/pods" -o /dev/null -w '%{time_total}\n'
	done > "$W/m"
	row "LIST 10,000 pods ($(calc %.0f \
	    "$(wc -c < "$W/list.json") / 1e6") MB)" "$(med "$W/m" 1)" \
	    '<' 0.25 0.15 s
	row "  growth of memory" \
	    "$(calc %.1f "($(mem RssAnon) - $before) / 1024")" '<' 8 8 MB
	stop_server
}

bench_watch() {
	: > "$W/wf"; : > "$W/wm"
	for i in $(seq "$ROUNDS"); do
		start_server "$W/watch$i"
		before=$(mem VmRSS)
		"$B/tests/bench/watchfan" "$URL" "$DIR/pki/ca.crt" "$TOKEN" \
		    1000 "$T" > "$W/one" & wpid=$!
		until grep -q '^# ' "$W/one" 2> /dev/null ||
		    ! kill -0 $wpid 2> /dev/null; do
			sleep 0.1
		done
		sleep $((T - 1))
		after=$(mem VmRSS)
		wait $wpid
		tail -n 1 "$W/one" >> "$W/wf"
		echo $((after - before)) >> "$W/wm"
		stop_server
	done
	row "1,000 TLS watchers, deliveries" "$(med "$W/wf" 1)" \
	    '>' 80000 115000 /s
	row "  to the last watcher, p99" "$(med "$W/wf" 4)" '<' 1000 100 ms
	row "  memory each" "$(calc %.1f "$(med "$W/wm" 1) * 1024 / 1e6")" \
	    '<' 60 50 KB
}

share() { # KIND: handshakes a second of the server alone
	sed -n "s/^# $1:.*server alone \([0-9]*\)\/s.*/\1/p" "$W/hs"
}
bench_programs() {
	"$B/tests/bench/json" > "$W/json" 2>&1
	row "JSON parse of the 3.4 KB pod" \
	    "$(awk '$1 == "parse" { print $2; exit }' "$W/json")" \
	    '>' 300 400 MB/s
	"$B/tests/bench/handshake" > "$W/hs" 2>&1
	row "TLS handshakes, server's share" "$(share server-only)" \
	    '>' 400 500 /s
	row "  with client certificates" "$(share mutual)" '>' 220 300 /s
}

PORT=$(free_port)
conf
for t in ${BENCH:-start idle create get list watch programs}; do bench_$t; done
echo "$missed floors missed"
[ "$missed" -eq 0 ]
