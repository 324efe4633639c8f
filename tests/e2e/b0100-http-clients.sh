#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0100-http-clients -- curl, a client nobody here has written, against the
# HTTP server with a trivial handler (tests/lib/httpd.h has its paths).
. tests/lib/e2e.sh

need_cmd curl
b=${PIN_BUILD#"$PWD"/}
unset MAKEFLAGS MFLAGS MAKELEVEL
make -s B="$b" "$b/tests/bench/http" > "$W/make.log" 2>&1 ||
    bail "$(tail -5 "$W/make.log")"
bg "$PIN_BUILD/tests/bench/http" serve 120 2
poll 20 grep -q 'files' "$BG_LOG" || bail "$(cat "$BG_LOG")"
PLAIN=$(sed -n 's,^# https://\([^/]*\)/3k mutual.*,\1,p' "$BG_LOG")
MUTUAL=$(sed -n 's,.* mutual https://\([^/]*\)/3k files.*,\1,p' "$BG_LOG")
F=$(sed -n 's/.* files //p' "$BG_LOG")

c() { # [ARG...] PATH-OR-URL last
	curl -sS --max-time 20 --cacert "$F/ca.crt" "$@"
}

is 'a small answer' "$(c "https://$PLAIN/3k" | wc -c)" 3072
is 'a large answer' "$(c "https://$PLAIN/big?30000000" | wc -c)" 30000000
is 'two answers on one connection' \
    "$(c -o "$W/1" -o "$W/2" -w '%{num_connects} ' "https://$PLAIN/3k" \
    "https://$PLAIN/who")" '1 0 '
is 'by HTTP/1.0' "$(c --http1.0 -w '%{http_code}' -o "$W/1" \
    "https://$PLAIN/3k")" 200
is 'a client that offers HTTP/2 speaks 1.1' \
    "$(c --http2 -o "$W/1" -w '%{http_version}' "https://$PLAIN/3k")" 1.1
like 'HEAD has the length and no body' "$(c -I "https://$PLAIN/3k" |
    tr -d '\r' | tr '\n' '|')" 'HTTP/1.1 200 OK|*Content-Length: 3072|*|'
is 'nobody by default' "$(c "https://$MUTUAL/who")" ''
is 'somebody by certificate' "$(c --cert "$F/client.crt" --key \
    "$F/client.key" "https://$MUTUAL/who")" \
    'cn=alice o=system:masters o=second'
is 'somebody by token' "$(c -H 'Authorization: Bearer t.o.k' \
    "https://$PLAIN/who")" ' bearer=t.o.k'
is 'the user of a UNIX socket' \
    "$(c --unix-socket "$F/sock" http://x/who)" "uid=$(id -u)"
c "https://$PLAIN/big?3000000" > "$W/3m"
is 'a body of 3 MB with a length (and 100-continue)' \
    "$(c --data-binary "@$W/3m" "https://$PLAIN/echo" | cksum)" \
    "$(cksum < "$W/3m")"
is 'a body of 3 MB in chunks' "$(c -H 'Transfer-Encoding: chunked' \
    --data-binary "@$W/3m" "https://$PLAIN/echo" | cksum)" \
    "$(cksum < "$W/3m")"
c "https://$PLAIN/big?3145729" > "$W/3m1"
is 'one byte above 3 MiB is 413' "$(c -o "$W/1" -w '%{http_code}' \
    --data-binary "@$W/3m1" "https://$PLAIN/echo")" 413
fails 'a broken stream is an error' c "https://$PLAIN/broken"
like 'and curl says which' "$(out)" '*18*outstanding read data*'
fails 'another CA is refused by the client' \
    curl -sS --max-time 20 "https://$PLAIN/3k"
like 'plain HTTP is told so' "$(curl -sS --http0.9 --max-time 20 \
    "http://$PLAIN/3k")" '*Client sent an HTTP request to an HTTPS server.*'
done_testing
