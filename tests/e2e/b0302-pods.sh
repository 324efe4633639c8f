#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Pods at the edges of their life: a deadline, a sidecar that outlives the rest,
# a node without room for what was put on it by hand, logs that end and logs
# that are turned over faster than anybody reads, Events that are counted up.
. tests/lib/e2e.sh
need_kubectl
deadline 240

NODE=n1
up_start --node-name $NODE
wait_for 20 gives True k get node $NODE \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
wait_for 20 k get serviceaccount default
wait_for 20 k get configmap kube-root-ca.crt

# pod NAME < the rest of its spec; NAP: a moment, DIR: $W
pod() {
	{ printf '%s\n' 'apiVersion: v1' 'kind: Pod' "metadata: {name: $1}" \
	    'spec:' "  nodeName: $NODE"; sed 's/^/  /'; } |
	    sed -e 's,NAP,sleep 0.1,g' -e "s,DIR,$W,g" |
	    k apply -f - > "$W/apply" 2>&1 || diag "$(cat "$W/apply")"
}
field() { # POD JSONPATH
	k get pod "$1" -o "jsonpath={$2}"
}
shown() { # POD: what kubectl says it is
	k get pod "$1" --no-headers | awk '{ print $3 }'
}
S='.status.containerStatuses[0]'

# ---- a deadline --------------------------------------------------------------
pod late << 'E'
activeDeadlineSeconds: 3
containers:
- {name: c, image: host, command: [sh, -c,
   "trap 'echo told; exit 0' TERM; while :; do NAP; done"]}
E
wait_for 20 gives Failed field late .status.phase
is 'for its reason' "$(field late .status.reason)" DeadlineExceeded
like 'in words' "$(field late .status.message)" \
    'Pod was active on the node longer than the specified deadline'
is 'it was told to end first' "$(k logs late | grep -v Terminated)" told

# ---- a sidecar ---------------------------------------------------------------
pod side << 'E'
restartPolicy: Never
initContainers:
- {name: s, image: host, restartPolicy: Always, command: [sh, -c,
   "trap 'echo told; for i in 1 2 3 4 5 6 7 8 9; do NAP; NAP; NAP; done;
   echo bye;
   exit 0' TERM; while :; do NAP; done 2> /dev/null"]}
containers: [{name: c, image: host, command: [sh, -c, "NAP; NAP; NAP; NAP"]}]
E
wait_for 30 gives Succeeded field side .status.phase
is 'a sidecar has the whole grace when the rest is done' \
    "$(k logs side -c s | grep -v Terminated)" 'told
bye'
pod order << 'E'
terminationGracePeriodSeconds: 20
initContainers:
- {name: s, image: host, restartPolicy: Always, command: [sh, -c,
   "trap 'date +%s%N > DIR/side; exit 0' TERM; while :; do NAP; done"]}
containers:
- {name: c, image: host, command: [sh, -c, "trap 'NAP; NAP; NAP;
   date +%s%N > DIR/main; exit 0' TERM; while :; do NAP; done"]}
E
wait_for 20 gives Running field order .status.phase
ok 'a pod with a sidecar goes' k delete pod order --timeout=30s
ok 'and its sidecar goes last' test "$(cat "$W/side")" -gt \
    "$(cat "$W/main")"

# ---- no room -----------------------------------------------------------------
pod big << 'E'
containers: [{name: c, image: host, command: [sleep, "1000"],
  resources: {requests: {cpu: 1k}}}]
E
wait_for 20 gives Failed field big .status.phase
is 'a pod put on a node by hand has to fit' "$(field big .status.reason)" \
    OutOfcpu
like 'with the sums' "$(field big .status.message)" \
    'Pod was rejected: Node didn*resource: cpu, requested: 1000000, used: *'
is 'and that is what is shown' "$(shown big)" OutOfcpu
for p in p1 p2; do
	pod $p << 'E'
containers: [{name: c, image: host, command: [sleep, "1000"],
  ports: [{containerPort: 4711, hostPort: 4711}]}]
E
	wait_for 20 shown $p
	poll 20 gives Running field p1 .status.phase
done
wait_for 20 gives NodePorts field p2 .status.reason
ok 'the first goes' k delete pod p1 p2 --timeout=40s
pod p3 << 'E'
containers: [{name: c, image: host, command: [sleep, "1000"],
  ports: [{containerPort: 4711, hostPort: 4711}]}]
E
wait_for 20 gives Running field p3 .status.phase

# ---- what waits says why, and says it once -----------------------------------
pod never << 'E'
containers: [{name: c, image: "none:1", imagePullPolicy: Never}]
E
pod none << 'E'
containers: [{name: c, image: host, command: [sleep, "1000"]}]
volumes: [{name: v, secret: {secretName: none}}]
E
counted() { # the Event of the missing Secret, and how often it was seen
	k get events --field-selector \
	    involvedObject.name=none,reason=FailedMount \
	    -o 'jsonpath={range .items[*]}{.count} {end}'
}
counts() {
	[ "$(counted | wc -w)" = 1 ] && [ "$(counted | tr -d ' ')" -ge 3 ]
}
wait_for 20 counts
is 'never to be pulled, it is not tried again and again' \
    "$(field never "$S.state.waiting.reason")" ErrImageNeverPull

# ---- logs --------------------------------------------------------------------
pod over << 'E'
restartPolicy: Never
containers: [{name: c, image: host, command: [sh, -c, "echo one; echo two"]}]
E
wait_for 20 gives Succeeded field over .status.phase
is 'following what has ended ends' "$(timeout 20 "$KUBECTL_BIN" logs -f over)" \
    'one
two'
# 60 MiB: turned over five times, and read through a pipe that stands still.
pod fast << 'E'
restartPolicy: Never
containers: [{name: c, image: host, command: [sh, -c,
  "echo up; until [ -e DIR/go ]; do NAP; done; i=0; while [ $i -lt 1000 ]; do
  i=$((i+1)); echo line $i; head -c 60000 /dev/zero | tr '\\0' x; echo; done"]}]
E
wait_for 20 gives up k logs fast
slow() { # reads when the writer has ended
	k logs -f fast | {
		read -r l
		echo "$l"
		poll 60 test -e "$W/go2"
		grep -c '^line'
	}
}
bg slow
wait_for 20 grep -q up "$BG_LOG"
: > "$W/go"
wait_for 60 gives Succeeded field fast .status.phase
: > "$W/go2"
wait_for 60 gives 'up
1000' cat "$BG_LOG"
ok 'all of them' k delete pod --all --timeout=60s
up_stop
done_testing
