/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check_format.c -- forms of strings, and the sentences upstream has for
 * them. The regular expressions are quoted, never run.
 * Pure. Contract: rules.def. */
#include "check_int.h"

#include <sys/socket.h>

#include <arpa/inet.h>

#include <stdio.h>
#include <string.h>

#define SENTENCE_MAX	640

struct talk {
	pin__format_say_fn	*say;
	void			*arg;
	const char		*prefix;
};

/* ---- sentences ------------------------------------------------------ */

#define LABEL_RE	"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
#define SUBDOMAIN_RE	LABEL_RE "(\\." LABEL_RE ")*"
#define NAME_RE		"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
#define EG(a, re)	" (e.g. '" a "', regex used for validation is '" re "')"
#define EG2(a, b, re)	" (e.g. '" a "',  or '" b "', regex used for "	\
	"validation is '" re "')"
#define EG3(a, b, c, re) " (e.g. '" a "',  or '" b "',  or '" c "', regex " \
	"used for validation is '" re "')"

static const char label_text[] =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric "
    "characters or '-', and must start and end with an alphanumeric character"
    EG2("my-name", "123-abc", LABEL_RE);
static const char subdomain_text[] =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
    "characters, '-' or '.', and must start and end with an alphanumeric "
    "character" EG("example.com", SUBDOMAIN_RE);
static const char caseless_text[] =
    "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
    EG("Example.com", SUBDOMAIN_RE);
static const char label1035_text[] =
    "a DNS-1035 label must consist of lower case alphanumeric characters or "
    "'-', start with an alphabetic character, and end with an alphanumeric "
    "character" EG2("my-name", "abc-123", "[a-z]([-a-z0-9]*[a-z0-9])?");
#define NAME_TEXT							\
    "must consist of alphanumeric characters, '-', '_' or '.', and must " \
    "start and end with an alphanumeric character"			\
    EG3("MyName", "my.name", "123-abc", NAME_RE)
static const char value_text[] =
    "a valid label must be an empty string or consist of alphanumeric "
    "characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character"
    EG3("MyValue", "my_value", "12345", "(" NAME_RE ")?");
static const char config_text[] =
    "a valid config key must consist of alphanumeric characters, '-', '_' or "
    "'.'" EG3("key.name", "KEY_NAME", "key-name", "[-._a-zA-Z0-9]+");
static const char env_text[] =
    "a valid environment variable name must consist only of printable ASCII "
    "characters other than '='";
static const char identifier_text[] =
    "a valid C identifier must start with alphabetic character or '_', "
    "followed by a string of alphanumeric characters or '_'"
    EG3("my_name", "MY_NAME", "MyName", "[A-Za-z_][A-Za-z0-9_]*");

static void
say(const struct talk *t, const char *text)
{
	char full[SENTENCE_MAX];

	if (t->prefix[0] == '\0') {
		t->say(t->arg, PIN_CAUSE_INVALID, text);
		return;
	}
	(void)snprintf(full, sizeof(full), "%s%s", t->prefix, text);
	t->say(t->arg, PIN_CAUSE_INVALID, full);
}

static void
say_max(const struct talk *t, size_t max, const char *unit)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "must be no more than %zu %s", max,
	    unit);
	say(t, text);
}

/* ---- letters -------------------------------------------------------- */

static int
is_lower(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'));
}

static int
is_alnum(char c)
{
	return (is_lower(c) || (c >= 'A' && c <= 'Z'));
}

/* [x]([-x]*[x])? for one of the two classes. */
static int
is_label(struct pin_str s, int (*in)(char))
{
	size_t i;

	if (s.len == 0 || !in(s.p[0]) || !in(s.p[s.len - 1]))
		return (0);
	for (i = 0; i < s.len; i++)
		if (!in(s.p[i]) && s.p[i] != '-')
			return (0);
	return (1);
}

static int
is_subdomain(struct pin_str s, int (*in)(char))
{
	size_t i, from = 0;

	for (i = 0; i <= s.len; i++) {
		if (i < s.len && s.p[i] != '.')
			continue;
		if (!is_label((struct pin_str){ s.p + from, i - from }, in))
			return (0);
		from = i + 1;
	}
	return (1);
}

static int
is_name(struct pin_str s)
{
	size_t i;

	if (s.len == 0 || !is_alnum(s.p[0]) || !is_alnum(s.p[s.len - 1]))
		return (0);
	for (i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' &&
		    s.p[i] != '.')
			return (0);
	return (1);
}

/* ---- formats -------------------------------------------------------- */

static void
dns1123_label(struct talk *t, struct pin_str s, const char *unit)
{
	if (s.len > 63)
		say_max(t, 63, unit);
	if (is_label(s, is_lower))
		return;
	say(t, is_subdomain(s, is_lower) ? "must not contain dots" :
	    label_text);
}

static void
dns1123_subdomain(struct talk *t, struct pin_str s, const char *unit)
{
	if (s.len > 253)
		say_max(t, 253, unit);
	if (!is_subdomain(s, is_lower))
		say(t, subdomain_text);
}

static void
format_label(struct talk *t, struct pin_str s)
{
	dns1123_label(t, s, "characters");
}

static void
format_short_name(struct talk *t, struct pin_str s)
{
	dns1123_label(t, s, "bytes");
}

static void
format_subdomain(struct talk *t, struct pin_str s)
{
	dns1123_subdomain(t, s, "characters");
}

static void
format_long_name(struct talk *t, struct pin_str s)
{
	dns1123_subdomain(t, s, "bytes");
}

static void
format_caseless(struct talk *t, struct pin_str s)
{
	if (s.len > 253)
		say_max(t, 253, "bytes");
	if (!is_subdomain(s, is_alnum))
		say(t, caseless_text);
}

/* A subdomain in letters of either case; upstream says it as of any other. */
static void
format_driver(struct talk *t, struct pin_str s)
{
	if (s.len > 253)
		say_max(t, 253, "characters");
	if (!is_subdomain(s, is_alnum))
		say(t, subdomain_text);
}

static void
format_label1035(struct talk *t, struct pin_str s)
{
	if (s.len > 63)
		say_max(t, 63, "characters");
	if (!is_label(s, is_lower) || (s.p[0] >= '0' && s.p[0] <= '9'))
		say(t, label1035_text);
}

/* The name behind the last '/' of a qualified name. */
static void
name_part(struct talk *t, struct pin_str s)
{
	t->prefix = "name part ";
	if (s.len == 0)
		say(t, "must be non-empty");
	else if (s.len > 63)
		say_max(t, 63, "bytes");
	if (!is_name(s))
		say(t, NAME_TEXT);
}

static void
format_qualified(struct talk *t, struct pin_str s)
{
	const char *slash = s.len != 0 ? memchr(s.p, '/', s.len) : NULL;
	struct pin_str name = s, prefix;

	if (slash != NULL) {
		prefix.p = s.p;
		prefix.len = (size_t)(slash - s.p);
		name.p = slash + 1;
		name.len = s.len - prefix.len - 1;
		if (name.len != 0 && memchr(name.p, '/', name.len) != NULL) {
			say(t, "a valid label key " NAME_TEXT " with an "
			    "optional DNS subdomain prefix and '/' (e.g. "
			    "'example.com/MyName')");
			return;
		}
		t->prefix = "prefix part ";
		if (prefix.len == 0)
			say(t, "must be non-empty");
		else
			dns1123_subdomain(t, prefix, "bytes");
	}
	name_part(t, name);
}

static void
format_label_value(struct talk *t, struct pin_str s)
{
	if (s.len > 63)
		say_max(t, 63, "bytes");
	if (s.len != 0 && !is_name(s))
		say(t, value_text);
}

static void
format_env_name(struct talk *t, struct pin_str s)
{
	size_t i;

	if (s.len == 0)
		say(t, "environment variable name must be non-empty");
	for (i = 0; i < s.len; i++)
		if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '=') {
			say(t, env_text);
			return;
		}
}

static void
format_config_key(struct talk *t, struct pin_str s)
{
	size_t i;

	if (s.len > 253)
		say_max(t, 253, "characters");
	for (i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' &&
		    s.p[i] != '_')
			break;
	if (s.len == 0 || i < s.len)
		say(t, config_text);
	if (pin_str_is(s, "."))
		say(t, "must not be '.'");
	else if (pin_str_is(s, ".."))
		say(t, "must not be '..'");
	else if (pin_str_prefix(s, ".."))
		say(t, "must not start with '..'");
}

static void
format_port_name(struct talk *t, struct pin_str s)
{
	int charset = s.len != 0, letter = 0, twice = 0;
	size_t i;

	for (i = 0; i < s.len; i++) {
		charset &= is_lower(s.p[i]) || s.p[i] == '-';
		letter |= s.p[i] >= 'a' && s.p[i] <= 'z';
		twice |= i > 0 && s.p[i] == '-' && s.p[i - 1] == '-';
	}
	if (s.len > 15)
		say_max(t, 15, "characters");
	if (!charset)
		say(t, "must contain only alpha-numeric characters (a-z, "
		    "0-9), and hyphens (-)");
	if (!letter)
		say(t, "must contain at least one letter (a-z)");
	if (twice)
		say(t, "must not contain consecutive hyphens");
	if (s.len != 0 && (s.p[0] == '-' || s.p[s.len - 1] == '-'))
		say(t, "must not begin or end with a hyphen");
}

/* A v4 address that has zeros in front of its numbers. */
static int
is_zeroed_v4(const char *p)
{
	unsigned int v, dots = 0, digits;

	for (;; p++, dots++) {
		for (v = digits = 0; *p >= '0' && *p <= '9'; p++, digits++)
			v = v < 256 ? v * 10 + (unsigned int)(*p - '0') : v;
		if (digits == 0 || v > 255)
			return (0);
		if (*p != '.')
			return (*p == '\0' && dots == 3);
	}
}

/* 4, 6, 46 (v4 within v6), 40 (v4 with zeros in front), 0. */
static int
ip_family(struct pin_str s)
{
	static const unsigned char mapped[12] = { [10] = 0xff, 0xff };
	unsigned char a[16];
	char text[INET6_ADDRSTRLEN + 8];

	if (s.len == 0 || s.len >= sizeof(text) ||
	    memchr(s.p, '\0', s.len) != NULL)
		return (0);
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (inet_pton(AF_INET, text, a) == 1)
		return (4);
	if (inet_pton(AF_INET6, text, a) == 1)
		return (memcmp(a, mapped, sizeof(mapped)) == 0 ? 46 : 6);
	return (is_zeroed_v4(text) ? 40 : 0);
}

/* As in members that are older than strict forms: zeros in front and v4
 * within v6 are warned of, not refused (apiserver/warn.def). */
static void
format_ip(struct talk *t, struct pin_str s)
{
	if (ip_family(s) == 0)
		say(t, "must be a valid IP address, (e.g. 10.9.8.7 or "
		    "2001:db8::ffff)");
}

static void
format_cidr(struct talk *t, struct pin_str s)
{
	const char *slash = s.len != 0 ? memchr(s.p, '/', s.len) : NULL;
	struct pin_str ip = { s.p, slash != NULL ? (size_t)(slash - s.p) : 0 };
	const char *p = slash != NULL ? slash + 1 : "", *end = s.p + s.len;
	unsigned int bits = 0, digits = 0;
	int family = ip_family(ip);

	for (; slash != NULL && p < end && *p >= '0' && *p <= '9' &&
	    digits < 4; p++, digits++)
		bits = bits * 10 + (unsigned int)(*p - '0');
	if (slash == NULL || p != end || digits == 0 || family == 0 ||
	    bits > (family == 4 || family == 40 ? 32u : 128u) ||
	    (digits > 1 && slash[1] == '0'))
		say(t, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or "
		    "2001:db8::/64)");
	else if (family == 40)
		say(t, "must not have leading 0s in IP");
	else if (family == 46)
		say(t, "must not have an IPv4-mapped IPv6 address");
}

static void
format_absolute(struct talk *t, struct pin_str s)
{
	if (s.len == 0 || s.p[0] != '/')
		say(t, "must be an absolute path");
}

static void
format_relative(struct talk *t, struct pin_str s)
{
	size_t i, from = 0;

	if (s.len != 0 && s.p[0] == '/')
		say(t, "must be a relative path");
	for (i = 0; i <= s.len; i++) {
		if (i < s.len && s.p[i] != '/')
			continue;
		if (i - from == 2 && memcmp(s.p + from, "..", 2) == 0) {
			say(t, "must not contain '..'");
			return;
		}
		from = i + 1;
	}
}

static void
format_uuid(struct talk *t, struct pin_str s)
{
	size_t i;
	int bad = s.len != 36;

	for (i = 0; i < s.len && !bad; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23)
			bad = s.p[i] != '-';
		else
			bad = !is_lower(s.p[i]) || s.p[i] > 'f';
	}
	if (bad)
		say(t, "must be a lowercase UUID in 8-4-4-4-12 format");
}

static void
format_pool_name(struct talk *t, struct pin_str s)
{
	size_t i, from = 0, n = 0;
	char prefix[48];

	if (s.len > 253)
		t->say(t->arg, PIN_CAUSE_TOOLONG,
		    "may not be more than 253 bytes");
	for (i = 0; i <= s.len; i++) {
		if (i < s.len && s.p[i] != '/')
			continue;
		(void)snprintf(prefix, sizeof(prefix), "segment %zu: ", n++);
		t->prefix = prefix;
		if (i == from)
			say(t, "must not be empty");
		else
			format_long_name(t, (struct pin_str){ s.p + from,
			    i - from });
		from = i + 1;
	}
	t->prefix = "";
}

static void
c_identifier(struct talk *t, struct pin_str s)
{
	size_t i;

	if (s.len > 32)
		t->say(t->arg, PIN_CAUSE_TOOLONG,
		    "may not be more than 32 bytes");
	for (i = 0; i < s.len; i++)
		if ((!is_alnum(s.p[i]) && s.p[i] != '_') ||
		    (i == 0 && s.p[0] >= '0' && s.p[0] <= '9'))
			break;
	if (s.len == 0 || i < s.len)
		say(t, identifier_text);
}

static void
format_resource_fq(struct talk *t, struct pin_str s)
{
	const char *slash = s.len != 0 ? memchr(s.p, '/', s.len) : NULL;
	struct pin_str name = s, domain;

	if (slash == NULL) {
		c_identifier(t, s);
		say(t, "a fully qualified name must be a domain and a name "
		    "separated by a slash");
		return;
	}
	domain.p = s.p;
	domain.len = (size_t)(slash - s.p);
	name.p = slash + 1;
	name.len = s.len - domain.len - 1;
	if (name.len != 0 && memchr(name.p, '/', name.len) != NULL)
		return;			/* upstream does not look either */
	if (domain.len == 0) {
		say(t, "prefix must not be empty");
	} else {
		if (domain.len > 63)
			t->say(t->arg, PIN_CAUSE_TOOLONG,
			    "may not be more than 63 bytes");
		t->prefix = "prefix: ";
		format_long_name(t, domain);
		t->prefix = "";
	}
	if (name.len == 0)
		say(t, "name must not be empty");
	else
		c_identifier(t, name);
}

static void
format_extended(struct talk *t, struct pin_str s)
{
	static const char home[] = "kubernetes.io/";
	const char *p = s.len != 0 ? memchr(s.p, '/', s.len) : NULL;
	char quota[320];
	size_t i;

	if (p == NULL)
		say(t, "a name must be a domain-prefixed path, such as "
		    "'example.com/my-prop'");
	for (i = 0; p != NULL && i + sizeof(home) - 1 <= s.len; i++)
		if (memcmp(s.p + i, home, sizeof(home) - 1) == 0) {
			say(t, "must not have \"kubernetes.io/\" domain");
			break;
		}
	if (pin_str_prefix(s, "requests."))
		say(t, "must not have \"requests.\" prefix");
	(void)snprintf(quota, sizeof(quota), "requests.%.*s",
	    s.len < 300 ? (int)s.len : 300, s.p);
	format_qualified(t, pin_str(quota));
}

/* ---- the table ------------------------------------------------------ */

typedef void format_fn(struct talk *, struct pin_str);

static format_fn *const formats[PIN_FORMAT__COUNT] = {
	[PIN_FORMAT_DNS1123_LABEL] = format_label,
	[PIN_FORMAT_DNS1123_SUBDOMAIN] = format_subdomain,
	[PIN_FORMAT_DNS1035_LABEL] = format_label1035,
	[PIN_FORMAT_QUALIFIED_NAME] = format_qualified,
	[PIN_FORMAT_LABEL_KEY] = format_qualified,
	[PIN_FORMAT_LABEL_VALUE] = format_label_value,
	[PIN_FORMAT_ENV_NAME] = format_env_name,
	[PIN_FORMAT_CONFIG_KEY] = format_config_key,
	[PIN_FORMAT_PORT_NAME] = format_port_name,
	[PIN_FORMAT_IP] = format_ip,
	[PIN_FORMAT_CIDR] = format_cidr,
	[PIN_FORMAT_ABSOLUTE_PATH] = format_absolute,
	[PIN_FORMAT_RELATIVE_PATH] = format_relative,
	[PIN_FORMAT_UUID] = format_uuid,
	[PIN_FORMAT_SHORT_NAME] = format_short_name,
	[PIN_FORMAT_LONG_NAME] = format_long_name,
	[PIN_FORMAT_LONG_NAME_CASELESS] = format_caseless,
	[PIN_FORMAT_DRIVER_NAME] = format_driver,
	[PIN_FORMAT_POOL_NAME] = format_pool_name,
	[PIN_FORMAT_RESOURCE_NAME_FQ] = format_resource_fq,
	[PIN_FORMAT_EXTENDED_RESOURCE] = format_extended,
};

void
pin__format_check(uint32_t format, struct pin_str s, pin__format_say_fn *fn,
    void *arg)
{
	struct talk t = { fn, arg, "" };

	PIN_ASSERT(format < PIN_FORMAT__COUNT && formats[format] != NULL);
	if (s.p == NULL)
		s = pin_str("");
	formats[format](&t, s);
}
