#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Volumes of the node agent with the runtime `oci`: a link in a volume leads no
# container out of it; what the agent writes is there as a whole, changes as a
# whole and cannot be written by containers; fsGroup reaches files of others;
# what is removed, however deep, lets the pod go.
. tests/lib/e2e.sh
need_kubectl
deadline 240
need_root 'the runtime oci'
command -v crun > /dev/null || need_cmd runc
if ! sh scripts/demo-image.sh "$W/hello.tar" > "$W/demo.log" 2>&1; then
	skip busybox "$(cat "$W/demo.log")"
	done_testing
fi
sed 's/{ plugin = "process"; }/{ plugin = "oci"; }/' conf/pintle.conf \
    > "$W/oci.conf"
up_start --node-name n1 --config "$W/oci.conf"
"$PINTLE" image import --data "$DATA" "$W/hello.tar" > "$W/import" 2>&1 ||
    bail "$(cat "$W/import")"
wait_for 20 k get serviceaccount default
wait_for 20 k get configmap kube-root-ca.crt
wait_for 20 gives True k get node n1 \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'

# pod NAME < the rest of its spec: containers and volumes
pod() {
	{ printf '%s\n' 'apiVersion: v1' 'kind: Pod' "metadata: {name: $1}" \
	    'spec:' '  terminationGracePeriodSeconds: 1'; sed 's/^/  /'; } |
	    k apply -f - > "$W/apply" 2>&1 || diag "$(cat "$W/apply")"
}
field() { # POD JSONPATH
	k get pod "$1" -o "jsonpath={$2}"
}
S='.status.containerStatuses[0]'

# ---- links that lead out ----------------------------------------------------
mkdir "$W/node" && echo secret > "$W/node/file"
for to in "$W/node" ../../../../../.. /; do
	pod out << E
restartPolicy: Never
initContainers:
- {name: a, image: "hello:1", volumeMounts: [{name: v, mountPath: /v}],
   command: [sh, -c, "busybox ln -s $to /v/x"]}
containers:
- {name: c, image: "hello:1",
   volumeMounts: [{name: v, mountPath: /m, subPath: x}],
   command: [sh, -c, "ls /m; echo bad > /m/came-out;
    exec busybox tail -f /dev/null"]}
volumes: [{name: v, emptyDir: {}}]
E
	wait_for 20 gives CreateContainerConfigError field out \
	    "$S.state.waiting.reason"
	like "a link to $to is no subPath" "$(field out \
	    "$S.state.waiting.message")" '*subPath "x" is not within*'
	ok 'and the pod can go' k delete pod out --timeout=20s
done
is 'nothing came out' "$(ls "$W/node" /came-out 2> /dev/null)" "$W/node:
file"
pod in << 'E'
securityContext: {runAsUser: 1000, runAsGroup: 1000}
initContainers:
- {name: a, image: "hello:1", volumeMounts: [{name: v, mountPath: /v}],
   command: [sh, -c,
   "busybox mkdir -p /v/d/e; echo one > /v/d/f; cd /v; busybox ln -s d/../d x"]}
containers:
- name: c
  image: hello:1
  volumeMounts:
  - {name: v, mountPath: /m, subPath: x}
  - {name: v, mountPath: /f, subPath: x/f}
  - {name: v, mountPath: /n, subPath: new/one}
  - {name: v, mountPath: /e, subPathExpr: $(WHO)..2/y}
  env: [{name: WHO, value: me}]
  command: [sh, -c, "cat /m/f /f; echo two > /n/g; echo 3 > /e/h;
    exec busybox tail -f /dev/null"]
volumes: [{name: v, emptyDir: {}}]
E
wait_for 20 gives Running field in .status.phase
wait_for 10 gives 'one
one' k logs in -c c
V=$DATA/pods/$(field in .metadata.uid)/volumes/v
wait_for 10 gives two cat "$V/new/one/g"
is 'a subPath that was missing is open as its volume' \
    "$(stat -c %a "$V/new/one")" "$(stat -c %a "$V")"
is 'an expression is one, dots in a name are no way up' \
    "$(cat "$V/me..2/y/h")" 3
is 'nothing stays mounted or held' \
    "$(ls "$DATA/run/subpath"; grep "$DATA/run/subpath" /proc/mounts)" ''
pod expr << 'E'
containers:
- {name: c, image: "hello:1", command: [sleep, "1000"],
   volumeMounts: [{name: v, mountPath: /m, subPathExpr: $(NONE)/x}]}
volumes: [{name: v, emptyDir: {}}]
E
wait_for 20 gives CreateContainerConfigError field expr \
    "$S.state.waiting.reason"

# ---- what the agent writes ---------------------------------------------------
k create configmap m --from-literal=a=1 --from-literal=b=1 > /dev/null
k create secret generic s --from-literal=pass=word > /dev/null
pod conf << 'E'
securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 3000}
containers:
- name: c
  image: hello:1
  volumeMounts:
  - {name: m, mountPath: /m}
  - {name: s, mountPath: /s}
  - {name: m, mountPath: /one, subPath: a}
  - {name: e, mountPath: /e}
  command: [sh, -c, "cat /s/pass /one; echo; echo y > /e/f;
    exec busybox tail -f /dev/null"]
- name: root
  image: hello:1
  securityContext: {runAsUser: 0}
  volumeMounts: [{name: m, mountPath: /m}, {name: s, mountPath: /s}]
  command: [sh, -c, "for d in /m /s; do (echo x > $d/own) || echo $d refused;
    busybox ln -s /etc $d/l 2>/dev/null || echo $d refused; done 2>/dev/null;
    exec busybox tail -f /dev/null"]
volumes:
- {name: m, configMap: {name: m}}
- {name: s, secret: {secretName: s, defaultMode: 0400}}
- {name: e, emptyDir: {}}
E
wait_for 20 gives Running field conf .status.phase
wait_for 10 gives word1 k logs conf -c c
wait_for 10 gives '/m refused
/m refused
/s refused
/s refused' k logs conf -c root
V=$DATA/pods/$(field conf .metadata.uid)/volumes
is 'the layout programs rely on' "$(cd "$V/m" && readlink a)" ..data/a
is 'of fsGroup, by the pod' "$(stat -L -c '%g %a' "$V/s/pass")" '3000 440'
is 'also what a container makes' "$(stat -c %g "$V/e/f")" 3000
tok() {
	cat "$V"/kube-api-access-*/token
}
token=$(tok)
before=$(cd "$V/m" && readlink ..data)
k create configmap m --from-literal=b=2 --from-literal=c=2 -o yaml \
    --dry-run=client | k replace -f - > /dev/null
wait_for 90 gives 2 cat "$V/m/c"
is 'a key that is gone is gone' "$(ls "$V/m")" 'b
c'
is 'the others came with it, in another directory' \
    "$(cat "$V/m/b")$(test "$(cd "$V/m" && readlink ..data)" != "$before" &&
    echo ' new')" '2 new'
is 'one state is kept' "$(find "$V/m" -mindepth 1 -maxdepth 1 -type d |
    wc -l)" 1
is 'a young token stays' "$(tok)" "$token"

# ---- in memory ---------------------------------------------------------------
pod mem << 'E'
securityContext: {fsGroup: 3000}
containers:
- {name: c, image: "hello:1", volumeMounts: [{name: v, mountPath: /v}],
   command: [sh, -c, "busybox head -c 3000000 /dev/zero > /v/big; echo $?;
   busybox df -t tmpfs /v | busybox tail -n 1; exec busybox tail -f /dev/null"]}
volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 2Mi}}]
E
wait_for 20 gives Running field mem .status.phase
sized() {
	case $(k logs mem) in
	*1*tmpfs*2048*2048*) return 0 ;;
	esac
	return 1
}
wait_for 10 sized
M=$DATA/pods/$(field mem .metadata.uid)/volumes/v
is '... of fsGroup' "$(stat -c '%g %a' "$M")" '3000 2777'
ok '... and goes with its pod' k delete pod mem --timeout=30s
is '... from the node, too' "$(grep -c "$M" /proc/mounts)" 0
pod huge << 'E'
containers: [{name: c, image: "hello:1", command: ["true"]}]
volumes: [{name: v, emptyDir: {medium: HugePages}}]
E
wait_for 20 gives Failed field huge .status.phase
like 'another medium is refused' "$(field huge .status.message)" \
    '*emptyDir.medium HugePages: this node has none*'

pod last << 'E'
hostname: me
containers:
- {name: c, image: "hello:1", command: [sh, -c, "echo it was $HOSTNAME >
   /dev/termination-log; exit 3"]}
- {name: bin, image: "hello:1", command: [sh, -c,
   "busybox printf 'a\\377b' > /dev/termination-log; exit 3"]}
restartPolicy: Never
volumes: [{name: v, emptyDir: {sizeLimit: 1Mi}}]
E
wait_for 20 gives Failed field last .status.phase
said() { # CONTAINER
	field last ".status.containerStatuses[?(@.name==\"$1\")].state$2"
}
is 'last words' "$(said c .terminated.message)" 'it was me'
is 'text at any rate' "$(said bin .terminated.message)" \
    "$(printf 'a\357\277\275b')"
warned() {
	k get events --field-selector involvedObject.name=last |
	    grep -q 'NotEnforced.*emptyDir.sizeLimit'
}
wait_for 10 warned

# ---- the way out ------------------------------------------------------------
pod deep << 'E'
containers:
- {name: c, image: "hello:1", volumeMounts: [{name: v, mountPath: /v}],
   command: [sh, -c, "cd /v; i=0; while [ $i -lt 300 ]; do
    busybox mkdir d && cd d; i=$((i+1)); done;
    echo deep; exec busybox tail -f /dev/null"]}
volumes: [{name: v, emptyDir: {}}]
E
wait_for 30 gives deep k logs deep
ok 'a volume 300 directories deep goes' k delete pod deep --timeout=30s
ok 'all of them' k delete pod --all --timeout=30s
is 'and nothing is left' "$(ls "$DATA/pods")" ''
up_stop
done_testing
