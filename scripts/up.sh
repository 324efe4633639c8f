#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# up.sh -- a whole node from the build folder, in the foreground: starts it,
# deploys a demo, shows that it answers, says what to try next.
# usage: up.sh [ARG of `pintle up` ...]
# DATA=DIR (./build/data) keeps its state, LISTEN=ADDR:PORT (127.0.0.1:6443),
# RUNTIME=oci|process says how containers run (oci for root where there is crun
# or runc), DEMO=no leaves the demo out, CLUSTER_IPS=no this machine's network
# as it is (docs/node.md, Services). down.sh ends it and its containers.
set -u
cd "$(dirname "$0")/.." || exit 2
data=${DATA:-$PWD/build/data}
listen=${LISTEN:-127.0.0.1:6443}
[ -x build/pintle ] || {
	echo 'up.sh: no build/pintle: make first' >&2
	exit 2
}
mkdir -p "$data" && chmod 700 "$data" && data=$(cd "$data" && pwd) || exit 2
log=$data/up.log

old=$(cat "$data/up.pid" 2> /dev/null || :)
# (ps is not everywhere, /proc neither.)
if [ -n "$old" ] && { tr '\0' ' ' < "/proc/$old/cmdline" ||
    ps -o args= -p "$old"; } 2> /dev/null |
    grep -qF "pintle up --data $data "; then
	echo "up.sh: a node of $data runs already (process $old)" >&2
	exit 1
fi

# ---- how containers run ------------------------------------------------------
last=$(cat "$data/up.runtime" 2> /dev/null || :)
given=no
case " $* " in *' --config'*) given=yes ;; esac
program=$(command -v crun || command -v runc || :)
if [ -n "${RUNTIME:-}" ]; then
	runtime=$RUNTIME why='RUNTIME says so'
elif [ -n "$last" ]; then
	runtime=$last why='as the last time'
elif [ "$(id -u)" != 0 ]; then
	runtime=process why='not root'
elif [ -n "$program" ]; then
	runtime=oci
	why="root, and there is $program; RUNTIME=process is the other"
else
	runtime=process why='no crun and no runc here'
fi
case $runtime in
oci | process) ;;
*)	echo "up.sh: RUNTIME=$runtime: not oci or process" >&2
	exit 2 ;;
esac
if [ -n "$last" ] && [ "$last" != "$runtime" ]; then
	echo "up.sh: the containers of $data belong to the runtime $last;" \
	    "for $runtime take another DATA" >&2
	exit 2
fi
if [ $given = yes ]; then
	how='as the configuration given says'
else
	how="$runtime ($why)"
	echo "$runtime" > "$data/up.runtime"
fi
cluster_ips=${CLUSTER_IPS:-yes}
if [ $given = no ] && [ "$runtime $cluster_ips" != 'process yes' ]; then
	edits=
	[ "$runtime" = process ] ||
	    edits='s/{ plugin = "process"; },/{ plugin = "oci"; },/'
	[ "$cluster_ips" = yes ] ||
	    edits="$edits;s/cluster-ips = true/cluster-ips = false/"
	{
		echo "# Made by up.sh from conf/pintle.conf at every start."
		sed "$edits" conf/pintle.conf
	} > "$data/up.conf"
	[ "$runtime" = process ] ||
	    grep -q '{ plugin = "oci"; },' "$data/up.conf" || {
		echo 'up.sh: conf/pintle.conf has no line { plugin =' \
		    '"process"; }, to put the runtime oci in its place' >&2
		exit 2
	}
	[ "$runtime" = process ] || how="$how, configured in $data/up.conf"
	set -- --config "$data/up.conf" "$@"
fi

# ---- the demo's image, from a static busybox ---------------------------------
demo=examples/demo/hello.yaml
[ "${DEMO:-yes}" = yes ] || demo=
if [ -n "$demo" ] && [ "$runtime" = process ] && [ "$(id -u)" != 0 ] &&
    ! unshare -Urm true 2> /dev/null; then
	echo 'up.sh: no user namespaces for this user: the demo runs on the' \
	    "node's own files, not in an image"
	demo=examples/demo/host.yaml
fi
if [ -n "$demo" ]; then
	sh scripts/demo-image.sh "$data/hello.tar" > "$data/image.log" 2>&1 || {
		cat "$data/image.log" >&2
		sh scripts/deps.sh run || exit 2
		sh scripts/demo-image.sh "$data/hello.tar" || exit 2
	}
	build/pintle image import --data "$data" "$data/hello.tar" \
	    > "$data/image.log" 2>&1 || {
		cat "$data/image.log" >&2
		exit 1
	}
fi

# ---- the node ----------------------------------------------------------------
creds=$(mktemp -d "${TMPDIR:-/tmp}/pintle-up.XXXXXX") || exit 2
: > "$log"
stop() {
	trap '' INT TERM HUP
	[ -n "${pid:=${!:-}}" ] || exit 130
	kill $pid 2> /dev/null
	wait $pid
	rc=$?
	rm -rf "$creds" "$data/up.pid"
	echo
	echo "The node has stopped; its pods go on, as when a node agent is"
	echo "renewed. To end them too: sh scripts/down.sh $data"
	exit $rc
}
pid=
trap stop INT TERM HUP		# before there is what it stops
build/pintle up --data "$data" --listen "$listen" "$@" > "$log" 2>&1 &
pid=$!
echo $pid > "$data/up.pid"
# until SECONDS WHAT CMD...: CMD has come true, or says what did not.
until_true() {
	end=$(($(date +%s) + $1))
	what=$2
	shift 2
	until "$@" > /dev/null 2>&1; do
		if ! kill -0 $pid 2> /dev/null; then
			cat "$log" >&2
			echo 'up.sh: pintle has ended (a second node takes' \
			    'DATA=DIR and LISTEN=ADDR:PORT of its own)' >&2
			rm -rf "$creds" "$data/up.pid"
			exit 1
		fi
		if [ "$(date +%s)" -ge $end ]; then
			echo "up.sh: $what: not within the time" >&2
			return 1
		fi
		sleep 0.1
	done
}
until_true 60 'the API' grep -q '^ready https://' "$log" || {
	tail -n 20 "$log" >&2
	kill $pid
	wait $pid
	exit 1
}
KUBECONFIG=$data/admin.kubeconfig
export KUBECONFIG
url=$(sed -n 's/^ready \(https:[^ ]*\).*/\1/p' "$log" | head -n 1)
echo "ready $url"
echo "runtime: $how"

# ---- the demo ----------------------------------------------------------------
part() { # KEY FILE
	sed -n "s/^ *$1: *\"\\{0,1\\}\\([A-Za-z0-9+\\/=]*\\).*/\\1/p" \
	    "$KUBECONFIG" | head -n 1 | base64 -d > "$creds/$2"
}
api() { # METHOD PATH [CURL-ARG...]
	method=$1 path=$2
	shift 2
	curl -fsS --max-time 10 --cacert "$creds/ca" --cert "$creds/cert" \
	    --key "$creds/key" -X "$method" "$@" "$url$path"
}
number() { # KEY PATH: of an object that is there
	api GET "$2?pretty=false" 2> /dev/null |
	    sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p"
}
# A port that nobody answers on, from $1 up.
free() {
	port=$1
	while [ "$port" -lt $(($1 + 200)) ]; do
		curl -s -o /dev/null --max-time 1 "http://127.0.0.1:$port/"
		[ $? = 7 ] && break
		port=$((port + 1))
	done
	echo "$port"
}
apply() { # FILE PATH
	api PATCH "$2?fieldManager=up.sh&force=true" --data-binary "@$1" \
	    -H 'Content-Type: application/apply-patch+yaml' > /dev/null
}
answers() {
	curl -fsS --max-time 2 "http://127.0.0.1:$node_port/"
}
show_demo() {
	deployments=/apis/apps/v1/namespaces/default/deployments/demo
	services=/api/v1/namespaces/default/services/demo
	part certificate-authority-data ca
	part client-certificate-data cert
	part client-key-data key
	port=$(number containerPort "$deployments")
	node_port=$(number nodePort "$services")
	: "${port:=$(free 18080)}" "${node_port:=$(free 30080)}"
	sed -e "s/18080/$port/g" -e "s/30080/$node_port/g" "$demo" |
	    awk -v d="$creds/doc" '/^---/ { n++; next } { print > (d n + 0) }'
	until_true 30 'the namespace default' api GET \
	    /api/v1/namespaces/default/serviceaccounts/default || return 1
	apply "$creds/doc0" "$deployments" || return 1
	apply "$creds/doc1" "$services" || return 1
	until_true 60 'the demo' answers || {
		api GET '/api/v1/namespaces/default/events?pretty=false' |
		    tr '{' '\n' | sed -n 's/.*"message":"\([^"]*\)".*/  \1/p' |
		    tail -n 5 >&2
		return 1
	}
	echo
	echo "\$ curl http://127.0.0.1:$node_port/"
	answers
}
if [ -n "$demo" ]; then
	show_demo ||
	    echo 'up.sh: the demo does not answer; the node goes on' >&2
fi
kubectl=$(command -v kubectl || sh scripts/kubectl.sh 2> /dev/null ||
    echo kubectl)
cat <<TRY

(log: $log; Ctrl-C stops the node. Its state stays, and its pods
go on until the node is started again or \`sh scripts/down.sh $data\`
ends them.)
In another terminal:

    export KUBECONFIG=$KUBECONFIG
    $kubectl get nodes,pods -o wide
    $kubectl scale deployment demo --replicas=0
    $kubectl logs deployment/demo
    $kubectl explain deployment.spec.strategy
    $kubectl auth can-i --list

TRY
wait $pid
rc=$?
rm -rf "$creds" "$data/up.pid"
exit $rc
