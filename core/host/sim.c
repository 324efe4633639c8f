/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sim.c -- the simulator itself: seed, clock, machines, faults, crashes, the
 * trace hash, and the table of the simulated host.
 * Loops are sim_loop.c's, disks sim_disk.c's and sim_file.c's, the network
 * sim_sock.c's.
 * Threads: one.
 * Contract: core/host/sim.h. */
#include "core/host/sim_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIM_EPOCH	1767225600000000000	/* 2026-01-01, ns */
#define SIM_START	PIN__SEC		/* never 0: it means stopped */

/* ---- random --------------------------------------------------------- */

uint64_t
pin__rng_next(struct pin__rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31));
}

uint64_t
pin__rng_below(struct pin__rng *r, uint64_t bound)
{
	PIN_ASSERT(bound > 0);
	return (pin__rng_next(r) % bound);
}

uint64_t
pin__rng_range(struct pin__rng *r, uint64_t lo, uint64_t hi)
{
	PIN_ASSERT(lo <= hi);
	return (lo + pin__rng_below(r, hi - lo + 1));
}

static void
rng_seed(struct pin__rng *r, uint64_t seed, uint64_t stream)
{
	r->state = seed ^ (stream << 56);
	r->state = pin__rng_next(r) + stream;
}

/* ---- time and trace ------------------------------------------------- */

uint64_t
pin__sim_time(const struct pin_sim *s)
{
	return (s->now + s->skew);
}

void
pin__sim_spend(struct pin_sim *s, uint64_t lo, uint64_t hi)
{
	uint64_t ns = pin__rng_range(&s->order, lo, hi);

	if (s->in_callback)
		s->skew += ns;
	else
		s->now += ns;
}

void
pin__sim_trace(struct pin_sim *s, uint32_t what, uint64_t a, uint64_t b)
{
	uint64_t v[4] = { what, a, b, pin__sim_time(s) };
	uint32_t i;

	for (i = 0; i < PIN_LEN(v); i++) {
		s->hash = (s->hash ^ v[i]) * 0xff51afd7ed558ccdu;
		s->hash ^= s->hash >> 32;
	}
}

/* ---- the host's small operations ------------------------------------ */

static uint64_t
sim_now(struct pin_host *h)
{
	return (pin__sim_time(pin__sim_host_of(h)->sim));
}

static int64_t
sim_wall(struct pin_host *h)
{
	struct pin__sim_host *m = pin__sim_host_of(h);

	return ((int64_t)SIM_EPOCH + (int64_t)pin__sim_time(m->sim) +
	    m->wall_off);
}

static void
sim_random(struct pin_host *h, void *buf, size_t len)
{
	struct pin__rng *r = &pin__sim_host_of(h)->sim->values;
	uint8_t *p = buf;
	uint64_t v;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		v = pin__rng_next(r);
		n = len < sizeof(v) ? len : sizeof(v);
		memcpy(p, &v, n);
	}
}

static void
sim_log_line(struct pin_host *h, const char *line, size_t len)
{
	struct pin__sim_host *m = pin__sim_host_of(h);

	if (m->sim->opts.log != 0)
		fprintf(stderr, "%u %s %.*s", (unsigned int)m->id,
		    pin__loop_current != NULL ? pin__loop_current->name : "-",
		    (int)len, line);
}

static const struct pin__host_ops sim_ops = {
	.now = sim_now, .wall = sim_wall, .random = sim_random,
	.log_line = sim_log_line,
	.loop_open = pin__sim_loop_open, .loop_start = pin__sim_loop_start,
	.loop_run = pin__sim_loop_run, .loop_stop = pin__sim_loop_stop,
	.loop_close = pin__sim_loop_close, .loop_post = pin__sim_loop_post,
	.work_start = pin__sim_work_start,
	.file_open = pin__sim_file_open, .file_close = pin__sim_file_close,
	.file_read = pin__sim_file_read, .file_write = pin__sim_file_write,
	.file_sync = pin__sim_file_sync,
	.file_truncate = pin__sim_file_truncate,
	.file_reserve = pin__sim_file_reserve,
	.file_size = pin__sim_file_size, .file_lock = pin__sim_file_lock,
	.path_rename = pin__sim_path_rename,
	.path_unlink = pin__sim_path_unlink,
	.path_mkdir = pin__sim_path_mkdir, .path_sync = pin__sim_path_sync,
	.path_list = pin__sim_path_list,
	.sock_listen = pin__sim_sock_listen,
	.sock_connect = pin__sim_sock_connect,
	.sock_attach = pin__sim_sock_attach, .sock_want = pin__sim_sock_want,
	.sock_recv = pin__sim_sock_recv, .sock_send = pin__sim_sock_send,
	.sock_shutdown = pin__sim_sock_shutdown,
	.sock_close = pin__sim_sock_close, .sock_peer = pin__sim_sock_peer,
	.sock_local = pin__sim_sock_local, .sock_cred = pin__sim_sock_cred,
};

/* ---- life ----------------------------------------------------------- */

struct pin_sim *
pin_sim_new(const struct pin_sim_opts *opts)
{
	struct pin_sim *s = pin_xcalloc(1, sizeof(*s));

	s->magic = PIN__SIM_MAGIC;
	s->opts = *opts;
	s->now = SIM_START;
	s->loops_last = &s->loops;
	rng_seed(&s->order, opts->seed, 1);
	rng_seed(&s->faults, opts->seed, 2);
	rng_seed(&s->values, opts->seed, 3);
	rng_seed(&s->user, opts->seed, 4);
	return (s);
}

static void
drop_jobs(struct pin__sim_host *m)
{
	struct pin__job *j;

	while ((j = m->jobs) != NULL) {
		m->jobs = j->next;
		free(j);
	}
	m->jobs_last = &m->jobs;
}

void
pin_sim_free(struct pin_sim **sp)
{
	struct pin__sim_loop *l;
	struct pin_sim *s;
	uint32_t i;

	if (sp == NULL || (s = *sp) == NULL)
		return;
	*sp = NULL;
	PIN_VALID(s, PIN__SIM_MAGIC);
	PIN_ASSERT(!s->in_callback);
	while (s->socks != NULL)
		pin__sim_sock_free(s->socks);
	while (s->files != NULL)
		pin__sim_file_free(s->files);
	while ((l = s->loops) != NULL) {
		s->loops = l->next;
		pin__sim_loop_free(l);
	}
	for (i = 0; i < PIN_SIM_MACHINES_MAX; i++) {
		if (s->hosts[i] == NULL)
			continue;
		drop_jobs(s->hosts[i]);
		pin__disk_fini(&s->hosts[i]->disk);
		free(s->hosts[i]);
	}
	s->magic = 0;
	free(s);
}

static struct pin__sim_host *
machine(struct pin_sim *s, uint32_t id)
{
	struct pin__sim_host *m;

	PIN_VALID(s, PIN__SIM_MAGIC);
	PIN_ASSERT(id < PIN_SIM_MACHINES_MAX);
	m = s->hosts[id];
	if (m != NULL)
		return (m);
	m = pin_xcalloc(1, sizeof(*m));
	m->base.magic = PIN__HOST_MAGIC;
	atomic_init(&m->base.log_level, PIN_LOG_INFO);
	m->base.ops = &sim_ops;
	m->sim = s;
	m->id = id;
	m->next_port = 40000;
	m->jobs_last = &m->jobs;
	pin__disk_init(&m->disk, s->opts.disk_bytes_max);
	s->hosts[id] = m;
	return (m);
}

struct pin_host *
pin_sim_host(struct pin_sim *s, uint32_t id)
{
	return (&machine(s, id)->base);
}

uint64_t
pin_sim_now(struct pin_sim *s)
{
	return (pin__sim_time(s));
}

uint64_t
pin_sim_steps(struct pin_sim *s)
{
	return (s->steps);
}

uint64_t
pin_sim_trace_hash(struct pin_sim *s)
{
	return (s->hash);
}

uint64_t
pin_sim_rand(struct pin_sim *s, uint64_t bound)
{
	return (pin__rng_below(&s->user, bound));
}

void
pin_sim_trace(struct pin_sim *s, uint64_t v)
{
	pin__sim_trace(s, 'u', v, 0);
}

/* ---- crashes and faults --------------------------------------------- */

void
pin__sim_crash(struct pin__sim_host *m, int power)
{
	struct pin__sim_file *f;
	struct pin__sim_sock *k;
	struct pin__sim_loop *l;
	struct pin_sim *s = m->sim;

	pin__sim_trace(s, power ? 'P' : 'K', m->id, m->boot);
	for (l = s->loops; l != NULL; l = l->next)
		if (l->host == m && l->boot == m->boot)
			pin__sim_loop_crash(l);
	for (k = s->socks; k != NULL; k = k->next)
		if (k->host == m && k->boot == m->boot)
			pin__sim_sock_crash(k, power);
	for (f = s->files; f != NULL; f = f->next) {
		if (f->host != m || f->boot != m->boot)
			continue;
		if (f->inode->locked_by == &f->base)
			f->inode->locked_by = NULL;
		f->inode->handles--;
	}
	drop_jobs(m);
	memset(m->pool_busy, 0, sizeof(m->pool_busy));
	m->boot++;
	if (power)
		pin__disk_cut(&m->disk, &s->faults);
}

void
pin_sim_kill(struct pin_sim *s, uint32_t id)
{
	pin__sim_crash(machine(s, id), 0);
}

void
pin_sim_power_cut(struct pin_sim *s, uint32_t id)
{
	pin__sim_crash(machine(s, id), 1);
}

uint32_t
pin_sim_crashes(struct pin_sim *s, uint32_t id)
{
	return (machine(s, id)->boot);
}

int
pin_sim_fault(struct pin_sim *s, uint32_t id, uint32_t calls, uint32_t how,
    uint64_t nth, int sticky)
{
	struct pin__sim_host *m = machine(s, id);
	struct pin__fault *f;
	uint32_t i;

	PIN_ASSERT(nth > 0 && how >= PIN_SIM_EIO && how <= PIN_SIM_LIE);
	for (i = 0; i < PIN_SIM_FAULTS_MAX; i++) {
		f = &m->faults[i];
		if (f->left != 0 || (f->sticky && f->fired))
			continue;
		memset(f, 0, sizeof(*f));
		f->calls = calls;
		f->how = how;
		f->left = nth;
		f->sticky = sticky;
		return (PIN_OK);
	}
	return (PIN_ELIMIT);
}

void
pin_sim_fault_clear(struct pin_sim *s, uint32_t id)
{
	struct pin__sim_host *m = machine(s, id);

	memset(m->faults, 0, sizeof(m->faults));
}

uint32_t
pin__sim_faulty(struct pin__sim_host *m, uint32_t call)
{
	struct pin__fault *f;
	uint32_t i, how = 0;

	if ((call & PIN_SIM_IO) != 0)
		m->io_count++;
	for (i = 0; i < PIN_SIM_FAULTS_MAX; i++) {
		f = &m->faults[i];
		if ((f->calls & call) == 0)
			continue;
		if (f->left > 0 && --f->left == 0)
			f->fired = 1;
		else if (!f->fired || !f->sticky)
			continue;
		how = f->how;
	}
	if (how != 0)
		pin__sim_trace(m->sim, 'F', m->id, (uint64_t)how << 8 | call);
	return (how);
}

uint64_t
pin_sim_io_count(struct pin_sim *s, uint32_t id)
{
	return (machine(s, id)->io_count);
}

void
pin_sim_disk_limit(struct pin_sim *s, uint32_t id, uint64_t bytes_max)
{
	machine(s, id)->disk.max = bytes_max;
}

void
pin_sim_wall_step(struct pin_sim *s, uint32_t id, int64_t ns)
{
	machine(s, id)->wall_off += ns;
}
