/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.c -- forms of strings: names, addresses, ports, paths.
 * Front threads. Contract: builtin.h; the sentences about named formats are
 * the host's (pin_cause_format). */
#include "plugins/validation/builtin/builtin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int
text_is(struct pin_str s, const char *format)
{
	return (pin_cause_format(NULL, format, "", s, NULL) == 0);
}

int
text_addr(struct pin_str s, unsigned char addr[16])
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };
	int v4 = s.len != 0 && memchr(s.p, ':', s.len) == NULL, first = 1;
	char text[INET6_ADDRSTRLEN + 1];
	size_t i, n = 0;

	if (s.len == 0 || s.len >= sizeof(text))
		return (0);
	for (i = 0; i < s.len; i++) {
		/* A zero in front of another digit says nothing. */
		if (v4 && first && s.p[i] == '0' && i + 1 < s.len &&
		    s.p[i + 1] >= '0' && s.p[i + 1] <= '9')
			continue;
		text[n++] = s.p[i];
		first = s.p[i] == '.';
	}
	text[n] = '\0';
	if (v4)
		return (inet_pton(AF_INET, text, addr) == 1 ? 4 : 0);
	if (inet_pton(AF_INET6, text, addr) != 1)
		return (0);
	if (memcmp(addr, mapped, sizeof(mapped)) != 0)
		return (6);
	memmove(addr, addr + sizeof(mapped), 4);
	return (4);
}

int
text_ip(struct pin_str s)
{
	unsigned char addr[16];

	return (text_addr(s, addr));
}

int
text_backsteps(struct pin_str s)
{
	size_t i, from = 0;

	for (i = 0; i <= s.len; i++) {
		if (i < s.len && s.p[i] != '/')
			continue;
		if (i - from == 2 && memcmp(s.p + from, "..", 2) == 0)
			return (1);
		from = i + 1;
	}
	return (0);
}

struct pin_str
text_trim(struct pin_str s)
{
	while (s.len > 0 && strchr(" \t\r\n\v\f", s.p[0]) != NULL)
		s.p++, s.len--;
	while (s.len > 0 && strchr(" \t\r\n\v\f", s.p[s.len - 1]) != NULL)
		s.len--;
	return (s);
}

void
v_format_after(struct v *v, const char *member, struct pin_str s,
    const char *format, const char *before)
{
	size_t back = v->len;

	if (member != NULL)
		(void)v_in(v, member);
	(void)pin_cause_format(v->causes, format, v->path, s, before);
	v_out(v, back);
}

void
v_format(struct v *v, const char *member, struct pin_str s,
    const char *format)
{
	v_format_after(v, member, s, format, NULL);
}

void
v_port_num(struct v *v, const char *member, int64_t port)
{
	if (port < 1 || port > 65535)
		v_bad_int(v, member, port, "must be between 1 and 65535, "
		    "inclusive");
}

void
v_port(struct v *v, const char *member, pin_node n)
{
	int64_t port = 0;

	if (pin_obj_type(v->o, n) == PIN_STRING) {
		v_format(v, member, pin_obj_str(v->o, n), "port-name");
		return;
	}
	(void)pin_obj_i64(v->o, n, &port);
	v_port_num(v, member, port);
}

void
v_local_path(struct v *v, const char *member, struct pin_str s)
{
	v_format(v, member, s, "relative-path");
	if (s.len >= 2 && memcmp(s.p, "..", 2) == 0 && (s.len == 2 ||
	    s.p[2] != '/') && !text_backsteps(s))
		v_bad_str(v, member, s, "must not start with '..'");
}

void
v_nonneg(struct v *v, pin_node n, const char *member)
{
	int64_t value = v_int(v, n, member, 0);

	if (value < 0)
		v_bad_int(v, member, value, "must be greater than or equal to "
		    "0");
}

static void
endpoint_ip(struct v *v, const char *member, struct pin_str s,
    const unsigned char *a, int family)
{
	static const unsigned char zero[16];
	int four = family == 4;

	if (memcmp(a, zero, four ? 4 : 16) == 0)
		v_bad_str(v, member, s, "may not be unspecified (" PIN_SFMT
		    ")", PIN_SARG(s));
	if (four ? a[0] == 127 : memcmp(a, zero, 15) == 0 && a[15] == 1)
		v_bad_str(v, member, s, "may not be in the loopback range "
		    "(127.0.0.0/8, ::1/128)");
	if (four ? a[0] == 169 && a[1] == 254 : a[0] == 0xfe &&
	    (a[1] & 0xc0) == 0x80)
		v_bad_str(v, member, s, "may not be in the link-local range "
		    "(169.254.0.0/16, fe80::/10)");
	if (four ? a[0] == 224 && a[1] == 0 && a[2] == 0 : a[0] == 0xff &&
	    (a[1] & 0x0f) == 2)
		v_bad_str(v, member, s, "may not be in the link-local "
		    "multicast range (224.0.0.0/24, ff02::/10)");
}

void
v_endpoint_ip(struct v *v, const char *member, struct pin_str s)
{
	unsigned char addr[16];
	int family = text_addr(s, addr);

	if (family == 0)
		return;			/* its format has been blamed */
	endpoint_ip(v, member, s, addr, family);
}
