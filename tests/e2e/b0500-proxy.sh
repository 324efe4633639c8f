#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0500-proxy -- node ports reach what EndpointSlices name, and follow them:
# kubectl and curl, servers that run outside the cluster.
. tests/lib/e2e.sh
need_kubectl

need_cmd curl
b=${PIN_BUILD#"$PWD"/}
unset MAKEFLAGS MFLAGS MAKELEVEL
make -s B="$b" "$b/tests/kinds/proxy" > "$W/make.log" 2>&1 ||
    bail "$(tail -5 "$W/make.log")"
up_start
NODE=$(k get endpointslice kubernetes -n default \
    -o 'jsonpath={.endpoints[0].addresses[0]}')
like 'the API server is an endpoint' "$NODE" '*.*.*.*'

# The proxy is part of the node agent, with an identity of its own.
who() { # CONTEXT-ARG...
	KUBECONFIG=$DATA/node.kubeconfig k "$@" auth whoami \
	    -o 'jsonpath={.status.userInfo.username}'
}
is 'the proxy asks as itself' "$(who --context proxy)" system:kube-proxy
like 'and the agent as its node' "$(who)" 'system:node:*'

server() { # WORD: its port in PORT
	port
	bg "$PIN_BUILD/tests/kinds/proxy" serve "$NODE" "$PORT" "$1"
	poll 10 grep -q serving "$BG_LOG" || bail "no server at $NODE:$PORT"
}
endpoints() { # NAME LABEL PORT...: a slice a port, the old ones gone
	e_name=$1 e_svc=$2 e_i=0
	shift 2
	k delete endpointslice -l "t=$e_name" > "$W/del" 2>&1
	for e_p in "$@"; do
		e_i=$((e_i + 1))
		k apply -f - > "$W/apply" 2>&1 <<-YAML || cat "$W/apply"
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata:
		  name: $e_name-$e_i
		  labels: {kubernetes.io/service-name: $e_svc, t: $e_name}
		addressType: IPv4
		ports: [{name: http, protocol: TCP, port: $e_p}]
		endpoints: [{addresses: ["$NODE"]}]
		YAML
	done
}
get() { # PORT
	curl -sS --max-time 5 "http://127.0.0.1:$1/"
}
refused() { # PORT
	curl -sS --max-time 5 -o /dev/null "http://127.0.0.1:$1/"
	[ $? = 7 ]
}
service() { # NAME NODEPORT [SPEC]
	k apply -f - <<-YAML
	apiVersion: v1
	kind: Service
	metadata: {name: $1}
	spec:
	  type: NodePort
	  ports: [{name: http, port: 80, nodePort: $2}]
	  ${3:-}
	YAML
}
node_port() { # one that nobody listens on, in NP
	E_PORT=$((30000 + ($$ + 37 * ${E_NP:=0}) % 2700))
	E_NP=$((E_NP + 1))
	port
	NP=$PORT
	E_PORT=$((20000 + ($$ + 41 * E_NP) % 9000))
}

server one
ONE=$PORT
server two
TWO=$PORT
node_port
WEB=$NP
node_port
OTHER=$NP
ok 'a Service' service web "$WEB"
ok 'refused while it has no endpoints' refused "$WEB"
endpoints web web "$ONE"
wait_for 10 gives one get "$WEB"
is 'on every address' "$(curl -sS --max-time 5 "http://$NODE:$WEB/")" one
endpoints web web "$TWO"
wait_for 10 gives two get "$WEB"

both() {
	e_got=$(for e_i in 1 2 3 4 5 6; do get "$WEB"; echo; done |
	    sort -u | tr '\n' ' ')
	echo "$e_got"
	[ "$e_got" = 'one two ' ]
}
endpoints web web "$ONE" "$TWO"
wait_for 10 both

port
DEAD=$PORT
ok 'one that stays with its client' service web "$WEB" \
    'sessionAffinity: ClientIP'
same() {
	e_got=$(for e_i in 1 2 3 4 5 6; do get "$WEB"; echo; done | sort -u)
	[ "$e_got" = one ] || [ "$e_got" = two ]
}
wait_for 10 same

endpoints web web "$DEAD" "$TWO"
wait_for 10 same
is 'an endpoint that refuses is passed over' "$(for i in 1 2 3 4 5 6; do
    get "$WEB"; done)" twotwotwotwotwotwo

# A port somebody else has: the others are served, and it is named.
bg "$PIN_BUILD/tests/kinds/proxy" serve 127.0.0.1 "$OTHER" squatter
poll 10 grep -q serving "$BG_LOG" || bail "no server at $OTHER"
ok 'a Service at a port that is taken' service other "$OTHER"
endpoints other other "$ONE"
named() {
	grep "node port $OTHER of service default/other port http" "$UP_LOG"
}
wait_for 10 named
is 'the other one is served' "$(get "$WEB")" two
kill "$BG_PID"
wait_for 20 gives one get "$OTHER"

# Who decides that nothing is served on another node is this node's name.
ok 'external traffic for local pods only' k patch service other -p \
    '{"spec":{"externalTrafficPolicy":"Local"}}'
wait_for 10 refused "$OTHER"
ok 'an endpoint here' k patch endpointslice other-1 --type json -p \
    "[{\"op\":\"add\",\"path\":\"/endpoints/0/nodeName\",\"value\":\"$(
    hostname | tr A-Z a-z)\"}]"
wait_for 10 gives one get "$OTHER"

# The API server through a port of its own Service, which has no selector.
ok 'the API server at a node port' k patch service kubernetes -n default \
    -p '{"spec":{"type":"NodePort"}}'
API=$(k get service kubernetes -n default \
    -o 'jsonpath={.spec.ports[0].nodePort}')
healthz() {
	curl -sSk --max-time 5 "https://127.0.0.1:$API/healthz"
}
wait_for 10 gives ok healthz

# It lives and dies with the agent; the API server does not care.
agent() {
	for e_c in /proc/[0-9]*; do
		tr '\0' ' ' 2> /dev/null < "$e_c/cmdline" |
		    grep -q "kubelet --data $DATA " && echo "${e_c#/proc/}"
	done
}
AGENT=$(agent)
ok 'the node agent is killed' kill -9 "$AGENT"
again() {
	[ -n "$(agent)" ] && [ "$(agent)" != "$AGENT" ] &&
	    [ "$(get "$WEB")" = two ]
}
wait_for 20 again

ok 'a Service is deleted' k delete service web
wait_for 10 refused "$WEB"
is 'the other one is there' "$(get "$OTHER")" one
up_stop
ok 'a stopped node serves nothing' refused "$OTHER"
up_start
wait_for 10 gives one get "$OTHER"
up_stop
done_testing
