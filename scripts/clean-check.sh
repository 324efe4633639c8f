#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# clean-check.sh -- do the README's two commands hold on a Debian that has
# nothing? For maintainers; as root; needs debootstrap and unshare.
# usage: clean-check.sh DIR [SUITE] [CMD ...]
# Makes a minimal system in DIR (kept, and used again), puts the committed tree
# into it, and runs there, as root and then as a user: `make up` until a node is
# ready (at $LISTEN), and `make check` with the stages of $STAGES. Or CMD
# instead, as root.
# The mirror is the one this machine's apt uses, or $MIRROR.
set -eu
[ $# -ge 1 ] || { sed -n '6p' "$0" >&2; exit 2; }
top=$(cd "$(dirname "$0")/.." && pwd)
dir=$1
suite=${2:-bookworm}
[ $# -le 2 ] && shift $# || shift 2
[ $# -gt 0 ] || set -- sh /pintle/scripts/clean-check-in.sh
if [ -z "${MIRROR:-}" ]; then
	MIRROR=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
	    /etc/apt/sources.list.d/*.sources 2> /dev/null | sed -n \
	    's/^URIs: *\([^ ]*\).*/\1/p
	    s/^deb \(\[[^]]*\] *\)\{0,1\}\([^ ]*\).*/\2/p' | head -n 1)
fi
if [ ! -x "$dir/usr/bin/apt-get" ]; then
	debootstrap --variant=minbase "$suite" "$dir" "$MIRROR" > "$dir.log" ||
	    { tail -n 5 "$dir.log" >&2; exit 1; }
fi
cp /etc/resolv.conf "$dir/etc/resolv.conf"
cp /etc/apt/apt.conf.d/*proxy* "$dir/etc/apt/apt.conf.d/" 2> /dev/null || :
rm -rf "$dir/pintle"
mkdir -p "$dir/pintle" "$dir/proc"
(cd "$top" && git archive HEAD) | tar xf - -C "$dir/pintle"
# Names of its own, and a root of its own, as containers want one: nothing that
# runs in there outlives this, no mount stays.
export dir
exec unshare --mount --pid --fork --kill-child /bin/sh -ec '
    mount --bind "$dir" "$dir"
    mount -t proc proc "$dir/proc"
    mount --rbind /dev "$dir/dev"
    mount --rbind /sys "$dir/sys"
    cd "$dir"
    pivot_root . mnt
    exec chroot . /usr/bin/env -i PATH="$PATH" HOME=/root TERM=dumb \
    ${STAGES+STAGES="$STAGES"} ${LISTEN+LISTEN="$LISTEN"} \
    /bin/sh -ec '\''umount -l /mnt; cd /pintle
    "$@"'\'' sh "$@"' sh "$@"
