#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# down.sh -- the end of a node that up.sh started, and of its containers,
# which outlive it. What it stored stays; up.sh starts it all again.
# usage: down.sh [DIR]		(default: $DATA, ./build/data)
set -u
cd "$(dirname "$0")/.." || exit 2
data=${1:-${DATA:-$PWD/build/data}}
[ -d "$data" ] || {
	echo "down.sh: $data: no such directory" >&2
	exit 2
}
data=$(cd "$data" && pwd)
# wait_for TENTHS CMD...
wait_for() {
	left=$1
	shift
	until "$@"; do
		[ "$left" -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.1
	done
}
pid=$(cat "$data/up.pid" 2> /dev/null || :)
is_node() {
	[ -n "$pid" ] && { tr '\0' ' ' < "/proc/$pid/cmdline" ||
	    ps -o args= -p "$pid"; } 2> /dev/null |
	    grep -qF "pintle up --data $data "
}
not_node() {
	! is_node
}
if is_node; then
	kill "$pid"
	wait_for 200 not_node || {
		echo "down.sh: process $pid does not end" >&2
		exit 1
	}
	echo "the node has stopped"
fi
rm -f "$data/up.pid"

# Each container has a shim that reads signals from its FIFO `ctl` and leaves
# `exit` when the container has ended. (<> does not wait for a reader.)
say() { # SIGNAL: to each that runs; sets n
	n=0
	for ctl in "$data"/run/*/*/ctl; do
		[ -p "$ctl" ] && [ ! -e "${ctl%/ctl}/exit" ] || continue
		n=$((n + 1))
		echo "$1" 1<> "$ctl"
	done
}
none() {
	for ctl in "$data"/run/*/*/ctl; do
		[ -p "$ctl" ] && [ ! -e "${ctl%/ctl}/exit" ] && return 1
	done
	return 0
}
say 15
[ $n = 0 ] || wait_for 50 none || {
	say 9
	wait_for 50 none || echo "down.sh: $n containers without a shim" >&2
}
# What root's containers have on the node; the rest goes at the next start.
for dir in "$data"/pods/*/volumes/*/; do
	[ "$(id -u)" != 0 ] || ! mountpoint -q "$dir" || umount -l "$dir"
done 2> /dev/null
for dir in "$data"/run/*/*/; do
	dir=${dir%/}
	[ "$(id -u)" = 0 ] && [ -e "$dir/spec" ] || continue
	[ ! -d "$dir/root" ] || umount -l "$dir/root" 2> /dev/null || :
	[ ! -d /sys/fs/cgroup ] || find /sys/fs/cgroup -maxdepth 3 -type d \
	    -path "*/pintle-*/${dir##*/}" 2> /dev/null |
	    while read -r group; do
		rmdir "$group" && rmdir "${group%/*}"
	done 2> /dev/null
done
echo "no container of $data runs"
