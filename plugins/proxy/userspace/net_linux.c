/* SPDX-License-Identifier: BSD-2-Clause
 *
 * net_linux.c -- a network namespace for the addresses of Services, a pair of
 * devices between it and the node's own, and routes through the pair:
 *
 *	node: 10.96.0.0/16 dev pinXXXXXXXX <--> svc0: local 10.96.0.0/16
 *
 * The namespace has no name and no process: it lives as long as our
 * descriptors do, and the pair and the node's route die with it, also when
 * this process is killed. Its own port numbers are why it is there: a pod
 * that listens on every address of the node takes nothing from a Service.
 * First worker; leads under us->lock. Contract: userspace.h. */
#define _GNU_SOURCE

#include "net.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MESSAGE_MAX	1024
#define ANSWER_MAX	8192
#define ANSWER_S	5
#define INNER		"svc0"

struct us_net {
	int		 outer_ns, inner_ns;	/* descriptors */
	int		 outer, inner;		/* netlink */
	uint32_t	 outer_index, inner_index, lo_index;
	uint32_t	 metric;	/* ours: two agents have two routes */
	uint32_t	 nranges;
	struct pin_cidr	 ranges[US_RANGES_MAX];
	char		 name[IFNAMSIZ];
};

/* ---- netlink --------------------------------------------------------- */

struct message {
	struct nlmsghdr	 head;
	uint8_t		 body[MESSAGE_MAX];
};

static int
nl_open(void)
{
	struct timeval tv = { .tv_sec = ANSWER_S };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv,
		    sizeof(tv));
	return (fd);
}

static void
nl_begin(struct message *m, uint16_t type, uint16_t flags, const void *body,
    size_t len)
{
	memset(m, 0, sizeof(*m));
	m->head.nlmsg_type = type;
	m->head.nlmsg_flags = NLM_F_REQUEST | flags;
	m->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	memcpy(NLMSG_DATA(&m->head), body, len);
}

/* Where it begins, for nl_end of a nested one. */
static uint32_t
nl_attr(struct message *m, uint16_t type, const void *data, size_t len)
{
	uint32_t at = NLMSG_ALIGN(m->head.nlmsg_len);
	struct rtattr a = { .rta_len = (unsigned short)RTA_LENGTH(len),
	    .rta_type = type };

	PIN_ASSERT(at + RTA_SPACE(len) <= sizeof(*m));
	memcpy((uint8_t *)m + at, &a, sizeof(a));
	if (len > 0)
		memcpy((uint8_t *)m + at + RTA_LENGTH(0), data, len);
	m->head.nlmsg_len = at + (uint32_t)RTA_LENGTH(len);
	return (at);
}

static void
nl_end(struct message *m, uint32_t at)
{
	unsigned short len = (unsigned short)(m->head.nlmsg_len - at);

	memcpy((uint8_t *)m + at, &len, sizeof(len));
}

/* An errno; 0: done, or the answer is in buf. */
static int
nl_talk(int fd, struct message *m, void *buf, size_t size, ssize_t *len)
{
	static _Atomic uint32_t seq;
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct nlmsghdr *h = buf;
	struct nlmsgerr e;

	m->head.nlmsg_seq = ++seq;
	if (sendto(fd, m, m->head.nlmsg_len, 0, (struct sockaddr *)&to,
	    sizeof(to)) < 0)
		return (errno);
	do {
		*len = recv(fd, buf, size, 0);
		if (*len < 0 && errno != EINTR)
			return (errno);
	} while (*len < (ssize_t)NLMSG_LENGTH(0) || h->nlmsg_seq !=
	    m->head.nlmsg_seq);
	if (h->nlmsg_type != NLMSG_ERROR)
		return (0);
	if ((size_t)*len < NLMSG_LENGTH(sizeof(e)))
		return (EPROTO);
	memcpy(&e, NLMSG_DATA(h), sizeof(e));
	return (-e.error);
}

static int
nl_do(int fd, struct message *m)
{
	union { struct nlmsghdr h; uint8_t b[ANSWER_MAX]; } buf;
	ssize_t len;

	m->head.nlmsg_flags |= NLM_F_ACK;
	return (nl_talk(fd, m, &buf, sizeof(buf), &len));
}

/* ---- devices --------------------------------------------------------- */

static int
link_delete(struct us_net *net)
{
	struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
	struct message m;

	nl_begin(&m, RTM_DELLINK, 0, &i, sizeof(i));
	(void)nl_attr(&m, IFLA_IFNAME, net->name, strlen(net->name) + 1);
	return (nl_do(net->outer, &m));
}

static int
link_up(int fd, uint32_t index)
{
	struct ifinfomsg i = { .ifi_family = AF_UNSPEC, .ifi_index =
	    (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct message m;

	nl_begin(&m, RTM_NEWLINK, 0, &i, sizeof(i));
	return (nl_do(fd, &m));
}

/* From inside: our end here, the other one out there. */
static int
pair_make(struct us_net *net)
{
	struct ifinfomsg i = { .ifi_family = AF_UNSPEC };
	uint32_t info, data, peer;
	struct message m;

	nl_begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	(void)nl_attr(&m, IFLA_IFNAME, INNER, sizeof(INNER));
	info = nl_attr(&m, IFLA_LINKINFO, NULL, 0);
	(void)nl_attr(&m, IFLA_INFO_KIND, "veth", 4);
	data = nl_attr(&m, IFLA_INFO_DATA, NULL, 0);
	peer = nl_attr(&m, VETH_INFO_PEER, &i, sizeof(i));
	(void)nl_attr(&m, IFLA_IFNAME, net->name, strlen(net->name) + 1);
	(void)nl_attr(&m, IFLA_NET_NS_FD, &net->outer_ns,
	    sizeof(net->outer_ns));
	nl_end(&m, peer);
	nl_end(&m, data);
	nl_end(&m, info);
	return (nl_do(net->inner, &m));
}

/* ---- routes ---------------------------------------------------------- */

/* dst NULL: the default route. */
static int
route(int fd, uint16_t type, const struct pin_cidr *dst, uint32_t index,
    uint32_t metric, int is_local)
{
	struct rtmsg r = { .rtm_family = AF_INET,
	    .rtm_dst_len = (uint8_t)(dst != NULL ? dst->bits : 0),
	    .rtm_table = is_local ? RT_TABLE_LOCAL : RT_TABLE_MAIN,
	    .rtm_protocol = RTPROT_STATIC,
	    .rtm_scope = is_local ? RT_SCOPE_HOST : RT_SCOPE_LINK,
	    .rtm_type = is_local ? RTN_LOCAL : RTN_UNICAST };
	struct message m;

	nl_begin(&m, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL :
	    0, &r, sizeof(r));
	if (dst != NULL)
		(void)nl_attr(&m, RTA_DST, dst->ip.ip, 4);
	(void)nl_attr(&m, RTA_OIF, &index, sizeof(index));
	if (metric != 0)
		(void)nl_attr(&m, RTA_PRIORITY, &metric, sizeof(metric));
	return (nl_do(fd, &m));
}

/* Adding one that is there is fine. */
static int
range_add(struct us_net *net, const struct pin_cidr *c)
{
	int e = route(net->inner, RTM_NEWROUTE, c, net->lo_index, 0, 1);

	if (e == 0 || e == EEXIST)
		e = route(net->outer, RTM_NEWROUTE, c, net->outer_index,
		    net->metric, 0);
	return (e == EEXIST ? 0 : e);
}

static void
range_remove(struct us_net *net, const struct pin_cidr *c)
{
	(void)route(net->outer, RTM_DELROUTE, c, net->outer_index,
	    net->metric, 0);
	(void)route(net->inner, RTM_DELROUTE, c, net->lo_index, 0, 1);
}

static int
has_range(const struct pin_cidr *c, uint32_t n, const struct pin_cidr *one)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (memcmp(&c[i], one, sizeof(*one)) == 0)
			return (1);
	return (0);
}

int
us_net_ranges(struct us_net *net, const struct pin_cidr *c, uint32_t n,
    struct pin_err *err)
{
	struct pin_cidr now[US_RANGES_MAX];
	uint32_t i, k = 0;
	int e = 0;

	for (i = 0; i < n && k < US_RANGES_MAX; i++)
		if (c[i].ip.family == 4)
			now[k++] = c[i];
	for (i = 0; i < net->nranges; i++)
		if (!has_range(now, k, &net->ranges[i]))
			range_remove(net, &net->ranges[i]);
	net->nranges = k;
	for (i = 0; i < k; i++) {
		net->ranges[i] = now[i];
		if (e == 0)
			e = range_add(net, &now[i]);
	}
	return (e == 0 ? PIN_OK : pin_err_os(err, PIN_EIO, e, "routes to "
	    "the addresses of Services by %s", net->name));
}

int
us_net_leads(struct us_net *net, const struct pin_ip *ip)
{
	struct rtmsg r = { .rtm_family = AF_INET, .rtm_dst_len = 32 };
	union { struct nlmsghdr h; uint8_t b[ANSWER_MAX]; } buf;
	struct message m;
	struct rtattr *a;
	uint32_t oif = 0;
	ssize_t len;
	int left;

	if (ip->family != 4)
		return (0);
	nl_begin(&m, RTM_GETROUTE, 0, &r, sizeof(r));
	(void)nl_attr(&m, RTA_DST, ip->ip, 4);
	if (nl_talk(net->outer, &m, &buf, sizeof(buf), &len) != 0 ||
	    buf.h.nlmsg_type != RTM_NEWROUTE || !NLMSG_OK(&buf.h,
	    (size_t)len))
		return (0);
	a = RTM_RTA(NLMSG_DATA(&buf.h));
	for (left = (int)RTM_PAYLOAD(&buf.h); RTA_OK(a, left);
	    a = RTA_NEXT(a, left))
		if (a->rta_type == RTA_OIF)
			memcpy(&oif, RTA_DATA(a), sizeof(oif));
	return (oif == net->outer_index);
}

/* ---- life ------------------------------------------------------------ */

static int
ns_open(void)
{
	return (open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

int
us_net_enter(struct us_net *net, struct pin_err *err)
{
	if (setns(net->inner_ns, CLONE_NEWNET) != 0)
		return (pin_err_os(err, PIN_EIO, errno, "network namespace"));
	return (PIN_OK);
}

void
us_net_leave(struct us_net *net)
{
	PIN_ASSERT(setns(net->outer_ns, CLONE_NEWNET) == 0);
}

/* Inside. An errno. */
static int
furnish(struct us_net *net)
{
	int e;

	net->inner_ns = ns_open();
	net->inner = net->inner_ns >= 0 ? nl_open() : -1;
	if (net->inner < 0)
		return (errno);
	e = pair_make(net);
	if (e == EEXIST) {		/* of an agent that was killed */
		(void)link_delete(net);
		e = pair_make(net);
	}
	if (e != 0)
		return (e);
	net->inner_index = if_nametoindex(INNER);
	net->lo_index = if_nametoindex("lo");
	e = link_up(net->inner, net->lo_index);
	if (e == 0)
		e = link_up(net->inner, net->inner_index);
	if (e == 0)
		e = route(net->inner, RTM_NEWROUTE, NULL, net->inner_index,
		    0, 0);
	return (e);
}

/* Outside. Whatever address a client has, its answers find the way: the
 * namespace asks for it here. */
static int
connect_outer(struct us_net *net)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/proxy_arp",
	    net->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "1", 1);
		(void)close(fd);
	}
	net->outer_index = if_nametoindex(net->name);
	return (net->outer_index == 0 ? errno : link_up(net->outer,
	    net->outer_index));
}

/* The same for the same directory, and for no other on this machine. */
static uint32_t
number_of(const char *dir)
{
	uint32_t h = 2166136261u;	/* FNV-1a */
	struct stat st;
	uint64_t id[2] = { 0, 0 };
	size_t i;

	if (stat(dir, &st) == 0) {
		id[0] = (uint64_t)st.st_dev;
		id[1] = (uint64_t)st.st_ino;
	}
	for (i = 0; i < sizeof(id); i++)
		h = (h ^ ((const uint8_t *)id)[i]) * 16777619u;
	return (h);
}

int
us_net_open(const char *dir, struct us_net **out, struct pin_err *err)
{
	struct us_net *net = pin_xcalloc(1, sizeof(*net));
	int e;

	net->inner_ns = net->inner = net->outer = -1;
	net->metric = 1024 + number_of(dir) % (1u << 20);
	snprintf(net->name, sizeof(net->name), "pin%08x",
	    (unsigned int)number_of(dir));
	net->outer_ns = ns_open();
	if (net->outer_ns >= 0)
		net->outer = nl_open();
	e = net->outer < 0 || unshare(CLONE_NEWNET) != 0 ? errno : 0;
	if (e == 0) {
		e = furnish(net);
		us_net_leave(net);
		if (e == 0)
			e = connect_outer(net);
	}
	if (e == 0) {
		*out = net;
		return (PIN_OK);
	}
	us_net_close(&net);
	if (e == EPERM || e == EACCES)
		return (pin_err_set(err, PIN_EFORBIDDEN, "that needs root "
		    "(CAP_SYS_ADMIN and CAP_NET_ADMIN)"));
	return (pin_err_os(err, PIN_EUNAVAIL, e, "a network namespace with "
	    "a device into it"));
}

void
us_net_close(struct us_net **np)
{
	struct us_net *net = *np;

	*np = NULL;
	if (net == NULL)
		return;
	/* Both devices, and with them the routes. */
	if (net->outer_index != 0)
		(void)link_delete(net);
	if (net->inner >= 0)
		(void)close(net->inner);
	if (net->inner_ns >= 0)
		(void)close(net->inner_ns);
	if (net->outer >= 0)
		(void)close(net->outer);
	if (net->outer_ns >= 0)
		(void)close(net->outer_ns);
	free(net);
}
