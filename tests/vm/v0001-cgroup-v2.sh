#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# v0001-cgroup-v2 -- both runtimes on a machine with cgroup v2 and nothing
# else: limits, what ends for memory, devices, a restart, the end; an ordinary
# user with a group of his own.
CGROUPS=v2
. tests/lib/e2e.sh
. tests/lib/vm.sh
. tests/lib/vmpods.sh
deadline 1800
# shellcheck disable=SC2086
vm_boot $CGROUPS $KINDS /usr/bin/unshare

is 'v2 is all there is' "$(vm 'awk "/cgroup/ { print \$3 }" /proc/mounts')" \
    cgroup2
as_shipped
by_delegate
if [ "${VM_ALL:-}" = yes ]; then
	kinds
	by_runc
	by_user
	by_container
	by_nobody
fi
done_testing
