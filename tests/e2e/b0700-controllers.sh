#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What the controllers make of kubectl's wishes: rollouts, EndpointSlices,
# deletions with all three cascades, namespaces. No kubelet here: pods become
# ready by hand.
. tests/lib/e2e.sh
need_kubectl
deadline 240
need_cmd kubectl
need_cmd curl
up_start

# Every pod of a label gets an address and is ready, until told otherwise.
ready_json() { # LAST BYTE OF ITS ADDRESS
	cat <<-Y
	{"status": {"phase": "Running", "podIP": "10.1.0.$1",
	 "podIPs": [{"ip": "10.1.0.$1"}],
	 "conditions": [{"type": "Ready", "status": "True",
	  "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}
	Y
}
IP=1
PENDING='{{range .items}}{{if eq .status.phase "Pending"}}{{.metadata.name}}
{{end}}{{end}}'
make_ready() { # NAMESPACE LABEL
	for p in $(k get pods -n "$1" -l "$2" -o "go-template=$PENDING"); do
		IP=$((IP + 1))
		k patch pod "$p" -n "$1" --subresource=status --type=merge \
		    -p "$(ready_json $IP)" > /dev/null 2>&1
	done
}
keep_ready() { # NAMESPACE LABEL: in the background
	k get pods -n "$1" -l "$2" --watch -o name 2> /dev/null |
	    while read -r _; do make_ready "$1" "$2"; done
}
left() { # what is there, as one line
	k get rs,pods -n "$1" -l "$2" -o name | tr '\n' ' '
}
STAYS='{{range .items}}{{if not .metadata.deletionTimestamp}}x{{end}}{{end}}'
pods() { # NAMESPACE LABEL: how many are not on their way out
	k get pods -n "$1" -l "$2" -o "go-template=$STAYS"
}
web() { # JSONPATH: of the Deployment
	k get deploy web -n shop -o "jsonpath={$1}"
}
reason() { # DEPLOYMENT CONDITION
	k get deploy "$1" -n shop -o go-template="$(cat <<-Y
	{{range .status.conditions}}{{if eq .type "$2"}}{{.status -}}
	/{{.reason}}{{end}}{{end}}
	Y
	)"
}
ns_says() { # CONDITION MEMBER
	k get ns held -o "jsonpath={.status.conditions[?(@.type==\"$1\")].$2}"
}
slice_ips() {
	k get endpointslices -n shop -l kubernetes.io/service-name=web \
	    -o 'jsonpath={.items[*].endpoints[*].conditions.ready}'
}
rs_replicas() {
	k get rs -n shop -l app=web -o \
	    'jsonpath={.items[*].spec.replicas}' | tr ' ' '\n' | sort |
	    tr '\n' ' '
}

ok 'a namespace can be made' k create namespace shop
wait_for 2 k get serviceaccount default -n shop
wait_for 2 k get configmap kube-root-ca.crt -n shop
ok 'the default service account can be deleted' \
    k delete serviceaccount default -n shop
wait_for 1 k get serviceaccount default -n shop
ok 'so can the certificate' k delete configmap kube-root-ca.crt -n shop
wait_for 1 k get configmap kube-root-ca.crt -n shop
ok 'and changed' k patch configmap kube-root-ca.crt -n shop --type=merge \
    -p '{"data":{"ca.crt":"none","more":"x"}}'
wait_for 1 gives '' k get configmap kube-root-ca.crt -n shop \
    -o 'jsonpath={.data.more}'

# ---- rollouts
ok 'a Deployment can be made' k create deployment web --image=one \
    --replicas=4 -n shop
wait_for 5 gives xxxx pods shop app=web
keep_ready shop app=web &
E_PIDS="$! $E_PIDS"
ok 'it becomes available' k rollout status deployment/web -n shop --timeout=20s
is 'and says so' "$(web .status.readyReplicas)" 4
is 'of all' "$(web .status.updatedReplicas)" 4
is 'and has seen the one generation' "$(web .status.observedGeneration)" 1
is 'with its reason' "$(reason web Progressing)" True/NewReplicaSetAvailable
ok 'it is exposed' k expose deployment web --port=80 --target-port=8080 -n shop
wait_for 5 gives 'true true true true' slice_ips
ok 'it can be scaled' k scale deployment web --replicas=6 -n shop
wait_for 20 gives 'true true true true true true' slice_ips
ok 'and back' k scale deployment web --replicas=2 -n shop
wait_for 5 gives 'true true' slice_ips
ok 'a new image' k set image deployment/web '*=two' -n shop
ok 'rolls out' k rollout status deployment/web -n shop --timeout=30s
wait_for 5 gives '0 2 ' rs_replicas
REVISION='.metadata.annotations.deployment\.kubernetes\.io/revision'
is 'as revision 2' "$(web "$REVISION")" 2
k annotate deployment web -n shop kubernetes.io/change-cause=second > /dev/null
history_has() {
	k rollout history deployment/web -n shop | grep -q "$1"
}
wait_for 5 history_has second
ok 'it can be undone' k rollout undo deployment/web -n shop
ok 'which rolls out' k rollout status deployment/web -n shop --timeout=30s
is 'the old image is back' \
    "$(web '.spec.template.spec.containers[0].image')" one
wait_for 5 gives 3 web "$REVISION"
is 'in its old ReplicaSet' "$(k get rs -n shop -l app=web -o name | wc -l |
    tr -d ' ')" 2
ok 'a rollout can be paused' k rollout pause deployment/web -n shop
wait_for 5 gives Unknown/DeploymentPaused reason web Progressing
ok 'an image set meanwhile' k set image deployment/web '*=three' -n shop
wait_for 5 gives "$(web .metadata.generation)" web .status.observedGeneration
is 'waits' "$(k get rs -n shop -l app=web -o name | wc -l | tr -d ' ')" 2
is 'and no revision is counted' "$(web "$REVISION")" 3
ok 'scaling a paused one' k scale deployment web --replicas=3 -n shop
wait_for 10 gives xxx pods shop app=web
ok 'resumed' k rollout resume deployment/web -n shop
ok 'it rolls out' k rollout status deployment/web -n shop --timeout=30s
wait_for 5 gives '0 0 3 ' rs_replicas
ok 'old ones above the limit go' k patch deployment web -n shop \
    -p '{"spec":{"revisionHistoryLimit":1}}'
wait_for 5 gives '0 3 ' rs_replicas
rv() {
	k get deploy,rs -n shop -o \
	    'jsonpath={.items[*].metadata.resourceVersion}'
}
V=$(rv)
k get --raw /readyz > /dev/null
poll 3 false
is 'when nothing happens nothing is written' "$(rv)" "$V"

# ---- one that never gets there
ok 'a Deployment with a deadline' k apply -f - <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: late, namespace: shop}
spec:
  replicas: 1
  progressDeadlineSeconds: 2
  strategy: {type: Recreate}
  selector: {matchLabels: {app: late}}
  template:
    metadata: {labels: {app: late}}
    spec: {containers: [{name: c, image: x}]}
Y
wait_for 10 gives False/ProgressDeadlineExceeded reason late Progressing

# ---- one that may not have its pods
ok 'a Deployment with a service account that is not there' k apply -f - <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: refused, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: refused}}
  template:
    metadata: {labels: {app: refused}}
    spec: {serviceAccountName: later, containers: [{name: c, image: x}]}
Y
wait_for 10 gives True/FailedCreate reason refused ReplicaFailure
set_says() {
	k get rs -n shop -l app=refused -o go-template='{{range .items}}{{range
	.status.conditions}}{{.reason}}: {{.message}}{{end}}{{end}}'
}
like 'its ReplicaSet says why' "$(set_says)" \
    'FailedCreate: pods "refused-*" is forbidden: error looking up service *'
told() {
	k describe rs -n shop -l app=refused | tr -s ' \n' ' ' |
	    grep -q 'Warning FailedCreate .* Error creating: pods "refused-'
}
wait_for 10 told
ok 'the account comes' k create serviceaccount later -n shop
wait_for 30 gives xxx pods shop app=refused
wait_for 10 gives '' reason refused ReplicaFailure
is 'nothing is left of it' "$(set_says)" ''

# ---- Endpoints
ok 'a Service' k expose deployment refused --name=eps --port=80 -n shop
eps() {
	k get endpoints eps -n shop --ignore-not-found \
	    -o "jsonpath={$1}" 2> "$W/deprecated"
}
wait_for 5 gives eps eps .metadata.name
make_ready shop app=refused
three_ips() {
	[ "$(eps '.subsets[*].addresses[*].ip' | wc -w)" = 3 ]
}
wait_for 5 three_ips
ok 'the Service goes' k delete service eps -n shop
wait_for 5 gives '' eps .metadata.name

# ---- adoption and release
P=$(k get pods -n shop -l app=late -o name)
ok 'a pod that leaves by its label' k label -n shop "$P" app=free --overwrite
wait_for 5 gives '' k get -n shop "$P" -o 'jsonpath={.metadata.ownerReferences}'
wait_for 5 gives x pods shop app=late
ok 'and comes back' k label -n shop "$P" app=late --overwrite
wait_for 5 gives x pods shop app=late

# ---- cascades
for c in background foreground orphan; do
	k create deployment "d-$c" --image=a --replicas=3 -n shop > /dev/null
	wait_for 5 gives xxx pods shop "app=d-$c"
	ok "deleted with cascade $c" \
	    k delete deployment "d-$c" -n shop --cascade=$c --timeout=10s
done
wait_for 3 gives '' left shop app=d-background
wait_for 3 gives '' left shop app=d-foreground
wait_for 3 gives '' k get rs -n shop -l app=d-orphan -o \
    'jsonpath={.items[*].metadata.ownerReferences}'
is 'orphans stay' "$(left shop app=d-orphan | wc -w | tr -d ' ')" 4
ok 'a Deployment of the same name' k create deployment d-orphan --image=a \
    --replicas=3 -n shop
wait_for 5 gives Deployment k get rs -n shop -l app=d-orphan -o \
    'jsonpath={.items[*].metadata.ownerReferences[*].kind}'
is 'takes them' "$(left shop app=d-orphan | wc -w | tr -d ' ')" 4

# ---- owners that are not there
owned() { # NAME UID
	k create -n shop -f - > /dev/null <<Y
apiVersion: v1
kind: ConfigMap
metadata:
  name: $1
  ownerReferences:
  - {apiVersion: v1, kind: ConfigMap, name: kube-root-ca.crt, uid: $2}
Y
}
U=$(k get cm kube-root-ca.crt -n shop -o 'jsonpath={.metadata.uid}')
owned kept "$U"
owned lost 00000000-0000-0000-0000-000000000000
wait_for 5 gives '' k get cm lost -n shop --ignore-not-found
is 'an owner of another uid is none' "$(k get cm kept -n shop -o name)" \
    configmap/kept
O=$(k get cm kube-root-ca.crt -n default -o 'jsonpath={.metadata.uid}')
owned across "$O"
wait_for 5 gives '' k get cm across -n shop --ignore-not-found
event_has() {
	k get events -n shop -o 'jsonpath={.items[*].reason}' | grep -q "$1"
}
wait_for 5 event_has OwnerRefInvalidNamespace

# ---- the namespace
T=$(date +%s%N)
ok 'the namespace is deleted' k delete namespace shop --timeout=20s
MS=$((($(date +%s%N) - T) / 1000000))
diag "that took $MS ms"
ok 'within three seconds' [ $MS -lt 3000 ]
fails 'and is gone' k get namespace shop
k create namespace held > /dev/null
k create -n held -f - > /dev/null <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: held, finalizers: [example.com/mine]}
Y
k delete namespace held --wait=false > /dev/null
wait_for 5 gives SomeFinalizersRemain ns_says NamespaceFinalizersRemaining \
    reason
like 'it says what remains' "$(ns_says NamespaceContentRemaining message)" \
    'Some resources are remaining: configmaps. has 1 resource instances'
like 'and what holds it' "$(ns_says NamespaceFinalizersRemaining message)" \
    '*example.com/mine in 1 resource instances'
api POST /api/v1/namespaces/held/configmaps \
    -H 'Content-Type: application/json' \
    -d '{"metadata":{"name":"late"}}' > "$W/late" 2>&1
LATE='"causes":?{"reason":"NamespaceTerminating","message":"namespace held is'
like 'nothing new comes' "$(cat "$W/late")" \
    "*$LATE being terminated\",\"field\":\"metadata.namespace\"}?*"
ok 'let go' k patch cm held -n held --type=merge \
    -p '{"metadata":{"finalizers":null}}'
wait_for 3 gives '' k get ns held --ignore-not-found
done_testing
