# SPDX-License-Identifier: BSD-2-Clause
#
# targets.sh -- the servers that run.sh loads: pintle, the reference
# (kube-apiserver on etcd) and nginx, each over TLS with the same certificate,
# on the same port, one at a time. Sourced, never run.
#
#	have TARGET		can it be run here?
#	start TARGET NAME	in $W/NAME.TARGET (made, or gone on with) until
#				it answers; sets DIR, and pids until stop
#	stop			cleanly, with whatever pods it left running
#
# A target is one function launch_TARGET. In: B, ROOT, W, CONF, KUBE_APISERVER,
# ETCD. Out: PORT, URL, CA, TOKEN. What is told to the reference and why:
# docs/performance.md.
# shellcheck shell=sh disable=SC2034,SC2153

START_TRIES=10000		# askings, some 5 ms each, for a first answer
pids=

# The first of three ports in a row that nobody listens on.
free_ports() {
	p=$1
	for k in 0 1 2; do
		curl -s -o /dev/null --max-time 1 "http://127.0.0.1:$((p + k))/"
		[ $? -eq 7 ] || { free_ports $((p + k + 1)); return; }
	done
	echo "$p"
}
PORT=$(free_ports $((20000 + $$ % 20000)))
URL=https://127.0.0.1:$PORT
TOKEN=bench-$$
export TOKEN

have() {
	case $1 in
	reference)
		[ -x "$KUBE_APISERVER" ] && [ -x "$ETCD" ] ;;
	nginx)	command -v nginx > /dev/null ;;
	*)	true ;;
	esac
}

launch_pintle() {
	"$B/pintle" up --data "$DIR" --listen "127.0.0.1:$PORT" \
	    --config "$W/pintle.conf" > "$W/log" 2>&1 &
	pids=$! CA=$DIR/pki/ca.crt
}

launch_reference() {
	CA=$PKI/ca.crt
	etcd=http://127.0.0.1:$((PORT + 1)) peer=http://127.0.0.1:$((PORT + 2))
	"$ETCD" --data-dir "$DIR/etcd" --log-level error \
	    --listen-client-urls $etcd --advertise-client-urls $etcd \
	    --listen-peer-urls $peer --initial-advertise-peer-urls $peer \
	    --initial-cluster default=$peer > "$W/log" 2>&1 &
	pids=$!
	"$KUBE_APISERVER" --etcd-servers $etcd --cert-dir "$DIR" \
	    --bind-address 127.0.0.1 --secure-port "$PORT" \
	    --advertise-address 192.0.2.1 --endpoint-reconciler-type none \
	    --tls-cert-file "$PKI/apiserver.crt" \
	    --tls-private-key-file "$PKI/apiserver.key" \
	    --token-auth-file "$W/tokens" --authorization-mode Node,RBAC \
	    --service-cluster-ip-range 10.96.0.0/16 \
	    --service-account-key-file "$PKI/sa.pub" \
	    --service-account-signing-key-file "$PKI/sa.key" \
	    --service-account-issuer \
	    https://kubernetes.default.svc.cluster.local \
	    --max-requests-inflight 10000 \
	    --max-mutating-requests-inflight 10000 >> "$W/log" 2>&1 &
	pids="$! $pids"
}

# A process a core, as the other two have a thread a core.
launch_nginx() {
	cat > "$DIR/conf" <<-N
	worker_processes auto; pid $DIR/pid; error_log $DIR/err; daemon off;
	events { worker_connections 512; }
	http {
		access_log off; keepalive_requests 1000000000;
		default_type application/json;
		client_body_temp_path $DIR; proxy_temp_path $DIR;
		fastcgi_temp_path $DIR; uwsgi_temp_path $DIR;
		scgi_temp_path $DIR;
		server {
			listen 127.0.0.1:$PORT ssl; root $W/www;
			ssl_certificate $PKI/apiserver.crt;
			ssl_certificate_key $PKI/apiserver.key;
		}
	}
	N
	nginx -c "$DIR/conf" > "$W/log" 2>&1 &
	pids=$!
}

api() {		# METHOD PATH [BODY]
	curl -sSk -A bench -X "$1" -H "Authorization: Bearer $TOKEN" \
	    -H 'Content-Type: application/json' ${3:+-d "$3"} "$URL$2"
}
# The first object that a client needs; from nginx anything.
answers() {
	case $(curl -sk --max-time 1 -o /dev/null -w '%{http_code}' \
	    -H "Authorization: Bearer $TOKEN" \
	    "$URL/api/v1/namespaces/default") in
	200)	true ;;
	000)	false ;;
	*)	[ "$1" = nginx ] ;;
	esac
}

# launch TARGET NAME: start without what pods need; sets took_ms, the time
# from exec to the first answer.
launch() {
	DIR=$W/$2.$1
	mkdir -p "$DIR"
	tries=0 begun=$(now_ms)
	"launch_$1"
	until answers "$1"; do
		tries=$((tries + 1))
		# shellcheck disable=SC2086
		if [ $tries -gt $START_TRIES ] ||
		    ! kill -0 $pids 2> /dev/null; then
			tail -n 20 "$W/log" >&2
			echo "run.sh: $1 does not start" >&2
			return 1
		fi
	done
	took_ms=$(($(now_ms) - begun))
}
start() {
	launch "$1" "$2" || return 1
	# Pods need their namespace's service account.
	[ "$1" = nginx ] ||
	    api POST /api/v1/namespaces/default/serviceaccounts '{
	    "apiVersion":"v1","kind":"ServiceAccount",
	    "metadata":{"name":"default"}}' > /dev/null
}
# Containers outlive their node: a shim a container, and its children.
shims() {
	ps -eo pid=,args= | D="shim $DIR/" awk 'index($0, ENVIRON["D"]) {
	    print $1 }'
}
# shellcheck disable=SC2046,SC2086
stop() {
	[ -n "$pids" ] || return 0
	for p in $pids; do
		kill "$p" && wait "$p"
	done 2> /dev/null
	pids=
	for s in $(shims); do
		kill -9 $(ps -o pid= --ppid "$s") "$s" 2> /dev/null
	done
}

# ---- what it uses ----------------------------------------------------------

# All processes of the target: those started and their children.
family() {
	for p in $pids; do
		echo "$p"
		ps -o pid= --ppid "$p"
	done
}
mem() {		# FIELD of /proc/PID/status, summed, in kB
	for p in $(family); do
		awk -v f="$1:" '$1 == f { print $2 }' "/proc/$p/status" \
		    2> /dev/null
	done | awk '{ s += $1 } END { print s + 0 }'
}
cpu_ticks() {
	for p in $(family); do
		awk '{ print $14 + $15 }' "/proc/$p/stat" 2> /dev/null
	done | awk '{ s += $1 } END { print s + 0 }'
}

# Everybody's configuration, token and certificate: the latter are those that
# pintle makes for itself.
prepare() {
	sed "s|plugin = \"token-file\";|& path = \"$W/tokens\";|" "$CONF" \
	    > "$W/pintle.conf"
	printf '%s,bench,1,"system:masters"\n' "$TOKEN" > "$W/tokens"
	chmod 600 "$W/tokens"
	launch pintle keys || exit 1
	stop
	PKI=$DIR/pki
}
