#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# b0001-help -- every verb explains itself, and a command line that makes no
# sense is answered with what to try and exit code 2.
. tests/lib/e2e.sh

usage() { # CLAIM PATTERN ARG...
	e_what=$1 e_pat=$2
	shift 2
	"$PINTLE" "$@" > "$W/stdout" 2> "$W/stderr"
	is "$e_what: exit code 2" $? 2
	like "$e_what: says so" "$(cat "$W/stderr")" "$e_pat"
	is "$e_what: nothing on standard output" "$(cat "$W/stdout")" ''
}

ok '--help works' "$PINTLE" --help
verbs=$(out | sed -n 's/^  pintle \([a-z]*\( [a-z]\{1,\}\)\{0,1\}\) .*/\1/p')
like 'it lists plugin check' "$verbs" '*plugin check*'
echo "$verbs" | while read -r v; do
	# shellcheck disable=SC2086
	"$PINTLE" $v --help > "$W/help" 2>&1 || echo "$v: exit $?"
	grep -q "^usage: pintle $v" "$W/help" || echo "$v: no usage line"
done > "$W/bad"
is 'every verb it lists has --help' "$(cat "$W/bad")" ''
ok 'a group of verbs has --help' "$PINTLE" plugin --help
like 'which lists the group only' "$(out)" 'usage:*plugin info*'
ok '--version is the verb version' "$PINTLE" --version
like 'it names the ABI of each kind' "$(out)" '*admission ABI 1.*'

usage 'no verb' '*usage:*'
usage 'an unknown verb' "*no verb 'frob'*--help*" frob
usage 'half a verb' '*plugin info*' plugin
usage 'an unknown option' '*unknown option --frob*' config check --frob
usage 'a short option' '*unknown option -x*' config check -x
usage 'an option without its value' '*needs a value: --plugins*' \
    plugin list --plugins
usage 'an option twice' '*given twice*' plugin list --plugins=a --plugins b
usage 'a missing word' '*missing: FILE*' plugin check
usage 'a word too many' '*not expected: b*' plugin check a b
usage 'the internal verb by hand' '*started by a server only*' \
    plugin-host admission x.so
done_testing
