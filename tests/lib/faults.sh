# SPDX-License-Identifier: BSD-2-Clause
#
# faults.sh -- what the fault tests (b02xx) share, on top of e2e.sh: a
# configuration to change, a token, a load. Sourced, never run.

. tests/lib/e2e.sh
FILL=$PIN_BUILD/tests/bench/fill
[ -x "$FILL" ] || bail "no $FILL: make tests first"
TOKEN=faults-$$
CONF=$W/pintle.conf
T=$PIN_BUILD/tests/plugins/admission
printf '%s,load,1,"system:masters"\n' "$TOKEN" > "$W/tokens"
chmod 600 "$W/tokens"

# conf [ADMISSION-ENTRIES] [MORE]: writes $CONF, whole or not at all.
conf() {
	cat > "$CONF.new" <<-C
	authentication = (
		{ plugin = "x509"; },
		{ plugin = "token-file"; path = "$W/tokens"; },
		{ plugin = "anonymous"; },
	);
	authorization = ( { plugin = "rbac"; } );
	admission = (
		{ plugin = "namespace-lifecycle"; },
		$1
	);
	store = { plugin = "lmdb"; };
	consensus = { plugin = "solo"; };
	apiserver = { ${2:-} };
	C
	mv "$CONF.new" "$CONF"
}
# fill N [ARG...]: its one line in $W/fill.out
fill() {
	f_n=$1
	shift
	$E_EXEC "$FILL" "$UP_URL" "$DATA/pki/ca.crt" "$TOKEN" "$f_n" -m "$@"
}
logged() { # PATTERN COUNT: that many lines of the log, or more
	[ "$(grep -c "$1" "$UP_LOG")" -ge "$2" ]
}
# map NAME [JSON-METADATA]: makes a ConfigMap; its code in CODE, the answer in
# $W/ans
map() {
	CODE=$(api POST /api/v1/namespaces/default/configmaps -o "$W/ans" \
	    -w '%{http_code}' -H 'Content-Type: application/json' -d \
	    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",
	    \"metadata\":{\"name\":\"$1\"${2:+,$2}}}")
}
