#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# v0002-cgroup-v1 -- the same on a machine with cgroup v1 and nothing else.
CGROUPS=v1
. tests/lib/e2e.sh
. tests/lib/vm.sh
. tests/lib/vmpods.sh
deadline 1800
# shellcheck disable=SC2086
vm_boot $CGROUPS $KINDS

is 'v2 is not there' "$(vm 'grep cgroup2 /proc/mounts')" ''
as_shipped
if [ "${VM_ALL:-}" = yes ]; then
	kinds
	by_runc
	by_user
	by_nobody
fi
done_testing
