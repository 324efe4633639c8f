#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0003-config -- pintle config check: a good file is fine, each mistake is
# named with file and line, a stage is one line.
. tests/lib/e2e.sh

P=$PIN_BUILD/tests/plugins
check() {
	"$PINTLE" config check --plugins "$P" "$@"
}
cat > "$W/good.conf" <<'END'
authentication = (
	{ plugin = "allow"; },
);
authorization = (
	"allow",
);
admission = (
	{ plugin = "label"; value = "x"; },
	{ plugin = "slow"; mode = "audit"; },
	"later",
);
store = "none";
consensus = "none";
END
ok 'a good configuration' check "$W/good.conf"
like 'is shown in order' "$(out)" \
    '*good.conf: fine*admission: label slow(audit) later*'
ok 'the same by --config' check --config "$W/good.conf"
fails 'both ways at once' check --config "$W/good.conf" "$W/good.conf"

for n in 8 9 10; do	# the first, the middle, the last stage
	sed "${n}d" "$W/good.conf" > "$W/less.conf"
	ok "a chain without its line $n is fine" check "$W/less.conf"
done
like 'and the stage is gone' "$(out)" '*admission: label slow(audit)
*'
sed -e '8{h;d;}' -e '10{G;}' "$W/good.conf" > "$W/moved.conf"
ok 'a line moved to the end is fine' check "$W/moved.conf"
like 'and the order has changed' "$(out)" \
    '*admission: slow(audit) later label*'

cat > "$W/bad.conf" <<'END'
authentication = ( );
authorization = ( "allow" );
admission = (
	"abi-host",
	{ plugin = "label"; cuont = 1; },
	{ plugin = "label"; count = 99; name = "b"; },
	"nowhere",
	"nowhere",
);
store = "none";
colour = "red";
END
fails 'a bad configuration' check "$W/bad.conf"
like 'names the unknown section' "$(out)" \
    "*bad.conf:11: unknown section 'colour'*"
like 'the duplicate' "$(out)" "*bad.conf:8: *'nowhere' is already there*"
like 'and the empty chain' "$(out)" '*authentication is empty*'
sed -e 's/( );/( "allow" );/' -e 8d -e 11d "$W/bad.conf" > "$W/bad2.conf"
fails 'a bad configuration of plugins' check "$W/bad2.conf"
like 'names the ABI' "$(out)" '*bad2.conf:4: *host ABI 9.7, this host*'
like 'the unknown option' "$(out)" "*bad2.conf:5: unknown option 'cuont'*"
like 'the number out of range' "$(out)" '*bad2.conf:6: count = 99*1 to 10*'
like 'and the unknown plugin' "$(out)" "*bad2.conf:7: unknown plugin*"
is 'all four, and nothing else' "$(out | grep -c ^error:)" 4
fails 'a file that is not there' check "$W/none.conf"
like 'says so' "$(out)" '*none.conf: No such file*'

sed 's/"allow"/"always-allow"/2; s/authorization = (/&"always-allow",/' \
    "$W/good.conf" | sed 's/{ plugin = "allow"; },/"allow", "anonymous",/' \
    > "$W/anon.conf"
ok 'always-allow with anonymous is a warning' check "$W/anon.conf"
like 'that says what happens' "$(out)" 'warning: *anonymous is switched off*'

ok 'the options of the API server are listed' "$PINTLE" config options \
    apiserver
like 'with defaults' "$(out)" '*service-cidr         string    10.96.0.0/16*'
fails 'an unknown section has no options' "$PINTLE" config options frob

# The shipped file. Plugins that are not in this build are all that may lack.
"$PINTLE" config check > "$W/out" 2>&1
is 'the shipped configuration has no mistake of its own' \
    "$(grep '^error' "$W/out" | grep -v 'unknown plugin')" ''
done_testing
