#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a container is told: its host name, /etc/hosts with aliases, resolv.conf
# by dnsPolicy and dnsConfig, limits it has not set; and what it says last:
# terminationMessagePath and -Policy. With the runtime process, and as root oci.
. tests/lib/e2e.sh
need_kubectl
deadline 180
if ! sh scripts/demo-image.sh "$W/hello.tar" > "$W/demo.log" 2>&1; then
	skip busybox "$(cat "$W/demo.log")"
	done_testing
fi
pod() { # NAME < the rest of its spec
	{ printf '%s\n' 'apiVersion: v1' 'kind: Pod' "metadata: {name: $1}" \
	    'spec:' '  restartPolicy: Never'; sed 's/^/  /'; } |
	    k apply -f - > "$W/apply" 2>&1 || diag "$(cat "$W/apply")"
}
field() { # POD JSONPATH
	k get pod "$1" -o "jsonpath={$2}"
}
ended() { # POD
	case $(field "$1" .status.phase) in
	Succeeded | Failed) return 0 ;;
	esac
	return 1
}
T='.status.containerStatuses[0].state.terminated'
last() { # NAME COMMAND [FIELD [FIELD]]
	pod "$1" <<- E
	containers:
	- name: c
	  image: "hello:1"
	  command: [sh, -c, '$2']
	  ${3:-}
	  ${4:-}
	E
	wait_for 20 ended "$1"
}

round() { # RUNTIME
runtime=$1
sed "s/{ plugin = \"process\"; }/{ plugin = \"$runtime\"; }/" \
    conf/pintle.conf > "$W/my.conf"
DATA=$W/$runtime
up_start --node-name n1 --config "$W/my.conf"
"$PINTLE" image import --data "$DATA" "$W/hello.tar" > "$W/import" 2>&1 ||
    bail "$(cat "$W/import")"
wait_for 20 k get serviceaccount default
wait_for 20 k get configmap kube-root-ca.crt
diag "runtime $runtime"

# ---- names -----------------------------------------------------------------
pod names << 'E'
hostname: short
subdomain: sub
hostAliases: [{ip: 192.0.2.7, hostnames: [foo, bar]}]
dnsPolicy: None
dnsConfig:
  nameservers: [192.0.2.53]
  searches: [one.example, two.example]
  options: [{name: ndots, value: "3"}, {name: edns0}]
containers:
- {name: c, image: "hello:1", command: [cat, /etc/hosts, /etc/resolv.conf]}
- {name: d, image: "hello:1", command: [sh, -c, "echo $HOSTNAME; hostname"]}
E
wait_for 20 ended names
is 'it ends well' "$(field names '.status.phase}{.status.message')" Succeeded
out=$(k logs names -c c)
like 'hosts: kept by us' "$out" '# Kubernetes-managed hosts file.
127.0.0.1	localhost*'
ip=$(field names .status.podIP)
like '... the pod, by both its names' "$out" \
    "*$ip	short.sub.default.svc.cluster.local	short
*"
like '... and its aliases' "$out" '*
# Entries added by HostAliases.
192.0.2.7	foo	bar
*'
like 'resolv.conf: as dnsConfig says' "$out" '*search one.example two.example
nameserver 192.0.2.53
options ndots:3 edns0'
is 'HOSTNAME' "$(k logs names -c d | head -n 1)" short
[ $runtime != oci ] || is 'and the host name' \
    "$(k logs names -c d | tail -n 1)" short
pod node << 'E'
hostNetwork: true
dnsConfig: {searches: [more.example]}
containers:
- {name: c, image: "hello:1", command: [cat, /etc/hosts, /etc/resolv.conf]}
E
wait_for 20 ended node
out=$(k logs node)
like 'a pod of the node: hosts as the node' "$out" \
    '# Kubernetes-managed hosts file (host network).*'
like '... and its resolver, with what the pod adds' "$out" \
    '*search *more.example*'
ok 'a file of its own' k create configmap own --from-literal=hosts=mine
pod own << 'E'
volumes: [{name: v, configMap: {name: own}}]
containers:
- {name: c, image: "hello:1", command: [cat, /etc/hosts],
   volumeMounts: [{name: v, mountPath: /etc/hosts, subPath: hosts}]}
E
wait_for 20 ended own
is 'hosts mounted by the pod are its own' "$(k logs own)" mine
if [ $runtime = process ]; then
	pod host <<- 'E'
	hostAliases: [{ip: 192.0.2.7, hostnames: [foo]}]
	containers: [{name: c, image: host, command: ["true"]}]
	E
	wait_for 20 ended host
	like 'image host: the files are those of the node' \
	    "$(field host .status.message)" '*spec.hostAliases: image host*'
fi

# ---- a read-only root has its mounts, and its image stays as it was --------
pod ro << 'E'
containers:
- name: c
  image: hello:1
  command: [sh, -c, "cat /new/x /etc/hosts; echo > /y"]
  securityContext: {readOnlyRootFilesystem: true}
  volumeMounts: [{name: v, mountPath: /new}]
volumes: [{name: v, configMap: {name: own, items: [{key: hosts, path: x}]}}]
E
wait_for 20 ended ro
out=$(k logs ro)
like 'a read-only root has its mounts' "$out" 'mine# Kubernetes-managed*'
like '... and is read-only' "$out" '*/y: Read-only file system*'
pod after << 'E'
containers: [{name: c, image: "hello:1", command: [ls, /]}]
E
wait_for 20 ended after
case $(k logs after) in
*new*)	left=yes ;;
*)	left=no ;;
esac
is '... and nothing of it stays in the image' $left no

# ---- limits that are not set -----------------------------------------------
pod limits << 'E'
containers:
- name: c
  image: hello:1
  command: [sh, -c, "echo $CPU $MEM; cat /d/cpu"]
  env:
  - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
  - {name: MEM, valueFrom: {resourceFieldRef: {resource: limits.memory,
     divisor: 1Ki}}}
  volumeMounts: [{name: d, mountPath: /d}]
volumes:
- name: d
  downwardAPI: {items: [{path: cpu, resourceFieldRef: {containerName: c,
    resource: limits.cpu, divisor: 1m}}]}
E
wait_for 20 ended limits
cpu=$(k get node n1 -o 'jsonpath={.status.allocatable.cpu}')
mem=$(k get node n1 -o 'jsonpath={.status.allocatable.memory}')
is 'a limit that is not set is what the node has' "$(k logs limits)" \
    "$cpu ${mem%Ki}
${cpu}000"

# ---- last words ------------------------------------------------------------
last words 'printf DONE > /dev/termination-log'
is 'the last words' "$(field words $T.message)" DONE
user=
[ $runtime != oci ] || user='securityContext: {runAsUser: 10000}'
last path 'printf DONE > /dev/my-log; exit 3' \
    "terminationMessagePath: /dev/my-log" "$user"
is '... at a path of its own, of a user of its own' \
    "$(field path "$T.message") $(field path $T.exitCode)" 'DONE 3'
last quiet 'echo said; exit 1'
is 'nothing said, nothing told' "$(field quiet $T.message)" ''
P='terminationMessagePolicy: FallbackToLogsOnError'
last log 'echo said; printf more; exit 1' "$P"
is 'or the end of the log, as it was written' "$(field log $T.message | wc -c
    k logs log | wc -c)" '9
9'
last good 'echo said' "$P"
is '... not of one that ended well' "$(field good $T.message)" ''
last both 'echo said; printf words > /dev/termination-log; exit 1' "$P"
is '... nor of one that left words' "$(field both $T.message)" words
last long 'busybox seq 200; exit 1' "$P"
is '... 80 lines at most' "$(field long $T.message | head -n 1)" 121
last big 'busybox seq 1 9000 > /dev/termination-log'
is '4096 bytes at most' "$(($(field big $T.message | wc -c)))" 4096

# ---- the end: the first process is told, and tells its own -------------------
pod end << 'E'
containers:
- name: c
  image: hello:1
  command: [sh, -c, "trap 'echo first; kill $!; wait; exit 0' TERM;
   sh -c \"trap 'echo second' TERM; echo up; busybox tail -f /dev/null\" &
   wait"]
E
wait_for 20 gives up k logs end
bg "$KUBECTL_BIN" --cache-dir "$W/kc2" logs -f end
k delete pod end --grace-period=5 --timeout=30s > "$W/delete" 2>&1
poll 10 e_ended "$BG_PID"
is 'SIGTERM goes to the first process alone' "$(sed -n '1,2p' "$BG_LOG")" \
    'up
first'

# ---- what a node without it need not honour --------------------------------
if [ ! -e /sys/fs/selinux/enforce ]; then
	last label 'echo ran' 'securityContext: {seLinuxOptions: {level: s0}}'
	is 'a label of SELinux, where there is none' \
	    "$(field label .status.phase)" Succeeded
fi
k delete pods --all --timeout=30s > "$W/delete" 2>&1
up_stop
}

round process
[ "$(id -u)" != 0 ] || ! command -v crun > /dev/null || round oci
done_testing
