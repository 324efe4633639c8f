#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# What somebody without credentials may see, and what two servers on one
# directory do.
. tests/lib/faults.sh
need_cmd curl

conf ''
up_start --config "$CONF"
code() { # PATH [ARG...]
	c_p=$1
	shift
	curl -sk --max-time 10 -o "$W/ans" -w '%{http_code}' "$@" "$UP_URL$c_p"
}
for p in /version /readyz /livez /healthz; do
	is "anonymous may ask $p" "$(code $p)" 200
done
for p in /api/v1/secrets /api/v1/namespaces/default/secrets \
    /api/v1/namespaces/kube-system/secrets/x /api/v1/nodes \
    /apis/apps/v1/deployments /metrics; do
	is "anonymous may not ask $p" "$(code $p)" 403
	like '... and is told so' "$(cat "$W/ans")" '*system:anonymous*'
done
is 'a wrong token is 401, not anonymous' \
    "$(code /version -H 'Authorization: Bearer wrong')" 401
mine() { code /api/v1/secrets -H "Authorization: Bearer $TOKEN"; }
is 'the right one may' "$(mine)" 200

port
fails 'a second server on the same directory is refused' timeout 20 \
    "$PINTLE" up --data "$DATA" --listen "127.0.0.1:$PORT" --config "$CONF"
like '... clearly' "$(out)" "*$DATA*"
case $(out) in
*lock*|*use*|*another*) e_result 0 '... naming the reason' ;;
*)	diag "$(out)"
	e_result 1 '... naming the reason' ;;
esac
is 'the first goes on' "$(mine)" 200
fails 'a second server on the same address is refused' timeout 20 \
    "$PINTLE" up --data "$W/other" --listen "${UP_URL#https://}" \
    --config "$CONF"
like '... naming the address' "$(out)" "*${UP_URL#https://}*"
up_stop
done_testing
