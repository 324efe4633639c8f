# SPDX-License-Identifier: BSD-2-Clause
#
# vm.sh -- a test machine with the kernel and the cgroups that a test asks for,
# by qemu, without root and without an image of a disk: what it holds is made
# from the build folder and this system's libraries. Sourced after e2e.sh:
#
#	vm_boot v2		# or v1: the cgroups it has
#	vm 'ls /sys/fs/cgroup'	# a shell in there: its output, its status
#	vm_up conf/pintle.conf	# `pintle up` in there, KUBECONFIG for `k`
#
# Everything in there is done by an interpreter of machine code, ten times as
# slow as out here, and deadlines are for a busy machine. VM_ACCEL=kvm is for
# those who have it.

VM_DEADLINE=300			# seconds to boot, to start, to end
VM_CMD=300			# seconds a command may take
VM_PATH=/bin:/sbin:/usr/bin:/usr/sbin

vm_need() {
	PATH=$PATH:/usr/sbin:/sbin	# where runc is
	need_cmd curl
	need_kubectl
	command -v qemu-system-x86_64 > /dev/null ||
	    skip_all qemu 'no qemu-system-x86_64'
	VM_KERNEL=$(sh scripts/kernel.sh 2> "$W/kernel.err") ||
	    skip_all kernel "$(cat "$W/kernel.err")"
	VM_BUSYBOX=$(command -v busybox) &&
	    ! ldd "$VM_BUSYBOX" > "$W/ldd" 2>&1 ||
	    skip_all busybox 'no static busybox'
	[ -n "$(command -v crun)" ] && [ -n "$(command -v runc)" ] ||
	    skip_all ociruntime 'no crun or no runc'
}
# With the libraries it is linked to, each where it is here.
vm_add() { # ROOT FILE...
	vm_root=$1
	shift
	for vm_f in "$@"; do
		mkdir -p "$vm_root/${vm_f%/*}"
		cp -L "$vm_f" "$vm_root/$vm_f"
		ldd "$vm_f" 2> /dev/null
	done | sed -n 's,^[^/]*\(/[^ ]*\) (0x.*,\1,p' | sort -u |
	    grep -v "^$PIN_BUILD/" | while read -r vm_f; do
		mkdir -p "$vm_root/${vm_f%/*}"
		cp -L "$vm_f" "$vm_root/$vm_f"
	done
}
vm_tree() { # ROOT FILE...
	vm_t=$1
	shift
	for vm_d in bin dev etc data modules proc sys tmp root www/cgi-bin; do
		mkdir -p "$vm_t/$vm_d"
	done
	cp "$VM_BUSYBOX" "$vm_t/bin/busybox"
	cp tests/vm/init "$vm_t/init"
	cp "$VM_KERNEL"/*.ko "$vm_t/modules/"
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' \
	    'user:x:1000:1000::/tmp:/bin/sh' > "$vm_t/etc/passwd"
	printf 'root:x:0:\nuser:x:1000:\n' > "$vm_t/etc/group"
	echo '127.0.0.1 localhost' > "$vm_t/etc/hosts"
	: > "$vm_t/etc/resolv.conf"
	cat > "$vm_t/www/cgi-bin/run" <<'RUN'
#!/bin/sh
cat > /tmp/run.$$
sh /tmp/run.$$ > /tmp/out.$$ 2>&1 < /dev/null
printf 'Content-Type: text/plain\r\n\r\n%s\n' $?
cat /tmp/out.$$
rm -f /tmp/run.$$ /tmp/out.$$
RUN
	cat > "$vm_t/www/cgi-bin/put" <<'PUT'
#!/bin/sh
cat > "$PATH_INFO"
printf 'Content-Type: text/plain\r\n\r\n'
PUT
	chmod 755 "$vm_t"/www/cgi-bin/* "$vm_t/init"
	vm_add "$vm_t" "$PIN_BUILD/pintle" "$PIN_BUILD/libpintle.so" \
	    "$(command -v crun)" "$(command -v runc)" \
	    "$PIN_BUILD"/plugins/*/*.so "$@"
	mkdir -p "$vm_t$PWD"
}
# vm_boot v1|v2 [FILE...]: with these programs too, each under its own path.
vm_boot() {
	vm_need
	vm_cgroups=$1
	shift
	mkdir -p "$W/tree/r"
	vm_tree "$W/tree/r" "$@"
	cp tests/vm/init "$W/tree/init"
	chmod 755 "$W/tree/init"
	(cd "$W/tree" && find . | busybox cpio -o -H newc -R 0:0 -F \
	    "$W/initrd") > "$W/cpio.log" 2>&1 || bail "$(cat "$W/cpio.log")"
	# Room for data: tmpfs is not what images usually lie on.
	truncate -s 512M "$W/disk"
	busybox mke2fs -F -m 0 "$W/disk" > "$W/mke2fs.log" 2>&1 ||
	    bail "$(cat "$W/mke2fs.log")"
	for vm_try in 1 2 3 4 5; do	# another test may have the ports
		E_PORT=$((E_PORT + vm_try * 7))
		vm_qemu
		poll "$VM_DEADLINE" vm_begun
		grep -q 'host forwarding' "$BG_LOG" || break
	done
	poll "$VM_DEADLINE" vm_answers
	vm true > "$W/out" || {
		diag "$(cat "$BG_LOG")"
		diag "$(tail -n 30 "$W/console")"
		bail "the machine did not answer within $VM_DEADLINE s"
	}
}
vm_qemu() {
	port
	VM_CTL=$PORT
	port
	VM_API=$PORT
	: > "$W/console"
	bg qemu-system-x86_64 -nodefaults -no-user-config -display none \
	    -no-reboot -m 768 -smp 2 -cpu max \
	    -accel "${VM_ACCEL:-tcg,tb-size=256}" \
	    -kernel "$VM_KERNEL/vmlinuz" -initrd "$W/initrd" \
	    -append "console=ttyS0 panic=-1 quiet cgroups=$vm_cgroups" \
	    -drive "if=virtio,format=raw,cache=unsafe,file=$W/disk" \
	    -serial "file:$W/console" -device virtio-net-pci,netdev=n,romfile= \
	    -netdev "user,id=n$(vm_forward $VM_CTL 80)$(vm_forward $VM_API \
	    6443)"
	VM_PID=$BG_PID
}
vm_forward() { # PORT-HERE PORT-THERE
	printf ',hostfwd=tcp:127.0.0.1:%s-:%s' "$1" "$2"
}
vm_answers() {
	vm true || ! kill -0 "$VM_PID" 2> /dev/null
}
vm_begun() {
	grep -q '^init: ready' "$W/console" || ! kill -0 "$VM_PID" 2> /dev/null
}
vm() { # COMMAND: what it prints; its status
	printf 'PATH=%s\n%s\n' "$VM_PATH" "$*" | curl -sS --max-time $VM_CMD \
	    --data-binary @- "http://127.0.0.1:$VM_CTL/cgi-bin/run" \
	    > "$W/vm.out" 2> "$W/vm.err" || { cat "$W/vm.err"; return 99; }
	tail -n +2 "$W/vm.out"
	return "$(head -n 1 "$W/vm.out")"
}
vm_as() { # USER: how a shell of that user begins; none: root's
	[ -n "$1" ] && echo "su $1 -s /bin/sh -c" || echo "sh -c"
}
# vm_up CONFIG [USER]: `pintle up` in there with this file, waits for ready; for
# a user, below /data/USER.
vm_up() {
	vm_data=/data/${2:-node}
	vm "cat > /pintle.conf <<'CONF'
$(cat "$1")
CONF
	cat > /start <<'START'
${VM_BEFORE:-}
cd '$PWD' && exec $(vm_as "${2:-}") 'exec $PIN_BUILD/pintle up \
    --data $vm_data --listen 0.0.0.0:6443 --config /pintle.conf'
START
	: > /up.log
	setsid sh /start > /up.log 2>&1 &
	echo \$! > /up.pid"
	poll "$VM_DEADLINE" vm 'grep ^ready /up.log ||
	    ! kill -0 "$(cat /up.pid)"'
	vm 'grep -q ^ready /up.log' || {
		diag "$(vm 'tail -n 40 /up.log')"
		bail "pintle up was not ready within $VM_DEADLINE s, or ended"
	}
	vm "cat $vm_data/admin.kubeconfig" | sed \
	    "s,server: .*,server: https://127.0.0.1:$VM_API," \
	    > "$W/admin.kubeconfig"
	KUBECONFIG=$W/admin.kubeconfig
	export KUBECONFIG
}
vm_down() { # SIGTERM, and it ends
	vm 'kill "$(cat /up.pid)"'
	wait_for "$VM_DEADLINE" vm '! kill -0 "$(cat /up.pid)"'
}
vm_put() { # FILE PATH: the file, in there
	curl -fsS --max-time $VM_CMD --data-binary "@$1" \
	    "http://127.0.0.1:$VM_CTL/cgi-bin/put$2"
}
