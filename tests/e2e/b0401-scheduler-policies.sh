#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0401-scheduler-policies -- a policy that leaves the configuration takes its
# behaviour with it, in a running server; an admission plugin that refuses
# everything also stops the scheduler; many pods at once.
. tests/lib/e2e.sh
need_kubectl

deadline 240
# (Without a runtime and a network this node runs no pods of its own.)
conf() { # CUT ADDED-ADMISSION: pintle.conf without the lines CUT names
	sed -e "/plugin = \"$1\"/d" -e '/^runtimes = /,/^);/d' \
	    -e '/^network = /d' \
	    -e "s|^admission = (|&\n$2|" conf/pintle.conf > "$W/pintle.conf"
}
reload() {
	e_was=$(grep -c 'configuration reloaded' "$UP_LOG")
	conf "$@"
	kill -HUP "$UP_PID"
	wait_for 10 more_reloads
}
more_reloads() {
	[ "$(grep -c 'configuration reloaded' "$UP_LOG")" -gt "$e_was" ]
}
node() { # NAME PODS
	k create -f - <<- EOF
	{ apiVersion: v1, kind: Node, metadata: { name: $1 } }
	EOF
	k patch node "$1" --subresource=status --type=merge -p \
	    "{\"status\":{\"allocatable\":{\"cpu\":\"8\",\"memory\":\"8Gi\",
	    \"pods\":\"$2\"}}}"
	k taint node "$1" node.kubernetes.io/not-ready:NoSchedule- || :
}
pod() { # NAME [MORE-OF-SPEC]
	k create -f - <<- EOF
	{ apiVersion: v1, kind: Pod, metadata: { name: $1 },
	  spec: { containers: [ { name: c, image: i } ] ${2:-} } }
	EOF
}
at() {
	k get pod "$1" -o 'jsonpath={.spec.nodeName}'
}
told() { # POD TEXT
	k describe pod "$1" | tr -s ' \n' ' ' | grep -F "$2"
}

conf none ''
up_start --config "$W/pintle.conf"
wait_for 30 k get serviceaccount default
ok 'a node' node n1 600

ok 'it is cordoned' k cordon n1
ok 'a pod' pod a
wait_for 20 told a '1 node(s) were unschedulable.'
reload 'node-unschedulable' ''
# (A node lifecycle controller makes a taint of the cordon, too.)
k taint node n1 node.kubernetes.io/unschedulable:NoSchedule- > /dev/null 2>&1
wait_for 20 gives n1 at a
ok 'and back' k uncordon n1
reload none ''

ok 'a taint' k taint node n1 t=1:NoSchedule
ok 'a pod' pod b
wait_for 20 told b '1 node(s) had untolerated taint(s).'
reload taint-toleration ''
wait_for 20 gives n1 at b
ok 'the taint goes' k taint node n1 t:NoSchedule-

reload node-affinity ''
ok 'a pod with a selector' pod c ', nodeSelector: { a: b }'
wait_for 20 told c 'spec.nodeSelector is used by the pod and no configured'
ok 'a label' k label node n1 a=b
reload none ''
wait_for 20 gives n1 at c

# Refused bindings are tried again: the scheduler asks for admission like
# everybody else.
T=$PIN_BUILD/tests/plugins/admission
reload none "{ plugin = \"refuse-binding\"; file = \"$T/refuse-binding.so\"; },"
ok 'a pod that nobody may bind' pod d
wait_for 20 told d 'binding rejected: '
like 'says who refuses' "$(out)" '*no binding today*'
is 'has no node' "$(at d)" ''
reload none ''
wait_for 30 gives n1 at d

# Many.
i=0
: > "$W/many.json"
while [ $i -lt 500 ]; do
	i=$((i + 1))
	printf '{%s,"metadata":{"name":"m%d"},"spec":%s}\n' \
	    '"apiVersion":"v1","kind":"Pod"' $i \
	    '{"containers":[{"name":"c","image":"i"}]}'
done > "$W/many.json"
ok '500 pods' k create -f "$W/many.json"
all_bound() {
	[ "$(k get pods -o \
	    'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' |
	    grep -c '^n1$')" -ge 504 ]
}
wait_for 60 all_bound
up_stop
done_testing
