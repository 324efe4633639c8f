# SPDX-License-Identifier: BSD-2-Clause
#
# vmpods.sh -- what must hold for pods with limits on a test machine, whatever
# cgroups it has (CGROUPS=v1 or v2). Sourced after vm.sh. VM_ALL=yes: also what
# takes long.

KINDS=''			# programs
[ "${VM_ALL:-}" != yes ] || KINDS="$PIN_BUILD/tests/kinds/runtime_oci_linux
    $PIN_BUILD/tests/kinds/runtime_process_linux"
CG=/sys/fs/cgroup
PATIENCE=${PATIENCE:-200}			# seconds for what a pod does
S="{' '}"

# The contract tests of the runtimes, in there.
kinds() {
	for t in $KINDS; do
		vm "cd '$PWD' && TMPDIR=/data/t PIN_BUILD='$PIN_BUILD' '$t'" \
		    > "$W/kinds.tap"
		is "kinds/${t##*/}" $? 0
		grep '^not ok\|SKIP' "$W/kinds.tap" | sed 's/^/# /'
	done
}
pod() { # NAME RUNTIME COMMAND LIMITS
	cat << POD | k apply -f - > "$W/apply" 2>&1 || diag "$(cat "$W/apply")"
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 3
  $([ "$2" = default ] || echo "runtimeClassName: $2")
  containers:
  - name: c
    image: hello:1
    command: [sh, -c, '$3']
    resources: {limits: {$4}}
POD
}
of_pod() { # NAME JSONPATH below status
	k get pod "$1" -o "jsonpath={.status.$2}"
}
# The groups of a pod's container; v1 has one in each hierarchy.
groups() { # NAME
	vm "find $CG/ -type d -path '*/pintle-*/$(k get pod "$1" -o \
	    'jsonpath={.metadata.uid}')-*'" | sort
}
held() { # GROUP FILE...: what stands in them, in a line
	g=$1
	shift
	vm "cd $g && cat $*" | tr '\n' ' '
}
holds() { # NAME: 64Mi and 250m
	groups "$1" > "$W/groups"
	if [ "$CGROUPS" = v2 ]; then
		mem=$(cat "$W/groups") cpu=$mem
		is "$1: memory; no swap; it is killed as a whole" \
		    "$(held "$mem" memory.max memory.swap.max \
		    memory.oom.group)" '67108864 0 1 '
		is "$1: cpu" "$(held "$cpu" cpu.max)" '25000 100000 '
	else
		mem=$(grep "^$CG/memory/" "$W/groups")
		cpu=$(grep "^$CG/cpu,cpuacct/" "$W/groups")
		is "$1: memory; no swap" "$(held "$mem" memory.limit_in_bytes \
		    memory.memsw.limit_in_bytes)" '67108864 67108864 '
		is "$1: cpu" "$(held "$cpu" cpu.cfs_quota_us \
		    cpu.cfs_period_us)" '25000 100000 '
	fi
	like "$1: its processes are in them" "$(vm "for g in $mem $cpu; do
		while read -r p; do
			tr '\0' ' ' < /proc/\$p/cmdline
		done < \$g/cgroup.procs
	done")" '*it-is-up*it-is-up*'
}
class() { # NAME
	printf '%s\n' 'apiVersion: node.k8s.io/v1' 'kind: RuntimeClass' \
	    "metadata: {name: $1}" "handler: $1" | k apply -f - > "$W/class"
}
LIMITS='memory: 64Mi, cpu: 250m'
# 1:11 is /dev/kmsg, which root may open where nothing keeps it from devices.
STAYS='trap "exit 3" TERM; busybox mknod /dev/k c 1 11 && echo made;
      (: < /dev/k) && echo open; echo it-is-up; while :; do sleep 1; done'
EATS='busybox dd if=/dev/zero of=/dev/null bs=128M count=1'

# One that stays, one whose first process takes too much, one whose child does.
three_start() { # RUNTIME
	pod "stays-$1" "$1" "$STAYS" "$LIMITS"
	pod "eats-$1" "$1" "exec $EATS" "$LIMITS"
	pod "child-$1" "$1" "$EATS"'; exit $?' "$LIMITS"
}
ended() { # NAME: why, and the code
	k get pod "$1" -o 'jsonpath={range .status.containerStatuses[0].'\
"state.terminated}{.reason} {.exitCode}{end}"
}
three_hold() { # RUNTIME
	wait_for "$PATIENCE" gives Running of_pod "stays-$1" phase
	is 'it is Ready' "$(of_pod "stays-$1" \
	    'conditions[?(@.type=="Ready")].status')" True
	holds "stays-$1"
	[ "$1" = default ] || is "$1: devices are kept from it" \
	    "$(k logs "stays-$1" | grep -v 'open /dev/k' | tr '\n' ' ')" \
	    'made it-is-up '
	wait_for "$PATIENCE" gives 'OOMKilled 137' ended "eats-$1"
	wait_for "$PATIENCE" gives 'OOMKilled 137' ended "child-$1"
}
three_end() { # RUNTIME
	is 'it was not started again' "$(of_pod "stays-$1" \
	    'containerStatuses[0].restartCount')" 0
	like 'its group is still there' "$(groups "stays-$1")" '*/pintle-*'
	ok 'they go' k delete pod "stays-$1" "eats-$1" "child-$1" \
	    "--timeout=${PATIENCE}s"
}
nothing_left() {
	is 'no group is left' "$(vm "find $CG/ -name 'pintle-*'")" ''
	is 'no mount is left' "$(vm 'grep /data/. /proc/mounts')" ''
}
image() { # DIR [USER]
	ok 'the image is imported' vm "mkdir -p $1 && chown ${2:-root} $1 &&
	    $(vm_as "${2:-}") '$PIN_BUILD/pintle image import --data $1 \
	    /hello.tar'"
}

# The shipped configuration, and crun beside it by a RuntimeClass.
as_shipped() {
	ok 'an image made on the spot' sh scripts/demo-image.sh "$W/hello.tar"
	ok 'is there' vm_put "$W/hello.tar" /hello.tar
	image /data/node
	sed 's/{ plugin = "process"; },/&{ plugin = "oci"; name = "crun"; \
	    program = "crun"; },/' conf/pintle.conf > "$W/crun.conf"
	vm_up "$W/crun.conf"
	class crun
	wait_for "$PATIENCE" k get serviceaccount default
	three_start default
	three_start crun
	three_hold default
	three_hold crun
	vm_down
	vm_up "$W/crun.conf"
	wait_for "$PATIENCE" gives Running of_pod stays-default phase
	three_end default
	three_end crun
	nothing_left
	vm_down
}
by_runc() {
	sed 's/{ plugin = "process"; },/{ plugin = "oci"; name = "runc"; \
	    program = "runc"; },/' conf/pintle.conf > "$W/runc.conf"
	vm_up "$W/runc.conf"
	class runc
	three_start runc
	three_hold runc
	vm_down
	vm_up "$W/runc.conf"
	wait_for "$PATIENCE" gives Running of_pod stays-runc phase
	three_end runc
	nothing_left
	vm_down
}

# ---- where limits cannot be set ----------------------------------------------
event() { # POD REASON TEXT
	k get events --field-selector "involvedObject.name=$1,reason=$2" \
	    -o 'jsonpath={.items[*].message}' | grep -F "$3"
}
not_enforced() { # POD WHY
	wait_for "$PATIENCE" event "$1" NotEnforced 'resources.limits.memory, '\
"resources.limits.cpu: the runtime process does not enforce it here$2"
	wait_for "$PATIENCE" gives Running of_pod "$1" phase
}
# An ordinary user, in a group of root's.
by_user() {
	image /data/user user
	vm_up conf/pintle.conf user
	wait_for "$PATIENCE" k get serviceaccount default
	pod told default "$STAYS" "$LIMITS"
	not_enforced told ' (the node agent is not root, and no cgroup v2 is'
	ok 'it goes' k delete pod told "--timeout=${PATIENCE}s"
	vm_down
}
# One to whom a group is delegated, of which the agent is in a part.
by_delegate() {
	ok 'a group is delegated' vm "cd $CG && mkdir -p d/agent &&
	    echo '+memory +cpu' > cgroup.subtree_control &&
	    chown user d d/cgroup.procs d/cgroup.subtree_control \
	    d/cgroup.threads d/agent d/agent/cgroup.procs"
	image /data/user user
	VM_BEFORE="echo 0 > $CG/d/agent/cgroup.procs"
	vm_up conf/pintle.conf user
	wait_for "$PATIENCE" k get serviceaccount default
	three_start default
	three_hold default
	vm_down
	vm_up conf/pintle.conf user
	wait_for "$PATIENCE" gives Running of_pod stays-default phase
	three_end default
	nothing_left
	vm_down
	VM_BEFORE=
}
# Root in a container of another's, whose group is the root of what it sees:
# with processes in that group it gives no controllers, after LEAVE it does.
in_a_box() { # LEAVE
	VM_BEFORE="echo 0 > $CG/box/cgroup.procs
	    exec /usr/bin/unshare -C -m sh -c 'umount $CG &&
	    mount -t cgroup2 cgroup2 $CG && ${1:-} exec '$PIN_BUILD/pintle' up \
	    --data /data/node --listen 0.0.0.0:6443 --config /pintle.conf'"
	vm_up "$W/crun.conf"
	VM_BEFORE=
}
by_container() {
	ok 'a group for a container' vm "mkdir $CG/box &&
	    echo '+memory +cpu +pids' > $CG/cgroup.subtree_control"
	in_a_box
	pod told default "$STAYS" "$LIMITS"
	pod refused crun "$STAYS" "$LIMITS"
	not_enforced told ''
	wait_for "$PATIENCE" gives Failed of_pod refused phase
	like 'oci says what it cannot' "$(of_pod refused message)" \
	    '*resources.limits.memory: the cgroups of this node do not take*'
	is 'the group is what it was' "$(vm "cat $CG/box/cgroup.type")" domain
	ok 'they go' k delete pod told refused "--timeout=${PATIENCE}s"
	nothing_left
	vm_down
	in_a_box "mkdir $CG/init && echo 0 > $CG/init/cgroup.procs &&"
	for r in default crun; do
		pod "boxed-$r" $r "$STAYS" "$LIMITS"
		wait_for "$PATIENCE" gives Running of_pod "boxed-$r" phase
		holds "boxed-$r"
	done
	ok 'they go' k delete pod boxed-default boxed-crun \
	    "--timeout=${PATIENCE}s"
	nothing_left
	vm_down
}
# Root, and no cgroups at all.
by_nobody() {
	ok 'no cgroups' vm "while umount -l $CG/* || umount -l $CG; do :; done
	    ! grep cgroup /proc/mounts"
	vm_up "$W/crun.conf"
	pod told default "$STAYS" "$LIMITS"
	pod refused crun "$STAYS" "$LIMITS"
	not_enforced told ''
	wait_for "$PATIENCE" gives Failed of_pod refused phase
	like 'oci says what it cannot' "$(of_pod refused message)" \
	    '*resources.limits.memory: *crun cannot set it with the cgroups*'
	ok 'they go' k delete pod told refused "--timeout=${PATIENCE}s"
	vm_down
}
