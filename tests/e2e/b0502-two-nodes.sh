#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0502-two-nodes -- a second node joins a running control plane, on the same
# host: both are Ready, pods are spread, logs come from both, a drained node is
# empty, Services are served while either agent lives. In a network of its own.
. tests/lib/e2e.sh
need_kubectl
own_network "$0"
deadline 180
need_cmd curl
CLUSTER_IPS=1

up_start --node-name n1
SECOND=$W/second.kubeconfig
fails 'a name that is none' "$PINTLE" node config N_2 "$SECOND" \
    --data "$DATA"
like 'is named' "$(out)" "*'N_2' is no name for a node*"
fails 'no API server there' "$PINTLE" node config n2 "$SECOND" \
    --data "$W/none" --server https://192.0.2.10:1
like 'what is missing is named' "$(out)" '*none/pki/ca.crt*'
fails 'a server without an address' "$PINTLE" node config n2 "$SECOND" \
    --data "$DATA" --server https://example.com
like 'what is needed is said' "$(out)" '*https://ADDRESS:PORT is needed*'
ok 'what node n2 needs' "$PINTLE" node config n2 "$SECOND" \
    --data "$DATA" --server "https://192.0.2.10:${UP_LISTEN#*:}"
is 'is for its owner only' "$(stat -c %a "$SECOND")" 600
second() {
	bg "$PINTLE" kubelet --data "$W/n2" --kubeconfig "$SECOND" \
	    --node-name n2 --config "$E_CONFIG"
	N2=$BG_PID
	N2_LOG=$BG_LOG
}
second

ready() { # NODE
	k get node "$1" -o \
	    'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
}
wait_for 20 gives True ready n1
wait_for 20 gives True ready n2
wait_for 20 k get serviceaccount default
wait_for 10 gives '' k get nodes -o 'jsonpath={.items[*].spec.taints}'

# ---- pods
cat > "$W/web.yaml" <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: c
        image: host
        command: [sh, -c, 'echo I am $NAME; exec sleep 1000']
        env: [{name: NAME, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
Y
ok 'a Deployment' k apply -f "$W/web.yaml"
ok 'is rolled out' k rollout status deployment web --timeout=60s
spread() { # how many pods run on n1, on n2
	k get pods -l app=web -o wide --no-headers | awk '
	    $3 == "Running" { print $7 }' | sort | uniq -c |
	    awk '{ printf "%s%s:%s", (NR > 1 ? " " : ""), $2, $1 }'
}
is 'over both nodes' "$(spread)" 'n1:2 n2:2'
one_of() { # NODE
	k get pods -l app=web --field-selector "spec.nodeName=$1" \
	    -o 'jsonpath={.items[0].metadata.name}'
}
ON1=$(one_of n1)
ON2=$(one_of n2)
wait_for 10 gives 'I am n1' k logs "$ON1"
wait_for 10 gives 'I am n2' k logs "$ON2"
bg "$KUBECTL_BIN" --cache-dir "$W/kc2" logs -f "$ON2"
FOLLOW=$BG_LOG
wait_for 10 grep -q 'I am n2' "$FOLLOW"

# The agent answers nobody but the API server.
PORT2=$(k get node n2 -o \
    'jsonpath={.status.daemonEndpoints.kubeletEndpoint.Port}')
e_creds
code() {
	curl -sSk -o /dev/null -w '%{http_code}' --max-time 5 "$@" \
	    "https://192.0.2.10:$PORT2/containerLogs/default/$ON2/c"
}
is 'nobody' "$(code)" 401
is 'not even the admin' "$(code --cert "$W/cert.pem" --key "$W/key.pem")" 403

# ---- an agent is killed
ok 'the second agent is killed' kill -9 $N2
fails 'its logs are out of reach' k logs "$ON2"
like 'which is said' "$(out)" '*node agent*'
is 'those of the first are not' "$(k logs "$ON1")" 'I am n1'
second
wait_for 20 gives 'I am n2' k logs "$ON2"
is 'its containers went on' "$(k get pod "$ON2" \
    -o 'jsonpath={.status.containerStatuses[0].restartCount}')" 0

# ---- Services: both serve them, and are not in each other's way
ok 'the API server at a node port' k patch service kubernetes -n default \
    -p '{"spec":{"type":"NodePort"}}'
NP=$(k get service kubernetes -n default \
    -o 'jsonpath={.spec.ports[0].nodePort}')
healthz() { # ADDR:PORT
	curl -sS --cacert "$W/ca.pem" --max-time 5 "https://$1/healthz"
}
wait_for 10 gives ok healthz "192.0.2.10:$NP"
wait_for 10 gives ok healthz 10.96.0.1:443
one_each() {
	[ "$(ip -o link | grep -c ': pin')" = 2 ]
}
wait_for 10 one_each
named() { # by the one that came second
	grep "node port $NP of service default/kubernetes" "$N2_LOG" "$UP_LOG"
}
wait_for 20 named
agent() {
	for e_c in /proc/[0-9]*; do
		tr '\0' ' ' 2> /dev/null < "$e_c/cmdline" |
		    grep -q "kubelet --data $DATA " && echo "${e_c#/proc/}"
	done
}
ok 'the first agent stops' kill -STOP "$(agent)"
ok 'the first agent ends' kill -9 "$(agent)"
wait_for 20 gives ok healthz "192.0.2.10:$NP"
wait_for 20 gives ok healthz 10.96.0.1:443

# ---- drain
wait_for 20 gives True ready n1
ok 'cordon' k cordon n2
ok 'drain' k drain n2 --timeout=60s
wait_for 30 gives n1:4 spread
is 'who followed was told of the cut' "$(cat "$FOLLOW")" 'I am n2
error: unexpected EOF'
ok 'uncordon' k uncordon n2
ok 'more pods' k scale deployment web --replicas=8
wait_for 30 gives 'n1:4 n2:4' spread
ok 'all deleted' k delete deployment web
gone() {
	[ -z "$(ls "$W/n2/pods" "$DATA/pods" | grep -v :)" ]
}
wait_for 30 gone
ok 'the second agent stops' kill $N2
poll 20 e_ended $N2
is 'and leaves no device' "$(ip -o link | grep -c ': pin')" 1
is 'the first one serves' "$(healthz 10.96.0.1:443)" ok
up_stop
done_testing
