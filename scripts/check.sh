#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# check.sh -- the stages of `make check`, timed, one after the other.
# usage: check.sh [all]          all: the long forms, for a night
# Goes on after a failed stage, to show them all; only a tree that does not
# build ends it. STAGES="unit e2e" runs just these. Ends with one plain line.
set -u
: "${MAKE:=make}"
unset MAKEFLAGS MFLAGS MAKELEVEL 2> /dev/null || :
cd "$(dirname "$0")/.." || exit 2
long=${1:-}
jobs=${JOBS:-2}
mkdir -p build
show=-q				# or -c: every claim, with its figures
res=$PWD/build/check.results
: > "$res"
want=" ${STAGES:-} "

wanted() { # STAGE
	[ "$want" = "  " ] && return 0
	case $want in *" $1 "*) return 0 ;; esac
	return 1
}
# A stage that is one command: passed or not.
plain() { # STAGE CMD...
	st=$1
	shift
	wanted "$st" || return 0
	echo "== $st"
	t0=$(date +%s)
	if "$@"; then
		echo "$st $(($(date +%s) - t0)) 1 0 0" >> "$res"
		return 0
	fi
	echo "FAILED: $*"
	echo "$st $(($(date +%s) - t0)) 0 1 0" >> "$res"
	return 1
}
# A stage of TAP programs; the runner appends its own line of results.
tap() { # STAGE MAKE-ARGS...
	st=$1
	shift
	wanted "$st" || return 0
	echo "== $st"
	before=$(wc -l < "$res")
	$MAKE -s --no-print-directory -j "$jobs" "$@" N="$st" \
	    TAPFLAGS="$show -r '$res'" && return 0
	# Did it fail before it ran?
	[ "$(wc -l < "$res")" -gt "$before" ] || echo "$st 0 0 1 0" >> "$res"
	return 1
}
finish() {
	$MAKE -s build/tools/taprun &&
	    exec build/tools/taprun -T "$res"
	echo '0 passed, 1 failed'
	exit 1
}

if wanted deps; then
	sh scripts/deps.sh build test run ||
	    echo 'going on with what is there' >&2
fi
plain build $MAKE -s -j "$jobs" tests || finish
tap tidy tidy
tap unit unit
tap kinds kinds
tap sim sim
tap watch watch
tap crash crash
if wanted e2e && ls tests/e2e/*.sh > /dev/null 2>&1; then
	sh scripts/kubectl.sh > /dev/null || :
fi
tap e2e e2e
if wanted vm; then
	sh scripts/kernel.sh > /dev/null || :
fi
tap vm vm
plain asan-build $MAKE -s -j "$jobs" SAN=address,undefined tests &&
    tap asan SAN=address,undefined suite &&
    tap fuzz SAN=address,undefined fuzz
plain tsan-build $MAKE -s -j "$jobs" SAN=thread tests &&
    tap tsan SAN=thread threads
tap cross cross
if [ "$long" = all ]; then
	: "${SCALE:=10}"
	export SCALE
	plain clang $MAKE -s -j "$jobs" CC=clang B=build-clang tests &&
	    tap clang-unit CC=clang B=build-clang suite
	show=-c
	tap crash-long crash
	tap fuzz-long FUZZ=1 FUZZ_SECS="${FUZZ_SECS:-60}" fuzz
	tap sim-long sim
	tap watch-long watch
	VM_ALL=yes
	export VM_ALL
	tap vm-long vm
	tap kill-long E2E=tests/e2e/b0203-kill.sh e2e
	show=-q
	if command -v debootstrap > /dev/null && [ "$(id -u)" = 0 ]; then
		plain clean-os env -u STAGES sh scripts/clean-check.sh \
		    "${XDG_CACHE_HOME:-$HOME/.cache}/pintle/clean-bookworm"
	fi
	cross=
	for os in linux-musl freebsd netbsd openbsd; do
		cross="$cross x86_64-$os aarch64-$os"
	done
	tap cross-all cross CROSS="$cross"
fi
finish
