#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# addresses -- cluster IPs and node ports of Services are given back: by one
# that was refused, at whatever step, by a dry run, by one that changes its
# type, and by one that is deleted, before its DELETE is answered.
. tests/lib/e2e.sh

UP_ROLE=apiserver
up_start
S=/api/v1/namespaces/default/services
# send METHOD PATH TYPE SPEC: a Service that wants the two
send() {
	api "$1" "$S$2" -H 'Content-Type: application/json' -d '{"apiVersion":
	    "v1","kind":"Service","metadata":{"name":"a"},"spec":{"type":
	    "'"$3"'","clusterIP":"10.96.9.9","ports":[{"name":"p","port":80,
	    "nodePort":30999}'"$4"'}}'
}
available() { # CLAIM
	like "$1" "$(send POST '?dryRun=All' NodePort ']')" \
	    '*"clusterIP":"10.96.9.9"*'
}

available 'an address and a port are free'
available '... and still are after a dry run'
like 'one that is refused by its rules' \
    "$(send POST '' NodePort '],"sessionAffinity":"Bogus"')" \
    '*spec.sessionAffinity: Unsupported*'
available '... keeps neither'
like 'one whose next port is out of range' "$(send POST '' NodePort \
    ',{"name":"q","port":81,"nodePort":99}]')" '*not in the valid range*'
available '... keeps neither'
like 'one is made' "$(send POST '' NodePort ']')" '*"nodePort":30999*'
like '... and no second like it' "$(send POST '?dryRun=All' NodePort ']' |
    tr -d '\n')" '*10.96.9.9: provided IP is already allocated*'
again=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	api DELETE $S/a > "$W/out"
	case $(send POST '' NodePort ']') in
	*'"clusterIP":"10.96.9.9"'*)	again=$((again + 1)) ;;
	esac
done
is 'deleted and made again at once, as often as one likes' $again 20
up_stop
done_testing
