#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# tidy.sh -- the form of the tree as a test: what needs a compiler, nm or find.
# usage: tidy.sh BUILD-FOLDER     (after make; called by `make tidy`)
# The form of single files is tools/tidy.c, which this starts at the end.
set -u
b=$1
n=0 bad=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/tidy.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
CC=${CC:-cc}
echo '# deadline 600'

# result CLAIM: fails when $tmp/breaches is not empty, shows it.
result() {
	n=$((n + 1))
	if [ -s "$tmp/breaches" ]; then
		sed 's/^/# /' "$tmp/breaches"
		echo "not ok $n - $1"
		bad=$((bad + 1))
	else
		echo "ok $n - $1"
	fi
	: > "$tmp/breaches"
}
: > "$tmp/breaches"
breach() {
	echo "$*" >> "$tmp/breaches"
}

# 1. Headers compile alone, and twice.
for h in $(find include core lib -name '*.h' 2> /dev/null | sort); do
	case $h in
	*_freebsd.h | *_netbsd.h | *_openbsd.h | *_bsd.h) continue ;;
	esac
	printf '#include "%s"\n#include "%s"\n' "$h" "$h" > "$tmp/h.c"
	$CC -std=c11 -D_XOPEN_SOURCE=700 -Wall -Wextra -Werror -Iinclude \
	    -I. -I"$b/gen" -fsyntax-only "$tmp/h.c" > "$tmp/log" 2>&1 || {
		breach "$h"
		head -n 4 "$tmp/log" >> "$tmp/breaches"
	}
done
result 'each header compiles alone and twice'

# 2. The public headers include only each other and libc.
grep -n '^#include "' include/pintle/* 2> /dev/null |
    grep -v '"pintle/' >> "$tmp/breaches"
result 'public headers include only public headers and libc'

# 3. A plugin shows one name.
for so in $(find "$b/plugins" -name '*.so' 2> /dev/null | sort); do
	names=$(nm -D --defined-only "$so" | awk '{ print $NF }' |
	    grep -v -x -e pin_plugin -e '_init' -e '_fini' -e '__bss_start' \
	    -e '_edata' -e '_end')
	[ -z "$names" ] || breach "$so:" $names
	nm -D --defined-only "$so" | grep -q ' pin_plugin$' ||
	    breach "$so: no pin_plugin"
done
result 'each plugin exports pin_plugin and nothing else'

# 4. What is shipped is linked as it should be.
if command -v readelf > /dev/null; then
	for f in "$b/pintle" "$b/libpintle.so" \
	    $(find "$b/plugins" -name '*.so' 2> /dev/null); do
		[ -e "$f" ] || continue
		readelf -lWd "$f" > "$tmp/elf" 2> /dev/null
		grep -q GNU_RELRO "$tmp/elf" || breach "$f: no RELRO"
		grep -q -e BIND_NOW -e 'Flags: NOW' "$tmp/elf" ||
		    breach "$f: not BIND_NOW"
		grep -q TEXTREL "$tmp/elf" && breach "$f: TEXTREL"
		grep -E 'LOAD|GNU_STACK' "$tmp/elf" | grep -q RWE &&
		    breach "$f: a segment both writable and executable"
	done
	[ ! -e "$b/pintle" ] || readelf -h "$b/pintle" | grep -q DYN ||
	    breach "$b/pintle: not PIE"
fi
result 'RELRO, BIND_NOW, PIE, no TEXTREL, nothing writable and executable'

# 5. One word per kind, five places.
if [ -f include/pintle/kinds.def ]; then
	sed -n 's/^ *KIND([^"]*"\([a-z]*\)".*/\1/p' include/pintle/kinds.def \
	    > "$tmp/kinds"
	[ -s "$tmp/kinds" ] || breach 'kinds.def: no KIND(SYM, "word", ...)'
	while read -r k; do
		for f in "include/pintle/$k.h" "plugins/$k" \
		    "plugins/$k/README.md" "tests/kinds/$k.c" \
		    "docs/abi/$k.md"; do
			[ -e "$f" ] || breach "kind $k: no $f"
		done
	done < "$tmp/kinds"
	for d in plugins/*/; do
		[ -d "$d" ] || continue
		grep -qx "$(basename "$d")" "$tmp/kinds" ||
		    breach "$d: not a kind of kinds.def"
	done
fi
result 'each kind has header, plugins, README, contract test and ABI page'

# 6. No dead file.
find . -name '*.c' ! -path './build*' ! -path './.*' | sed 's,^\./,,' | sort |
while read -r f; do
	case $f in
	lib/* | core/* | plugins/*/*.c | tests/plugins/*/*.c | examples/*) ;;
	tests/lib/*.c) ;;
	tests/*/*/*) breach "$f: only tests/SUITE/NAME.c is built" ;;
	tests/unit/* | tests/kinds/* | tests/sim/* | tests/crash/* | \
	tests/watch/* | \
	    tests/bench/* | tests/fuzz/*) ;;
	tools/*)
		t=$(basename "$f" .c)
		grep -q "tools/${t%%_*}" GNUmakefile mk/* scripts/* \
		    tools/*.sh tools/*/*.sh 2> /dev/null ||
		    breach "$f: nobody builds it" ;;
	*)	breach "$f: nobody builds it" ;;
	esac
done
for h in $(find core lib plugins tests -name '*.h' 2> /dev/null); do
	grep -rqF --include='*.[chd]*' "$(basename "$h")\"" core lib plugins \
	    tests tools "$b/gen" 2> /dev/null || breach "$h: nobody includes it"
done
for f in scripts/*.sh; do
	f=$(basename "$f")
	grep -rqF "$f" --exclude="$f" GNUmakefile mk .ci scripts tests tools \
	    docs README.md 2> /dev/null ||
	    breach "$f: nobody runs or names it"
done
result 'no file that nobody builds, includes or runs'

# 7. A fuzz target has a corpus.
for f in tests/fuzz/*.c; do
	[ -e "$f" ] || continue
	[ -n "$(ls "tests/fuzz/corpus/$(basename "$f" .c)" 2> /dev/null)" ] ||
	    breach "$f: tests/fuzz/corpus/$(basename "$f" .c)/ is empty"
done
result 'each fuzz target has a corpus'

# 8. Scripts are correct sh, and end-to-end tests are named as agreed.
for f in $(find scripts tests tools mk .ci examples -name '*.sh' \
    2> /dev/null) .ci/run tests/run; do
	[ -f "$f" ] || continue
	sh -n "$f" 2>> "$tmp/breaches" || breach "$f: does not parse"
done
for f in tests/e2e/* tests/vm/*; do
	case $(basename "$f") in
	'*' | init | [brsv][0-9][0-9][0-9][0-9]-*.sh | *.yaml | *.yml | \
	    *.json | README.md) ;;
	*)	[ -d "$f" ] || breach "$f: not named bNNNN-NAME.sh" ;;
	esac
done
for f in tests/e2e/*.sh tests/vm/*.sh; do
	[ -e "$f" ] || continue
	grep -nE '^[^#]*(^|[;&|[:space:]])sleep[[:space:]]+[0-9]' "$f" |
	    grep -v "'.*sleep.*'" | sed "s,^,$f:,;s,\$, (wait_for a state)," \
	    >> "$tmp/breaches"
	! grep -qE '^[^#]*(^|[[:space:](])k (get|create|apply|logs|delete) ' \
	    "$f" || grep -q need_kubectl "$f" || breach "$f: no need_kubectl"
done
result 'scripts parse, tests are named, never sleep and say what they need'

# 9. tests/SKIPS holds no id that no test uses.
SKIPPERS='(SKIP|skip|need_|client |library )'
if [ -f tests/SKIPS ]; then
	grep -v '^#' tests/SKIPS | awk 'NF { print $1 }' | sed 's,/local$,,' |
	while read -r id; do
		grep -rqE "$SKIPPERS[^#]*\\b$id\\b" tests scripts tools \
		    --include='*.c' --include='*.sh' ||
		    breach "tests/SKIPS: nobody skips as '$id'"
	done
fi
result 'no stale id in tests/SKIPS'

# 10. The form of single files.
find include core lib plugins tests tools scripts mk examples .ci \
    GNUmakefile -type f \( -name '*.[ch]' -o -name '*.sh' -o -name '*.mk' \
    -o -name '*.def' -o -name GNUmakefile -o -path '.ci/run' -o \
    -path tests/run \) 2> /dev/null | sort > "$tmp/files"
"$b/tools/tidy" < "$tmp/files" | sed "/^1\\.\\./d" > "$tmp/text"
awk -v n="$n" '/^ok / { $2 = ++n } /^not ok / { $3 = ++n } { print }' \
    "$tmp/text"
more=$(grep -cE '^(not )?ok ' "$tmp/text")
bad=$((bad + $(grep -c '^not ok' "$tmp/text")))
echo "1..$((n + more))"
[ "$more" -gt 0 ] && [ "$bad" -eq 0 ]
