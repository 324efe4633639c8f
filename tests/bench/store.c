/* SPDX-License-Identifier: BSD-2-Clause
 *
 * store.c -- how fast a store is beside the disk it lies on: durable writes
 * with one and with many outstanding, gets, ranges, memory, start.
 * usage: store [STORE [CONSENSUS]]; PIN_BENCH_DIR says where (default: the
 * test's own folder). Prints figures, judges none.
 * Contract: the fdatasync rate is measured in the same directory, same run. */
#include <inttypes.h>
#include <stdio.h>

#include "core/host/real.h"
#include "storeenv.h"
#include "tap.h"

#define SECONDS		2
#define PODS		10000
#define POD_BYTES	3072
#define OBJECTS		100000

static struct se se;
static char dir[4096];
static const char *store = "lmdb", *cons = "solo";

static double
now(void)
{
	return ((double)pin_host_now(pin_host_real()) / 1e9);
}

static void
disk(void)
{
	static const char zeros[1024];
	struct pin_iov iov = { zeros, sizeof(zeros) };
	struct pin_file *f = NULL;
	char path[4200];
	double begin;
	uint64_t n = 0;

	snprintf(path, sizeof(path), "%s/sync", dir);
	if (pin_file_open(pin_host_real(), path, PIN_FILE_WRITE |
	    PIN_FILE_CREATE, &f, NULL) != PIN_OK ||
	    pin_file_reserve(f, 32 << 20, NULL) != PIN_OK ||
	    pin_file_sync(f, NULL) != PIN_OK)
		BAIL("%s", path);
	begin = now();
	while (now() - begin < SECONDS) {
		if (pin_file_write(f, &iov, 1, n % 32768 * 1024, NULL) !=
		    PIN_OK || pin_file_sync(f, NULL) != PIN_OK)
			BAIL("%s", path);
		n++;
	}
	printf("disk: %.0f writes of 1 KB with fdatasync each/s\n",
	    (double)n / (now() - begin));
	pin_file_close(&f);
}

static void
open_it(const char *what)
{
	struct pin_err err = PIN_ERR_INIT;
	double begin = now();

	if (se_open(&se, pin_host_real(), store, cons, dir, NULL, &err) !=
	    PIN_OK || se_start(&se, &err) != PIN_OK)
		BAIL("%s", err.text);
	printf("start, %s: %.1f ms\n", what, (now() - begin) * 1e3);
}

/* ---- writes ------------------------------------------------------ */

struct writer {
	pthread_mutex_t	 lock;
	pthread_cond_t	 cond;
	struct pin_buf	*value;
	uint64_t	 done, failed, next, keys;
	int		 stop, under_way;
	struct slot	*idle;		/* those that wait to go again */
};

struct slot {
	struct writer	*w;
	struct slot	*next;
};

static void
put_done(void *arg, const struct pin_txn_result *r)
{
	struct slot *s = arg;
	struct writer *w = s->w;

	pthread_mutex_lock(&w->lock);
	w->done++;
	w->failed += r->rc != PIN_OK;
	w->under_way--;
	s->next = w->idle;
	w->idle = s;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static void
put_go(struct writer *w, struct slot *s)
{
	struct pin_op op = { .type = PIN_PUT, .value = w->value };
	struct pin_txn t = { .size = sizeof(t), .nops = 1, .ops = &op };
	char key[64];

	snprintf(key, sizeof(key), "/registry/pods/ns-%03u/pod-%08u",
	    (unsigned)(w->next % 100), (unsigned)(w->next % w->keys));
	w->next++;
	op.key = pin_str(key);
	if (se.ops->txn(se.store.self, &t, put_done, s, NULL) != PIN_OK)
		BAIL("txn");
}

static void
puts_run(int outstanding, size_t bytes, uint64_t keys, uint64_t total)
{
	struct writer w = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .cond = PTHREAD_COND_INITIALIZER, .keys = keys };
	struct slot *slots = pin_xcalloc((size_t)outstanding, sizeof(*slots));
	struct pin_store_status a, b;
	double begin, end;
	struct slot *s;

	w.value = pin_buf_new(bytes);
	se_fill((char *)w.value->data, bytes, 1);
	for (int i = 0; i < outstanding; i++) {
		slots[i].w = &w;
		slots[i].next = w.idle;
		w.idle = &slots[i];
	}
	se_status(&se, &a);
	begin = now();
	pthread_mutex_lock(&w.lock);
	for (;;) {
		while (w.idle == NULL || (w.stop && w.under_way != 0))
			pthread_cond_wait(&w.cond, &w.lock);
		if (w.stop)
			break;
		s = w.idle;
		w.idle = s->next;
		w.under_way++;
		pthread_mutex_unlock(&w.lock);
		put_go(&w, s);
		pthread_mutex_lock(&w.lock);
		w.stop = total != 0 ? w.next >= total :
		    now() - begin > SECONDS;
	}
	pthread_mutex_unlock(&w.lock);
	end = now();
	se_status(&se, &b);
	printf("puts of %zu B, %d outstanding: %.0f/s (%.0f syncs/s)%s\n",
	    bytes, outstanding, (double)w.done / (end - begin),
	    (double)(b.consensus.syncs - a.consensus.syncs) / (end - begin),
	    w.failed != 0 ? " FAILED" : "");
	pin_buf_put(&w.value);
	free(slots);
}

/* ---- reads ------------------------------------------------------- */

static void
gets_run(const char *what, uint64_t keys, uint64_t step)
{
	struct pin_buf *b = NULL;
	struct pin_kv kv;
	double begin = now();
	uint64_t n = 0, x = 0;
	char key[64];

	do {
		for (int i = 0; i < 1000; i++, n++) {
			snprintf(key, sizeof(key),
			    "/registry/pods/ns-%03u/pod-%08u",
			    (unsigned)(x % 100), (unsigned)x);
			x = (x + step) % keys;
			if (se.ops->get(se.store.self, pin_str(key), 0, &b,
			    &kv, NULL) != PIN_OK)
				BAIL("get %s", key);
			pin_buf_put(&b);
		}
	} while (now() - begin < SECONDS);
	printf("gets, %s: %.0f/s\n", what, (double)n / (now() - begin));
}

static int
sum(void *arg, const struct pin_kv *kv)
{
	*(uint64_t *)arg += kv->value->len;
	return (0);
}

static void
range_run(void)
{
	struct pin_range q = { .size = sizeof(q),
	    .start = PIN_STR("/registry/pods/"),
	    .end = PIN_STR("/registry/pods0") };
	struct pin_range_result res;
	double begin, best = 1e9;
	uint64_t bytes = 0;

	for (int i = 0; i < 10; i++) {
		bytes = 0;
		begin = now();
		if (se.ops->range(se.store.self, &q, sum, &bytes, &res,
		    NULL) != PIN_OK)
			BAIL("range");
		if (now() - begin < best)
			best = now() - begin;
	}
	printf("range of %" PRIu64 " values, %.1f MB: %.1f ms\n", res.emitted,
	    (double)bytes / 1e6, best * 1e3);
}

/* Linux only; elsewhere there is no such file. */
static void
memory(const char *what)
{
	char line[256];
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	long kb;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Anonymous: %ld", &kb) == 1)
			printf("anonymous memory, %s: %.1f MB\n", what,
			    (double)kb / 1024);
	if (f != NULL)
		fclose(f);
}

static void
fresh(const char *name)
{
	snprintf(dir, sizeof(dir), "%s/%s", getenv("PIN_BENCH_DIR") != NULL ?
	    getenv("PIN_BENCH_DIR") : tap_tmp(), name);
	if (pin_path_mkdir(pin_host_real(), dir, NULL) != PIN_OK)
		BAIL("mkdir %s", dir);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		store = argv[1];
	if (argc > 2)
		cons = strcmp(argv[2], "none") != 0 ? argv[2] : NULL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	fresh("a");
	disk();
	open_it("new");
	memory("empty");
	puts_run(1, 1024, 1000, 0);
	puts_run(64, 1024, 1000, 0);
	puts_run(1000, 1024, 1000, 0);
	se_close(&se);
	fresh("b");
	open_it("new");
	puts_run(500, POD_BYTES, PODS, PODS);
	memory("10,000 pods of 3 KB, written");
	gets_run("one hot key", 1, 1);
	gets_run("10,000 keys", PODS, 7919);
	range_run();
	memory("and read");
	se_close(&se);
	open_it("10,000 pods");
	memory("10,000 pods, started");
	range_run();
	gets_run("10,000 keys", PODS, 7919);
	se_close(&se);
	fresh("c");
	open_it("new");
	puts_run(1000, 512, OBJECTS, OBJECTS);
	memory("100,000 objects of 512 B, written");
	se_close(&se);
	open_it("100,000 objects");
	memory("100,000 objects, started");
	gets_run("100,000 keys", OBJECTS, 7919);
	se_close(&se);
	return (0);
}
