/* SPDX-License-Identifier: BSD-2-Clause
 *
 * seccomp_linux.c -- the profile RuntimeDefault: everything is allowed but
 * system calls that reach past a container (mounts, namespaces, modules, the
 * clock, keys, tracing of others, io_uring), unless a capability of the
 * container is for just that. The OCI runtime makes the filter of it.
 * Work pool. Contract: oci.h; docs/images.md "Seccomp"; config-linux.md of
 * the OCI specification. */
#include "oci.h"

#include <sys/utsname.h>

#include <stdio.h>
#include <string.h>

#define EPERM_TEXT	"1"
#define ENOSYS_TEXT	"38"

/* cap: who has it may; NULL: nobody may. Names the kernel does not know are
 * passed over by the runtimes. */
static const struct {
	const char	*call, *cap;
} denied[] = {
	{ "mount", "SYS_ADMIN" }, { "umount", "SYS_ADMIN" },
	{ "umount2", "SYS_ADMIN" }, { "pivot_root", "SYS_ADMIN" },
	{ "fsopen", "SYS_ADMIN" }, { "fsconfig", "SYS_ADMIN" },
	{ "fsmount", "SYS_ADMIN" }, { "fspick", "SYS_ADMIN" },
	{ "open_tree", "SYS_ADMIN" }, { "move_mount", "SYS_ADMIN" },
	{ "mount_setattr", "SYS_ADMIN" }, { "unshare", "SYS_ADMIN" },
	{ "setns", "SYS_ADMIN" }, { "quotactl", "SYS_ADMIN" },
	{ "quotactl_fd", "SYS_ADMIN" }, { "fanotify_init", "SYS_ADMIN" },
	{ "lookup_dcookie", "SYS_ADMIN" }, { "swapon", "SYS_ADMIN" },
	{ "swapoff", "SYS_ADMIN" }, { "bpf", "BPF" },
	{ "perf_event_open", "PERFMON" }, { "reboot", "SYS_BOOT" },
	{ "kexec_load", "SYS_BOOT" }, { "kexec_file_load", "SYS_BOOT" },
	{ "init_module", "SYS_MODULE" }, { "finit_module", "SYS_MODULE" },
	{ "delete_module", "SYS_MODULE" }, { "acct", "SYS_PACCT" },
	{ "kcmp", "SYS_PTRACE" }, { "pidfd_getfd", "SYS_PTRACE" },
	{ "process_madvise", "SYS_PTRACE" }, { "iopl", "SYS_RAWIO" },
	{ "ioperm", "SYS_RAWIO" }, { "settimeofday", "SYS_TIME" },
	{ "stime", "SYS_TIME" }, { "clock_settime", "SYS_TIME" },
	{ "clock_settime64", "SYS_TIME" }, { "clock_adjtime", "SYS_TIME" },
	{ "clock_adjtime64", "SYS_TIME" }, { "vhangup", "SYS_TTY_CONFIG" },
	{ "syslog", "SYSLOG" },
	{ "open_by_handle_at", "DAC_READ_SEARCH" },
	{ "move_pages", "SYS_NICE" }, { "migrate_pages", "SYS_NICE" },
	{ "add_key", NULL }, { "request_key", NULL }, { "keyctl", NULL },
	{ "userfaultfd", NULL }, { "io_uring_setup", NULL },
	{ "io_uring_enter", NULL }, { "io_uring_register", NULL },
	{ "create_module", NULL }, { "get_kernel_syms", NULL },
	{ "query_module", NULL }, { "nfsservctl", NULL }, { "uselib", NULL },
	{ "ustat", NULL }, { "sysfs", NULL }, { "_sysctl", NULL },
	{ "vm86", NULL }, { "vm86old", NULL }, { "modify_ldt", NULL },
};

/* clone with any of these makes a namespace (the first argument, but on
 * s390; there the kernel's own check is left). */
static const uint32_t clone_flags[] = {
	0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000,
	0x20000000, 0x40000000,
};

/* A program for another word size of the same machine is no way out. */
static const struct {
	const char	*machine, *architectures;
} machines[] = {
	{ "x86_64", "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\","
	    "\"SCMP_ARCH_X32\"" },
	{ "aarch64", "\"SCMP_ARCH_AARCH64\",\"SCMP_ARCH_ARM\"" },
};

static struct pin_str
type_of(const struct pin_obj *o, pin_node context)
{
	return (pin_obj_str(o, pin_obj_at(o, context, "seccompProfile",
	    "type", NULL)));
}

int
oci_os_seccomp(const struct oci_start *s)
{
	const struct pin_obj *o = s->c->pod;
	struct pin_str type = { NULL, 0 };

	if (s->c->privileged)
		return (OCI_SECCOMP_NONE);
	if (o != NULL)
		type = type_of(o, s->sec);
	if (o != NULL && type.len == 0)
		type = type_of(o, s->pod_sec);
	if (pin_str_is(type, "Unconfined"))
		return (OCI_SECCOMP_NONE);
	if (pin_str_is(type, "RuntimeDefault"))
		return (OCI_SECCOMP_ASKED);
	return (s->o->seccomp_default ? OCI_SECCOMP_DEFAULT :
	    OCI_SECCOMP_NONE);
}

static void
put_denied(const struct oci_start *s, struct pin_out *out)
{
	uint32_t n = 0;

	pin_out_cstr(out, "{\"names\":[");
	for (size_t i = 0; i < PIN_LEN(denied); i++) {
		if (denied[i].cap != NULL && (oci_has_cap(s, denied[i].cap) ||
		    oci_has_cap(s, "SYS_ADMIN")))
			continue;
		pin_out_printf(out, "%s\"%s\"", n++ > 0 ? "," : "",
		    denied[i].call);
	}
	pin_out_cstr(out, "],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":"
	    EPERM_TEXT "}");
}

void
oci_os_put_seccomp(const struct oci_start *s, struct pin_out *out)
{
	struct utsname u;

	if (!s->program->seccomp || oci_os_seccomp(s) == OCI_SECCOMP_NONE)
		return;
	pin_out_cstr(out, ",\"seccomp\":{\"defaultAction\":"
	    "\"SCMP_ACT_ALLOW\"");
	for (size_t i = 0; i < PIN_LEN(machines); i++)
		if (uname(&u) == 0 && strcmp(u.machine,
		    machines[i].machine) == 0)
			pin_out_printf(out, ",\"architectures\":[%s]",
			    machines[i].architectures);
	pin_out_cstr(out, ",\"syscalls\":[");
	put_denied(s, out);
	if (!oci_has_cap(s, "SYS_ADMIN")) {
		for (size_t i = 0; i < PIN_LEN(clone_flags); i++)
			pin_out_printf(out, ",{\"names\":[\"clone\"],"
			    "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":"
			    EPERM_TEXT ",\"args\":[{\"index\":0,\"value\":%u,"
			    "\"valueTwo\":%u,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}",
			    clone_flags[i], clone_flags[i]);
		/* Its flags are in memory, no filter sees them: libc falls
		 * back to clone. */
		pin_out_cstr(out, ",{\"names\":[\"clone3\"],\"action\":"
		    "\"SCMP_ACT_ERRNO\",\"errnoRet\":" ENOSYS_TEXT "}");
	}
	pin_out_cstr(out, "]}");
}
