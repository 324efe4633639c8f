#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0210-controllers -- controllers inside `up` go the way of every client:
# authorization and admission stop them; a change of the configuration
# replaces them; a stable world is not written to; a restart goes on.
. tests/lib/e2e.sh
deadline 120
need_cmd curl

T=$PIN_BUILD/tests/plugins
CONF=$W/pintle.conf
stage() { # KIND NAME [OPTION]
	echo "{ plugin = \"$2\"; file = \"$T/$1/$2.so\"; ${3:-} },"
}
COUNTER=$(stage controller counter)
COPIER=$(stage controller label-copier)
REFUSE=$(stage admission refuse 'reason = "no";')
conf() { # ADMISSION CONTROLLERS
	cat > "$CONF" <<-END
	authentication = ( "x509" );
	authorization = ( "rbac" );
	admission = ( $1 );
	controllers = ( $2 );
	store = "lmdb";
	consensus = "solo";
	END
}
reload() {
	e_loads=$((${e_loads:-0} + 1))
	kill -HUP "$UP_PID"
	poll 10 loaded || diag "no reload"
}
loaded() {
	[ "$(grep -c 'configuration reloaded' "$UP_LOG")" -ge "$e_loads" ]
}
CM=/api/v1/namespaces/default/configmaps
post() { # PATH JSON
	api POST "$1" -H 'Content-Type: application/json' -d "$2" \
	    > "$W/ans" 2>&1
}
patch() { # PATH JSON
	api PATCH "$1" -H 'Content-Type: application/merge-patch+json' \
	    -d "$2" > "$W/ans" 2>&1
}
children() { # of parent $1
	api GET "$CM" | grep -o "\"name\":\"$1-[0-9]*\"" | sort -u | wc -l |
	    tr -d ' '
}
parent() { # NAME N
	post "$CM" "{\"metadata\":{\"name\":\"$1\",
	    \"labels\":{\"counter\":\"$2\"}}}"
}
revision() {	# the list's, which comes first, not that of its first item
	api GET "$CM?limit=1" | grep -o '"resourceVersion":"[0-9]*"' |
	    head -n 1 | tr -dc 0-9
}

conf '' "$COUNTER"
up_start --config "$CONF"
parent p 5
forbidden() {
	grep -q 'kube-system:counter-controller.*cannot create' "$UP_LOG"
}
wait_for 10 forbidden
is 'without a role it has no rights' "$(children p)" 0
post /apis/rbac.authorization.k8s.io/v1/clusterrolebindings '{"metadata":
    {"name":"counter"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io",
    "kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":
    "ServiceAccount","namespace":"kube-system","name":"counter-controller"},
    {"kind":"ServiceAccount","namespace":"kube-system","name":
    "label-copier-controller"}]}'
wait_for 20 gives 5 children p
status() {
	api GET "$CM/p" | grep -o 'counter-has":"[0-9]*'
}
wait_for 10 gives 'counter-has":"5' status

conf "$REFUSE" "$COUNTER"
reload
patch "$CM/p" '{"metadata":{"labels":{"counter":"7"}}}'
refused() {
	grep -q 'counter: POST.*403.*: no"' "$UP_LOG"
}
wait_for 10 refused
is 'an admission plugin that refuses all stops it too' "$(children p)" 5
conf '' "$COUNTER"
reload
wait_for 10 gives 7 children p

conf '' "$COPIER $COUNTER"
reload
patch /api/v1/namespaces/default '{"metadata":{"labels":{"team":"red"}}}'
red() {
	api GET "$CM?labelSelector=team%3Dred" | grep -o '"name":"p-[0-9]*"' |
	    sort -u | wc -l | tr -d ' '
}
wait_for 10 gives 7 red
conf '' "$COPIER"
reload
api DELETE "$CM/p-3" > "$W/ans"
patch /api/v1/namespaces/default '{"metadata":{"labels":{"team":"blue"}}}'
blue() {
	api GET "$CM?labelSelector=team%3Dblue" | grep -o '"name":"p-[0-9]*"' |
	    sort -u | wc -l | tr -d ' '
}
wait_for 10 gives 6 blue
is 'one that was taken out does nothing' "$(children p)" 6
conf '' "$COPIER $COUNTER"
reload
wait_for 10 gives 7 blue

# Nothing to do: nothing done, not even by those who were restarted.
wait_for 10 gives 'counter-has":"7' status
before='' still=0
settled() {			# the last Events are written: 4 equal looks
	e_now=$(revision)
	if [ "$e_now" = "$before" ]; then
		still=$((still + 1))
	else
		still=0
	fi
	before=$e_now
	[ $still -ge 3 ]
}
poll 10 settled
conf '' "$COUNTER $COPIER"
reload
post "$CM" '{"metadata":{"name":"mark"}}'
marked() {
	api GET "$CM/mark" | grep -q '"team":"blue"'
}
wait_for 10 marked
is 'a stable world is written by its user and the copier only' \
    "$(($(revision) - before))" 2
up_stop

: > "$UP_LOG"
up_start --config "$CONF"
api DELETE "$CM/p-1" > "$W/ans"
wait_for 10 gives 7 children p
parent big 1000
wait_for 20 gives 1000 children big
up_stop
done_testing
