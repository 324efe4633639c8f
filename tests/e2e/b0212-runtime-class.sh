#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What a RuntimeClass puts into its pods: overhead, node selector, tolerations;
# and what a pod may not say beside it. Messages are the reference's.
. tests/lib/e2e.sh
need_kubectl
up_start
wait_for 20 k get serviceaccount default
k apply -f - > "$W/made" << 'E' || bail "$(cat "$W/made")"
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: heavy}
handler: process
overhead: {podFixed: {cpu: 250m, memory: 64Mi}}
scheduling:
  nodeSelector: {kind: heavy, zone: a}
  tolerations:
  - {key: heavy, operator: Exists}
  - {key: one, operator: Equal, value: x, effect: NoSchedule}
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: plain}
handler: process
E
pod() { # NAME CLASS MORE
	printf '%s\n' 'apiVersion: v1' 'kind: Pod' "metadata: {name: $1}" \
	    "spec: {runtimeClassName: $2, ${3:+$3, }" \
	    '    containers: [{name: c, image: x}]}' |
	    k create -f - > "$W/said" 2>&1
}
of() { # POD FIELD
	k get pod "$1" -o "jsonpath={.spec.$2}"
}
ok 'a pod of the class' pod p heavy
is 'gets its overhead' "$(of p overhead)" '{"cpu":"250m","memory":"64Mi"}'
is '... its node selector' "$(of p nodeSelector)" '{"kind":"heavy","zone":"a"}'
is '... its tolerations, beside those every pod has' \
    "$(k get pod p -o 'jsonpath={.spec.tolerations[*].key}')" \
    'node.kubernetes.io/not-ready node.kubernetes.io/unreachable heavy one'
ok 'a pod with its own' pod q heavy 'nodeSelector: {zone: a, disk: ssd},
    overhead: {memory: 64Mi, cpu: "0.25"},
    tolerations: [{key: one, operator: Exists}]'
is '... has both' "$(of q nodeSelector.disk) $(of q nodeSelector.kind)" \
    'ssd heavy'
like '... and no toleration twice' " $(k get pod q -o \
    'jsonpath={.spec.tolerations[*].key}') " '* heavy '
is '... but the wider one' "$(k get pod q -o \
    'jsonpath={.spec.tolerations[?(@.key=="one")].operator}')" Exists
ok 'a class that adds nothing' pod r plain
is '... adds nothing' "$(of r overhead)$(of r nodeSelector)" ''
no() { # CLAIM CLASS MORE MESSAGE
	fails "$1" pod x "$2" "$3"
	like '... and why' "$(cat "$W/said")" "*forbidden: $4*"
}
no 'no such class' none '' 'pod rejected: RuntimeClass "none" not found'
no 'another overhead' heavy 'overhead: {cpu: 1m}' \
    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
no 'an overhead the class does not have' plain 'overhead: {cpu: 1m}' \
    'pod rejected: Pod Overhead set without corresponding RuntimeClass defined'
no 'another node' heavy 'nodeSelector: {zone: b}' \
    'conflict: runtimeClass.scheduling.nodeSelector?zone? = a; pod.spec.*= b'
up_stop
done_testing
