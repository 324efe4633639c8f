#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# kernel.sh -- a Linux kernel for the tests in a virtual machine, Debian's for
# the cloud (cgroup v1 and v2 are both in it); prints the folder where vmlinuz
# and its modules are. Fetched by apt-get, unpacked, never installed; kept in
# ${XDG_CACHE_HOME:-~/.cache}/pintle/kernel.
# usage: kernel.sh     ($KERNEL, a folder like that, overrules)
# Exit 1 and a reason when there is none.
set -u
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pintle/kernel
modules='overlay failover net_failover virtio_net virtio_pci virtio_ring virtio
    virtio_pci_modern_dev virtio_pci_legacy_dev virtio_blk'

no() {
	echo "kernel.sh: no kernel: $*" >&2
	exit 1
}
whole() { # DIR
	[ -f "$1/vmlinuz" ] && [ -f "$1/virtio_blk.ko" ]
}
get() { # the package that the metapackage names today, into .
	name=$(apt-cache depends linux-image-cloud-amd64 2> /dev/null |
	    sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
	[ -n "$name" ] && apt-get download -q "$name" > apt.log 2>&1
}
if [ -n "${KERNEL:-}" ]; then
	whole "$KERNEL" || no "$KERNEL: vmlinuz and its modules are not there"
	echo "$KERNEL"
	exit 0
fi
if whole "$cache"; then
	echo "$cache"
	exit 0
fi
[ "$(uname -s) $(uname -m)" = 'Linux x86_64' ] || no 'not an amd64 Linux'
command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null ||
    no 'no apt-get and dpkg-deb'
mkdir -p "${cache%/*}" || no "$cache"
# In a folder of its own and then renamed: two at once do no harm.
dir=$(mktemp -d "$cache.XXXXXX") || no "$cache"
trap 'rm -rf "$dir"' EXIT
cd "$dir" || no "$dir"
get || { [ "$(id -u)" = 0 ] && apt-get update -q > update.log 2>&1 && get; } ||
    no "apt-get brings none: $(tail -n 1 apt.log update.log 2> /dev/null |
    tr '\n' ' ')"
dpkg-deb --fsys-tarfile ./*.deb | tar xf - ./boot ./lib ||
    no 'the package does not unpack'
mkdir kernel
mv boot/vmlinuz-* kernel/vmlinuz || no 'no vmlinuz in the package'
for m in $modules; do
	find lib -name "$m.ko*" -exec mv {} kernel/ \;
done
! ls kernel/*.xz > /dev/null 2>&1 || xz -d kernel/*.xz
whole kernel || no 'no modules in the package'
mv -T kernel "$cache" 2> /dev/null || whole "$cache" || no "$cache"
echo "$cache"
