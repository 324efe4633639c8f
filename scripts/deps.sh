#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# deps.sh -- the system's packages that Pintle needs, by its package manager.
# usage: deps.sh [build] [test] [run]     (none: build)
# Says what is missing, installs only that, as root or through `sudo -n`; else
# prints the one line to run and exits 2. Debian's names are tried on Debian 12
# in every check; the BSDs' names come from their ports trees.
set -u

apt_build='gcc libc6-dev make pkg-config libconfig-dev liblmdb-dev
    libmbedtls-dev libuv1-dev libyaml-dev zlib1g-dev libarchive-dev'
apt_test='clang libclang-rt-dev curl jq openssl procps unzip runc crun python3
    python3-pip'
[ "$(uname -m)" != x86_64 ] || apt_test="$apt_test qemu-system-x86"
apt_run='curl busybox-static'
apt_root=crun			# for the runtime oci, which takes root

pkg_build='gmake pkgconf libconfig lmdb mbedtls libuv libyaml'	# FreeBSD
pkg_test='curl jq'
pkg_run='curl'
pkg_root=ocijail

pkgin_build='gmake pkgconf libconfig lmdb mbedtls libuv libyaml' # NetBSD
pkgin_test='curl jq'
pkgin_run=curl
pkgin_root=

pkg_add_build='gmake libconfig lmdb mbedtls libuv libyaml libarchive' # OpenBSD
pkg_add_test='curl jq'
pkg_add_run=curl
pkg_add_root=

# The first that is here (FreeBSD's pkg may be present elsewhere too).
if command -v apt-get > /dev/null; then
	pm=apt install='apt-get install -y --no-install-recommends'
elif command -v pkgin > /dev/null; then
	pm=pkgin install='pkgin -y install'
elif command -v pkg_add > /dev/null && [ "$(uname -s)" = OpenBSD ]; then
	pm=pkg_add install='pkg_add -I'
elif command -v pkg > /dev/null && [ "$(uname -s)" = FreeBSD ]; then
	pm=pkg install='pkg install -y'
else
	echo "deps.sh: no apt-get, pkg, pkgin or pkg_add here. Pintle needs" \
	    "a C11 compiler, GNU make, pkg-config, libconfig, LMDB, mbedTLS," \
	    "libuv, libyaml, zlib and libarchive with their headers." >&2
	exit 2
fi

have() { # PACKAGE
	case $pm in
	apt)	case $(dpkg-query -W -f '${db:Status-Status}' "$1" \
		    2> /dev/null) in
		installed) return 0 ;;
		esac
		return 1 ;;
	pkg)	pkg info -e "$1" ;;
	pkgin)	pkg_info -qe "$1" ;;
	pkg_add) pkg_info -qe "$1->=0" > /dev/null 2>&1 ;;
	esac
}

[ $# -gt 0 ] || set -- build
missing=
for set in "$@"; do
	case $set in
	build | test | run) ;;
	*)	echo "usage: deps.sh [build] [test] [run]" >&2
		exit 2 ;;
	esac
	eval "names=\$${pm}_$set"
	[ "$set-$(id -u)" != run-0 ] || eval "names=\"\$names \$${pm}_root\""
	for p in $names; do
		have "$p" || missing="$missing $p"
	done
done
missing=${missing# }
[ -n "$missing" ] || exit 0

echo "missing: $missing"
if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
	sudo='sudo -n'
else
	echo "Installing them takes root. As root, run:" >&2
	echo "    $install $missing" >&2
	exit 2
fi
echo "installing: $sudo $install $missing"
if [ $pm = apt ]; then
	DEBIAN_FRONTEND=noninteractive
	export DEBIAN_FRONTEND
	# Without lists, or with old ones, nothing is found: fetch and retry.
	# shellcheck disable=SC2086
	$sudo $install $missing > /dev/null 2>&1 && exit 0
	$sudo apt-get update -q > /dev/null || exit 1
fi
log=$(mktemp "${TMPDIR:-/tmp}/pin-deps.XXXXXX")
# shellcheck disable=SC2086
if $sudo $install $missing > "$log" 2>&1; then
	rm -f "$log"
	exit 0
fi
cat "$log" >&2
rm -f "$log"
echo "deps.sh: that failed: $sudo $install $missing" >&2
exit 1
