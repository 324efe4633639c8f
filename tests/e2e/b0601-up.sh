#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0601-up -- `make up` as root and as an ordinary user: the demo answers from
# an image made on the spot; two nodes side by side; again after kill -9 of
# all; down.sh ends what outlives a node. Pods of images with the runtime
# process: what it cannot do it says.
. tests/lib/e2e.sh
need_kubectl
deadline 240
export CLUSTER_IPS=no		# nothing of this machine's network is changed

ends() {
	for d in a b u; do
		[ ! -d "$W/$d" ] || sh scripts/down.sh "$W/$d" > /dev/null 2>&1
	done
	e_cleanup
}
trap ends EXIT
up_sh() { # DIR CMD-PREFIX...: up.sh in the background; sets BG_PID, BG_LOG
	dir=$1
	shift
	[ -n "$(eval "echo \${listen_$dir:-}")" ] || {
		port
		eval "listen_$dir=127.0.0.1:$PORT"
	}
	bg "$@" env DATA="$W/$dir" LISTEN="$(eval "echo \$listen_$dir")" \
	    sh scripts/up.sh
}
says() { # TEXT: up.sh has said it, or has ended
	grep -q "$1" "$BG_LOG" || ! kill -0 "$BG_PID" 2> /dev/null
}
asked() { # where the demo is
	sed -n 's/^\$ curl //p' "$1"
}
hello() { # URL
	case $(curl -sS --max-time 2 "$1" 2>&1) in
	'hello from demo-'*) return 0 ;;
	esac
	return 1
}
ended() { # PID
	! kill -0 "$1" 2> /dev/null
}
silent() { # URL
	! curl -s -o /dev/null --max-time 2 "$1"
}

if ! sh scripts/demo-image.sh "$W/hello.tar" > "$W/demo.log" 2>&1; then
	skip busybox "$(cat "$W/demo.log")"
	done_testing
fi

# ---- an image needs a program ----------------------------------------------
fails 'without a busybox there is no image' env BUSYBOX=/none \
    sh scripts/demo-image.sh "$W/x.tar"
like 'the package is named' "$(out)" '*busybox-static*'
fails 'a runtime that is none' env DATA="$W/x" RUNTIME=qemu sh scripts/up.sh
like 'is named' "$(out)" '*RUNTIME=qemu: not oci or process*'

# ---- root ------------------------------------------------------------------
running() { # DIR: containers that have not ended
	for c in "$W/$1"/run/*/*/ctl; do
		[ -p "$c" ] && [ ! -e "${c%/ctl}/exit" ] && echo "$c"
	done | wc -l | tr -d ' '
}
restarts() { # DIR
	KUBECONFIG=$W/$1/admin.kubeconfig k get pod -l app=demo -o \
	    'jsonpath={.items[*].status.containerStatuses[0].restartCount}'
}
if [ "$(id -u)" = 0 ]; then
	up_sh a
	a_log=$BG_LOG
	wait_for 90 says '^hello from demo-'
	url_a=$(asked "$a_log")
	if [ -n "$(command -v crun || command -v runc)" ]; then
		like 'it says how containers run' \
		    "$(grep '^runtime: ' "$a_log")" 'runtime: oci (root, *'
	else
		like 'it says how containers run' \
		    "$(grep '^runtime: ' "$a_log")" 'runtime: process (*'
	fi
	fails 'the same again beside it' env DATA="$W/a" sh scripts/up.sh
	like 'is told so' "$(out)" '*runs already*'
	wait_for 10 hello "$url_a"

	up_sh b env RUNTIME=process
	b=$BG_PID b_log=$BG_LOG
	wait_for 90 says '^hello from demo-'
	url_b=$(asked "$b_log")
	like 'the other runtime, by name' "$(grep '^runtime: ' "$b_log")" \
	    'runtime: process (RUNTIME says so)'
	is 'two nodes, two ports' "$([ "$url_a" != "$url_b" ] && echo yes)" yes
	wait_for 10 hello "$url_a"
	kill "$b"
	wait_for 20 ended "$b"
	like 'the end of a node says what goes on, and how to end it' \
	    "$(cat "$b_log")" "*its pods go on*scripts/down.sh $W/b"
	is 'and it does go on' "$(running b)" 1
	fails 'a runtime changed under its containers' env DATA="$W/b" \
	    RUNTIME=oci sh scripts/up.sh
	like 'is refused by name' "$(out)" '*belong to the runtime process*'
	ok 'down' sh scripts/down.sh "$W/b"
	is 'ends them' "$(running b)" 0

	kill -9 "$(cat "$W/a/up.pid")"
	wait_for 20 ended "$(cat "$W/a/up.pid")"
	is 'a node killed: its container goes on' "$(running a)" 1
	up_sh a
	wait_for 90 says '^hello from demo-'
	is 'where it was' "$(asked "$BG_LOG")" "$url_a"
	is 'the container is the one it was' "$(restarts a)" 0
	ok 'down with the node running' sh scripts/down.sh "$W/a"
	is 'ends node and container' "$(running a)" 0
	wait_for 10 silent "$url_a"
	is 'no mount is left' "$(grep -c "$W/a/" /proc/mounts)" 0
	is 'and no cgroup' "$(for c in "$W"/a/run/*/*/ctl; do
		c=${c%/ctl}
		find /sys/fs/cgroup -name "${c##*/}" 2> /dev/null
	done)" ''
fi

# ---- an ordinary user ------------------------------------------------------
mkdir "$W/u"
as=
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$W"
	[ -k "$W/.." ] || chmod 711 "$W/.."
	chown 65534:65534 "$W/u"
	as="setpriv --reuid 65534 --regid 65534 --clear-groups"
	as="$as env TMPDIR=$W/u HOME=$W/u"
fi
# shellcheck disable=SC2086
if ! $as test -x "$PINTLE"; then
	skip root 'this tree is not for other users to read'
	done_testing
fi
# shellcheck disable=SC2086
if ! $as unshare -Urm true 2> "$W/unshare.log"; then
	skip userns "$(cat "$W/unshare.log")"
	done_testing
fi
# shellcheck disable=SC2086
up_sh u $as
u_log=$BG_LOG
wait_for 90 says '^hello from demo-'
url_u=$(asked "$u_log")
like 'it says how containers run' "$(grep '^runtime: ' "$u_log")" \
    'runtime: process (not root)'
KUBECONFIG=$W/u/admin.kubeconfig
export KUBECONFIG
pod() { # NAME COMMAND LINE-OF-THE-SPEC LINE-OF-THE-CONTAINER
	cat <<POD | k apply -f - > "$W/apply" 2>&1 || diag "$(cat "$W/apply")"
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  restartPolicy: Never
  $3
  containers:
  - name: c
    image: hello:1
    command: [sh, -c, '$2']
    $4
POD
}
event() { # POD REASON TEXT
	k get events --field-selector "involvedObject.name=$1,reason=$2" \
	    -o 'jsonpath={.items[*].message}' | grep -qF "$3"
}
pod who 'id; cat /etc/passwd | head -n 1; ls /etc' \
    'securityContext: {runAsUser: 1000, runAsNonRoot: true}
  initContainers:
  - {name: i, image: "hello:1", command: [sh, -c, ":"],
    resources: {limits: {cpu: "1", memory: 64Mi}}}' \
    'resources: {limits: {cpu: "1", memory: 64Mi}}'
wait_for 30 gives Succeeded k get pod who -o 'jsonpath={.status.phase}'
like 'it is whom the pod says, in the image'"'"'s words' "$(k logs who)" \
    'uid=1000(web) gid=1000(web)*root:x:0:0:root:/:/bin/sh*'
# (Where a cgroup is delegated to this user, as in a session, they hold.)
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
# shellcheck disable=SC2086
if ! $as test -w "${group%/*}/cgroup.subtree_control"; then
	wait_for 10 event who NotEnforced 'resources.limits.memory, '\
'resources.limits.cpu: the runtime process'
	is 'once a pod' "$(k get events --field-selector \
	    involvedObject.name=who,reason=NotEnforced --no-headers | wc -l |
	    tr -d ' ')" 1
fi
pod root 'id' 'securityContext: {runAsNonRoot: true}' ''
wait_for 30 gives CreateContainerConfigError k get pod root -o \
    'jsonpath={.status.containerStatuses[0].state.waiting.reason}'
pod adds 'id' '' 'securityContext: {capabilities: {add: [NET_ADMIN]}}'
wait_for 30 gives Failed k get pod adds -o 'jsonpath={.status.phase}'
like 'what it cannot be is said' "$(k get pod adds -o \
    'jsonpath={.status.message}')" '*capabilities.add: the node agent is*'
ok 'down' sh scripts/down.sh "$W/u"
is 'ends all' "$(running u)" 0
wait_for 10 silent "$url_u"
done_testing
