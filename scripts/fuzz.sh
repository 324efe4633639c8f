#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# fuzz.sh -- libFuzzer on one target for so many seconds, as a TAP test.
# usage: fuzz.sh NAME SECONDS    (after `make FUZZ=1`; called by `make fuzz`)
# New inputs go to build-fuzz/corpus/NAME, a crash to build-fuzz/crash/NAME-*.
set -u
name=$1
secs=$2
b=${PIN_BUILD:-build-fuzz}
echo "# deadline $((secs + 60))"
mkdir -p "$b/corpus/$name" "$b/crash"
"$b/tests/fuzz/$name" -max_total_time="$secs" -rss_limit_mb=1024 -timeout=10 \
    -artifact_prefix="$b/crash/$name-" -print_final_stats=1 -verbosity=0 \
    "$b/corpus/$name" "tests/fuzz/corpus/$name" > "$b/crash/$name.log" 2>&1
rc=$?
[ $rc -eq 0 ] && ok=ok || { ok='not ok'; sed 's/^/# /' "$b/crash/$name.log"; }
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$b/crash/$name.log")
echo "$ok 1 - $name stands $secs seconds of libFuzzer: ${runs:-no} inputs"
echo 1..1
exit $rc
