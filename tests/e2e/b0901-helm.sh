#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Helm 4, unmodified: a chart made here is installed, listed, upgraded, rolled
# back and uninstalled; what it says and what is stored after each step.
. tests/lib/e2e.sh
deadline 240
client helm
need_kubectl

HELM_CACHE_HOME=$W/helm/cache HELM_CONFIG_HOME=$W/helm/config
HELM_DATA_HOME=$W/helm/data
export HELM_CACHE_HOME HELM_CONFIG_HOME HELM_DATA_HOME
h() {
	"$CLIENT" "$@"
}
chart() { # the chart, in $W/shop
	mkdir -p "$W/shop/templates"
	cat > "$W/shop/Chart.yaml" <<-'M'
	apiVersion: v2
	name: shop
	version: 0.1.0
	appVersion: "1.0"
	M
	cat > "$W/shop/values.yaml" <<-'M'
	replicas: 1
	greeting: hello
	port: 80
	M
	cat > "$W/shop/templates/all.yaml" <<-'M'
	apiVersion: v1
	kind: ConfigMap
	metadata:
	  name: {{ .Release.Name }}-conf
	data:
	  greeting: {{ .Values.greeting | quote }}
	{{- if .Values.extra }}
	  extra: {{ .Values.extra | quote }}
	{{- end }}
	---
	apiVersion: v1
	kind: Service
	metadata:
	  name: {{ .Release.Name }}
	spec:
	  selector: {app: {{ .Release.Name }}}
	  ports: [{name: http, port: {{ .Values.port }}, targetPort: 8080}]
	---
	apiVersion: apps/v1
	kind: Deployment
	metadata:
	  name: {{ .Release.Name }}
	spec:
	  replicas: {{ .Values.replicas }}
	  selector: {matchLabels: {app: {{ .Release.Name }}}}
	  template:
	    metadata:
	      labels: {app: {{ .Release.Name }}}
	      annotations: {greeting: {{ .Values.greeting | quote }}}
	    spec:
	      terminationGracePeriodSeconds: 1
	      containers:
	      - name: c
	        image: host
	        command: [sleep, "1000"]
	M
	cat > "$W/shop/templates/hook.yaml" <<-'M'
	apiVersion: v1
	kind: ConfigMap
	metadata:
	  name: {{ .Release.Name }}-hook
	  annotations: {helm.sh/hook: pre-upgrade}
	data: {revision: {{ .Release.Revision | quote }}}
	M
}
conf() { # KEY: of the chart's ConfigMap
	k get configmap web-conf -n shop -o "jsonpath={.data.$1}"
}
replicas() {
	k get deployment web -n shop -o 'jsonpath={.spec.replicas}'
}
install_rows() {
	ok 'helm lint' h lint "$W/shop"
	ok 'helm install --dry-run=server' h install web "$W/shop" -n shop \
	    --create-namespace --dry-run=server
	like 'renders it' "$(out)" '*name: web-conf*'
	fails 'and stores nothing' k get configmap web-conf -n shop
	ok 'helm install --create-namespace --wait' h install web "$W/shop" \
	    -n shop --create-namespace --wait --timeout 60s
	like 'says so' "$(out)" '*STATUS: deployed*REVISION: 1*'
	is 'the ConfigMap is stored' "$(conf greeting)" hello
	is 'the Deployment is available' "$(k get deployment web -n shop \
	    -o 'jsonpath={.status.availableReplicas}')" 1
	like 'the Service has an address' "$(k get service web -n shop \
	    -o 'jsonpath={.spec.clusterIP}')" '*.*.*.*'
	is 'the release is a Secret of type' "$(k get secret -n shop \
	    sh.helm.release.v1.web.v1 -o 'jsonpath={.type}')" \
	    helm.sh/release.v1
	is 'it applies as manager helm' "$(k get configmap web-conf -n shop \
	    --show-managed-fields \
	    -o 'jsonpath={.metadata.managedFields[*].manager}')" helm
	ok 'helm list' h list -n shop -o json
	is 'lists it' "$(jq -r '.[] | .name + " " + .revision + " " + .status' \
	    "$W/out")" 'web 1 deployed'
	fails 'a second install of that name is refused' h install web \
	    "$W/shop" -n shop
	like 'and says why' "$(out)" '*cannot reuse a name*'
}
upgrade_rows() {
	ok 'helm upgrade --wait' h upgrade web "$W/shop" -n shop --wait \
	    --timeout 60s --set greeting=moin,extra=more,replicas=2,port=81
	is 'the ConfigMap is patched' "$(conf greeting) $(conf extra)" \
	    'moin more'
	is 'the Deployment has two replicas available' "$(k get deployment \
	    web -n shop -o 'jsonpath={.status.availableReplicas}')" 2
	is 'the Service moved its port' "$(k get service web -n shop \
	    -o 'jsonpath={.spec.ports[*].port}')" 81
	is 'the hook ran' "$(k get configmap web-hook -n shop \
	    -o 'jsonpath={.data.revision}')" 2
	ok 'helm get values' h get values web -n shop
	like 'gives what was set' "$(out)" '*greeting: moin*'
	ok 'helm get manifest' h get manifest web -n shop
	like 'gives what was sent' "$(out)" '*replicas: 2*'
	ok 'helm status' h status web -n shop
	like 'shows the resources' "$(out)" '*REVISION: 2*'
	fails 'an upgrade to what is not valid is refused' h upgrade web \
	    "$W/shop" -n shop --set port=99999
	like 'by the field' "$(out)" '*spec.ports[[]0].port*'
}
rollback_rows() {
	ok 'helm rollback 1 --wait' h rollback web 1 -n shop --wait \
	    --timeout 60s
	is 'the ConfigMap is as it was' "$(conf greeting)/$(conf extra)" hello/
	is 'so is the Deployment' "$(replicas)" 1
	is 'so is the Service' "$(k get service web -n shop \
	    -o 'jsonpath={.spec.ports[*].port}')" 80
	ok 'helm history' h history web -n shop -o json
	is 'tells it all' "$(jq -r '[.[] | "\(.revision) \(.status)"] |
	    join(", ")' "$W/out")" \
	    '1 superseded, 2 superseded, 3 failed, 4 deployed'
}
uninstall_rows() {
	ok 'helm uninstall --wait' h uninstall web -n shop --wait \
	    --timeout 60s
	like 'says so' "$(out)" '*uninstalled*'
	for r in configmap/web-conf service/web deployment/web; do
		fails "$r is gone" k get "$r" -n shop
	done
	wait_for 60 gives '' k get pods,replicasets -n shop -o name
	is 'no release is left' "$(h list -n shop -q)" ''
	is 'nor its Secrets' "$(k get secret -n shop -o name)" ''
}

up_start
chart
install_rows
upgrade_rows
rollback_rows
uninstall_rows
up_stop
done_testing
