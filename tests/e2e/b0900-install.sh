#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0900-install -- what `make install` lays down is enough to build a plugin
# that knows nothing of the source tree, and to read it with pintle.
. tests/lib/e2e.sh

D=$W/dest
P=$D/usr/local
b=${PIN_BUILD#"$PWD"/}
unset MAKEFLAGS MFLAGS MAKELEVEL PREFIX DESTDIR
ok 'make install works' make B="$b" install DESTDIR="$D"
is 'nothing is installed outside the prefix' \
    "$(cd "$D" && find . -type f | grep -vc '^\./usr/local/')" 0
for f in bin/pintle lib/libpintle.so include/pintle/plugin.h \
    lib/pintle/plugin.mk lib/pintle/plugin.map; do
	ok "it lays down $f" test -s "$P/$f"
done
want=$(find "$PIN_BUILD/plugins" -name '*.so' | wc -l)
is 'every plugin is there' \
    "$(find "$P/lib/pintle/plugins" -name '*.so' | wc -l)" "$want"
LD_LIBRARY_PATH=$P/lib
export LD_LIBRARY_PATH
ok 'the installed pintle runs' "$P/bin/pintle" --version

cp -R examples/plugin "$W/plugin"
cd "$W/plugin" || bail 'no examples/plugin'
ok 'a plugin builds against it' make PINTLE="$P"
is 'it exports one name' \
    "$(nm -D --defined-only reserved-names.so | awk '{ print $NF }')" pin_plugin
ok 'the installed pintle reads it' "$P/bin/pintle" plugin info \
    ./reserved-names.so
like 'and says what it is for' "$(out)" '*reserved prefix*'
ok 'it installs' make PINTLE="$P" install DESTDIR="$D"
ok 'among the others' \
    test -s "$P/lib/pintle/plugins/admission/reserved-names.so"
ok 'make clean leaves the sources' make PINTLE="$P" clean
is 'and nothing else' "$(ls)" 'GNUmakefile
README.md
reserved-names.c'
done_testing
