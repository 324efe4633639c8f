/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host -- the real host on one thread: timers, hooks, sockets, addresses, log.
 * Loops among threads are loop_mt's, files are file's.
 * One loop a case, run on the main thread until the case stops it.
 * Contract: pintle/host.h. */
#include <pintle/host.h>

#include <sys/resource.h>

#include <unistd.h>

#include "core/host/real.h"
#include "tap.h"

#define GUARD_MS	20000		/* a case that hangs fails */

static struct pin_host *host;
static struct pin_err err;
static struct pin_loop *loop;
static struct pin_timer guard;
static int hung;

static void
on_guard(struct pin_timer *t)
{
	hung = 1;
	pin_loop_stop(t->loop);
}

static void
begin(void)
{
	hung = 0;
	if (pin_loop_open(host, "test", &loop, &err) != PIN_OK)
		BAIL("%s", err.text);
	pin_timer_init(&guard, loop, on_guard);
	pin_timer_start(&guard, GUARD_MS);
}

/* Runs until something stops the loop. */
static void
run(void)
{
	pin_loop_run(loop);
	CHECK(!hung);
	pin_timer_stop(&guard);
}

/* ---- timers --------------------------------------------------------- */

#define TIMERS	64

struct tick {
	struct pin_timer timer;		/* first */
	uint64_t	 due;		/* earliest */
	uint64_t	 ran;		/* place in the order, from 1 */
	uint64_t	 at;
};

static struct tick ticks[TIMERS];
static uint64_t tick_count, tick_total;

static void
on_tick(struct pin_timer *t)
{
	struct tick *k = (struct tick *)(void *)t;

	PIN_ASSERT_LOOP(t->loop);
	k->at = pin_host_now(host);
	k->ran = ++tick_count;
	if (tick_count == tick_total)
		pin_loop_stop(t->loop);
}

static void
tick_start(uint32_t i, uint64_t ms)
{
	ticks[i].due = pin_host_now(host) + ms * 1000000;
	pin_timer_start(&ticks[i].timer, ms);
}

static void
begin_ticks(uint64_t total)
{
	uint32_t i;

	begin();
	memset(ticks, 0, sizeof(ticks));
	tick_count = 0;
	tick_total = total;
	for (i = 0; i < TIMERS; i++)
		pin_timer_init(&ticks[i].timer, loop, on_tick);
}

static void
test_timers(void)
{
	uint64_t early = 0, order = 0;
	uint32_t i;

	CASE("timers run in the order of their delays, never early") {
		begin_ticks(TIMERS);
		for (i = 0; i < TIMERS; i++)
			tick_start(i, (i * 37) % TIMERS * 2);
		run();
		for (i = 0; i < TIMERS; i++) {
			early += ticks[i].at < ticks[i].due;
			order += ticks[i].ran != (i * 37) % TIMERS + 1;
		}
		CHECK_UINT(early, 0);
		CHECK_UINT(order, 0);
		pin_loop_close(&loop);
	}
	CASE("a stopped timer does not run, a restarted one moves") {
		begin_ticks(3);
		tick_start(0, 5);
		tick_start(1, 10);
		tick_start(2, 20);
		tick_start(3, 30);
		pin_timer_stop(&ticks[0].timer);
		pin_timer_stop(&ticks[0].timer);
		tick_start(1, 60);
		CHECK(ticks[0].timer.due_ns == 0);
		CHECK(ticks[1].timer.due_ns != 0);
		run();
		CHECK_UINT(ticks[0].ran, 0);
		CHECK_UINT(ticks[2].ran, 1);
		CHECK_UINT(ticks[3].ran, 2);
		CHECK_UINT(ticks[1].ran, 3);
		CHECK(ticks[1].at >= ticks[1].due);
		CHECK(ticks[1].timer.due_ns == 0);
		pin_loop_close(&loop);
	}
	CASE("an absurd delay is far away and can be stopped") {
		begin_ticks(1);
		tick_start(0, 1);
		pin_timer_start(&ticks[1].timer, UINT64_MAX);
		pin_timer_start(&ticks[2].timer, 86400000ull * 365 * 30);
		run();
		pin_timer_stop(&ticks[1].timer);
		pin_timer_stop(&ticks[2].timer);
		CHECK_UINT(tick_count, 1);
		pin_loop_close(&loop);
	}
}

/* ---- a callback stops and frees its neighbours ----------------------- */

static struct pin_timer *pair[2];
static int pair_ran;

static void
on_pair(struct pin_timer *t)
{
	struct pin_timer **o = t == pair[0] ? &pair[1] : &pair[0];
	struct pin_loop *l = t->loop;

	pair_ran++;
	pin_timer_stop(*o);
	free(*o);
	*o = NULL;
	pin_loop_stop(l);
}

static void
test_timer_frees(void)
{
	int i;

	CASE("a timer may stop and free one that is due with it") {
		begin();
		for (i = 0; i < 2; i++) {
			pair[i] = malloc(sizeof(*pair[i]));
			pin_timer_init(pair[i], loop, on_pair);
			pin_timer_start(pair[i], 0);
		}
		run();
		CHECK_INT(pair_ran, 1);
		pin_loop_close(&loop);
		free(pair[0]);
		free(pair[1]);
	}
}

/* ---- messages and hooks --------------------------------------------- */

struct note {
	struct pin_msg	 msg;		/* first */
	int		 left;
};

static int hook_runs, hook_after;
static struct note hook_note;

static void
on_note(struct pin_msg *m)
{
	struct note *n = (struct note *)(void *)m;

	if (--n->left > 0)
		pin_loop_post(loop, m);
}

static void
on_hook(void *arg)
{
	struct note *n = arg;

	hook_runs++;
	if (n->left == 0 && hook_after++ == 0) {
		hook_note.left = 1;
		hook_note.msg.fn = on_note;
		pin_loop_post(loop, &hook_note.msg);
	} else if (hook_after > 0 && hook_note.left == 0)
		pin_loop_stop(loop);
}

static void
test_hooks(void)
{
	struct note n = { { NULL, on_note }, 100000 };

	CASE("reposted messages all run; a hook's own message is not lost") {
		begin();
		pin_loop_hook(loop, on_hook, &n);
		pin_loop_post(loop, &n.msg);
		run();
		CHECK_INT(n.left, 0);
		CHECK_INT(hook_note.left, 0);
		CHECK(hook_runs >= 2);
		pin_loop_close(&loop);
	}
}

/* ---- sockets -------------------------------------------------------- */

#define ECHO_BYTES	(8u << 20)

struct end {
	struct pin_sock	*sock;
	uint64_t	 sent, got, bad;
	uint64_t	 partial;
	uint32_t	 pend_at, pend_len;	/* the server's echo */
	int		 eof;
	unsigned char	 buf[65536];
};

static struct end client, server;
static struct pin_sock *listener;
static uint32_t cred_uid, cred_pid;
static int cred_rc;
static struct pin_addr peer_seen;
static uint64_t flood_runs, read_from;

static unsigned char
pattern(uint64_t i)
{
	return ((unsigned char)(i * 131 + (i >> 12)));
}

/* Echoes; stops reading while the client does not take its bytes. */
static void
on_server(void *arg, struct pin_sock *s, uint32_t events)
{
	struct end *e = arg;
	int64_t n;

	(void)events;
	for (;;) {
		if (e->pend_len == 0) {
			n = pin_sock_recv(s, e->buf, sizeof(e->buf));
			if (n == PIN_EAGAIN) {
				pin_sock_want(s, PIN_SOCK_READ);
				return;
			}
			if (n <= 0) {
				e->eof = n == 0;
				pin_sock_shutdown(s);
				pin_sock_want(s, 0);
				return;
			}
			e->pend_at = 0;
			e->pend_len = (uint32_t)n;
			e->got += (uint64_t)n;
		}
		n = pin_sock_send(s, e->buf + e->pend_at, e->pend_len);
		if (n == PIN_EAGAIN) {
			e->partial++;	/* none of it */
			pin_sock_want(s, PIN_SOCK_WRITE);
			return;
		}
		if (n < 0) {
			e->bad++;
			pin_loop_stop(loop);
			return;
		}
		e->partial += (uint32_t)n < e->pend_len;
		e->pend_at += (uint32_t)n;
		e->pend_len -= (uint32_t)n;
	}
}

static void
on_client(void *arg, struct pin_sock *s, uint32_t events)
{
	unsigned char out[50000];
	struct end *e = arg;
	int64_t n;
	size_t i;

	if ((events & PIN_SOCK_READ) != 0) {
		n = pin_sock_recv(s, e->buf, sizeof(e->buf));
		for (i = 0; n > 0 && i < (size_t)n; i++)
			e->bad += e->buf[i] != pattern(e->got + i);
		if (n > 0)
			e->got += (uint64_t)n;
		if (n == 0 || n == PIN_ECLOSED) {
			e->eof = n == 0;
			pin_loop_stop(loop);
			return;
		}
	}
	if ((events & PIN_SOCK_WRITE) == 0)
		return;
	if (e->sent == ECHO_BYTES) {
		pin_sock_shutdown(s);
		pin_sock_want(s, PIN_SOCK_READ);
		return;
	}
	for (i = 0; i < sizeof(out); i++)
		out[i] = pattern(e->sent + i);
	i = ECHO_BYTES - e->sent < sizeof(out) ? ECHO_BYTES - e->sent :
	    sizeof(out);
	n = pin_sock_send(s, out, i);
	if (n > 0) {
		e->partial += (size_t)n < i;
		e->sent += (uint64_t)n;
	} else if (n == PIN_EAGAIN)
		e->partial++;
	else
		e->bad++;
	/* Reads late, so that buffers fill up on both sides. */
	pin_sock_want(s, e->sent < read_from ? PIN_SOCK_WRITE :
	    PIN_SOCK_READ | PIN_SOCK_WRITE);
}

static void
on_accept(void *arg, struct pin_sock *s)
{
	CHECK(server.sock == NULL);
	server.sock = s;
	pin_sock_peer(s, &peer_seen);
	cred_rc = pin_sock_cred(s, &cred_uid, &cred_pid);
	CHECK_INT(pin_sock_attach(s, loop, on_server, arg, &err), PIN_OK);
	pin_sock_want(s, PIN_SOCK_READ);
}

static void
on_flood(struct pin_msg *m)
{
	flood_runs++;
	if (client.got < ECHO_BYTES)
		pin_loop_post(loop, m);
}

static void
echo(const char *address, struct pin_addr *bound, int flood)
{
	struct pin_msg m = { NULL, on_flood };
	struct pin_addr a;

	memset(&client, 0, sizeof(client));
	memset(&server, 0, sizeof(server));
	begin();
	read_from = strncmp(address, "unix:", 5) == 0 ? 150000 :
	    ECHO_BYTES / 2;
	CHECK_INT(pin_addr_parse(address, &a, &err), PIN_OK);
	if (pin_sock_listen(loop, &a, on_accept, &server, &listener, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
	pin_sock_local(listener, bound);
	if (pin_sock_connect(loop, bound, on_client, &client, &client.sock,
	    &err) != PIN_OK)
		BAIL("%s", err.text);
	if (flood)
		pin_loop_post(loop, &m);
	run();
	CHECK_UINT(client.sent, ECHO_BYTES);
	CHECK_UINT(client.got, ECHO_BYTES);
	CHECK_UINT(client.bad + server.bad, 0);
	CHECK(client.eof && server.eof);
	/* How much a system takes at once is its own affair. */
	tap_diag("%u partial writes", (unsigned)(client.partial +
	    server.partial));
	pin_sock_close(&client.sock);
	pin_sock_close(&server.sock);
	pin_sock_close(&listener);
	pin_loop_close(&loop);
}

static void
test_echo(void)
{
	char path[700];
	struct pin_addr a;

	CASE("TCP: 8 MiB come back whole, in whatever pieces") {
		echo("127.0.0.1:0", &a, 0);
		CHECK_INT(a.family, 4);
		CHECK(a.port != 0);
		CHECK_INT(peer_seen.family, 4);
		CHECK_INT(cred_rc, PIN_EINVAL);
	}
	CASE("sockets are served while messages repost for ever") {
		flood_runs = 0;
		echo("127.0.0.1:0", &a, 1);
		CHECK(flood_runs > 10);	/* once a turn */
	}
	CASE("UNIX: the same, with the peer's user and process") {
		snprintf(path, sizeof(path), "unix:%s/s", tap_tmp());
		if (strlen(path) > 100)
			snprintf(path, sizeof(path), "unix:/tmp/pintle-%ld.s",
			    (long)getpid());
		echo(path, &a, 0);
		CHECK_INT(a.family, 1);
		CHECK_STR(a.path, path + 5);
		CHECK_INT(cred_rc, PIN_OK);
		CHECK_UINT(cred_uid, getuid());
		CHECK_UINT(cred_pid, getpid());
		/* The name is still there: a second listener takes it. */
		echo(path, &a, 0);
		(void)unlink(path + 5);
	}
}

static void
on_refused(void *arg, struct pin_sock *s, uint32_t events)
{
	char c;

	CHECK((events & PIN_SOCK_WRITE) != 0);
	*(int64_t *)arg = pin_sock_recv(s, &c, 1);
	pin_loop_stop(loop);
}

static void
test_refused(void)
{
	struct pin_sock *s = NULL, *t = NULL;
	struct pin_addr a;
	int64_t got = 1;

	CASE("a refused connection is told as writable, then PIN_ECLOSED") {
		begin();
		CHECK_INT(pin_addr_parse("127.0.0.1:0", &a, &err), PIN_OK);
		CHECK_INT(pin_sock_listen(loop, &a, on_accept, NULL, &s, &err),
		    PIN_OK);
		pin_sock_local(s, &a);
		CHECK_INT(pin_sock_listen(loop, &a, on_accept, NULL, &t, &err),
		    PIN_ELOCKED);
		CHECK(strstr(err.text, "bind: ") != NULL);
		pin_sock_close(&s);
		CHECK_INT(pin_sock_connect(loop, &a, on_refused, &got, &s,
		    &err), PIN_OK);
		run();
		CHECK_INT(got, PIN_ECLOSED);
		pin_sock_close(&s);
		pin_loop_close(&loop);
	}
	CASE("connecting to a UNIX path where nobody listens says so") {
		begin();
		CHECK_INT(pin_addr_parse("unix:/nowhere/s", &a, &err), PIN_OK);
		CHECK_INT(pin_sock_connect(loop, &a, on_refused, &got, &s,
		    &err), PIN_EUNAVAIL);
		CHECK(strstr(err.text, "unix:/nowhere/s: connect") != NULL);
		pin_loop_close(&loop);
	}
}

/* ---- running out of descriptors, and a pause ------------------------- */

static int accepted;
static struct pin_sock *taken;
static struct rlimit files_before;

static void
on_accept_keep(void *arg, struct pin_sock *s)
{
	(void)arg;
	accepted++;
	taken = s;
	pin_loop_stop(loop);
}

static void
on_lift(struct pin_timer *t)
{
	(void)t;
	CHECK_INT(accepted, 0);
	(void)setrlimit(RLIMIT_NOFILE, &files_before);
}

static void
ignore_ready(void *arg, struct pin_sock *s, uint32_t events)
{
	(void)events;
	(*(int *)arg)++;
	pin_sock_want(s, 0);
}

static void
test_accept_rests(void)
{
	struct pin_sock *l = NULL, *c = NULL;
	struct pin_timer lift;
	struct rlimit tight;
	struct pin_addr a;
	int calls = 0;

	CASE("out of descriptors, accepting rests and resumes") {
		begin();
		CHECK_INT(pin_addr_parse("127.0.0.1:0", &a, &err), PIN_OK);
		CHECK_INT(pin_sock_listen(loop, &a, on_accept_keep, NULL, &l,
		    &err), PIN_OK);
		pin_sock_local(l, &a);
		CHECK_INT(pin_sock_connect(loop, &a, ignore_ready, &calls, &c,
		    &err), PIN_OK);
		(void)getrlimit(RLIMIT_NOFILE, &files_before);
		tight = files_before;
		tight.rlim_cur = (rlim_t)dup(0);
		(void)close((int)tight.rlim_cur);
		(void)setrlimit(RLIMIT_NOFILE, &tight);
		pin_timer_init(&lift, loop, on_lift);
		pin_timer_start(&lift, 30);
		run();
		CHECK_INT(accepted, 1);
		CHECK(calls <= 1);
		pin_sock_close(&taken);		/* never attached */
		pin_sock_close(&c);
		pin_sock_close(&l);
		pin_loop_close(&loop);
	}
}

struct pause {
	struct pin_timer timer;		/* first */
	struct pin_sock	*sock;
	int		 calls, early;
};

static void
on_paused_ready(void *arg, struct pin_sock *s, uint32_t events)
{
	struct pause *p = arg;
	char buf[8];

	CHECK_UINT(events, PIN_SOCK_READ);
	if (p->calls++ == 0) {
		/* Left unread: would be told again at once. */
		pin_sock_want(s, 0);
		pin_timer_start(&p->timer, 20);
		return;
	}
	p->early += p->timer.due_ns != 0;
	CHECK_INT(pin_sock_recv(s, buf, sizeof(buf)), 5);
	CHECK_INT(pin_sock_recv(s, buf, sizeof(buf)), PIN_EAGAIN);
	pin_loop_stop(loop);
}

static void
on_unpause(struct pin_timer *t)
{
	pin_sock_want(((struct pause *)(void *)t)->sock, PIN_SOCK_READ);
}

static void
on_accept_pause(void *arg, struct pin_sock *s)
{
	struct pause *p = arg;

	p->sock = s;
	CHECK_INT(pin_sock_attach(s, loop, on_paused_ready, p, &err), 0);
	pin_sock_want(s, PIN_SOCK_READ);
}

static void
on_hello(void *arg, struct pin_sock *s, uint32_t events)
{
	(void)events;
	(*(int *)arg)++;
	CHECK_INT(pin_sock_send(s, "hello", 5), 5);
	pin_sock_want(s, 0);
}

static void
test_pause(void)
{
	struct pin_sock *l = NULL, *c = NULL;
	struct pause p;
	struct pin_addr a;
	int hellos = 0;

	CASE("a paused socket is silent, and tells again when resumed") {
		memset(&p, 0, sizeof(p));
		begin();
		pin_timer_init(&p.timer, loop, on_unpause);
		CHECK_INT(pin_addr_parse("[::1]:0", &a, &err), PIN_OK);
		if (pin_sock_listen(loop, &a, on_accept_pause, &p, &l, &err) !=
		    PIN_OK) {
			CHECK_INT(pin_addr_parse("127.0.0.1:0", &a, &err), 0);
			CHECK_INT(pin_sock_listen(loop, &a, on_accept_pause,
			    &p, &l, &err), PIN_OK);
		}
		pin_sock_local(l, &a);
		CHECK_INT(pin_sock_connect(loop, &a, on_hello, &hellos, &c,
		    &err), PIN_OK);
		run();
		CHECK_INT(hellos, 1);
		CHECK_INT(p.calls, 2);
		CHECK_INT(p.early, 0);
		pin_sock_close(&c);
		pin_sock_close(&p.sock);
		pin_sock_close(&l);
		pin_loop_close(&loop);
	}
}

/* ---- addresses, log, clock ------------------------------------------ */

static void
test_addresses(void)
{
	static const char *const good[] = { "127.0.0.1:6443", "[::1]:0",
	    "0.0.0.0:65535", "unix:/p/x.sock", "[fe80::1]:80" };
	static const struct { const char *text, *say; } bad[] = {
	    { "127.0.0.1", "IP:PORT" }, { "1.2.3:1", "not an IPv4" },
	    { "[::1]", "[IPV6]:PORT" }, { "[::g]:1", "not an IPv6" },
	    { "1.2.3.4:65536", "above" }, { "1.2.3.4:", "missing" },
	    { "1.2.3.4:8x", "number" }, { "unix:", "path" },
	    { "localhost:80", "not an IPv4" }, { "", "IP:PORT" },
	    { "::1:80", "not an IPv4" } };
	char buf[160];
	struct pin_addr a;
	size_t i;

	CASE("addresses print as they were parsed") {
		for (i = 0; i < PIN_LEN(good); i++) {
			CHECK_INT(pin_addr_parse(good[i], &a, &err), PIN_OK);
			pin_addr_print(&a, buf, sizeof(buf));
			CHECK_STR(buf, good[i]);
		}
	}
	CASE("bad addresses are refused, and why is said") {
		for (i = 0; i < PIN_LEN(bad); i++) {
			CHECK_INT(pin_addr_parse(bad[i].text, &a, &err),
			    PIN_EINVAL);
			if (!CHECK(strstr(err.text, bad[i].say) != NULL))
				tap_diag("%s", err.text);
		}
		memset(buf, 'x', sizeof(buf));
		memcpy(buf, "unix:/", 6);
		buf[5 + 108] = '\0';
		CHECK_INT(pin_addr_parse(buf, &a, &err), PIN_EINVAL);
	}
}

static void
test_log(void)
{
	static char big[5000], got[8192];
	int fds[2], keep;
	ssize_t n;

	CASE("a log line is one line, escaped, cut, and gated by level") {
		CHECK_INT(pipe(fds), 0);
		keep = dup(STDERR_FILENO);
		(void)dup2(fds[1], STDERR_FILENO);
		memset(big, 'b', sizeof(big) - 1);
		pin_log(host, PIN_LOG_DEBUG, "not shown");
		pin_log(host, PIN_LOG_WARN, "a\nb\x1b[1m\tc %d", 7);
		pin_log(host, PIN_LOG_INFO, "%s", big);
		pin_host_log_level(host, PIN_LOG_DEBUG);
		pin_log(host, PIN_LOG_DEBUG, "shown");
		pin_host_log_level(host, PIN_LOG_INFO);
		(void)dup2(keep, STDERR_FILENO);
		(void)close(keep);
		(void)close(fds[1]);
		n = read(fds[0], got, sizeof(got) - 1);
		(void)close(fds[0]);
		got[n > 0 ? n : 0] = '\0';
		CHECK(strstr(got, "not shown") == NULL);
		CHECK(strstr(got, "Z warn a\\nb\\x1b[1m\\tc 7\n") != NULL);
		CHECK(strstr(got, "bbb...\n") != NULL);
		CHECK(strstr(got, "Z debug shown\n") != NULL);
		CHECK(n < 2048 + 200);
	}
}

static void
test_clock(void)
{
	unsigned char a[64], b[64];
	uint64_t t;
	int i, back = 0;

	t = pin_host_now(host);
	for (i = 0; i < 1000; i++) {
		back += pin_host_now(host) < t;
		t = pin_host_now(host);
	}
	OK(back == 0, "the monotonic clock does not go back");
	OK(pin_host_wall(host) / 1000000000 > 1700000000,
	    "the wall clock is UNIX time in nanoseconds");
	pin_host_random(host, a, sizeof(a));
	pin_host_random(host, b, sizeof(b));
	OK(memcmp(a, b, sizeof(a)) != 0, "two random blocks differ");
}

int
main(void)
{
	host = pin_host_real();
	test_clock();
	test_log();
	test_addresses();
	test_timers();
	test_timer_frees();
	test_hooks();
	test_echo();
	test_refused();
	test_accept_rests();
	test_pause();
	return (tap_done());
}
