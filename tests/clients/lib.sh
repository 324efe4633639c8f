# SPDX-License-Identifier: BSD-2-Clause
#
# lib.sh -- how the tests of client libraries get them and run a program of
# this folder. Sourced after tests/lib/e2e.sh. The libraries are brought by
# their own package managers, by name and version, into $PIN_BUILD/clients.

# library NAME VERSION TOOL CMD...: CMD puts it into the new folder $C, where
# it stays until another version is asked for. TOOL is missing, or CMD fails:
# the test is skipped as NAME.
library() {
	l_name=$1 l_version=$2 l_tool=$3
	shift 3
	C=$PIN_BUILD/clients/$l_name
	[ "$(cat "$C/.version" 2> /dev/null)" = "$l_version" ] && return 0
	command -v "$l_tool" > /dev/null ||
	    skip_all "$l_name" "no $l_tool in PATH"
	rm -rf "$C"
	mkdir -p "$C" || bail "cannot make $C"
	if ! "$@" > "$C/install.log" 2>&1; then
		diag "$(tail -n 20 "$C/install.log")"
		skip_all "$l_name" "$l_tool could not bring $l_version"
	fi
	echo "$l_version" > "$C/.version"
}
# program CMD...: it prints `ok - claim`, `not ok - claim` and `# remark`, and
# exits 0 when all held; here the lines get their numbers.
program() {
	{ "$@" 2>&1; echo $? > "$W/status"; } | awk -v n="$E_N" '
		/^(not )?ok - / { sub(/ok -/, "ok " ++n " -"); print }
		!/^((not )?ok|#) / { print "# " $0 }
		/^# / { print }
		{ fflush() }' | tee "$W/program"
	p_bad=$(grep -c '^not ok' "$W/program")
	p_n=$(grep -c '^ok' "$W/program")
	E_N=$((E_N + p_n + p_bad)) E_BAD=$((E_BAD + p_bad))
	is 'the program ran to its end' "$(cat "$W/status") $((p_n > 0))" '0 1'
}
