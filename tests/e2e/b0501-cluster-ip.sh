#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0501-cluster-ip -- cluster IPs, from the node and from its pods: TCP and UDP,
# in the way of nobody who listens on every address; a client in a pod finds
# the API server and trusts it, also where there are no cluster IPs; nothing is
# left of them at the end, nor after kill -9. In a network of its own.
. tests/lib/e2e.sh
need_kubectl
own_network "$0"
deadline 180
need_cmd curl
b=${PIN_BUILD#"$PWD"/}
unset MAKEFLAGS MFLAGS MAKELEVEL
make -s B="$b" "$b/tests/kinds/proxy" > "$W/make.log" 2>&1 ||
    bail "$(tail -5 "$W/make.log")"
PROXY=$PIN_BUILD/tests/kinds/proxy
NODE=192.0.2.10
CLUSTER_IPS=1

devices() {
	ip -o link | sed -n 's/^[0-9]*: \(pin[0-9a-f]*\)@.*/\1/p'
}
node_up() { # [ARG...]
	up_start --node-name n1 "$@"
	wait_for 20 gives True k get node n1 -o \
	    'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
	wait_for 20 k get serviceaccount default
	wait_for 20 k get configmap kube-root-ca.crt
}
version() {
	curl -sS --max-time 5 --cacert "$DATA/pki/ca.crt" \
	    https://10.96.0.1/version | grep -c gitVersion
}
server() { # KIND ADDR PORT WORD
	bg "$PROXY" "$@"
	poll 10 grep -q serving "$BG_LOG" || bail "no server at $2:$3"
}
endpoints() { # NAME PROTOCOL PORT [LINE-OF-THE-ENDPOINT]
	k apply -f - <<-Y
	apiVersion: discovery.k8s.io/v1
	kind: EndpointSlice
	metadata:
	  name: $1-1
	  labels: {kubernetes.io/service-name: $1}
	addressType: IPv4
	ports: [{name: p, protocol: $2, port: $3}]
	endpoints: [{addresses: ["$NODE"]${4:+, $4}}]
	Y
}
service() { # NAME PORT PROTOCOL [SPEC]
	k apply -f - <<-Y
	apiVersion: v1
	kind: Service
	metadata: {name: $1}
	spec:
	  type: NodePort
	  ports: [{name: p, port: $2, protocol: $3}]
	  ${4:-}
	Y
}
svc() { # NAME JSONPATH
	k get service "$1" -o "jsonpath={.spec.$2}"
}
get() { # ADDR[:PORT]
	curl -sS --max-time 5 "http://$1/"
}
refused() { # ADDR[:PORT]
	curl -sS --max-time 5 -o /dev/null "http://$1/"
	[ $? = 7 ]
}
pod() { # NAME COMMAND
	cat <<-Y | k apply -f - > "$W/apply" 2>&1 || diag "$(cat "$W/apply")"
	apiVersion: v1
	kind: Pod
	metadata: {name: $1}
	spec:
	  nodeName: n1
	  restartPolicy: Never
	  containers:
	  - name: c
	    image: host
	    command: [sh, -c, '$2']
	Y
}

node_up
is 'the API server is an endpoint' "$(k get endpointslice kubernetes \
    -o 'jsonpath={.endpoints[0].addresses[0]}')" "$NODE"
wait_for 20 gives 1 version
is 'one device leads there' "$(devices | wc -l | tr -d ' ')" 1
like 'by a route' "$(ip route get 10.96.0.1)" "*dev $(devices) src $NODE*"

# ---- a client in a pod, as client-go finds its server
me='{.status.userInfo.username}'
pod whoami "echo \$KUBERNETES_SERVICE_HOST:\$KUBERNETES_SERVICE_PORT;
    exec $KUBECTL_BIN --cache-dir $W/podcache auth whoami -o jsonpath=$me"
line() { # POD: its log on one line
	k logs "$1" | tr '\n' ' ' | sed 's/ *$//'
}
wait_for 30 gives '10.96.0.1:443 system:serviceaccount:default:default' \
    line whoami

# ---- TCP
# Somebody else has that port on every address of the node, before and after.
port
ONE=$PORT
server serve "$NODE" "$ONE" one
server serve 0.0.0.0 80 another
ok 'a Service' service web 80 TCP
WEB=$(svc web clusterIP)
ok 'is refused without endpoints' refused "$WEB"
endpoints web TCP "$ONE" > "$W/apply"
wait_for 10 gives one get "$WEB"
is 'what listens on every address is not in the way' "$(get $NODE)" another
pod client "curl -sS --max-time 5 http://\$WEB_SERVICE_HOST/"
wait_for 20 gives one k logs client
ok 'another port of it is refused' refused "$WEB:81"
ok 'and an address nobody has' refused 10.96.200.200
ok 'a Service at 8080' service later 8080 TCP
endpoints later TCP "$ONE" > "$W/apply"
wait_for 10 gives one get "$(svc later clusterIP):8080"
server serve 0.0.0.0 8080 late
is 'nor is a Service in the way' "$(get $NODE:8080)" late

ok 'only from here' k patch service web -p \
    '{"spec":{"internalTrafficPolicy":"Local"}}'
wait_for 10 refused "$WEB"
NP=$(svc web 'ports[0].nodePort')
is 'the node port does not mind' "$(get "$NODE:$NP")" one
endpoints web TCP "$ONE" 'nodeName: n1' > "$W/apply"
wait_for 10 gives one get "$WEB"

# ---- UDP
port
UDP=$PORT
server serve-udp "$NODE" "$UDP" datagram
ok 'a UDP Service' service dns 53 UDP
endpoints dns UDP "$UDP" > "$W/apply"
DNS=$(svc dns clusterIP)
NP=$(svc dns 'ports[0].nodePort')
wait_for 20 gives datagram "$PROXY" ask-udp "$DNS" 53
is 'at the node port' "$("$PROXY" ask-udp "$NODE" "$NP")" datagram
is 'on loopback too' "$("$PROXY" ask-udp 127.0.0.1 "$NP")" datagram
port
server serve-udp "$NODE" "$PORT" other
is 'a client that stays' "$("$PROXY" ask-udp "$DNS" 53 5353)" datagram
endpoints dns UDP "$PORT" > "$W/apply"
wait_for 20 gives other "$PROXY" ask-udp "$DNS" 53 5353

# ---- nothing is left
agent() {
	for e_c in /proc/[0-9]*; do
		tr '\0' ' ' 2> /dev/null < "$e_c/cmdline" |
		    grep -q "kubelet --data $DATA " && echo "${e_c#/proc/}"
	done
}
AGENT=$(agent)
ok 'the node agent is killed' kill -9 "$AGENT"
again() {
	[ -n "$(agent)" ] && [ "$(agent)" != "$AGENT" ] && gives one get "$WEB"
}
wait_for 20 again
is 'still one device' "$(devices | wc -l | tr -d ' ')" 1
up_stop
is 'no device is left' "$(devices)" ''
is 'and no route' "$(ip route show 10.96.0.0/16)" ''

# ---- where there are no cluster IPs
CLUSTER_IPS=''
node_up
is 'off: no device' "$(devices)" ''
pod direct "echo \$KUBERNETES_SERVICE_HOST:\$KUBERNETES_SERVICE_PORT;
    exec $KUBECTL_BIN --cache-dir $W/podcache auth whoami -o jsonpath=$me"
wait_for 30 gives \
    "$NODE:${UP_LISTEN#*:} system:serviceaccount:default:default" line direct
up_stop

CLUSTER_IPS=1
export REAL="$PINTLE"
cat > "$W/as-user" <<'S'
#!/bin/sh
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$REAL" "$@"
S
chmod 755 "$W/as-user"
chmod 711 "$W"
[ -k "$TMPDIR" ] || chmod 711 "$TMPDIR"
if ! "$W/as-user" version > "$W/user.log" 2>&1; then
	skip root "cannot be an ordinary user: $(cat "$W/user.log")"
else
	mkdir "$W/user" && chown 65534:65534 "$W/user"
	DATA=$W/user/data
	PINTLE=$W/as-user
	node_up
	said() {
		grep -c 'node ports only, no cluster IPs on this node' \
		    "$UP_LOG"
	}
	wait_for 10 gives 1 said
	pod user "cd \$(env | sed -n s/^PINTLE_VOLUME_kube_api[^=]*=//p);
	    echo \$KUBERNETES_SERVICE_HOST;
	    api=https://\$KUBERNETES_SERVICE_HOST:\$KUBERNETES_SERVICE_PORT;
	    curl -sS --cacert ca.crt -H \"Authorization: Bearer \$(cat token)\"
	    \$api/version | grep -o minor"
	wait_for 20 gives "$NODE minor" line user
	up_stop
fi
done_testing
