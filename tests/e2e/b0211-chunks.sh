#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# chunks -- a list in pages of which the revision is gone: the 410 brings a
# token that goes on from there with what there is now.
. tests/lib/e2e.sh

sed 's/compaction-interval = "5m"/compaction-interval = "1s"/' \
    conf/pintle.conf > "$W/pintle.conf"
UP_ROLE=apiserver
up_start --config "$W/pintle.conf"
C=/api/v1/namespaces/default/configmaps
make_one() { # NAME
	api POST $C -H 'Content-Type: application/json' -d '{"apiVersion":
	    "v1","kind":"ConfigMap","metadata":{"name":"'"$1"'"}}' > "$W/made"
}
token() { # of the JSON in standard input
	sed -n 's/.*"continue":"\([^"]*\)".*/\1/p'
}
for n in a b c; do
	make_one $n
done
T=$(api GET "$C?limit=1" | token)
like 'a page has a token' "$T" '?*'
# History is compacted when there is some; then the page's revision is gone.
gone() {
	make_one "x$(date +%s)"
	api GET "$C?limit=1&continue=$T" > "$W/page"
	grep -q '"code":410' "$W/page"
}
wait_for 30 gone
like 'the refusal says what the token of it is for' "$(cat "$W/page")" \
    '*"reason":"Expired"*'
T=$(token < "$W/page")
like '... and brings one' "$T" '?*'
make_one bb
PAGE=$(api GET "$C?limit=2&continue=$T")
like 'with it comes the next object' "$PAGE" '*"name":"b"*'
like '... and one that is newer than the first page' "$PAGE" '*"name":"bb"*'
T=$(printf '%s' "$PAGE" | token)
like '... and a page after it' "$(api GET "$C?continue=$T")" '*"name":"c"*'
up_stop
done_testing
