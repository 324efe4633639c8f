/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tls -- handshakes (who is let in, who is not, and with what words),
 * certificates as openssl sees them, token keys.
 * One loop a case, both ends on it.
 * Contract: core/tls/tls.h. */
#include <pintle/arena.h>

#include <unistd.h>

#include "core/host/real.h"
#include "core/tls/tls.h"
#include "tap.h"
#include "wire.h"

#define DEADLINE_MS	20000

static struct pin_host	*host;
static char		 dir[200];

/* ---- files ---------------------------------------------------------- */

static const char *
file(const char *name, const char *text)
{
	static char path[8][300];
	static int k;
	struct pin_err err = PIN_ERR_INIT;
	char *p = path[k++ % 8];

	(void)snprintf(p, 300, "%s/%s", dir, name);
	if (text != NULL && pin_path_replace(host, p, text, strlen(text),
	    PIN_FILE_PRIVATE, &err) != PIN_OK)
		BAIL("%s", err.text);
	return (p);
}

struct pair {
	char	*cert, *key;
};

static struct pair
make(const struct tls_cert_spec *spec, const struct pair *ca)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pair p;

	if (tls_cert_make(host, spec, ca != NULL ? ca->cert : NULL,
	    ca != NULL ? ca->key : NULL, &p.cert, &p.key, &err) != PIN_OK)
		BAIL("%s", err.text);
	return (p);
}

static void
drop(struct pair *p)
{
	free(p->cert);
	free(p->key);
	memset(p, 0, sizeof(*p));
}

static int
shell(const char *fmt, const char *a, const char *b)
{
	char cmd[1024];

	(void)snprintf(cmd, sizeof(cmd), fmt, a, b);
	return (sh_run(cmd, NULL, 0));
}

/* ---- one handshake -------------------------------------------------- */

struct end {
	struct tls_conn	*tls;
	struct pin_sock	*sock;
	struct pin_err	 err;
	int		 rc;		/* 1: not over yet */
	int		 is_server;
	char		 got[64];
	size_t		 got_len;
	struct pin_credentials creds;
	char		 cn[64], orgs[256];
};

static struct pin_loop	*loop;
static struct pin_sock	*listener;
static struct tls_server *server;
static struct tls_client *client;
static struct end	 srv, cli;
static const char	*client_name;
static struct pin_timer	 guard;

static void
end_fail(struct end *e, int rc)
{
	e->rc = rc;
	if (e->tls != NULL)
		tls_close(&e->tls);
	pin_sock_close(&e->sock);
	if ((srv.rc != 1 && cli.rc != 1) || !e->is_server)
		pin_loop_stop(loop);
}

static void
end_read(struct end *e)
{
	uint32_t want;
	int64_t n;

	n = tls_read(e->tls, e->got + e->got_len, sizeof(e->got) - 1 -
	    e->got_len, &want);
	if (n > 0) {
		e->got_len += (size_t)n;
		if (srv.got_len == 4 && cli.got_len == 4)
			pin_loop_stop(loop);
	} else if (n != PIN_EAGAIN)
		end_fail(e, (int)n);
}

static void
end_ready(void *arg, struct pin_sock *s, uint32_t events)
{
	struct end *e = arg;
	uint32_t want = 0, i;
	int rc;

	(void)events;
	if (e->rc == PIN_OK) {
		end_read(e);
		return;
	}
	rc = tls_handshake(e->tls, &want, &e->err);
	if (rc == PIN_EAGAIN) {
		pin_sock_want(s, want);
		return;
	}
	if (rc != PIN_OK) {
		end_fail(e, rc);
		return;
	}
	e->rc = PIN_OK;
	tls_peer(e->tls, &e->creds);
	(void)snprintf(e->cn, sizeof(e->cn), PIN_SFMT,
	    PIN_SARG(e->creds.cert_cn));
	for (i = 0; i < e->creds.ncert_orgs; i++)
		(void)snprintf(e->orgs + strlen(e->orgs), 64, PIN_SFMT ";",
		    PIN_SARG(e->creds.cert_orgs[i]));
	pin_sock_want(s, PIN_SOCK_READ);
	if (tls_write(e->tls, e->is_server ? "pong" : "ping", 4, &want) != 4)
		end_fail(e, PIN_ECLOSED);
	else if (tls_pending(e->tls) > 0)
		end_read(e);
}

static void
on_accept(void *arg, struct pin_sock *s)
{
	struct pin_err err = PIN_ERR_INIT;

	(void)arg;
	srv.sock = s;
	if (pin_sock_attach(s, loop, end_ready, &srv, &err) != PIN_OK ||
	    tls_accept(server, s, &srv.tls, &err) != PIN_OK)
		BAIL("%s", err.text);
	pin_sock_want(s, PIN_SOCK_READ);
}

static void
on_guard(struct pin_timer *t)
{
	(void)t;
	pin_loop_stop(loop);
}

static void
on_go(struct pin_msg *m)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_addr a;

	(void)m;
	if (pin_addr_parse("127.0.0.1:0", &a, &err) != PIN_OK ||
	    pin_sock_listen(loop, &a, on_accept, NULL, &listener, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
	pin_sock_local(listener, &a);
	if (pin_sock_connect(loop, &a, end_ready, &cli, &cli.sock, &err) !=
	    PIN_OK || tls_connect(client, cli.sock, client_name, &cli.tls,
	    &err) != PIN_OK)
		BAIL("%s", err.text);
	pin_timer_init(&guard, loop, on_guard);
	pin_timer_start(&guard, DEADLINE_MS);
}

/* Both ends until four bytes have gone each way or one has given up. */
static void
shake(struct tls_server *s, struct tls_client *c, const char *name)
{
	struct pin_err err = PIN_ERR_INIT;
	struct pin_msg go = { NULL, on_go };

	memset(&srv, 0, sizeof(srv));
	memset(&cli, 0, sizeof(cli));
	srv.rc = cli.rc = 1;
	srv.is_server = 1;
	server = s;
	client = c;
	client_name = name;
	if (pin_loop_open(host, "tls", &loop, &err) != PIN_OK)
		BAIL("%s", err.text);
	pin_loop_post(loop, &go);
	pin_loop_run(loop);
	pin_timer_stop(&guard);
	if (srv.tls != NULL)
		tls_close(&srv.tls);
	if (cli.tls != NULL)
		tls_close(&cli.tls);
	if (srv.sock != NULL)
		pin_sock_close(&srv.sock);
	if (cli.sock != NULL)
		pin_sock_close(&cli.sock);
	pin_sock_close(&listener);
	pin_loop_close(&loop);
}

static int
both_fine(void)
{
	return (srv.got_len == 4 && memcmp(srv.got, "ping", 4) == 0 &&
	    cli.got_len == 4 && memcmp(cli.got, "pong", 4) == 0);
}

/* ---- who is let in --------------------------------------------------- */

static const char *const dns[] = { "localhost", "*.pintle.test", NULL };
static const char *const ips[] = { "127.0.0.1", "fd00::1", NULL };
static const char *const orgs[] = { "system:masters", "b,c=d", NULL };
static const struct tls_cert_spec spec_ca = { .flags = TLS_CERT_CA,
    .days = 3650, .cn = "pintle-ca" };
static const struct tls_cert_spec spec_srv = { .flags = TLS_CERT_SERVER,
    .days = 365, .cn = "server", .dns = dns, .ips = ips };
static const struct tls_cert_spec spec_cli = { .flags = TLS_CERT_CLIENT,
    .days = 365, .cn = "alice", .orgs = orgs };

static struct pair	 ca, ca2, s_cert, c_cert;
static const char	*ca_f;
static char		 ca_path[300], s_path[300], s_key[300];

static struct tls_client *
client_with(const char *ca_file, const struct pair *p)
{
	struct pin_err err = PIN_ERR_INIT;
	struct tls_client *c;

	if (tls_client_open(host, ca_file, p != NULL ? file("c.crt", p->cert) :
	    NULL, p != NULL ? file("c.key", p->key) : NULL, &c, &err) !=
	    PIN_OK)
		BAIL("%s", err.text);
	return (c);
}

static void
test_names(void)
{
	static const struct {
		const char	*name;
		int		 fine;
	} names[] = {
		{ "localhost", 1 }, { "LOCALHOST", 1 }, { "127.0.0.1", 1 },
		{ "fd00::1", 1 }, { "a.pintle.test", 1 },
		{ "a.b.pintle.test", 0 }, { "pintle.test", 0 },
		{ "127.0.0.2", 0 }, { "::1", 0 }, { "server", 0 },
		{ "localhost.evil", 0 },
	};
	struct pin_err err = PIN_ERR_INIT;
	struct tls_server *s;
	struct tls_client *c;
	size_t i;

	if (tls_server_open(host, s_path, s_key, NULL, &s, &err) != PIN_OK)
		BAIL("%s", err.text);
	c = client_with(ca_path, NULL);
	for (i = 0; i < PIN_LEN(names); i++) {
		shake(s, c, names[i].name);
		OK(both_fine() == names[i].fine, "server as %s: %s (%s)",
		    names[i].name, names[i].fine ? "believed" : "refused",
		    cli.err.text);
	}
	CASE("a server that asks for nobody sees nobody") {
		shake(s, c, "localhost");
		CHECK(both_fine());
		CHECK_UINT(srv.creds.has_cert, 0);
	}
	tls_client_close(&c);
	CASE("a CA the client does not know is refused") {
		c = client_with(file("ca2.crt", ca2.cert), NULL);
		shake(s, c, "localhost");
		CHECK(!both_fine());
		CHECK_INT(cli.rc, PIN_EINVAL);
		tls_client_close(&c);
	}
	tls_server_close(&s);
}

static void
try_client(struct tls_server *s, const struct pair *p)
{
	struct tls_client *c = client_with(ca_path, p);

	shake(s, c, "localhost");
	tls_client_close(&c);
}

static void
test_mutual(void)
{
	struct tls_cert_spec spec = spec_cli;
	struct pin_err err = PIN_ERR_INIT;
	struct tls_server *s;
	struct pair p, fake;
	int i;

	if (tls_server_open(host, s_path, s_key, ca_path, &s, &err) != PIN_OK)
		BAIL("%s", err.text);
	CASE("no client certificate: let in, as nobody") {
		try_client(s, NULL);
		CHECK(both_fine());
		CHECK_UINT(srv.creds.has_cert, 0);
	}
	for (i = 0; i < 2; i++)
		CASE("a client certificate: let in, by name (%s)",
		    i == 0 ? "new" : "known") {
			try_client(s, &c_cert);
			CHECK(both_fine());
			CHECK_UINT(srv.creds.has_cert, 1);
			CHECK_STR(srv.cn, "alice");
			CHECK_STR(srv.orgs, "system:masters;b,c=d;");
			CHECK(srv.creds.cert_der.len > 200);
		}
	CASE("a client certificate of another CA") {
		p = make(&spec, &ca2);
		try_client(s, &p);
		drop(&p);
		CHECK(!both_fine());
		CHECK_INT(srv.rc, PIN_EUNAUTH);
		CHECK(strstr(srv.err.text, "not correctly signed") != NULL);
	}
	CASE("one that signed itself under the CA's name") {
		spec.flags = TLS_CERT_CA;
		spec.cn = "pintle-ca";
		spec.orgs = NULL;
		fake = make(&spec, NULL);
		spec = spec_cli;
		p = make(&spec, &fake);
		try_client(s, &p);
		drop(&p);
		drop(&fake);
		CHECK_INT(srv.rc, PIN_EUNAUTH);
	}
	CASE("a server's certificate used by a client") {
		try_client(s, &s_cert);
		CHECK_INT(srv.rc, PIN_EUNAUTH);
		CHECK(strstr(srv.err.text, "usage") != NULL);
		tap_diag("%s", srv.err.text);
	}
	CASE("a client's certificate used by a server") {
		struct tls_server *bad;
		struct tls_client *c;

		spec.dns = dns;
		p = make(&spec, &ca);
		CHECK_INT(tls_server_open(host, file("b.crt", p.cert),
		    file("b.key", p.key), NULL, &bad, &err), PIN_OK);
		c = client_with(ca_path, NULL);
		shake(bad, c, "localhost");
		CHECK(!both_fine());
		tls_client_close(&c);
		tls_server_close(&bad);
		drop(&p);
	}
	tls_server_close(&s);
}

/* Where the server remembers this certificate (core/tls/verify.c). */
static unsigned int
slot_of(const char *pem)
{
	static uint8_t der[4096];
	const char *p = strchr(pem, '\n');
	uint8_t hash[32];
	uint32_t v = 0;
	size_t n = 0;
	int bits = 0, d;

	for (; *p != '-'; p++) {
		d = *p >= 'A' && *p <= 'Z' ? *p - 'A' :
		    *p >= 'a' && *p <= 'z' ? *p - 'a' + 26 :
		    *p >= '0' && *p <= '9' ? *p - '0' + 52 :
		    *p == '+' ? 62 : *p == '/' ? 63 : -1;
		if (d < 0)
			continue;
		v = v << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			der[n++] = (uint8_t)(v >> bits);
		}
	}
	tls_sha256(der, n, hash);
	return (((unsigned int)hash[0] << 8 | hash[1]) % 1024);
}

/* A stranger whose certificate falls on the place of a known one. */
static void
test_collision(void)
{
	struct pin_err err = PIN_ERR_INIT;
	unsigned int want = slot_of(c_cert.cert), i;
	struct tls_server *s;
	struct pair p = { NULL, NULL };

	if (tls_server_open(host, s_path, s_key, ca_path, &s, &err) != PIN_OK)
		BAIL("%s", err.text);
	for (i = 0; i < 20000; i++) {
		p = make(&spec_cli, &ca2);
		if (slot_of(p.cert) == want)
			break;
		drop(&p);
	}
	CASE("who is remembered is a certificate, not its place") {
		CHECK(i < 20000);
		if (i == 20000)
			continue;
		try_client(s, &c_cert);
		CHECK(both_fine());
		try_client(s, &p);
		CHECK_INT(srv.rc, PIN_EUNAUTH);
		try_client(s, &c_cert);
		CHECK(both_fine());
	}
	drop(&p);
	tls_server_close(&s);
}

/* Certificates we would not write, made by openssl. */
static void
test_foreign(void)
{
	static const struct {
		const char	*name, *args, *word;
	} bad[] = {
		{ "expired", "-subj /CN=old -not_before 20200101000000Z "
		    "-not_after 20210101000000Z", "expired" },
		{ "of the future", "-subj /CN=new -not_before "
		    "20700101000000Z -not_after 20710101000000Z", "future" },
		{ "signed with SHA-1", "-subj /CN=sha1 -days 10 -md sha1",
		    "hash" },
		{ "with two common names", "-subj /CN=a/CN=b -days 10",
		    "two common names" },
		{ "without any, fine", "-subj /O=x -days 10", NULL },
	};
	struct pin_err err = PIN_ERR_INIT;
	struct tls_server *s;
	struct tls_client *c;
	char cmd[2048];
	size_t i;

	if (tls_server_open(host, s_path, s_key, ca_path, &s, &err) != PIN_OK)
		BAIL("%s", err.text);
	(void)file("ca.key", ca.key);
	for (i = 0; i < PIN_LEN(bad); i++) {
		(void)snprintf(cmd, sizeof(cmd), "cd %s && rm -rf demo && "
		    "mkdir demo && : > demo/index && echo 01 > demo/serial && "
		    "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=demo/index\\n"
		    "serial=demo/serial\\nnew_certs_dir=demo\\n"
		    "default_md=sha256\\npolicy=p\\n[p]\\n"
		    "commonName=optional\\norganizationName=optional\\n' "
		    "> demo/c.cnf && openssl req -new -newkey ec -pkeyopt "
		    "ec_paramgen_curve:P-256 -nodes -keyout f.key -subj /CN=z "
		    "-out f.csr 2>/dev/null && openssl ca -batch -config "
		    "demo/c.cnf -cert ca.crt -keyfile ca.key -in f.csr -out "
		    "f.crt -notext %s >demo/log 2>&1", dir, bad[i].args);
		/* Older openssl spells the dates otherwise. */
		while (strstr(cmd, "-not_before") != NULL)
			memcpy(strstr(cmd, "-not_before"), "-startdate ", 11);
		while (strstr(cmd, "-not_after") != NULL)
			memcpy(strstr(cmd, "-not_after"), "-enddate  ", 10);
		if (sh_run(cmd, NULL, 0) != 0)
			BAIL("openssl ca: see %s/demo/log", dir);
		CASE("a client certificate %s", bad[i].name) {
			if (tls_client_open(host, ca_path, file("f.crt", NULL),
			    file("f.key", NULL), &c, &err) != PIN_OK)
				BAIL("%s", err.text);
			shake(s, c, "localhost");
			tls_client_close(&c);
			if (bad[i].word == NULL) {
				CHECK(both_fine());
				CHECK_STR(srv.orgs, "x;");
				CHECK_STR(srv.cn, "");
				continue;
			}
			CHECK_INT(srv.rc, PIN_EUNAUTH);
			CHECK(strstr(srv.err.text, bad[i].word) != NULL);
			tap_diag("%s", srv.err.text);
		}
	}
	tls_server_close(&s);
}

static void
test_reload(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct tls_server *s;
	struct tls_client *c;
	struct pair p = make(&spec_srv, &ca2);
	const char *crt = file("r.crt", s_cert.cert);
	const char *key = file("r.key", s_cert.key);

	CASE("a reload changes the certificate of new connections") {
		CHECK_INT(tls_server_open(host, crt, key, NULL, &s, &err),
		    PIN_OK);
		c = client_with(ca_path, NULL);
		shake(s, c, "localhost");
		CHECK(both_fine());
		(void)file("r.crt", p.cert);
		CHECK_INT(tls_server_reload(s, &err), PIN_ECONFIG);
		CHECK(strstr(err.text, "belong together") != NULL);
		shake(s, c, "localhost");
		CHECK(both_fine());
		(void)file("r.key", p.key);
		CHECK_INT(tls_server_reload(s, &err), PIN_OK);
		shake(s, c, "localhost");
		CHECK(!both_fine());
		tls_client_close(&c);
		c = client_with(file("ca2.crt", ca2.cert), NULL);
		shake(s, c, "localhost");
		CHECK(both_fine());
		tls_client_close(&c);
		tls_server_close(&s);
	}
	drop(&p);
	CASE("files that are not there or not right are named") {
		CHECK_INT(tls_server_open(host, "/nonexistent/x", key, NULL,
		    &s, &err), PIN_ENOTFOUND);
		CHECK(s == NULL && strstr(err.text, "/nonexistent/x") != NULL);
		CHECK_INT(tls_server_open(host, file("junk", "hello"), key,
		    NULL, &s, &err), PIN_ECONFIG);
		CHECK(s == NULL && strstr(err.text, "junk") != NULL);
		tap_diag("%s", err.text);
	}
}

/* ---- certificates ---------------------------------------------------- */

static void
test_certs(void)
{
	static const char *const more[] = { "localhost", "other", NULL };
	struct tls_cert_spec spec = spec_srv;
	struct pin_err err = PIN_ERR_INIT;
	int64_t now = pin_host_wall(host) / 1000000000;
	char *c, *k;

	CASE("openssl verify -x509_strict is content") {
		CHECK_INT(shell("openssl verify -x509_strict -CAfile %s %s "
		    ">/dev/null", ca_path, s_path), 0);
		CHECK_INT(shell("openssl verify -x509_strict -purpose "
		    "sslclient -CAfile %s %s >/dev/null", ca_path,
		    file("cc.crt", c_cert.cert)), 0);
		CHECK_INT(shell("openssl verify -x509_strict -CAfile %s %s "
		    ">/dev/null", ca_path, ca_path), 0);
		CHECK(shell("openssl verify -x509_strict -purpose sslclient "
		    "-CAfile %s %s >/dev/null 2>&1", ca_path, s_path) != 0);
	}
	CASE("names are in it as openssl reads them") {
		CHECK_INT(shell("openssl x509 -in %s -noout -ext "
		    "subjectAltName | grep -q 'DNS:localhost, "
		    "DNS:\\*.pintle.test, IP Address:127.0.0.1, "
		    "IP Address:FD00:0:0:0:0:0:0:1%s'", s_path, ""), 0);
		CHECK_INT(shell("openssl x509 -in %s -noout -subject -nameopt "
		    "multiline | grep -q 'organizationName *= b,c=d%s'",
		    file("cc.crt", c_cert.cert), ""), 0);
	}
	CASE("covers: names, time and purpose") {
		CHECK(tls_cert_covers(s_cert.cert, &spec, now));
		CHECK(tls_cert_covers(s_cert.cert, &spec,
		    now + 334ll * 86400));
		CHECK(!tls_cert_covers(s_cert.cert, &spec,
		    now + 336ll * 86400));
		spec.dns = more;
		CHECK(!tls_cert_covers(s_cert.cert, &spec, now));
		spec = spec_srv;
		spec.flags = TLS_CERT_CLIENT;
		CHECK(!tls_cert_covers(s_cert.cert, &spec, now));
		CHECK(!tls_cert_covers("junk", &spec_srv, now));
	}
	CASE("what makes no certificate is refused") {
		spec = spec_cli;
		spec.cn = "";
		CHECK_INT(tls_cert_make(host, &spec, ca.cert, ca.key, &c, &k,
		    &err), PIN_EINVAL);
		spec = spec_cli;
		CHECK_INT(tls_cert_make(host, &spec, ca.cert, ca2.key, &c, &k,
		    &err), PIN_ECONFIG);
		CHECK_INT(tls_cert_make(host, &spec, c_cert.cert, c_cert.key,
		    &c, &k, &err), PIN_ECONFIG);
		CHECK(c == NULL && k == NULL);
		spec.ips = more;
		CHECK_INT(tls_cert_make(host, &spec, ca.cert, ca.key, &c, &k,
		    &err), PIN_EINVAL);
		spec = spec_cli;
		spec.days = 20000;	/* past 2049: GeneralizedTime */
		CHECK_INT(tls_cert_make(host, &spec, ca.cert, ca.key, &c, &k,
		    &err), PIN_OK);
		CHECK_INT(shell("openssl x509 -in %s -noout -enddate | "
		    "grep -q 208%s", file("far.crt", c), ""), 0);
		free(c);
		free(k);
	}
}

/* ---- token keys ------------------------------------------------------ */

static void
test_es256(void)
{
	struct pin_err err = PIN_ERR_INIT;
	struct tls_key *k, *pub;
	struct pin_out o;
	char *pem, *pub_pem, id[64], id2[64];
	uint8_t sig[512];
	size_t len, i;

	CASE("ES256: signed, verified, and nothing else") {
		CHECK_INT(tls_key_make(host, &pem, &pub_pem, &err), PIN_OK);
		CHECK_INT(tls_key_load(pem, &k, &err), PIN_OK);
		CHECK_INT(tls_key_load(pub_pem, &pub, &err), PIN_OK);
		CHECK_STR(tls_key_alg(k), "ES256");
		for (i = 0; i < 64; i++) {
			char m[16];

			(void)snprintf(m, sizeof(m), "m%zu", i);
			len = sizeof(sig);
			CHECK_INT(tls_key_sign(k, m, 3, sig, &len, &err),
			    PIN_OK);
			CHECK_UINT(len, 64);
			CHECK_INT(tls_key_verify(pub, m, 3, sig, 64), PIN_OK);
			sig[i] ^= 1;
			CHECK_INT(tls_key_verify(pub, m, 3, sig, 64),
			    PIN_EUNAUTH);
		}
		memset(sig, 0, sizeof(sig));
		CHECK_INT(tls_key_verify(pub, "m", 1, sig, 64), PIN_EUNAUTH);
		CHECK_INT(tls_key_verify(pub, "m", 1, sig, 63), PIN_EUNAUTH);
		len = sizeof(sig);
		CHECK_INT(tls_key_sign(pub, "m", 1, sig, &len, &err),
		    PIN_EINVAL);
		CHECK_INT(tls_key_id(k, id, sizeof(id)), PIN_OK);
		CHECK_INT(tls_key_id(pub, id2, sizeof(id2)), PIN_OK);
		CHECK_STR(id, id2);
		CHECK_UINT(strlen(id), 43);
		pin_out_init(&o, NULL, 4096);
		CHECK_INT(tls_key_jwk(pub, &o, &err), PIN_OK);
		pin_out_char(&o, '\0');
		CHECK(strncmp(o.p, "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"",
		    30) == 0);
		pin_out_fini(&o);
		tls_key_free(&k);
		tls_key_free(&pub);
		free(pem);
		free(pub_pem);
	}
}

static void
test_keys(void)
{
	static const char msg[] = "header.payload";
	struct pin_err err = PIN_ERR_INIT;
	char *pem, *text = NULL;
	struct tls_key *k;
	struct pin_out o;
	uint8_t sig[512];
	size_t len;

	CASE("RS256: openssl agrees") {
		if (shell("cd %s && openssl genrsa -out rsa.key 2048 "
		    "2>/dev/null && openssl rsa -in rsa.key -pubout -out "
		    "rsa.pub 2>/dev/null && printf %%s '%s' > msg", dir, msg)
		    != 0)
			continue;
		CHECK_INT(pin_path_slurp(host, file("rsa.key", NULL), 65536,
		    &text, &len, &err), PIN_OK);
		CHECK_INT(tls_key_load(text, &k, &err), PIN_OK);
		free(text);
		CHECK_STR(tls_key_alg(k), "RS256");
		len = sizeof(sig);
		CHECK_INT(tls_key_sign(k, msg, sizeof(msg) - 1, sig, &len,
		    &err), PIN_OK);
		CHECK_UINT(len, 256);
		CHECK_INT(tls_key_verify(k, msg, sizeof(msg) - 1, sig, len),
		    PIN_OK);
		CHECK_INT(pin_path_replace(host, file("sig", NULL), sig, len,
		    0, &err), PIN_OK);
		CHECK_INT(shell("cd %s && openssl dgst -sha256 -verify "
		    "rsa.pub -signature sig msg >/dev/null%s", dir, ""), 0);
		pin_out_init(&o, NULL, 4096);
		CHECK_INT(tls_key_jwk(k, &o, &err), PIN_OK);
		pin_out_char(&o, '\0');
		CHECK(strstr(o.p, "\"e\":\"AQAB\"") != NULL);
		pin_out_fini(&o);
		tls_key_free(&k);
	}
	CASE("keys of other kinds are refused") {
		CHECK_INT(tls_key_load("junk", &k, &err), PIN_ECONFIG);
		CHECK(k == NULL);
		CHECK_INT(shell("cd %s && openssl ecparam -name secp384r1 "
		    "-genkey -noout -out p384.key%s", dir, ""), 0);
		CHECK_INT(pin_path_slurp(host, file("p384.key", NULL), 65536,
		    &pem, &len, &err), PIN_OK);
		CHECK_INT(tls_key_load(pem, &k, &err), PIN_ECONFIG);
		free(pem);
	}
	CASE("comparing and hashing") {
		tls_sha256("abc", 3, sig);
		CHECK_MEM(sig, 4, "\xba\x78\x16\xbf", 4);
		CHECK(tls_equal("abc", "abc", 3) && !tls_equal("abc", "abd",
		    3) && tls_equal("", "", 0));
	}
}

int
main(void)
{
	tap_deadline(120);
	host = pin_host_real();
	(void)snprintf(dir, sizeof(dir), "%s", tap_tmp());
	ca = make(&spec_ca, NULL);
	ca2 = make(&spec_ca, NULL);	/* the same name, another key */
	s_cert = make(&spec_srv, &ca);
	c_cert = make(&spec_cli, &ca);
	ca_f = file("ca.crt", ca.cert);
	(void)snprintf(ca_path, sizeof(ca_path), "%s", ca_f);
	(void)snprintf(s_path, sizeof(s_path), "%s", file("s.crt",
	    s_cert.cert));
	(void)snprintf(s_key, sizeof(s_key), "%s", file("s.key", s_cert.key));
	test_names();
	test_mutual();
	test_collision();
	test_foreign();
	test_reload();
	test_certs();
	test_es256();
	test_keys();
	drop(&ca);
	drop(&ca2);
	drop(&s_cert);
	drop(&c_cert);
	return (tap_done());
}
