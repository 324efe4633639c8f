#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0002-plugin -- pintle plugin list, info and check, on plugins that are
# good, broken in every way, or absent.
. tests/lib/e2e.sh

P=$PIN_BUILD/tests/plugins
check() { # CLAIM FILE PATTERN
	"$PINTLE" plugin check "$2" > "$W/stdout" 2> "$W/stderr"
	is "$1: exit code 1" $? 1
	like "$1: why" "$(cat "$W/stderr")" "$3"
}

ok 'a good plugin would load' "$PINTLE" plugin check "$P/admission/label.so"
like 'and is named' "$(out)" '*admission plugin label 1.0 would load'
check 'another host ABI' "$P/admission/abi-host.so" \
    '*host ABI 9.7, this host has 1.*'
check 'a newer kind ABI' "$P/admission/abi-kind.so" \
    '*admission ABI 1.42, this host has 1.*'
check 'no symbol' "$P/admission/no-symbol.so" "*not export 'pin_plugin'*"
check 'no such file' "$W/none.so" '*none.so: No such file*'
check 'a directory' "$W" '*not a regular file*'
cp "$P/admission/label.so" "$W/label.so"
chmod 666 "$W/label.so"
check 'a file that all can write' "$W/label.so" '*lets everybody write*'
cp "$P/admission/label.so" "$W/renamed.so"
chmod 644 "$W/renamed.so"
check 'a renamed file' "$W/renamed.so" "*calls itself 'label'*"
head -c 9000 "$P/admission/label.so" > "$W/cut.so"
check 'half a file' "$W/cut.so" '*cut.so: truncated*'

ok 'info by name' "$PINTLE" plugin info label --plugins "$P"
like 'shows kind and ABI' "$(out)" \
    '*kind:     admission*abi:      host 1.*options:*'
like 'shows an option, its type, default and range' "$(out)" \
    '*count                int       3*nothing \[1 to 10\]*'
ok 'info by kind and name' "$PINTLE" plugin info store/none --plugins "$P"
like 'finds that kind' "$(out)" '*kind:     store*'
ok 'info of a plugin that would not load for its ABI' \
    "$PINTLE" plugin info "$P/admission/abi-kind.so"
like 'shows both numbers' "$(out)" '*kind 1.42 (this host: 1.*, 1.0)*'
fails 'info of what is none' "$PINTLE" plugin info /bin/sh
fails 'info of half a file' "$PINTLE" plugin info "$W/cut.so"
like 'says so' "$(out)" '*truncated*'

# A constructor is the code that dlopen would run.
cat > "$W/evil.c" <<'END'
#include <pintle/admission.h>
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void
evil(void)
{
	FILE *f = fopen(getenv("EVIL"), "w");
	if (f != NULL)
		fclose(f);
}
const struct pin_plugin pin_plugin = {
	PIN_PLUGIN_HEAD(ADMISSION),
	.name = "evil", .version = "6.66", .summary = "runs at once",
};
END
EVIL=$W/ran
export EVIL
if ${CC:-cc} -shared -fPIC -Iinclude -o "$W/evil.so" "$W/evil.c"; then
	ok 'info reads a plugin with a constructor' \
	    "$PINTLE" plugin info "$W/evil.so"
	like 'its version is there' "$(out)" '*version:  6.66*'
	fails 'and nothing of it has run' test -e "$W/ran"
else
	bail 'no compiler'
fi

"$PINTLE" plugin list --plugins "$P" > "$W/stdout" 2> "$W/stderr"
is 'list with broken plugins: exit code 1' $? 1
like 'list shows the good' "$(cat "$W/stdout")" \
    '*admission	label	1.0	sets a label, for tests*'
like 'and names the broken' "$(cat "$W/stderr")" '*abi-host.so: built for*'
fails 'list of a folder that is not there' \
    "$PINTLE" plugin list --plugins "$W/nowhere"
like 'says so' "$(out)" '*nowhere is not there*'
done_testing
