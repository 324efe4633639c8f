#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The subcommands of kubectl 1.35 and 1.22, unmodified and with no flag a user
# would not type: what they print, and what is stored then.
. tests/lib/e2e.sh
need_kubectl
deadline 240

no_node
up_start --config "$W/pintle.conf"
# One row: what must be printed (a case pattern), then the command.
row() { # PATTERN ARG...
	r_want=$1
	shift
	r_got=$(k "$@" 2>&1)
	like "kubectl $*" "$r_got" "$r_want"
}
stored() { # JSONPATH WANT RESOURCE NAME
	is "  stored: $3/$4 $1" "$(k get "$3" "$4" -o "jsonpath=$1")" "$2"
}
manifest() {
	cat <<-M
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web, labels: {app: web}}
	spec:
	  replicas: $1
	  selector: {matchLabels: {app: web}}
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      containers:
	      - {name: c, image: "$2", ports: [{containerPort: 80}]}
	M
}

create_rows() {
	row 'configmap/cm created' create configmap cm --from-literal=a=b
	stored '{.data.a}' b configmap cm
	row 'secret/s created' create secret generic s --from-literal=p=q
	stored '{.data.p}' cQ== secret s
	row 'secret/dr created' create secret docker-registry dr \
	    --docker-server=x --docker-username=u --docker-password=p
	row 'serviceaccount/sa1 created' create serviceaccount sa1
	row 'role.rbac*/r created' create role r --verb=get --resource=pods
	row 'rolebinding.rbac*/rb created' create rolebinding rb --role=r \
	    --user=bob
	row 'clusterrole.rbac*/cr created' create clusterrole cr --verb=list \
	    --resource=nodes
	row 'clusterrolebinding.rbac*/crb created' create clusterrolebinding \
	    crb --clusterrole=cr --user=bob
	row 'deployment.apps/d created' create deployment d --image=x
	row 'job.batch/j created' create job j --image=x -- date
	row 'cronjob.batch/cj created' create cronjob cj --image=x \
	    '--schedule=1 * * * *' -- date
	row 'ingress.networking*/i created' create ingress i \
	    '--rule=a.b/x=svc:80'
	row 'poddisruptionbudget.policy/p created' create pdb p \
	    --selector=a=b --min-available=1
	row 'priorityclass.scheduling*/pc created' create priorityclass pc \
	    --value=5
	row 'resourcequota/q created' create quota q --hard=pods=30
	row 'service/s1 created' create service clusterip s1 --tcp=80:80
	row 'service/s2 created' create service nodeport s2 --tcp=80:80
	row 'service/s3 created' create service externalname s3 \
	    --external-name=a.b
	stored '{.spec.type}' NodePort service s2
	row '*already exists*' create configmap cm --from-literal=a=c
}
apply_rows() {
	manifest 2 nginx:1 > "$W/web.yaml"
	row 'deployment.apps/web created' apply -f "$W/web.yaml"
	row 'deployment.apps/web unchanged' apply -f "$W/web.yaml"
	manifest 3 nginx:2 > "$W/web.yaml"
	row '*replicas: 3*' diff -f "$W/web.yaml"
	row 'deployment.apps/web configured' apply -f "$W/web.yaml"
	stored '{.spec.replicas}' 3 deployment web
	row 'deployment.apps/web scaled' scale deployment web --replicas=1
	row '*image updated' set image deployment/web c=nginx:3
	stored '{.spec.template.spec.containers[0].image}' nginx:3 \
	    deployment web
	row '*patched' patch deployment web -p \
	    '{"spec":{"template":{"metadata":{"labels":{"x":"y"}}}}}'
	row '*patched' patch deployment web --type=merge -p \
	    '{"metadata":{"annotations":{"m":"1"}}}'
	row '*patched' patch deployment web --type=json -p \
	    '[{"op":"add","path":"/metadata/annotations/j","value":"2"}]'
	stored '{.metadata.annotations.m}{.metadata.annotations.j}' 12 \
	    deployment web
	row '*REVISION*CHANGE-CAUSE*1*' rollout history deployment/web
	row '*paused' rollout pause deployment/web
	row '*resumed' rollout resume deployment/web
	row '*restarted' rollout restart deployment/web
	row '*exposed' expose deployment web --port=80
	row '*labeled' label deployment web tier=front
	row '*annotated' annotate deployment web note=x
	row '*env updated' set env deployment/web A=1
	row '*resource requirements updated' set resources deployment web \
	    --limits=cpu=1
	row '*serviceaccount updated' set serviceaccount deployment web sa1
	row '*NAME*READY*UP-TO-DATE*AVAILABLE*AGE*web*' get deployment web
	row '*CONTAINERS*IMAGES*SELECTOR*' get deployment web -o wide
	row '*StrategyType:*RollingUpdate*' describe deployment web
	printf '#!/bin/sh\nsed -i "s/tier: front/tier: back/" "$1"\n' \
	    > "$W/editor"
	chmod +x "$W/editor"
	EDITOR=$W/editor
	export EDITOR
	row '*edited' edit deployment web
	stored '{.metadata.labels.tier}' back deployment web
	sed 's/replicas:/replicaz:/' "$W/web.yaml" > "$W/bad.yaml"
	row '*replicaz*' create -f "$W/bad.yaml"
}
event_rows() {	# one object, two forms of it to select by
	cat > "$W/event.yaml" <<- 'E'
	apiVersion: events.k8s.io/v1
	kind: Event
	metadata: {name: e1, namespace: default}
	eventTime: "2026-01-02T03:04:05.000006Z"
	reportingController: who
	reportingInstance: who-1
	action: Do
	reason: Test
	type: Normal
	regarding: {kind: Namespace, name: default, apiVersion: v1}
	E
	row '*e1 created' create -f "$W/event.yaml"
	for f in source=who reportingComponent=who involvedObject.kind=Namespace
	do
		row 'event/e1' get events -n default -o name \
		    --field-selector="$f,reason=Test"
	done
	for f in reportingController=who regarding.kind=Namespace; do
		row 'event.events.k8s.io/e1' get -n default -o name \
		    events.events.k8s.io --field-selector="$f,reason=Test"
	done
	row '*deleted*' delete -f "$W/event.yaml"
}
pod_rows() {
	row 'pod/p1 created' run p1 --image=x --labels=app=one
	row '*p1*Pending*' get pods -l app=one
	row '*p1*' get pods --field-selector=status.phase=Pending -A
	row 'pod/p1' get pods -o name -l app=one
	[ "$version" = 1.22 ] ||
	    row '*condition met*' wait pod/p1 --timeout=10s \
	    '--for=jsonpath={.status.phase}=Pending'
	row '*deleted*' delete pod p1
	row '*not found*' get pod p1
	row '*No resources found*' get pods -l app=none
}
node_rows() {
	cat > "$W/node.yaml" <<-N
	apiVersion: v1
	kind: Node
	metadata: {name: n1}
	status:
	  capacity: {cpu: "4", memory: 8Gi, pods: "110"}
	  conditions: [{type: Ready, status: "True"}]
	N
	row 'node/n1 created' create -f "$W/node.yaml"
	row '*cordoned' cordon n1
	stored '{.spec.unschedulable}' true node n1
	row '*uncordoned' uncordon n1
	row '*tainted' taint node n1 k=v:NoSchedule
	row '*drained' drain n1 --force --ignore-daemonsets
	row '*n1*Ready,SchedulingDisabled*' get nodes
	row '*deleted*' delete node n1
}
other_rows() {
	row '*yes*' auth can-i create pods
	row '*no*' auth can-i create pods --as=bob
	row '*yes*' auth can-i get pods --as=bob
	row '*forbidden*' delete configmap cm --as=bob
	row '*Resources*Verbs*' auth can-i --list
	row '*deployments*deploy*apps/v1*true*Deployment*' api-resources
	row '*apps/v1*' api-versions
	for rest in '' --chunk-size=0; do
		# In the order in which they match.
		row 'NAME*exempt*probes*scheduler*global-default*catch-all*' \
		    get flowschemas $rest
	done
	row '*pintle*' version
	row '*rollingUpdate*' explain deployment.spec.strategy
	row '*ScalingReplicaSet*' get events
	row '*NotFound*' get --raw /api/v1/nothing
	row '*doesn*t have a resource type*' get nothing
	row '*deleted*' delete deployment,job,cronjob,ingress,pdb,quota,svc \
	    -l 'nothing!=x' --field-selector=metadata.name!=kubernetes
	row '*deleted*' delete configmap cm
}
for version in 1.35 1.22; do
	client kubectl-$version
	KUBECTL_BIN=$CLIENT
	ns=v$(echo $version | tr -d .)
	k create namespace "$ns" > /dev/null
	k config set-context --current --namespace="$ns" > /dev/null
	wait_for 10 k get serviceaccount default
	create_rows
	apply_rows
	pod_rows
	event_rows
	node_rows
	other_rows
	k delete clusterrole cr > /dev/null
	k delete clusterrolebinding crb > /dev/null
	k delete priorityclass pc > /dev/null
done
done_testing
