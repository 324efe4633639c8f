#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# A disk whose sync fails (EIO): the kernel marks the pages clean, so a second
# sync would lie. The server stops at once: nothing is acknowledged from then
# on, and what was acknowledged before is there when the disk is well again.
. tests/lib/faults.sh
need_cmd curl
cat > "$W/eio.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int
fails(void)
{
	const char *sign = getenv("PIN_EIO");

	if (sign == NULL || access(sign, F_OK) != 0)
		return (0);
	errno = EIO;
	return (1);
}

int
fdatasync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");

	return (fails() ? -1 : real(fd));
}

int
fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");

	return (fails() ? -1 : real(fd));
}
C
ok 'what is preloaded builds' "${CC:-cc}" -shared -fPIC -o "$W/eio.so" \
    "$W/eio.c" -ldl
conf ''
PIN_EIO=$W/sick
export PIN_EIO
acked() { wc -l < "$W/acked"; }
many() { [ "$(acked)" -ge "$1" ]; }
there() {
	api GET /api/v1/namespaces/default/configmaps | tr ',' '\n' |
	    sed -n 's/.*"name":"\(s[0-9]*-[0-9]*\)".*/\1/p' | sort > "$W/there"
	sort "$W/acked" | comm -23 - "$W/there" | wc -l
}

: > "$W/acked"
LD_PRELOAD=$W/eio.so up_start --config "$CONF"
bg fill 1000000 -c 8 -p s1 -s 60 -a "$W/acked"
load=$BG_PID
wait_for 30 many 200
: > "$W/sick"
wait_for 10 logged 'the log failed: .*: sync: Input/output error' 1
wait_for 10 logged 'pintle: control plane ended with' 1
n=$(acked)
# Each new attempt to start finds the same disk.
wait_for 20 logged 'pintle: control plane ended with' 2
map sick
is 'nobody answers a write' "$CODE" 000
is 'and none was acknowledged since' "$(acked)" "$n"
kill "$load" 2> /dev/null
wait "$load" 2> /dev/null

rm -f "$W/sick"
well() { map "well$(date +%s%N)"; [ "$CODE" = 201 ]; }
wait_for 30 well
is 'what was acknowledged is there' "$(there)" 0
up_stop
is 'nothing was said to be stored after the fault' "$(acked)" "$n"
done_testing
