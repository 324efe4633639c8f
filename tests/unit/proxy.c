/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proxy.c -- the role proxy: what Services and EndpointSlices come to, and
 * when a plugin hears of it, with watches that the test feeds by hand.
 * Main thread, but for what is said on the role's loop. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>

#include "core/client/client_int.h"
#include "core/host/real.h"
#include "core/proxy/proxy.h"
#include "core/proxy/state.h"
#include "tap.h"

/* ---- a state as text ------------------------------------------------- */

static void
put_ip(struct pin_out *o, const struct pin_ip *ip)
{
	uint32_t i, n = ip->family == 4 ? 4 : 16;

	for (i = 0; i < n; i++)
		pin_out_printf(o, n == 4 ? "%s%u" : "%s%02x", i > 0 && (n ==
		    4 || i % 2 == 0) ? n == 4 ? "." : ":" : "", ip->ip[i]);
}

static void
put_port(struct pin_out *o, const struct pin_service_port *p)
{
	uint32_t i;

	pin_out_printf(o, PIN_SFMT "/" PIN_SFMT " %s%s" PIN_SFMT ":%u",
	    PIN_SARG(p->namespace), PIN_SARG(p->name), p->protocol ==
	    PIN_PROTO_UDP ? "udp " : "", "", PIN_SARG(p->port_name),
	    (unsigned int)p->port);
	if (p->node_port != 0)
		pin_out_printf(o, ":%u", (unsigned int)p->node_port);
	pin_out_cstr(o, p->local_only ? " external-local" : "");
	pin_out_cstr(o, p->internal_local ? " internal-local" : "");
	for (i = 0; i < p->nexternal_ips; i++) {
		pin_out_cstr(o, " external=");
		put_ip(o, &p->external_ips[i]);
	}
	if (p->affinity_s != 0)
		pin_out_printf(o, " affinity=%u", p->affinity_s);
	for (i = 0; i < p->ncluster_ips; i++) {
		pin_out_char(o, i == 0 ? ' ' : ',');
		put_ip(o, &p->cluster_ips[i]);
	}
	pin_out_cstr(o, " ->");
	for (i = 0; i < p->nendpoints; i++) {
		pin_out_char(o, ' ');
		put_ip(o, &p->endpoints[i].ip);
		pin_out_printf(o, ":%u%s%s%s", (unsigned int)
		    p->endpoints[i].port, p->endpoints[i].local ? "*" : "",
		    p->endpoints[i].flags & PIN_ENDPOINT_CLUSTER ? "C" : "",
		    p->endpoints[i].flags & PIN_ENDPOINT_LOCAL ? "L" : "");
	}
	pin_out_char(o, '\n');
}

static const char *
text_of(const struct pin_proxy_state *st)
{
	static char out[4][8192];
	static int turn;
	struct pin_out o;
	uint32_t i;
	char *p = out[turn++ % 4];

	pin_out_init(&o, NULL, 8191);
	for (i = 0; i < st->nports; i++)
		put_port(&o, pin_proxy_port(st, i));
	memcpy(p, o.p != NULL ? o.p : "", o.len);
	p[o.len] = '\0';
	pin_out_fini(&o);
	return (p);
}

/* ---- the table alone -------------------------------------------------- */

static struct proxy_table t;

static struct pin_obj *
parse(const char *json)
{
	struct pin_obj *o;
	struct pin_err err = PIN_ERR_INIT;

	if (json == NULL)
		return (NULL);
	if (pin_obj_parse(NULL, json, strlen(json), &o, &err) != PIN_OK)
		BAIL("%s: %s", json, err.text);
	return (o);
}

static struct pin_err said;

/* `json`: spec and what follows; NULL: gone. */
static int
service(const char *name, const char *labels, const char *spec)
{
	char json[4096];
	struct pin_obj *o = NULL;
	int rc;

	if (spec != NULL) {
		snprintf(json, sizeof(json), "{\"metadata\":{\"name\":\"%s\","
		    "\"namespace\":\"default\",\"labels\":{%s}},\"spec\":"
		    "{\"type\":\"NodePort\",%s}}", name, labels, spec);
		o = parse(json);
	}
	memset(&said, 0, sizeof(said));
	rc = proxy_table_service(&t, PIN_STR("default"), pin_str(name), o,
	    &said);
	if (o != NULL)
		pin_obj_free(&o);
	return (rc);
}

static int
slice(const char *name, const char *rest, const char *before)
{
	struct pin_obj *o = parse(rest), *old = parse(before);
	int rc;

	memset(&said, 0, sizeof(said));
	rc = proxy_table_slice(&t, PIN_STR("default"), pin_str(name), o, old,
	    &said);
	if (o != NULL)
		pin_obj_free(&o);
	if (old != NULL)
		pin_obj_free(&old);
	return (rc);
}

static const char *
state(void)
{
	struct pin_arena *arena = pin_arena_new(1 << 20);
	struct pin_proxy_state st;
	struct pin_err err = PIN_ERR_INIT;
	const char *text = "?";

	if (proxy_table_state(&t, arena, NULL, 0, &st, &err) == PIN_OK)
		text = text_of(&st);
	pin_arena_free(&arena);
	return (text);
}

#define IPS	"\"clusterIP\":\"10.0.0.1\",\"clusterIPs\":[\"10.0.0.1\"],"
#define PORT	"\"ports\":[{\"name\":\"http\",\"protocol\":\"TCP\"," \
	"\"port\":80}]"
#define OF(svc)	"\"labels\":{\"kubernetes.io/service-name\":\"" svc "\"}"
#define SLICE(svc, eps) "{\"metadata\":{" OF(svc) "},\"ports\":[{\"name\":" \
	"\"http\",\"protocol\":\"TCP\",\"port\":8080}],\"endpoints\":[" eps "]}"
#define EP(ip, node, cond) "{\"addresses\":[\"" ip "\"],\"nodeName\":\"" \
	node "\",\"conditions\":{" cond "}}"
#define READY	"\"ready\":true,\"serving\":true,\"terminating\":false"
#define NOT	"\"ready\":false,\"serving\":false,\"terminating\":false"
#define ENDING	"\"ready\":false,\"serving\":true,\"terminating\":true"
#define ENDED	"\"ready\":false,\"serving\":false,\"terminating\":true"

static void
test_services(void)
{
	proxy_table_init(&t, "here");
	CASE("a Service and its slices join by label, port name and "
	    "protocol") {
		CHECK_INT(service("web", "", IPS "\"ports\":[{\"name\":"
		    "\"http\",\"port\":80,\"nodePort\":30080},{\"name\":"
		    "\"dns\",\"protocol\":\"UDP\",\"port\":53},{\"name\":"
		    "\"sctp\",\"protocol\":\"SCTP\",\"port\":9}]"), 1);
		CHECK_INT(slice("web-1", SLICE("web", EP("10.1.0.2", "x",
		    READY) "," EP("10.1.0.1", "here", READY)), NULL), 1);
		CHECK_INT(slice("other", SLICE("wex", EP("10.1.0.3", "x",
		    READY)), NULL), 1);
		CHECK_STR(state(), "default/web udp dns:53 10.0.0.1 ->\n"
		    "default/web http:80:30080 10.0.0.1 -> 10.1.0.1:8080*C "
		    "10.1.0.2:8080C\n");
	}
	CASE("the same again changes nothing") {
		CHECK_INT(slice("web-1", SLICE("web", EP("10.1.0.2", "x",
		    READY) "," EP("10.1.0.1", "here", "")), SLICE("web",
		    "")), 0);
		CHECK_INT(service("web", "\"a\":\"b\"", IPS "\"ports\":["
		    "{\"name\":\"http\",\"port\":80,\"nodePort\":30080},"
		    "{\"name\":\"dns\",\"protocol\":\"UDP\",\"port\":53}]"),
		    0);
	}
	CASE("an endpoint in two slices counts once, the local one") {
		CHECK_INT(slice("web-0", SLICE("web", EP("10.1.0.2", "here",
		    READY)), NULL), 1);
		CHECK_INT(service("web", "", IPS PORT), 1);
		CHECK_STR(state(), "default/web http:80 10.0.0.1 -> "
		    "10.1.0.1:8080*C 10.1.0.2:8080*C\n");
		CHECK_INT(slice("web-0", NULL, SLICE("web", "")), 1);
	}
	CASE("a slice that changes its Service leaves the old one") {
		CHECK_INT(service("wex", "", IPS PORT), 1);
		CHECK_INT(slice("other", SLICE("web", EP("10.1.0.3", "x",
		    READY)), SLICE("wex", "")), 1);
		CHECK_STR(state(), "default/web http:80 10.0.0.1 -> "
		    "10.1.0.1:8080*C 10.1.0.2:8080C 10.1.0.3:8080C\n"
		    "default/wex http:80 10.0.0.1 ->\n");
		CHECK_INT(slice("other", "{\"metadata\":{\"labels\":{}}}",
		    SLICE("web", "")), 1);
		CHECK_INT(slice("other", NULL, "{}"), 0);
	}
	CASE("headless, ExternalName and another proxy's are skipped") {
		CHECK_INT(service("web", "", "\"clusterIP\":\"None\","
		    "\"clusterIPs\":[\"None\"]," PORT), 1);
		CHECK_INT(service("wex", "", "\"type\":\"ExternalName\","
		    IPS PORT), 1);
		CHECK_STR(state(), "");
		CHECK_INT(service("web", "\"service.kubernetes.io/"
		    "service-proxy-name\":\"x\"", IPS PORT), 0);
		CHECK_INT(service("web", "\"service.kubernetes.io/headless\":"
		    "\"\"", IPS PORT), 0);
		CHECK_INT(service("web", "", IPS PORT), 1);
		CHECK_INT(service("web", "", NULL), 1);
		CHECK_STR(state(), "");
	}
	proxy_table_fini(&t);
}

static const char *
decided(const char *spec, const char *eps_json)
{
	char spec_json[1024];

	proxy_table_init(&t, "here");
	snprintf(spec_json, sizeof(spec_json), IPS "%s\"ports\":[{\"name\":"
	    "\"http\",\"port\":80,\"nodePort\":30080}]", spec);
	(void)service("web", "", spec_json);
	(void)slice("s", eps_json, NULL);
	return (strstr(state(), "->"));
}

#define LOCAL		"\"externalTrafficPolicy\":\"Local\","
#define INTERNAL	"\"internalTrafficPolicy\":\"Local\","
#define DECIDES(claim, spec, eps, want) do {				\
	CASE(claim)							\
		CHECK_STR(decided(spec, SLICE("web", eps)), "->" want "\n"); \
	proxy_table_fini(&t);						\
} while (0)

static void
test_decisions(void)
{
	DECIDES("conditions that are not said mean ready", "",
	    "{\"addresses\":[\"10.1.0.1\"]},{\"addresses\":[\"10.1.0.2\"],"
	    "\"conditions\":{\"ready\":null}},{\"addresses\":[]},"
	    "{\"addresses\":[\"example.com\"]}",
	    " 10.1.0.1:8080C 10.1.0.2:8080C");
	DECIDES("what is not ready or ends is not asked", "",
	    EP("10.1.0.1", "x", NOT) "," EP("10.1.0.2", "x", ENDING) ","
	    EP("10.1.0.3", "x", READY), " 10.1.0.3:8080C");
	DECIDES("unless nobody is ready: then who ends and still serves", "",
	    EP("10.1.0.1", "x", NOT) "," EP("10.1.0.2", "x", ENDING) ","
	    EP("10.1.0.3", "x", ENDED), " 10.1.0.2:8080C");
	DECIDES("externalTrafficPolicy Local: who is here", LOCAL,
	    EP("10.1.0.1", "here", READY) "," EP("10.1.0.2", "x", READY),
	    " 10.1.0.1:8080*CL 10.1.0.2:8080C");
	DECIDES("here nobody is ready: who ends here, for Local only", LOCAL,
	    EP("10.1.0.1", "here", ENDING) "," EP("10.1.0.2", "x", READY),
	    " 10.1.0.1:8080*L 10.1.0.2:8080C");
	DECIDES("internalTrafficPolicy Local beside external Cluster",
	    INTERNAL, EP("10.1.0.1", "here", READY) "," EP("10.1.0.2", "x",
	    READY), " 10.1.0.1:8080*CL 10.1.0.2:8080C");
	DECIDES("both Local: nobody elsewhere", LOCAL INTERNAL,
	    EP("10.1.0.1", "here", READY) "," EP("10.1.0.2", "x", READY),
	    " 10.1.0.1:8080*L");
}

static void
test_more(void)
{
	struct pin_out big;
	struct pin_obj *o;
	int i;

	proxy_table_init(&t, "here");
	CASE("affinity with its timeout; two families") {
		CHECK_INT(service("web", "", "\"clusterIPs\":[\"10.0.0.1\","
		    "\"fd00::1\"],\"sessionAffinity\":\"ClientIP\","
		    "\"sessionAffinityConfig\":{\"clientIP\":"
		    "{\"timeoutSeconds\":60}}," PORT), 1);
		CHECK_STR(state(), "default/web http:80 affinity=60 10.0.0.1,"
		    "fd00:0000:0000:0000:0000:0000:0000:0001 ->\n");
		CHECK_INT(service("web", "", IPS "\"sessionAffinity\":"
		    "\"ClientIP\"," PORT), 1);
		CHECK_STR(state(), "default/web http:80 affinity=10800 "
		    "10.0.0.1 ->\n");
	}
	CASE("external addresses; what is none is passed over") {
		CHECK_INT(service("web", "", IPS "\"externalIPs\":[\"192.0.2.7"
		    "\",\"x\"]," PORT), 1);
		CHECK_STR(state(), "default/web http:80 external=192.0.2.7 "
		    "10.0.0.1 ->\n");
	}
	CASE("a range is an address and a prefix") {
		struct pin_cidr c;

		CHECK_INT(proxy_cidr_parse(PIN_STR("10.96.0.0/12"), &c), 1);
		CHECK_UINT(c.bits, 12);
		CHECK_INT(proxy_cidr_parse(PIN_STR("10.96.0.0/33"), &c), 0);
		CHECK_INT(proxy_cidr_parse(PIN_STR("10.96.0.0/"), &c), 0);
		CHECK_INT(proxy_cidr_parse(PIN_STR("10.96.0.0"), &c), 0);
		CHECK_INT(proxy_cidr_parse(PIN_STR("10.96.0.0/1x"), &c), 0);
		CHECK_INT(proxy_cidr_parse(PIN_STR("/8"), &c), 0);
		CHECK_INT(proxy_cidr_parse(PIN_STR("fd00::/129"), &c), 0);
	}
	pin_out_init(&big, NULL, 1 << 20);
	pin_out_cstr(&big, "{\"spec\":{" IPS "\"ports\":[{\"port\":1}");
	for (i = 0; i < PROXY_PORTS_MAX; i++)
		pin_out_cstr(&big, ",{\"port\":2}");
	pin_out_put(&big, "]}}", 4);
	CASE("a Service of more ports than the limit is named") {
		o = parse(big.p);
		memset(&said, 0, sizeof(said));
		CHECK_INT(proxy_table_service(&t, PIN_STR("default"),
		    PIN_STR("web"), o, &said), PIN_ELIMIT);
		CHECK(strstr(said.text, "service default/web: 1025 ports") !=
		    NULL);
		CHECK_STR(state(), "");
		pin_obj_free(&o);
	}
	pin_out_fini(&big);
	proxy_table_fini(&t);
}

/* ---- the role --------------------------------------------------------- */

/* Three watches, of services, slices and ranges, that main writes to. */
static struct fake {
	struct transport base;
	struct pin_loop	*loop;
	struct client_call *call[3];
	struct pin_msg	 head[3];
} fake;
static _Atomic(int) watching;

static void
fake_head(struct pin_msg *m)
{
	struct client_call *c = fake.call[m - fake.head];

	if (c != NULL)
		client__head(c, 200, -1);
	atomic_fetch_add(&watching, 1);
}

static void
fake_start(struct transport *tr, struct client_call *call)
{
	int i = strstr(call->target.p, "/endpointslices?") != NULL ? 1 :
	    strstr(call->target.p, "/servicecidrs?") != NULL ? 2 : 0;

	(void)tr;
	fake.call[i] = call;
	fake.head[i].fn = fake_head;
	pin_loop_post(fake.loop, &fake.head[i]);
}

static void
fake_cancel(struct transport *tr, struct client_call *call)
{
	int i;

	(void)tr;
	for (i = 0; i < 3; i++)
		if (fake.call[i] == call)
			fake.call[i] = NULL;
}

static void
fake_close(struct transport *tr, void (*gone)(void *), void *arg)
{
	(void)tr;
	gone(arg);
}

static const struct transport_ops fake_ops = { fake_start, fake_cancel,
    fake_close };

static struct transport *
fake_transport(void *arg, struct pin_loop *loop)
{
	(void)arg;
	fake.base.ops = &fake_ops;
	fake.loop = loop;
	return (&fake.base);
}

struct line {
	struct pin_msg	 msg;
	struct pin_buf	*buf;
	int		 to;
	_Atomic(int)	*said;
};

static void
line_say(struct pin_msg *m)
{
	struct line *l = (struct line *)(void *)m;

	if (fake.call[l->to] != NULL)
		(void)client__data(fake.call[l->to], l->buf, 0, l->buf->len);
	pin_buf_put(&l->buf);
	atomic_fetch_add(l->said, 1);
	free(l);
}

static _Atomic(int) lines;
static int revision = 100, posted;

static void
feed(int which, const char *type, const char *rest, ...)
{
	struct line *l = calloc(1, sizeof(*l));
	char body[2048], text[4096];
	va_list ap;
	int n;

	va_start(ap, rest);
	(void)vsnprintf(body, sizeof(body), rest, ap);
	va_end(ap);
	n = snprintf(text, sizeof(text), "{\"type\":\"%s\",\"object\":{"
	    "\"metadata\":{\"resourceVersion\":\"%d\"%s}}\n", type,
	    ++revision, body);
	l->msg.fn = line_say;
	l->buf = pin_buf_copy(text, (size_t)n);
	l->to = which;
	l->said = &lines;
	posted++;
	pin_loop_post(fake.loop, &l->msg);
}

static void
feed_end(int which)
{
	feed(which, "BOOKMARK", ",\"annotations\":{\"k8s.io/"
	    "initial-events-end\":\"true\"}}");
}

#define SVC(note) ",\"name\":\"web\",\"namespace\":\"default\"," \
	"\"annotations\":{\"a\":\"" note "\"}},\"spec\":{\"type\":" \
	"\"NodePort\"," IPS "\"ports\":[{\"name\":\"http\",\"port\":80," \
	"\"nodePort\":%d}]}"

/* The plugin. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last[8192], ranges[256];
static const struct pin_ip an_ip = { .family = 4, .ip = { 10, 0, 0, 1 } };
static _Atomic(int) applies, failing;

static int
fake_serves(void *self, const struct pin_ip *ip, uint16_t port,
    uint32_t protocol)
{
	(void)self;
	return (memcmp(ip, &an_ip, sizeof(*ip)) == 0 && port == 80 &&
	    protocol == PIN_PROTO_TCP);
}

static void
put_ranges(const struct pin_proxy_state *st)
{
	struct pin_out o;
	uint32_t i;

	pin_out_init(&o, NULL, sizeof(ranges) - 1);
	for (i = 0; i < st->nservice_cidrs; i++) {
		put_ip(&o, &st->service_cidrs[i].ip);
		pin_out_printf(&o, "/%u ", st->service_cidrs[i].bits);
	}
	memcpy(ranges, o.p != NULL ? o.p : "", o.len);
	ranges[o.len] = '\0';
	pin_out_fini(&o);
}

static int
fake_apply(void *self, const struct pin_proxy_state *st, struct pin_err *err)
{
	(void)self;
	pthread_mutex_lock(&lock);
	snprintf(last, sizeof(last), "%s", text_of(st));
	put_ranges(st);
	pthread_mutex_unlock(&lock);
	atomic_fetch_add(&applies, 1);
	if (atomic_load(&failing) == 0)
		return (PIN_OK);
	return (pin_err_set(err, PIN_ELOCKED, "node port 1 is taken"));
}

static int
heard(const char *want)
{
	int ok;

	pthread_mutex_lock(&lock);
	ok = strcmp(last, want) == 0;
	pthread_mutex_unlock(&lock);
	return (ok);
}

static const struct pin_proxy_ops fake_plugin = {
    .size = sizeof(fake_plugin), .apply = fake_apply,
    .serves = fake_serves };

static void
test_role_more(struct proxy *p)
{
	int before;

	CASE("what a proxy does not look at is no change") {
		before = (int)proxy_count(p)->changes;
		feed(0, "MODIFIED", SVC("2"), 31000);
		feed(1, "MODIFIED", ",\"name\":\"web-1\",\"namespace\":"
		    "\"default\",\"generation\":3," OF("web") "},\"ports\":"
		    "[{\"name\":\"http\",\"port\":8080}],\"endpoints\":[{"
		    "\"addresses\":[\"10.1.0.1\"]}]");
		WAIT(atomic_load(&lines) == posted, 5000);
		CHECK_INT((int)proxy_count(p)->changes, before);
	}
	CASE("after an error the same state is said again") {
		before = atomic_load(&applies);
		atomic_store(&failing, 1);
		feed(0, "MODIFIED", SVC("1"), 31001);
		WAIT(atomic_load(&applies) == before + 1, 5000);
		atomic_store(&failing, 0);
		WAIT(atomic_load(&applies) == before + 2, 5000);
		CHECK(heard("default/web http:80:31001 10.0.0.1 -> "
		    "10.1.0.1:8080C\n"));
	}
	CASE("a deleted Service is gone") {
		feed(0, "DELETED", SVC("1"), 31001);
		WAIT(heard(""), 5000);
	}
}

static void
test_role(void)
{
	struct proxy_opts o = { .host = pin_host_real(), .ops = &fake_plugin,
	    .name = "fake", .transport = fake_transport, .node = "here" };
	struct proxy *p;
	struct pin_err err = PIN_ERR_INIT;
	uint64_t t0;
	int i;

	if (proxy_open(&o, &p, &err) != PIN_OK)
		BAIL("%s", err.text);
	CASE("nothing is applied before all watches are whole") {
		WAIT(atomic_load(&watching) == 3, 5000);
		feed(0, "ADDED", SVC("1"), 30080);
		feed_end(0);
		WAIT(atomic_load(&lines) == posted, 5000);
		CHECK_INT(atomic_load(&applies), 0);
		feed(1, "ADDED", ",\"name\":\"web-1\",\"namespace\":"
		    "\"default\"," OF("web") "},\"ports\":[{\"name\":\"http\""
		    ",\"port\":8080}],\"endpoints\":[{\"addresses\":["
		    "\"10.1.0.1\"]}]");
		feed_end(1);
		WAIT(atomic_load(&lines) == posted, 5000);
		CHECK_INT(atomic_load(&applies), 0);
		CHECK_INT(proxy_serves(p, &an_ip, 80, PIN_PROTO_TCP, 1), 0);
		feed(2, "ADDED", ",\"name\":\"kubernetes\"},\"spec\":{\"cidrs"
		    "\":[\"10.96.0.0/16\",\"fd00::/108\"]}");
		feed_end(2);
		WAIT(heard("default/web http:80:30080 10.0.0.1 -> "
		    "10.1.0.1:8080C\n"), 5000);
		CHECK_INT(atomic_load(&applies), 1);
		CHECK_STR(ranges, "10.96.0.0/16 fd00:0000:0000:0000:0000:0000"
		    ":0000:0000/108 ");
	}
	CASE("whether an address is served is the plugin's word") {
		CHECK_INT(proxy_serves(p, &an_ip, 80, PIN_PROTO_TCP, 5000),
		    1);
		CHECK_INT(proxy_serves(p, &an_ip, 81, PIN_PROTO_TCP, 5000),
		    0);
		CHECK_INT(proxy_serves(NULL, &an_ip, 80, PIN_PROTO_TCP, 1),
		    0);
	}
	CASE("a burst costs one apply in 50 ms") {
		t0 = tap_now_ms();
		for (i = 1; i <= 40; i++) {	/* each a turn of its own */
			feed(0, "MODIFIED", SVC("1"), 30080 + i);
			WAIT(atomic_load(&lines) == posted, 5000);
		}
		for (i = 1; i <= 500; i++)
			feed(0, "MODIFIED", SVC("1"), 30080 + i % 100);
		feed(0, "MODIFIED", SVC("1"), 31000);
		WAIT(heard("default/web http:80:31000 10.0.0.1 -> "
		    "10.1.0.1:8080C\n"), 5000);
		CHECK((uint64_t)atomic_load(&applies) <= 3 +
		    (tap_now_ms() - t0) / PROXY_BURST_MS);
	}
	test_role_more(p);
	proxy_close(&p);
}

int
main(void)
{
	test_services();
	test_decisions();
	test_more();
	test_role();
	return (tap_done());
}
