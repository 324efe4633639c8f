#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The node agent with the runtime `process`: a pod runs and is Ready, restarts
# when killed, is read and followed, ends in its grace; an agent that is killed
# loses nothing; twenty pods leave nothing behind; what cannot be honoured
# fails by name.
. tests/lib/e2e.sh
need_kubectl
deadline 150

NODE=n1
FILES=$(($(ulimit -Hn) > 1000 ? 1000 : $(ulimit -Hn) / 2))
ulimit -Sn $FILES
up_start --node-name $NODE
wait_for 20 gives True k get node $NODE \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
wait_for 10 gives '' k get node $NODE -o 'jsonpath={.spec.taints}'
wait_for 20 k get lease -n kube-node-lease $NODE
wait_for 20 k get serviceaccount default
wait_for 20 k get configmap kube-root-ca.crt

pod() { # NAME COMMAND [LINE-OF-THE-SPEC] [LINE-OF-THE-CONTAINER]
	cat <<E | k apply -f - > "$W/apply" 2>&1 || diag "$(cat "$W/apply")"
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: test}}
spec:
  nodeName: $NODE
  terminationGracePeriodSeconds: 2
  ${3:-}
  containers:
  - name: c
    image: host
    command: [sh, -c, '$2']
    ${4:-}
E
}
field() { # POD JSONPATH
	k get pod "$1" -o "jsonpath={$2}"
}
dir_of() { # POD: where the runtime keeps its newest container
	echo "$DATA/run/process/$(field "$1" \
	    '.status.containerStatuses[0].containerID' | sed 's,.*//,,')"
}
pid_of() {
	cut -d' ' -f1 "$(dir_of "$1")/pid"
}
S='.status.containerStatuses[0]'

# ---- life ------------------------------------------------------------------
FOR_EVER='trap "exit 0" TERM; while :; do sleep 0.1; done'
pod a 'echo one; sleep 0.2; echo two >&2; '"$FOR_EVER"
wait_for 20 gives True field a \
    '.status.conditions[?(@.type=="Ready")].status'
is 'its phase' "$(field a .status.phase)" Running
is 'its address is its node'"'"'s' "$(field a .status.podIP)" \
    "$(field a .status.hostIP)"
wait_for 10 gives 'one
two' k logs a
is 'tail' "$(k logs a --tail 1)" two
fails 'a container that is none' k logs a -c other
like 'is named' "$(out)" '*container other is not valid for pod a*'
fails 'the log of one before the first' k logs a --previous
like 'there is none' "$(out)" \
    '*previous terminated container "c" in pod "a" not found*'
kill -9 "$(pid_of a)"
wait_for 20 gives 1 field a "$S.restartCount"
wait_for 20 gives 137 field a "$S.lastState.terminated.exitCode"
wait_for 10 gives 'one
two' k logs a --previous

# Whoever may write a status says nothing but a number.
odd() { # CONTAINER-ID: what logs --previous says, of a pod with no agent
	sed "s|ID\"}|$1\"}|" > "$W/odd" << 'E'
{"status": {"containerStatuses": [{"name": "c", "image": "", "imageID": "",
 "ready": false, "restartCount": 1, "lastState": {"terminated":
 {"exitCode": 1, "containerID": "ID"}}}]}}
E
	k patch pod odd --subresource=status --patch-file "$W/odd" \
	    > /dev/null || return 1
	k logs odd --previous 2>&1
}
k run odd --image=host --overrides '{"spec":{"nodeName":"none","containers":
    [{"name":"c","image":"host"}]}}' > /dev/null
none='*previous terminated container "c" in pod "odd" not found*'
for id in '' 'x://a-b' 'x://7' 'x://a-10000000000000000000000' \
    'x://a-1 HTTP/1.1'; do
	like "an id '$id' is of no instance" "$(odd "$id")" "$none"
done
like 'one that is sends to its node' "$(odd 'x://a-12')" '*node none is not*'
k delete pod odd --force > /dev/null 2>&1

# ---- open files: ours all that are allowed, others' as it was ----------------
files() { # PID...: soft limits
	for e_p; do
		awk '/^Max open files/ { print $4 }' "/proc/${e_p# }/limits"
	done
}
children() { # PID
	cat "/proc/$1/task/$1/children"
}
is 'server and node agent may open all that are allowed' \
    "$(files $(children "$UP_PID"))" "$(ulimit -Hn)
$(ulimit -Hn)"
is 'a container what the server was started with' "$(files "$(pid_of a)")" \
    $FILES
is 'and its shim' "$(files "$(ps -o ppid= -p "$(pid_of a)")")" $FILES

# ---- a log that is set aside is followed on, and goes with its container -----
BIG='head -c 59000 /dev/zero | tr "\0" x | fold -w 590; echo line $i'
BIG="i=0; while [ \$i -lt 200 ]; do $BIG; i=\$((i + 1)); done; echo last"
pod big "$BIG"'; exec sleep 1000'
follow() {
	k logs -f big > "$W/big.log" 2>&1
}
wait_for 20 gives Running field big .status.phase
bg follow
lines() {
	[ "$(grep -c '^last$' "$W/big.log")" = 1 ]
}
wait_for 40 lines
is 'every line came over' "$(grep -c 'line [0-9]' "$W/big.log")" 200
aside() { # ATTEMPT: its files
	ls "$DATA/pods/$(field big .metadata.uid)/c" | grep "^$1.log"
}
is 'the log was set aside' "$(aside 0)" '0.log
0.log.1'
kill -9 "$(pid_of big)"
wait_for 20 gives 1 field big "$S.restartCount"
kill -9 "$(pid_of big)"
wait_for 40 gives 2 field big "$S.restartCount"
is 'two restarts on it is gone' "$(aside 0)" ''
k delete pod big --timeout=30s > "$W/del" 2>&1

# ---- the agent is killed ----------------------------------------------------
agent() {
	for e_c in /proc/[0-9]*; do
		tr '\0' ' ' 2> /dev/null < "$e_c/cmdline" |
		    grep -q "kubelet --data $DATA " && echo "${e_c#/proc/}"
	done
}
wait_for 20 gives Running field a .status.phase
before=$(pid_of a)
old=$(agent)
kill -9 "$old"
renewed() {
	[ -n "$(agent)" ] && [ "$(agent)" != "$old" ]
}
wait_for 20 renewed
pod b 'echo up; exec sleep 1000'
wait_for 20 gives Running field b .status.phase
is 'the container goes on' "$(pid_of a)" "$before"
is 'it was not restarted' "$(field a "$S.restartCount")" 1
kill -9 "$before"
wait_for 20 gives 2 field a "$S.restartCount"
wait_for 20 gives Running field a .status.phase

# ---- ends -------------------------------------------------------------------
ok 'deleted' k delete pod a b --timeout=30s
told() {
	k get events | grep -q 'Killing.*Stopping container c'
}
wait_for 10 told
pod once 'exit 3' 'restartPolicy: Never'
wait_for 20 gives Failed field once .status.phase
is 'its exit code' "$(field once "$S.state.terminated.exitCode")" 3
pod done 'exit 0' 'restartPolicy: OnFailure'
wait_for 20 gives Succeeded field done .status.phase
# The end of a container may come before anybody looks.
quick() { # N: are so many done?
	[ "$(k get pod --no-headers | grep -c '^quick.*Completed')" = "$1" ]
}
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	pod "quick$i" 'exit 0' 'restartPolicy: Never'
done
wait_for 30 quick 20
pod crash "echo x >> $W/times; wc -l < $W/times; exit 1"
wait_for 40 gives '1 CrashLoopBackOff' field crash \
    "$S.restartCount}{\" \"}{$S.state.waiting.reason"
is 'backing off, the log is of the last that ran' "$(k logs crash)" 2
is 'and so is the previous one' "$(k logs crash --previous)" 2
pod init 'cat /tmp/none.$PPID; exec sleep 1000' \
    'initContainers: [{name: i, image: host, command: [sh, -c, "echo first"]}]'
wait_for 20 gives Running field init .status.phase
is 'the init container came first' "$(k logs init -c i)" first

# ---- by name ----------------------------------------------------------------
pod bad 'sleep 100' 'shareProcessNamespace: true'
wait_for 20 gives Failed field bad .status.phase
like 'a pod that asks too much says what' "$(field bad .status.message)" \
    '*spec.shareProcessNamespace is not supported by this node*'
k run noargs --image=host --overrides \
    "{\"spec\":{\"nodeName\":\"$NODE\"}}" > /dev/null 2>&1
says() { # POD PATTERN: an event of it says so
	case $(k get events --field-selector "involvedObject.name=$1" \
	    -o 'jsonpath={.items[*].message}') in
	*"$2"*) return 0 ;;
	esac
	return 1
}
wait_for 20 says noargs 'has no entry point: command or args are needed'
k run args --image=host --overrides \
    "{\"spec\":{\"nodeName\":\"$NODE\"}}" -- echo from args > /dev/null 2>&1
wait_for 20 gives 'from args' k logs args
k run img --image=nothing/here --overrides \
    "{\"spec\":{\"nodeName\":\"$NODE\"}}" > /dev/null 2>&1
wait_for 20 gives ImagePullBackOff field img "$S.state.waiting.reason"
pod cfg 'echo $A; exec sleep 1000' '' \
    'env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}]'
wait_for 20 gives CreateContainerConfigError field cfg \
    "$S.state.waiting.reason"
k create configmap m --from-literal=k=there > /dev/null
wait_for 20 gives there k logs cfg

# ---- nothing is left -------------------------------------------------------
ok 'all deleted' k delete pod --all --timeout=60s
i=0
while [ $i -lt 20 ]; do
	i=$((i + 1))
	pod "many$i" 'trap "exit 0" TERM; while :; do sleep 0.2; done'
done
running() {
	[ "$(k get pod -l app=test --no-headers | grep -c ' Running ')" = 20 ]
}
wait_for 60 running
ok 'twenty pods deleted' k delete pod --all --timeout=60s
empty() {
	[ -z "$(ls "$DATA/pods")$(ls "$DATA/run/process")" ]
}
wait_for 20 empty
shims() {
	for e_c in /proc/[0-9]*; do
		tr '\0' ' ' 2> /dev/null < "$e_c/cmdline" |
		    grep "shim $DATA/"
	done
}
is 'no process is left' "$(shims)" ''
up_stop
is 'no connection is left open' "$(grep 'sockets open' "$UP_LOG")" ''
done_testing
