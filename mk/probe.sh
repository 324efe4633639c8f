#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# probe.sh -- which of the wanted compiler and linker flags does CC take?
# usage: CC=cc probe.sh OUT.mk OUT.h    (called by GNUmakefile, result cached)
# Writes make variables: HARD_*, Z_DEFS, WARN_OFF, WERROR, for GNUmakefile
# and the same list of dropped flags as a C macro for `pintle --version`.
set -eu
mk=$1
hdr=$2
: "${CC:=cc}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/pin-probe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$(dirname "$mk")"
printf '#include <string.h>\nint main(int c, char **v)\n' > "$dir/t.c"
printf '{ char b[64]; strncpy(b, v[0], 63); return b[c]; }\n' >> "$dir/t.c"
printf '#include <stdlib.h>\nint pin_f(void);\n' > "$dir/s.c"
printf 'int pin_f(void) { return (rand()); }\n' >> "$dir/s.c"

compiles() { # FLAGS
	# shellcheck disable=SC2086
	$CC -O2 -Werror -c -o "$dir/t.o" "$dir/t.c" $1 > "$dir/log" 2>&1 &&
	    ! grep -qi warning "$dir/log"
}
links() { # FLAGS
	# shellcheck disable=SC2086
	$CC -o "$dir/t" "$dir/t.o" $1 > "$dir/log" 2>&1 &&
	    ! grep -qi warning "$dir/log"
}

case $($CC -dumpmachine 2> /dev/null) in
x86_64*|amd64*|i?86*)	branch=-fcf-protection=full ;;
aarch64*|arm64*)	branch=-mbranch-protection=standard ;;
*)	branch= ;;
esac
# Say it once and plainly, not as a page of errors.
missing=
for h in libconfig.h lmdb.h mbedtls/ssl.h uv.h yaml.h zlib.h archive.h; do
	printf '#include <stdio.h>\n#include <%s>\n' "$h" > "$dir/h.c"
	# shellcheck disable=SC2086
	$CC ${LIB_CFLAGS:-} -c -o "$dir/h.o" "$dir/h.c" > "$dir/log" 2>&1 ||
	    missing="$missing <$h>"
done
if [ -n "$missing" ]; then
	echo "$CC finds no$missing. \`make deps\` installs what is needed." >&2
	exit 1
fi

cflags= ldflags= dropped= zdefs= werror=
for f in "-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3" -fstack-protector-strong \
    -fstack-clash-protection $branch \
    -ftrivial-auto-var-init=zero \
    -fno-delete-null-pointer-checks -fno-strict-overflow \
    -fno-strict-aliasing -fstrict-flex-arrays=3 \
    -fzero-init-padding-bits=all; do
	if compiles "$f"; then
		cflags="$cflags $f"
	else
		dropped="$dropped ${f##* }"
	fi
done
compiles -O2
for f in -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code \
    -Wl,--as-needed; do
	if links "$f"; then
		ldflags="$ldflags $f"
	else
		dropped="$dropped $f"
	fi
done
# A shared object must name all it needs, where the platform lets it.
if $CC -shared -fPIC -Wl,-z,defs -o "$dir/s.so" "$dir/s.c" \
    > "$dir/log" 2>&1; then
	zdefs=-Wl,-z,defs
else
	dropped="$dropped -Wl,-z,defs"
fi
# We use snprintf to cut to fit; gcc with -O2 would warn of each.
noise=
compiles -Wno-format-truncation && noise=-Wno-format-truncation
# Warnings are errors with the compilers our own checks run, else advice.
case $($CC --version 2> /dev/null | head -n 1) in
*clang*' 14.'*)	werror=-Werror ;;
*clang*)	;;
*' 12.'[0-9].[0-9]*)	werror=-Werror ;;
esac
{
	echo "HARD_CFLAGS :=$cflags"
	echo "HARD_LDFLAGS :=$ldflags"
	echo "HARD_DROPPED :=$dropped"
	echo "Z_DEFS := $zdefs"
	echo "WARN_OFF := $noise"
	echo "WERROR ?= $werror"
} > "$(basename "$mk").tmp"
printf '#define PIN_BUILD_DROPPED "%s"\n' "${dropped# }" > "$(basename "$mk").h"
cd - > /dev/null
cmp -s "$mk.h" "$hdr" || cp "$mk.h" "$hdr"
rm -f "$mk.h"
mv "$mk.tmp" "$mk"
