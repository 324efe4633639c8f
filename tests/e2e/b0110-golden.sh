#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# golden -- the requests of tests/golden, sent to a server with the shipped
# configuration: the answers are the reference server's but for what
# tests/golden/DIFFERENCES lists, each with its reason.
. tests/lib/e2e.sh
deadline 300
need_cmd python3
need_cmd curl
need_kubectl

# The recordings know their users by token: admin, and nobody without rights.
# The API server alone, as the reference ran, and with the finalizers of its
# storage protection, which the shipped configuration leaves out.
printf '%s\n' 'admin-token,admin,1,"system:masters"' \
    'nobody,nobody,2' > "$W/tokens"
chmod 600 "$W/tokens"
sed -e 's,"token-file"; },"token-file"; path = "tokens"; },' \
    -e '/"priority"; }/a { plugin = "storage-object-in-use-protection"; },' \
    conf/pintle.conf > "$W/pintle.conf"
UP_ROLE=apiserver
up_start --config "$W/pintle.conf"
ca='{.clusters[0].cluster.certificate-authority-data}'
k config view --raw --minify -o "jsonpath=$ca" | base64 -d > "$W/ca.crt"
export KUBECONFIG="$W/token.kubeconfig"
k config set-cluster c --server "$UP_URL" --certificate-authority "$W/ca.crt" \
    --embed-certs > /dev/null
k config set-credentials u --token admin-token > /dev/null
k config set-context c --cluster c --user u > /dev/null
k config use-context c > /dev/null

for d in kinds errors warnings converted tables discovery; do
	KUBECTL=$KUBECTL_BIN ok "$d: answered as the reference server does" \
	    python3 tests/golden/record.py --kubeconfig "$KUBECONFIG" \
	    --compare --known tests/golden/DIFFERENCES tests/golden/$d/*.json
	diag "$(tail -n 1 "$W/out")"
done
KUBECONFIG=$DATA/admin.kubeconfig

N=/api/v1/namespaces
is 'curl gets JSON for eyes' \
    "$(api GET $N/golden -A curl/8 | sed -n 2p)" '  "apiVersion": "v1",'
is '... who asks for it too, and of lists' \
    "$(api GET "$N?pretty=1&limit=1" | sed -n 3p)" '  "apiVersion": "v1",'
is '... but not with pretty=0' \
    "$(api GET "$N/golden?pretty=0" -A curl/8 | grep -c .)" 1
# Answers above 128 KiB are made small for whoever asks: whole documents,
# objects, pages, and lists that are sent in pieces.
head -c 150000 /dev/zero | tr '\0' x > "$W/large"
for n in 1 2 3; do
	ok "an object of 150 KB ($n)" k create configmap "large$n" -n golden \
	    --from-file "$W/large"
done
for p in /openapi/v2 /openapi/v3/api/v1 $N/golden/configmaps/large1 \
    $N/golden/configmaps "$N/golden/configmaps?limit=2"; do
	api GET "$p" -A none -o "$W/plain"
	like "$p: gzip" "$(api GET "$p" -A none -H 'Accept-Encoding: gzip' \
	    -D - -o "$W/gz" | tr -d '\r' | tr '\n' '|')" \
	    '*|Content-Encoding: gzip|Vary: Accept-Encoding|*'
	gzip -dc < "$W/gz" > "$W/again"
	ok '... of the same bytes, in a fifth of them' sh -c 'cmp "$1" "$2" &&
	    [ "$(wc -c < "$3")" -lt $(($(wc -c < "$1") / 5)) ]' - \
	    "$W/plain" "$W/again" "$W/gz"
done
is 'a short answer stays as it is' "$(api GET $N -A none -H \
    'Accept-Encoding: gzip' -D - -o /dev/null | grep -c Encoding:)" 1
up_stop
done_testing
