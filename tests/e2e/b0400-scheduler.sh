#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0400-scheduler -- pods get nodes, and when they do not, kubectl describe
# says why; nodes are objects made by kubectl, nothing runs on them.
. tests/lib/e2e.sh
need_kubectl

deadline 240
no_node
up_start --config "$W/pintle.conf"
wait_for 30 k get serviceaccount default

node() { # NAME CPU MEMORY [LABEL: VALUE]
	k create -f - <<- EOF
	{ apiVersion: v1, kind: Node,
	  metadata: { name: $1, labels: { ${4:-} } } }
	EOF
	k patch node "$1" --subresource=status --type=merge -p \
	    "{\"status\":{\"allocatable\":{\"cpu\":\"$2\",\"memory\":\"$3\",
	    \"pods\":\"10\"},\"capacity\":{\"cpu\":\"$2\",\"memory\":\"$3\",
	    \"pods\":\"10\"},\"conditions\":[{\"type\":\"Ready\",
	    \"status\":\"True\"}]}}"
	k taint node "$1" node.kubernetes.io/not-ready:NoSchedule- || :
}
pod() { # NAME CPU [MORE-OF-SPEC]
	k create -f - <<- EOF
	{ apiVersion: v1, kind: Pod, metadata: { name: $1 },
	  spec: { containers: [ { name: c, image: i,
	    resources: { requests: { cpu: "$2" } } } ] ${3:-} } }
	EOF
}
at() { # POD: the node it has
	k get pod "$1" -o 'jsonpath={.spec.nodeName}'
}
placed() { # POD: it has one
	[ -n "$(at "$1")" ]
}
told() { # POD TEXT: describe says so
	k describe pod "$1" | tr -s ' \n' ' ' | grep -F "$2"
}
reason() { # POD
	k get pod "$1" -o \
	    'jsonpath={.status.conditions[?(@.type=="PodScheduled")].message}'
}

ok 'a pod without any node' pod early 100m
wait_for 20 told early 'default-scheduler no nodes available to schedule pods'
ok 'a node of 2 cpus' node n1 2 4Gi 'disk: ssd'
wait_for 30 gives n1 at early
wait_for 10 told early \
    'default-scheduler Successfully assigned default/early to n1'
is 'and its condition is True' "$(k get pod early -o \
    'jsonpath={.status.conditions[?(@.type=="PodScheduled")].status}')" True

# Room.
ok 'a pod that asks for more than is left' pod big 2
wait_for 20 told big '0/1 nodes are available: 1 Insufficient cpu.'
NO_VICTIMS='1 No preemption victims found for incoming pod.'
is 'its condition says the same' "$(reason big)" "0/1 nodes are available: 1 \
Insufficient cpu. preemption: 0/1 nodes are available: $NO_VICTIMS"
is 'it is Unschedulable' "$(k get pod big -o \
    'jsonpath={.status.phase} {.status.conditions[0].reason}')" \
    'Pending Unschedulable'
ok 'the other one goes' k delete pod early --force --grace-period=0
wait_for 30 gives n1 at big

# Cordon and taint.
ok 'a second node' node n2 4 4Gi
ok 'cordoned' k cordon n2
ok 'a pod for it' pod c1 1
wait_for 20 told c1 \
    '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.'
ok 'uncordoned' k uncordon n2
wait_for 30 gives n2 at c1
ok 'a taint' k taint node n2 team=a:NoSchedule
ok 'a pod that does not tolerate it' pod t1 1
ok 'one that does' pod t2 1 \
    ', tolerations: [ { key: team, value: a, effect: NoSchedule } ]'
wait_for 30 gives n2 at t2
wait_for 20 told t1 '1 Insufficient cpu, 1 node(s) had untolerated taint(s).'
ok 'the taint goes' k taint node n2 team:NoSchedule-
wait_for 30 gives n2 at t1

# Affinity.
ok 'a pod for a label nobody has' pod a1 100m ', nodeSelector: { disk: tape }'
wait_for 20 told a1 "0/2 nodes are available: 2 node(s) didn't match Pod's \
node affinity/selector."
ok 'a node gets it' k label node n2 disk=tape
wait_for 30 gives n2 at a1

# Other pods.
ok 'a pod on n1' pod p1 0 ', nodeSelector: { kubernetes.io/hostname: n1 }'
k label nodes n1 kubernetes.io/hostname=n1 > "$W/out"
k label nodes n2 kubernetes.io/hostname=n2 > "$W/out"
wait_for 20 gives n1 at p1
ok 'is labelled' k label pod p1 app=one
APART=', affinity: { podAntiAffinity: {
	requiredDuringSchedulingIgnoredDuringExecution: [ {
	topologyKey: kubernetes.io/hostname,
	labelSelector: { matchLabels: { app: one } } } ] } }'
ok 'one that keeps away from it' pod p2 0 "$APART"
wait_for 20 gives n2 at p2
ok 'with that label, too' k label pod p2 app=one
ok 'another finds no place' pod p3 0 "$APART"
wait_for 20 told p3 "2 node(s) didn't match pod anti-affinity rules."
ok 'the first one leaves' k delete pod p1 --force --grace-period=0
wait_for 20 gives n1 at p3
port() { # NAME
	k create -f - <<- EOF
	{ apiVersion: v1, kind: Pod, metadata: { name: $1 }, spec: {
	  containers: [ { name: c, image: i, ports: [
	  { containerPort: 80, hostPort: 8080 } ] } ] } }
	EOF
}
ok 'a host port' port h1
ok 'a second one' port h2
wait_for 20 placed h2
ok 'a third for two nodes' port h3
wait_for 20 told h3 "2 node(s) didn't have free ports for the requested pod"

# What nobody honours is named.
ok 'a pod with a claim' pod v1 1m ', volumes: [ { name: v,
	persistentVolumeClaim: { claimName: c } } ]'
wait_for 20 told v1 'spec.volumes.persistentVolumeClaim is used by the pod'
ok "another scheduler's pod" pod o1 1m ', schedulerName: mine'
ok 'a gated pod' pod g1 1m ', schedulingGates: [ { name: a.b/c } ]'
ok 'a pod after them' pod last 1m
wait_for 30 placed last
is 'is left alone' "$(at o1)$(k get events -o name \
    --field-selector involvedObject.name=o1)" ''
is 'so is the gated one' "$(at g1)" ''
ok 'the gate opens' k patch pod g1 --type=json -p \
    '[{"op":"remove","path":"/spec/schedulingGates"}]'
wait_for 30 placed g1

# A restart: everything comes from the API server.
up_stop
up_start --config "$W/pintle.conf"
ok 'a pod that only fits if others are counted' pod r1 3
wait_for 20 told r1 '0/2 nodes are available: 2 Insufficient cpu.'
ok 'n2 goes' k delete node n2
wait_for 20 told r1 '0/1 nodes are available: 1 Insufficient cpu.'
ok 'a third node' node n3 4 1Gi
wait_for 30 gives n3 at r1
up_stop
done_testing
